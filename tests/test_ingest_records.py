"""ingest/records.py: every container, damage read past and counted, storage failures raised."""

import gzip
import io
import random
import re
import zipfile
from collections.abc import Callable, Sequence
from typing import Any

import lz4.frame
import pytest
import xxhash
import zstandard
from conftest import Page, warc_bytes, warc_record

from euro_curate.ingest.records import HashedFile, Reading, Record, container, read_records

PAGES = [
    Page(f"<html><body><p>Sivu {n}: {chr(97 + n) * 40 * (n + 1)}</p></body></html>", f"https://site.example/{n}")
    for n in range(7)
]


def read(data: bytes) -> tuple[list[Record], Reading]:
    stream, reading = HashedFile(io.BytesIO(data)), Reading()
    kind, _ = container(stream)
    found = list(read_records(stream, kind, reading))
    assert reading.records == len(found)
    return found, reading


def numbers(found: Sequence[Record]) -> list[int]:
    return [int(str(record.url).rsplit("/", 1)[1]) for record in found]


def members(pages: Sequence[Page], pack: Callable[[bytes], bytes]) -> list[bytes]:
    return [pack(warc_record(page)) for page in pages]


def arc_blocks(pages: Sequence[Page]) -> list[bytes]:
    """ARC 1.0: a version block, then `URL IP date type length` and the HTTP response of each page."""
    about = b"1 0 Testeri\nURL IP-address Archive-date Content-type Archive-length\n"
    out = [b"filedesc://crawl.arc 0.0.0.0 20010203040506 text/plain %d\n%s\n" % (len(about), about)]
    for page in pages:
        block = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n" + str(page.body).encode()
        out.append(b"%s 127.0.0.1 20010203040506 text/html %d\n%s\n" % (page.url.encode(), len(block), block))
    return out


def arc2(pages: Sequence[Page]) -> bytes:
    """ARC 2.0: five more fields in each line, and a length of the version block that counts its own line's end."""
    about = b"2 0 Testeri\nURL IP-address Archive-date Content-type Result-code Checksum Location Offset Filename Archive-length\n"
    out = [b"filedesc://crawl.arc 0.0.0.0 20010203040506 text/plain 200 - - 0 crawl.arc %d\n%s\n" % (len(about), about)]
    for page in pages:
        block = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n" + str(page.body).encode()
        line = b"%s 127.0.0.1 20010203040506 text/html 200 - - 0 crawl.arc %d\n" % (page.url.encode(), len(block))
        out.append(line + block + b"\n")
    return b"".join(out)


def arc(pages: Sequence[Page]) -> bytes:
    return b"".join(arc_blocks(pages))


def wacz(pages: Sequence[Page], method: int = zipfile.ZIP_STORED, first: bytes = b"archive/a.warc.gz") -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        archive.writestr("datapackage.json", "{}")
        archive.writestr(first.decode(), warc_bytes(pages[:3], packed=first.endswith(b"gz")))
        archive.writestr("archive/b.warc", warc_bytes(pages[3:], packed=False))
    return out.getvalue()


CONTAINERS: dict[str, tuple[bytes, str, str | None]] = {
    "plain": (warc_bytes(PAGES, packed=False), "warc", None),
    "gzip": (warc_bytes(PAGES), "warc", "gzip"),
    "gzip, whole file": (gzip.compress(warc_bytes(PAGES, packed=False)), "warc", "gzip"),
    "zstd, whole file": (zstandard.ZstdCompressor().compress(warc_bytes(PAGES, packed=False)), "warc", "zstd"),
    "zstd behind a skippable frame": (
        b"\x50\x2a\x4d\x18\x04\x00\x00\x00size" + zstandard.ZstdCompressor().compress(warc_bytes(PAGES, packed=False)),
        "warc",
        "zstd",
    ),
    "lz4, whole file": (lz4.frame.compress(warc_bytes(PAGES, packed=False)), "warc", "lz4"),
    "zstd": (b"".join(members(PAGES, zstandard.ZstdCompressor().compress)), "warc", "zstd"),
    "lz4": (b"".join(members(PAGES, lz4.frame.compress)), "warc", "lz4"),
    "arc": (arc(PAGES), "arc", None),
    "arc 2": (arc2(PAGES), "arc", None),
    "arc.gz": (b"".join(map(gzip.compress, arc_blocks(PAGES))), "arc", "gzip"),
    "wacz": (wacz(PAGES), "wacz", None),
    "wacz, deflated": (wacz(PAGES, zipfile.ZIP_DEFLATED), "wacz", None),
}


@pytest.mark.parametrize("name", CONTAINERS)
def test_every_container_is_known_by_content_and_read_whole(name: str) -> None:
    data, kind, packing = CONTAINERS[name]
    assert container(HashedFile(io.BytesIO(data))) == (kind, packing)
    found, reading = read(data)
    assert numbers(found) == list(range(7))
    assert [record.body.decode() for record in found] == [page.body for page in PAGES]
    assert {record.status for record in found} == {200}
    assert (reading.bytes_skipped, reading.errors) == (0, [])
    offsets = [record.offset for record in found]
    assert offsets == sorted(set(offsets)), "an occurrence is (source, offset): offsets differ and grow"
    if name in ("plain", "gzip", "zstd", "lz4"):
        pack = {"gzip": gzip.compress, "zstd": zstandard.ZstdCompressor().compress, "lz4": lz4.frame.compress}.get(
            name, bytes
        )
        sizes = [len(member) for member in members(PAGES, pack)]
        assert offsets == [sum(sizes[:n]) for n in range(7)]


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (b"", ("unknown", None)),
        (b"<!doctype html><p>no crawl", ("unknown", None)),
        (b'\xef\xbb\xbf\n {"text": "WARC/1.0"}', ("jsonl", None)),
        (gzip.compress(b'{"text": 1}', mtime=0), ("jsonl", "gzip")),
        (zstandard.ZstdCompressor().compress(b'{"text": 1}'), ("jsonl", "zstd")),
        (gzip.compress(b"binary \x00\x01", mtime=0), ("unknown", "gzip")),
        (gzip.compress(b"", mtime=0)[:5], ("unknown", "gzip")),
        (b"PAR1....", ("parquet", None)),
    ],
)
def test_other_content_is_told_apart(head: bytes, expected: tuple[str, str | None]) -> None:
    assert container(HashedFile(io.BytesIO(head))) == expected


def test_repeated_headers_and_ids_are_kept_as_written() -> None:
    page = Page("<p>x", headers=[("X-Robots-Tag", "noindex"), ("X-Robots-Tag", "noai"), ("X-Long", "a\r\n\tb")])
    (record,), _ = read(warc_bytes([page]))
    assert [v for k, v in record.headers if k == "X-Robots-Tag"] == ["noindex", "noai"]
    assert dict(record.headers)["X-Long"] == "a b"
    assert record.id == f"<urn:uuid:{page.id}>"
    assert record.date == "2024-03-01T12:00:00Z"


@pytest.mark.parametrize("kind", ["request", "metadata", "revisit", "warcinfo"])
def test_what_is_no_capture_is_set_apart(kind: str) -> None:
    found, reading = read(warc_bytes([PAGES[0], Page("x: y", kind=kind), PAGES[1]]))
    assert numbers(found) == [0, 1]
    assert reading.apart == 1


@pytest.mark.parametrize("ending", [b"\r\n\r\n", b"\r\n\n", b"\n\n"])
def test_http_heads_end_in_any_blank_line_however_long(ending: bytes) -> None:
    long = b"X-Policy: " + b"p" * 100_000
    block = b"HTTP/1.0 404\r\nContent-Type: text/html\r\n" + long + ending + b"body\r\n\r\nmore"
    raw = b"WARC/1.0\r\nWARC-Type: response\r\nContent-Type: application/http\r\nContent-Length: %d\r\n\r\n" % len(
        block
    )
    (record,), reading = read(raw + block + b"\r\n\r\n")
    assert (record.status, record.body) == (404, b"body\r\n\r\nmore")
    assert (record.id, record.url, reading.errors) == (None, None, [])


@pytest.mark.parametrize(
    ("line", "status"),
    [
        (b"HTTP/1.1 200 OK", 200),
        (b"HTTP/1.0 200", 200),
        (b"HTTP/2 200", 200),
        (b"HTTP/2.0 204 No Content", 204),
        (b"HTTP/3 404", 404),
        (b"http/1.1 301 Moved", 301),
        (b"HTTP/1.1  200  OK", 200),
        (b"HTTP/1.1\t503 Busy", 503),
        (b"HTTP/1.1 200OK", 200),
        (b"HTTP 200 OK", 200),
        (b"HTTP/1.1 OK", None),
        (b"HTTP/1.1 ", None),
        (b"ICY 200 OK", 200),
        (b"HTTPX/1.1 200 OK", 200),
        (b"\r\n\r\nHTTP/1.1 200 OK", 200),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK", 200),
        (b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\nHTTP/1.1 404 Not Found", 404),
        (b"HTTP/1.1 200 Connection established\r\n\r\nHTTP/1.1 200 OK", 200),
    ],
)
@pytest.mark.parametrize("kind", ["response", "resource"])
def test_status_lines_of_every_kind(line: bytes, status: int | None, kind: str) -> None:
    block = line + b"\r\nContent-Type: text/html\r\n:path: /x\r\n\r\n<p>HTTP/1.1 500 is a status</p>"
    head = b"WARC/1.1\r\nWARC-Type: %s\r\nContent-Type: application/http\r\nContent-Length: %d\r\n\r\n"
    (record,), reading = read(head % (kind.encode(), len(block)) + block + b"\r\n\r\n")
    assert (record.status, record.body) == (status, b"<p>HTTP/1.1 500 is a status</p>")
    assert dict(record.headers)["Content-Type"] == "text/html"
    assert reading.errors == []


def test_what_is_no_http_is_kept_as_it_is() -> None:
    """ARC files and old crawls hold pages without a head (HTTP/0.9); WET files hold text."""
    (old,), _ = read(
        b"WARC/1.0\r\nWARC-Type: response\r\nContent-Type: text/html\r\nContent-Length: 11\r\n\r\n<p>HTTPS</p\r\n\r\n"
    )
    assert (old.status, old.headers, old.body) == (None, [("Content-Type", "text/html")], b"<p>HTTPS</p")
    wet = Page("HTTP/1.1 200 OK is a status line.", kind="conversion", content_type="text/plain")
    (text,), _ = read(warc_bytes([wet]))
    assert (text.kind, text.status, text.body.decode()) == ("conversion", None, wet.body)


def test_a_page_cut_short_is_handed_on_and_counted() -> None:
    data = warc_bytes(PAGES, packed=False)
    found, reading = read(data[:-60])
    assert numbers(found) == list(range(7))
    assert str(PAGES[6].body).encode().startswith(found[-1].body)
    assert (reading.cut, reading.bytes_skipped, len(reading.errors)) == (1, 0, 1)


# --- damage ------------------------------------------------------------------------------------------------------------------

PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "plain": bytes,
    "gzip": gzip.compress,
    "zstd": zstandard.ZstdCompressor(write_checksum=True).compress,
}


def spoil_head(record: bytes) -> bytes:
    return b"XXXX" + record[4:]


def spoil_middle(record: bytes) -> bytes:
    half = len(record) // 2
    return record[:half] + bytes(255 - byte for byte in record[half : half + 20]) + record[half + 20 :]


@pytest.mark.parametrize("at", [0, 3, 6])
@pytest.mark.parametrize(
    ("name", "spoil"),
    [
        ("plain", spoil_head),
        ("gzip", spoil_head),
        ("gzip", spoil_middle),
        ("zstd", spoil_head),
        ("zstd", spoil_middle),
    ],
)
def test_a_damaged_record_costs_itself_alone(name: str, spoil: Callable[[bytes], bytes], at: int) -> None:
    parts = members(PAGES, PACKERS[name])
    if at == 0 and spoil is spoil_head:
        parts.insert(0, PACKERS[name](warc_record(Page("software: x", kind="warcinfo"))))  # it tells what the file is
        at = 1
    offset = 1 if len(parts) > 7 else 0
    parts[at] = spoil(parts[at])
    found, reading = read(b"".join(parts))
    assert numbers(found) == [n for n in range(7) if n != at - offset]
    assert reading.errors
    assert 0 < reading.bytes_skipped <= len(parts[at]) + 4


@pytest.mark.parametrize("name", ["plain", "gzip", "zstd"])
def test_garbage_between_records_is_skipped_and_counted(name: str) -> None:
    parts = members(PAGES, PACKERS[name])
    parts.insert(4, bytes(range(256)) * 16)
    found, reading = read(b"".join(parts))
    assert numbers(found) == list(range(7))
    assert abs(reading.bytes_skipped - 4096) <= 4
    assert len(reading.errors) == 1


@pytest.mark.parametrize("by", [-30, 40, 10**9])
def test_a_wrong_content_length_costs_no_other_record(by: int) -> None:
    parts = members(PAGES, bytes)
    parts[2] = re.sub(rb"(\d+)(?=\r\n\r\nHTTP)", lambda m: b"%d" % (int(m.group()) + by), parts[2], count=1)
    found, reading = read(b"".join(parts))
    assert [n for n in numbers(found) if n != 2] == [0, 1, 3, 4, 5, 6]
    assert reading.errors or by < 0  # a body cut short by its own header cannot be told from a short body


def test_a_member_that_is_no_record_is_passed_over() -> None:
    parts = members(PAGES, gzip.compress)
    parts[3] = gzip.compress(b"not a record at all " * 30)
    assert numbers(read(b"".join(parts))[0]) == [0, 1, 2, 4, 5, 6]


@pytest.mark.parametrize("name", ["plain", "gzip", "zstd"])
@pytest.mark.parametrize("kept", [0.2, 0.9])
def test_a_cut_off_tail_is_on_record(name: str, kept: float) -> None:
    parts = members(PAGES, PACKERS[name])
    found, reading = read(b"".join(parts[:-1]) + parts[-1][: int(len(parts[-1]) * kept)])
    assert numbers(found)[:6] == list(range(6))
    assert numbers(found)[6:] in ([], [6])
    assert reading.errors


def test_a_record_mark_in_a_sound_page_is_not_a_record() -> None:
    """Resuming after damage starts behind the last sound record, not inside it."""
    quote = "<pre>\nWARC/1.0\r\nWARC-Type: response\r\nWARC-Target-URI: https://site.example/99\r\nContent-Length: 0\r\n\r\n</pre>"
    parts = members([PAGES[0], Page(quote, "https://site.example/1"), *PAGES[2:]], bytes)
    parts[2] = spoil_head(parts[2])
    found, _ = read(b"".join(parts))
    assert numbers(found) == [0, 1, 3, 4, 5, 6]


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_wacz_without_its_end_is_read_as_far_as_it_goes(method: int) -> None:
    """The zip's directory is its end: without it, the members' own headers tell."""
    data = wacz(PAGES, method)
    whole, _ = read(data)
    directory = data.index(b"PK\x01\x02")
    for end, least in ((directory, 7), (directory - 150, 4), (len(wacz(PAGES[:3], method)) // 2, 0)):
        found, reading = read(data[:end])
        assert len(found) >= least
        assert "BadZipFile" in reading.errors[0]
        sound = found[:-1] if reading.cut else found
        assert [(r.url, r.body, r.offset) for r in sound] == [(r.url, r.body, r.offset) for r in whole[: len(sound)]]


def test_a_damaged_member_of_a_wacz_costs_no_other_member() -> None:
    rng = random.Random(1)
    noise = [Page(rng.randbytes(3000).hex(), f"https://site.example/{n}") for n in range(3)]
    data = wacz([*noise, *PAGES[3:]], zipfile.ZIP_DEFLATED, b"archive/A.WARC")
    at = data.index(b"archive/A.WARC") + 6000
    found, reading = read(data[:at] + bytes(60) + data[at + 60 :])
    assert numbers([record for record in found if record.offset >> 48 == 1]) == [3, 4, 5, 6]
    assert found[0].body.decode() == noise[0].body and reading.errors


def test_the_files_of_a_wacz_may_be_of_any_kind() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("indexes/index.cdx.gz", gzip.compress(b"WARC/1.0 is no crawl here"))
        archive.writestr("archive/3.warc.zst", b"".join(members(PAGES[3:5], zstandard.ZstdCompressor().compress)))
        archive.writestr("archive/1.ARC.GZ", b"".join(map(gzip.compress, arc_blocks(PAGES[:2]))), zipfile.ZIP_DEFLATED)
        archive.writestr("archive/4.warc", b"no crawl at all")
        archive.writestr("archive/2.warc.lz4", lz4.frame.compress(warc_record(PAGES[2])))
        archive.writestr("archive/5.warc", warc_bytes(PAGES[5:], packed=False), zipfile.ZIP_BZIP2)
    found, reading = read(out.getvalue())
    assert numbers(found) == [0, 1, 2, 3, 4]
    assert [record.offset >> 48 for record in found] == [0, 0, 1, 2, 2]
    assert len(reading.errors) == reading.gaps == 2
    assert "4.warc: at byte 0: ValueError: no crawl file" in reading.errors[0] and "zip method 12" in reading.errors[1]


def test_damage_in_an_arc_keeps_what_came_before() -> None:
    data = arc(PAGES)
    cut = data.index(b"https://site.example/4")
    found, reading = read(data[:cut] + b"!!!" + data[cut + 12 :])
    assert numbers(found)[:4] == [0, 1, 2, 3]
    assert reading.errors and reading.bytes_skipped > 0


# --- the file ----------------------------------------------------------------------------------------------------------------


class Failing(io.BytesIO):
    """Storage that fails once, then works: the bytes that it kept back are not damage."""

    def __init__(self, data: bytes, times: int) -> None:
        super().__init__(data)
        self.times, self.reads = times, 0

    def read(self, size: int | None = -1) -> bytes:
        self.reads += 1
        if self.reads > 3 and self.times:
            self.times -= 1
            raise ConnectionResetError("connection lost")
        return super().read(min(size if size and size > 0 else 512, 512))


@pytest.mark.parametrize("times", [1, 10**6])
@pytest.mark.parametrize("name", ["plain", "gzip", "arc", "wacz", "zstd"])
def test_storage_that_fails_is_no_damage(name: str, times: int) -> None:
    stream = HashedFile(Failing(CONTAINERS[name][0], times))
    with pytest.raises(OSError):
        list(read_records(stream, CONTAINERS[name][1], Reading()))


@pytest.mark.parametrize("name", CONTAINERS)
def test_the_digest_is_the_files_wherever_reading_went(name: str) -> None:
    data: Any = CONTAINERS[name][0]
    for content in (data, data[: len(data) // 2] + b"?" * 99 + data[len(data) // 2 :]):
        stream = HashedFile(io.BytesIO(content))
        list(read_records(stream, CONTAINERS[name][1], Reading()))
        assert stream.digest() == xxhash.xxh3_128_hexdigest(content)


def test_the_digest_counts_each_byte_once() -> None:
    data = bytes(range(256)) * 50
    stream = HashedFile(io.BytesIO(data))
    for offset, size in ((9000, 100), (0, 700), (300, 900), (5000, 10), (1100, 300)):
        stream.seek(offset)
        stream.read(size)
    assert stream.digest() == xxhash.xxh3_128_hexdigest(data)
