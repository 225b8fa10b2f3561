"""Exactly one verdict per page: decide() by the page alone, settle() with the duplicates, close() with the budget.

The only place where a page is dropped, and always with the rule, the value and the threshold on record. The first family that applies
wins: http mime size encoding url forgotten opt_out extract language quality pii decontamination duplicate budget.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from euro_curate.languages import UNKNOWN, languages
from euro_curate.schema import RULINGS, VERDICTS
from euro_curate.stage import stage

FAMILIES = (
    "http",
    "mime",
    "size",
    "encoding",
    "url",
    "forgotten",
    "opt_out",
    "extract",
    "language",
    "quality",
    "pii",
    "decontamination",
    "duplicate",
    "budget",
)


@dataclass(frozen=True)
class Rule:
    """A quality rule: `measure` of QUALITIES must be at least (`low`) or at most (not `low`) the language's threshold.

    The threshold comes from the recipe, else from languages/*.toml, else from here; None = the rule is off. `calibrate` fits thresholds to
    languages by `method` (calibrate.py), and loosens them until they drop little of that language's clean text.
    """

    name: str
    measure: str
    low: bool
    default: float | None
    min_lines: int = 0  # not tried on pages of fewer lines: a share of two lines says nothing
    method: str = "fixed"


# In the order in which they are tried. Sources of the figures: Gopher, FineWeb, FineWeb-2, C4, WDS as in quality.py; those without a name are
# ours, set on pages that we read. Gopher's and FineWeb's own figures are for their tokens, where punctuation is a word.
RULES = (
    Rule("min_words", "words", True, 50),  # Gopher
    Rule("max_words", "words", False, 100_000),  # Gopher
    Rule("min_mean_word_length", "mean_word_length", True, 3.0),  # Gopher: 3-10 for English
    Rule("max_mean_word_length", "mean_word_length", False, 12.0),  # longer words in Finnish, Hungarian, German
    Rule("longest_word", "longest_word", False, 1000),  # C4: of a line
    Rule("broken_chars", "broken_chars", False, 0.01),  # WDS: from 1 % on
    Rule("own_letters", "own_letters", True, 0.5),
    Rule("filler_words", "filler_words", False, 0.05),  # C4 drops a page for one lorem ipsum, also one about it
    Rule("stop_words", "stop_words", True, 2),  # Gopher: two distinct ones
    Rule(
        "stop_word_share", "stop_word_share", True, 0.12, method="median_ratio"
    ),  # keywords, product lists, untranslated pages
    Rule("alpha_words", "alpha_words", True, 0.6),  # Gopher: 0.8 with punctuation as words
    Rule("hashes_per_word", "hashes_per_word", False, 0.1),  # Gopher
    Rule("ellipses_per_word", "ellipses_per_word", False, 0.1),  # Gopher
    Rule("digit_chars", "digit_chars", False, 0.2),  # WDS: 0.3
    Rule("punctuation_chars", "punctuation_chars", False, 0.15),  # WDS: 0.25
    Rule("caps_words", "caps_words", False, 0.3),
    Rule("brace_chars", "brace_chars", False, 0.02),  # C4 drops a page for one
    Rule("urls_per_word", "urls_per_word", False, 0.1),  # WDS
    Rule("bullet_lines", "bullet_lines", False, 0.9),  # Gopher
    Rule("list_lines", "list_lines", False, None),
    Rule("ellipsis_lines", "ellipsis_lines", False, 0.5, min_lines=5),  # Gopher: 0.3
    Rule("prose_words", "prose_words", True, 0.2, min_lines=5),  # menus, tables of contents, indexes
    Rule("punctuated_lines", "punctuated_lines", True, None, min_lines=5, method="tail:0.1"),  # FineWeb: 0.12
    Rule("short_lines", "short_lines", False, 0.95, min_lines=10),  # FineWeb: 0.67, off in FineWeb-2
    Rule("few_word_lines", "few_word_lines", False, None, min_lines=10),  # C4 drops such lines
    Rule("newlines_per_word", "newlines_per_word", False, 0.35),  # FineWeb: 0.3
    Rule("javascript_lines", "javascript_lines", False, 0.5, min_lines=2),  # C4 drops such lines
    Rule("duplicate_lines", "duplicate_lines", False, 0.45, min_lines=10),  # Gopher: 0.3
    Rule("duplicate_line_chars", "duplicate_line_chars", False, 0.35, min_lines=10),  # Gopher: 0.2
    Rule("duplicate_chars", "duplicate_chars", False, None, min_lines=10),  # FineWeb: 0.01, FineWeb-2: 0.1
    Rule("duplicate_paragraphs", "duplicate_paragraphs", False, 0.45, min_lines=10),  # Gopher: 0.3
    Rule("duplicate_paragraph_chars", "duplicate_paragraph_chars", False, 0.35, min_lines=10),  # Gopher: 0.2
    Rule("top_word", "top_word", False, 0.15),
    Rule("top_2gram", "top_2gram", False, 0.25),  # Gopher: 0.20, and so on; law and manuals repeat their formulas
    Rule("top_3gram", "top_3gram", False, 0.25),
    Rule("top_4gram", "top_4gram", False, 0.25),
    Rule("duplicate_5gram", "duplicate_5gram", False, 0.4),  # Gopher: 0.15 ... 0.10
    Rule("duplicate_6gram", "duplicate_6gram", False, 0.38),
    Rule("duplicate_7gram", "duplicate_7gram", False, 0.36),
    Rule("duplicate_8gram", "duplicate_8gram", False, 0.34),
    Rule("duplicate_9gram", "duplicate_9gram", False, 0.32),
    Rule("duplicate_10gram", "duplicate_10gram", False, 0.3),
    Rule("distinct_words", "distinct_words", True, None),
    Rule("word_entropy", "word_entropy", True, None),
    Rule("upper_letters", "upper_letters", False, None),
)

Thresholds = tuple[tuple[str, tuple[tuple[str, float], ...]], ...]


def resolve_thresholds(overrides: Mapping[str, float], by_language: Mapping[str, Mapping[str, float]]) -> Thresholds:
    """Every threshold of every language: default < languages/*.toml < recipe < recipe for that language. Rules that are off have none.

    ValueError on unknown rules.
    """
    names = {rule.name for rule in RULES}
    defaults = {rule.name: rule.default for rule in RULES if rule.default is not None}
    files = {code: dict(language.thresholds) for code, language in languages().items()}
    for given in (overrides, *by_language.values(), *files.values()):
        unknown = sorted(set(given) - names)
        if unknown:
            raise ValueError(f"quality: unknown rule {unknown[0]!r}; choices: {', '.join(sorted(names))}")
    return tuple(
        (code, tuple(sorted((defaults | own | dict(overrides) | dict(by_language.get(code, {}))).items())))
        for code, own in files.items()
    )


def first_broken(qualities: pa.Table, codes: Sequence[str], thresholds: Thresholds) -> npt.NDArray[np.int64]:
    """QUALITIES (n), the pages' languages (n) -> (n,) index into RULES of the first rule that each page breaks; -1 = none.

    Pages without measures, and in languages without thresholds, break none.
    """
    first = np.full(len(qualities), -1, np.int64)
    row_of = {code: i for i, (code, _) in enumerate(thresholds)}
    rows = np.array([row_of.get(code, -1) for code in codes], np.int64)
    limits = [dict(values) for _, values in thresholds]
    lines = _numbers(qualities, "lines")
    for i, rule in enumerate(RULES):
        limit = np.array([*(values.get(rule.name, np.nan) for values in limits), np.nan])[rows]
        value = _numbers(qualities, rule.measure)
        broken = (value < limit if rule.low else value > limit) & (lines >= rule.min_lines)  # never true of NaN
        first[broken & (first < 0)] = i
    return first


def _numbers(table: pa.Table, name: str) -> npt.NDArray[np.float64]:
    """A column as floats, null as NaN."""
    return np.asarray(table[name].cast(pa.float64()).to_numpy(zero_copy_only=False), np.float64)


SURE = 0.9  # probability of the raw page's language from which it may cast doubt on the text's


@dataclass(frozen=True)
class Rules:
    """Parameters of `decide`."""

    languages: tuple[str, ...] = field(default_factory=lambda: tuple(languages()))  # codes that may be kept
    min_line_share: float = 0.4  # share of a page's longer lines in its language; below: `language:mixed`
    min_line_share_doubted: float = (
        0.9  # for pages with too few stop words, or whose raw text is surely in another language
    )
    thresholds: Thresholds = field(default_factory=lambda: resolve_thresholds({}, {}))
    min_ngrams: int = 1  # shared with a benchmark; from so many on a page is contaminated
    max_pii_per_100_words: float = 10.0  # findings of personal data: more make a list of people, `pii:density`
    few_pii: int = 5  # findings that a page may have whatever its length

    def __post_init__(self) -> None:
        if self.max_pii_per_100_words < 0 or self.few_pii < 0:
            raise ValueError("pii: max_per_100_words and few must not be below 0")


@stage(out=RULINGS, version=8)
def decide(
    documents: pa.Table,
    langs: pa.Table,
    qualities: pa.Table,
    spots: pa.Table,
    screens: pa.Table,
    scores: pa.Table,
    cuts: pa.Table,
    overlaps: pa.Table,
    reservations: pa.Table,
    params: Rules,
) -> pa.Table:
    """DOCUMENTS, LANGUAGES, QUALITIES, SPOTS (n each), SCREENS, SCORES and OVERLAPS (n, or 0 where the recipe names no filter, classifier or
    benchmark), CUTS, RESERVATIONS of these pages' sites -> RULINGS (n): the verdict of each page by itself; null = passes. ValueError if
    screens, scores or overlaps are of other pages.
    """
    for table in (screens, scores, overlaps):
        if len(table) and not table["id"].equals(documents["id"]):
            raise ValueError("decide: screens, scores or overlaps are of other pages than the documents")
    objections = screens.select(["filter", "reason"]).to_pylist() or [{"filter": None}] * len(documents)
    scored = scores["quality_score"].to_pylist() or [None] * len(documents)
    shares = overlaps.select(["benchmark", "shared_ngrams"]).to_pylist() or [None] * len(documents)
    score_cuts = dict(zip(cuts["language"].to_pylist(), cuts["threshold"].to_pylist(), strict=True))
    limits = {code: dict(rules) for code, rules in params.thresholds}
    reserved = {(row["id"], row["offset"]): row for row in reservations.to_pylist() if row["signal"]}
    wanted = set(params.languages)
    densities = _densities(spots, qualities, params)
    broken = first_broken(qualities, langs["language"].to_pylist(), params.thresholds).tolist()
    columns: dict[str, list[Any]] = {name: [] for name in ("verdict", "rule", "value", "threshold", "evidence")}
    documents_part = documents.select(_OF_DOCUMENTS).to_pylist()
    rows = zip(documents_part, langs.to_pylist(), broken, objections, scored, strict=True)
    for i, (page, found, number, objection, score) in enumerate(rows):
        rule = RULES[number] if number >= 0 else None
        doubted = rule is not None and rule.measure in ("stop_words", "stop_word_share")
        finding = _site_rule(page, reserved.get((page["id"], page["offset"])))
        if finding == PASSES:
            finding = _rule(page, found, wanted, doubted, params)
        if finding == PASSES and rule:
            value, limit = qualities[rule.measure][i].as_py(), limits[found["language"]][rule.name]
            finding = (f"quality:{rule.name}", rule.measure, float(value), limit, None)
        if finding == PASSES and objection["filter"]:
            finding = (f"quality:{objection['filter']}", objection["reason"], None, None, None)
        if finding == PASSES:
            finding = _score_rule(score, score_cuts.get(found["language"]))
        if finding == PASSES and densities[i] > params.max_pii_per_100_words:
            finding = ("pii:density", "pii_per_100_words", densities[i], params.max_pii_per_100_words, None)
        if finding == PASSES:
            finding = _overlap_rule(shares[i], params)
        for name, value in zip(columns, finding, strict=True):
            columns[name].append(value)
    arrays = {
        "id": documents["id"],
        "source": documents["source"],
        "offset": documents["offset"],
        "url": documents["url"],
        "crawled_at": documents["crawled_at"],
        "language": langs["language"],
        "language_score": langs["score"],
        "words": qualities["words"],
        "quality_score": pa.array(scored, pa.float64()),
        **{name: pa.array(values, RULINGS.field(name).type) for name, values in columns.items()},
    }
    return pa.table([arrays[name] for name in RULINGS.names], schema=RULINGS)


_OF_DOCUMENTS = ["id", "offset", "stop", "evidence", "status", "gate_language", "gate_score"]
_Finding = tuple[str | None, str | None, float | None, float | None, str | None]
PASSES: _Finding = (None, None, None, None, None)


def _site_rule(page: dict[str, Any], reservation: dict[str, Any] | None) -> _Finding:
    """What the page's site reserves, unless the page was stopped by a rule that comes before."""
    if reservation is None or (page["stop"] and _place(page["stop"]) <= FAMILIES.index("opt_out")):
        return PASSES
    signal = reservation["signal"]
    return (
        f"opt_out:{signal.replace('-', '_')}",
        signal,
        None,
        None,
        f"{reservation['found']} ({reservation['policy']})",
    )


def _place(verdict: str) -> int:
    return FAMILIES.index(verdict.partition(":")[0])


def _rule(page: dict[str, Any], found: dict[str, Any], wanted: set[str], doubted: bool, p: Rules) -> _Finding:
    """(verdict, rule, value, threshold, evidence) of one page by what is not measured. `doubted`: it has too few stop words."""
    if page["stop"]:
        family, _, rule = page["stop"].partition(":")
        value = page["status"] if family == "http" else page["gate_score"] if family == "language" else None
        return page["stop"], rule, None if value is None else float(value), None, page["evidence"]
    language = found["language"]
    if language == UNKNOWN:
        return "language:und", "score", found["score"], None, None
    if language not in wanted:
        return "language:other", "score", found["score"], None, None
    share, needed = found["line_share"], p.min_line_share
    other = page["gate_language"] not in (None, language, *languages()[language].confusable)
    if doubted or (other and (page["gate_score"] or 0.0) >= SURE):  # null: the gate found no letters
        needed = max(needed, p.min_line_share_doubted)
    if share is not None and share < needed:
        return "language:mixed", "line_share", share, needed, None
    return PASSES


def _score_rule(score: float | None, cut: float | None) -> _Finding:
    """The optional classifier's say, after all rules of our own."""
    if score is not None and cut is not None and score < cut:
        return "quality:score", "quality_score", score, cut, None
    return PASSES


def _overlap_rule(share: dict[str, Any] | None, p: Rules) -> _Finding:
    """Pages that hold what a model is to be tested on."""
    if share and share["benchmark"] and share["shared_ngrams"] >= p.min_ngrams:
        evidence = f"{share['shared_ngrams']} word n-grams of {share['benchmark']}"
        verdict = f"decontamination:{share['benchmark']}"
        return verdict, "shared_ngrams", float(share["shared_ngrams"]), float(p.min_ngrams), evidence
    return PASSES


def _densities(spots: pa.Table, qualities: pa.Table, p: Rules) -> list[float]:
    """Findings of personal data per 100 words of each page; 0 where they are few."""
    counts = pc.list_value_length(spots["found"]).to_pylist()
    sizes = qualities["words"].to_pylist()
    return [100.0 * n / max(words or 0, 1) if n > p.few_pii else 0.0 for n, words in zip(counts, sizes, strict=True)]


@dataclass(frozen=True)
class Settling:
    """Parameters of `settle`: none."""


@stage(out=VERDICTS, version=1)
def settle(rulings: pa.Table, elections: pa.Table, params: Settling) -> pa.Table:
    """RULINGS (n), the ELECTIONS of the same source -> VERDICTS (n), before the budget."""
    pages, elected = pl.from_arrow(rulings), pl.from_arrow(elections)
    assert isinstance(pages, pl.DataFrame) and isinstance(elected, pl.DataFrame)
    table = pages.join(elected, on=["id", "source", "offset"], how="left", maintain_order="left")
    copy = pl.col("kind").is_not_null() & (pl.col("kind") != "representative") & pl.col("verdict").is_null()
    out = table.with_columns(
        verdict=pl.when(copy)
        .then(pl.lit("duplicate:") + pl.col("kind"))
        .otherwise(pl.col("verdict").fill_null("kept")),
        rule=pl.when(copy).then("kind").otherwise("rule"),
        cluster_size=pl.col("cluster_size").fill_null(1),
    )
    return out.select(VERDICTS.names).to_arrow(compat_level=pl.CompatLevel.oldest()).cast(VERDICTS)
