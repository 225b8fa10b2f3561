"""publish/: shards that cover what was taken, and a card and metadata that other tools can read."""

import json
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from euro_curate.languages import languages
from euro_curate.publish import Publish, Sorting, card, croissant, plan, shard, sort_clean
from euro_curate.run import checked
from euro_curate.schema import BUDGET, CLEAN, DATASET

TOP = 1 << 64


def budget(**by_code: dict[str, Any]) -> pa.Table:
    base = {f.name: 0 for f in BUDGET} | {"cut": None, "epochs": 1.0, "shards": 1, "taken_pages": 5, "taken_words": 60}
    return pa.Table.from_pylist([base | {"language": code} | row for code, row in by_code.items()], schema=BUDGET)


@settings(deadline=None, derandomize=True)
@given(st.none() | st.integers(1, TOP - 1), st.integers(1, 50))
def test_the_ranges_cover_all_below_the_cut_once(cut: int | None, shards: int) -> None:
    ranges = list(plan(budget(mlt_Latn={"cut": cut, "shards": shards})).values())
    assert len(ranges) == shards
    assert ranges[0][1] == 0
    assert ranges[-1][2] == cut
    assert [r[2] for r in ranges[:-1]] == [r[1] for r in ranges[1:]]
    widths = [(TOP if high is None else high) - low for _, low, high in ranges]
    assert max(widths) - min(widths) <= 1
    assert min(widths) >= 0
    assert all(code == "mlt_Latn" for code, _, _ in ranges)


def test_files_are_named_by_language_and_number() -> None:
    table = budget(bul_Cyrl={"shards": 2}, gle_Latn={"shards": 0, "taken_pages": 0, "cut": 0}, mlt_Latn={})
    assert list(plan(table)) == [
        "data/bul_Cyrl/train/000_00000.parquet",
        "data/bul_Cyrl/train/000_00001.parquet",
        "data/mlt_Latn/train/000_00000.parquet",
    ]
    names = list(plan(budget(mlt_Latn={"shards": 100_002})))
    assert names[-2:] == ["data/mlt_Latn/train/001_00000.parquet", "data/mlt_Latn/train/001_00001.parquet"]
    assert plan(BUDGET.empty_table()) == {}


def clean(*rows: dict[str, Any]) -> pa.Table:
    base = {
        "language": "mlt_Latn",
        "text": "Bonġu 🙂",
        "url": "https://a.example/x",
        "crawled_at": datetime(2024, 3, 1, 12, 0, 5, 7000, tzinfo=UTC),
        "source": "crawl-data/CC-MAIN-2024-10/segments/1/warc/f.warc.gz",
        "language_score": 0.987654321,
        "cluster_size": 3,
        "words": 1,
        "chars": 7,
        "bytes": 11,
        "redactions": 2,
        "pii": '{"email": 2}',
    }
    return pa.Table.from_pylist([base | row for row in rows], schema=CLEAN)


def test_a_row_of_the_dataset_by_hand() -> None:
    given_in = clean(
        {
            "id": "a",
            "order": 5,
            "second": "ita_Latn",
            "second_score": 0.01,
            "title": "T",
            "licence": "cc",
            "published": "2024-02-29",
        }
    )
    out = checked(shard, shard(given_in, Publish()), None)
    assert out.schema.equals(DATASET, check_metadata=True)
    (row,) = out.to_pylist()
    assert json.loads(row.pop("top_langs")) == {"mlt_Latn": 0.987654, "ita_Latn": 0.01}
    assert row == {
        "text": "Bonġu 🙂",
        "id": "a",
        "dump": "CC-MAIN-2024-10",
        "url": "https://a.example/x",
        "date": "2024-03-01T12:00:05Z",
        "file_path": "crawl-data/CC-MAIN-2024-10/segments/1/warc/f.warc.gz",
        "language": "mlt",
        "language_score": 0.987654321,
        "language_script": "Latn",
        "minhash_cluster_size": 3,
        "title": "T",
        "licence": "cc",
        "licence_id": None,
        "published": "2024-02-29",
        "words": 1,
        "redactions": 2,
        "pii": '{"email": 2}',
    }


def test_missing_values_stay_missing() -> None:
    bare = clean(
        {"id": "a", "order": 5, "crawled_at": None, "url": None, "language_score": None, "source": "my/file.jsonl"}
    )
    (row,) = shard(bare, Publish()).to_pylist()
    assert (row["date"], row["url"], row["language_score"], row["title"], row["dump"]) == (None, None, None, None, "")
    assert json.loads(row["top_langs"]) == {}
    assert shard(bare, Publish(dump="MINE"))["dump"].to_pylist() == ["MINE"]


def test_rows_come_in_the_order_of_the_shuffle() -> None:
    pages = clean(
        {"id": "c", "order": TOP - 1}, {"id": "b", "order": 7}, {"id": "a", "order": 7}, {"id": "d", "order": 0}
    )
    assert shard(pages, Publish())["id"].to_pylist() == ["d", "a", "b", "c"]
    greek = clean({"id": "z", "order": 9, "language": "ell_Grek"})
    batch = sort_clean(pa.concat_tables([pages, greek]), Sorting())
    assert batch["id"].to_pylist() == ["z", "d", "a", "b", "c"]
    assert batch.schema.equals(CLEAN)


def test_no_rows_make_an_empty_shard_of_the_schema() -> None:
    assert shard(CLEAN.empty_table(), Publish()).schema.equals(DATASET)


ROWS = budget(
    ces_Latn={"pages": 9, "words": 1234, "epochs": 2.5},
    ell_Grek={"taken_pages": 0, "shards": 0},
    ron_Latn={"taken_pages": 1200, "taken_words": 1_234_567},
).to_pylist()
VERDICTS = {"kept": 1205, "quality:min_words": 7, "duplicate:near": 30}


def test_the_cards_metadata_is_yaml_that_names_languages_and_files() -> None:
    text = card(ROWS, VERDICTS, "9.9")
    empty, front, body = text.split("---\n", 2)
    assert empty == ""
    head = yaml.safe_load(front)
    assert head["language"] == ["cs", "ro"]
    assert head["size_categories"] == ["1K<n<10K"]
    assert head["configs"] == [
        {"config_name": code, "data_files": [{"split": "train", "path": f"data/{code}/train/*.parquet"}]}
        for code in ("ces_Latn", "ron_Latn")
    ]
    assert "1,205 pages in 2 languages" in body
    assert "| Romanian | ron_Latn | 1,200 | 1,234,567 |" in body
    assert "Greek" not in body
    drops = [line for line in body.splitlines() if line.startswith(("| kept", "| quality", "| duplicate"))]
    assert drops == ["| kept | 1,205 |", "| duplicate:near | 30 |", "| quality:min_words | 7 |"]
    assert all(f"`{name}`" in body for name in DATASET.names)


def test_all_24_languages_survive_yaml() -> None:
    rows = budget(**{code: {} for code in languages()}).to_pylist()
    head = yaml.safe_load(card(rows, {}, "1").split("---\n", 2)[1])
    assert head["language"] == [language.iso1 for language in languages().values()]
    assert all(isinstance(code, str) for code in head["language"])


@pytest.mark.parametrize(
    ("pages", "size"),
    [(1, "n<1K"), (999, "n<1K"), (1000, "1K<n<10K"), (10**9, "1B<n<10B"), (10**12, "n>1T")],
)
def test_the_size_category_fits(pages: int, size: str) -> None:
    front = card(budget(mlt_Latn={"taken_pages": pages}).to_pylist(), {}, "1").split("---\n", 2)[1]
    assert yaml.safe_load(front)["size_categories"] == [size]


def test_an_empty_dataset_has_a_card_and_metadata_too() -> None:
    assert "0 pages in 0 languages" in card([], {}, "1")
    assert json.loads(croissant([], "1"))["distribution"] == []


def test_croissant_describes_every_column_of_every_language() -> None:
    found = json.loads(croissant(ROWS, "9.9"))
    assert found["conformsTo"] == "http://mlcommons.org/croissant/1.0"
    files = {entry["@id"]: entry for entry in found["distribution"]}
    assert files["ces_Latn"]["includes"] == "data/ces_Latn/train/*.parquet"
    assert [record["@id"] for record in found["recordSet"]] == ["ces_Latn-rows", "ron_Latn-rows"]
    for record in found["recordSet"]:
        assert [f["name"] for f in record["field"]] == DATASET.names
        assert {f["source"]["fileSet"]["@id"] for f in record["field"]} <= set(files)
        kinds = {f["name"]: f["dataType"] for f in record["field"]}
        assert (kinds["text"], kinds["words"], kinds["language_score"]) == ("sc:Text", "sc:Integer", "sc:Float")
    ids = [f["@id"] for record in found["recordSet"] for f in record["field"]]
    assert len(ids) == len(set(ids))
