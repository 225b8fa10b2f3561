"""Machine-readable reservations of rights that a page carries itself: in its HTTP headers and meta elements."""

import re
from collections.abc import Sequence

SIGNALS = ("noai", "tdm-reservation", "noindex")


def reservations(headers: Sequence[tuple[str, str]], metas: Sequence[tuple[str, str]]) -> str | None:
    """HTTP headers and meta elements (name, content) -> what they reserve, as `signal=where; ...`; None if nothing."""
    signals: list[str] = []
    for key, value in headers:
        if key.lower() == "x-robots-tag":
            signals += _robots("header", value)
        if key.lower() == "tdm-reservation" and value.strip() == "1":
            signals.append("tdm-reservation=header")
    for name, content in metas:
        if name == "robots":
            signals += _robots("meta", content)
        if name == "tdm-reservation" and content.strip() == "1":
            signals.append("tdm-reservation=meta")
    return "; ".join(dict.fromkeys(signals)) or None


_AGENT = re.compile(r"\s*([a-z*][^\s:]*)\s*:(.*)", re.DOTALL)
_VALUED = (
    "max-snippet",
    "max-image-preview",
    "max-video-preview",
    "unavailable_after",
)  # directives with a colon of their own


def _robots(where: str, value: str) -> list[str]:
    """`noai` and `noindex` of a robots directive list. Directives scoped to one agent (`otherbot: noindex, nofollow`) are not for us."""
    directives, ours = set(), True
    for part in value.lower().split(","):
        scoped = _AGENT.fullmatch(part)
        if scoped and scoped.group(1) not in _VALUED:
            ours = scoped.group(1) == "*"
        if ours:
            directives.add((scoped.group(2) if scoped else part).strip())
    return [f"{signal}={where}" for signal in ("noai", "noindex") if signal in directives]
