"""balance.py: quotas sum to the budget or to all there is, cuts nest, and whole pages are taken in the shuffle's order."""

from typing import Any

import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from euro_curate.balance import BIN_BITS, Balance, Weighing, allocate, quotas, weigh
from euro_curate.run import checked
from euro_curate.schema import BUDGET, CLEAN, WEIGHTS
from euro_curate.text import order_hash

CODES = [f"l{i:02d}" for i in range(24)]
SIZES = st.dictionaries(st.sampled_from(CODES), st.integers(0, 10**9) | st.integers(0, 50), max_size=24)
METHODS = st.sampled_from(["unimax", "temperature"])
EPOCHS = st.sampled_from([0.3, 1.0, 2.5, 4.0])
ALPHAS = st.sampled_from([0.0, 0.3, 0.7, 1.0])
SETTINGS = settings(deadline=None, derandomize=True, max_examples=200)


@SETTINGS
@given(SIZES, METHODS, st.integers(1, 10**10) | st.integers(1, 200), EPOCHS, ALPHAS)
def test_quotas_sum_to_the_budget_or_to_all_there_is(
    words: dict[str, int], method: str, budget: int, epochs: float, alpha: float
) -> None:
    given_out = quotas(words, Balance(method, budget, epochs, alpha))
    assert list(given_out) == list(words)
    limits = {code: int(n * epochs) for code, n in words.items()}
    assert sum(given_out.values()) == min(budget, sum(limits.values()))
    assert all(0 <= given_out[code] <= limits[code] for code in words)


@SETTINGS
@given(SIZES, METHODS, st.lists(st.integers(1, 300), min_size=2, max_size=5), EPOCHS, ALPHAS)
def test_a_larger_budget_gives_no_language_less(
    words: dict[str, int], method: str, budgets: list[int], epochs: float, alpha: float
) -> None:
    found = [quotas(words, Balance(method, budget, epochs, alpha)) for budget in sorted(budgets)]
    for small, large in zip(found, found[1:], strict=False):
        assert all(small[code] <= large[code] for code in words)


@pytest.mark.parametrize("budget", range(1, 120))
def test_one_word_more_takes_none_from_anybody(budget: int) -> None:
    words = {"a": 7, "b": 130, "c": 1000, "d": 61, "e": 60}
    one, two = (quotas(words, Balance("temperature", n, 1.0, 0.6)) for n in (budget, budget + 1))
    assert sorted(two[code] - one[code] for code in words) == [0, 0, 0, 0, 1]


@SETTINGS
@given(SIZES, METHODS, st.integers(1, 10**9), EPOCHS)
def test_the_order_of_languages_does_not_matter(words: dict[str, int], method: str, budget: int, epochs: float) -> None:
    p = Balance(method, budget, epochs)
    assert quotas(dict(reversed(words.items())), p) == quotas(words, p)


@pytest.mark.parametrize(
    ("p", "expected"),
    [
        (Balance("all"), {"a": 10, "b": 100, "c": 1000}),
        (Balance("unimax", 90, 1.0), {"a": 10, "b": 40, "c": 40}),
        (Balance("unimax", 90, 4.0), {"a": 30, "b": 30, "c": 30}),
        (Balance("unimax", 300, 2.0), {"a": 20, "b": 140, "c": 140}),
        (Balance("unimax", 10**9, 4.0), {"a": 40, "b": 400, "c": 4000}),
        (Balance("temperature", 111, 4.0, 1.0), {"a": 1, "b": 10, "c": 100}),
        (Balance("temperature", 9, 4.0, 0.0), {"a": 3, "b": 3, "c": 3}),
    ],
)
def test_quotas_by_hand(p: Balance, expected: dict[str, int]) -> None:
    assert quotas({"a": 10, "b": 100, "c": 1000}, p) == expected


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ({"method": "fair"}, "'fair' is not one of all, unimax, temperature"),
        ({"method": "unimax"}, "needs a budget above 0"),
        ({"method": "temperature", "budget_words": -1}, "needs a budget above 0"),
        ({"max_epochs": 0}, "max_epochs"),
        ({"alpha": 1.5}, "alpha"),
        ({"shard_bytes": 0}, "shard_bytes"),
    ],
)
def test_bad_parameters_are_refused(bad: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Balance(**bad)


def clean(pages: dict[str, int], words: int = 10) -> pa.Table:
    """CLEAN's columns that `weigh` reads; so many pages a language."""
    rows = [
        {"language": code, "order": order_hash(f"{code}{i}", 1), "words": words + i % 7, "chars": 60, "bytes": 70}
        for code, n in pages.items()
        for i in range(n)
    ]
    fields = [CLEAN.field(name) for name in ("language", "order", "words", "chars", "bytes")]
    return pa.Table.from_pylist(rows, schema=pa.schema(fields))


def weights(table: pa.Table, batches: int = 1) -> pa.Table:
    cut = [table.take(list(range(i, len(table), batches))) for i in range(batches)] if len(table) else [table]
    return pa.concat_tables([checked(weigh, weigh(part, Weighing()), None) for part in cut])


def budget(table: pa.Table, p: Balance, batches: int = 1) -> dict[str, dict[str, Any]]:
    made = checked(allocate, allocate(weights(table, batches), p), None)
    return {row["language"]: row for row in made.to_pylist()}


def test_weights_are_sums_by_language_and_bin() -> None:
    step = 1 << (64 - BIN_BITS)
    rows = [("a", 0, 1), ("a", step - 1, 2), ("a", step, 4), ("a", (1 << 64) - 1, 8), ("b", 0, 16)]
    table = pa.table(
        {
            "language": [r[0] for r in rows],
            "order": pa.array([r[1] for r in rows], pa.uint64()),
            **{name: pa.array([r[2] for r in rows], pa.int64()) for name in ("words", "chars", "bytes")},
        }
    )
    found = [(r["language"], r["bin"], r["pages"], r["words"]) for r in weigh(table, Weighing()).to_pylist()]
    assert found == [("a", 0, 2, 3), ("a", 1, 1, 4), ("a", 4095, 1, 8), ("b", 0, 1, 16)]


def test_everything_is_taken_without_a_budget_whatever_the_batches() -> None:
    table = clean({"a": 3, "b": 400})
    found = budget(table, Balance())
    assert found == budget(table, Balance(), batches=5)
    assert {code: (r["pages"], r["taken_pages"], r["cut"], r["epochs"]) for code, r in found.items()} == {
        "a": (3, 3, None, 1.0),
        "b": (400, 400, None, 1.0),
    }


def taken(table: pa.Table, row: dict[str, Any]) -> pl.DataFrame:
    frame = pl.from_arrow(table)
    assert isinstance(frame, pl.DataFrame)
    mine = frame.filter(pl.col("language") == row["language"])
    if not row["taken_pages"]:
        return mine.clear()
    return mine if row["cut"] is None else mine.filter(pl.col("order") < row["cut"])


@pytest.mark.parametrize("method", ["unimax", "temperature"])
@pytest.mark.parametrize("shard_bytes", [70, 1000, 1 << 30])
def test_cuts_take_what_the_budget_says_and_nest(method: str, shard_bytes: int) -> None:
    table = clean({"a": 2, "b": 60, "c": 700, "d": 1500})
    before: dict[str, set[int]] = {}
    for words in (3, 40, 700, 5000, 20_000, 10**6):
        for code, row in budget(table, Balance(method, words, shard_bytes=shard_bytes)).items():
            pages = taken(table, row)
            assert (len(pages), int(pages["words"].sum())) == (row["taken_pages"], row["taken_words"])
            assert row["taken_pages"] >= (1 if row["quota_words"] else 0)
            first_bin = pages["order"] // (1 << (64 - BIN_BITS))
            assert row["taken_words"] <= row["quota_words"] or first_bin.n_unique() == 1
            assert row["shards"] == -(-int(pages["bytes"].sum()) // shard_bytes)
            assert row["epochs"] == max(1.0, row["quota_words"] / row["words"])
            orders = set(pages["order"].to_list())
            assert orders >= before.get(code, set())
            before[code] = orders
    assert {code: len(orders) for code, orders in before.items()} == {"a": 2, "b": 60, "c": 700, "d": 1500}


def test_nothing_kept_is_an_empty_budget() -> None:
    made = allocate(weights(clean({})), Balance("unimax", 100))
    assert made.equals(BUDGET.empty_table())
    assert weigh(clean({}), Weighing()).schema == WEIGHTS
