"""Ids: where a page came from, never what it says (content ids would silently merge copies)."""

import re
import uuid

import xxhash

_UUID = re.compile(r"^<?(?:urn:uuid:)?\{?([0-9a-fA-F]{8}-?(?:[0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12})\}?>?$")


def record_id(written: str | None, source: str, offset: int) -> str:
    """32 hex digits of a record's UUID; for any other id or none, xxh3_128 of (source, offset)."""
    match = _UUID.match(written.strip()) if written else None
    return uuid.UUID(match.group(1)).hex if match else xxhash.xxh3_128_hexdigest(f"{source}\n{offset}")


def text_id(given: object, source: str, row: int) -> str:
    """A text document's own id (a urn:uuid in its short form), or xxh3_128 of (source, row) if it has none."""
    if isinstance(given, (str, int)) and str(given).strip():
        text = str(given).strip().encode("utf-8", "replace").decode()  # JSON may hold lone surrogates
        match = _UUID.match(text)
        return uuid.UUID(match.group(1)).hex if match else text
    return xxhash.xxh3_128_hexdigest(f"{source}\n{row}")


def second_occurrence(page_id: str, source: str, offset: int) -> str:
    """The id of a further page with the same id in the same file."""
    return xxhash.xxh3_128_hexdigest(f"{page_id}\n{source}\n{offset}")
