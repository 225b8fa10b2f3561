"""identify(): the language of each document, by our own fastText model, for the 24 languages and their neighbours.

Drops nothing: a text in none of the 24 keeps its own label, a text under its label's threshold is `und`.
"""

import re
import unicodedata
from bisect import bisect
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from itertools import accumulate
from typing import Any, NamedTuple

import pyarrow as pa

from euro_curate import text
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


def guess(sample: str, p: LangId) -> Guess:
    """Label a short text as one piece. Only labels of the text's own script are considered."""
    line = normalise(sample)
    script = script_of(line)
    if script is None:
        return NOTHING
    form = FORMS[p.normalisation]
    asked = line if form is normalise else form(sample)
    known = codes(p.place, p.sha256, p.label_map, script)
    ranked = [
        (known[label], min(score, 1.0))
        for score, label in load(p.place, p.sha256).predict(asked + "\n", 5, 0.0, "strict")
        if label in known
    ]
    if not ranked:
        return NOTHING
    if form is normalise:  # the second look was weighed against our own models, which alone are asked in this form
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
    known = label_map(map_name) if map_name else {}
    found = {}
    for label in load(place, sha256).getLabels("strict")[0]:
        own = label.removeprefix("__label__")
        found[label] = next((code for code in known.get(own, (own,)) if code.endswith(script)), None)
    return {label: code for label, code in found.items() if code}


def guess_document(body: str, p: LangId) -> Guess:
    """Label a document of any length: a few windows spread over it, looked at together; all of it (up to MUCH_CHARS) when they leave doubt,
    as close neighbours need more text to tell. With p.agree, a label that the second model does not share, best by best, is not accepted.
    """
    if len(body) <= p.windows * p.window_chars:
        found = guess(body, p)
    else:
        found = guess(" ".join(text.windows(body, p.window_chars, p.windows)), p)
        if (found.score or 0.0) < SURE:
            found = guess(" ".join(text.windows(body, MUCH_CHARS // 10, 10)), p)
    if p.agree and found.language != UNKNOWN and guess_document(body, p.agree).label != found.label:
        return found._replace(language=UNKNOWN)
    return found


SURE = 0.9  # score from which a few windows are enough
MUCH_CHARS = 3_000


LINE_CHARS = 100  # of a line that are looked at
MIN_LINE_CHARS = 25  # shorter lines say little


@cache
def kin(language: str) -> frozenset[str]:
    """The language and the neighbours that a single line of it is easily taken for: such a line is not foreign."""
    known = languages().get(language)
    return frozenset((language, *(known.confusable if known else ())))


def line_share(body: str, language: str, p: LangId) -> float | None:
    """Share of the text that stands in lines of `language` or its kin, as seen at places spread evenly over it; None without lines long
    enough to tell. Long lines are met more often, so that a paragraph outweighs the links around it. When one near the start, one in
    the middle and one near the end agree, the others are not looked at.
    """
    rows = [row for row in text.lines(body) if len(row) >= MIN_LINE_CHARS]
    if not rows or language == UNKNOWN:
        return None
    ends = list(accumulate(map(len, rows)))
    places = [bisect(ends, (i + 0.5) * ends[-1] / p.sampled_lines) for i in range(p.sampled_lines)]
    same: dict[int, bool] = {}
    for looked_at in (places[::4], places):
        for place in set(looked_at) - same.keys():
            same[place] = guess(rows[place][:LINE_CHARS], p).label in kin(language)
        if all(same.values()):
            return 1.0
    return sum(same[place] for place in places) / len(places)


def gate(plain: str, wanted: Sequence[str], p: LangId) -> tuple[Guess, bool]:
    """The cheap look before extraction: (language of the raw page's plain text, whether any part may be in a wanted language).

    A page passes if a few windows together, or any one of three times as many, are labelled as wanted, best or second best with some
    weight: menus and footers may be in another language than the article.
    """
    whole = guess(" ".join(text.windows(plain, p.window_chars, p.gate_windows)), p)
    if _may_be(whole, wanted):
        return whole, True
    return whole, any(
        _may_be(guess(window, p), wanted) for window in text.windows(plain, p.window_chars, 3 * p.gate_windows)
    )


_SECOND_CHANCE = 0.1  # probability at which a runner-up keeps a page in: the gate must lose < 0.1 % of true pages


def _may_be(found: Guess, wanted: Sequence[str]) -> bool:
    return found.label in wanted or (found.second in wanted and (found.second_score or 0.0) >= _SECOND_CHANCE)


# --- the stage ---------------------------------------------------------------------------------------------------------------


@stage(out=LANGUAGES, version=9)
def identify(documents: pa.Table, params: LangId) -> pa.Table:
    """DOCUMENTS (n) -> LANGUAGES (n). Stopped pages keep what the gate saw of them; pages without letters are `und` without a score."""
    columns: dict[str, list[Any]] = {name: [] for name in LANGUAGES.names[1:]}
    for body, label, score in zip(
        *(documents[c].to_pylist() for c in ("text", "gate_language", "gate_score")), strict=True
    ):
        found = guess_document(body, params) if body else Guess(label or UNKNOWN, label or UNKNOWN, score)
        row = (found.language, found.score, found.second, found.second_score, line_share(body, found.language, params))
        for values, value in zip(columns.values(), row, strict=True):
            values.append(value)
    return pa.table(
        [documents["id"], *(pa.array(v, LANGUAGES.field(n).type) for n, v in columns.items())], schema=LANGUAGES
    )


@dataclass(frozen=True)
class Trimming:
    """Parameters of `trim`."""

    langid: LangId = field(default_factory=LangId)
    min_letters: int = 40  # of a line; shorter ones are names and titles as often as foreign
    min_score: float = 0.9  # of its own label


@stage(out=TRIMMED, version=1)
def trim(documents: pa.Table, langs: pa.Table, params: Trimming) -> pa.Table:
    """DOCUMENTS, LANGUAGES (n each) -> TRIMMED (n): texts in one of the 24 without their lines that are clearly in another language."""
    bodies, lines, chars = [], [], []
    for body, language in zip(documents["text"].to_pylist(), langs["language"].to_pylist(), strict=True):
        rows = body.split("\n")
        kept = [row for row in rows if not _is_foreign(row, language, params)] if language in languages() else rows
        bodies.append("\n".join(kept))
        lines.append(len(rows) - len(kept))
        chars.append(len(body) - len(bodies[-1]))
    columns = dict(zip(documents.schema.names, documents.columns, strict=True))
    columns |= {"text": bodies, "trimmed_lines": lines, "trimmed_chars": chars}
    return pa.table([columns[name] for name in TRIMMED.names], schema=TRIMMED)


def _is_foreign(row: str, language: str, p: Trimming) -> bool:
    if len(normalise(row[:MUCH_CHARS])) < p.min_letters:
        return False
    found = guess_document(row, p.langid)
    return found.label not in kin(language) and (found.score or 0.0) >= p.min_score
