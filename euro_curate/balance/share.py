"""quotas(): how much of the budget each language gets. Exact: whole numbers and fractions, nothing that a rounding could tip.

An *epoch* is one pass over all that a language has. Strategies:

- `natural`: in proportion to size; without a budget, everything once.
- `temperature`: in proportion to size ** alpha (mBERT 0.7, XLM-R and mT5 0.3).
- `unimax` (Chung et al. 2023, arXiv 2304.09151): equal shares.
- `fixed`: in the proportions given by hand; without a budget, the amounts given by hand.
- `anchors` (as OpenEuroLLM): in proportion to size, between a least and a largest number of epochs that depend on the language's size.

No language gets more than `max_epochs` (with `anchors`: than its band allows); what it cannot use is shared among the rest by the same rule.
"""

import heapq
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Context, Decimal
from fractions import Fraction

STRATEGIES = ("natural", "temperature", "unimax", "fixed", "anchors")
UNITS = ("words", "bytes", "tokens")

# OpenEuroLLM's flagship mix, in tokens: up to this size, at most so many epochs, at least so many.
ANCHORS = (
    (15e9, 4.0, 1.0),
    (25e9, 4.0, 1.0),
    (50e9, 4.0, 0.5),
    (100e9, 4.0, 0.005),
    (250e9, 2.0, 0.005),
    (500e9, 1.0, 0.001),
)


@dataclass(frozen=True)
class Balance:
    """Parameters of `allocate`."""

    strategy: str = "natural"
    budget: int = 0  # of the whole training split, repeats included, in units; 0 = none
    unit: str = "words"
    max_epochs: float = 4.0  # Muennighoff et al. 2023 (arXiv 2305.16264): repeats up to 4 cost little
    alpha: float = 0.3  # temperature only
    fixed: tuple[tuple[str, float], ...] = ()  # fixed only: language -> amount, or proportion if there is a budget
    anchors: tuple[tuple[float, float, float], ...] = ANCHORS  # (size, largest, least epochs), by size

    def __post_init__(self) -> None:
        if self.strategy not in STRATEGIES:
            raise ValueError(f"balance.strategy: {self.strategy!r} is not one of {', '.join(STRATEGIES)}")
        if self.unit not in UNITS:
            raise ValueError(f"balance.unit: {self.unit!r} is not one of {', '.join(UNITS)}")
        if self.budget < 0 or (not self.budget and self.strategy in ("temperature", "unimax", "anchors")):
            raise ValueError(f"balance.budget: strategy {self.strategy!r} needs a budget above 0, in {self.unit}")
        if self.max_epochs <= 0 or not 0 <= self.alpha <= 1:
            raise ValueError("balance: max_epochs must be above 0, alpha between 0 and 1")
        if (self.strategy == "fixed") != bool(self.fixed) or any(amount < 0 for _, amount in self.fixed):
            raise ValueError("balance.fixed: strategy 'fixed', and no other, needs language = amount, none below 0")
        sizes = [size for size, _, _ in self.anchors]
        if not sizes or sizes != sorted(sizes) or any(not 0 <= low <= high for _, high, low in self.anchors):
            raise ValueError(
                "balance.anchors: give [[size, largest, least epochs], ...] by growing size, 0 <= least <= largest"
            )


def quotas(sizes: Mapping[str, int], p: Balance) -> dict[str, int]:
    """Units in one epoch of each language -> units that each one gets.

    They sum to the budget, or to what all languages can give when that is less; a larger budget takes nothing from anybody.
    """
    if not p.budget and p.strategy != "fixed":
        return dict(sizes)
    weights = {code: weight for code, size in sizes.items() if size and (weight := _weight(code, size, p))}
    low = dict.fromkeys(weights, 0)
    high = {code: _floor(sizes[code], p.max_epochs) for code in weights}
    if not p.budget:
        return {code: min(high[code], int(weights[code])) if code in weights else 0 for code in sizes}
    if p.strategy == "anchors":
        bands = {code: _band(sizes[code], p) for code in weights}
        high = {code: _floor(sizes[code], bands[code][1]) for code in weights}
        low = {code: _floor(sizes[code], bands[code][2]) for code in weights}
    budget = min(p.budget, sum(high.values()))
    if budget <= sum(low.values()):  # not even the least for all: in proportion to that
        given = apportion(budget, {c: Fraction(n) for c, n in low.items() if n}, dict.fromkeys(low, 0), low)
    else:
        given = apportion(budget, weights, low, high)
    return {code: given.get(code, 0) for code in sizes}


def apportion(
    amount: int, weights: Mapping[str, Fraction], low: Mapping[str, int], high: Mapping[str, int]
) -> dict[str, int]:
    """Shares out whole units in proportion to weights (all above 0), each share between low and high. They sum to the amount, which must
    lie between the sums of both.

    Units go out as if one by one, each to the share whose next unit costs least, (units + 1) / weight (Jefferson's method): a larger amount
    takes nothing from anybody, which largest remainders would. All but the last few are found at once, by the level to which they rise.
    """

    def at(level: Fraction) -> dict[str, Fraction]:
        return {c: min(max(level * w, Fraction(low[c])), Fraction(high[c])) for c, w in weights.items()}

    level = Fraction(0)
    for point in sorted({Fraction(bound[c]) / w for c, w in weights.items() for bound in (low, high)}):
        if sum(at(point).values()) > amount:
            break
        level = point
    shares = at(level)
    rising = sum((w for c, w in weights.items() if low[c] <= level * w < high[c]), Fraction(0))
    if rising:
        shares = at(level + (amount - sum(shares.values())) / rising)
    out = {code: int(share) for code, share in shares.items()}
    queue = [(Fraction(out[c] + 1) / weights[c], c) for c in out if out[c] < high[c]]
    heapq.heapify(queue)
    for _ in range(amount - sum(out.values())):  # fewer than there are shares
        _, code = heapq.heappop(queue)
        out[code] += 1
        if out[code] < high[code]:
            heapq.heappush(queue, (Fraction(out[code] + 1) / weights[code], code))
    return out


def exact(number: float) -> Fraction:
    """The decimal number that was written in the recipe: 0.3 is 3/10."""
    return Fraction(repr(number)) if isinstance(number, float) else Fraction(number)


_CONTEXT = Context(prec=30)  # decimals give the same power on every machine, which floats do not


def _weight(code: str, size: int, p: Balance) -> Fraction:
    if p.strategy == "fixed":
        return exact(dict(p.fixed).get(code, 0))
    if p.strategy == "unimax":
        return Fraction(1)
    if p.strategy == "temperature":
        return Fraction(_CONTEXT.power(Decimal(size), Decimal(repr(float(p.alpha)))))
    return Fraction(size)


def _floor(size: int, epochs: float) -> int:
    return int(size * exact(epochs))


def _band(size: int, p: Balance) -> tuple[float, float, float]:
    """The first band whose size the language does not exceed; the last one beyond."""
    return next((band for band in p.anchors if size <= band[0]), p.anchors[-1])
