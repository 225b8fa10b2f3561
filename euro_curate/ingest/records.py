"""Crawl files -> records. Reads WARC, ARC, WET and WACZ, recognised by content; damage is counted and read past, never raised."""

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import IO, Any, Protocol

import xxhash

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
    cut: int = 0  # of these captures, how many are shorter than their header says
    gaps: int = 0  # damaged stretches, each of which may have held records
    bytes_skipped: int = 0  # of the file, in these stretches
    errors: list[str] = field(default_factory=list)
    digest: str = ""  # xxh3_128 of the file

    def trouble(self, error: Exception, at: int) -> None:
        if len(self.errors) < 20:
            self.errors.append(f"at byte {at}: {type(error).__name__}: {' '.join(str(error).split())[:200]}")

    def skip(self, error: Exception, at: int, until: int) -> None:
        """Bytes that could not be read, and why."""
        self.trouble(error, at)
        self.gaps += 1
        self.bytes_skipped += until - at


class ReadOnly(io.RawIOBase):
    """A seekable file whose `read` is its own; `_at` is where it stands."""

    _at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def tell(self) -> int:
        return self._at


class HashedFile(ReadOnly):
    """A seekable file that hashes every byte once, in order, as it is first read."""

    def __init__(self, raw: IO[bytes]) -> None:
        self._raw, self._hasher, self._hashed, self._at = raw, xxhash.xxh3_128(), 0, 0
        self.failure: Exception | None = None  # of the storage: not damage in the file

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

    def seek(self, offset: int, whence: int = 0) -> int:
        self._at = self._raw.seek(offset, whence)
        return self._at

    def digest(self) -> str:
        """Reads what was not read yet, and returns the digest of the whole file."""
        self.seek(self._hashed)
        while self.read(_BLOCK):
            pass
        return self._hasher.hexdigest()


# --- what is it --------------------------------------------------------------------------------------------------------------


def container(stream: Stream) -> tuple[str, str | None]:
    """(format, compression) of a file by its first bytes: warc | arc | wacz | parquet | jsonl | unknown; gzip | zstd | lz4 | None."""
    from euro_curate.ingest.archive import DICTIONARY, MAGIC, first_bytes

    stream.seek(0)
    head = stream.read(1 << 16)
    if head.startswith(b"PK\x03\x04"):
        return "wacz", None
    if head.startswith(b"PAR1"):
        return "parquet", None
    if head.startswith(DICTIONARY):
        return "warc", "zstd"
    packing = next((name for name, magic in MAGIC.items() if head.startswith(magic)), None)
    if packing is None and re.match(rb"[\x50-\x5f]\x2a\x4d\x18", head):  # a skippable frame: pzstd begins with one
        packing = "zstd"
    if packing is None:
        return _plain_format(head), None
    head += stream.read(1 << 19)  # an LZ4 or zstd frame may give nothing before a whole block is there
    # the first member may be damaged: the first one that says what it is decides
    places = (found.start() for found in re.finditer(re.escape(MAGIC[packing]), head))
    kinds = (_plain_format(first_bytes(head[place:], packing)) for place in islice(places, 100))
    return next((kind for kind in kinds if kind != "unknown"), "unknown"), packing


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
    from euro_curate.ingest.wacz import read_wacz

    for record in read_wacz(stream, reading) if kind == "wacz" else read_archive(stream, kind, reading):
        reading.records += 1
        yield record
    if stream.failure:
        raise stream.failure
