"""Which pages a share takes, how often, and in which split: functions of a page's SIZES row and the recipe alone."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from euro_curate.balance.share import exact

U64 = npt.NDArray[np.uint64]
I64 = npt.NDArray[np.int64]

TRAIN, VALIDATION, TEST = range(3)
SPLITS = ("train", "validation", "test")

# FineWeb-2's simple weights: from so many copies in the crawl, a page counts so many times; a cluster of a thousand is boilerplate.
FINEWEB2 = ((1, 1), (2, 2), (3, 3), (5, 5), (100, 8), (1000, 1))

_SCORE_BITS = 24  # of the rank: scores that differ by less than 6e-8 are one; the other 40 bits are the hash


@dataclass(frozen=True)
class Selection:
    """What decides between pages of one language."""

    by: str = "hash"  # hash | score: the order in which they are taken
    rehydration: tuple[tuple[int, int], ...] = ()  # (cluster size, copies) by growing size; none = one copy each
    validation: float = 0.0  # share of clusters
    test: float = 0.0

    def __post_init__(self) -> None:
        if self.by not in ("hash", "score"):
            raise ValueError(f"balance.select: {self.by!r} is not hash or score")
        sizes = [size for size, _ in self.rehydration]
        if sizes != sorted(set(sizes)) or (sizes and sizes[0] != 1) or any(n < 1 for _, n in self.rehydration):
            raise ValueError(
                "balance.rehydrate: give [[cluster size, copies], ...] by growing size from 1; 1 or more copies"
            )
        if self.validation < 0 or self.test < 0 or self.validation + self.test >= 1:
            raise ValueError("publish: validation and test are shares of the pages, in all below 1")


def ranks(sizes: pa.Table, p: Selection) -> U64:
    """SIZES (n) -> (n,) the lower, the earlier a page is taken. By score: the best first, pages without one last, ties by hash."""
    order: U64 = sizes["order"].to_numpy()
    if p.by == "hash":
        return order
    score = np.nan_to_num(sizes["quality_score"].to_numpy(zero_copy_only=False).astype(np.float64), nan=0.0)
    top = (1 << _SCORE_BITS) - 1
    worse = top - np.clip(np.floor(score * (top + 1)), 0, top).astype(np.uint64)
    by_score: U64 = (worse.astype(np.uint64) << np.uint64(64 - _SCORE_BITS)) | (order >> np.uint64(_SCORE_BITS))
    return by_score


def copies(cluster_size: npt.NDArray[np.int64], p: Selection) -> I64:
    """Pages in each one's cluster (n,) -> (n,) how often an epoch shows it."""
    if not p.rehydration:
        return np.ones(len(cluster_size), np.int64)
    bounds = np.array([size for size, _ in p.rehydration])
    counts = np.array([n for _, n in p.rehydration], np.int64)
    return counts[np.maximum(np.searchsorted(bounds, cluster_size, side="right") - 1, 0)]


def splits(cluster: U64, p: Selection) -> npt.NDArray[np.int8]:
    """Hash of each page's cluster (n,) -> (n,) its split: all copies of a page are on one side, whichever of them was elected."""
    test = int(exact(p.test) * (1 << 64))
    held = int((exact(p.test) + exact(p.validation)) * (1 << 64))
    out = np.full(len(cluster), TRAIN, np.int8)
    out[cluster < np.uint64(held)] = VALIDATION
    out[cluster < np.uint64(test)] = TEST
    return out


def repeats(rank: U64, count: I64, row: dict[str, Any]) -> I64:
    """Ranks and copies (n,) of training pages of one language, its row of BUDGET -> (n,) how often the plan takes each; 0 = not at all."""
    last = np.where(rank < np.uint64(row["cut"]), count, 0)
    at = rank == np.uint64(row["cut"])
    taken: I64 = row["passes"] * count + np.where(at, np.minimum(count, row["partial"]), last)
    return taken


def bins(rank: U64) -> npt.NDArray[np.int32]:
    """Ranks (n,) -> (n,) a coarser scale in the same order: the exponent and six bits of each as a float, so that a bin holds at most
    1/64 of the pages up to it, wherever they crowd."""
    floats = rank.astype(np.float64)
    return (floats.view(np.int64) >> (52 - 6)).astype(np.int32)
