"""Exactly one verdict per page: decide() by the page alone, settle() with the duplicates, close() with the budget.

The only place where a page is dropped, and always with the rule, the value and the threshold on record. The first family that applies
wins: http mime size encoding url forgotten opt_out extract language quality pii decontamination duplicate budget.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import polars as pl
import pyarrow as pa

from euro_curate.languages import UNKNOWN, languages
from euro_curate.schema import RULINGS, VERDICTS
from euro_curate.stage import stage
from euro_curate.text import order_hash

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
    """A quality rule: `measure` of QUALITIES must be at least (`low`) or at most (not `low`) its threshold."""

    name: str
    measure: str
    low: bool
    default: float
    min_lines: int = 0  # not tried on pages of fewer lines: a share of two lines says nothing


# In the order in which they are tried. Defaults: Gopher's and FineWeb's figures where our words agree with theirs; see languages/*.toml
# for the languages that need their own. 0 (minimum) or 1e9 (maximum) turns a rule off.
RULES = (
    Rule("min_words", "words", True, 50),  # Gopher
    Rule("max_words", "words", False, 100_000),  # Gopher
    Rule("min_mean_word_length", "mean_word_length", True, 3.0),  # Gopher: 3-10 for English
    Rule("max_mean_word_length", "mean_word_length", False, 12.0),  # longer words in Finnish, Hungarian, German
    Rule("stop_words", "stop_words", True, 2),  # Gopher: two distinct ones
    Rule("alpha_words", "alpha_words", True, 0.7),  # Gopher: 0.8 with punctuation as words
    Rule("symbol_words", "symbol_words", False, 0.1),  # Gopher
    Rule("bullet_lines", "bullet_lines", False, 0.9),  # Gopher
    Rule("ellipsis_lines", "ellipsis_lines", False, 0.3),  # Gopher
    Rule("punctuated_lines", "punctuated_lines", True, 0.1, min_lines=5),  # FineWeb: 0.12
    Rule("newlines_per_word", "newlines_per_word", False, 0.3),  # FineWeb
    Rule("duplicate_lines", "duplicate_lines", False, 0.3),  # Gopher
    Rule("duplicate_paragraphs", "duplicate_paragraphs", False, 0.3),  # Gopher
    Rule("duplicate_line_chars", "duplicate_line_chars", False, 0.2),  # Gopher
    Rule("top_2gram", "top_2gram", False, 0.20),  # Gopher, and the next eight
    Rule("top_3gram", "top_3gram", False, 0.18),
    Rule("top_4gram", "top_4gram", False, 0.16),
    Rule("duplicate_5gram", "duplicate_5gram", False, 0.30),  # twice Gopher's: law and manuals repeat their formulas
    Rule("duplicate_6gram", "duplicate_6gram", False, 0.28),
    Rule("duplicate_7gram", "duplicate_7gram", False, 0.26),
    Rule("duplicate_8gram", "duplicate_8gram", False, 0.24),
    Rule("duplicate_9gram", "duplicate_9gram", False, 0.22),
    Rule("duplicate_10gram", "duplicate_10gram", False, 0.20),
)

Thresholds = tuple[tuple[str, tuple[tuple[str, float], ...]], ...]


def resolve_thresholds(overrides: Mapping[str, float], by_language: Mapping[str, Mapping[str, float]]) -> Thresholds:
    """Every threshold of every language: default < languages/*.toml < recipe < recipe for that language. ValueError on unknown rules."""
    names = {rule.name for rule in RULES}
    for given in (overrides, *by_language.values()):
        unknown = sorted(set(given) - names)
        if unknown:
            raise ValueError(f"quality: unknown rule {unknown[0]!r}; choices: {', '.join(sorted(names))}")
    return tuple(
        (
            code,
            tuple(
                sorted(
                    (
                        {r.name: r.default for r in RULES}
                        | dict(language.thresholds)
                        | dict(overrides)
                        | dict(by_language.get(code, {}))
                    ).items()
                )
            ),
        )
        for code, language in languages().items()
    )


SURE = 0.9  # probability of the raw page's language from which it may cast doubt on the text's


@dataclass(frozen=True)
class Rules:
    """Parameters of `decide`."""

    languages: tuple[str, ...] = field(default_factory=lambda: tuple(languages()))  # codes that may be kept
    min_line_share: float = 0.4  # share of a page's longer lines in its language; below: `language:mixed`
    min_line_share_doubted: float = 0.9  # the same for a page whose raw text is surely in another language
    thresholds: Thresholds = field(default_factory=lambda: resolve_thresholds({}, {}))


@cache
def _table(thresholds: Thresholds) -> dict[str, dict[str, float]]:
    return {code: dict(rules) for code, rules in thresholds}


@stage(out=RULINGS, version=5)
def decide(
    documents: pa.Table,
    langs: pa.Table,
    qualities: pa.Table,
    screens: pa.Table,
    scores: pa.Table,
    cuts: pa.Table,
    params: Rules,
) -> pa.Table:
    """DOCUMENTS, LANGUAGES, QUALITIES (n each), SCREENS and SCORES (n, or 0 where the recipe names no filter or classifier), CUTS ->
    RULINGS (n): the verdict of each page by itself; null = passes. ValueError if screens or scores are of other pages.
    """
    for table in (screens, scores):
        if len(table) and not table["id"].equals(documents["id"]):
            raise ValueError("decide: screens or scores are of other pages than the documents")
    objections = screens.select(["filter", "reason"]).to_pylist() or [{"filter": None}] * len(documents)
    scored = scores["quality_score"].to_pylist() or [None] * len(documents)
    score_cuts = dict(zip(cuts["language"].to_pylist(), cuts["threshold"].to_pylist(), strict=True))
    limits = _table(params.thresholds)
    wanted = set(params.languages)
    columns: dict[str, list[Any]] = {name: [] for name in ("verdict", "rule", "value", "threshold", "evidence")}
    documents_part = documents.select(["stop", "evidence", "status", "gate_language", "gate_score"]).to_pylist()
    rows = zip(documents_part, langs.to_pylist(), qualities.to_pylist(), objections, scored, strict=True)
    for page, found, numbers, objection, score in rows:
        finding = _rule(page, found, numbers, wanted, limits, params)
        if finding == PASSES and objection["filter"]:
            finding = (f"quality:{objection['filter']}", objection["reason"], None, None, None)
        if finding == PASSES:
            finding = _score_rule(score, score_cuts.get(found["language"]))
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


_Finding = tuple[str | None, str | None, float | None, float | None, str | None]
PASSES: _Finding = (None, None, None, None, None)


def _rule(
    page: dict[str, Any],
    found: dict[str, Any],
    numbers: dict[str, Any],
    wanted: set[str],
    limits: dict[str, dict[str, float]],
    p: Rules,
) -> _Finding:
    """(verdict, rule, value, threshold, evidence) of one page."""
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
    if page["gate_language"] not in (None, language, *languages()[language].confusable) and page["gate_score"] >= SURE:
        needed = max(needed, p.min_line_share_doubted)
    if share is not None and share < needed:
        return "language:mixed", "line_share", share, needed, None
    for rule in RULES:
        value, limit = numbers[rule.measure], limits[language][rule.name]
        if numbers["lines"] >= rule.min_lines and (value < limit if rule.low else value > limit):
            return f"quality:{rule.name}", rule.measure, float(value), limit, None
    return PASSES


def _score_rule(score: float | None, cut: float | None) -> _Finding:
    """The optional classifier's say, after all rules of our own."""
    if score is not None and cut is not None and score < cut:
        return "quality:score", "quality_score", score, cut, None
    return PASSES


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


@dataclass(frozen=True)
class Closing:
    """Parameters of `close`."""

    seed: int = 1  # of the dataset's shuffle


@stage(out=VERDICTS, version=1)
def close(verdicts: pa.Table, budget: pa.Table, params: Closing) -> pa.Table:
    """VERDICTS (n), BUDGET -> VERDICTS (n): kept pages beyond their language's cut become `budget:cut`."""
    cuts = {
        row["language"]: row["cut"] for row in budget.to_pylist() if row["cut"] is not None or not row["taken_pages"]
    }
    if not cuts:
        return verdicts
    verdict, rule, value, threshold = (verdicts[name].to_pylist() for name in ("verdict", "rule", "value", "threshold"))
    for i, (page, language) in enumerate(
        zip(verdicts["id"].to_pylist(), verdicts["language"].to_pylist(), strict=True)
    ):
        if verdict[i] == "kept" and language in cuts:
            order, cut = order_hash(page, params.seed), cuts[language] or 0
            if order >= cut:
                verdict[i], rule[i], value[i], threshold[i] = "budget:cut", "share", order / 2**64, cut / 2**64
    for name, values in (("verdict", verdict), ("rule", rule), ("value", value), ("threshold", threshold)):
        at = VERDICTS.get_field_index(name)
        verdicts = verdicts.set_column(at, VERDICTS.field(at), pa.array(values, VERDICTS.field(at).type))
    return verdicts
