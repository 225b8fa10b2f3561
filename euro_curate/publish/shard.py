"""sort_clean() and shard(): pages by hash of (id, seed), cut into hash ranges. A shard is a uniform sample of its language."""

import json
import re
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from euro_curate.schema import CLEAN, DATASET
from euro_curate.stage import stage


@dataclass(frozen=True)
class Sorting:
    """Parameters of `sort_clean`: none."""


@stage(out=CLEAN, version=2, rows="free")
def sort_clean(clean: pa.Table, params: Sorting) -> pa.Table:
    """CLEAN of a batch of parts -> the same rows by (language, order, id): a shard reads a range of it."""
    return clean.sort_by([("language", "ascending"), ("order", "ascending"), ("id", "ascending")])


@dataclass(frozen=True)
class Publish:
    """Parameters of `shard`: nothing but the columns of the schema is chosen here."""

    dump: str = ""  # value of the `dump` column; "" = the CC-MAIN-YYYY-WW in the crawl file's name, or nothing


def plan(budget: pa.Table) -> dict[str, tuple[str, int, int | None]]:
    """Shard file (relative to dataset/) -> (language, first order, end of order or None), equal hash ranges up to the cut."""
    out: dict[str, tuple[str, int, int | None]] = {}
    for row in budget.to_pylist():
        end = row["cut"] if row["cut"] is not None else 1 << 64
        for number in range(row["shards"]):
            low, high = end * number // row["shards"], end * (number + 1) // row["shards"]
            path = f"data/{row['language']}/train/{number // 100000:03d}_{number % 100000:05d}.parquet"
            out[path] = (row["language"], low, None if high >= 1 << 64 else high)
    return out


@stage(out=DATASET, version=4, rows="free")
def shard(clean: pa.Table, params: Publish) -> pa.Table:
    """CLEAN rows of one language and hash range -> DATASET rows in order of the hash."""
    rows = clean.sort_by([("order", "ascending"), ("id", "ascending")])
    seconds = rows["crawled_at"].cast(
        pa.timestamp("s", tz="UTC"), safe=False
    )  # strftime writes a finer type's fractions
    date = pc.strftime(seconds, format="%Y-%m-%dT%H:%M:%SZ")
    code = [language.split("_") for language in rows["language"].to_pylist()]
    columns = {
        "text": rows["text"].cast(pa.string()),
        "id": rows["id"],
        "dump": pa.array([params.dump or _dump(source) for source in rows["source"].to_pylist()], pa.string()),
        "url": rows["url"],
        "date": date,
        "file_path": rows["source"],
        "language": pa.array([c[0] for c in code], pa.string()),
        "language_score": rows["language_score"],
        "language_script": pa.array([c[1] for c in code], pa.string()),
        "minhash_cluster_size": rows["cluster_size"],
        "top_langs": pa.array(
            map(_top, rows.select(["language", "language_score", "second", "second_score"]).to_pylist()), pa.string()
        ),
        "title": rows["title"],
        "licence": rows["licence"],
        "licence_id": rows["licence_id"],
        "published": rows["published"],
        "words": rows["words"],
        "redactions": rows["redactions"],
        "pii": rows["pii"],
    }
    return pa.table([columns[name] for name in DATASET.names], schema=DATASET)


_DUMP = re.compile(r"CC-[A-Z]+(?:-[A-Z]+)*-\d{4}-\d{2}")


def _dump(source: str) -> str:
    found = _DUMP.search(source)
    return found.group(0) if found else ""


def _top(row: dict[str, Any]) -> str:
    scores = {row["language"]: row["language_score"]}
    if row["second"]:
        scores[row["second"]] = row["second_score"]
    return json.dumps({label: round(score, 6) for label, score in scores.items() if score is not None})
