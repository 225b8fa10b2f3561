"""Lines that a site repeats on many pages (menus, cookie notices, calls to subscribe), taken out of all of them. Off unless a recipe asks."""

from collections import Counter, defaultdict
from dataclasses import dataclass

import polars as pl
import pyarrow as pa
import xxhash

from euro_curate.schema import COMMON_LINES, LINES, SHORTENED
from euro_curate.stage import stage


@dataclass(frozen=True)
class Lines:
    """Parameters of the line deduplication."""

    max_pages: int = 0  # of one host that may have a line; more = it is taken out of all of them. 0 = off
    max_share: float = 0.5  # of a page's characters that may go; a page that is more than that made of such lines is a copy, and stays whole

    def __post_init__(self) -> None:
        if self.max_pages < 0:
            raise ValueError(f"dedup.lines must be at least 0 (off), not {self.max_pages}")


def line_key(host: str, line: str) -> int:
    """Hash of a line, without space around it, on a host."""
    return xxhash.xxh3_64_intdigest(f"{host}\n{line.strip()}".encode("utf-8", "replace"))


@stage(out=LINES, version=1, rows="free")
def count_lines(documents: pa.Table, params: Lines) -> pa.Table:
    """DOCUMENTS (columns source, host, text) of a batch of parts -> LINES sorted by key. A line counts once a page; pages without host not at all."""
    counts: dict[str, Counter[int]] = defaultdict(Counter)
    for page in documents.select(["source", "host", "text"]).to_pylist():
        if page["host"]:
            counts[page["source"]].update({line_key(page["host"], r) for r in page["text"].split("\n") if r.strip()})
    rows = [(key, source, pages) for source, found in counts.items() for key, pages in found.items()]
    columns = zip(*sorted(rows), strict=True) if rows else ((), (), ())
    return pa.table([pa.array(values, f.type) for values, f in zip(columns, LINES, strict=True)], schema=LINES)


@stage(out=COMMON_LINES, version=1, rows="free")
def find_common_lines(lines: pa.Table, params: Lines) -> pa.Table:
    """LINES of a range of keys, from all batches -> COMMON_LINES: lines that too many pages have, once for each crawl file that has them."""
    frame = pl.from_arrow(lines)
    assert isinstance(frame, pl.DataFrame)
    common = frame.filter(pl.col("pages").sum().over("key") > params.max_pages)
    out = common.select("source", "key").unique().sort("source", "key")
    return out.to_arrow(compat_level=pl.CompatLevel.oldest()).cast(COMMON_LINES)


@stage(out=COMMON_LINES, version=1, rows="free")
def deal_lines(common: pa.Table, params: Lines) -> pa.Table:
    """COMMON_LINES of a batch of crawl files, from all ranges -> the same rows sorted: `drop_lines` reads one file, not all."""
    return common.sort_by([("source", "ascending"), ("key", "ascending")])


@stage(out=SHORTENED, version=1)
def drop_lines(documents: pa.Table, common: pa.Table, params: Lines) -> pa.Table:
    """DOCUMENTS (n), the COMMON_LINES of their crawl file -> SHORTENED (n): texts without these lines."""
    keys = set(common["key"].to_pylist())
    bodies, lines, chars = [], [], []
    for page in documents.select(["host", "text"]).to_pylist():
        body = page["text"]
        rows = body.split("\n") if page["host"] else []
        kept = [row for row in rows if not row.strip() or line_key(page["host"], row) not in keys]
        shorter = "\n".join(kept) if len(kept) < len(rows) else body
        if len(body) - len(shorter) > params.max_share * len(body):
            shorter, kept = body, rows
        bodies.append(shorter)
        lines.append(len(rows) - len(kept))
        chars.append(len(body) - len(shorter))
    columns = dict(zip(documents.schema.names, documents.columns, strict=True))
    columns |= {
        "text": pa.array(bodies, pa.large_string()),
        "common_lines": pa.array(lines, pa.int32()),
        "common_chars": pa.array(chars, pa.int64()),
    }
    return pa.table([columns[name] for name in SHORTENED.names], schema=SHORTENED)
