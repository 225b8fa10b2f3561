"""HTTP bodies -> characters: content encodings undone, the charset found. What cannot be read says so."""

import re
import zlib

import brotli
import zstandard
from resiliparse.parse.encoding import detect_encoding, map_encoding_to_html5

from euro_curate.ingest import mojibake
from euro_curate.ingest.charsets import CANDIDATES, judge

MAX_DECODED = 64 << 20  # bytes: a body that unpacks to more is a bomb


class Undecodable(Exception):
    """The body is not what its headers say, and nothing else that we know. args[0] names the encoding."""


def unpack(body: bytes, headers: list[tuple[str, str]]) -> bytes:
    """Undo Transfer-Encoding and Content-Encoding, as far as the bytes bear them out: a crawler may have undone them and left the headers,
    or the other way round. Undecodable if they are binary and nothing explains them."""
    chunked = "chunked" in _header(headers, "transfer-encoding").lower()
    joined, complete = join_chunks(body)
    if joined and (chunked or complete):
        body = joined
    words = re.split(r"[,\s]+", _header(headers, "content-encoding").lower())
    codings = [_NAMES.get(word.split(";")[0].strip("\"'"), "") for word in words]
    for coding in [*filter(None, reversed(codings)), *([""] * _UNDECLARED)]:
        found = _by_magic(body) or coding
        if not found:
            break
        body = _decompress(body, found)
    return body


_NAMES = {
    "gzip": "gzip", "x-gzip": "gzip", "deflate": "deflate", "x-deflate": "deflate", "zlib": "deflate", "br": "br", "brotli": "br", "zstd": "zstd",
}  # fmt: skip
_UNDECLARED = 2  # layers that may be there without being declared
_CHUNK = re.compile(rb"[ \t]*([0-9A-Fa-f]{1,8})[ \t]*(?:;[^\r\n]{0,4000})?\r?\n")


def join_chunks(body: bytes) -> tuple[bytes, bool]:
    """(the chunks' content, whether the last chunk is there); (b"", False) if the body does not begin with a whole chunk or is the
    beginning of one."""
    parts: list[bytes] = []
    at = 0
    while size := _CHUNK.match(body, at):
        length = int(size.group(1), 16)
        if length == 0:
            return b"".join(parts), True
        at = size.end() + length
        if at < len(body) and body[at : at + 1] not in b"\r\n":
            return b"".join(parts), False  # the size is wrong, or this was no size
        parts.append(body[size.end() : at])
        at += 2 if body[at : at + 2] == b"\r\n" else 1
    return b"".join(parts), False


def _header(headers: list[tuple[str, str]], name: str) -> str:
    return ", ".join(value for key, value in headers if key.lower() == name)


def _by_magic(body: bytes) -> str:
    """The packing that the first bytes show, whatever is declared."""
    if body.startswith(b"\x1f\x8b\x08"):
        return "gzip"
    if body.startswith(b"\x28\xb5\x2f\xfd"):
        return "zstd"
    if body[:1] == b"x" and body[1:2] in (b"\x01", b"\x5e", b"\x9c", b"\xda"):
        return "deflate"
    return ""


def _decompress(body: bytes, coding: str) -> bytes:
    """One layer undone. Text that claims to be packed is returned as it is."""
    for attempt in (coding, *(other for other in ("br", "deflate") if other != coding)):
        try:
            out = _UNPACKERS[attempt](body)
        except (zlib.error, EOFError, OSError, brotli.error, zstandard.ZstdError):
            continue
        if attempt == coding or looks_like_text(out):
            return out
        break
    if not body or looks_like_text(body):
        return body
    raise Undecodable(coding)


def _gunzip(body: bytes) -> bytes:
    """All members, as far as they go, up to MAX_DECODED."""
    out = b""
    while body and len(out) < MAX_DECODED:
        try:
            more, body = _inflate(body, 16 + zlib.MAX_WBITS)
        except (zlib.error, EOFError):
            if out:
                break  # what stands behind a member and is none
            raise
        out += more
    return out


def _undeflate(body: bytes) -> bytes:
    try:
        return _inflate(body, zlib.MAX_WBITS)[0]
    except (zlib.error, EOFError):
        return _inflate(body, -zlib.MAX_WBITS)[0]


def _inflate(body: bytes, window: int) -> tuple[bytes, bytes]:
    """(as much as a stream gives that may be cut off or damaged, up to MAX_DECODED; what stands behind it)."""
    out: list[bytes] = []
    size = 0
    for step in (_STEP, 1):  # again byte by byte if need be: an error keeps back what came before it
        inflater, out, size = zlib.decompressobj(window), [], 0
        try:
            for at in range(0, len(body), step):
                out.append(inflater.decompress(body[at : at + step], MAX_DECODED - size))
                size += len(out[-1])
                if inflater.eof or size >= MAX_DECODED:
                    return b"".join(out), inflater.unused_data + body[at + step :] if inflater.eof else b""
        except zlib.error:
            if window < 0:  # raw deflate has no header: some bytes of anything look like it
                raise
        else:
            break
    if not size:
        raise EOFError
    return b"".join(out), b""


_STEP = 1 << 14


def _unbrotli(body: bytes) -> bytes:
    inflater = brotli.Decompressor()
    out: bytes = inflater.process(body, output_buffer_limit=MAX_DECODED)
    if not out and not inflater.is_finished():
        raise EOFError
    return out[:MAX_DECODED]


def _unzstd(body: bytes) -> bytes:
    return zstandard.ZstdDecompressor().stream_reader(body, read_across_frames=True).read(MAX_DECODED)


_UNPACKERS = {"gzip": _gunzip, "deflate": _undeflate, "br": _unbrotli, "zstd": _unzstd}


def looks_like_text(body: bytes) -> bool:
    head = body[:512]
    return b"<" in head and b"\x00" not in head


# --- charsets ----------------------------------------------------------------------------------------------------------------

_META = re.compile(rb"<meta\b[^>]{0,400}?\bcharset\s*=\s*[\"']?\s*([A-Za-z0-9_:.\-]{2,40})", re.IGNORECASE)
_XML = re.compile(rb"\s*<\?xml\b[^>]{0,200}?\bencoding\s*=\s*[\"']\s*([A-Za-z0-9_:.\-]{2,40})", re.IGNORECASE)
_HTTP = re.compile(r"charset\s*=\s*[\"']?\s*([A-Za-z0-9_:.\-]{2,40})", re.IGNORECASE)
_META_BYTES = 1 << 16  # browsers look at 1,024; pages put more before it, and their authors' browsers guess
_BOMS = (
    (b"\xff\xfe\x00\x00", "utf-32-le"),
    (b"\x00\x00\xfe\xff", "utf-32-be"),
    (b"\xef\xbb\xbf", "utf-8"),
    (b"\xff\xfe", "utf-16-le"),
    (b"\xfe\xff", "utf-16-be"),
)
_DETECT_BYTES = 1 << 14  # resiliparse's detection looks at so much
_NO_CHANCE = 20  # sequences of UTF-8 that the bytes of another charset do not make by chance
_TOLERATED = 0.002  # share of bytes that may be broken in a page that is UTF-8 otherwise


def decode(body: bytes, content_type: str) -> tuple[str, str]:
    """(text, charset used): the first of BOM; UTF-16 by its zero bytes; valid UTF-8 with characters beyond ASCII, which nothing else looks
    like; UTF-8 with a few broken bytes; the most plausible of the legacy charsets, what is declared (header, meta, XML) being believed unless
    letters and words speak against it.

    Labels are read as browsers do (WHATWG: `iso-8859-1` means windows-1252). Bytes outside the charset become U+FFFD. `utf-8+windows-1252`:
    UTF-8 that was once read as windows-1252 and saved again, which is undone where it is proven; `utf-8,windows-1252`: UTF-8 with parts of the
    page in windows-1252.
    """
    for mark, marked in _BOMS:
        if body.startswith(mark):
            if marked == "utf-8":  # some pages were given the mark and nothing else
                body = body[len(mark) :]
                return (body.decode("ascii"), "utf-8") if body.isascii() else _decode(body, content_type)
            return body[len(mark) :].decode(marked, "replace"), marked
    if charset := _utf16(body):
        return body.decode(charset, "replace"), charset
    if body.isascii():
        return body.decode("ascii"), "ascii"
    return _decode(body, content_type)


_HIGH_HALVES = bytes(
    [0, 1, 2, 3, 4, 0x1E, 0x1F, 0x20]
)  # of our languages' letters and signs in UTF-16; most of them are no text


def _utf16(body: bytes) -> str | None:
    """UTF-16 without a mark: every second byte is one of a few, and some are zero."""
    head = body[:1024]
    if b"\x00" not in head or len(head) < 4:
        return None
    even, odd = (len(half.translate(None, _HIGH_HALVES)) * 2 / len(head) for half in (head[::2], head[1::2]))
    if odd < _FEW and even > 0.5:
        return "utf-16-le"
    return "utf-16-be" if even < _FEW and odd > 0.5 else None


_FEW = 0.05


def _decode(body: bytes, content_type: str) -> tuple[str, str]:
    """decode() without marks, for bytes that are not all ASCII."""
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        pass
    else:
        if not mojibake.suspicious(body, text):
            return text, "utf-8"
        text, once = mojibake.repair(text)
        return text, f"utf-8+{web_name(once)}" if once else "utf-8"
    declared = _declared(body, content_type)
    loose = body.decode("utf-8", "replace")
    broken = loose.count("\ufffd")
    valid = len(loose) - len(loose.encode("ascii", "ignore")) - broken
    few = broken <= max(2, _TOLERATED * len(body))
    if few and (valid > 4 * broken or ("utf-8" in declared and valid > broken)):
        return loose, "utf-8"
    ours = all(label == "utf-8" or label in CANDIDATES for label in declared)
    if valid > broken or (ours and valid > _NO_CHANCE and 5 * valid > broken):
        return _mixed(body, loose, declared)
    label = _legacy(body, declared)
    text = body.decode(label, "replace")
    if label.startswith("iso8859") and mojibake.C1.search(
        text
    ):  # windows' quotes and dashes, as browsers show them in iso-8859-1
        text = text.translate(mojibake.C1_MEANT)
    return text, web_name(label)


_PARTS = re.compile(rb"[^<>]+|[<>]")
_SEQUENCE = re.compile(rb"[\xc3-\xdf][\x80-\xbf]|[\xe1-\xef][\x80-\xbf]{2}")


def _mixed(body: bytes, loose: str, declared: list[str]) -> tuple[str, str]:
    """A page that is UTF-8 but for parts between tags in which no character is: those are in a charset of their own."""
    parts = _PARTS.findall(body)
    other = [n for n, part in enumerate(parts) if not part.isascii() and _invalid(part) and not _SEQUENCE.search(part)]
    if not other:
        return loose, "utf-8"
    label = judge(b"\n".join(parts[n] for n in other), dict.fromkeys(declared, 1.0))[0]
    for n in other:
        parts[n] = parts[n].decode(label, "replace").encode()
    return b"".join(parts).decode("utf-8", "replace"), f"utf-8,{web_name(label)}"


def _invalid(part: bytes) -> bool:
    try:
        part.decode("utf-8")
    except UnicodeDecodeError:
        return True
    return False


def _legacy(body: bytes, declared: list[str]) -> str:
    """The Python codec of a page that is no UTF-8."""
    candidates = [label for label in declared if label != "utf-8"]
    believed = dict.fromkeys(candidates, 1.0)
    if candidates:
        believed[candidates[-1]] += 0.2  # meta was written by the page's author, the header often by a server's default
    if "cp1252" in believed:
        believed["cp1252"] *= 0.1  # everybody's default
    best, cost, share = judge(body, believed)
    clear = share > _CLEAR_SHARE and cost < _CLEAR_COST  # prose in a language that we know
    for label in candidates:
        if (
            label not in CANDIDATES
            and not clear
            and body.decode(label, "replace").count("\ufffd") <= _TOLERATED * len(body) + 2
        ):
            return label  # of another part of the world
    if not candidates and not clear:
        detected = _normal(detect_encoding(body[:_DETECT_BYTES]))
        if detected and detected not in CANDIDATES and detected != "utf-8":
            return detected
    return best


_CLEAR_SHARE, _CLEAR_COST = 0.08, 0.6
_WEB_NAMES = {
    "mac-roman": "macintosh",
    "mac-cyrillic": "x-mac-cyrillic",
    "cp866": "ibm866",
    "gb18030": "gb18030",
    "iso2022_jp": "iso-2022-jp",
    "euc_jp": "euc-jp",
    "euc_kr": "euc-kr",
}


def web_name(codec: str) -> str:
    """Python's codec name as the web writes it: cp1250 -> windows-1250, iso8859-2 -> iso-8859-2."""
    return _WEB_NAMES.get(codec) or re.sub(r"^iso8859", "iso-8859", re.sub(r"^cp(125\d)$", r"windows-\1", codec))


def _declared(body: bytes, content_type: str) -> list[str]:
    """Normalised labels in rising order of belief: header, XML declaration, meta."""
    labels = []
    if match := _HTTP.search(content_type):
        labels.append(match.group(1))
    if xml := _XML.match(body):
        labels.append(xml.group(1).decode("ascii"))
    if meta := _META.search(body[:_META_BYTES]):
        labels.append(meta.group(1).decode("ascii"))
    normal = [label for label in map(_normal, labels) if label]
    return ["utf-8" if label.startswith("utf-16") else label for label in normal]  # a readable label is no UTF-16


_ALIASES = {
    "x-mac-cyrillic": "mac-cyrillic",
    "x-mac-ukrainian": "mac-cyrillic",
    "latin9": "iso8859-15",
    "gbk": "gb18030",
}
_CARELESS = (
    (r"[_ ]", "-"),
    (r"^(?:win|windows|cp|x-cp|ms)-?(125[0-8])$", r"windows-\1"),
    (r"^iso-?(?:8859)-?(\d+)$", r"iso-8859-\1"),
)


def _normal(label: str | None) -> str | None:
    """The Python codec that WHATWG, or else its writer, means by a label; None if nobody knows it."""
    if not label:
        return None
    mapped: str | None = map_encoding_to_html5(label, fallback_utf8=False)
    if mapped is None:
        careless = label.strip().lower()
        for pattern, right in _CARELESS:
            careless = re.sub(pattern, right, careless)
        mapped = _ALIASES.get(careless) or map_encoding_to_html5(careless, fallback_utf8=False)
    return _ALIASES.get(mapped or "", mapped)
