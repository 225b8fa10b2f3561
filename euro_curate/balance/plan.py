"""From sizes to a plan: size -> weigh -> allocate -> border -> cut, and close(), which tells the pages that the plan leaves out.

The plan is exact to the page. `weigh` sums each batch by language and bin of the rank, which stays small; `allocate` finds each quota's bin;
`border` fetches the pages of that bin alone, and `cut` finds the last page. A share takes pages in the order of their rank, as often as their
cluster's size says, until the next one would exceed it: what a smaller budget takes, a larger one takes at least as often.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from euro_curate.balance.draw import SPLITS, TEST, TRAIN, VALIDATION, Selection, bins, copies, ranks, repeats, splits
from euro_curate.balance.share import UNITS, Balance, quotas
from euro_curate.schema import ALLOTMENTS, BORDERS, BUDGET, SIZES, VERDICTS, WEIGHTS
from euro_curate.stage import stage
from euro_curate.text import order_hash

_AMOUNTS = ("pages", *UNITS)


@dataclass(frozen=True)
class Sizing:
    """Parameters of `size`."""

    seed: int = 1  # of the dataset's shuffle


@dataclass(frozen=True)
class Packing:
    """Parameters of `cut`."""

    shard_bytes: int = 1 << 30  # UTF-8 text per shard: about 300 MB as zstd Parquet
    physical: bool = False  # pages are written as often as the plan takes them

    def __post_init__(self) -> None:
        if self.shard_bytes < 1:
            raise ValueError("publish.shard_bytes: must be above 0")


HEADS = ("id", "kind", "cluster")  # the columns of ELECTIONS that it needs
SIZED = ("id", "language", "order", "cluster_size", "words", "bytes")  # the columns of CLEAN that `size` needs


@stage(out=SIZES, version=1)
def size(clean: pa.Table, elections: pa.Table, scores: pa.Table, params: Sizing) -> pa.Table:
    """CLEAN (columns SIZED, n), the ELECTIONS of its source and its pages' SCORES (none where the recipe names no classifier) -> SIZES (n)."""
    heads = elections.filter(pc.equal(elections["kind"], "representative"))
    clusters = dict(zip(heads["id"].to_pylist(), heads["cluster"].to_pylist(), strict=True))
    known = dict(zip(scores["id"].to_pylist(), scores["quality_score"].to_pylist(), strict=True))
    ids = clean["id"].to_pylist()
    columns = {name: clean[name] for name in SIZED} | {
        "cluster": pa.array([order_hash(str(clusters.get(page, page)), params.seed) for page in ids], pa.uint64()),
        "quality_score": pa.array([known.get(page) for page in ids], pa.float64()),
    }
    return pa.table([columns[name] for name in SIZES.names], schema=SIZES)


def _drawn(sizes: pa.Table, tokens: pa.Table, p: Selection) -> pl.DataFrame:
    """SIZES, TOKENS (n, or none) -> what decides on each page, and its amounts."""
    rank = ranks(sizes, p)
    return pl.DataFrame(
        {
            "language": pl.from_arrow(sizes["language"].combine_chunks()),
            "split": splits(sizes["cluster"].to_numpy(), p),
            "bin": bins(rank),
            "rank": rank,
            "copies": copies(sizes["cluster_size"].to_numpy(), p).astype(np.int32),
            "pages": np.ones(len(sizes), np.int64),
            "words": sizes["words"].to_numpy(),
            "bytes": sizes["bytes"].to_numpy(),
            "tokens": tokens["tokens"].to_numpy() if len(tokens) else np.zeros(len(sizes), np.int64),
        },
        schema_overrides={"language": pl.String},
    )


@stage(out=WEIGHTS, version=2, rows="free")
def weigh(sizes: pa.Table, tokens: pa.Table, params: Selection) -> pa.Table:
    """SIZES and TOKENS (n, or none) of a batch -> WEIGHTS: sums by language, split, bin of the rank and number of copies."""
    sums = _summed(_drawn(sizes, tokens, params))
    return sums.select(WEIGHTS.names).to_arrow(compat_level=pl.CompatLevel.oldest()).cast(WEIGHTS)


def _summed(pages: pl.DataFrame) -> pl.DataFrame:
    keys = ("language", "split", "bin", "copies")
    return pages.group_by(keys).agg(pl.col(*_AMOUNTS).sum()).sort(keys)


@stage(out=ALLOTMENTS, version=1, rows="free")
def allocate(weights: pa.Table, params: Balance) -> pa.Table:
    """WEIGHTS of all batches -> ALLOTMENTS sorted by language: each one's quota, and the bin in which it ends."""
    frame = pl.from_arrow(weights)
    assert isinstance(frame, pl.DataFrame)
    frame = _summed(frame)
    groups = {str(key[0]): group for key, group in frame.group_by("language", maintain_order=True)}
    training = {code: group.filter(pl.col("split") == TRAIN) for code, group in groups.items()}
    epochs = {code: int((group[params.unit] * group["copies"]).sum()) for code, group in training.items()}
    rows = []
    for code, quota in quotas(epochs, params).items():
        group, all_of_it = training[code], not params.budget and params.strategy == "natural"
        passes, rest = (1, 0) if all_of_it else divmod(quota, epochs[code]) if epochs[code] else (0, 0)
        row: dict[str, Any] = {"language": code, "epoch": epochs[code], "quota": quota, "passes": passes, "bin": None}
        if rest:
            running = group.group_by("bin", maintain_order=True).agg((pl.col(params.unit) * pl.col("copies")).sum())
            ends = np.cumsum(running[params.unit].to_numpy())
            at = int(np.searchsorted(ends, rest, side="right"))  # the first bin that would exceed the rest
            row["bin"] = int(running["bin"][at])
            rest -= int(ends[at - 1]) if at else 0
        before = group.filter(pl.col("bin") < row["bin"]) if row["bin"] is not None else group.clear()
        for name in _AMOUNTS:
            row[name] = int(group[name].sum())
            row[f"copied_{name}"] = int((group[name] * group["copies"]).sum())
            row[f"part_{name}"] = int(before[name].sum())
            row[f"part_copied_{name}"] = int((before[name] * before["copies"]).sum())
        for split in (VALIDATION, TEST):
            held = groups[code].filter(pl.col("split") == split)
            row |= {f"{SPLITS[split]}_{name}": int(held[name].sum()) for name in ("pages", "bytes")}
        rows.append(row | {"unit": params.unit, "left": rest})
    return pa.Table.from_pylist(rows, schema=ALLOTMENTS)


@stage(out=BORDERS, version=1, rows="free")
def border(sizes: pa.Table, tokens: pa.Table, allotments: pa.Table, params: Selection) -> pa.Table:
    """SIZES and TOKENS (n, or none) of a batch, ALLOTMENTS -> BORDERS: its training pages in the bins where quotas end."""
    ends = dict(zip(allotments["language"].to_pylist(), allotments["bin"].to_pylist(), strict=True))
    wanted = pl.DataFrame(
        [(code, at) for code, at in ends.items() if at is not None],
        schema={"language": pl.String, "bin": pl.Int32},
        orient="row",
    )
    pages = _drawn(sizes, tokens, params).filter(pl.col("split") == TRAIN)
    found = pages.join(wanted, on=["language", "bin"], how="semi").sort("language", "rank")
    return found.select(BORDERS.names).to_arrow(compat_level=pl.CompatLevel.oldest()).cast(BORDERS)


@stage(out=BUDGET, version=4, rows="free")
def cut(allotments: pa.Table, borders: pa.Table, params: Packing) -> pa.Table:
    """ALLOTMENTS, BORDERS of all batches -> BUDGET sorted by language: the plan, exact to the page (to the copy, where pages have several).

    Of the page at the cut, `partial` copies are taken. Pages of one rank, which the hash makes rare, are taken alike.
    """
    frame = pl.from_arrow(borders)
    assert isinstance(frame, pl.DataFrame)
    pages = {str(key[0]): group for key, group in frame.sort("language", "rank").group_by("language")}
    return pa.Table.from_pylist(
        [_budget(row, pages.get(row["language"]), params) for row in allotments.to_pylist()], schema=BUDGET
    )


def _budget(row: dict[str, Any], pages: pl.DataFrame | None, p: Packing) -> dict[str, Any]:
    """One row of ALLOTMENTS, the BORDERS of its language by rank -> its row of BUDGET."""
    part = {name: [row[f"part_{name}"], row[f"part_copied_{name}"]] for name in _AMOUNTS}
    end, partial = 0, 0
    if row["bin"] is not None:
        assert pages is not None and len(pages), "the bin in which a quota ends holds pages"
        cost = pages[row["unit"]].to_numpy() * pages["copies"].to_numpy()
        ends = np.cumsum(cost)
        at = int(np.searchsorted(ends, row["left"], side="right"))  # all before this one fit
        left = row["left"] - (int(ends[at - 1]) if at else 0)
        end, partial = int(pages["rank"][at]), left // int(pages[row["unit"]][at])
        whole = pages[:at]
        for name in _AMOUNTS:
            part[name][0] += int(whole[name].sum()) + (int(pages[name][at]) if partial else 0)
            part[name][1] += int((whole[name] * whole["copies"]).sum()) + partial * int(pages[name][at])
    out = {name: row[name] for name in BUDGET.names if name in row} | {"cut": end, "partial": partial}
    for name in _AMOUNTS:
        out[f"taken_{name}"] = row[name] if row["passes"] else part[name][0]
        out[f"total_{name}"] = row["passes"] * row[f"copied_{name}"] + part[name][1]
    held = out["total_bytes"] if p.physical else out["taken_bytes"]
    for split, size_bytes in zip(SPLITS, (held, row["validation_bytes"], row["test_bytes"]), strict=True):
        out[f"{split}_shards"] = -(-size_bytes // p.shard_bytes)
    return out | {"epochs": out[f"total_{row['unit']}"] / row["epoch"] if row["epoch"] else float(row["passes"])}


def count_verdicts(verdicts: pa.Table) -> dict[str, Any]:
    """VERDICTS -> {"verdicts": {language: {verdict: pages}}}, sorted: the part's receipt tells them."""
    counts: dict[str, dict[str, int]] = {}
    grouped = verdicts.group_by(["language", "verdict"]).aggregate([([], "count_all")])
    for row in sorted(grouped.to_pylist(), key=lambda row: (row["language"], row["verdict"])):
        counts.setdefault(row["language"], {})[row["verdict"]] = row["count_all"]
    return {"verdicts": counts}


@stage(out=VERDICTS, version=3, notes=count_verdicts)
def close(verdicts: pa.Table, sizes: pa.Table, budget: pa.Table, params: Selection) -> pa.Table:
    """VERDICTS (n), the SIZES of its kept pages, BUDGET -> VERDICTS (n): kept pages that the plan does not take become `budget:cut`."""
    rank, count = ranks(sizes, params), copies(sizes["cluster_size"].to_numpy(), params)
    training = splits(sizes["cluster"].to_numpy(), params) == TRAIN
    codes = np.asarray(sizes["language"].to_pylist(), object)
    out: dict[str, tuple[float, float]] = {}
    for row in budget.to_pylist():
        mine = training & (codes == row["language"])
        gone = np.flatnonzero(mine)[repeats(rank[mine], count[mine], row) == 0]
        out |= {sizes["id"][int(i)].as_py(): (int(rank[i]) / 2**64, row["cut"] / 2**64) for i in gone}
    if not out:
        return verdicts
    names = ("verdict", "rule", "value", "threshold")
    verdict, rule, value, threshold = (verdicts[name].to_pylist() for name in names)
    for i, page in enumerate(verdicts["id"].to_pylist()):
        if verdict[i] == "kept" and page in out:
            verdict[i], rule[i], (value[i], threshold[i]) = "budget:cut", "rank", out[page]
    for name, values in zip(names, (verdict, rule, value, threshold), strict=True):
        at = VERDICTS.get_field_index(name)
        verdicts = verdicts.set_column(at, VERDICTS.field(at), pa.array(values, VERDICTS.field(at).type))
    return verdicts
