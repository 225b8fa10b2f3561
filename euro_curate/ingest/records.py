"""Crawl files -> records. Reads WARC, ARC, WET and WACZ, recognised by content; damage is counted and read past, never raised."""

import gzip
import io
import re
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import IO, Any, Protocol

import xxhash
import zstandard

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
    blocked: tuple[str, str] | None = None  # by its address: verdict and evidence; see ingest/urls.py


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
    if head.startswith(b"\x04\x22\x4d\x18"):
        return "warc", "lz4"
    if head.startswith(_ZST[1]):
        return "warc", "zstd"
    for magic, packing in ((b"\x1f\x8b\x08", "gzip"), (_ZST[0], "zstd")):
        if head.startswith(magic):
            # the first member may be damaged: the first one that says what it is decides
            members = (_unpack_some(head[found.start() :], packing) for found in re.finditer(re.escape(magic), head))
            return next((kind for kind in map(_plain_format, members) if kind != "unknown"), "unknown"), packing
    return _plain_format(head), None


def _unpack_some(member: bytes, packing: str) -> bytes:
    opened: Any = gzip.open(io.BytesIO(member))
    if packing == "zstd":
        opened = zstandard.ZstdDecompressor().stream_reader(member)
    out = b""
    try:
        while len(out) < 8192 and (block := opened.read(64)):
            out += block
    except (OSError, EOFError, zlib.error, zstandard.ZstdError):
        pass
    return out


def _plain_format(head: bytes) -> str:
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    if start.startswith(b"filedesc://"):
        return "arc"
    if start.startswith(b"{"):
        return "jsonl"
    if start.startswith(b"WARC/") or re.search(rb"WARC/[01]\.\d+[ \t]*\r*\n(WARC-|Content-)", head, re.IGNORECASE):
        return "warc"
    return "unknown"


# --- readers -----------------------------------------------------------------------------------------------------------------


def read_records(stream: HashedFile, kind: str, reading: Reading) -> Iterator[Record]:
    """Every capture of a crawl file of the given format, in file order. Fills `reading`; never raises for damage, only for storage that fails."""
    from euro_curate.ingest.archive import read_archive

    for record in _read_wacz(stream, reading) if kind == "wacz" else read_archive(stream, kind, reading):
        reading.records += 1
        yield record
    if stream.failure:
        raise stream.failure


def _read_wacz(stream: HashedFile, reading: Reading) -> Iterator[Record]:
    """The WARC files inside a WACZ (a zip), in name order. Offsets are within the member: the member's index is in the high bits."""
    from euro_curate.ingest.archive import read_archive

    try:
        with zipfile.ZipFile(stream) as archive:
            names = sorted(n for n in archive.namelist() if n.lower().endswith((".warc", ".warc.gz", ".warc.zst")))
            for index, name in enumerate(names):
                with archive.open(name) as member:
                    for record in read_archive(member, "warc", reading):
                        record.offset += index << 48
                        yield record
    except Exception as error:  # zipfile fails on damaged bytes in many ways; storage that fails is in stream.failure
        reading.trouble(error, 0)
        reading.bytes_skipped += stream.seek(0, io.SEEK_END)
