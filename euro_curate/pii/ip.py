"""Public IP addresses, v4 and v6. Private and documentation ranges name nobody and stay."""

import ipaddress
import re
from collections.abc import Sequence

PATTERN = rb"[0-9]{1,3}(?:\.[0-9]{1,3}){3}|(?:[0-9A-Fa-f]{1,4}:){7}[0-9A-Fa-f]{1,4}|(?:[0-9A-Fa-f]{1,4}:){1,6}(?::[0-9A-Fa-f]{1,4}){1,6}"

_NOT_BEFORE = re.compile(r"[\w.:§-]$|(?:version|ver\.|kap\.|§|art\.)\s*$", re.IGNORECASE)  # v2.14.3.1, Kap. 3.1.2.5
_NOT_AFTER = re.compile(r"^(?:[\w:]|\.\d)")
_NUMBERING = 20  # four small numbers are a section or a version, not an address


def confirm(candidate: str, before: str, after: str, countries: Sequence[str]) -> tuple[int, int] | None:
    """Refuses version and section numbers, and addresses that are not globally reachable."""
    if _NOT_BEFORE.search(before) or _NOT_AFTER.match(after):
        return None
    try:
        address = ipaddress.ip_address(candidate)
    except ValueError:
        return None
    if not address.is_global or (address.version == 4 and all(octet < _NUMBERING for octet in address.packed)):
        return None
    return 0, len(candidate)
