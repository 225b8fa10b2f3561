"""E-mail addresses, internationalised ones too (RFC 6531): local part, @, a domain with at least one dot."""

from collections.abc import Sequence

PATTERN = rb"[\pL\pM\pN._%+\-]+@[\pL\pM\pN\-]+(?:\.[\pL\pM\pN\-]+)+"

_FILES = (".png", ".jpg", ".jpeg", ".gif", ".svg", ".webp")  # image@2x.png


def confirm(candidate: str, before: str, after: str, countries: Sequence[str]) -> tuple[int, int] | None:
    """Trims punctuation at the ends; refuses file names and top-level domains with digits."""
    start, end = 0, len(candidate)
    while end and not candidate[end - 1].isalnum():
        end -= 1
    while start < end and not (candidate[start].isalnum() or candidate[start] in "_%+"):
        start += 1
    local, _, domain = candidate[start:end].partition("@")
    host, _, top = domain.rpartition(".")
    if not local or not host or len(top) < 2 or (any(c.isdigit() for c in top) and not top.startswith("xn--")):
        return None
    if domain.casefold().endswith(_FILES):
        return None
    return start, end
