"""sort_clean() and shard(): pages by hash of (id, seed), cut into hash ranges. A shard is a uniform sample of its language."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from euro_curate.balance import SPLITS, Selection, copies, ranks, repeats, splits
from euro_curate.schema import DATASET, SHUFFLED
from euro_curate.shards import DATASET_ROW_GROUP, SORTED_ROW_GROUP
from euro_curate.stage import stage

WHOLE = 1 << 64  # places in the shuffle
_STEP = 0x9E3779B97F4A7C15  # golden ratio: the repeats of a page lie far apart, whatever their number


@dataclass(frozen=True)
class Sorting:
    """Parameters of `sort_clean`."""

    validation: float = 0.0  # share of clusters
    test: float = 0.0


@stage(out=SHUFFLED, version=3, rows="free")
def sort_clean(clean: pa.Table, sizes: pa.Table, tokens: pa.Table, params: Sorting) -> Iterator[pa.Table]:
    """CLEAN, SIZES, TOKENS (n, or none) of a batch of parts -> SHUFFLED by (folder, order, id): a shard reads a range of it."""
    split = splits(sizes["cluster"].to_numpy(), Selection(validation=params.validation, test=params.test))
    names = pa.DictionaryArray.from_arrays(pa.array(split), pa.array(SPLITS)).cast(pa.string())
    folder = pc.binary_join_element_wise(clean["language"], names, "/")
    count = tokens["tokens"] if len(tokens) else pa.nulls(len(clean), pa.int64())
    keys = pa.table({"folder": folder, "order": clean["order"], "id": clean["id"]})
    at = pc.sort_indices(keys, [(name, "ascending") for name in keys.column_names])
    table = pa.table([*clean.columns, folder, sizes["quality_score"], count], schema=SHUFFLED)
    yield from (piece for piece, _ in _pieces(table, at.to_numpy(), SORTED_ROW_GROUP))


@dataclass(frozen=True)
class Publish:
    """How the dataset looks."""

    dump: str = ""  # value of the `dump` column; "" = the CC-MAIN-YYYY-WW in the crawl file's name, or nothing
    repeats: str = "column"  # column | physical: say how often to show a page, or write it so often

    def __post_init__(self) -> None:
        if self.repeats not in ("column", "physical"):
            raise ValueError(f"publish.repeats: {self.repeats!r} is not column or physical")


@dataclass(frozen=True)
class Shard:
    """Parameters of `shard`: which rows of its tables are in the file."""

    publish: Publish = field(default_factory=Publish)
    selection: Selection = field(default_factory=Selection)
    low: int = 0  # places in the shuffle: low <= place < high
    high: int = WHOLE
    passes: int = 1  # how often the plan takes a page: see BUDGET
    cut: int = 0
    partial: int = 0

    @property
    def most(self) -> int:
        """How often a page can occur in the file."""
        each = max((n for _, n in self.selection.rehydration), default=1)
        return each * (self.passes + 1) if self.publish.repeats == "physical" else 1


def plan(budget: pa.Table, publish: Publish, selection: Selection) -> dict[str, Shard]:
    """BUDGET -> shard file (relative to dataset/) -> what is in it: equal ranges of the shuffle; all that is taken is in one of them."""
    out = {}
    for row in budget.to_pylist():
        train = Shard(publish, selection, passes=row["passes"], cut=row["cut"], partial=row["partial"])
        by_hash = selection.by == "hash" and not row["passes"] and publish.repeats == "column"
        held = Shard(publish, Selection())  # never repeated
        for split, kind in zip(SPLITS, (train, held, held), strict=True):
            end = min(row["cut"] + 1, WHOLE) if by_hash and split == "train" else WHOLE
            count = row[f"{split}_shards"]
            for number in range(count):
                path = f"data/{row['language']}/{split}/{number // 100000:03d}_{number % 100000:05d}.parquet"
                out[path] = replace(kind, low=end * number // count, high=end * (number + 1) // count)
    return out


def ranges(shard: Shard) -> list[tuple[int, int | None]]:
    """The ranges of `order` (low, high or None = to the end), apart and ascending, that hold a shard's pages."""
    pieces: list[tuple[int, int]] = []
    for number in range(min(shard.most, WHOLE // max(1, shard.high - shard.low))):  # more would cover it all
        low = (shard.low - number * _STEP) % WHOLE
        high = low + shard.high - shard.low
        pieces += [(low, min(high, WHOLE))] + ([(0, high - WHOLE)] if high > WHOLE else [])
    if shard.most > WHOLE // max(1, shard.high - shard.low):
        pieces = [(0, WHOLE)]
    merged: list[tuple[int, int]] = []
    for low, high in sorted(pieces):
        if merged and low <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(high, merged[-1][1]))
        else:
            merged.append((low, high))
    return [(low, None if high == WHOLE else high) for low, high in merged]


@stage(out=DATASET, version=6, rows="free")
def shard(*tables_and_params: Any) -> Iterator[pa.Table]:
    """SHUFFLED rows of one folder, a table for each of `ranges` -> DATASET rows by place in the shuffle, then id.

    Training pages that the plan does not take are left out; the others say in `repeats` how often to show them, or are there so often.
    """
    *tables, params = tables_and_params
    rows = pa.concat_tables(tables)
    times = _times(rows, params)
    order = rows["order"].to_numpy()
    if params.publish.repeats == "physical":
        at = np.repeat(np.arange(len(rows)), times)
        number = np.arange(len(at)) - np.repeat(np.cumsum(times) - times, times)  # 0, 1, ... of each page
        place = order[at] + number.astype(np.uint64) * np.uint64(_STEP)
        times = np.ones(len(rows), np.int64)
    else:
        at = np.flatnonzero(times)
        place = order[at]
    inside = place >= np.uint64(params.low)
    if params.high < WHOLE:
        inside &= place < np.uint64(params.high)
    at, place = at[inside], place[inside]
    by_place = np.argsort(place, kind="stable")
    at, place = at[by_place], place[by_place]
    if (place[1:] == place[:-1]).any():  # rare: ties of the hash, which ids decide
        tied = pl.DataFrame({"place": place, "id": rows["id"].take(pa.array(at)).to_pylist()})
        at = at[tied.select(pl.arg_sort_by("place", "id")).to_series().to_numpy()]
    for piece, which in _pieces(rows, at, DATASET_ROW_GROUP):
        yield _dataset(piece, times[which], params.publish)


def _pieces(
    rows: pa.Table, at: npt.NDArray[np.integer[Any]], most: int
) -> Iterator[tuple[pa.Table, npt.NDArray[np.integer[Any]]]]:
    """The rows at these places, so many at a time, and the places: each text is copied once, when its turn comes. At least one piece."""
    stretch = bool((np.diff(at) == 1).all())  # no copy at all
    frame = None if stretch else pl.DataFrame(rows).rechunk()  # of views: the texts stay where they are
    for start in range(0, max(1, len(at)), most):
        which = at[start : start + most]
        if frame is None:
            yield rows.slice(int(which[0]) if len(which) else 0, len(which)).combine_chunks(), which
        else:
            found = frame[which].to_arrow(compat_level=pl.CompatLevel.oldest())
            yield found.cast(rows.schema).combine_chunks(), which


def _times(rows: pa.Table, p: Shard) -> npt.NDArray[np.int64]:
    """SHUFFLED (n) of one folder -> (n,) how often the plan takes each."""
    each = copies(rows["cluster_size"].to_numpy(), p.selection)
    return repeats(ranks(rows, p.selection), each, {"passes": p.passes, "cut": p.cut, "partial": p.partial})


def _dataset(rows: pa.Table, times: npt.NDArray[np.int64], p: Publish) -> pa.Table:
    seconds = rows["crawled_at"].cast(
        pa.timestamp("s", tz="UTC"), safe=False
    )  # strftime writes a finer type's fractions
    codes = rows["language"].combine_chunks().dictionary_encode()
    language, script = ([code.split("_")[i] for code in codes.dictionary.to_pylist()] for i in (0, 1))
    sources = rows["source"].combine_chunks().dictionary_encode()
    dumps = [p.dump or _dump(source) for source in sources.dictionary.to_pylist()]
    columns = {
        "text": rows["text"].cast(pa.string()),
        "dump": pa.array(dumps, pa.string()).take(sources.indices),
        "date": pc.strftime(seconds, format="%Y-%m-%dT%H:%M:%SZ"),
        "file_path": rows["source"],
        "language": pa.array(language, pa.string()).take(codes.indices),
        "language_script": pa.array(script, pa.string()).take(codes.indices),
        "minhash_cluster_size": rows["cluster_size"],
        "top_langs": _top(rows),
        "repeats": pa.array(times, pa.int32()),
    }
    return pa.table([columns[n] if n in columns else rows[n] for n in DATASET.names], schema=DATASET)


_DUMP = re.compile(r"CC-[A-Z]+(?:-[A-Z]+)*-\d{4}-\d{2}")


def _dump(source: str) -> str:
    found = _DUMP.search(source)
    return found.group(0) if found else ""


def _top(rows: pa.Table) -> pa.Array:
    """JSON of the two best labels and their scores."""
    columns = (rows[name].to_pylist() for name in ("language", "language_score", "second", "second_score"))
    return pa.array([_labels(*row) for row in zip(*columns, strict=True)], pa.string())


def _labels(language: str, score: float | None, second: str | None, second_score: float | None) -> str:
    """Labels are plain ASCII, so this is what json.dumps would write."""
    pairs = ((language, score), (second, second_score))
    return (
        "{" + ", ".join(f'"{label}": {round(value, 6)}' for label, value in pairs if label and value is not None) + "}"
    )
