"""WACZ files (zips of crawl files) -> records. Each crawl file inside is read like any other, also where the zip is damaged or cut off."""

import contextlib
import io
import re
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Any

from euro_curate.ingest.archive import read_archive
from euro_curate.ingest.records import HashedFile, Reading, ReadOnly, Record, Stream, container

_CRAWL_FILE = re.compile(r"\.w?arc(\.(gz|zst|lz4))?$", re.IGNORECASE)
_HELD = 64 << 20  # bytes of an unpacked crawl file that are held in memory; more goes to a temporary file
_LOCAL = b"PK\x03\x04"
_HEAD = struct.Struct(
    "<4s2xHH4xIII2H"
)  # signature, flags, method, CRC-32, packed and unpacked bytes, lengths of name and extra field
_STORED, _DEFLATED = zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED


@dataclass
class _Member:
    """A crawl file in the zip."""

    name: str
    start: int  # of its data in the zip
    size: int  # packed bytes
    method: int
    crc: int | None  # of the unpacked bytes, where it is known


class _Window(ReadOnly):
    """A stretch of a file, as a file."""

    def __init__(self, stream: Stream, start: int, size: int) -> None:
        self._stream, self._start, self._size, self._at = stream, start, size, 0

    def read(self, size: int = -1) -> bytes:
        left = max(0, self._size - self._at)
        self._stream.seek(self._start + self._at)
        data = self._stream.read(left if size < 0 else min(size, left))
        self._at += len(data)
        return data

    def seek(self, offset: int, whence: int = 0) -> int:
        self._at = offset + (0, self._at, self._size)[whence]
        return self._at


def read_wacz(stream: HashedFile, reading: Reading) -> Iterator[Record]:
    """The crawl files inside a WACZ, in name order. Offsets are within the member: the member's index is in the high bits."""
    size = stream.seek(0, io.SEEK_END)
    members = _listed(stream, reading)
    if members is None:
        members = list(_found(stream, size))
        if not members:
            reading.gaps += 1
            reading.bytes_skipped += size
    for index, member in enumerate(sorted(members, key=lambda m: m.name)):
        member.size = min(member.size, size - member.start)
        own = Reading()
        for record in _read_member(stream, member, own):
            record.offset += index << 48
            yield record
        reading.apart, reading.cut, reading.gaps = (
            reading.apart + own.apart,
            reading.cut + own.cut,
            reading.gaps + own.gaps,
        )
        reading.bytes_skipped += min(
            own.bytes_skipped, member.size
        )  # a deflated member's own count is of its unpacked bytes
        reading.errors += [f"{member.name}: {error}" for error in own.errors[: 20 - len(reading.errors)]]


def _read_member(stream: HashedFile, member: _Member, reading: Reading) -> Iterator[Record]:
    window = _Window(stream, member.start, member.size)
    if member.method not in (_STORED, _DEFLATED):
        reading.skip(NotImplementedError(f"zip method {member.method}"), 0, member.size)
        return
    with _inflated(window, member, reading) if member.method == _DEFLATED else window as content:
        kind, _ = container(content)
        if kind in ("warc", "arc"):
            yield from read_archive(content, kind, reading)
        elif not reading.errors:
            reading.skip(ValueError("no crawl file"), 0, member.size)


def _listed(stream: HashedFile, reading: Reading) -> list[_Member] | None:
    """The members that the zip's directory names; None if that cannot be read."""
    out = []
    try:
        with zipfile.ZipFile(stream) as archive:
            for info in archive.infolist():
                if _CRAWL_FILE.search(info.filename):
                    stream.seek(info.header_offset)
                    head = _HEAD.unpack(stream.read(_HEAD.size))
                    if head[0] != _LOCAL:
                        raise zipfile.BadZipFile(f"no header where {info.filename} should begin")
                    start = info.header_offset + _HEAD.size + head[6] + head[7]
                    out.append(_Member(info.filename, start, info.compress_size, info.compress_type, info.CRC))
    except Exception as error:  # zipfile fails on damaged bytes in many ways; storage that fails is in stream.failure
        reading.trouble(error, 0)
        return None
    return out


def _found(stream: Stream, size: int) -> Iterator[_Member]:
    """The members whose own headers are found: the directory stands at a zip's end, which is what a broken transfer loses first."""
    at, tail = 0, b""
    while True:
        stream.seek(at)
        block = tail + stream.read(1 << 20)
        base = at - len(tail)
        if len(block) < _HEAD.size:
            return
        for found in re.finditer(re.escape(_LOCAL), block):
            here = base + found.start()
            stream.seek(here)
            head = stream.read(_HEAD.size)
            if len(head) < _HEAD.size:
                return
            _, flags, method, crc, packed, _, name_size, extra_size = _HEAD.unpack(head)
            name = stream.read(name_size).decode("utf-8", "replace")
            if not _CRAWL_FILE.search(name):
                continue
            start = here + _HEAD.size + name_size + extra_size
            sized = (
                not flags & 8 and packed != 0xFFFFFFFF
            )  # else the size stands behind the data, or in the extra field
            yield _Member(name, start, packed if sized else size - start, method, crc if sized else None)
        at += len(block) - len(tail)
        tail = block[-3:]


def _inflated(window: _Window, member: _Member, reading: Reading) -> IO[bytes]:
    """What a deflated member unpacks to, up to damage: reading past damage inside needs to seek."""
    out: Any = tempfile.SpooledTemporaryFile(_HELD, prefix="euro-curate-")
    inflater, crc = zlib.decompressobj(-zlib.MAX_WBITS), 0
    while not inflater.eof and (block := window.read(1 << 14)):
        before = inflater.copy()
        try:
            plain = inflater.decompress(block)
        except zlib.error as error:
            out.writelines(_up_to_damage(before, block))
            reading.skip(error, window.tell() - len(block), member.size)
            break
        crc = zlib.crc32(plain, crc)
        out.write(plain)
    else:
        if not inflater.eof:
            reading.trouble(EOFError("the member breaks off"), member.size)
        elif member.crc not in (None, crc):
            reading.trouble(ValueError("the checksum is wrong"), 0)
    out.seek(0)
    stream: IO[bytes] = out
    return stream


def _up_to_damage(inflater: Any, block: bytes) -> Iterator[bytes]:
    """What a block gives before the damage in it, which an error would keep back."""
    with contextlib.suppress(zlib.error):
        for at in range(len(block)):
            yield inflater.decompress(block[at : at + 1])
