"""The best copy of each cluster: register -> enrol -> elect -> deal. Who is a candidate, which cluster it is in, who wins, what to tell each file."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from euro_curate import kernels
from euro_curate.dedup.pair import exact_hashes, mixed, node_hashes
from euro_curate.schema import CANDIDATES, ELECTIONS, MEMBERS
from euro_curate.stage import stage

ORDERS = ("score", "words", "oldest", "newest")  # what an election can go by
PUBLISHED, OURS, UNPUBLISHED = (
    0,
    1,
    2,
)  # standing: of an earlier run's dataset; of this run; of an earlier run, but not in its dataset
SHOWN = 20  # clusters in the report


@dataclass(frozen=True)
class Registering:
    """Parameters of `register`, `enrol` and `deal`: none."""


@dataclass(frozen=True)
class Election:
    """How a cluster's representative is chosen among the members that pass everything before `duplicate` (if none does, among all)."""

    elect: tuple[str, ...] = ("score", "words", "oldest")  # in order; ties by id, source, offset
    verify: float = 0.55  # estimated similarity to the representative, below which a member leaves; 0 = not looked at

    def __post_init__(self) -> None:
        unknown = [name for name in self.elect if name not in ORDERS]
        if unknown:
            raise ValueError(f"dedup.elect: unknown {', '.join(unknown)}; choices: {', '.join(ORDERS)}")
        if not 0 <= self.verify < 1:
            raise ValueError(f"dedup.verify must be at least 0 (not looked at) and below 1, not {self.verify}")


@stage(out=CANDIDATES, version=1, rows="free")
def register(rulings: pa.Table, signatures: pa.Table, verdicts: pa.Table, params: Registering) -> pa.Table:
    """RULINGS, SIGNATURES (n each) of a batch of parts; of an earlier run its VERDICTS too (n, else 0) -> CANDIDATES sorted by node."""
    if len(verdicts) and not verdicts["id"].equals(rulings["id"]):
        raise ValueError("register: verdicts are of other pages than the rulings")
    standing = np.full(len(rulings), OURS, np.int8)
    if len(verdicts):
        published = pc.equal(verdicts["verdict"], "kept").to_numpy()
        standing = np.where(published, PUBLISHED, UNPUBLISHED).astype(np.int8)
    columns = {
        **{name: rulings[name] for name in ("id", "source", "offset", "words", "quality_score", "crawled_at")},
        "node": pa.array(node_hashes(rulings["id"])),
        "standing": pa.array(standing),
        "passes": rulings["verdict"].is_null(),
        "exact": exact_hashes(signatures["exact"]),
        "sketch": signatures["sketch"],
        "url_hash": signatures["url_hash"],
    }
    table = pa.table([columns[name] for name in CANDIDATES.names], schema=CANDIDATES)
    return table.sort_by([(name, "ascending") for name in ("node", "id", "source", "offset")])


@stage(out=MEMBERS, version=1, rows="free")
def enrol(candidates: pa.Table, clusters: pa.Table, losers: pa.Table, params: Registering) -> pa.Table:
    """CANDIDATES, CLUSTERS and URL_LOSERS of a range of nodes -> MEMBERS sorted by cluster: without the pages that nothing is to be said of.

    `cluster` is the mixed hash of the root, so that clusters are evenly spread whatever their size.
    """
    pages, found, lost = (_frame(table) for table in (candidates, clusters, losers))
    repeated = pl.col("id").is_duplicated()
    table = (
        pages.join(found, on="node", how="left")
        .join(lost.drop("node"), on=["id", "source", "offset"], how="left")
        .filter(pl.col("cluster").is_not_null() | pl.col("winner").is_not_null() | repeated)
        .with_columns(pl.coalesce("cluster", "node").alias("cluster"))
    )
    table = table.with_columns(pl.Series("cluster", mixed(table["cluster"].to_numpy())))
    return _arrow(table.select(MEMBERS.names).sort("cluster", "id", "source", "offset"), MEMBERS)


def largest(elections: pa.Table) -> dict[str, Any]:
    """ELECTIONS of a range of clusters -> its largest clusters, at most SHOWN, largest first: the part's receipt tells them."""
    frame = _frame(elections).filter(pl.col("kind") != "url").with_columns(id=pl.coalesce("duplicate_of", "id"))
    clusters = frame.group_by("id").agg(pl.col("cluster_size").max(), exact=(pl.col("kind") == "exact").sum())
    return {"largest": clusters.sort(pl.col("cluster_size").neg(), "id").head(SHOWN).to_dicts()}


@stage(out=ELECTIONS, version=3, rows="free", notes=largest)
def elect(members: pa.Table, params: Election) -> pa.Table:
    """MEMBERS of a range of clusters -> ELECTIONS of this run's pages among them, sorted by (source, offset).

    An id is a candidate once: at the occurrence that is published, or else passes, or else comes first by source and offset. Of the
    candidates one that an earlier run published is the representative; without one, the best that passes; if none passes, the best
    of all. A cluster's size counts pages (occurrences). With `verify`, members too unlike the representative leave it and elect among
    themselves, again and again, so that no chain of small changes joins what has nothing in common.
    """
    table = _ranked(_frame(members), params)
    seats = _seats(table, params.verify)
    table = table.with_columns(pl.Series("seat", seats, pl.Int64))
    heads = table.filter("candidate").group_by("seat", maintain_order=True).first()
    best = heads.select("seat", head=pl.col("id"), head_exact=pl.col("exact"))
    chosen = (
        table.join(best, on="seat", how="left")
        .with_columns(size=pl.len().over("seat"))
        .with_columns(
            kind=pl.when(~pl.col("candidate"))
            .then(pl.lit("record"))
            .when(pl.col("winner").is_not_null())
            .then(pl.lit("url"))
            .when(pl.col("id") == pl.col("head"))
            .then(pl.lit("representative"))
            .when(pl.col("exact") == pl.col("head_exact"))
            .then(pl.lit("exact"))
            .otherwise(pl.lit("near")),
        )
    )
    ours = chosen.filter(pl.col("standing") == OURS, (pl.col("size") > 1) | pl.col("winner").is_not_null())
    out = ours.sort("source", "offset", "id").select(
        "id",
        "source",
        "offset",
        duplicate_of=pl.when(pl.col("kind") == "representative")
        .then(None)
        .when(pl.col("kind") == "url")
        .then(pl.col("winner"))
        .otherwise(pl.col("head")),
        kind="kind",
        cluster="cluster",
        cluster_size=pl.col("size").cast(pl.Int64),
    )
    return _arrow(out, ELECTIONS)


def _ranked(pages: pl.DataFrame, params: Election) -> pl.DataFrame:
    """Members by cluster, the best first; `candidate`: not the repeat of an id."""
    order = {
        "score": pl.col("quality_score").fill_null(-1.0).neg(),
        "words": pl.col("words").fill_null(-1).neg(),
        "oldest": pl.col("crawled_at").fill_null(pl.datetime(9999, 1, 1, time_zone="UTC")),
        "newest": -pl.col("crawled_at").fill_null(pl.datetime(1, 1, 1, time_zone="UTC")).dt.epoch("s"),
    }
    rank = (
        pl.when(pl.col("standing") == PUBLISHED)
        .then(0)
        .when((pl.col("standing") == OURS) & pl.col("passes") & pl.col("winner").is_null())
        .then(1)
        .otherwise(2)
    )
    by = [f"by_{i}" for i in range(len(params.elect))]
    return (
        pages.with_columns(rank=rank, **{column: order[name] for column, name in zip(by, params.elect, strict=True)})
        .sort("id", "rank", "source", "offset")
        .with_columns(candidate=pl.col("id").is_first_distinct())
        .sort("cluster", "rank", *by, "id", "source", "offset")
        .drop(by)
    )


def _seats(table: pl.DataFrame, verify: float) -> np.ndarray:
    """The cluster of each ranked member, as the row of its representative."""
    first = table.with_row_index("row").select(pl.col("row").filter("candidate").first().over("cluster")).to_series()
    seats = first.to_numpy().astype(np.int64)
    if not verify or not len(table):
        return seats
    # A sketch estimates J as (share of equal fields - 1/4) / (3/4): two bits agree by chance in one of four.
    sketches = table["sketch"].to_arrow().cast(pa.large_binary())
    _, offsets, data = sketches.buffers()
    at = np.frombuffer(offsets, np.int64)[: len(table) + 1]
    exact = table["exact"].fill_null(0).to_numpy()
    out: np.ndarray = kernels.split_clusters(
        np.frombuffer(data or b"", np.uint8), at, exact, table["candidate"].to_numpy(), seats, verify
    )
    # the repeats of an id sit where its candidate sits
    where = pl.DataFrame({"id": table["id"], "seat": out}).filter(table["candidate"])
    return table.select("id").join(where, on="id", how="left", maintain_order="left")["seat"].to_numpy()


@stage(out=ELECTIONS, version=2, rows="free")
def deal(elections: pa.Table, params: Registering) -> pa.Table:
    """ELECTIONS of a batch of crawl files, from all ranges -> the same rows sorted by (source, offset): `settle` reads one file, not all."""
    return elections.sort_by([("source", "ascending"), ("offset", "ascending"), ("id", "ascending")])


def _frame(table: pa.Table) -> pl.DataFrame:
    frame = pl.from_arrow(table)
    assert isinstance(frame, pl.DataFrame)
    return frame


def _arrow(frame: pl.DataFrame, schema: pa.Schema) -> pa.Table:
    return frame.to_arrow(compat_level=pl.CompatLevel.oldest()).cast(schema)
