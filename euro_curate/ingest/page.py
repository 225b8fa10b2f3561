"""One record -> one row of DOCUMENTS: the cascade of gates, cheap ones first, and extraction for the pages that pass them all.

A gate that stops a page writes its verdict into `stop`. What no gate stops is read block by block, and where that is in doubt
by trafilatura, which costs 10-20 ms.
"""

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import xxhash
from resiliparse.parse.encoding import detect_mime

from euro_curate import text
from euro_curate.ingest.blocks import Page, read_page
from euro_curate.ingest.decode import Undecodable, decode, unpack
from euro_curate.ingest.extract import main_text, parse, plain_text
from euro_curate.ingest.head import read_head, read_title
from euro_curate.ingest.records import Record
from euro_curate.ingest.urls import UrlRules
from euro_curate.langid import LangId
from euro_curate.langid import gate as language_gate
from euro_curate.languages import UNKNOWN, languages
from euro_curate.optout import DEFAULT, check_signals, excluded, statements, training_agents

EXTRACTORS = ("blocks", "trafilatura")


@dataclass(frozen=True)
class Ingest:
    """Parameters of `ingest`: everything that decides what a page's row holds."""

    languages: tuple[str, ...] = ()  # codes wanted; () = all 24. Pages in others are not extracted
    gate: bool = True  # look at the plain text's language before extraction
    langid: LangId = field(default_factory=LangId)
    min_bytes: int = 1  # of the body as sent, unpacked
    max_bytes: int = 8 << 20  # beyond, trafilatura takes minutes and gigabytes
    min_plain_chars: int = 100  # plain text of the whole page; less cannot hold fifty words
    opt_out: tuple[str, ...] = DEFAULT  # signals that exclude a page, its own and its site's; all are recorded
    agents: tuple[str, ...] = ()  # whose exclusion is one of training; () = optout/agents.toml
    urls: UrlRules = field(default_factory=UrlRules)  # addresses that are not wanted
    max_tags: int = 250_000  # in a page's HTML, closing ones too: work and memory are linear in it
    extractor: str = "blocks"  # blocks: our own, trafilatura where that is in doubt; or trafilatura for every page
    fast: bool = True  # trafilatura's fast path first, the full one when it finds nothing
    precision: bool = False  # trafilatura's favor_precision
    tables: bool = True  # trafilatura keeps tables, as lines of text
    page_timeout_s: float = 60.0  # backstop; a culprit is tried once more with twice the time
    page_memory_bytes: int = 4 << 30  # data segment of the process that handles pages

    def __post_init__(self) -> None:
        check_signals(self.opt_out)
        if not self.agents:
            object.__setattr__(self, "agents", training_agents())
        if self.extractor not in EXTRACTORS:
            raise ValueError(f"ingest.extractor: {self.extractor!r}; choices: {', '.join(EXTRACTORS)}")
        if self.page_timeout_s <= 0 or self.max_bytes < self.min_bytes:
            raise ValueError("ingest: page_timeout_s must be above 0, max_bytes at least min_bytes")

    @property
    def wanted(self) -> tuple[str, ...]:
        return self.languages or tuple(languages())


Row = dict[str, Any]


class _Stop(Exception):
    """Ends the cascade: args = (verdict, evidence)."""


def blank_row(record: Record) -> Row:
    """The row of a page of which only the record's own fields are known."""
    url = text.utf8([record.url.strip("<> \t\r\n")])[0] if record.url else None
    return {
        "url": url,
        "host": _host(url),
        "crawled_at": parse_date(record.date),
        "offset": record.offset,
        "status": record.status if record.status is None or 0 <= record.status < 1000 else 0,  # servers send anything
        "mime": None,
        "charset": None,
        "html_lang": None,
        "title": None,
        "canonical_url": None,
        "published": None,
        "content_language": None,
        "last_modified": None,
        "text": "",
        "bytes_in": len(record.body),
        "gate_language": None,
        "gate_score": None,
        "licence": None,
        "licence_id": None,
        "licence_from": None,
        "opt_out": None,
        "stop": None,
        "evidence": None,
    }


def page_row(record: Record, p: Ingest) -> Row:
    """The row of DOCUMENTS for one record, without id and source. Never raises for what a page may hold."""
    row = blank_row(record)
    try:
        _fill(row, record, p)
    except _Stop as stop:
        row["stop"], row["evidence"] = stop.args
        row["text"] = ""
    except MemoryError:
        row["stop"], row["text"] = "extract:memory", ""
    except Exception as error:  # a page cannot fail a run: what no gate foresaw is an extraction error on record
        row["stop"], row["evidence"], row["text"] = "extract:error", type(error).__name__, ""
    for name, value in row.items():
        if isinstance(value, str):
            row[name] = text.utf8([value])[0]
    return row


def _fill(row: Row, record: Record, p: Ingest) -> None:
    content_type = _header(record, "content-type") or ""
    if record.status is not None and record.status != 200:
        raise _Stop("http:status", str(record.status))
    if record.kind == "conversion":
        row["mime"], row["charset"] = "text/plain", "utf-8"
        if record.blocked:
            raise _Stop(*record.blocked)
        _accept_text(row, record.body.decode("utf-8", "replace"), p)
        return
    if not record.body:
        raise _Stop("size:empty", None)
    try:
        body = unpack(record.body, record.headers)
    except Undecodable as error:
        raise _Stop("encoding:body", str(error)) from error
    if len(body) < p.min_bytes:
        raise _Stop("size:empty", None)
    row["mime"] = mime_of(content_type, body)
    if row["mime"] not in ("text/html", "application/xhtml+xml"):
        raise _Stop("mime:type", row["mime"])
    if len(body) > p.max_bytes:
        raise _Stop("size:large", f"{len(body)} bytes")
    try:
        page, row["charset"] = decode(body, content_type)
    except Undecodable as error:
        raise _Stop("encoding:charset", str(error)) from error
    if record.blocked:
        raise _Stop(*record.blocked)
    page = page.replace("\x00", "")
    head = read_head(page, record.headers, row["url"], row["crawled_at"])
    row |= head.columns
    row["opt_out"] = statements(record.headers, head.metas, head.links)
    if signal := excluded(row["opt_out"], p.opt_out, p.agents):
        raise _Stop(f"opt_out:{signal.replace('-', '_')}", row["opt_out"])
    row |= _look(page, xxhash.xxh3_128_digest(body) + row["charset"].encode(), p)
    if row["stop"]:
        raise _Stop(row["stop"], row["evidence"])


_SEEN_PAGES = 5000
_seen: dict[bytes, Row] = {}  # what _look() found under _seen_with, by bytes: crawls hold the same bytes at many URLs
_seen_with: Ingest | None = None


def _look(page: str, key: bytes, p: Ingest) -> Row:
    """What the characters alone decide: language of the plain text, text, and perhaps stop and evidence. Pure, so equal pages share it."""
    global _seen_with
    if p is not _seen_with or len(_seen) >= _SEEN_PAGES:
        _seen.clear()
        _seen_with = p
    if key not in _seen:
        found: Row = {"stop": None, "evidence": None}
        try:
            _look_once(found, page, p)
        except _Stop as stop:
            found["stop"], found["evidence"] = stop.args
        _seen[key] = found
    return _seen[key]


def _look_once(row: Row, page: str, p: Ingest) -> None:
    if (tags := page.count("<")) > p.max_tags:
        raise _Stop("extract:large", f"{tags} tags")
    seen = read_page(page)
    plain = seen.plain_text()
    if len(plain) < p.min_plain_chars:
        raise _Stop("extract:short", f"{len(plain)} characters on the whole page")
    if p.gate:
        guess, passes = language_gate(plain, p.wanted, p.langid)
        row["gate_language"], row["gate_score"] = guess.label, guess.score
        if not passes:
            raise _Stop("language:other" if guess.language != UNKNOWN else "language:und", None)
    links, share = seen.links()
    if links >= MANY_LINKS and share >= _ALL_LINKS:
        raise _Stop("extract:links", f"{share:.0%} of the page's text")
    row["text"] = _main_text(page, seen, p)
    if not row["text"]:
        raise _Stop("extract:empty", None)


_SURE = 0.55  # mean probability of the main text's characters; below (2 % of gold pages), trafilatura's text is the better one


def _main_text(page: str, seen: Page, p: Ingest) -> str:
    """By the recipe's extractor. Where our own is in doubt, trafilatura's text stands, if it finds any."""
    found = ""
    if p.extractor == "blocks":
        found, sure = seen.main_text()
        if sure >= _SURE or seen.too_deep():  # trafilatura recurses
            return found
    tree = parse(page)
    careful = main_text(tree, len(plain_text(tree)), p.fast, p.precision, p.tables) if tree is not None else ""
    return careful or found


LATE = ("urls", "opt_out", "agents")  # parameters that decide which pages are stopped, and nothing else of any page


def unchanged(row: Row, record: Record, p: Ingest) -> bool:
    """Whether a row that was made with other LATE parameters is what page_row would make of its record with these."""
    family = (row["stop"] or "").partition(":")[0]
    if family in ("url", "opt_out"):
        return (
            False  # it may pass now, or be stopped by another list: made again, at little cost where it does not pass
        )
    earlier_gate = family in ("http", "mime", "size", "encoding")
    return earlier_gate or not (record.blocked or excluded(row["opt_out"], p.opt_out, p.agents))


def _accept_text(row: Row, body: str, p: Ingest) -> None:
    """Text inputs: no extraction, the same gate for emptiness."""
    row["text"] = body.strip()
    if not row["text"]:
        raise _Stop("extract:empty", None)


def text_row(body: str, url: str | None, date: str | None, row_number: int, p: Ingest) -> Row:
    """The row of a document that comes as text (JSONL, Parquet), under the same rules as a record."""
    raw = body.encode("utf-8", "replace")
    return page_row(Record(None, url, date, row_number, "conversion", None, [], raw, p.urls.match(url)), p)


MANY_LINKS = 2000  # indexes, site maps, archives of tags: no text, and trafilatura takes seconds for them
_ALL_LINKS = 0.8  # of a page's text


# --- the parts of a page -----------------------------------------------------------------------------------------------------


def _header(record: Record, name: str) -> str | None:
    return next((value for key, value in record.headers if key.lower() == name), None)


_VAGUE = (
    "",
    "text/plain",
    "application/octet-stream",
    "binary/octet-stream",
    "application/x-unknown-content-type",
    "text/*",
    "*/*",
    "unknown/unknown",
)
_MAGIC = (
    (b"%PDF-", "application/pdf"),
    (b"\x89PNG\r\n", "image/png"),
    (b"GIF8", "image/gif"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"PK\x03\x04", "application/zip"),
)


def mime_of(content_type: str, body: bytes) -> str:
    """The media type: by magic number, else as declared, else sniffed."""
    for magic, kind in _MAGIC:
        if body.startswith(magic):
            return kind
    declared = content_type.split(";", maxsplit=1)[0].strip().lower()
    if declared not in _VAGUE:
        return declared
    if re.match(rb"\s*(<!--.{0,2000}?-->\s*)*<(!doctype html|html|head|body)", body[:4096], re.IGNORECASE | re.DOTALL):
        return "text/html"
    sniffed: str = detect_mime(body[:4096])
    return declared if declared and sniffed == "application/octet-stream" else sniffed


def _host(url: str | None) -> str | None:
    try:
        return urlsplit(url).hostname if url else None
    except ValueError:
        return None


def parse_date(value: object) -> datetime | None:
    """WARC-Date, ISO 8601 or an ARC's 14 digits, to UTC seconds; None if it is none of these."""
    if isinstance(value, datetime):
        return value.replace(microsecond=0, tzinfo=value.tzinfo or UTC)
    written = str(value or "").strip()
    try:
        moment = (
            datetime.strptime(written, "%Y%m%d%H%M%S")
            if re.fullmatch(r"\d{14}", written)
            else datetime.fromisoformat(written)
        )
        return (moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)).replace(microsecond=0)
    except (ValueError, OverflowError):
        return None


@cache
def _alone(extractor: str) -> Ingest:
    return Ingest(extractor=extractor)


def extract_page(page: str, extractor: str = Ingest.extractor) -> tuple[str, str | None, str | None]:
    """HTML text -> (main text, title, stop), with the default settings and no gate but size; for `euro-curate extract`."""
    row, p = blank_row(Record(None, None, None, 0, "resource", None, [], b"")), _alone(extractor)
    try:
        if len(page) > p.max_bytes or page.count("<") > p.max_tags:
            raise _Stop("size:large" if len(page) > p.max_bytes else "extract:large", None)
        page = page.replace("\x00", "")
        row["title"] = read_title(page)
        row["text"] = text.utf8([_main_text(page, read_page(page), p)])[0]
        if not row["text"]:
            raise _Stop("extract:empty", None)
    except _Stop as stop:
        row["stop"] = stop.args[0]
    except Exception as error:  # as in page_row
        row["stop"], row["text"] = "extract:memory" if isinstance(error, MemoryError) else "extract:error", ""
    return row["text"], row["title"], row["stop"]
