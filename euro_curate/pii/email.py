"""E-mail addresses, internationalised ones too (RFC 6531), and written with (at) and (dot) for @ and `.`.

The scan finds the @ alone; the address is read from there to both sides, never further than the longest there may be (RFC 5321).
"""

import re

_AT = ("at", "AT", "At", "ät", "et", "chez", "arroba", "chiocciola", "malpa", "małpa", "kukac", "zavinac", "zavináč", "snabel-a", "alfakrøll",
       "apestaartje", "apenstaartje", "afna", "маймунско а", "παπάκι", "Klammeraffe", "affenschwanz", "@")  # fmt: skip
_DOT = r"(?:\.| ?[\[({] ?(?:dot|DOT|\.|punkt|Punkt|punt|punto|ponto|point|kropka|tecka|tečka|bodka|pont|piste|punct|tocka|točka|точка|τελεία) ?[\])}] ?)"

TRIGGER = rb"@[0-9A-Za-z_\-\x80-\xff]| ?[\[({] ?(?:" + "|".join(map(re.escape, _AT)).encode() + rb") ?[\])}] ?"

_LOCAL, _DOMAIN = 64 * 2, 255  # bytes; letters outside ASCII take two
_RUN = re.compile(rb"[A-Za-z0-9.!#$&'*+/=?^_%{|}~\-\x80-\xff]+")
_NAME = re.compile(r"[\w.+%&'=~\-\u0300-\u036f]+\Z")
_HOST = re.compile(rf"(?:[\w\-\u0300-\u036f]+{_DOT})+[\w\-\u0300-\u036f]+")
_HOSTLIKE = re.compile(rb"[\w\-.\x80-\xff]{0,%d}" % _DOMAIN)
_FILES = {"png", "jpg", "jpeg", "gif", "svg", "webp", "js", "css", "html", "htm", "php", "service", "md", "json", "ts"}
_NOBODY = ".invalid"  # RFC 6761: our own stand-ins


def locate(data: bytes, at: int, end: int) -> tuple[int, int] | None:
    """(start, end) of the address whose @ is data[at:end], or None."""
    before = data[max(0, at - _LOCAL - 1) : at]
    run = _RUN.match(before[::-1])
    if run is None or run.end() > _LOCAL:
        return None
    name = _NAME.search(before[len(before) - run.end() :].decode("utf-8", "ignore"))
    host = _HOST.match(data[end : end + _DOMAIN].decode("utf-8", "ignore"))
    if name is None or host is None:
        return None
    after = end + len(host[0].encode())
    if data[after : after + 1] == b"@":  # a@b.c@d.e: the last of them is the address
        return None
    local = name[0].lstrip(".+%&'=~-")
    domain = host[0].rstrip("-_")
    top = re.split(r"[.\s\])}]+", domain)[-1]
    spelled = data[at:end] != b"@" and "." not in domain
    if not local or local[-1] in ".&'=~" or len(domain.encode()) >= _DOMAIN - 4 or not _top_level(top):
        return None
    if top.casefold() in _FILES or domain.casefold().endswith(_NOBODY) or (spelled and not domain):
        return None
    return at - len(local.encode()), end + len(domain.encode())


def seen(data: bytes, end: int) -> int:
    """Up to where locate() looks behind an @ that ends at byte `end`; 0: further, as a dot may be spelled out there."""
    host = _HOSTLIKE.match(data, end)
    assert host is not None
    after = host.end()
    return 0 if any(bracket in data[after : after + 2] for bracket in b"[({") else after + 2


def _top_level(name: str) -> bool:
    return name.startswith("xn--") or (len(name) >= 2 and all(c.isalpha() for c in name))
