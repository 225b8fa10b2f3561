"""Hosts: one spelling for each, whatever case, port, trailing dot or alphabet its address was written in."""

import re
from functools import lru_cache
from urllib.parse import urlsplit

# What nearly all addresses are, read at once; urlsplit gives the same for them, at ten times the price.
_PLAIN = re.compile(r"https?://([a-z0-9\-_]+(?:\.[a-z0-9\-_]+)*)(/[^?#\s<>]*)?(\?[^#\s<>]+)?(?:#[^\s<>]*)?\Z", re.ASCII)
_DEFAULT_PORTS = {"http": 80, "https": 443}


@lru_cache(maxsize=65536)
def plain_host(host: str) -> str:
    """A host as DNS knows it: lower case, no trailing dot, internationalised names in their ASCII form (as is, if they have none)."""
    host = host.strip().rstrip(".").lower()
    if host.isascii():
        return host
    import idna

    try:
        return idna.encode(host, uts46=True).decode("ascii")
    except UnicodeError:  # IDNAError is one
        return host


def split_url(url: str | None) -> tuple[str, str, str] | None:
    """An absolute URL -> (host as in plain_host, `:port` unless it is the scheme's own, path with its query); None if it has no host."""
    if url and (plain := _PLAIN.match(url)):
        return plain[1], "", (plain[2] or "/") + (plain[3] or "")
    if url and not url.isascii():
        url = url.encode("utf-8", "replace").decode()  # crawlers write lone surrogates, which nothing can encode
    try:
        parts = urlsplit(url.strip("<> \t\r\n")) if url else None
        port = parts.port if parts else None
        host = parts.hostname if parts else None
    except ValueError:
        return None
    if parts is None or not host:
        return None
    suffix = "" if port in (None, _DEFAULT_PORTS.get(parts.scheme)) else f":{port}"
    return plain_host(host), suffix, (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def site_of(url: str | None) -> str | None:
    """Whose robots.txt is meant: host and port. http and https are one site here: their files are the same nearly always."""
    parts = split_url(url)
    return parts[0] + parts[1] if parts else None
