"""Pages of one address: the form in which addresses are compared, and the election among pages that share one."""

import re
from dataclasses import dataclass

import polars as pl
import pyarrow as pa
import xxhash

from euro_curate.schema import URL_KEYS, URL_LOSERS
from euro_curate.stage import stage

CHOICES = ("", "newest", "oldest")

# Parameters that say how a visitor came, not what the page shows: analytics, advertising, newsletters.
_TRACKING = re.compile(
    r"(?:utm_[a-z_]+|gclid|gclsrc|dclid|gbraid|wbraid|fbclid|msclkid|yclid|twclid|igshid|mc_cid|mc_eid|_ga|_gl|_hsenc|_hsmi|mkt_tok)"
    r"(?:=|$)",
    re.IGNORECASE,
)
_PORTS = {"http": ":80", "https": ":443"}


def canonical(url: str) -> str:
    """The form in which two addresses are compared: no scheme, host in small letters without default port, no fragment, no tracking
    parameters, no empty query. Whatever else differs (order of parameters, a final slash, www.) may be another page and stays."""
    head, mark, rest = url.strip().partition("#")[0].partition("://")
    if not mark:
        return head
    scheme = head.lower()
    if scheme not in _PORTS:
        return f"{scheme}://{rest}"
    end = min((at for at in (rest.find("/"), rest.find("?")) if at >= 0), default=len(rest))
    host, path = rest[:end].lower().removesuffix(_PORTS[scheme]).removesuffix("."), rest[end:]
    path, _, query = path.partition("?")
    kept = [pair for pair in query.split("&") if pair and not _TRACKING.match(pair)]
    return host + (path or "/") + ("?" + "&".join(kept) if kept else "")


def url_hashes(documents: pa.Table) -> pa.Array:
    """(n,) uint64: hash of each page's canonical address (rel=canonical where the table has it, else its own); null without one."""
    urls = documents["url"].to_pylist()
    if "canonical_url" in documents.schema.names:
        urls = [named or own for named, own in zip(documents["canonical_url"].to_pylist(), urls, strict=True)]
    return pa.array([xxhash.xxh3_64_intdigest(canonical(url)) if url else None for url in urls], pa.uint64())


@dataclass(frozen=True)
class Addresses:
    """Parameters of the election among pages of one address."""

    keep: str = ""  # newest | oldest; "" = an address alone makes no duplicate

    def __post_init__(self) -> None:
        if self.keep not in CHOICES:
            raise ValueError(f'dedup.urls: {self.keep!r} is not one of "", newest, oldest')


@stage(out=URL_KEYS, version=1, rows="free")
def sort_urls(candidates: pa.Table, params: Addresses) -> pa.Table:
    """CANDIDATES -> URL_KEYS sorted by address: the pages that pass everything before `duplicate` and have one."""
    frame = pl.from_arrow(candidates.select([*URL_KEYS.names, "passes"]))
    assert isinstance(frame, pl.DataFrame)
    out = frame.filter("passes", pl.col("url_hash").is_not_null()).select(URL_KEYS.names)
    return out.sort("url_hash", "id", "source", "offset").to_arrow(compat_level=pl.CompatLevel.oldest()).cast(URL_KEYS)


@stage(out=URL_LOSERS, version=1, rows="free")
def elect_urls(keys: pa.Table, params: Addresses) -> pa.Table:
    """URL_KEYS of a range of addresses -> URL_LOSERS sorted by node: all but one page of each. What is published stays; then the newest
    or the oldest; ties by id, source, offset."""
    frame = pl.from_arrow(keys)
    assert isinstance(frame, pl.DataFrame)
    date = pl.col("crawled_at").fill_null(pl.datetime(1, 1, 1, time_zone="UTC")).dt.epoch("ms")
    if params.keep == "oldest":
        date = pl.col("crawled_at").fill_null(pl.datetime(9999, 1, 1, time_zone="UTC")).dt.epoch("ms")
    ranked = frame.with_columns(by_date=-date if params.keep == "newest" else date).sort(
        "url_hash", pl.col("standing") != 0, "by_date", "id", "source", "offset"
    )
    losers = ranked.with_columns(winner=pl.col("id").first().over("url_hash")).filter(
        ~pl.col("url_hash").is_first_distinct()
    )
    out = losers.select(URL_LOSERS.names).sort("node", "id", "source", "offset")
    return out.to_arrow(compat_level=pl.CompatLevel.oldest()).cast(URL_LOSERS)
