"""ingest/crawl.py and texts.py: one file -> its rows, in file order, with ids, dates and what reading it came to."""

import gzip
import io
import json
import random
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xxhash
import zstandard
from conftest import Page, warc_bytes, warc_record, write_warc

from euro_curate.ingest import Ingest, expand, ingest
from euro_curate.ingest.identity import second_occurrence
from euro_curate.schema import DOCUMENTS

TEXT = (
    "Der Müller stand früh auf, öffnete die Schleuse und hörte zu, wie das Rad sich langsam zu drehen begann. "
    "Im Dorf erzählte man sich, dass er jeden Sack Mehl beim Namen kenne und keinen je vergessen habe. "
)
HTML = "<html><body><article>" + "".join(f"<p>{n}. {TEXT}</p>" for n in range(4)) + "</article></body></html>"


def read(path: Path, p: Ingest | None = None) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    (source,) = expand([str(path)])
    table, notes = ingest(source, p or Ingest())
    assert table.schema == DOCUMENTS
    assert len(table) == notes["records"]
    assert notes["digest"] == xxhash.xxh3_128_hexdigest(path.read_bytes())
    rows: list[dict[str, Any]] = table.to_pylist()
    assert {row["source"] for row in rows} <= {source.name}
    assert len({row["id"] for row in rows}) == len(rows)
    return rows, notes


def jsonl(path: Path, lines: Sequence[object]) -> Path:
    path.write_text("".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines), "utf-8")
    return path


# --- crawl files -------------------------------------------------------------------------------------------------------------


def test_rows_are_the_captures_in_file_order(tmp_path: Path) -> None:
    pages = [
        Page(HTML, "https://a.example/1"),
        Page("GET", "https://a.example/1", kind="request"),
        Page("User-agent: *", "https://a.example/robots.txt", content_type="text/plain"),
        Page("{}", "https://a.example/.well-known/tdmrep.json"),
        Page(HTML, "https://a.example/robots.txt/guide"),
        Page("gone", "https://a.example/2", status="410 Gone"),
        Page(HTML, "https://a.example/?p=/robots.txt", kind="resource"),
        Page(TEXT, "https://a.example/3", kind="conversion", content_type="text/plain"),
    ]
    rows, notes = read(write_warc(tmp_path / "a.warc.gz", pages))
    assert [(row["id"], row["url"], row["stop"]) for row in rows] == [
        (pages[n].id.replace("-", ""), pages[n].url, "http:status" if n == 5 else None) for n in (0, 4, 5, 6, 7)
    ]
    assert (notes["format"], notes["records"], notes["apart"], notes["errors"]) == ("warc", 5, 3, [])
    assert rows[0]["crawled_at"] == datetime(2024, 3, 1, 12, tzinfo=UTC)
    assert rows[0]["text"].count("Müller") == 4
    assert rows[4]["text"] == TEXT.strip()


def test_an_id_seen_twice_gets_one_of_its_own(tmp_path: Path) -> None:
    page = Page("x", id="0d4f2a3a-479c-421c-9a2d-d45731ab6006")
    size = len(warc_record(page))
    rows, _ = read(write_warc(tmp_path / "twice.warc", [page, page, page]))
    first = page.id.replace("-", "")
    assert [row["id"] for row in rows] == [
        first,
        second_occurrence(first, "twice.warc", size),
        second_occurrence(first, "twice.warc", 2 * size),
    ]


@pytest.mark.parametrize("packed", ["plain", "members", "whole"])
def test_records_without_a_uuid_are_named_by_their_place(tmp_path: Path, packed: str) -> None:
    records = [warc_record(Page(f"x{n}")).replace(b"<urn:uuid:", b"<urn:crawl:") for n in range(4)]
    data = {"plain": bytes, "members": bytes, "whole": gzip.compress}[packed](
        b"".join(gzip.compress(record) if packed == "members" else record for record in records)
    )
    path = tmp_path / "own.warc"
    path.write_bytes(data)
    rows, _ = read(path)
    assert [row["id"] for row in rows] == [xxhash.xxh3_128_hexdigest(f"own.warc\n{row['offset']}") for row in rows]
    assert len({row["offset"] for row in rows}) == 4


@pytest.mark.parametrize("name", ["crawl.jsonl", "crawl.warc.zst", "crawl.arc", "crawl"])
def test_content_decides_not_the_name(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(warc_bytes([Page(HTML)]))
    rows, notes = read(path)
    assert (notes["format"], rows[0]["stop"]) == ("warc", None)


def test_strange_records_are_rows(tmp_path: Path) -> None:
    strange = [
        Page(HTML, status="99999 What"),
        Page(HTML, date="0001-01-01T00:00:00+05:00"),
        Page(HTML, url="https://[::/"),
        Page(HTML, content_type="text/ht\xff\x00ml"),
        Page(b"", content_type=""),
    ]
    rows, notes = read(write_warc(tmp_path / "a.warc.gz", strange))
    assert [row["stop"] for row in rows] == ["http:status", None, None, "mime:type", "size:empty"]
    assert notes["restarts"] == 0


@pytest.mark.parametrize(
    "content", [b"", b"\n", b"<html>saved by hand</html>", bytes(range(256)) * 9, gzip.compress(b"?", mtime=0)]
)
def test_a_file_that_is_nothing_we_know_has_no_rows_and_says_so(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.warc.gz"
    path.write_bytes(content)
    rows, notes = read(path)
    assert (rows, notes["bytes_skipped"]) == ([], len(content))
    assert bool(notes["errors"]) == bool(content)


def test_the_same_file_gives_the_same_rows_whatever_was_read_before(tmp_path: Path) -> None:
    rng = random.Random(3)
    pages = [
        Page(HTML.replace("Müller", f"Müller {n}") + "<table><tr><td>" * n, f"https://a.example/{n}") for n in range(6)
    ]
    path = write_warc(tmp_path / "a.warc.gz", pages)
    expected, _ = read(path)
    others = [Page(HTML, f"https://b.example/{rng.random()}") for _ in range(8)]
    read(write_warc(tmp_path / "b.warc.gz", others))
    assert read(path)[0] == expected
    backwards, _ = read(write_warc(tmp_path / "c.warc.gz", pages[::-1]))
    differing = {"source": "", "offset": 0}
    assert [row | differing for row in backwards[::-1]] == [row | differing for row in expected]


# --- texts -------------------------------------------------------------------------------------------------------------------


def test_json_lines_are_documents(tmp_path: Path) -> None:
    lines = [
        {"id": "one", "text": TEXT, "url": "https://a.example/1", "date": "2024-03-01T12:00:00Z"},
        {"content": " zwei ", "u": "https://a.example/2", "timestamp": "20240301120000"},
        {"raw_content": "drei", "metadata": {"url": "https://a.example/3", "date": "2024-03-01"}},
        {"text": "", "id": "<urn:uuid:0D4F2A3A-479C-421C-9A2D-D45731AB6006>"},
        {"no": "text"},
        {"text": 5, "media": None},
        {"id": "one", "text": "sieben", "url": {"a": 1}, "date": "gestern"},
    ]
    rows, notes = read(jsonl(tmp_path / "a.jsonl", lines))
    place = [xxhash.xxh3_128_hexdigest(f"a.jsonl\n{n}") for n in range(7)]
    assert [row["id"] for row in rows] == [
        "one",
        place[1],
        place[2],
        "0d4f2a3a479c421c9a2dd45731ab6006",
        place[4],
        place[5],
        second_occurrence("one", "a.jsonl", 6),
    ]
    assert [row["text"] for row in rows] == [TEXT.strip(), "zwei", "drei", "", "", "", "sieben"]
    assert [row["stop"] for row in rows] == [None, None, None, *["extract:empty"] * 3, None]
    assert [row["url"] for row in rows[:3]] == [f"https://a.example/{n}" for n in (1, 2, 3)]
    noon, day = datetime(2024, 3, 1, 12, tzinfo=UTC), datetime(2024, 3, 1, tzinfo=UTC)
    assert [row["crawled_at"] for row in rows] == [noon, noon, day, None, None, None, None]
    assert [row["offset"] for row in rows] == list(range(7))
    assert notes["errors"] == []


@pytest.mark.parametrize("bad", ["{broken", "[1, 2]", '"text"', "null", "5", "[" * 100_000, '{"text": "cut o'])
def test_a_bad_line_costs_itself_and_is_counted(tmp_path: Path, bad: str) -> None:
    rows, notes = read(jsonl(tmp_path / "a.jsonl", [{"text": "eins"}, bad, "", {"text": "vier"}, bad]))
    assert [(row["offset"], row["text"]) for row in rows] == [(0, "eins"), (3, "vier")]
    assert notes["bytes_skipped"] == 2 * (len(bad) + 1)
    assert notes["errors"] == [
        f"at byte {at}: ValueError: line {line} is no JSON object" for at, line in ((17, 2), (17 + len(bad) + 19, 5))
    ]


def test_strange_characters_fit_the_table(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    strange = {"id": "\ud800", "text": "a\ud800b\u2028c\x00", "url": "https://\ud800.example/"}
    path.write_bytes(
        b"\xef\xbb\xbf" + json.dumps(strange).encode() + b'\r\n{"text": "\xff\xfe"}\n' + '{"text": "ü\u2028"}'.encode()
    )
    rows, notes = read(path)
    assert [row["text"] for row in rows] == ["a?b\u2028c\x00", "ü"]
    assert (rows[0]["id"], rows[0]["url"]) == ("?", "https://?.example/")
    assert len(notes["errors"]) == 1


@pytest.mark.parametrize("packing", ["gz", "gz members", "zst", "zst frames"])
def test_packed_json_lines_are_read_to_the_end(tmp_path: Path, packing: str) -> None:
    pack = gzip.compress if packing.startswith("gz") else zstandard.ZstdCompressor().compress
    lines = [json.dumps({"text": f"Zeile {n}"}).encode() + b"\n" for n in range(50)]
    parts = [b"".join(lines)] if packing in ("gz", "zst") else lines
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"".join(map(pack, parts)))
    rows, notes = read(path)
    assert [row["text"] for row in rows] == [f"Zeile {n}" for n in range(50)]
    assert notes["errors"] == []


def test_damage_in_packed_lines_is_on_record(tmp_path: Path) -> None:
    rng = random.Random(2)
    lines = b"".join(json.dumps({"text": f"{rng.getrandbits(200)}"}).encode() + b"\n" for _ in range(2000))
    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(gzip.compress(lines)[:-5000])
    rows, notes = read(path)
    assert 500 < len(rows) < 2000
    assert len(notes["errors"]) in (1, 2), "the file, and the line that it breaks off in"
    assert notes["bytes_skipped"] > 0


def test_parquet_rows_are_documents(tmp_path: Path) -> None:
    moment = datetime(2024, 3, 1, 12, tzinfo=UTC)
    table = pa.table(
        {
            "text": [TEXT, None, "drei"] * 1000,
            "id": [f"d{n}" if n % 3 else None for n in range(3000)],
            "date": pa.array([moment] * 3000, pa.timestamp("us", tz="UTC")),
        }
    )
    path = tmp_path / "a.parquet"
    pq.write_table(table, path, row_group_size=700)
    rows, notes = read(path)
    assert [row["offset"] for row in rows] == list(range(3000))
    assert [row["stop"] for row in rows[:3]] == [None, "extract:empty", None]
    assert [row["id"] for row in rows[:2]] == [xxhash.xxh3_128_hexdigest("a.parquet\n0"), "d1"]
    assert {row["crawled_at"] for row in rows} == {moment}
    assert (notes["format"], notes["errors"]) == ("parquet", [])


def test_a_damaged_parquet_file_is_on_record(tmp_path: Path) -> None:
    out = io.BytesIO()
    pq.write_table(pa.table({"text": ["a"]}), out)
    path = tmp_path / "a.parquet"
    path.write_bytes(out.getvalue()[:-20])
    rows, notes = read(path)
    assert rows == []
    assert len(notes["errors"]) == 1
