"""The readers on real files of web-archiving projects, odd and broken ones included. Skipped where that collection is not at hand:
EURO_CURATE_DATA names the folder that holds it, as `warc_zoo`."""

import json
import os
from pathlib import Path

import pytest
from bench import archives

from euro_curate.ingest.records import HashedFile, Reading, Record, container, read_records

ZOO = Path(os.environ.get("EURO_CURATE_DATA", "no-data")) / "warc_zoo"
pytestmark = pytest.mark.skipif(not ZOO.is_dir(), reason="EURO_CURATE_DATA names no folder with a warc_zoo")
CAPTURES = ("response", "resource", "conversion")
MANIFEST = (
    {entry["file"]: entry for entry in json.loads((ZOO / "manifest.json").read_text()) if "file" in entry}
    if ZOO.is_dir()
    else {}
)
FILES = sorted(path.name for path in ZOO.glob("*") if path.suffix != ".json") if ZOO.is_dir() else []


def read(name: str) -> tuple[list[Record], Reading]:
    reading = Reading()
    with (ZOO / name).open("rb") as raw:
        stream = HashedFile(raw)
        kind, _ = container(stream)
        found = list(read_records(stream, kind, reading)) if kind in ("warc", "arc", "wacz") else []
    return found, reading


@pytest.mark.parametrize("name", FILES)
def test_every_file_is_read_without_raising(name: str) -> None:
    found, reading = read(name)
    offsets = [record.offset for record in found]
    assert offsets == sorted(set(offsets))
    assert reading.bytes_skipped <= (ZOO / name).stat().st_size
    entry = MANIFEST.get(name, {})
    if entry.get("warcio") == "ok":
        assert len(found) >= sum(entry["records"].get(kind, 0) for kind in CAPTURES)


# Copies of ok-sample.warc.gz (121 records, 110 of them captures), each damaged in one way: what can be saved.
@pytest.mark.parametrize(
    ("name", "captures", "records", "noticed"),
    [
        ("ok-sample.warc.gz", 110, 121, False),
        ("ok-sample-uncompressed.warc", 110, 121, False),
        ("whole-file-single-gzip-member.warc.gz", 110, 121, False),
        ("wrong-content-length.warc", 110, 121, True),
        ("missing-warc-magic.warc", 109, 120, True),
        ("garbage-4k-in-middle.warc.gz", 109, 120, True),
        ("truncated-gzip-tail.warc.gz", 53, 61, True),
    ],
)
def test_damage_costs_what_it_touches(name: str, captures: int, records: int, noticed: bool) -> None:
    found, reading = read(name)
    assert (len(found), len(found) + reading.apart) == (captures, records)
    assert bool(reading.errors) == noticed
    sound = {record.id: record.body for record in read("ok-sample.warc.gz")[0]}
    whole = [record for record in found if sound[record.id] == record.body]
    assert len(whole) >= captures - (name in ("truncated-gzip-tail.warc.gz", "wrong-content-length.warc"))


def test_a_saved_page_is_no_crawl() -> None:
    with Path(ZOO / "html-saved-as.warc.gz").open("rb") as raw:
        assert container(HashedFile(raw)) == ("unknown", None)


def test_no_other_reader_reads_further() -> None:
    """Where warcio or fastwarc has a body that ours has not, it is one that ours has otherwise (named here) or holds back for a reason."""
    paths = [str(ZOO / name) for name in FILES]
    ours = archives.run("ours", paths)
    known = {
        "garbage-4k-in-middle.warc.gz": 1,  # warcio hands on a member whose checksum is wrong, as far as it unpacks
        "ipwb__5mementosAndFroggie.warc": 1,  # fastwarc takes an HTTP head for the body
        "node-warc__parseMe.warc": 1,  # warcio takes a `resource` with an HTTP head for one without
        "node-warc__parseMe.warc.gz": 1,
        "warcio__bad.arc": 1,  # warcio takes one byte of content for none
        "warcio__example-wrong-chunks.warc.gz": 1,  # warcio loses the body to the file's wrong member boundaries
    }
    for reader in ("warcio", "fastwarc"):
        theirs = archives.run(reader, paths)
        for path, (found, _) in theirs.items():
            assert len(found) <= len(ours[path][0]), (reader, path)
            missing = {digest for digest, _ in found} - {digest for digest, _ in ours[path][0]}
            assert len(missing) <= known.get(Path(path).name, 0), (reader, path)
