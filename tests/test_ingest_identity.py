"""ingest/identity.py: ids say where a page came from, and nothing else."""

import pytest
import xxhash

from euro_curate.ingest.identity import record_id, second_occurrence, text_id

HEX = "0d4f2a3a479c421c9a2dd45731ab6006"
UUID = "0d4f2a3a-479c-421c-9a2d-d45731ab6006"


@pytest.mark.parametrize(
    "written",
    [f"<urn:uuid:{UUID}>", f"urn:uuid:{UUID}", UUID, UUID.upper(), HEX, f" <{UUID}> ", f"<urn:uuid:{{{UUID}}}>"],
)
def test_a_uuid_is_its_32_digits(written: str) -> None:
    assert record_id(written, "a.warc", 5) == text_id(written, "a.jsonl", 5) == HEX


@pytest.mark.parametrize("written", [None, "", "<https://site.example/1>", "<urn:sha1:ABC>", UUID[:-1], UUID + "0"])
def test_any_other_record_is_named_by_its_place(written: str | None) -> None:
    assert record_id(written, "a.warc", 5) == xxhash.xxh3_128_hexdigest("a.warc\n5")
    assert record_id(written, "a.warc", 6) != record_id(written, "b.warc", 5) != record_id(written, "a.warc", 5)


@pytest.mark.parametrize(
    ("given", "expected"),
    [("doc-1", "doc-1"), (" doc-1\n", "doc-1"), (0, "0"), (17, "17"), ("ž", "ž"), ("a\ud800", "a?")],
)
def test_a_texts_own_id_stays(given: object, expected: str) -> None:
    assert text_id(given, "a.jsonl", 3) == expected


@pytest.mark.parametrize("given", [None, "", "  ", ["x"], {"a": 1}, 1.5])
def test_a_text_without_id_is_named_by_its_place(given: object) -> None:
    assert text_id(given, "a.jsonl", 3) == xxhash.xxh3_128_hexdigest("a.jsonl\n3")


def test_a_second_occurrence_differs_by_place() -> None:
    ids = {second_occurrence(HEX, source, offset) for source in ("a.warc", "b.warc") for offset in (1, 2)}
    assert len(ids | {HEX}) == 5
