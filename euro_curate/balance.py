"""allocate(): how much of each language goes into the dataset, and which pages: the first ones in the order of a seeded hash.

Methods: `unimax` (Chung et al. 2023, arXiv 2304.09151): equal shares, no language more than `max_epochs` times over, what small ones
cannot use is shared among the rest. `temperature`: shares proportional to size ** alpha (mT5: 0.3), filled up in the same way.
`all`: everything. Only whole pages are taken, once each; more than one epoch is a weight in the budget, not a copy in the dataset.
"""

import heapq
from dataclasses import dataclass

import numpy as np
import polars as pl
import pyarrow as pa

from euro_curate.schema import BUDGET, WEIGHTS
from euro_curate.stage import stage

BIN_BITS = 12  # of the order: 4,096 bins a language

METHODS = ("all", "unimax", "temperature")


@dataclass(frozen=True)
class Weighing:
    """Parameters of `weigh`: none."""


@dataclass(frozen=True)
class Balance:
    """Parameters of `allocate`."""

    method: str = "all"
    budget_words: int = 0  # words of the whole dataset, repeats included; needed by unimax and temperature
    max_epochs: float = 4.0  # Muennighoff et al. 2023 (arXiv 2305.16264): repeats up to 4 cost little
    alpha: float = 0.3  # temperature only
    shard_bytes: int = 1 << 30  # UTF-8 text per shard: about 300 MB as zstd Parquet

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise ValueError(f"balance.method: {self.method!r} is not one of {', '.join(METHODS)}")
        if self.method != "all" and self.budget_words <= 0:
            raise ValueError(f"balance.budget_words: method {self.method!r} needs a budget above 0")
        if self.shard_bytes < 1 or self.max_epochs <= 0 or not 0 <= self.alpha <= 1:
            raise ValueError("balance: shard_bytes and max_epochs must be above 0, alpha between 0 and 1")


def quotas(words: dict[str, int], p: Balance) -> dict[str, int]:
    """Words per language. They sum to the budget, or to what all languages can give when that is less.

    Whole words go out as if one by one, each to the language whose next word costs least, (words + 1) / weight (Jefferson's method): a
    larger budget takes nothing from anybody, which largest remainders would.
    """
    if p.method == "all":
        return dict(words)
    weight = {code: 1.0 if p.method == "unimax" else float(n) ** p.alpha for code, n in words.items() if n}
    limit = {code: int(words[code] * p.max_epochs) for code in weight}
    share: dict[str, float] = {}
    left = float(min(p.budget_words, sum(limit.values())))
    for code in sorted(
        weight, key=lambda c: (limit[c] / weight[c], c)
    ):  # water-filling: the first to run dry comes first
        rest = sum(w for c, w in weight.items() if c not in share)
        share[code] = min(float(limit[code]), left * weight[code] / rest)
        left -= share[code]
    out = {
        code: int(value * (1 - 1e-12)) for code, value in share.items()
    }  # safely below: the loop gives the last words
    missing = min(p.budget_words, sum(limit.values())) - sum(out.values())
    queue = [((out[code] + 1) / weight[code], code) for code in out if out[code] < limit[code]]
    heapq.heapify(queue)
    for _ in range(missing):
        _, code = queue[0]
        out[code] += 1
        if out[code] < limit[code]:
            heapq.heapreplace(queue, ((out[code] + 1) / weight[code], code))
        else:
            heapq.heappop(queue)
    return {code: out.get(code, 0) for code in words}


@stage(out=WEIGHTS, version=1, rows="free")
def weigh(clean: pa.Table, params: Weighing) -> pa.Table:
    """CLEAN (columns language, order, words, chars, bytes) of a batch -> WEIGHTS: sums by language and bin of the order."""
    frame = pl.from_arrow(clean)
    assert isinstance(frame, pl.DataFrame)
    sums = (
        frame.with_columns(bin=(pl.col("order") // (1 << (64 - BIN_BITS))).cast(pl.Int32))
        .group_by("language", "bin")
        .agg(pl.len().cast(pl.Int64).alias("pages"), pl.col("words", "chars", "bytes").sum())
        .sort("language", "bin")
    )
    return sums.select(WEIGHTS.names).to_arrow(compat_level=pl.CompatLevel.oldest()).cast(WEIGHTS)


@stage(out=BUDGET, version=3, rows="free")
def allocate(weights: pa.Table, params: Balance) -> pa.Table:
    """WEIGHTS of all batches -> BUDGET sorted by language.

    The cut falls on the border of a bin (1/4096 of the language), so a larger budget takes a superset of a smaller one's pages; a
    language with a quota has at least its first bin that holds a page.
    """
    frame = pl.from_arrow(weights)
    assert isinstance(frame, pl.DataFrame)
    bins = (
        frame.group_by("language", "bin").agg(pl.col("pages", "words", "chars", "bytes").sum()).sort("language", "bin")
    )
    groups = {str(key[0]): group for key, group in bins.group_by("language", maintain_order=True)}
    available = {code: int(group["words"].sum()) for code, group in groups.items()}
    rows = []
    for code, quota in quotas(available, params).items():
        group = groups[code]
        running = np.cumsum(group["words"].to_numpy())
        taken = len(group) if quota >= available[code] else int(np.searchsorted(running, quota, side="right"))
        taken = max(1, taken) if quota else 0
        part = group[:taken]
        rows.append(
            {
                "language": code,
                **{size: int(group[size].sum()) for size in ("pages", "words", "chars", "bytes")},
                "quota_words": quota,
                "cut": None if taken == len(group) else int(group["bin"][taken]) << (64 - BIN_BITS),
                "taken_pages": int(part["pages"].sum()),
                "taken_words": int(part["words"].sum()),
                "epochs": max(1.0, quota / available[code]) if available[code] else 1.0,
                "shards": -(-int(part["bytes"].sum()) // params.shard_bytes),
            }
        )
    return pa.Table.from_pylist(rows, schema=BUDGET)
