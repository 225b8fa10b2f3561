"""publish/shard.py: shards that cover what the plan takes, as often as it says, each split apart."""

import json
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from euro_curate.balance import FINEWEB2, Selection
from euro_curate.publish import Publish, Shard, Sorting, plan, ranges, shard, sort_clean
from euro_curate.run import checked
from euro_curate.schema import BUDGET, CLEAN, DATASET, SHUFFLED, SIZES, TOKENS
from euro_curate.shards import DATASET_ROW_GROUP, SORTED_ROW_GROUP
from euro_curate.stage import Stage
from euro_curate.text import order_hash

TOP = 1 << 64
SETTINGS = settings(deadline=None, derandomize=True, max_examples=60)


def budget(**by_code: dict[str, Any]) -> pa.Table:
    base = {f.name: 0 for f in BUDGET} | {"unit": "words", "epochs": 1.0, "passes": 1, "train_shards": 1}
    return pa.Table.from_pylist([base | {"language": code} | row for code, row in by_code.items()], schema=BUDGET)


@SETTINGS
@given(st.integers(0, 1), st.integers(0, TOP - 1), st.integers(1, 50), st.sampled_from(["column", "physical"]))
def test_the_shards_cover_the_shuffle_once(passes: int, cut: int, count: int, how: str) -> None:
    row = {"passes": passes, "cut": cut, "train_shards": count, "test_shards": 2}
    made = plan(budget(mlt_Latn=row), Publish(repeats=how), Selection())
    train = [one for path, one in made.items() if "/train/" in path]
    assert len(train) == count and len(made) == count + 2
    assert train[0].low == 0 and train[-1].high >= (TOP if passes or how == "physical" else cut)
    assert [one.high for one in train[:-1]] == [one.low for one in train[1:]]
    widths = [one.high - one.low for one in train]
    assert max(widths) - min(widths) <= 1
    held = [one for path, one in made.items() if "/test/" in path]
    assert [(one.low, one.high) for one in held] == [(0, TOP // 2), (TOP // 2, TOP)]
    assert all((one.passes, one.cut) == (1, 0) for one in held), "all of it, once"


def test_files_are_named_by_language_split_and_number() -> None:
    table = budget(bul_Cyrl={"train_shards": 2, "validation_shards": 1}, gle_Latn={"train_shards": 0}, mlt_Latn={})
    assert list(plan(table, Publish(), Selection())) == [
        "data/bul_Cyrl/train/000_00000.parquet",
        "data/bul_Cyrl/train/000_00001.parquet",
        "data/bul_Cyrl/validation/000_00000.parquet",
        "data/mlt_Latn/train/000_00000.parquet",
    ]
    names = list(plan(budget(mlt_Latn={"train_shards": 100_002}), Publish(), Selection()))
    assert names[-2:] == ["data/mlt_Latn/train/001_00000.parquet", "data/mlt_Latn/train/001_00001.parquet"]
    assert plan(BUDGET.empty_table(), Publish(), Selection()) == {}


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


def whole(stage: Stage, *arguments: Any) -> pa.Table:
    """The pieces of a stage's table, each of which keeps the contract, put together."""
    return pa.concat_tables([checked(stage, piece, None) for piece in stage(*arguments)])


def shuffled(table: pa.Table, sorting: Sorting | None = None, tokens: bool = False) -> pa.Table:
    rows = [
        {name: row[name] for name in SIZES.names if name in row}
        | {"cluster": order_hash(row["id"], 9), "quality_score": 0.5}
        for row in table.to_pylist()
    ]
    counts = [{"id": row["id"], "tokens": 9} for row in rows] if tokens else []
    parts = (table, pa.Table.from_pylist(rows, schema=SIZES), pa.Table.from_pylist(counts, schema=TOKENS))
    return whole(sort_clean, *parts, sorting or Sorting())


def test_a_row_of_the_dataset_by_hand() -> None:
    more = {"second": "ita_Latn", "second_score": 0.01, "title": "T", "licence": "cc", "published": "2024-02-29"}
    given_in = clean({"id": "a", "order": 5} | more)
    out = whole(shard, shuffled(given_in, tokens=True), Shard())
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
        "quality_score": 0.5,
        "token_count": 9,
        "repeats": 1,
    }


def test_missing_values_stay_missing() -> None:
    bare = clean(
        {"id": "a", "order": 5, "crawled_at": None, "url": None, "language_score": None, "source": "my/file.jsonl"}
    )
    (row,) = whole(shard, shuffled(bare), Shard()).to_pylist()
    assert (row["date"], row["url"], row["language_score"], row["title"], row["dump"]) == (None, None, None, None, "")
    assert json.loads(row["top_langs"]) == {} and row["token_count"] is None
    assert whole(shard, shuffled(bare), Shard(Publish(dump="MINE")))["dump"].to_pylist() == ["MINE"]


def test_rows_come_in_the_order_of_the_shuffle() -> None:
    pages = clean(
        {"id": "c", "order": TOP - 1}, {"id": "b", "order": 7}, {"id": "a", "order": 7}, {"id": "d", "order": 0}
    )
    assert whole(shard, shuffled(pages), Shard())["id"].to_pylist() == ["d", "a", "b", "c"]
    greek = clean({"id": "z", "order": 9, "language": "ell_Grek"})
    batch = shuffled(pa.concat_tables([pages, greek]))
    assert batch["id"].to_pylist() == ["z", "d", "a", "b", "c"]
    assert batch["folder"].to_pylist() == ["ell_Grek/train", *["mlt_Latn/train"] * 4]


def test_splits_have_folders_of_their_own() -> None:
    pages = clean(*({"id": str(i), "order": order_hash(str(i), 1)} for i in range(400)))
    folders = Counter(shuffled(pages, Sorting(0.1, 0.05))["folder"].to_pylist())
    assert set(folders) == {"mlt_Latn/train", "mlt_Latn/validation", "mlt_Latn/test"}
    assert 20 < folders["mlt_Latn/validation"] < 65 and 6 < folders["mlt_Latn/test"] < 40


@SETTINGS
@given(
    st.integers(0, 3),
    st.integers(0, TOP - 1),
    st.integers(0, 2),
    st.integers(1, 9),
    st.sampled_from(["column", "physical"]),
    st.sampled_from([Selection(), Selection("score"), Selection(rehydration=FINEWEB2)]),
)
def test_shards_together_hold_what_the_plan_takes(
    passes: int, cut: int, partial: int, count: int, how: str, s: Selection
) -> None:
    """Each shard reads only the ranges that it names; together they have every page as often as the plan says."""
    pages = shuffled(
        clean(*({"id": str(i), "order": order_hash(str(i), 1), "cluster_size": i % 6 + 1} for i in range(60)))
    )
    table = pl.from_arrow(pages)
    assert isinstance(table, pl.DataFrame)
    row = {"passes": passes, "cut": cut, "partial": partial, "train_shards": count}
    shards = plan(budget(mlt_Latn=row), Publish(repeats=how), s).values()
    rows: list[dict[str, Any]] = []
    for one in shards:
        spans = [
            table.filter(pl.col("order") >= low, pl.col("order") < high if high is not None else True)
            for low, high in ranges(one)
        ]
        rows += whole(shard, *(span.to_arrow().cast(SHUFFLED) for span in spans), one).to_pylist()
    seen: Counter[str] = Counter()
    for one_row in rows:
        seen[one_row["id"]] += one_row["repeats"]
    weights = dict(FINEWEB2)
    expected = {}
    for page in table.iter_rows(named=True):
        each = weights[min(page["cluster_size"], 5) if page["cluster_size"] != 4 else 3] if s.rehydration else 1
        rank = page["order"] if s.by == "hash" else ((1 << 23) - 1) << 40 | page["order"] >> 24
        last = each if rank < cut else min(partial, each) if rank == cut else 0
        expected[page["id"]] = passes * each + last
    assert seen == Counter({name: n for name, n in expected.items() if n})
    if how == "column":
        assert len(rows) == len(seen), "a row each"
    else:
        assert {one_row["repeats"] for one_row in rows} <= {1}
    assert len({one_row["id"] for one_row in rows}) == len(seen)


def test_written_repeats_lie_apart() -> None:
    pages = shuffled(clean(*({"id": str(i), "order": order_hash(str(i), 1)} for i in range(500))))
    ids = whole(shard, pages, Shard(Publish(repeats="physical"), passes=4))["id"].to_pylist()
    assert Counter(ids) == Counter({str(i): 4 for i in range(500)})
    gaps = [
        second - first
        for name in map(str, range(500))
        for first, second in pairs([i for i, x in enumerate(ids) if x == name])
    ]
    assert min(gaps) > 100


def test_tables_come_in_pieces_of_a_row_group_whatever_their_order_and_chunks() -> None:
    pages = clean(*({"id": str(i), "order": order_hash(str(i), 1), "text": "x" * (i % 7)} for i in range(2500)))
    parts = pa.concat_tables([pages.slice(0, 1200), pages.slice(1200, 700), pages.slice(1900)])
    in_order = sorted(pages.to_pylist(), key=lambda row: row["order"])
    rows = shuffled(parts)
    assert rows.select(CLEAN.names).to_pylist() == in_order
    assert {len(chunk) for chunk in rows["text"].chunks} == {SORTED_ROW_GROUP, 2500 % SORTED_ROW_GROUP}
    sorted_halves = [rows.take(pa.array(range(start, 2500, 2))) for start in (0, 1)]  # two batches
    of_one, of_two = (whole(shard, *tables, Shard()) for tables in ([rows], sorted_halves))
    assert of_one.equals(of_two) and of_one["id"].to_pylist() == [row["id"] for row in in_order]
    for found in (of_one, of_two):
        assert [len(chunk) for chunk in found["text"].chunks] == [DATASET_ROW_GROUP, DATASET_ROW_GROUP, 500]


def pairs(values: list[int]) -> list[tuple[int, int]]:
    return list(zip(values, values[1:], strict=False))


def test_no_rows_make_an_empty_shard_of_the_schema() -> None:
    assert whole(shard, SHUFFLED.empty_table(), Shard()).schema.equals(DATASET)
    assert shuffled(CLEAN.empty_table()).schema.equals(SHUFFLED)


def test_repeats_are_said_or_written() -> None:
    with pytest.raises(ValueError, match="column or physical"):
        Publish(repeats="often")
