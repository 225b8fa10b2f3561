"""Pages meet their sites' policies: a shuffle by a hash of the site, as one file's pages are of all sites, and each site's are in all files.

The newest known policy of a site counts, whatever crawl it came with. Pages are judged where their verdicts are made, so that a robots.txt
that comes later changes verdicts and makes no page be read again.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import xxhash

from euro_curate.hosts import site_of, split_url
from euro_curate.optout.robots import MOST_BYTES, RobotsTxt, TdmRep
from euro_curate.optout.signals import OptOut, excluded
from euro_curate.schema import ADDRESSES, POLICIES, RESERVATIONS
from euro_curate.stage import stage

_KINDS = {"/robots.txt": "robots.txt", "/.well-known/tdmrep.json": "tdmrep.json"}


def policy_kind(url: str | None) -> str | None:
    """robots.txt | tdmrep.json, if that is what an address is of."""
    try:
        return _KINDS.get(urlsplit(url.strip("<> \t\r\n")).path) if url else None
    except ValueError:
        return None


def policy_row(
    url: str, fetched_at: datetime | None, status: int | None, body: bytes, source: str, offset: int
) -> dict[str, Any] | None:
    """A capture of a policy -> its row of POLICIES; None if it says neither that there is one nor that there is none.

    RFC 9309: 4xx = there is none. 5xx, 429 (come back later) and redirects (whose target is a capture of its own) = not known, so an older
    capture stands.
    """
    site, kind = site_of(url), policy_kind(url)
    known = status is None or status == 200 or (400 <= status < 500 and status != 429)
    if site is None or kind is None or not known:
        return None
    return {
        "site_hash": xxhash.xxh3_64_intdigest(site),
        "site": site,
        "kind": kind,
        "fetched_at": fetched_at,
        "status": status,
        "body": body[:MOST_BYTES].decode("utf-8", "replace").replace("\x00", "") if status in (None, 200) else "",
        "source": source,
        "offset": offset,
    }


@dataclass(frozen=True)
class BySite:
    """Parameters of the two sorts: none."""


@stage(out=POLICIES, version=1, rows="free", memory_bytes=2 << 30)
def sort_policies(policies: pa.Table, params: BySite) -> pa.Table:
    """POLICIES of many files -> the newest of each site and kind, sorted by the site's hash."""
    return _newest(policies)


def _newest(policies: pa.Table) -> pa.Table:
    frame = pl.from_arrow(policies)
    assert isinstance(frame, pl.DataFrame)
    order = ["site_hash", "site", "kind", "fetched_at", "source", "offset"]
    newest = frame.sort(order, nulls_last=False).unique(["site", "kind"], keep="last", maintain_order=True)
    return newest.to_arrow(compat_level=pl.CompatLevel.oldest()).cast(POLICIES)


@stage(out=ADDRESSES, version=1, rows="free", memory_bytes=2 << 30)
def sort_addresses(documents: pa.Table, params: BySite) -> pa.Table:
    """DOCUMENTS (id, source, offset, url, opt_out) of many files -> ADDRESSES sorted by the site's hash; pages without a site are left out."""
    tables = []
    for batch in documents.to_batches(max_chunksize=_BATCH):
        sites = [site_of(url) for url in batch["url"].to_pylist()]
        hashes = [xxhash.xxh3_64_intdigest(site) if site else 0 for site in sites]
        columns = {name: batch[name] for name in ("id", "source", "offset", "url")} | {
            "site_hash": pa.array(hashes, pa.uint64()),
            "tdm_stated": pc.fill_null(pc.match_substring(batch["opt_out"], "tdm-reservation="), False),
        }
        table = pa.table({name: columns[name] for name in ADDRESSES.names})
        tables.append(table.filter(pa.array([site is not None for site in sites], pa.bool_())).cast(ADDRESSES))
    table = pa.concat_tables([ADDRESSES.empty_table(), *tables])
    return table.sort_by([(name, "ascending") for name in ("site_hash", "source", "offset")])


_BATCH = 1 << 15  # rows that are Python objects at a time


@stage(out=RESERVATIONS, version=1, rows="free", memory_bytes=2 << 30)
def reserve(addresses: pa.Table, policies: pa.Table, params: OptOut) -> pa.Table:
    """ADDRESSES and POLICIES of one range of sites -> RESERVATIONS, sorted by source: a row for each page that its site says something of."""
    newest = _newest(policies)
    rows_of: dict[str, list[int]] = {}  # site -> its policies, robots.txt first
    for row, site in enumerate(newest["site"].to_pylist()):
        rows_of.setdefault(site, []).append(row)
    at: str | None = None
    speaking: list[_Policy] = []  # those of the site at hand: addresses come site by site
    found: list[dict[str, Any]] = []
    for batch in addresses.to_batches(max_chunksize=_BATCH):
        for page in batch.to_pylist():
            parts = split_url(page["url"])
            assert parts is not None, "sort_addresses lets none through"
            site, path = parts[0] + parts[1], parts[2]
            if site not in rows_of:
                continue
            if site != at:
                at, speaking = site, [_Policy(newest.slice(row, 1).to_pylist()[0]) for row in rows_of[site]]
            # the page's own word on mining overrules that of the site's file
            asked = [p for p in speaking if not (page["tdm_stated"] and p.kind == "tdmrep.json")]
            said = [(p.told, statements) for p in asked if (statements := p.statements(path, params.agents))]
            if said:
                evidence = "; ".join(piece for _, pieces in said for piece in pieces)
                signal = excluded(evidence, params.exclude, params.agents)
                told = {"signal": signal, "found": evidence, "policy": "; ".join(told for told, _ in said)}
                found.append({name: page[name] for name in ("id", "source", "offset")} | {"site": site} | told)
    table = pa.Table.from_pylist(found, schema=RESERVATIONS)
    return table.sort_by([("source", "ascending"), ("offset", "ascending")])


class _Policy:
    """A row of POLICIES, parsed."""

    def __init__(self, row: dict[str, Any]) -> None:
        self.kind: str = row["kind"]
        day = row["fetched_at"].date().isoformat() if row["fetched_at"] else "an unknown day"
        self.told = f"{self.kind} of {day} in {row['source']} at {row['offset']}"
        self._ask: Callable[[str, Sequence[str]], list[str]] = lambda path, agents: []
        with suppress(Exception):  # whatever a file may hold: one that cannot be read says nothing, and fails no run
            self._ask = (
                RobotsTxt(row["body"]).statements if self.kind == "robots.txt" else TdmRep(row["body"]).statements
            )

    def statements(self, path: str, agents: Sequence[str]) -> list[str]:
        try:
            return self._ask(path, agents)
        except Exception:
            return []
