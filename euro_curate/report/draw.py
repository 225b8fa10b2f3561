"""Which pages the report shows, and what of them: a few of each verdict in each language, drawn by a hash and redacted before anything else.

A page's place in the draw depends on its id alone, so the sample is the same for any order and grouping of the inputs. Forgotten pages are
never drawn.
"""

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

import polars as pl
import pyarrow as pa

from euro_curate.languages import OTHER, languages
from euro_curate.pii import EVERY, redact_text, spot
from euro_curate.report.count import _arrow, _frame
from euro_curate.schema import DRAWS, SAMPLES
from euro_curate.stage import stage
from euro_curate.text import order_hash

LARGEST = "largest"  # the cell of the largest clusters' representatives
TEXT_COLUMNS = ("id", "title", "text")
_BEFORE_FORGOTTEN = ("http", "mime", "size", "encoding", "url")  # families that decide before `forgotten`


@dataclass(frozen=True)
class Drawing:
    """Parameters of `draw`, `redraw` and `choose`."""

    samples: int = 3  # pages of each verdict in each language; 0 = none
    per_family: int = 6  # of each family of verdicts in each language, at most
    largest: int = 12  # clusters
    seed: int = 1

    def __post_init__(self) -> None:
        if not 0 <= self.samples <= 20:
            raise ValueError("report.samples must be from 0 to 20: the report is one file that a browser opens")


@dataclass(frozen=True)
class Excerpting:
    """Parameters of `excerpt`."""

    text_bytes: int = 1200  # UTF-8 of the beginning that is shown
    line_bytes: int = 300  # of title, URL and evidence
    redaction: int = field(default_factory=lambda: spot.version)  # a change of redaction is a change of excerpts


@stage(out=DRAWS, version=1, rows="free")
def draw(verdicts: pa.Table, params: Drawing) -> pa.Table:
    """VERDICTS of a part -> DRAWS: the first few of each cell.

    Left out: forgotten pages, and pages without a URL that were stopped before it was asked whether they are to be forgotten.
    """
    pages = _frame(verdicts)
    family = pl.col("verdict").str.split(":").list.first()
    pages = pages.filter(
        family.ne("forgotten") & (pl.col("url").is_not_null() | ~family.is_in(list(_BEFORE_FORGOTTEN)))
    )
    pages = pages.with_columns(
        group=pl.when(pl.col("language").is_in(list(languages()))).then("language").otherwise(pl.lit(OTHER)),
        order=pl.Series([order_hash(page, params.seed) for page in pages["id"]], dtype=pl.UInt64),
        cell="verdict",
    )
    heads = pages.filter((pl.col("cluster_size") > 1) & pl.col("duplicate_of").is_null()).with_columns(
        cell=pl.lit(LARGEST), order=(2**63 - pl.col("cluster_size")).cast(pl.UInt64)
    )
    return _first(pl.concat([pages, heads]), params)


@stage(out=DRAWS, version=1, rows="free")
def redraw(draws: pa.Table, params: Drawing) -> pa.Table:
    """DRAWS of some parts -> the first few of each cell of all of them."""
    return _first(_frame(draws), params)


@stage(out=DRAWS, version=1, rows="free")
def choose(draws: pa.Table, params: Drawing) -> pa.Table:
    """DRAWS of all parts -> what is shown: of each family the first pages of every verdict, then their second ones, up to a limit."""
    cells = _frame(_first(_frame(draws), params))
    ranked = cells.with_columns(
        family=pl.col("cell").str.split(":").list.first(),
        rank=pl.int_range(pl.len()).over("group", "cell"),
    ).sort("group", "family", "rank", "order", "id", "source")
    shown = ranked.filter(pl.int_range(pl.len()).over("group", "family") < params.per_family, pl.col("cell") != LARGEST)
    largest = ranked.filter(pl.col("cell") == LARGEST).sort("order", "id", "source").head(params.largest)
    return _arrow(pl.concat([shown, largest]).sort("source", "offset", "cell"), DRAWS)


def _first(pages: pl.DataFrame, p: Drawing) -> pa.Table:
    ordered = pages.sort("cell", "group", "order", "id", "source", "offset")
    rank, largest = pl.int_range(pl.len()).over("cell", "group"), pl.col("cell") == LARGEST
    limit = pl.when(largest).then(p.largest if p.samples else 0).otherwise(p.samples)
    return _arrow(ordered.filter(rank < limit), DRAWS)


@stage(out=SAMPLES, version=1, rows="free")
def excerpt(
    draws: pa.Table, documents: pa.Table, langs: pa.Table, qualities: pa.Table, verdicts: pa.Table, params: Excerpting
) -> pa.Table:
    """DRAWS of one source; DOCUMENTS, LANGUAGES, QUALITIES and VERDICTS of these pages -> SAMPLES of those that all of them hold.

    Personal data of every kind is replaced before a text is cut: half an address would not be found.
    """
    cells: dict[str, list[str]] = {}
    for row in draws.to_pylist():
        cells.setdefault(row["id"], []).append(row["cell"])
    groups = dict(zip(draws["id"].to_pylist(), draws["group"].to_pylist(), strict=True))
    tables = ({row["id"]: row for row in table.to_pylist()} for table in (documents, langs, qualities, verdicts))
    texts, found, numbers, marks = tables
    rows = []
    for page, drawn_for in cells.items():
        if not all(page in table for table in (texts, found, numbers, marks)):
            continue
        text, mark = texts[page], marks[page]
        code = mark["language"] or ""
        body = _redacted(text["text"], code)
        shown = _cut(body, params.text_bytes)
        rows.append(
            {name: mark[name] for name in SAMPLES.names if name in mark}
            | {
                "cells": " ".join(sorted(drawn_for)),
                "group": groups[page],
                "evidence": _line(mark["evidence"], code, params),
                "url": _line(_readable(mark["url"], code), code, params),
                "title": _line(text["title"], code, params),
                "excerpt": shown,
                "more_chars": len(body) - len(shown),
                "words": numbers[page]["words"],
                "second": found[page]["second"],
                "second_score": found[page]["second_score"],
            }
        )
    return pa.Table.from_pylist(rows, schema=SAMPLES)


@stage(out=SAMPLES, version=1, rows="free")
def collect(samples: pa.Table, params: Excerpting) -> pa.Table:
    """SAMPLES of some sources -> the same, sorted by language, verdict and id."""
    return samples.sort_by([(name, "ascending") for name in ("group", "verdict", "id", "source", "offset")])


def _redacted(text: str, language: str) -> str:
    """The text with personal data of every kind replaced. In a language that is not ours, that of all states is looked for."""
    return redact_text(text, language if language in languages() else EVERY)[0]


def _line(value: str | None, language: str, p: Excerpting) -> str | None:
    return None if value is None else _cut(_redacted(value, language), p.line_bytes)


def _readable(url: str | None, language: str) -> str | None:
    """The URL; where its percent signs hide personal data, with them resolved and the data replaced. A URL within a URL is escaped twice."""
    if url is None:
        return None
    plain, hidden = url, False
    while (resolved := unquote(plain)) != plain:
        plain = _redacted(resolved, language)
        hidden = hidden or plain != resolved
    return plain if hidden else url


def _cut(value: str, size: int) -> str:
    """The first `size` bytes, whole code points only, and whole words where the cut would fall into one."""
    data = value.encode()
    if len(data) <= size:
        return value
    head = data[:size].decode("utf-8", "ignore")
    return head[: max(head.rfind(" "), head.rfind("\n"), len(head) * 3 // 4)]


def sources_of(draws: pa.Table) -> dict[str, tuple[str, ...]]:
    """DRAWS -> ids by source."""
    out: dict[str, list[Any]] = {}
    for row in draws.select(["id", "source"]).to_pylist():
        out.setdefault(row["source"], []).append(row["id"])
    return {source: tuple(sorted(set(ids))) for source, ids in sorted(out.items())}
