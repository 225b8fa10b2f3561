"""calibrate(): thresholds for each language from documents and clean text, and what they would drop.

The methods are FineWeb-2's (arXiv 2506.20920, section 4.4), named in verdict.RULES for each rule and overridable:

- `fixed`: the rule's own default, for every language.
- `mean_std`: t = mean + n std, where n is how many standard deviations the default lies from the English mean. On the documents.
- `tail:S` (10Tail is `tail:0.1`): the share S of the clean text lies beyond t.
- `quantile`: t is the quantile of the clean text that the default is of the English one.
- `median_ratio`: t = default x median / English median. On the clean text. (Also HPLT 2's.)
- language_score: median - std of the documents' scores, between 0.3 and 0.9.

FineWeb-2's thresholds, computed so, delete most Maltese: a threshold that drops more than `max_drop` of a language's clean text is loosened
until it does not, whatever its method. Thresholds are rounded to three digits, to the loose side.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import fsspec
import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from euro_curate.kernels import MEASURES
from euro_curate.langid import LangId, guess_document
from euro_curate.languages import Language, languages, resolve
from euro_curate.quality import measure_texts
from euro_curate.schema import QUALITIES
from euro_curate.shards import Part, filesystem, join, list_files, read_part
from euro_curate.text import order_hash, utf8
from euro_curate.verdict import RULES, Rule, Thresholds, first_broken, resolve_thresholds

METHODS = ("fixed", "mean_std", "tail:SHARE", "quantile", "median_ratio")
ENGLISH = "eng_Latn"
SCORE = "language_score"  # calibrated like a rule; its threshold is `min_language_score` of languages/*.toml
SCORE_FLOOR, SCORE_CEILING = 0.3, 0.9

# What FineWeb-2 chose (its section 4.4), for `--method fineweb2`.
FINEWEB2 = {
    **dict.fromkeys(("duplicate_lines", "top_2gram", "top_3gram", "top_4gram"), "mean_std"),
    **{f"duplicate_{n}gram": "mean_std" for n in range(5, 11)},
    **dict.fromkeys(("punctuated_lines", "newlines_per_word"), "tail:0.1"),
    **dict.fromkeys(("min_mean_word_length", "max_mean_word_length", "alpha_words"), "quantile"),
    SCORE: "median-std",
}

Values = npt.NDArray[np.float64]


class CannotCalibrate(ValueError):
    """What the user gave does not suffice; the message says what is missing."""


@dataclass(frozen=True)
class Plan:
    """How to calibrate."""

    methods: Mapping[str, str] = field(default_factory=dict)  # rule -> method, where it is not the rule's own
    rules: Sequence[
        str
    ] = ()  # only these; none = all that are on, and those that `methods` names. SCORE only if it is named
    max_drop: float = 0.02  # share of a language's clean text that one rule may drop
    min_pages: int = 30  # of clean text; a language with fewer keeps its thresholds


class Proposal(NamedTuple):
    """One threshold of one language, as it is and as calibrated, and the share of the documents beyond each."""

    rule: str
    language: str
    method: str
    old: float | None
    new: float | None
    drops_old: float
    drops_new: float


@dataclass(frozen=True)
class Calibration:
    """What calibrate() found."""

    proposals: list[Proposal]
    pages: dict[str, tuple[int, int]]  # language -> (documents, pages of clean text)
    documents_drop: dict[str, tuple[float, float]]  # language -> share of documents dropped by all rules: old, new
    clean_drop: dict[str, tuple[float, float]]  # the same for the clean text
    warnings: list[str]


# --- reading -----------------------------------------------------------------------------------------------------------------


def read_measures(
    places: Iterable[str], per_language: int, counted: Callable[[int], None] | None = None
) -> pl.DataFrame:
    """Measures, language and language score of documents: finished runs (folders), or files of {text, language?} as JSONL or Parquet.

    At most `per_language` of each language, always the same ones: those first in the shuffle of their ids (files: of their place), so memory
    does not grow with the input. CannotCalibrate if a place holds nothing that can be used. `counted(n)` is told of each n documents read.
    """
    kept = pl.DataFrame(schema={"language": pl.String, SCORE: pl.Float64, "order": pl.UInt64} | _MEASURES)
    for place in places:
        for frame in _run(place) if _is_folder(place) else _file(place):
            if counted:
                counted(len(frame))
            kept = pl.concat([kept, frame.select(kept.columns).filter(pl.col("language").is_in(list(languages())))])
            kept = kept.filter(pl.col("order").rank("ordinal").over("language") <= per_language)
    return kept.sort("language", "order")


_MEASURES: dict[str, Any] = {
    name: pl.Int32 if pa.types.is_integer(QUALITIES.field(name).type) else pl.Float64 for name in QUALITIES.names[1:]
}


def _is_folder(place: str) -> bool:
    fs, path = filesystem(place)
    return bool(fs.isdir(path))


def _run(output: str) -> Iterator[pl.DataFrame]:
    """The parts of a run: MEASURES beside LANGUAGES, the newest of each key."""
    measured, labelled = (_newest(join(output, "work", stage)) for stage in ("measure", "identify"))
    if not measured or set(measured) - set(labelled):
        raise CannotCalibrate(f"{output} is no finished run: its work/measure and work/identify are needed")
    for key, path in measured.items():
        numbers = read_part(_part(path))
        if not set(QUALITIES.names) <= set(numbers.column_names):
            raise CannotCalibrate(f"{output} was made by an older version, with other measures: run it again first")
        labels = read_part(_part(labelled[key]), columns=("id", "language", "score"))
        if not labels["id"].equals(numbers["id"]):
            raise CannotCalibrate(
                f"{output}: work/measure and work/identify of {key} are of different runs: run it again"
            )
        frame = pl.from_arrow(numbers)
        assert isinstance(frame, pl.DataFrame)
        order = [order_hash(page, 0) for page in frame["id"]]
        yield frame.with_columns(
            pl.Series("order", order, pl.UInt64),
            pl.Series("language", labels["language"].to_pylist(), pl.String),
            pl.Series(SCORE, labels["score"].to_pylist(), pl.Float64),
        ).filter(pl.col("words").is_not_null())


def _newest(folder: str) -> dict[str, str]:
    """Part key -> path of its newest version."""
    fs = filesystem(folder)[0]
    paths = sorted(list_files(folder), key=lambda path: (fs.modified(filesystem(path)[1]), path))
    return {path.rsplit("/", 1)[-1].removesuffix(".parquet"): path for path in paths}


def _part(path: str) -> Part:
    return Part("", path, "", 0, 0)


def _file(path: str) -> Iterator[pl.DataFrame]:
    """Texts of a JSONL (plain or compressed) or Parquet file, measured; their language identified where none is given."""
    parameters, done = LangId(), 0
    for rows in _texts(path):
        labels = [_label(row, parameters) for row in rows]
        codes = [code for code, _ in labels]
        numbers = measure_texts(pa.array(utf8(row["text"] for row in rows), pa.large_string()), codes)
        yield pl.DataFrame(numbers, schema=list(MEASURES), orient="row").with_columns(
            *(pl.col(name).cast(kind) for name, kind in _MEASURES.items()),
            pl.Series("language", codes, pl.String),
            pl.Series(SCORE, [score for _, score in labels], pl.Float64),
            pl.Series("order", [order_hash(f"{path}:{done + i}", 0) for i in range(len(rows))], pl.UInt64),
        )
        done += len(rows)


def _label(row: Mapping[str, Any], parameters: LangId) -> tuple[str, float | None]:
    """(language, its score) as given, or as identified; "" = none of ours."""
    if not row.get("language"):
        found = guess_document(row["text"], parameters)
        return found.language, found.score
    try:
        return resolve(row["language"]).code, row.get(SCORE)
    except ValueError:
        return "", None


def _texts(path: str) -> Iterator[list[dict[str, Any]]]:
    """Batches of rows that have a text."""
    try:
        if path.endswith(".parquet"):
            fs, where = filesystem(path)
            with fs.open(where, "rb") as file:
                table = pq.ParquetFile(file)
                columns = [name for name in ("text", "language", SCORE) if name in table.schema_arrow.names]
                for batch in table.iter_batches(1024, columns=columns):
                    yield [row for row in batch.to_pylist() if row.get("text")]
            return
        with fsspec.open(path, "rt", encoding="utf-8", compression="infer", newline="\n") as lines:
            objects = (json.loads(line) for line in lines if line.strip())
            while rows := list(islice(objects, 1024)):
                yield [row for row in rows if isinstance(row, dict) and row.get("text")]
    except (OSError, ValueError) as error:
        raise CannotCalibrate(f"{path} cannot be read as JSONL or Parquet with a `text`: {error}") from error


# --- methods -----------------------------------------------------------------------------------------------------------------


def threshold(
    rule: Rule, method: str, documents: Mapping[str, Values], clean: Mapping[str, Values]
) -> dict[str, float]:
    """One rule's threshold by language, by one method, before any loosening. `documents`, `clean`: the measure's values by language.

    A rule that is off gets thresholds from `tail` alone, as the others start from its default. CannotCalibrate: no such method, no English.
    """
    name, _, argument = method.partition(":")
    if name == "tail":
        share = float(argument or 0.1)
        return {code: float(np.quantile(v, share if rule.low else 1 - share)) for code, v in clean.items()}
    if name not in ("fixed", "mean_std", "quantile", "median_ratio") or argument:
        raise CannotCalibrate(f"no method {method!r}; choices: {', '.join(METHODS)}, or fineweb2 for all rules")
    if rule.default is None:
        raise CannotCalibrate(
            f"{rule.name} is off: it has no default that {method!r} could carry over from English; use tail:SHARE"
        )
    start = rule.default
    if name == "fixed":
        return dict.fromkeys(clean, start)
    values = documents if name == "mean_std" else clean
    english = values.get(ENGLISH)
    if english is None or not len(english):
        raise CannotCalibrate(
            f"{method} of {rule.name} starts from English, and there is no English text of enough lines"
        )
    if name == "mean_std":
        steps = (start - english.mean()) / (english.std() or 1.0)
        return {code: float(v.mean() + steps * v.std()) for code, v in values.items() if len(v)}
    if name == "quantile":
        place = float(np.mean(english < start if rule.low else english <= start))
        return {code: float(np.quantile(v, place)) for code, v in values.items() if len(v)}
    middle = float(np.median(english)) or 1.0
    return {code: start * float(np.median(v)) / middle for code, v in values.items() if len(v)}


def loosened(rule: Rule, limit: float, clean: Values, pages: int, max_drop: float) -> float:
    """`limit`, moved until at most `max_drop` of the clean pages lie beyond it, and rounded to three digits on the loose side.

    `clean`: the values of the pages that the rule is tried on; `pages`: all of them, which the share is of.
    """
    allowed = int(max_drop * pages)
    ordered = np.sort(clean) if rule.low else -np.sort(-clean)
    if allowed < len(ordered):
        edge = float(ordered[allowed])  # the first value that has to pass
        limit = min(limit, edge) if rule.low else max(limit, edge)
    scale = 10.0 ** (2 - int(np.floor(np.log10(max(abs(limit), 1e-4)))))  # three digits, and no more than six decimals
    scaled = float(f"{limit * scale:.6f}")  # 0.15 * 1000 is not 150: rounding must not move a round figure
    return float(np.floor(scaled) if rule.low else np.ceil(scaled)) / scale


def calibrate(documents: pl.DataFrame, clean: pl.DataFrame, plan: Plan) -> Calibration:
    """read_measures of the user's documents, and of clean text (the same frame if there is none) -> thresholds and what they drop."""
    old = resolve_thresholds({}, {})
    now = {code: dict(values) for code, values in old}
    methods = {rule.name: plan.methods.get(rule.name, rule.method) for rule in RULES}
    chosen = [rule for rule in RULES if _chosen(rule, plan)]
    unknown = sorted({*plan.rules, *plan.methods} - {rule.name for rule in RULES} - {SCORE})
    if unknown:
        raise CannotCalibrate(f"no rule {unknown[0]!r}; choices: {', '.join([*(rule.name for rule in RULES), SCORE])}")
    of_documents, of_clean = _by_language(documents), _by_language(clean)
    ready = [code for code in languages() if code in of_clean and len(of_clean[code]) >= plan.min_pages]
    warnings = [
        f"{languages()[code].name}: {len(of_clean.get(code, ())):,} pages of clean text, {plan.min_pages} needed: its thresholds stay"
        for code in languages()
        if code not in ready and code in of_documents
    ]
    proposals: list[Proposal] = []
    for rule in chosen:
        values = {code: _values(of_clean[code], rule) for code in ready}
        crawl = {code: _values(of_documents[code], rule) for code in ready if code in of_documents}
        if rule.min_lines:  # languages with next to no page of so many lines
            values = {code: v for code, v in values.items() if len(v) >= plan.min_pages}
        for code, limit in threshold(rule, methods[rule.name], crawl, values).items():
            if code in values:
                new = loosened(rule, limit, values[code], len(of_clean[code]), plan.max_drop)
                before = now[code].get(rule.name)
                shares = [_share(of_documents.get(code), rule, t) for t in (before, new)]
                proposals.append(Proposal(rule.name, code, methods[rule.name], before, new, *shares))
    proposals += _scores(of_documents, plan)
    after = {code: dict(values) for code, values in now.items()}
    for found in proposals:
        if found.rule != SCORE and found.new is not None:
            after[found.language][found.rule] = found.new
    proposed = tuple((code, tuple(sorted(values.items()))) for code, values in after.items())
    drops, clean_drops = (
        {code: (_dropped(frame, code, old), _dropped(frame, code, proposed)) for code, frame in frames.items()}
        for frames in (of_documents, of_clean)
    )
    warnings += _unfair(drops)
    pages = {code: (len(of_documents.get(code, ())), len(of_clean.get(code, ()))) for code in languages()}
    return Calibration(proposals, pages, drops, clean_drops, warnings)


def _chosen(rule: Rule, plan: Plan) -> bool:
    if plan.rules:
        return rule.name in plan.rules
    return rule.name in plan.methods or (rule.default is not None and rule.measure not in ("words", "longest_word"))


def _by_language(frame: pl.DataFrame) -> dict[str, pl.DataFrame]:
    return {str(key[0]): part for key, part in frame.partition_by("language", as_dict=True).items()}


def _values(frame: pl.DataFrame, rule: Rule) -> Values:
    """The measure on the pages that the rule is tried on."""
    return frame.filter(pl.col("lines") >= rule.min_lines)[rule.measure].cast(pl.Float64).to_numpy()


def _share(frame: pl.DataFrame | None, rule: Rule, limit: float | None) -> float:
    """Share of the pages beyond a threshold."""
    if frame is None or limit is None or not len(frame):
        return 0.0
    values = _values(frame, rule)
    return float(np.sum(values < limit if rule.low else values > limit)) / len(frame)


def _dropped(frame: pl.DataFrame, code: str, thresholds: Thresholds) -> float:
    """Share of the pages that break any rule but those on length."""
    length = [i for i, rule in enumerate(RULES) if rule.measure == "words"]
    free = tuple(
        (c, tuple(t for t in values if t[0] not in {RULES[i].name for i in length})) for c, values in thresholds
    )
    return float(np.mean(first_broken(frame.to_arrow(), [code] * len(frame), free) >= 0))


def _scores(documents: Mapping[str, pl.DataFrame], plan: Plan) -> list[Proposal]:
    """min_language_score: median - std, clipped, on the documents that have a score."""
    if SCORE not in (*plan.rules, *plan.methods):
        return []
    out = []
    for code, frame in documents.items():
        values = frame[SCORE].drop_nulls().to_numpy()
        if len(values) < plan.min_pages:
            continue
        new = float(np.clip(np.median(values) - values.std(), SCORE_FLOOR, SCORE_CEILING))
        new, old = float(np.floor(new * 1000) / 1000), languages()[code].min_language_score
        out.append(
            Proposal(SCORE, code, "median-std", old, new, float(np.mean(values < old)), float(np.mean(values < new)))
        )
    return out


def _unfair(drops: Mapping[str, tuple[float, float]]) -> list[str]:
    """Languages that would lose more than twice what the median language does; and those of which most would go."""
    if not drops:
        return []
    median = float(np.median([new for _, new in drops.values()]))
    out = []
    for code, (_, new) in drops.items():
        name = languages()[code].name
        if new > 0.75:
            out.append(
                f"{name}: {new:.1%} of the documents would go; FineWeb-2 rejects thresholds that remove over 75 %"
            )
        elif new > 2 * median and new > 0.01:
            out.append(
                f"{name}: {new:.1%} of the documents would go, more than twice the median language's {median:.1%}"
            )
    return out


# --- showing -----------------------------------------------------------------------------------------------------------------


def tables(found: Calibration, show_all: bool = False) -> str:
    """Two plain tables: every threshold that changes (or every one), and what all rules but those on length drop, by language."""
    rows = [
        (
            p.rule,
            languages()[p.language].iso1,
            p.method,
            _told(p.old),
            _told(p.new),
            f"{p.drops_old:.1%}",
            f"{p.drops_new:.1%}",
        )
        for p in found.proposals
        if show_all or p.old != p.new
    ]
    head = ("rule", "lang", "method", "old", "new", "drops old", "drops new")
    totals = [
        (
            languages()[code].iso1,
            *(f"{n:,}" for n in found.pages[code]),
            *(f"{share:.1%}" for share in found.documents_drop.get(code, (0.0, 0.0))),
            *(f"{share:.1%}" for share in found.clean_drop.get(code, (0.0, 0.0))),
        )
        for code in languages()
        if any(found.pages[code])
    ]
    below = ("lang", "documents", "clean", "documents dropped, old", "new", "clean dropped, old", "new")
    changes = _aligned([head, *rows], 3) if rows else "no threshold changes\n"
    return f"{changes}\n{_aligned([below, *totals], 1)}"


def _told(value: float | None) -> str:
    return "off" if value is None else f"{value:.10g}"


def _aligned(rows: Sequence[Sequence[str]], left: int) -> str:
    """Columns of equal width; the first `left` of them to the left."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    cells = (
        [c.ljust(w) if i < left else c.rjust(w) for i, (c, w) in enumerate(zip(row, widths, strict=True))]
        for row in rows
    )
    return "".join("  ".join(line).rstrip() + "\n" for line in cells)


# --- writing -----------------------------------------------------------------------------------------------------------------


def toml_sections(found: Calibration, note: str) -> str:
    """A recipe's [quality.languages] and [langid] tables with every calibrated threshold that differs from the default."""
    lines = [f"# {note}", ""]
    scores = {languages()[p.language].iso1: p.new for p in found.proposals if p.rule == SCORE}
    if scores:
        lines += ["[langid.min_score]", *(f"{iso} = {value:g}" for iso, value in sorted(scores.items())), ""]
    for code, language in languages().items():
        values = _differing(found, code)
        if values:
            lines += [f"[quality.languages.{language.iso1}]", *(f"{rule} = {value:.10g}" for rule, value in values), ""]
    return "\n".join(lines)


def _differing(found: Calibration, code: str) -> list[tuple[str, float]]:
    defaults = {rule.name: rule.default for rule in RULES}
    pairs = [(p.rule, p.new) for p in found.proposals if p.language == code and p.rule != SCORE and p.new is not None]
    return [(rule, new) for rule, new in pairs if new != defaults[rule]]


def write_languages(found: Calibration, folder: Path, note: str) -> list[str]:
    """Writes the thresholds into the language files (<iso1>.toml) of a folder; what is not calibrated stays. Returns the files changed."""
    changed = []
    for code, language in languages().items():
        mine = [p for p in found.proposals if p.language == code and p.new is not None]
        if mine:
            path = folder / f"{language.iso1}.toml"
            before = path.read_text(encoding="utf-8")
            text = _with_thresholds(before, language, found, mine, note)
            if text != before:
                path.write_text(text, encoding="utf-8")
                changed.append(path.name)
    return changed


def _with_thresholds(text: str, language: Language, found: Calibration, mine: list[Proposal], note: str) -> str:
    """A language file with other thresholds: its last section is made anew, in the order of the rules."""
    head, mark, _ = text.partition("[thresholds]")
    if not mark:
        raise CannotCalibrate(f"{language.iso1}.toml has no [thresholds] section")
    done = {p.rule for p in mine}
    values = {rule: v for rule, v in language.thresholds if rule not in done} | dict(_differing(found, language.code))
    lines = [f"{rule.name} = {values[rule.name]:.10g}" for rule in RULES if rule.name in values]
    for p in mine:
        if p.rule == SCORE:
            head = "".join(
                f"min_language_score = {p.new:g}   # below: `und`. {note}\n"
                if line.startswith("min_language_score")
                else line
                for line in head.splitlines(keepends=True)
            )
    comment = "               # rule = value, where it differs from the default in verdict.py\n"
    return "\n".join([f"{head}[thresholds]{comment}# {note}", *lines]).rstrip() + "\n"
