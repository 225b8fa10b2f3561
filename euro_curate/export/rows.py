"""What an export reads: the rows of shards, each as often as the plan says, in a few row groups' memory."""

from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow.compute as pc
import pyarrow.parquet as pq

from euro_curate.shards import filesystem

BATCH = 1000  # rows: a row group of the dataset


def rows(paths: Sequence[str], columns: Sequence[str] | None = None, once: bool = False) -> Iterator[dict[str, Any]]:
    """Rows of the shards in their order, those with `repeats` above 1 again in as many further passes over each shard: repeats of a page
    never lie side by side. The column `repeats` has done its work then, and is left out. `once` gives each row once, and leaves it in."""
    wanted = None if columns is None else [*columns, "repeats"]
    for path in paths:
        most = 1
        number = 0
        while number < most:
            number += 1
            fs, where = filesystem(path)
            with fs.open(where, "rb") as file:
                for batch in pq.ParquetFile(file).iter_batches(BATCH, columns=wanted):
                    times = pc.fill_null(batch["repeats"], 1)
                    if number == 1 and not once and len(batch):
                        most = max(most, pc.max(times).as_py())
                    if once:
                        yield from batch.to_pylist()
                        continue
                    kept = batch if number == 1 else batch.filter(pc.greater_equal(times, number))
                    yield from kept.drop_columns(["repeats"]).to_pylist()
