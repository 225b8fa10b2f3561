"""Pages meet their sites' policies: a shuffle by a hash of the site, as one file's pages are of all sites, and each site's are in all files.

The newest known policy of a site counts, whatever crawl it came with. Pages are judged where their verdicts are made, so that a robots.txt
that comes later changes verdicts and makes no page be read again.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import polars as pl
import pyarrow as pa
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

    RFC 9309: 4xx = there is none. 5xx and redirects (whose target is a capture of its own) = not known, so an older capture stands.
    """
    site, kind = site_of(url), policy_kind(url)
    known = status is None or status == 200 or 400 <= status < 500
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


@stage(out=POLICIES, version=1, rows="free")
def sort_policies(policies: pa.Table, params: BySite) -> pa.Table:
    """POLICIES of many files -> the newest of each site and kind, sorted by the site's hash."""
    return _newest(policies)


def _newest(policies: pa.Table) -> pa.Table:
    frame = pl.from_arrow(policies)
    assert isinstance(frame, pl.DataFrame)
    order = ["site_hash", "site", "kind", "fetched_at", "source", "offset"]
    newest = frame.sort(order, nulls_last=False).unique(["site", "kind"], keep="last", maintain_order=True)
    return newest.to_arrow(compat_level=pl.CompatLevel.oldest()).cast(POLICIES)


@stage(out=ADDRESSES, version=1, rows="free")
def sort_addresses(documents: pa.Table, params: BySite) -> pa.Table:
    """DOCUMENTS (id, source, offset, url, opt_out) of many files -> ADDRESSES sorted by the site's hash; pages without a site are left out."""
    rows = []
    for page in documents.to_pylist():
        if (site := site_of(page["url"])) is not None:
            stated = "tdm-reservation=" in (page["opt_out"] or "")
            rows.append(page | {"site_hash": xxhash.xxh3_64_intdigest(site), "tdm_stated": stated})
    table = pa.Table.from_pylist(rows, schema=ADDRESSES)
    return table.sort_by([(name, "ascending") for name in ("site_hash", "source", "offset")])


@stage(out=RESERVATIONS, version=1, rows="free")
def reserve(addresses: pa.Table, policies: pa.Table, params: OptOut) -> pa.Table:
    """ADDRESSES and POLICIES of one range of sites -> RESERVATIONS, sorted by source: a row for each page that its site says something of."""
    newest: dict[str, dict[str, Any]] = {}
    for policy in _newest(policies).to_pylist():
        if policy["body"]:
            newest.setdefault(policy["site"], {})[policy["kind"]] = policy
    parsed: dict[str, Any] = {}  # of the site at hand: addresses come site by site
    at: str | None = None
    rows = []
    for page in addresses.to_pylist():
        parts = split_url(page["url"])
        assert parts is not None, "sort_addresses lets none through"
        site, path = parts[0] + parts[1], parts[2]
        if site not in newest:
            continue
        if site != at:
            at, parsed = site, {kind: _parse(policy) for kind, policy in newest[site].items()}
        found: list[str] = []
        told = []
        for kind, policy in sorted(newest[site].items()):
            if kind == "tdmrep.json" and page["tdm_stated"]:
                continue  # the page's own word overrules the file's
            said = (
                parsed[kind].statements(path, params.agents) if kind == "robots.txt" else parsed[kind].statements(path)
            )
            if said:
                found += said
                when = policy["fetched_at"].date().isoformat() if policy["fetched_at"] else "unknown date"
                told.append(f"{kind} of {when} in {policy['source']} at {policy['offset']}")
        if found:
            evidence = "; ".join(found)
            rows.append(
                {
                    "id": page["id"],
                    "source": page["source"],
                    "offset": page["offset"],
                    "site": site,
                    "signal": excluded(evidence, params.exclude, params.agents),
                    "found": evidence,
                    "policy": "; ".join(told),
                }
            )
    table = pa.Table.from_pylist(rows, schema=RESERVATIONS)
    return table.sort_by([("source", "ascending"), ("offset", "ascending")])


def _parse(policy: dict[str, Any]) -> RobotsTxt | TdmRep:
    return RobotsTxt(policy["body"]) if policy["kind"] == "robots.txt" else TdmRep(policy["body"])
