"""What a page says of itself in its markup: title, language, licence, and its meta elements. Read from the characters, without a tree."""

import html
import re
from dataclasses import dataclass
from typing import Any

_HEAD_CHARS = 1 << 16
_HTML_LANG = re.compile(r"<html\b[^>]*?\blang\s*=\s*[\"']?([A-Za-z0-9\-_]{2,20})", re.IGNORECASE)
_TITLE = re.compile(r"<title[^>]*>(.{1,1000}?)</title", re.IGNORECASE | re.DOTALL)
_META = re.compile(r"<meta\b[^>]{1,600}>", re.IGNORECASE)
_ATTRIBUTE = re.compile(r"([a-zA-Z\-:]+)\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s>\"']+))")
_LICENCE = re.compile(r"<(?:a|link)\b[^>]*\brel\s*=\s*[\"']?[^\"'>]*\blicen[sc]e\b[^>]*>", re.IGNORECASE)


@dataclass(frozen=True)
class Head:
    """`columns` of DOCUMENTS, and the (lower-case name, content) of each named meta element, in order."""

    columns: dict[str, Any]
    metas: list[tuple[str, str]]


def read_head(page: str) -> Head:
    """A page's characters -> its Head: html_lang, title, licence (null where the page names none)."""
    head = page[:_HEAD_CHARS]
    language = _HTML_LANG.search(head)
    licence = None
    if ("licen" in page or "LICEN" in page) and (found := _LICENCE.search(page)):
        licence = attributes(found.group(0)).get("href")
    metas = []
    for element in _META.findall(head):
        given = attributes(element)
        if name := given.get("name", "").lower():
            metas.append((name, given.get("content", "")))
    columns = {"html_lang": language.group(1) if language else None, "title": read_title(page), "licence": licence}
    return Head(columns, metas)


def read_title(page: str) -> str | None:
    """The <title>, white space folded, at most 500 characters."""
    found = _TITLE.search(page, 0, _HEAD_CHARS)
    return (" ".join(html.unescape(found.group(1)).split())[:500] or None) if found else None


def attributes(element: str) -> dict[str, str]:
    """A start tag's attributes by lower-case name, entities resolved."""
    return {
        m.group(1).lower(): html.unescape(m.group(2) or m.group(3) or m.group(4) or "")
        for m in _ATTRIBUTE.finditer(element)
    }
