"""Records that speak of a site, not of a page: robots.txt and well-known files. They become no documents; two kinds are kept as POLICIES."""

from typing import Any
from urllib.parse import urlsplit

from euro_curate.ingest.decode import Undecodable, unpack
from euro_curate.ingest.page import parse_date
from euro_curate.ingest.records import Record
from euro_curate.optout import policy_kind, policy_row


def is_apart(url: str | None) -> bool:
    """Whether an address is that of robots.txt or a well-known file."""
    try:
        path = urlsplit(url.strip("<>")).path if url else ""
    except ValueError:
        return False
    return path == "/robots.txt" or path.startswith("/.well-known/")


def policy_of(record: Record, source: str) -> dict[str, Any] | None:
    """A record apart -> its row of POLICIES; None if it is of another kind, or cannot be read (then an older capture stands)."""
    if policy_kind(record.url) is None or record.kind not in ("response", "resource"):
        return None
    try:
        body = unpack(record.body, record.headers)
    except Undecodable:
        return None
    assert record.url is not None
    return policy_row(record.url, parse_date(record.date), record.status, body, source, record.offset)
