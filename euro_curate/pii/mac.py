"""Hardware addresses (IEEE 802 MAC-48) of single devices. Groups, examples of manuals and the documentation range (RFC 7042) name none."""

import re

_HEX = rb"[0-9A-Fa-f]{2}"
TRIGGER = rb"|".join(sep.join([_HEX] * 4) + sep for sep in (rb":", rb"-"))
_WHOLE = re.compile(
    rb"(?:" + rb"|".join(sep.join([_HEX] * 6) for sep in (rb":", rb"-")) + rb")(?![0-9A-Za-z]|[:\-][0-9A-Fa-f])"
)
_EXAMPLES = ("001122334455", "0123456789ab", "aabbccddeeff", "a0b1c2d3e4f5", "123456789abc")


def locate(data: bytes, at: int) -> tuple[int, int] | None:
    """(start, end) of the address that begins at byte `at`, or None."""
    found = _WHOLE.match(data, at)
    if found is None or (at and (data[at - 1 : at].isalnum() or data[at - 1 : at] in b":-_")):
        return None
    code = re.sub(r"[^0-9a-f]", "", found[0].decode("ascii").lower())
    if int(code[:2], 16) & 1 or len(set(code)) < 4 or code.startswith("00005e0053") or code in _EXAMPLES:
        return None
    return found.span()
