"""ingest/archive.py under random damage: it never raises, always ends, counts what it loses, and loses nothing that was not touched."""

import gzip
import io
import random
from collections.abc import Callable

import pytest
import zstandard
from conftest import Page, warc_record
from fastwarc.stream_io import Lz4Writer

from euro_curate.ingest.records import HashedFile, Reading, Record, read_records

COUNT = 12


def lz4(data: bytes) -> bytes:
    out = io.BytesIO()
    with Lz4Writer(out) as writer:
        writer.write(data)
    return out.getvalue()


PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "plain": bytes,
    "gzip": gzip.compress,
    "zstd": zstandard.ZstdCompressor(write_checksum=True).compress,
    "lz4": lz4,
}


def flip(part: bytes, rng: random.Random) -> bytes:
    at = rng.randrange(len(part))
    return part[:at] + bytes(byte ^ rng.randrange(1, 256) for byte in part[at : at + 9]) + part[at + 9 :]


def insert(part: bytes, rng: random.Random) -> bytes:
    at = rng.randrange(len(part))
    return part[:at] + rng.randbytes(rng.choice((1, 50, 5000))) + part[at:]


def cut(part: bytes, rng: random.Random) -> bytes:
    return part[: rng.randrange(1, len(part))]


def behead(part: bytes, rng: random.Random) -> bytes:
    return part[rng.randrange(1, len(part)) :]


def read(data: bytes) -> tuple[list[Record], Reading]:
    stream, reading = HashedFile(io.BytesIO(data)), Reading()
    return list(read_records(stream, "warc", reading)), reading


@pytest.mark.parametrize("damage", [flip, insert, cut, behead])
@pytest.mark.parametrize("name", PACKERS)
def test_what_is_not_touched_is_read_once_and_whole(name: str, damage: Callable[[bytes, random.Random], bytes]) -> None:
    for seed in range(400):
        rng = random.Random(seed)
        bodies = [rng.randbytes(rng.choice((40, 400, 4000, 90_000))).hex() for _ in range(COUNT)]
        pages = [Page(body, f"https://site.example/{n}") for n, body in enumerate(bodies)]
        parts = [PACKERS[name](warc_record(page)) for page in pages]
        hurt = set(rng.sample(range(1, COUNT), 3))
        for n in hurt:
            parts[n] = damage(parts[n], rng)
        found, reading = read(b"".join(parts))
        bodies_found = [record.body.decode("latin-1") for record in found]
        for n in set(range(COUNT)) - hurt:
            assert bodies_found.count(bodies[n]) == 1, f"seed {seed}: record {n} beside damage in {sorted(hurt)}"
        offsets = [record.offset for record in found]
        assert offsets == sorted(set(offsets))
        assert len(found) <= COUNT
        if name != "plain" and len(found) + reading.apart < COUNT:  # a type that is damaged may be any other type
            assert reading.errors and reading.bytes_skipped > 0
        if name in ("gzip", "zstd"):
            assert set(bodies_found[:-1]) <= set(bodies), "checksums tell: a damaged body is never passed on"
