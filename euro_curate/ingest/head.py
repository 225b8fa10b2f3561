"""What a page says of itself: title, language, dates, licence, canonical address, and its meta and link elements.

Read from the characters, without a tree, so that a reservation is known before anything is parsed. One pass over the tags of the first
64 Ki characters, then searches for single words; every pattern is linear, as pages of 8 MB may be built to catch those that are not.
"""

import html
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urljoin, urlsplit

_HEAD_CHARS = 1 << 16
_TAG_CHARS = 4096  # of one start tag: a quote that nobody closes is not followed further
_MOST_TAGS = 1000  # of the kinds that are read
_MOST_CHARS = 2000  # of one value

_TAG = re.compile(r"<(html|meta|link|base|time)(?=[\s/>])", re.IGNORECASE)
_ATTRIBUTE = re.compile(r"[\s/]*([^\s\"'<>/=]+)(?:\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s\"'<>]+))|)")
_TITLE = re.compile(r"<title(?=[\s>])[^<>]{0,300}>", re.IGNORECASE)
_TITLE_END = re.compile(r"</title", re.IGNORECASE)
_LANGUAGE = re.compile(r"[A-Za-z0-9\-_]{2,20}")

Headers = Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Link:
    """A link: an element, or an entry of a Link header."""

    rel: tuple[str, ...]  # lower-case relation types
    href: str
    type: str  # media type, lower-case, perhaps ""
    where: str  # header | link


@dataclass(frozen=True)
class Head:
    """`columns` of DOCUMENTS; (lower-case name, content) of each meta element, in order; links of headers, then of elements."""

    columns: dict[str, Any]
    metas: list[tuple[str, str]]
    links: list[Link]


def read_head(page: str, headers: Headers = (), url: str | None = None, crawled_at: datetime | None = None) -> Head:
    """A page's characters, HTTP headers, address and capture time -> its Head. What the page does not state is null."""
    metas, links, times = [], _header_links(headers), []
    language, base = None, url or ""
    for name, given in _tags(_without_comments(page[:_HEAD_CHARS])):
        if name == "meta":
            key = given.get("name") or given.get("property") or given.get("itemprop") or given.get("http-equiv")
            if key:
                metas.append((key.strip().lower(), given.get("content", "")))
        elif name == "link":
            rel = tuple(given.get("rel", "").lower().split())
            links.append(Link(rel, given.get("href", "").strip(), given.get("type", "").strip().lower(), "link"))
        elif name == "time":
            times.append(given.get("datetime", ""))
        elif name == "base" and given.get("href"):
            base = _absolute(given["href"], url or "") or base
        elif name == "html" and language is None:
            language = _LANGUAGE.fullmatch(given.get("lang", "") or given.get("xml:lang", ""))
    blocks = _json_ld(page)
    licence, licence_from = _licence(page, metas, links, blocks, base)
    columns = {
        "html_lang": language.group(0) if language else None,
        "title": read_title(page) or _folded(_first(metas, ("og:title",))),
        "canonical_url": _canonical(links, base),
        "published": _published(metas, times, blocks, crawled_at),
        "content_language": _folded(_header(headers, "content-language"), 100),
        "last_modified": _http_date(_header(headers, "last-modified")),
        "licence": licence,
        "licence_id": creative_commons(licence) if licence else None,
        "licence_from": licence_from,
    }
    return Head(columns, metas, links)


def read_title(page: str) -> str | None:
    """The <title>, entities resolved, white space folded, at most 500 characters."""
    start = _TITLE.search(page, 0, _HEAD_CHARS)
    end = _TITLE_END.search(page, start.end(), start.end() + _MOST_CHARS) if start else None
    return _folded(html.unescape(page[start.end() : end.start()])) if start and end else None


def _folded(value: str | None, most: int = 500) -> str | None:
    return (" ".join(value.split())[:most] or None) if value else None


def _header(headers: Headers, name: str) -> str | None:
    return next((value for key, value in headers if key.lower() == name), None)


def _first(metas: list[tuple[str, str]], names: tuple[str, ...]) -> str | None:
    """The content of the first meta element of the first of these names that says something."""
    return next((content.strip() for name in names for key, content in metas if key == name and content.strip()), None)


# --- tags --------------------------------------------------------------------------------------------------------------------


def _without_comments(markup: str) -> str:
    """Comments taken out; one that never ends stays, as browsers drop all the rest and we would rather know what it says."""
    kept, at = [], 0
    while (start := markup.find("<!--", at)) >= 0 and (end := markup.find("-->", start + 4)) >= 0:
        kept.append(markup[at:start])
        at = end + 3
    return "".join([*kept, markup[at:]])


def _tags(markup: str) -> list[tuple[str, dict[str, str]]]:
    """(lower-case name, attributes) of the start tags that matter here."""
    return [
        (found.group(1).lower(), attributes(markup, found.end()))
        for found, _ in zip(_TAG.finditer(markup), range(_MOST_TAGS), strict=False)
    ]


def attributes(markup: str, at: int) -> dict[str, str]:
    """The attributes of a start tag whose name ends at `at`: by lower-case name, the first of each, entities resolved."""
    found: dict[str, str] = {}
    end = at + _TAG_CHARS
    while match := _ATTRIBUTE.match(markup, at, end):
        value = match[2] or match[3] or match[4] or ""
        found.setdefault(match[1].lower(), html.unescape(value) if "&" in value else value)
        at = match.end()
    return found


_LINK_HEADER = re.compile(r"<([^<>]*)>([^<>]*)")
_LINK_PARAMETER = re.compile(r";\s*(rel|type)\s*=\s*(?:\"([^\"]*)\"|([^\s\";,]+))", re.IGNORECASE)


def _header_links(headers: Headers) -> list[Link]:
    """Link headers (RFC 8288). Parameters never hold angle brackets, so what lies between two targets belongs to the first."""
    links = []
    for name, value in headers:
        if name.lower() == "link":
            for target, rest in _LINK_HEADER.findall(value[: 4 * _TAG_CHARS]):
                given = {key.lower(): quoted or plain for key, quoted, plain in _LINK_PARAMETER.findall(rest)}
                rel = tuple(given.get("rel", "").lower().split())
                links.append(Link(rel, target.strip(), given.get("type", "").strip().lower(), "header"))
    return links


def _absolute(href: str, base: str) -> str | None:
    """A web address resolved against its base; None if that makes none."""
    try:
        target = urljoin(base, href.strip())
        parts = urlsplit(target)
    except ValueError:
        return None
    return target if parts.scheme in ("http", "https") and parts.hostname and len(target) <= _MOST_CHARS else None


def _canonical(links: list[Link], base: str) -> str | None:
    """The page's own element before the server's header."""
    named = [link for link in links if "canonical" in link.rel and link.href]
    for link in sorted(named, key=lambda link: link.where == "header"):
        if target := _absolute(link.href, base):
            return target
    return None


# --- licences ----------------------------------------------------------------------------------------------------------------

_RIGHTS = ("dcterms.license", "dc.rights.license", "dcterms.rights", "dc.rights", "license", "licence", "copyright-license",
           "og:license", "article:license", "cc:license", "xhv:license")  # fmt: skip
_REL_LICENCE = re.compile(r"rel\s{0,9}=\s{0,9}[\"']?[^\"'<>=]{0,60}\blicen[sc]e\b")  # a literal start: 20 times faster
_JSON_LICENCE = re.compile(r"\"license\"\s*:\s*(?:\{[^{}]{0,300}?\"(?:@id|url)\"\s*:\s*)?(\"[^\"]{1,500}\")")
_CC_URL = re.compile(
    r"creativecommons\.org/(licenses|publicdomain)/([a-z\-+]{2,20})(?:/(\d\.\d))?(?:/([a-z]{2,3})(?![a-z.]))?",
    re.IGNORECASE,
)
_CC_TEXT = re.compile(r"\bCC[ \-]?(BY(?:[ \-](?:NC|ND|SA))*|0)\b(?:[ \-](\d\.\d))?", re.IGNORECASE)
RSL = "application/rsl+xml"  # terms to be fetched and followed, no licence that is granted: see optout/signals.py


def creative_commons(licence: str) -> str | None:
    """A Creative Commons deed's URL or name -> its short form: CC-BY-SA-4.0, CC-BY-3.0-DE, CC0-1.0, CC-PDM-1.0, CC-BY; else None."""
    if found := _CC_URL.search(licence):
        kind, name, version, country = found.groups()
        name = name.strip("-").upper()
        if kind.lower() == "publicdomain":
            stem = {"ZERO": "CC0", "MARK": "CC-PDM"}.get(name)
            return f"{stem}-{version or '1.0'}" if stem else None
        if name.split("-")[0] not in ("BY", "NC", "ND", "SA"):
            return None
        return "-".join(["CC", name, *([version] if version else []), *([country.upper()] if country else [])])
    if found := _CC_TEXT.search(licence):
        name, version = found.group(1).upper().replace(" ", "-"), found.group(2)
        stem = "CC0" if name == "0" else f"CC-{name}"
        return "-".join([stem, *([version] if version else ["1.0"] if name == "0" else [])])
    return None


def _licence(
    page: str, metas: list[tuple[str, str]], links: list[Link], blocks: list[str], base: str
) -> tuple[str | None, str | None]:
    """(URL or text, where it stood): what is said of the whole page first, a mere mention of a Creative Commons deed last."""
    for link in links:
        if "license" in link.rel and link.href and link.type != RSL:
            return _absolute(link.href, base) or link.href[:_MOST_CHARS], link.where
    for found in (content for name in _RIGHTS for key, content in metas if key == name):
        if creative_commons(found) or found.startswith(("http://", "https://")) or "licen" in found.lower():
            return " ".join(found.split())[:500], "meta"
    for block in blocks:
        for match in _JSON_LICENCE.finditer(block):
            before = block[max(0, match.start() - _MOST_CHARS) : match.start()]
            of_a_picture = "ImageObject" in before[before.rfind('"@type"') :][:60] if '"@type"' in before else False
            if not of_a_picture and (text := _string(match[1])):
                return _absolute(text, base) or text[:500], "jsonld"
    if "licen" in page:
        for found_at, _ in zip(_REL_LICENCE.finditer(page), range(_MOST_TAGS // 10), strict=False):
            start = page.rfind("<", max(0, found_at.start() - _TAG_CHARS), found_at.start())
            if start >= 0 and page[start + 1 : start + 2] in "aA" and page[start + 2 : start + 3].isspace():
                given = attributes(page, start + 2)
                if given.get("href") and "license" in given.get("rel", "").lower().replace("licence", "license"):
                    return _absolute(given["href"], base) or given["href"][:_MOST_CHARS], "a"
    if (at := page.find("creativecommons.org/")) >= 0 and (deed := _CC_URL.search(page, at)):
        return f"https://{deed.group(0)}", "mention"
    return None, None


# --- JSON-LD and dates -------------------------------------------------------------------------------------------------------

_LD = "application/ld+json"
_MOST_BLOCKS = 20
_BLOCK_CHARS = 1 << 16


def _json_ld(page: str) -> list[str]:
    """The text of JSON-LD scripts, not parsed: two strings of them are wanted, and many are broken."""
    blocks: list[str] = []
    at = page.find(_LD)
    while at >= 0 and len(blocks) < _MOST_BLOCKS:
        end = page.find("</script", at)
        end = min(end if end >= 0 else len(page), at + _BLOCK_CHARS)
        blocks.append(page[at + len(_LD) : end])
        at = page.find(_LD, end)
    return blocks


def _string(quoted: str) -> str | None:
    """A JSON string's value."""
    try:
        value = json.loads(quoted, strict=False)
    except ValueError:
        return None
    return value.strip() if isinstance(value, str) else None


_PUBLISHED = ("article:published_time", "datepublished", "og:published_time", "dcterms.issued", "dc.date.issued", "dcterms.created",
              "dc.date.created", "citation_publication_date", "citation_date", "publish-date", "publishdate", "publication_date",
              "pubdate", "article.published", "parsely-pub-date", "sailthru.date", "dcterms.date", "dc.date", "date")  # fmt: skip
_JSON_PUBLISHED = re.compile(r"\"datePublished\"\s*:\s*\"([^\"]{4,60})\"")
_YMD = re.compile(r"\s*(\d{4})([\-/.]?)(\d{2})\2(\d{2})(?!\d)")
_DMY = re.compile(r"\s*(\d{1,2})([./\-])(\d{1,2})\2(\d{4})(?!\d)")
_FIRST_YEAR = 1990  # of the web


def _published(
    metas: list[tuple[str, str]], times: list[str], blocks: list[str], crawled_at: datetime | None
) -> str | None:
    """The first stated day that can be one: meta elements, JSON-LD, then <time>. Not before the web, nor after the capture."""
    latest = (crawled_at + timedelta(days=1)).date() if crawled_at else date.max
    by_name = [content for name in _PUBLISHED for key, content in metas if key == name]
    in_json = [found for block in blocks for found in _JSON_PUBLISHED.findall(block)]
    for written in (*by_name, *in_json, *times[:1]):
        day = _day(written)
        if day and day.year >= _FIRST_YEAR and day <= latest:
            return day.isoformat()
    return None


def _day(written: str) -> date | None:
    """ISO 8601 and its relatives, 1.3.2024, 25/3/2024 (never 3/4/2024, which is two days), or an HTTP date."""
    try:
        if found := _YMD.match(written):
            return date(int(found[1]), int(found[3]), int(found[4]))
        if found := _DMY.match(written):
            day, month = int(found[1]), int(found[3])
            return date(int(found[4]), month, day) if found[2] == "." or day > 12 or day == month else None
        return parsedate_to_datetime(written[:60]).date()
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def _http_date(written: str | None) -> datetime | None:
    try:
        moment = parsedate_to_datetime((written or "")[:60])
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
