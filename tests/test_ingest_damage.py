"""ingest/archive.py under random damage: it never raises, always ends, counts what it loses, and loses nothing that was not touched."""

import gzip
import io
import random
import zipfile
from collections.abc import Callable
from functools import partial

import lz4.frame
import pytest
import zstandard
from conftest import Page, warc_bytes, warc_record

from euro_curate.ingest import archive
from euro_curate.ingest.records import HashedFile, Reading, Record, container, read_records

COUNT = 12


PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "plain": bytes,
    "gzip": gzip.compress,
    "zstd": zstandard.ZstdCompressor(write_checksum=True).compress,
    "lz4": partial(lz4.frame.compress, content_checksum=True),
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
        assert [record.body for record in found] == [f"{n}".encode() for n in range(50)] or reading.errors
        assert reading.bytes_skipped <= len(data)


@pytest.mark.parametrize("name", ["gzip", "zstd", "lz4"])
@pytest.mark.parametrize("place", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("how", ["cut", "flip"])
def test_one_member_for_the_whole_file_is_read_up_to_its_damage(name: str, place: float, how: str) -> None:
    rng = random.Random(7)
    bodies = [rng.randbytes(rng.choice((40, 400, 4000, 90_000))).hex() for _ in range(40)]
    pages = [Page(body, f"https://site.example/{n}") for n, body in enumerate(bodies)]
    data = PACKERS[name](warc_bytes(pages, packed=False))
    at = int(len(data) * place)
    found, reading = read(data[:at] if how == "cut" else data[:at] + bytes(7) + data[at + 7 :])
    before = [record.body.decode("latin-1") for record in found]
    content, ratio = 0, len(warc_bytes(pages, packed=False)) / len(data)
    for body in bodies:  # what certainly lies before the damage: packers work in blocks
        content += len(warc_record(Page(body)))
        if content > ratio * at - (1 << 18):
            break
        assert body in before
    assert reading.errors and reading.gaps
    assert 0 < reading.bytes_skipped <= len(data)
    if how == "cut":
        assert reading.bytes_skipped <= 1 << 17, "what was read is not counted as lost"


def test_a_broken_dictionary_is_damage() -> None:
    frames = zstandard.ZstdCompressor(dict_data=zstandard.ZstdCompressionDict(b"WARC/1.0 response " * 50)).compress(
        warc_record(Page("x"))
    )
    for carried in (b"\x28\xb5\x2f\xfd broken", b"", b"other words entirely " * 9):
        head = b"\x5d\x2a\x4d\x18" + len(carried).to_bytes(4, "little") + carried
        found, reading = read(head + frames)
        assert len(found) == 0 and reading.errors and reading.bytes_skipped > 0


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
