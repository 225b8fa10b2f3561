"""identify(): the language of each document, by our own fastText model, for the 24 languages and their neighbours.

Drops nothing: a text in none of the 24 keeps its own label, a text under its label's threshold is `und`.
"""

import re
import unicodedata
from bisect import bisect
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from itertools import accumulate
from typing import Any, NamedTuple

import pyarrow as pa

from euro_curate import network, text
from euro_curate.kinship import tell
from euro_curate.languages import UNKNOWN, languages
from euro_curate.models import NO_IDENTITY, Model, entry, label_map, load
from euro_curate.schema import LANGUAGES, TRIMMED
from euro_curate.stage import stage

DEFAULT_MODEL = "eu24-v2"

# --- the form in which the model sees text ------------------------------------------------------------------------------------

NORMALISATION = 1  # version of `normalise`


def _letters() -> str:
    """The letters of Unicode's first plane (beyond are historic scripts and mathematical alphabets) as ranges of a regular expression:
    `[^\\W\\d_]` says the same, and takes twice as long.
    """
    flags = [char.isalnum() and not char.isdecimal() for char in map(chr, range(0x10000))]
    starts = [i for i, is_letter in enumerate(flags) if is_letter and not flags[i - 1]]
    return "".join(f"{chr(i)}-{chr(flags.index(False, i) - 1)}" for i in starts)


_WORD = re.compile("[{0}]++(?:['\\-·][{0}]++)*+".format(_letters()))


def normalise(text: str) -> str:
    """Any text -> lower-case words joined by single spaces: what the model was trained on and must be asked with.

    A word is a run of letters, held together by inner apostrophes (all written '), hyphens and middle dots; digits, punctuation and
    symbols are dropped. Soft hyphens are removed and letters composed first, or they would cut words in two. "" when there is no letter.
    """
    if not text.isascii():
        text = unicodedata.normalize("NFC", text.replace("\u00ad", "")).replace("’", "'").replace("ʼ", "'")
    return " ".join(_WORD.findall(text.lower()))


def squeeze(text: str) -> str:
    """Any text -> the same on one line: what lid.176 and GlotLID are asked with."""
    return " ".join(text.split())


_OPENLID_DROPS = re.compile(r"[^\w\s\u0300-\u036f]|\d")


def clean(text: str) -> str:
    """Any text -> one line of lower-case letters and spaces: what OpenLID is asked with, as its authors clean text."""
    return squeeze(_OPENLID_DROPS.sub("", text.lower()))


# `normalisation` of models.toml -> the form
FORMS = {str(NORMALISATION): normalise, "squeeze": squeeze, "clean": clean}


# --- parameters and results ---------------------------------------------------------------------------------------------------


def default_scores() -> tuple[tuple[str, float], ...]:
    """The thresholds of languages/*.toml."""
    return tuple((code, language.min_language_score) for code, language in languages().items())


@dataclass(frozen=True)
class LangId:
    """Parameters of `identify` and of the gate before extraction."""

    model: str = DEFAULT_MODEL  # an entry of langid_models/models.toml, or of the recipe
    sha256: str = ""  # of the model file; filled in from models.toml, as its place is
    place: str = field(default="", metadata=NO_IDENTITY)
    normalisation: str = Model.normalisation  # a key of FORMS ...
    label_map: str = Model.label_map  # ... and a table of labels.toml, filled in likewise
    min_scores: tuple[tuple[str, float], ...] = field(
        default_factory=default_scores
    )  # label -> threshold; below: `und`
    neighbour_score: float = 0.4  # threshold of the labels that min_scores does not name
    windows: int = 3  # stretches of a long document that are looked at ...
    window_chars: int = 100  # ... and their length; of 250, the same labels for twice the time
    gate_windows: int = 3  # of a raw page's text, before extraction; all of them again, and more, before it is refused
    sampled_lines: int = 10  # places at which a line is looked at by itself, for line_share
    agree: "LangId | None" = None  # a second model: documents that it labels otherwise are `und`

    def __post_init__(self) -> None:
        if not self.place:
            found = entry(self.model, "langid")
            object.__setattr__(self, "sha256", self.sha256 or found.sha256)
            for name in ("place", "normalisation", "label_map"):
                object.__setattr__(self, name, getattr(found, name))
        if self.normalisation not in FORMS:
            raise ValueError(f"normalisation: {self.normalisation!r} is not one of {', '.join(FORMS)}")
        if self.label_map:
            label_map(self.label_map)

    @cached_property
    def score_of(self) -> dict[str, float]:
        """min_scores as a dictionary."""
        return dict(self.min_scores)


def identifier(model: Model, **more: Any) -> LangId:
    """The parameters that stand for a model; `more` are further fields."""
    return LangId(model.name, model.sha256, model.place, model.normalisation, model.label_map, **more)


class Guess(NamedTuple):
    """Labels of one text. `label` is the best one; `language` the same if its score reaches the threshold, else `und`."""

    language: str
    label: str
    score: float | None
    second: str | None = None
    second_score: float | None = None


NOTHING = Guess(UNKNOWN, UNKNOWN, None)


# --- one text ----------------------------------------------------------------------------------------------------------------

_RUNS = {"Latn": re.compile(r"[A-Za-zÀ-ÖØ-öø-ɏḀ-ỿ]+"), "Grek": re.compile(r"[Ͱ-Ͽἀ-῿]+"), "Cyrl": re.compile(r"[Ѐ-ӿ]+")}


def _count(pattern: re.Pattern[str], sample: str) -> int:
    return sum(map(len, pattern.findall(sample)))


def script_of(line: str) -> str | None:
    """`Latn`, `Grek` or `Cyrl` if at least half of the letters of a normalised text are of that script; else None."""
    if line.isascii():
        return "Latn" if line else None
    letters = len(line) - line.count(" ") - line.count("'") - line.count("-") - line.count("·")
    further_bytes = len(line.encode("utf-8", "replace")) - len(line)  # one or more for each letter that is not ASCII
    if letters and 2 * (letters - further_bytes) >= letters:
        return "Latn"  # without counting them one by one, which takes a third of the model's time
    for script, pattern in _RUNS.items():
        if letters and 2 * _count(pattern, line) >= letters:
            return script
    return None


MIN_LETTERS = 4  # "eu" and "www" are no language
BEST = 5  # labels that are asked for: those of other scripts fall away


def guess(sample: str, p: LangId) -> Guess:
    """Label a short text as one piece, by fastText's runtime. Only labels of the text's own script are considered."""
    line = normalise(sample)
    script = script_of(line)
    if script is None:
        return NOTHING
    form = FORMS[p.normalisation]
    asked = line if form is normalise else form(sample)
    known = codes(p.place, p.sha256, p.label_map, script)
    found = load(p.place, p.sha256).predict(asked + "\n", BEST, 0.0, "strict")
    return _judge(line, [(known[label], score) for score, label in found if label in known], p)


def guesses(samples: Iterable[str], p: LangId) -> list[Guess]:
    """`guess` of each text; by our own kernel where it can (see network.py), as that is faster, and then the last digits of a score differ."""
    weights = network.load(p.place, p.sha256) if FORMS[p.normalisation] is normalise else None
    if weights is None:
        return [guess(sample, p) for sample in samples]
    lines = [normalise(sample) for sample in samples]
    columns = _columns(weights.labels, p.label_map)
    out = []
    for line, labels, scores in zip(lines, *(a.tolist() for a in network.answers(weights, lines, BEST)), strict=True):
        script = script_of(line)
        known = columns[script] if script else []
        ranked = [(code, score) for i, score in zip(labels, scores, strict=True) if known and (code := known[i])]
        out.append(_judge(line, ranked, p))
    return out


def _judge(line: str, ranked: list[tuple[str, float]], p: LangId) -> Guess:
    """Codes and scores of a normalised text, best first -> the answer."""
    if not ranked:
        return NOTHING
    ranked = [(label, min(score, 1.0)) for label, score in ranked]  # fastText's are a little above
    if FORMS[p.normalisation] is normalise:  # our own models, which the second look was weighed against
        ranked = tell(line, ranked)
    (label, score), second = ranked[0], (ranked[1] if len(ranked) > 1 else (None, None))
    accepted = score >= threshold(label, p) and len(line) >= MIN_LETTERS
    return Guess(label if accepted else UNKNOWN, label, score, *second)


def threshold(label: str, p: LangId) -> float:
    """The score that `label` needs."""
    return p.score_of.get(label, p.neighbour_score)


@cache
def codes(place: str, sha256: str, map_name: str, script: str) -> dict[str, str]:
    """A model's labels -> our codes, of the languages that are written in `script`; the others are left out."""
    return _translated(load(place, sha256).getLabels("strict")[0], map_name, script)


@cache
def _columns(labels: tuple[str, ...], map_name: str) -> dict[str, list[str | None]]:
    """Script -> our code of each label, None for those of other scripts."""
    known = {script: _translated(labels, map_name, script) for script in _RUNS}
    return {script: [found.get(label) for label in labels] for script, found in known.items()}


def _translated(labels: Sequence[str], map_name: str, script: str) -> dict[str, str]:
    known = label_map(map_name) if map_name else {}
    found = {}
    for label in labels:
        own = label.removeprefix("__label__")
        found[label] = next((code for code in known.get(own, (own,)) if code.endswith(script)), None)
    return {label: code for label, code in found.items() if code}


def guess_documents(bodies: Sequence[str], p: LangId) -> list[Guess]:
    """Label documents of any length: a few windows spread over each, looked at together; all of it (up to MUCH_CHARS) when they leave doubt,
    as close neighbours need more text to tell. With p.agree, a label that the second model does not share, best by best, is not accepted.
    """
    seen = p.windows * p.window_chars
    found = guesses([_sample(body, p.window_chars, p.windows) for body in bodies], p)
    doubtful = [i for i, body in enumerate(bodies) if len(body) > seen and (found[i].score or 0.0) < SURE]
    again = guesses([_sample(bodies[i], MUCH_CHARS // 10, 10) for i in doubtful], p)
    for i, better in zip(doubtful, again, strict=True):
        found[i] = better
    if p.agree:
        accepted = [i for i, first in enumerate(found) if first.language != UNKNOWN]
        for i, other in zip(accepted, guess_documents([bodies[i] for i in accepted], p.agree), strict=True):
            if other.label != found[i].label:
                found[i] = found[i]._replace(language=UNKNOWN)
    return found


def guess_document(body: str, p: LangId) -> Guess:
    """`guess_documents` of one."""
    return guess_documents([body], p)[0]


def _sample(body: str, size: int, count: int) -> str:
    """All of a short text, or windows of it."""
    return body if len(body) <= size * count else " ".join(text.windows(body, size, count))


SURE = 0.9  # score from which a few windows are enough
MUCH_CHARS = 3_000


LINE_CHARS = 100  # of a line that are looked at
MIN_LINE_CHARS = 25  # shorter lines say little


@cache
def kin(language: str) -> frozenset[str]:
    """The language and the neighbours that a single line of it is easily taken for: such a line is not foreign."""
    known = languages().get(language)
    return frozenset((language, *(known.confusable if known else ())))


def line_shares(bodies: Sequence[str], labels: Sequence[str], p: LangId) -> list[float | None]:
    """Share of each text that stands in lines of its language or that language's kin, as seen at places spread evenly over it; None without
    lines long enough to tell. Long lines are met more often, so that a paragraph outweighs the links around it. When one near the start,
    one in the middle and one near the end agree, the others are not looked at.
    """
    seen = [_places(b, p.sampled_lines) if label != UNKNOWN else [] for b, label in zip(bodies, labels, strict=True)]
    same: list[dict[str, bool]] = [{} for _ in bodies]
    for every in (4, 1):
        asked = [
            (i, line)
            for i, lines in enumerate(seen)
            if every > 1 or not all(same[i].values())
            for line in dict.fromkeys(lines[::every])
            if line not in same[i]
        ]
        for (i, line), found in zip(asked, guesses([line for _, line in asked], p), strict=True):
            same[i][line] = found.label in kin(labels[i])
    return [
        None if not lines else 1.0 if all(known.values()) else sum(known[line] for line in lines) / len(lines)
        for lines, known in zip(seen, same, strict=True)
    ]


def _places(body: str, count: int) -> list[str]:
    """What is looked at of the lines at so many places, spread evenly over the lines that are long enough; [] if there are none."""
    rows = [row for row in text.lines(body) if len(row) >= MIN_LINE_CHARS]
    ends = list(accumulate(map(len, rows)))
    return [rows[bisect(ends, (i + 0.5) * ends[-1] / count)][:LINE_CHARS] for i in range(count)] if rows else []


def gate(plain: str, wanted: Sequence[str], p: LangId) -> tuple[Guess, bool]:
    """The cheap look before extraction: (language of the raw page's plain text, whether any part may be in a wanted language).

    A page passes if a few windows together, or any one of three times as many, are labelled as wanted, best or second best with some
    weight: menus and footers may be in another language than the article.
    """
    (whole,) = guesses([" ".join(text.windows(plain, p.window_chars, p.gate_windows))], p)
    if _may_be(whole, wanted):
        return whole, True
    parts = guesses(text.windows(plain, p.window_chars, 3 * p.gate_windows), p)
    return whole, any(_may_be(part, wanted) for part in parts)


_SECOND_CHANCE = 0.1  # probability at which a runner-up keeps a page in: the gate must lose < 0.1 % of true pages


def _may_be(found: Guess, wanted: Sequence[str]) -> bool:
    return found.label in wanted or (found.second in wanted and (found.second_score or 0.0) >= _SECOND_CHANCE)


# --- the stage ---------------------------------------------------------------------------------------------------------------


@stage(out=LANGUAGES, version=10)
def identify(documents: pa.Table, params: LangId) -> pa.Table:
    """DOCUMENTS (n) -> LANGUAGES (n). Stopped pages keep what the gate saw of them; pages without letters are `und` without a score."""
    bodies, *gates = (documents[name].to_pylist() for name in ("text", "gate_language", "gate_score"))
    found = guess_documents(bodies, params)
    for i, (body, label, score) in enumerate(zip(bodies, *gates, strict=True)):
        if not body:
            found[i] = Guess(label or UNKNOWN, label or UNKNOWN, score)
    columns = {
        "language": [guess.language for guess in found],
        "score": [guess.score for guess in found],
        "second": [guess.second for guess in found],
        "second_score": [guess.second_score for guess in found],
        "line_share": line_shares(bodies, [guess.language for guess in found], params),
    }
    return pa.table({"id": documents["id"]} | columns, schema=LANGUAGES)


@dataclass(frozen=True)
class Trimming:
    """Parameters of `trim`."""

    langid: LangId = field(default_factory=LangId)
    min_letters: int = 40  # of a line; shorter ones are names and titles as often as foreign
    min_score: float = 0.9  # of its own label


@stage(out=TRIMMED, version=2)
def trim(documents: pa.Table, langs: pa.Table, params: Trimming) -> pa.Table:
    """DOCUMENTS, LANGUAGES (n each) -> TRIMMED (n): texts in one of the 24 without their lines that are clearly in another language."""
    texts, labels = documents["text"].to_pylist(), langs["language"].to_pylist()
    foreign = _foreign(texts, labels, params)
    bodies, lines, chars = [], [], []
    for i, body in enumerate(texts):
        rows = body.split("\n")
        kept = [row for j, row in enumerate(rows) if (i, j) not in foreign]
        bodies.append("\n".join(kept))
        lines.append(len(rows) - len(kept))
        chars.append(len(body) - len(bodies[-1]))
    columns = dict(zip(documents.schema.names, documents.columns, strict=True))
    columns |= {"text": bodies, "trimmed_lines": lines, "trimmed_chars": chars}
    return pa.table([columns[name] for name in TRIMMED.names], schema=TRIMMED)


def _foreign(bodies: Sequence[str], labels: Sequence[str], p: Trimming) -> set[tuple[int, int]]:
    """(text, line) of the lines that are clearly in another language than their text, which is in one of the 24."""
    asked = [
        ((i, j), row)
        for i, (body, label) in enumerate(zip(bodies, labels, strict=True))
        if label in languages()
        for j, row in enumerate(body.split("\n"))
        if len(normalise(row[:MUCH_CHARS])) >= p.min_letters
    ]
    found = guess_documents([row for _, row in asked], p.langid)
    return {
        place
        for (place, _), guess in zip(asked, found, strict=True)
        if guess.label not in kin(labels[place[0]]) and (guess.score or 0.0) >= p.min_score
    }
