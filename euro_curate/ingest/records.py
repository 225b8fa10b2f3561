"""Crawl files -> records. Reads WARC, ARC, WET and WACZ, recognised by content; damage is counted and read past, never raised."""

import gzip
import io
import logging
import zipfile
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
    """WARC through fastwarc. It stops at the first bad header or member: we look for the next record behind it and go on."""
    size = stream.seek(0, io.SEEK_END)
    start = 0
    while start < size:
        stream.seek(start)
        last, progress = start, False
        try:
            for record in ArchiveIterator(stream, parse_http=False, quirks_mode=True):
                last = record.stream_pos
                if not record.record_type & _WANTED:
                    reading.apart += record.record_type != WarcRecordType.unknown
                    progress = True
                    continue
                capture = _capture(record)
                progress = True
                yield capture
            return
        except Exception as error:  # a reader's failure on damaged bytes is data about the file, whatever its type
            reading.trouble(error, last)
        follow = _next_record(stream, last + 1)
        reading.bytes_skipped += (follow or size) - last if not progress else 0
        start = follow or size


def _capture(record: WarcRecord) -> Record:
    headers: list[tuple[str, str]] = []
    status = None
    is_http = record.record_type == WarcRecordType.response and record.is_http
    if is_http:
        record.parse_http(auto_decode="none")
        if record.http_headers is not None:
            headers = [(str(k), str(v)) for k, v in record.http_headers]
            status = record.http_headers.status_code
    elif kind := record.headers.get("Content-Type"):
        headers = [("Content-Type", str(kind))]
    return Record(
        record.headers.get("WARC-Record-ID"),
        record.headers.get("WARC-Target-URI"),
        record.headers.get("WARC-Date"),
        record.stream_pos,
        next(name for kind, name in _KINDS if record.record_type == kind),
        status,
        headers,
        record.reader.read(),
    )


def _next_record(stream: Stream, start: int) -> int | None:
    """Offset of the next thing that looks like a record (a gzip or zstd member, or a WARC header line) at or after `start`."""
    stream.seek(0)
    head = stream.read(4)
    marks = (
        [b"\x1f\x8b\x08"]
        if head.startswith(b"\x1f\x8b")
        else [_ZST[0]]
        if head.startswith(_ZST)
        else [b"\nWARC/1.", b"\nWARC/0."]
    )
    skip = 1 if marks[0].startswith(b"\n") else 0
    stream.seek(max(0, start - skip))
    at, tail = max(0, start - skip), b""
    while block := stream.read(_BLOCK):
        data = tail + block
        hits = [hit for mark in marks if (hit := data.find(mark)) >= 0]
        if hits:
            return at - len(tail) + min(hits) + skip
        tail = data[-8:]
        at += len(block)
    return None


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
