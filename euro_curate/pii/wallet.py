"""Addresses of crypto wallets: Bitcoin with its checksums, Ethereum by its form. By option."""

import re

from stdnum import bitcoin

TRIGGER = rb"bc1[02-9ac-hj-np-z]{25}|[13][1-9A-HJ-NP-Za-km-z]{25}|0x[0-9a-fA-F]{40}"
_WHOLE = re.compile(rb"(?:bc1[02-9ac-hj-np-z]{25,71}|[13][1-9A-HJ-NP-Za-km-z]{25,34}|0x[0-9a-fA-F]{40})(?![0-9A-Za-z])")


def locate(data: bytes, at: int) -> tuple[int, int] | None:
    """(start, end) of the address that begins at byte `at`, or None."""
    found = _WHOLE.match(data, at)
    if found is None or (data[at - 1 : at].isalnum() and at):
        return None
    text = found[0].decode("ascii")
    if text.startswith("0x"):
        return found.span() if len(set(text[2:])) > 6 else None
    return found.span() if bitcoin.is_valid(text) else None
