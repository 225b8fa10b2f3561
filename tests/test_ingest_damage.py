"""ingest/archive.py under random damage: it never raises, always ends, counts what it loses, and loses nothing that was not touched."""

import gzip
import io
import random
import zipfile
from collections.abc import Callable

import pytest
import zstandard
from conftest import Page, warc_record
from fastwarc.stream_io import Lz4Writer

from euro_curate.ingest import archive
from euro_curate.ingest.records import HashedFile, Reading, Record, container, read_records

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
    for seed in range(25):
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


def test_a_damaged_zip_never_raises() -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archived:
        archived.writestr("archive/a.warc", b"".join(warc_record(Page(f"{n}")) for n in range(50)))
    for seed in range(300):
        rng = random.Random(seed)
        data = bytearray(packed.getvalue())
        at = rng.randrange(len(data))
        data[at : at + rng.randrange(30)] = rng.randbytes(rng.randrange(30))
        reading = Reading()
        found = list(read_records(HashedFile(io.BytesIO(bytes(data))), "wacz", reading))
        assert [record.body for record in found] == [f"{n}".encode() for n in range(len(found))]
        assert len(found) == 50 or reading.errors


@pytest.mark.parametrize("name", PACKERS)
def test_a_record_too_long_to_hold_is_cut_and_passed(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "MAX_RECORD", 1000)
    pages = [Page("a" * size, f"https://site.example/{size}") for size in (500, 1_000_000, 3, 70_000, 4)]
    found, reading = read(b"".join(PACKERS[name](warc_record(page)) for page in pages))
    assert [len(record.body) for record in found] == [500, 1000 - 84, 3, 1000 - 82, 4]
    assert (reading.errors, reading.bytes_skipped) == ([], 0)


def test_the_dictionary_of_a_zstd_file_is_used() -> None:
    """IIPC's .warc.zst: a skippable frame with the dictionary, packed or not, then one frame a record."""
    rng = random.Random(4)
    words = [rng.randbytes(5).hex() for _ in range(500)]
    pages = [Page(" ".join(rng.choices(words, k=80)), f"https://site.example/{n}") for n in range(300)]
    records = [warc_record(page) for page in pages]
    trained = zstandard.train_dictionary(8000, records)
    frames = b"".join(zstandard.ZstdCompressor(dict_data=trained).compress(record) for record in records)
    for carried in (trained.as_bytes(), zstandard.ZstdCompressor().compress(trained.as_bytes())):
        head = b"\x5d\x2a\x4d\x18" + len(carried).to_bytes(4, "little") + carried
        assert container(HashedFile(io.BytesIO(head + frames))) == ("warc", "zstd")
        found, reading = read(head + frames)
        assert [record.body.decode() for record in found] == [page.body for page in pages]
        assert reading.errors == []
