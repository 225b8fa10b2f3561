"""balance/share.py: quotas sum to the budget, keep to the caps, and grow with it."""

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from euro_curate.balance import Balance, exact, quotas
from euro_curate.balance.share import apportion

CODES = [f"l{i:02d}" for i in range(24)]
SIZES = st.dictionaries(st.sampled_from(CODES), st.integers(0, 10**12) | st.integers(0, 50), max_size=24)
SETTINGS = settings(deadline=None, derandomize=True, max_examples=200)
BANDS = ((100.0, 4.0, 1.0), (10**6 + 0.5, 2.5, 0.5), (1e11, 1.0, 0.001))


@st.composite
def balances(draw: st.DrawFn, budget: int = 1) -> Balance:
    strategy = draw(st.sampled_from(["natural", "temperature", "unimax", "fixed", "anchors"]))
    fixed = draw(st.dictionaries(st.sampled_from(CODES), st.floats(0, 1e6) | st.integers(0, 9), min_size=1))
    return Balance(
        strategy,
        budget,
        max_epochs=draw(st.sampled_from([0.3, 1.0, 2.5, 4.0])),
        alpha=draw(st.sampled_from([0.0, 0.3, 0.7, 1.0])),
        fixed=tuple(sorted(fixed.items())) if strategy == "fixed" else (),
        anchors=BANDS,
    )


def with_budget(p: Balance, budget: int) -> Balance:
    from dataclasses import replace

    return replace(p, budget=budget)


def limits(sizes: dict[str, int], p: Balance) -> dict[str, int]:
    """The caps, said again: most units of each language."""
    out = {}
    for code, size in sizes.items():
        epochs = exact(p.max_epochs)
        if p.strategy == "anchors":
            epochs = exact(next((most for upto, most, _ in BANDS if size <= upto), BANDS[-1][1]))
        if p.strategy == "fixed" and not dict(p.fixed).get(code):
            epochs = Fraction(0)
        out[code] = int(size * epochs)
    return out


@SETTINGS
@given(SIZES, balances(), st.integers(1, 10**13) | st.integers(1, 200))
def test_quotas_sum_to_the_budget_or_to_all_the_caps_allow(sizes: dict[str, int], p: Balance, budget: int) -> None:
    found = quotas(sizes, with_budget(p, budget))
    most = limits(sizes, p)
    assert list(found) == list(sizes)
    assert sum(found.values()) == min(budget, sum(most.values()))
    assert all(0 <= found[code] <= most[code] for code in sizes)


@SETTINGS
@given(SIZES, balances(), st.lists(st.integers(1, 10**13) | st.integers(1, 300), min_size=2, max_size=5))
def test_a_larger_budget_gives_no_language_less(sizes: dict[str, int], p: Balance, budgets: list[int]) -> None:
    found = [quotas(sizes, with_budget(p, budget)) for budget in sorted(budgets)]
    for small, large in zip(found, found[1:], strict=False):
        assert all(small[code] <= large[code] for code in sizes)


@SETTINGS
@given(SIZES, balances(), st.integers(1, 10**9))
def test_the_order_of_languages_does_not_matter(sizes: dict[str, int], p: Balance, budget: int) -> None:
    p = with_budget(p, budget)
    assert quotas(dict(reversed(sizes.items())), p) == quotas(sizes, p)


@pytest.mark.parametrize("strategy", ["temperature", "natural", "unimax", "anchors"])
def test_one_unit_more_goes_to_one_language(strategy: str) -> None:
    sizes = {"a": 7, "b": 130, "c": 1000, "d": 61, "e": 60}
    bands = ((61.0, 2.0, 1.0), (2000.0, 1.0, 0.1))
    found = [quotas(sizes, Balance(strategy, n, max_epochs=1.0, alpha=0.6, anchors=bands)) for n in range(1, 1259)]
    for one, two in zip(found, found[1:], strict=False):
        assert sorted(two[code] - one[code] for code in sizes) == [0, 0, 0, 0, 1]


@SETTINGS
@given(
    st.lists(st.tuples(st.integers(1, 9), st.integers(0, 30), st.integers(0, 30)), min_size=1, max_size=6), st.data()
)
def test_units_go_out_as_if_one_by_one(rows: list[tuple[int, int, int]], data: st.DataObject) -> None:
    """The level, found at once, against the definition: each unit to whom it costs least."""
    weights = {CODES[i]: Fraction(w) for i, (w, _, _) in enumerate(rows)}
    low = {CODES[i]: min(a, b) for i, (_, a, b) in enumerate(rows)}
    high = {CODES[i]: max(a, b) for i, (_, a, b) in enumerate(rows)}
    amount = data.draw(st.integers(sum(low.values()), sum(high.values())))
    slow = dict(low)
    for _ in range(amount - sum(low.values())):
        code = min((c for c in slow if slow[c] < high[c]), key=lambda c: ((slow[c] + 1) / weights[c], c))
        slow[code] += 1
    assert apportion(amount, weights, low, high) == slow


@pytest.mark.parametrize(
    ("p", "expected"),
    [
        (Balance(), {"a": 10, "b": 100, "c": 1000}),
        (Balance("natural", 111), {"a": 1, "b": 10, "c": 100}),
        (Balance("natural", 4440), {"a": 40, "b": 400, "c": 4000}),
        (Balance("unimax", 90, max_epochs=1.0), {"a": 10, "b": 40, "c": 40}),
        (Balance("unimax", 90, max_epochs=4.0), {"a": 30, "b": 30, "c": 30}),
        (Balance("unimax", 300, max_epochs=2.0), {"a": 20, "b": 140, "c": 140}),
        (Balance("unimax", 10**9, max_epochs=4.0), {"a": 40, "b": 400, "c": 4000}),
        (Balance("temperature", 111, alpha=1.0), {"a": 1, "b": 10, "c": 100}),
        (Balance("temperature", 9, alpha=0.0), {"a": 3, "b": 3, "c": 3}),
        (Balance("temperature", 111, alpha=0.5), {"a": 7, "b": 25, "c": 79}),  # 7.84, 24.8, 78.4
        (Balance("fixed", 100, fixed=(("a", 1), ("c", 4))), {"a": 20, "b": 0, "c": 80}),
        (Balance("fixed", 400, fixed=(("a", 1), ("c", 4))), {"a": 40, "b": 0, "c": 360}),
        (Balance("fixed", fixed=(("a", 70), ("b", 30))), {"a": 40, "b": 30, "c": 0}),
        # up to 10: 1 to 4 epochs; up to 100: .5 to 2; beyond: .1 to 1
        (Balance("anchors", 40, anchors=((10, 4, 1), (100, 2, 0.5), (999, 1, 0.1))), {"a": 2, "b": 13, "c": 25}),
        (Balance("anchors", 160, anchors=((10, 4, 1), (100, 2, 0.5), (999, 1, 0.1))), {"a": 10, "b": 50, "c": 100}),
        (Balance("anchors", 560, anchors=((10, 4, 1), (100, 2, 0.5), (999, 1, 0.1))), {"a": 10, "b": 50, "c": 500}),
        (Balance("anchors", 9999, anchors=((10, 4, 1), (100, 2, 0.5), (999, 1, 0.1))), {"a": 40, "b": 200, "c": 1000}),
    ],
)
def test_quotas_by_hand(p: Balance, expected: dict[str, int]) -> None:
    assert quotas({"a": 10, "b": 100, "c": 1000}, p) == expected


def test_a_billion_billion_is_no_rounding_matter() -> None:
    sizes = {"a": 3 * 10**17 + 1, "b": 2**60, "c": 7}
    found = quotas(sizes, Balance("temperature", 2**59 + 1, alpha=0.7))
    assert sum(found.values()) == 2**59 + 1 and found["c"] == 7 * 4


def test_decimals_are_taken_as_written() -> None:
    assert exact(0.3) == Fraction(3, 10) and exact(4) == 4 and exact(1e-3) == Fraction(1, 1000)


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ({"strategy": "fair"}, "'fair' is not one of natural, temperature, unimax, fixed, anchors"),
        ({"strategy": "unimax"}, "needs a budget above 0"),
        ({"strategy": "temperature", "budget": -1}, "needs a budget above 0"),
        ({"strategy": "anchors"}, "needs a budget above 0"),
        ({"unit": "chars"}, "'chars' is not one of words, bytes, tokens"),
        ({"max_epochs": 0}, "max_epochs"),
        ({"alpha": 1.5}, "alpha"),
        ({"strategy": "fixed"}, "balance.fixed"),
        ({"fixed": (("a", 1),)}, "balance.fixed"),
        ({"strategy": "fixed", "fixed": (("a", -1),)}, "none below 0"),
        ({"anchors": ((9, 1, 0), (8, 1, 0))}, "by growing size"),
        ({"anchors": ((9, 1, 2),)}, "least"),
    ],
)
def test_bad_parameters_are_refused(bad: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Balance(**bad)
