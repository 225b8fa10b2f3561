"""Readable page sources -> the bundled sample crawl: two WARC files, the same bytes on every run.

    python pipelines/sample/build.py OUTPUT_DIR

Why a builder: native speakers read and correct HTML, not WARC, and git holds no valid personal identifier:
e-mail addresses, phone numbers, IBANs and IPs are drawn here, from a seed. README.md describes the format.
"""

import base64
import hashlib
import ipaddress
import random
import re
import sys
import tomllib
import uuid
import zlib
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from typing import get_origin, get_type_hints
from urllib.parse import urlsplit

FILES = 2  # the least that puts copies of a page in different files
GZIP_LEVEL = 6  # fixed: another level gives other bytes
CRAWL_START = datetime(2025, 3, 1, tzinfo=UTC)  # WARC-Date must not come from the clock
CRAWL_SECONDS = 14 * 24 * 3600  # a crawl lasts about two weeks
WARC_FIELDS = "application/warc-fields"
CHUNK_BYTES = 1000  # small, so that a chunked page really has several chunks
MAILBOXES = ("info", "post", "hello", "contact", "maria", "anna.k", "jan-p", "office2")

# language -> phone number and IBAN body of its main country (Ireland for English); # is a digit, A a letter.
# Phones are mobile, but for de and sv: set aside for fiction by the regulators. IBANs: the SWIFT registry.
NUMBERS = {
    "bg": ("+359 88 ### ####", "BG", "AAAA" + "#" * 14), "hr": ("+385 91 ### ####", "HR", "#" * 17),
    "cs": ("+420 602 ### ###", "CZ", "#" * 20), "da": ("+45 26 ## ## ##", "DK", "#" * 14),
    "nl": ("+31 6 1### ####", "NL", "AAAA" + "#" * 10), "en": ("+353 85 ### ####", "IE", "AAAA" + "#" * 14),
    "et": ("+372 5### ####", "EE", "#" * 16), "fi": ("+358 40 ### ####", "FI", "#" * 14),
    "fr": ("+33 6 1# ## ## ##", "FR", "#" * 23), "de": ("+49 30 23125 ###", "DE", "#" * 18),
    "el": ("+30 694 ### ####", "GR", "#" * 23), "hu": ("+36 20 ### ####", "HU", "#" * 24),
    "ga": ("+353 87 ### ####", "IE", "AAAA" + "#" * 14), "it": ("+39 347 ### ####", "IT", "A" + "#" * 22),
    "lv": ("+371 26 ### ###", "LV", "AAAA" + "#" * 13), "lt": ("+370 612 #####", "LT", "#" * 16),
    "mt": ("+356 99## ####", "MT", "AAAA" + "#" * 23), "pl": ("+48 60# ### ###", "PL", "#" * 24),
    "pt": ("+351 91# ### ###", "PT", "#" * 21), "ro": ("+40 72# ### ###", "RO", "AAAA" + "#" * 16),
    "sk": ("+421 905 ### ###", "SK", "#" * 20), "sl": ("+386 31 ### ###", "SI", "#" * 15),
    "es": ("+34 61# ### ###", "ES", "#" * 20), "sv": ("+46 70 174 06 6#", "SE", "#" * 20),
}  # fmt: skip


class SourceError(ValueError):
    """A page source that cannot be built; the message names the file and what to fix."""


@dataclass(frozen=True)
class Page:
    """One source file, read and checked: its body, and a field for every key of its TOML (see README.md)."""

    body: str
    url: str = ""
    language: str = ""
    charset: str = "utf-8"
    declared: str = "both"
    lie_charset: str = ""
    exact: list[str] = field(default_factory=list)
    near: list[str] = field(default_factory=list)
    status: int = 200
    content_type: str = "text/html"
    headers: dict[str, str | list[str]] = field(default_factory=dict)
    encoding: str = ""
    repeat: int = 0
    body_base64: str = ""

    def __post_init__(self) -> None:
        """Raise ValueError on anything that would build another page than the one its author meant."""
        urls = [self.url, *self.exact, *self.near]
        good = r"https://([a-z0-9-]+\.)+example/[!-~]*"
        in_meta = self.declared in ("meta", "both")
        is_html = self.content_type == "text/html" and not self.body_base64
        needs = "needs" if in_meta else "forbids"
        for bad, fix in (
            (not all(re.fullmatch(good, str(url)) for url in urls), f"every URL must match {good}: {urls}"),
            (len(set(urls)) < len(urls), f"give each copy its own URL: {urls}"),
            (self.language not in (*NUMBERS, "special"), f"folder: special or one of {sorted(NUMBERS)}"),
            (self.declared not in ("header", "meta", "both", "none"), "declared: header, meta, both or none"),
            (self.encoding not in ("", "gzip", "deflate", "br", "chunked"),
             "encoding: gzip, deflate, br or chunked"),
            (self.status not in list(HTTPStatus), f"{self.status} is no HTTP status"),
            (is_html and in_meta != ("{{charset}}" in self.body),
             f"declared = {self.declared!r} {needs} a <meta> with {{{{charset}}}}"),
            (bool(self.near) != ("data-near" in self.body), '`near` and data-near="drop" go together'),
            (bool(self.repeat) != ("{{repeat}}" in self.body), "`repeat` and {{repeat}} go together"),
            (bool(self.body_base64 and self.body.strip()), "has body_base64 and a body: remove one"),
        ):  # fmt: skip
            if bad:
                raise ValueError(fix)


def read_page(file: Path) -> Page:
    """One source file -> its Page. Its language is the key `language` or else the folder's name."""
    match = re.match(r"<!--page\n(.*?)-->\n?", text := file.read_text("utf-8"), re.DOTALL)
    if file.suffix != ".html" or match is None:
        raise ValueError("must be a .html file that begins with <!--page, TOML, -->; move other files away")
    keys = tomllib.loads(match[1])
    types = {key: get_origin(kind) or kind for key, kind in get_type_hints(Page).items() if key != "body"}
    for key, value in keys.items():
        if type(value) is not types.get(key):
            raise ValueError(f"key {key!r} is unknown or of the wrong type; known: {sorted(types)}")
    return Page(**{"language": file.parent.name, **keys, "body": text[match.end() :]})


def draw(rng: random.Random, pattern: str) -> str:
    """A pattern -> the same with every # a random digit and every A a random capital letter."""
    pick = {"#": "0123456789", "A": "ABCDEFGHIJKLMNOPQRSTUVWXYZ"}
    return "".join(rng.choice(pick.get(c, c)) for c in pattern)


def iban(rng: random.Random, country: str, pattern: str) -> str:
    """Country and body pattern -> a valid IBAN in groups of four (ISO 7064 mod 97-10, Spain's own digits)."""
    body = draw(rng, pattern)
    if country == "ES":  # bank and branch 8, check digits 2, account 10: validators check these two as well
        for at, part in ((8, "00" + body[:8]), (9, body[10:])):
            total = sum(2**place % 11 * int(digit) for place, digit in enumerate(part))
            body = body[:at] + "01234567891"[-total % 11] + body[at + 1 :]
    check = 98 - int("".join(str(int(c, 36)) for c in body + country + "00")) % 97
    return " ".join(re.findall(".{1,4}", f"{country}{check:02}{body}"))


def placeholders(page: Page) -> dict[str, str]:
    """A page -> what its placeholders stand for: one invented person's data per page, drawn from its URL."""
    rng = random.Random(page.url)
    address = ipaddress.IPv4Address(0)
    while not address.is_global or address.is_multicast:
        address = ipaddress.IPv4Address(rng.getrandbits(32))
    host = rng.choice(("", "mail.", "team.")) + str(urlsplit(page.url).hostname)
    known = {"charset": page.lie_charset or page.charset, "nul": "\0", "ip": str(address)}
    known["email"] = f"{rng.choice(MAILBOXES)}@{host}"
    if page.language in NUMBERS:
        phone, country, pattern = NUMBERS[page.language]
        known |= {"phone": draw(rng, phone), "iban": iban(rng, country, pattern)}
    return known


def payloads(page: Page) -> dict[str, bytes]:
    """A page -> {URL: payload bytes} for the page itself, its exact copies and its near copies."""
    if page.body_base64:
        return dict.fromkeys((page.url, *page.exact), base64.b64decode(page.body_base64, validate=True))
    known = placeholders(page)

    def times(match: re.Match[str]) -> str:
        return "".join(match[1].replace("{{n}}", str(n)) for n in range(1, page.repeat + 1))

    def fill(match: re.Match[str]) -> str:
        if match[1] not in known:
            raise ValueError(f"{match[0]} has no value; known: {sorted(known)}; set `language`?")
        return known[match[1]]

    def encode(body: str) -> bytes:
        try:
            return re.sub(r"\{\{(.*?)\}\}", fill, body).encode(page.charset)
        except UnicodeEncodeError as error:
            missing = error.object[error.start : error.end]
            raise ValueError(f"{page.charset} lacks {missing!r}: use an entity or another charset") from error

    body = re.sub(r"\{\{repeat\}\}(.*?)\{\{end\}\}", times, page.body, flags=re.DOTALL)
    found = dict.fromkeys((page.url, *page.exact), encode(body.replace(' data-near="drop"', "")))
    if page.near:
        element = r'<(\w+)[^>]*? data-near="drop"(?:(?!<\1\b).)*?</\1>\s*'
        shorter, dropped = re.subn(element, "", body, flags=re.DOTALL)
        if dropped != 1 or "data-near" in shorter:
            raise ValueError('give data-near="drop" to one element, with none of its kind inside')
        found |= dict.fromkeys(page.near, encode(shorter))
    return found


def compress(payload: bytes, encoding: str) -> bytes:
    """Bytes -> the same as gzip (mtime 0), deflate or br; only br needs a package, brotli."""
    if encoding == "br":
        import brotli  # type: ignore[import-untyped, unused-ignore]

        return bytes(brotli.compress(payload, quality=5))
    return zlib.compress(payload, GZIP_LEVEL, wbits=31 if encoding == "gzip" else 15)


def http_response(page: Page, payload: bytes) -> tuple[bytes, bytes]:
    """A page and its payload -> (HTTP head, body as sent), in the encoding the page asks for."""
    in_header = page.declared in ("header", "both") and not page.body_base64
    charset = f"; charset={page.lie_charset or page.charset}" if in_header else ""
    head = [
        f"HTTP/1.1 {page.status} {HTTPStatus(page.status).phrase}",
        f"Content-Type: {page.content_type}{charset}",
    ]
    if page.encoding == "chunked":
        chunks = [payload[at : at + CHUNK_BYTES] for at in range(0, len(payload), CHUNK_BYTES)]
        payload = b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in (*chunks, b""))
        head.append("Transfer-Encoding: chunked")
    elif page.encoding:
        payload = compress(payload, page.encoding)
        head.append(f"Content-Encoding: {page.encoding}")
    if page.encoding != "chunked":
        head.append(f"Content-Length: {len(payload)}")
    for name, value in page.headers.items():
        head += [f"{name}: {each}" for each in (value if isinstance(value, list) else [value])]
    return "\r\n".join([*head, "", ""]).encode("ascii"), payload


def record_id(name: str) -> str:
    """A URL (or another unique name) -> its WARC-Record-ID, the same for ever."""
    return f"<urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, name)}>"


def sha1(block: bytes) -> str:
    """Bytes -> the digest as WARC headers write it."""
    return "sha1:" + base64.b32encode(hashlib.sha1(block).digest()).decode()


def record(kind: str, name: str, date: str, content_type: str, block: bytes, **fields: str) -> bytes:
    """One WARC record as a gzip member of its own; its id comes from `name`."""
    lines = [f"WARC-Type: {kind}", f"WARC-Record-ID: {record_id(name)}", f"WARC-Date: {date}"]
    lines += [f"WARC-{key.replace('_', '-')}: {value}" for key, value in fields.items()]
    lines += [
        f"WARC-Block-Digest: {sha1(block)}",
        f"Content-Type: {content_type}",
        f"Content-Length: {len(block)}",
    ]
    head = "\r\n".join(["WARC/1.0", *lines, "", ""]).encode()
    return compress(head + block + b"\r\n\r\n", "gzip")


def visit(page: Page, url: str, payload: bytes, seed: int) -> bytes:
    """One fetched URL -> its response record; every third has request and metadata records around it."""
    date = f"{CRAWL_START + timedelta(seconds=seed % CRAWL_SECONDS):%Y-%m-%dT%H:%M:%SZ}"
    http, fields = "application/http; msgtype=", {"Target_URI": url}
    head, body = http_response(page, payload)
    digest = sha1(payload if page.encoding == "chunked" else body)  # of the body without transfer coding
    response = record("response", url, date, f"{http}response", head + body, **fields, Payload_Digest=digest)
    if seed % 3:
        return response
    fields["Concurrent_To"] = record_id(url)
    parts = urlsplit(url)
    path = f"{parts.path}?{parts.query}" if parts.query else parts.path
    get = f"GET {path} HTTP/1.1\r\nHost: {parts.netloc}\r\nAccept: text/html\r\n\r\n".encode()
    request = record("request", f"request {url}", date, f"{http}request", get, **fields)
    took = f"fetchTimeMs: {seed % 900 + 50}\r\n".encode()
    return request + response + record("metadata", f"metadata {url}", date, WARC_FIELDS, took, **fields)


def build(sources: Path, out: Path) -> list[Path]:
    """Folder of page sources -> the WARC files, written into `out`. A file that is no page: SourceError."""
    visits: dict[str, tuple[int, bytes]] = {}
    for file in sorted(path for path in sources.rglob("*") if path.is_file()):
        try:
            page = read_page(file)
            for url, payload in payloads(page).items():
                if url in visits:
                    raise ValueError(f"another source has {url} already: choose another URL")
                seed = int.from_bytes(hashlib.sha256(url.encode()).digest()[:8])
                visits[url] = seed, visit(page, url, payload, seed)
        except (ValueError, LookupError, ImportError) as error:  # unknown charset, no brotli
            raise SourceError(f"{file}: {error}") from error
    out.mkdir(parents=True, exist_ok=True)
    written = [out / f"sample-{number:05}.warc.gz" for number in range(FILES)]
    date = f"{CRAWL_START:%Y-%m-%dT%H:%M:%SZ}"
    for number, path in enumerate(written):
        about = b"software: pipelines/sample/build.py\r\nformat: WARC File Format 1.0\r\n"
        info = record("warcinfo", path.name, date, WARC_FIELDS, about, Filename=path.name)
        mine = [url for url, (seed, _) in visits.items() if seed // CRAWL_SECONDS % FILES == number]
        mine.sort(key=lambda url: (visits[url][0] % CRAWL_SECONDS, url))  # as fetched, by WARC-Date
        path.write_bytes(info + b"".join(visits[url][1] for url in mine))
    return written


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python pipelines/sample/build.py OUTPUT_DIR")
    try:
        print(*build(Path(__file__).parent / "pages", Path(sys.argv[1])), sep="\n")
    except SourceError as problem:
        print(problem, file=sys.stderr)
        sys.exit(2)
