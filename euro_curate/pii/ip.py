"""Public IP addresses, v4 and v6. Private and documentation ranges name nobody and stay."""

import ipaddress
import re

V4 = rb"[0-9]{1,3}(?:\.[0-9]{1,3}){3}"
_HEX = rb"[0-9A-Fa-f]"
V6 = _HEX + rb"{1,4}:" + _HEX + rb"{1,4}:" + _HEX + rb"{0,4}:|" + _HEX + rb"{3,4}::" + _HEX
TRIGGER = V4 + rb"|" + V6

FORM = re.compile(V4)
_V4 = re.compile(V4 + rb"(?![0-9]|\.[0-9])")
_V6 = re.compile(_HEX + rb"{1,4}(?::" + _HEX + rb"{0,4}){2,7}")
_AFTER_V4 = re.compile(rb"[A-Za-z_]")
# v2.14.3.1, Kap. 3.1.2.5, Firefox/80.1.2.33, lib-80.1.2.33: a product, a section
_GLUED = re.compile(r"[\w.§\-]|\w/|[^\W\d]:")
_NUMBERED = re.compile(
    r"(?:v|ver|vers|version\w*|versi\w*|verz\w*|wers\w*|vrsta|verzij\w*|različic\w*|inačic\w*|leagan|έκδοσ\w*|верси\w*|release\w*|firmware|build|kap"
    r"|art|§+|abs|sec\w*|odst\w*|annex|iso|kernel|oid)",
    re.IGNORECASE,
)
_ADDRESS = re.compile(r"(?:ip\w*|host\w*|server\w*|addr\w*|adres\w*|dns|inet)", re.IGNORECASE)
_NUMBERING, _MANY = 20, 3  # three numbers of four below: a section or a version, hardly ever an address


def locate(data: bytes, at: int) -> tuple[int, int] | None:
    """(start, end) of a public address that begins at byte `at`, or None: version and section numbers, private ranges."""
    found = _V4.match(data, at, at + 16)
    if found is None:
        return _locate_v6(data, at)
    if _AFTER_V4.match(data, found.end()) or (address := _parsed(found[0])) is None:
        return None
    before = data[max(0, at - 24) : at].decode("utf-8", "ignore")
    word = before.rstrip(" .:-\t\xa0\n").rpartition(" ")[2].rpartition("(")[2]
    if _ADDRESS.fullmatch(word) or (before[-1:] == "-" and before[-2:-1].isdigit()):
        return found.span()
    small = sum(octet < _NUMBERING for octet in address.packed) >= _MANY
    if small or _GLUED.fullmatch(before[-1:]) or _GLUED.fullmatch(before[-2:]) or _NUMBERED.fullmatch(word):
        return None
    return found.span()


def _locate_v6(data: bytes, at: int) -> tuple[int, int] | None:
    found = _V6.match(data, at, at + 48)
    if found is None or (at and (chr(data[at - 1]).isalnum() or data[at - 1 : at] in b"_:.")):
        return None
    text = found[0].rstrip(b":")
    end = at + len(text)
    if data[end : end + 1].isalnum() or (b"::" not in text and text.count(b":") < 7) or _parsed(text) is None:
        return None
    return at, end


def _parsed(text: bytes) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(text.decode("ascii"))
    except ValueError:
        return None
    return address if address.is_global and not address.is_multicast else None
