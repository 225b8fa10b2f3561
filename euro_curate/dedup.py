"""Deduplication: sign -> pair -> connect -> elect. Exact copies by hash, near copies by MinHash LSH, within each language.

MinHash: 5-word shingles, 14 bands of 8 rows, 64 bits, as FineWeb-2 (arXiv 2506.20920): a pair of Jaccard similarity 0.75 / 0.8 / 0.85
meets with probability 0.77 / 0.92 / 0.99. Words are casefolded and keep their diacritics.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from euro_curate import kernels, text
from euro_curate.schema import (
    BAND_COLUMNS,
    BANDS,
    CLUSTERS,
    EDGES,
    ELECTIONS,
    SIGNATURES,
    SORTED_SIGNATURES,
)
from euro_curate.stage import stage

OTHER = "other"  # the group of every label outside the 24
ORDERS = ("score", "words", "oldest", "newest")  # what an election can go by


@dataclass(frozen=True)
class MinHash:
    """Parameters of `sign`. Bands are fixed by the schema at 14."""

    shingle_words: int = 5
    rows: int = 8  # minima per band; more = stricter
    seed: int = 1


@dataclass(frozen=True)
class Pairing:
    """Parameters of the gathers: none that change the result."""


@dataclass(frozen=True)
class Election:
    """How a cluster's representative is chosen among the members that pass everything before `duplicate` (if none does, among all)."""

    elect: tuple[str, ...] = ("score", "words", "oldest")  # in order; ties by id, source, offset

    def __post_init__(self) -> None:
        unknown = [name for name in self.elect if name not in ORDERS]
        if unknown:
            raise ValueError(f"dedup.elect: unknown {', '.join(unknown)}; choices: {', '.join(ORDERS)}")


@stage(out=SIGNATURES, version=3)
def sign(documents: pa.Table, params: MinHash) -> pa.Table:
    """DOCUMENTS (n) -> SIGNATURES (n). Texts without words get nulls; texts shorter than one shingle get an exact hash only."""
    exact: list[bytes | None] = []
    bands = np.zeros((documents.num_rows, BANDS), np.uint64)
    unsigned = np.ones(documents.num_rows, np.bool_)
    for found in text.scans(documents["text"]):
        for low, high in pairwise(found.word_at.tolist()):
            words = found.words[low:high]
            grams = kernels.shingles(words, params.shingle_words)
            if len(grams):
                bands[len(exact)] = kernels.minhash_bands(grams, BANDS, params.rows, params.seed)
                unsigned[len(exact)] = False
            exact.append(text.exact_hash(words) if len(words) else None)
    columns = [pa.array(bands[:, i], pa.uint64(), mask=unsigned) for i in range(BANDS)]
    return pa.table([documents["id"], pa.array(exact, pa.binary(16)), *columns], schema=SIGNATURES)


@stage(out=SORTED_SIGNATURES, version=1, rows="free")
def sort_signatures(signatures: pa.Table, languages: pa.Table, params: Pairing) -> pa.Table:
    """SIGNATURES, LANGUAGES of a batch of parts -> SORTED_SIGNATURES by (language, id), without the rows that have no text."""
    table = signatures.add_column(1, SORTED_SIGNATURES.field("language"), languages["language"].combine_chunks())
    table = table.filter(pc.is_valid(table["exact"]))
    return table.sort_by([("language", "ascending"), ("id", "ascending")]).cast(SORTED_SIGNATURES)


@stage(out=EDGES, version=1, rows="free")
def pair(signatures: pa.Table, params: Pairing) -> pa.Table:
    """SORTED_SIGNATURES of one language group -> EDGES: in every bucket of pages that share a band or all their words, a star
    from each page to the smallest id. Repeated records of one id are one node. Sorted, without repeats."""
    frame = pl.from_arrow(signatures)
    assert isinstance(frame, pl.DataFrame)
    stars = []
    for column in ("exact", *BAND_COLUMNS):
        bucket = frame.lazy().select("language", b="id", key=column).drop_nulls()
        star = bucket.with_columns(a=pl.col("b").min().over("language", "key")).filter(pl.col("a") != pl.col("b"))
        stars.append(star.select("a", "b", exact=pl.lit(column == "exact")))
    edges = pl.concat(stars).group_by("a", "b").agg(pl.col("exact").any()).sort("a", "b").collect()
    return edges.to_arrow(compat_level=pl.CompatLevel.oldest()).cast(EDGES)


@stage(out=CLUSTERS, version=1, rows="free")
def connect(edges: pa.Table, params: Pairing) -> pa.Table:
    """EDGES of one language group -> CLUSTERS: members only, sorted by id. Union-find over integer codes of the ids."""
    frame = pl.from_arrow(edges)
    assert isinstance(frame, pl.DataFrame)
    ids = pl.concat([frame["a"], frame["b"]]).unique().sort()
    names = ids.to_numpy()

    def roots(part: pl.DataFrame) -> np.ndarray:
        a, b = (np.searchsorted(names, part[side].to_numpy()) if len(part) else np.empty(0, np.int64) for side in "ab")
        found: np.ndarray = kernels.connected(len(names), a.astype(np.int64), b.astype(np.int64))
        return found

    cluster, group = roots(frame), roots(frame.filter("exact"))
    columns = [pa.array(names[index], pa.string()) for index in (np.arange(len(names)), cluster, group)]
    return pa.table(columns, schema=CLUSTERS)


@stage(out=ELECTIONS, version=2, rows="free")
def elect(rulings: pa.Table, clusters: pa.Table, params: Election) -> pa.Table:
    """RULINGS of one language group, its CLUSTERS -> ELECTIONS sorted by (source, offset): one row per page that is in a cluster or
    whose id occurs again. The cluster's size counts pages (occurrences); each id is a candidate once, at its first (source, offset)."""
    pages = pl.from_arrow(rulings)
    members = pl.from_arrow(clusters)
    assert isinstance(pages, pl.DataFrame) and isinstance(members, pl.DataFrame)
    order = {
        "score": pl.col("quality_score").fill_null(-1.0).neg(),
        "words": pl.col("words").fill_null(-1).neg(),
        "oldest": pl.col("crawled_at").fill_null(pl.datetime(9999, 1, 1, time_zone="UTC")),
        "newest": -pl.col("crawled_at").fill_null(pl.datetime(1, 1, 1, time_zone="UTC")).dt.epoch("s"),
    }
    names = pl.DataFrame({"id": members["id"], "cluster": members["cluster"], "group": members["group"]})
    table = (
        pages.join(names, on="id", how="left")
        .with_columns(pl.coalesce("cluster", "id").alias("cluster"), pl.coalesce("group", "id").alias("group"))
        .with_columns(size=pl.len().over("cluster"))
        .filter(pl.col("size") > 1)
        .sort("id", "source", "offset")
        .with_columns(repeated=pl.col("id").is_duplicated() & ~pl.col("id").is_first_distinct())
    )
    best = (
        table.filter(~pl.col("repeated"))
        .with_columns(
            fails=pl.col("verdict").is_not_null(), **{f"by_{i}": order[name] for i, name in enumerate(params.elect)}
        )
        .sort("cluster", "fails", *(f"by_{i}" for i in range(len(params.elect))), "id", "source", "offset")
        .group_by("cluster", maintain_order=True)
        .agg(head=pl.col("id").first(), head_group=pl.col("group").first())
    )
    chosen = table.join(best, on="cluster").with_columns(
        kind=pl.when("repeated")
        .then(pl.lit("record"))
        .when(pl.col("id") == pl.col("head"))
        .then(pl.lit("representative"))
        .when(pl.col("group") == pl.col("head_group"))
        .then(pl.lit("exact"))
        .otherwise(pl.lit("near")),
    )
    out = chosen.sort("source", "offset").select(
        "id",
        "source",
        "offset",
        duplicate_of=pl.when(pl.col("kind") == "representative").then(None).otherwise("head"),
        kind="kind",
        cluster="cluster",
        cluster_size=pl.col("size").cast(pl.Int64),
    )
    return out.to_arrow(compat_level=pl.CompatLevel.oldest()).cast(ELECTIONS)
