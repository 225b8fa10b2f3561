"""HTTP bodies -> characters: content encodings undone, the charset found. What cannot be read says so."""

import gzip
import io
import re
import zlib

import brotli
import zstandard
from resiliparse.parse.encoding import detect_encoding, map_encoding_to_html5
from resiliparse.parse.http import iterate_http_chunks

MAX_DECODED = 64 << 20  # bytes: a body that unpacks to more is a bomb


class Undecodable(Exception):
    """The body is not what its headers say, and nothing else that we know. args[0] names the encoding."""


_CODINGS = {"gzip", "x-gzip", "deflate", "br", "zstd"}


def unpack(body: bytes, headers: list[tuple[str, str]]) -> bytes:
    """Undo Transfer-Encoding and Content-Encoding. Headers that lie (a crawler had unpacked already) are ignored."""
    if "chunked" in _header(headers, "transfer-encoding").lower() and re.match(
        rb"[ \t]*[0-9A-Fa-f]+[ \t]*(;[^\r\n]*)?\r?\n", body
    ):
        joined = b"".join(iterate_http_chunks(io.BytesIO(body)))
        body = joined or body
    codings = [c.strip().lower() for c in _header(headers, "content-encoding").split(",") if c.strip()]
    for coding in reversed(codings):
        body = _decompress(body, coding)
    if body.startswith(b"\x1f\x8b\x08") and not _CODINGS.intersection(codings):
        body = _decompress(body, "gzip")
    return body


def _header(headers: list[tuple[str, str]], name: str) -> str:
    return ", ".join(value for key, value in headers if key.lower() == name)


def _decompress(body: bytes, coding: str) -> bytes:
    if not body:
        return body
    try:
        if coding in ("gzip", "x-gzip"):
            if not body.startswith(b"\x1f\x8b"):
                return body
            return _inflate(body, 16 + zlib.MAX_WBITS)
        if coding == "deflate":
            try:
                return _inflate(body, zlib.MAX_WBITS)
            except zlib.error:
                return _inflate(body, -zlib.MAX_WBITS)
        if coding == "br":
            inflater = brotli.Decompressor()
            out: bytes = inflater.process(body, output_buffer_limit=MAX_DECODED)
            if not out and not inflater.is_finished():
                raise EOFError
            return out[:MAX_DECODED]
        if coding == "zstd":
            return zstandard.ZstdDecompressor().stream_reader(body, read_across_frames=True).read(MAX_DECODED)
    except (zlib.error, gzip.BadGzipFile, EOFError, OSError, brotli.error, zstandard.ZstdError) as error:
        if looks_like_text(body):
            return body
        raise Undecodable(coding) from error
    return body


def _inflate(body: bytes, window: int) -> bytes:
    """As much as a (perhaps truncated) stream gives, up to MAX_DECODED."""
    inflater = zlib.decompressobj(window)
    out = inflater.decompress(body, MAX_DECODED)
    if not out and not inflater.eof:
        raise EOFError  # a few bytes of text may look like the beginning of something packed
    return out


def looks_like_text(body: bytes) -> bool:
    head = body[:512]
    return b"<" in head and b"\x00" not in head


_META = re.compile(rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?\s*([A-Za-z0-9_:.\-]{2,40})", re.IGNORECASE)
_HTTP = re.compile(r"charset\s*=\s*[\"']?\s*([A-Za-z0-9_:.\-]{2,40})", re.IGNORECASE)
_BOMS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))
# UTF-16 without a mark begins with a tag
_UNMARKED = (
    (re.compile(rb"(?:[ \t\r\n]\x00)*<\x00"), "utf-16-le"),
    (re.compile(rb"(?:\x00[ \t\r\n])*\x00<"), "utf-16-be"),
)
_DETECT_BYTES = 1 << 14  # detection looks at so much
_TOLERATED = 0.002  # share of bytes that may be broken in a page that is UTF-8 otherwise


def decode(body: bytes, content_type: str) -> tuple[str, str]:
    """(text, charset used). Order: BOM; valid UTF-8 with multi-byte characters, which nothing else looks like; HTTP header and
    meta where they agree or only one speaks; where they differ, the one that detection finds too, else meta; detection.

    Labels are read as browsers do (WHATWG: `iso-8859-1` means windows-1252). Bytes outside the charset become U+FFFD.
    """
    for mark, charset in _BOMS:
        if body.startswith(mark):
            return body[len(mark) :].decode(charset, "replace"), charset
    for pattern, charset in _UNMARKED:
        if pattern.match(body):
            return body.decode(charset, "replace"), charset
    if body.isascii():
        return body.decode("ascii"), "ascii"
    try:
        return body.decode("utf-8"), "utf-8"
    except UnicodeDecodeError:
        pass
    declared = _declared(body, content_type)
    loose = body.decode("utf-8", "replace")
    # a few broken bytes in a page whose other multi-byte sequences are fine: still UTF-8
    broken, multibyte = loose.count("�"), sum(1 for _ in re.finditer(rb"[\xc3-\xf4][\x80-\xbf]", body[: 1 << 16]))
    if (broken <= max(2, _TOLERATED * len(body)) and multibyte > 4 * broken) or (
        declared == ["utf-8"] and multibyte > broken
    ):
        return loose, "utf-8"
    candidates = [label for label in declared if label != "utf-8"]
    if len(candidates) > 1:
        detected = _normal(detect_encoding(body[:_DETECT_BYTES]))
        # meta was written by the page's author, the header often by a server's default; a detector says cp1252 when it does not know
        meta = candidates[-1]
        candidates.sort(key=lambda label: (label != detected or label == "cp1252", label != meta))
    label = candidates[0] if candidates else _normal(detect_encoding(body[:_DETECT_BYTES])) or "cp1252"
    return body.decode(label, "replace"), _web_name(label)


def _web_name(codec: str) -> str:
    """Python's codec name as the web writes it: cp1250 -> windows-1250, iso8859-2 -> iso-8859-2."""
    return re.sub(r"^iso8859", "iso-8859", re.sub(r"^cp(125\d)$", r"windows-\1", codec))


def _declared(body: bytes, content_type: str) -> list[str]:
    """Distinct normalised labels, header first, then meta (looked for in the first 4 KB)."""
    labels = []
    if match := _HTTP.search(content_type):
        labels.append(match.group(1))
    if meta := _META.search(body[:4096]):
        labels.append(meta.group(1).decode("ascii"))
    out: list[str] = []
    for label in labels:
        normal = _normal(label)
        if normal and normal not in out:
            out.append("utf-8" if normal.startswith("utf-16") else normal)  # a readable meta tag is no UTF-16
    return out


def _normal(label: str | None) -> str | None:
    """The Python codec that WHATWG means by a label; None if it knows none."""
    mapped: str | None = map_encoding_to_html5(label, fallback_utf8=False) if label else None
    return mapped
