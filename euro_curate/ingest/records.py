"""Crawl files -> records. Reads WARC, ARC, WET and WACZ, recognised by content; damage is counted and read past, never raised."""

import gzip
import io
import logging
import re
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import IO, Any, Protocol

import xxhash
import zstandard
from fastwarc.warc import ArchiveIterator, WarcRecord, WarcRecordType

_WANTED = WarcRecordType.response | WarcRecordType.resource | WarcRecordType.conversion
_KINDS = (
    (WarcRecordType.response, "response"),
    (WarcRecordType.resource, "resource"),
    (WarcRecordType.conversion, "conversion"),
)
_BLOCK = 1 << 20


class Stream(Protocol):
    """What reading needs of a binary file."""

    def read(self, size: int = ..., /) -> bytes: ...
    def seek(self, offset: int, whence: int = ..., /) -> int: ...
    def tell(self) -> int: ...
    def close(self) -> None: ...


@dataclass
class Record:
    """One capture: what the pages' gates need, still as bytes."""

    id: str | None  # WARC-Record-ID as written
    url: str | None
    date: str | None  # WARC-Date as written
    offset: int  # of the record in the file (of the member, in a WACZ)
    kind: str  # response | resource | conversion
    status: int | None  # HTTP status of a response
    headers: list[tuple[str, str]]  # HTTP headers, in order, repeats kept
    body: bytes  # still transfer- and content-encoded


@dataclass
class Reading:
    """What reading a file came to; goes into run.json."""

    records: int = 0  # captures yielded
    apart: int = 0  # requests, revisits, metadata and the like, robots.txt and well-known files
    bytes_skipped: int = 0  # of the file, in damaged stretches
    errors: list[str] = field(default_factory=list)
    digest: str = ""  # xxh3_128 of the file

    def trouble(self, error: Exception, at: int) -> None:
        if len(self.errors) < 20:
            self.errors.append(f"at byte {at}: {type(error).__name__}: {' '.join(str(error).split())[:200]}")

    def skip(self, error: Exception, at: int, until: int) -> None:
        """Bytes that could not be read, and why."""
        self.trouble(error, at)
        self.bytes_skipped += until - at


class HashedFile(io.RawIOBase):
    """A seekable file that hashes every byte once, in order, as it is first read."""

    def __init__(self, raw: IO[bytes]) -> None:
        self._raw, self._hasher, self._hashed, self._at = raw, xxhash.xxh3_128(), 0, 0
        self.failure: Exception | None = None  # of the storage: not damage in the file

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        try:
            data = self._raw.read(size)
        except Exception as error:
            self.failure = error
            raise
        fresh = self._at + len(data) - self._hashed
        if 0 < fresh <= len(data):
            self._hasher.update(data[len(data) - fresh :])
            self._hashed += fresh
        self._at += len(data)
        return data

    def readinto(self, buffer: Any) -> int:
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def seek(self, offset: int, whence: int = 0) -> int:
        self._at = self._raw.seek(offset, whence)
        return self._at

    def tell(self) -> int:
        return self._at

    def digest(self) -> str:
        """Reads what was not read yet, and returns the digest of the whole file."""
        self.seek(self._hashed)
        while self.read(_BLOCK):
            pass
        return self._hasher.hexdigest()


# --- what is it --------------------------------------------------------------------------------------------------------------

_ZST = (b"\x28\xb5\x2f\xfd", b"\x5d\x2a\x4d\x18")  # frame, or a WARC dictionary's skippable frame


def container(stream: Stream) -> tuple[str, str | None]:
    """(format, compression) of a file by its first bytes: warc | arc | wacz | parquet | jsonl | unknown; gzip | zstd | lz4 | None."""
    stream.seek(0)
    head = stream.read(1 << 16)
    stream.seek(0)
    if head.startswith(b"PK\x03\x04"):
        return "wacz", None
    if head.startswith(b"PAR1"):
        return "parquet", None
    if head.startswith(b"\x1f\x8b"):
        return _plain_format(_unpack_some(gzip.GzipFile(fileobj=io.BytesIO(head)))), "gzip"
    if head.startswith(_ZST):
        if head.startswith(_ZST[1]):
            return "warc", "zstd"
        return _plain_format(_unpack_some(zstandard.ZstdDecompressor().stream_reader(io.BytesIO(head)))), "zstd"
    if head.startswith(b"\x04\x22\x4d\x18"):
        return "warc", "lz4"
    return _plain_format(head), None


def _unpack_some(stream: Stream) -> bytes:
    out = b""
    try:
        while len(out) < 4096 and (block := stream.read(512)):
            out += block
    except (OSError, EOFError, zstandard.ZstdError, ValueError):
        pass
    return out


def _plain_format(head: bytes) -> str:
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    if start.startswith(b"filedesc://"):
        return "arc"
    if start.startswith(b"{"):
        return "jsonl"
    if b"WARC/" in head[:8192]:
        return "warc"
    return "unknown"


# --- readers -----------------------------------------------------------------------------------------------------------------


def read_records(stream: HashedFile, kind: str, reading: Reading) -> Iterator[Record]:
    """Every capture of a crawl file of the given format, in file order. Fills `reading`; never raises for damage, only for storage that fails."""
    reader = {"warc": _read_warc, "arc": _read_arc, "wacz": _read_wacz}[kind]
    for record in reader(stream, reading):
        reading.records += 1
        yield record
    if stream.failure:
        raise stream.failure


def _read_warc(stream: Stream, reading: Reading) -> Iterator[Record]:
    """WARC through fastwarc. It stops at some damage and silently passes over other: we compare where records begin with where the ones before
    them end, count what lies between, and go on at the next thing that is a record."""
    size = stream.seek(0, io.SEEK_END)
    stream.seek(0)
    packing = _packing(stream.read(4))
    start, offset = 0, -1
    while start < size:
        stream.seek(start)
        last, ends = -1, start  # the last record that was read, and where it ends (known at once in plain files only)
        error: Exception | None = None
        try:
            for record in ArchiveIterator(stream, parse_http=False, quirks_mode=True):
                at = record.stream_pos
                if packing is None and at > ends + _SLACK:
                    _check_gap(stream, last, ends, at)
                    reading.skip(_NotARecord(f"{at - ends} bytes that are no record"), ends, at)
                after = at + _head_bytes(record) + record.content_length
                offset = max(at, offset + 1)  # records that share a member of the file still differ
                capture = _capture(record, offset, reading) if record.record_type & _WANTED else None
                last, ends = at, after
                if capture:
                    yield capture
                else:
                    reading.apart += record.record_type != WarcRecordType.unknown
        except Exception as found:  # a reader's failure on damaged bytes is data about the file, whatever its type
            error = found
        if packing and last >= 0:
            ends = _member_end(stream, last, packing, last if error else size)
        if error is None and (ends >= size if packing else abs(size - ends) <= _SLACK):
            return
        sound = ends <= size + _SLACK and _is_sound(stream, last, ends)
        follow = _next_record(stream, packing, max(ends, last + 1, start + 1) if sound else last + 1)
        until = size if follow is None else follow
        if until > ends:
            reading.skip(error or _NotARecord("cut short, or no record"), ends, until)
        elif not sound:
            reading.trouble(error or _NotARecord("Content-Length is wrong"), last)
        start = until


_SLACK = 64  # bytes between plain records that mean nothing: blank lines, headers that we count longer or shorter than they are written


class _NotARecord(ValueError):
    """Bytes of a WARC file that belong to no record."""


def _packing(head: bytes) -> str | None:
    if head.startswith(b"\x1f\x8b"):
        return "gzip"
    return "zstd" if head.startswith(_ZST) else "lz4" if head.startswith(b"\x04\x22\x4d\x18") else None


def _head_bytes(record: WarcRecord) -> int:
    """Bytes of a record's header, as usually written."""
    return 14 + sum(len(key) + len(value) + 4 for key, value in record.headers.items_bytes())


def _check_gap(stream: Stream, last: int, ends: int, at: int) -> None:
    """fastwarc passed over bytes between the end of the record at `last` and the next one, at `at`. Raises if there is a record in between after all:
    a wrong Content-Length had it taken for the payload's end."""
    here = stream.tell()
    if not _is_sound(stream, last, ends):
        follow = _next_record(stream, None, last + 1)
        if follow is not None and follow < at:
            raise _NotARecord("Content-Length is wrong")
    stream.seek(here)


def _is_sound(stream: Stream, last: int, ends: int) -> bool:
    """Whether the record at `last` is followed by blank lines or another record, as its Content-Length says."""
    if ends <= last or last < 0:
        return True
    stream.seek(ends)
    behind = stream.read(4)
    return not behind.strip() or behind in (b"WARC", *_ZST) or behind.startswith(b"\x1f\x8b")


def _member_end(stream: Stream, at: int, packing: str, otherwise: int) -> int:
    """End of the member that begins at `at`; `at` if it is damaged; `otherwise` if none begins there, or we cannot know."""
    inflater: Any
    if packing == "gzip":
        inflater = zlib.decompressobj(16 + zlib.MAX_WBITS)
    elif packing == "zstd":
        inflater = zstandard.ZstdDecompressor().decompressobj()
    else:
        return otherwise
    stream.seek(at)
    if not (head := stream.read(4)).startswith(_MARKS[packing]):
        return otherwise
    try:
        block, read = head, at + len(head)
        while block:
            inflater.decompress(block)
            if inflater.eof:
                return read - len(inflater.unused_data)
            block = stream.read(1 << 16)
            read += len(block)
    except (zlib.error, zstandard.ZstdError):
        pass
    return at


def _capture(record: WarcRecord, offset: int, reading: Reading) -> Record:
    body = record.reader.read()
    if len(body) < record.content_length:
        reading.trouble(EOFError(f"the record lacks its last {record.content_length - len(body)} bytes"), offset)
    headers: list[tuple[str, str]] = []
    status = None
    if record.record_type == WarcRecordType.response and body.startswith(b"HTTP/"):
        status, headers, body = _http(body)
    elif kind := record.headers.get("Content-Type"):
        headers = [("Content-Type", str(kind))]
    return Record(
        record.headers.get("WARC-Record-ID"),
        record.headers.get("WARC-Target-URI"),
        record.headers.get("WARC-Date"),
        offset,
        next(name for kind, name in _KINDS if record.record_type == kind),
        status,
        headers,
        body,
    )


_BLANK_LINE = re.compile(rb"\r?\n\r?\n")
_STATUS = re.compile(rb"HTTP/\S*[ \t]+(\d+)")


def _http(block: bytes) -> tuple[int | None, list[tuple[str, str]], bytes]:
    """(status, headers, body) of an HTTP response. fastwarc's parser gives up on a blank line without CR and on long headers."""
    end = _BLANK_LINE.search(block)
    head, body = (block[: end.start()], block[end.end() :]) if end else (block, b"")
    first, *lines = re.sub(rb"\r?\n[ \t]+", b" ", head).splitlines()  # folded lines joined
    pairs = (line.partition(b":") for line in lines)
    found = _STATUS.match(first)
    return int(found.group(1)) if found else None, [(_word(k), _word(v)) for k, colon, v in pairs if colon], body


def _word(raw: bytes) -> str:
    try:
        return raw.strip().decode()
    except UnicodeDecodeError:
        return raw.strip().decode("latin-1")


_MARKS = {"gzip": b"\x1f\x8b\x08", "zstd": _ZST[0], "lz4": b"\x04\x22\x4d\x18"}
_LINE = re.compile(rb"(?<=\n)WARC/[01]\.\d+[ \t]*\r?\n(?=WARC-|Content-)", re.IGNORECASE)  # a record's first line


def _next_record(stream: Stream, packing: str | None, start: int) -> int | None:
    """Offset of the next record at or after `start`: a member that unpacks to a WARC header, or a header's first line after a line's end."""
    mark = re.compile(re.escape(_MARKS[packing])) if packing else _LINE
    at = max(0, start - 1)
    stream.seek(at)
    data = stream.read(_BLOCK)
    while data:
        for hit in mark.finditer(data, max(0, start - at) if packing else 0):
            here = at + hit.start()
            stream.seek(here)
            if packing is None or _plain_head(stream.read(1 << 12), packing).startswith(b"WARC/"):
                return here
        stream.seek(at + len(data))
        more = stream.read(_BLOCK)
        at, data = at + len(data) - min(len(data), 32), data[-32:] + more if more else b""
    return None


def _plain_head(member: bytes, packing: str) -> bytes:
    """The first bytes of a member's content; "WARC/" for formats that we cannot unpack in part."""
    try:
        if packing == "gzip":
            return zlib.decompressobj(16 + zlib.MAX_WBITS).decompress(member, 16)
        if packing == "zstd":
            return zstandard.ZstdDecompressor().stream_reader(io.BytesIO(member)).read(16)
    except (zlib.error, zstandard.ZstdError):
        return b""
    return b"WARC/"


def _read_arc(stream: Stream, reading: Reading) -> Iterator[Record]:
    """ARC 1.0 through warcio, which fastwarc does not read. Reading ends at the first damage."""
    from warcio.archiveiterator import ArchiveIterator as ArcIterator

    logging.getLogger("warcio").setLevel(logging.ERROR)
    size = stream.seek(0, io.SEEK_END)
    stream.seek(0)
    at = 0
    try:
        records = ArcIterator(stream, arc2warc=True)
        for record in records:
            at = int(records.get_record_offset())
            if record.rec_type != "response":
                reading.apart += 1
                continue
            http = record.http_headers
            headers = [(str(k), str(v)) for k, v in http.headers] if http else []
            status = int(http.get_statuscode()) if http and http.get_statuscode().isdigit() else None
            yield Record(
                None,
                record.rec_headers.get_header("WARC-Target-URI"),
                record.rec_headers.get_header("WARC-Date"),
                at,
                "response",
                status,
                headers,
                record.raw_stream.read(),
            )
    except Exception as error:  # as above
        reading.trouble(error, at)
        reading.bytes_skipped += size - at


def _read_wacz(stream: HashedFile, reading: Reading) -> Iterator[Record]:
    """The WARC files inside a WACZ (a zip), in name order. Offsets are within the member: the member's index is in the high bits."""
    try:
        with zipfile.ZipFile(stream) as archive:
            names = sorted(n for n in archive.namelist() if n.lower().endswith((".warc", ".warc.gz", ".warc.zst")))
            for index, name in enumerate(names):
                with archive.open(name) as member:
                    for record in _read_warc(member, reading):
                        record.offset += index << 48
                        yield record
    except (zipfile.BadZipFile, OSError, EOFError) as error:
        reading.trouble(error, 0)
        reading.bytes_skipped += stream.seek(0, io.SEEK_END)
