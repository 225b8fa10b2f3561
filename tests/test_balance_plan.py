"""balance/: the plan is exact to the page, whatever the batches; a larger budget takes at least what a smaller one takes."""

from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from euro_curate import balance
from euro_curate.balance import FINEWEB2, Balance, Packing, Selection, Sizing
from euro_curate.balance.draw import bins
from euro_curate.run import checked
from euro_curate.schema import ALLOTMENTS, BORDERS, BUDGET, CLEAN, ELECTIONS, SCORES, SIZES, TOKENS, VERDICTS, WEIGHTS
from euro_curate.text import order_hash

SETTINGS = settings(deadline=None, derandomize=True, max_examples=60)
Row = dict[str, Any]


def pages(counts: dict[str, int], seed: int = 1) -> tuple[pa.Table, pa.Table]:
    """SIZES and TOKENS of so many pages a language, in no particular order."""
    rng = np.random.default_rng(seed)
    rows = []
    for code, n in counts.items():
        for i in range(n):
            words = int(rng.integers(1, 200))
            rows.append(
                {
                    "id": f"{code}{i}",
                    "language": code,
                    "order": order_hash(f"{code}{i}", 1),
                    "cluster": order_hash(f"c{code}{i}", 1),
                    "cluster_size": int(rng.integers(1, 8)),
                    "quality_score": None if i % 7 == 0 else float(rng.integers(0, 5)) / 4,
                    "words": words,
                    "bytes": words * 7 + i % 5,
                    "tokens": words * 2 + i % 3,
                }
            )
    rng.shuffle(rows)
    return tuple(pa.Table.from_pylist([{n: r[n] for n in s.names} for r in rows], schema=s) for s in (SIZES, TOKENS))  # type: ignore[return-value]


def planned(
    sizes: pa.Table,
    tokens: pa.Table,
    p: Balance,
    s: Selection | None = None,
    packing: Packing | None = None,
    batches: int = 1,
) -> list[Row]:
    """BUDGET by the five stages, over so many batches."""
    s = s or Selection()
    cuts = [pa.array(range(i, len(sizes), batches), pa.int64()) for i in range(batches)]
    parts = [(sizes.take(rows), tokens.take(rows) if len(tokens) else tokens) for rows in cuts]
    weights = pa.concat_tables([checked(balance.weigh, balance.weigh(*part, s), None) for part in parts])
    allotments = checked(balance.allocate, balance.allocate(weights, p), None)
    borders = [checked(balance.border, balance.border(*part, allotments, s), None) for part in parts]
    made = balance.cut(allotments, pa.concat_tables(borders), packing or Packing())
    found: list[Row] = checked(balance.cut, made, None).to_pylist()
    return found


def taken(sizes: pa.Table, rows: list[Row], s: Selection) -> pl.DataFrame:
    """How often the plan takes each page of the training split: by the definition that shards and verdicts use."""
    by_code = {row["language"]: row for row in rows}
    rank, count = balance.ranks(sizes, s), balance.copies(sizes["cluster_size"].to_numpy(), s)
    training = balance.splits(sizes["cluster"].to_numpy(), s) == 0
    codes = sizes["language"].to_pylist()
    times = [
        int(balance.repeats(rank[i : i + 1], count[i : i + 1], by_code[codes[i]])[0]) if training[i] else 0
        for i in range(len(sizes))
    ]
    return pl.DataFrame({"id": sizes["id"].to_pylist(), "language": codes, "times": times, "training": training})


COUNTS = {"mlt_Latn": 3, "gle_Latn": 9, "lit_Latn": 40, "deu_Latn": 160}
STRATEGIES = {
    "natural": {},
    "temperature": {"alpha": 0.3},
    "unimax": {},
    "fixed": {"fixed": (("deu_Latn", 1), ("gle_Latn", 0.5), ("mlt_Latn", 2))},
    "anchors": {"anchors": ((1500.0, 4.0, 1.0), (9000.0, 2.0, 0.1))},
}
SELECTIONS = [
    Selection(),
    Selection("score"),
    Selection(rehydration=FINEWEB2),
    Selection("score", FINEWEB2, validation=0.1, test=0.1),
]


@SETTINGS
@given(
    st.sampled_from(sorted(STRATEGIES)),
    st.sampled_from(SELECTIONS),
    st.sampled_from(["words", "bytes", "tokens"]),
    st.lists(st.integers(1, 400), min_size=1, max_size=3, unique=True),
    st.integers(1, 4),
)
def test_the_laws_from_1_to_400_percent(
    strategy: str, s: Selection, unit: str, percents: list[int], batches: int
) -> None:
    sizes, tokens = pages(COUNTS)
    amounts = {"words": sizes["words"], "bytes": sizes["bytes"], "tokens": tokens["tokens"]}
    whole = sum(row["epoch"] for row in planned(sizes, tokens, Balance(unit=unit), s))
    before: pl.DataFrame | None = None
    for percent in sorted(percents):
        p = Balance(strategy, max(1, whole * percent // 100), unit, **STRATEGIES[strategy])  # type: ignore[arg-type]
        rows = planned(sizes, tokens, p, s, batches=batches)
        now = taken(sizes, rows, s).with_columns(amount=pl.Series(amounts[unit].to_pylist()))
        assert sum(row["quota"] for row in rows) <= p.budget
        most = 4.0 if strategy != "anchors" else None
        for row in rows:
            mine = now.filter(pl.col("language") == row["language"])
            total = int((mine["times"] * mine["amount"]).sum())
            largest = int(mine["amount"].max())  # type: ignore[arg-type]
            assert total == row[f"total_{unit}"], "the plan says what its pages come to"
            assert 0 <= row["quota"] - total < largest, "within one page of the quota, never above"
            assert most is None or total <= most * row["epoch"]
            assert row["total_pages"] == mine["times"].sum()
            assert row["taken_pages"] == (mine["times"] > 0).sum()
            assert row["pages"] == mine["training"].sum()
        assert (
            planned(sizes.take(list(range(len(sizes)))[::-1]), tokens.take(list(range(len(sizes)))[::-1]), p, s) == rows
        )
        if before is not None:
            assert (before["times"] <= now["times"]).all(), "a larger budget takes at least as much of each page"
        before = now


def test_the_quotas_of_a_plan_sum_to_its_budget() -> None:
    sizes, tokens = pages(COUNTS)
    for strategy, more in STRATEGIES.items():
        rows = planned(sizes, tokens, Balance(strategy, 9_876, "bytes", **more))  # type: ignore[arg-type]
        assert sum(row["quota"] for row in rows) == 9_876, strategy


def test_without_a_budget_everything_is_taken_once() -> None:
    sizes, _ = pages(COUNTS)
    rows = planned(sizes, TOKENS.empty_table(), Balance())
    assert [(r["language"], r["pages"], r["taken_pages"], r["total_pages"], r["epochs"]) for r in rows] == [
        (code, n, n, n, 1.0) for code, n in sorted(COUNTS.items())
    ]
    assert taken(sizes, rows, Selection())["times"].to_list() == [1] * len(sizes)
    assert {row["tokens"] for row in rows} == {0}


def test_by_score_the_best_pages_come_first() -> None:
    sizes, tokens = pages({"deu_Latn": 200})
    s = Selection("score")
    rows = planned(sizes, tokens, Balance("natural", int(sum(sizes["words"].to_pylist()) * 0.3)), s)
    now = taken(sizes, rows, s).with_columns(score=pl.Series(sizes["quality_score"].to_pylist()).fill_null(0.0))
    inside, outside = (now.filter(pl.col("times") == n)["score"] for n in (1, 0))
    assert inside.min() >= outside.max() > 0  # type: ignore[operator]
    assert len(inside) > 20


def test_rehydration_shows_pages_by_their_number_of_copies() -> None:
    sizes = [1, 2, 3, 4, 5, 99, 100, 999, 1000, 50_000]
    assert balance.copies(np.array(sizes), Selection(rehydration=FINEWEB2)).tolist() == [1, 2, 3, 3, 5, 5, 8, 8, 1, 1]
    assert balance.copies(np.array(sizes), Selection()).tolist() == [1] * 10


def test_a_page_at_the_cut_is_taken_as_often_as_there_is_room() -> None:
    base = {"language": "mlt_Latn", "cluster": 9, "cluster_size": 100, "words": 10, "bytes": 1}
    rows = [base | {"id": name, "order": order} for name, order in (("a", 5), ("b", 6), ("c", 7))]
    sizes = pa.Table.from_pylist(rows, schema=SIZES)
    s = Selection(rehydration=FINEWEB2)
    for budget, times in ((9, [0, 0, 0]), (80, [8, 0, 0]), (115, [8, 3, 0]), (240, [8, 8, 8]), (275, [11, 8, 8])):
        plan = planned(sizes, TOKENS.empty_table(), Balance("natural", budget), s)
        assert taken(sizes, plan, s)["times"].to_list() == times, budget
        assert plan[0]["total_words"] == sum(times) * 10


def test_splits_go_by_cluster_and_hold_what_was_asked() -> None:
    cluster = np.array([order_hash(str(i), 3) for i in range(20_000)], np.uint64)
    s = Selection(validation=0.05, test=0.01)
    found = balance.splits(cluster, s)
    assert np.bincount(found).tolist() == pytest.approx([18_800, 1_000, 200], rel=0.2)
    larger = balance.splits(cluster, Selection(validation=0.1, test=0.01))
    assert ((found == 1) <= (larger == 1)).all() and ((found == 2) == (larger == 2)).all()
    assert not balance.splits(cluster, Selection()).any()


def test_held_out_pages_are_no_part_of_the_budget() -> None:
    sizes, tokens = pages({"deu_Latn": 300})
    s = Selection(validation=0.2, test=0.1)
    (row,) = planned(sizes, tokens, Balance(), s, Packing(shard_bytes=10_000))
    assert row["pages"] + row["validation_pages"] + row["test_pages"] == 300
    assert 30 < row["validation_pages"] < 90 and 10 < row["test_pages"] < 60
    assert row["train_shards"] == -(-row["bytes"] // 10_000) and row["test_shards"] == -(-row["test_bytes"] // 10_000)


def test_repeats_count_towards_shards_only_where_they_are_written() -> None:
    sizes, tokens = pages({"mlt_Latn": 30})
    p = Balance("natural", sum(sizes["words"].to_pylist()) * 3)
    (column,), (physical,) = (planned(sizes, tokens, p, None, Packing(2_000, how)) for how in (False, True))
    assert column["train_shards"] == -(-column["bytes"] // 2_000)
    assert physical["train_shards"] == -(-3 * physical["bytes"] // 2_000)


@given(st.lists(st.integers(0, 2**64 - 1), min_size=2))
@SETTINGS
def test_bins_keep_the_order_of_ranks(values: list[int]) -> None:
    found = bins(np.array(sorted(values), np.uint64))
    assert (np.diff(found) >= 0).all()


def test_a_bin_holds_little_wherever_the_pages_crowd() -> None:
    uniform = np.array([order_hash(str(i), 1) for i in range(50_000)], np.uint64)
    for ranks in (uniform, uniform >> np.uint64(24)):  # the second: all with one score
        assert np.unique(bins(ranks), return_counts=True)[1].max() < 50_000 / 64 * 1.3


def test_nothing_kept_is_an_empty_plan() -> None:
    assert planned(SIZES.empty_table(), TOKENS.empty_table(), Balance("unimax", 100)) == []
    assert balance.weigh(SIZES.empty_table(), TOKENS.empty_table(), Selection()).schema == WEIGHTS
    assert balance.allocate(WEIGHTS.empty_table(), Balance()).schema == ALLOTMENTS
    empty = balance.border(SIZES.empty_table(), TOKENS.empty_table(), ALLOTMENTS.empty_table(), Selection())
    assert empty.schema == BORDERS and balance.cut(ALLOTMENTS.empty_table(), empty, Packing()).schema == BUDGET


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ({"by": "luck"}, "hash or score"),
        ({"rehydration": ((2, 2),)}, "from 1"),
        ({"rehydration": ((1, 1), (1, 2))}, "growing size"),
        ({"rehydration": ((1, 0),)}, "1 or more copies"),
        ({"test": 0.5, "validation": 0.5}, "below 1"),
        ({"test": -0.1}, "below 1"),
    ],
)
def test_selections_that_make_no_sense_are_refused(bad: Row, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Selection(**bad)


# --- sizes and verdicts ------------------------------------------------------------------------------------------------------


def clean(*ids: str) -> pa.Table:
    base = {"language": "mlt_Latn", "text": "x", "source": "f", "cluster_size": 2, "words": 3, "chars": 1, "bytes": 1}
    return pa.Table.from_pylist([base | {"id": i, "order": 7, "redactions": 0} for i in ids], schema=CLEAN)


def test_sizes_know_the_clusters_name_and_the_classifiers_score() -> None:
    base = {"source": "f", "offset": 0, "cluster_size": 2}
    elections = [
        base | {"id": "b", "kind": "representative", "cluster": 77},
        base | {"id": "c", "kind": "near", "cluster": 77},
    ]
    scores = pa.Table.from_pylist([{"id": "x", "quality_score": 0.1}, {"id": "b", "quality_score": 0.9}], schema=SCORES)
    given_in = clean("b", "d")
    out = balance.size(given_in, pa.Table.from_pylist(elections, schema=ELECTIONS), scores, Sizing(5))
    rows = checked(balance.size, out, given_in).to_pylist()
    assert [row["cluster"] for row in rows] == [order_hash("77", 5), order_hash("d", 5)], (
        "alone, a page is its own cluster"
    )
    assert [row["quality_score"] for row in rows] == [0.9, None]


def test_pages_that_the_plan_leaves_out_become_budget_cut() -> None:
    sizes, tokens = pages({"mlt_Latn": 40, "gle_Latn": 10})
    s = Selection(test=0.1)
    plan = planned(sizes, tokens, Balance("fixed", 1_000, fixed=(("mlt_Latn", 1),)), s)
    base = {"source": "f", "offset": 0, "cluster_size": 1, "verdict": "kept"}
    rows = [base | {"id": r["id"], "language": r["language"]} for r in sizes.to_pylist()]
    rows.append(base | {"id": "z", "language": "mlt_Latn", "verdict": "pii:density", "value": 3.0})
    given_in = pa.Table.from_pylist(rows, schema=VERDICTS)
    *found, dropped = checked(
        balance.close, balance.close(given_in, sizes, pa.Table.from_pylist(plan, schema=BUDGET), s), given_in
    ).to_pylist()
    assert dropped == given_in.to_pylist()[-1]
    times = taken(sizes, plan, s)
    for row, (_, _, n, training) in zip(found, times.iter_rows(), strict=True):
        assert row["verdict"] == ("kept" if n or not training else "budget:cut")
        assert (row["rule"], row["value"] is None) == (
            ("rank", False) if row["verdict"] == "budget:cut" else (None, True)
        )
        if row["rule"]:
            assert row["value"] >= row["threshold"]
    assert {row["verdict"] for row in found if row["language"] == "gle_Latn"} >= {"budget:cut"}
    assert 0 < sum(row["verdict"] == "kept" for row in found) < len(found)


def test_a_plan_that_takes_all_changes_no_verdict() -> None:
    sizes, tokens = pages({"mlt_Latn": 4})
    rows = [
        {"id": i, "language": "mlt_Latn", "verdict": "kept", "source": "f", "offset": 0, "cluster_size": 1}
        for i in sizes["id"].to_pylist()
    ]
    given_in = pa.Table.from_pylist(rows, schema=VERDICTS)
    plan = pa.Table.from_pylist(planned(sizes, tokens, Balance()), schema=BUDGET)
    assert balance.close(given_in, sizes, plan, Selection()).equals(given_in)
    empty = balance.close(VERDICTS.empty_table(), SIZES.empty_table(), BUDGET.empty_table(), Selection())
    assert empty.equals(VERDICTS.empty_table())
