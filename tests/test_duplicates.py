"""duplicates.py: which tasks there are, that rounds over files find what one union-find finds, and that no task size changes a verdict."""

import random
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from euro_curate import kernels
from euro_curate.duplicates import ROW_BYTES, Tasks, connected
from euro_curate.executors import Serial
from euro_curate.run import Run, Task
from euro_curate.schema import LINKS
from euro_curate.shards import Part, Shards, read_part

Edges = list[tuple[int, int]]


def test_ranges_cover_all_hashes_once_and_follow_the_rows() -> None:
    tasks = Tasks(task_bytes=10 * ROW_BYTES["pair"])
    for rows, count in ((0, 1), (1, 1), (10, 1), (11, 2), (95, 10)):
        ranges = list(tasks.ranges("pair", rows).values())
        assert len(ranges) == count
        assert ranges[0][0] == 0
        assert ranges[-1][1] is None
        assert all(one[1] == other[0] for one, other in zip(ranges, ranges[1:], strict=False))


def test_batches_hold_as_many_parts_as_fit() -> None:
    tasks = Tasks(task_bytes=10 * ROW_BYTES["register"], merge_parts=3)
    shards = Shards(tuple(Part(f"p{i}", "", "", rows, 0) for i, rows in enumerate([4, 6, 1, 25, 1, 1, 1, 1])))
    assert list(tasks.batches("register", shards).values()) == [
        ["p0", "p1"],
        ["p2"],
        ["p3"],
        ["p4", "p5", "p6"],
        ["p7"],
    ]


def path(n: int) -> Edges:
    return [(i, i + 1) for i in range(n)]


def star(n: int) -> Edges:
    return [(0, i) for i in range(1, n)]


def clusters(n: int) -> Edges:
    """Like near duplicates: most clusters are pairs, a few are large."""
    draw, edges, at = random.Random(n), [], 0
    while at < n:
        size = min(n - at, int(draw.paretovariate(1.1)) + 1)
        edges += [(at + draw.randrange(i), at + i) for i in range(1, size)]
        at += size
    return edges


def tangle(n: int) -> Edges:
    """A random graph with one giant component."""
    draw = random.Random(n)
    return [(draw.randrange(n), draw.randrange(n)) for _ in range(n)]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run(str(tmp_path), Serial())


def links_of(run: Run, edges: Edges, parts: int) -> Shards:
    """Edges between the hashes of numbers, in files as `pair` writes them."""
    random.Random(parts).shuffle(edges)
    hashes = np.random.PCG64(7).random_raw(max(max(edge) for edge in edges) + 1)
    tasks = []
    for i in range(parts):
        mine = edges[i::parts]
        rows = pa.table([pa.array([hashes[e[side]] for e in mine], pa.uint64()) for side in (0, 1)], schema=LINKS)
        tasks.append(
            Task("given", f"{i:03d}", f"{run.work}/given/{i:03d}.parquet", {"i": i}, lambda rows=rows: (rows, {}))
        )
    return run.make(tasks)


def rows_of(shards: Shards) -> Iterator[tuple[int, int]]:
    for part in shards.parts:
        yield from zip(*(column.to_pylist() for column in read_part(part).columns), strict=True)


@pytest.mark.parametrize("links_a_task", [10_000, 150, 40])
@pytest.mark.parametrize("graph", [path, star, clusters, tangle])
def test_rounds_over_files_find_what_one_union_find_finds(
    run: Run, graph: Callable[[int], Edges], links_a_task: int
) -> None:
    links = links_of(run, graph(400), 11)
    every = list(rows_of(links))
    nodes, roots = kernels.components(*(np.array([e[side] for e in every], np.uint64) for side in (0, 1)))
    found = list(rows_of(connected(run, links, Tasks(ROW_BYTES["connect"] * links_a_task))))
    assert len(found) == len(nodes) > 300
    assert dict(found) == dict(zip(nodes.tolist(), roots.tolist(), strict=True))
    made = [count.name for count in run.counts]
    assert ("compose" in made) == (links_a_task < 400), "rounds where one task is too small, and only there"


def test_no_links_make_no_clusters(run: Run) -> None:
    assert connected(run, Shards(()), Tasks()).rows == 0


def test_a_file_that_is_too_large_for_a_task_alone_needs_no_hooks(run: Run) -> None:
    links = links_of(run, path(50), 1)
    found = dict(rows_of(connected(run, links, Tasks(ROW_BYTES["connect"] * 20))))
    assert len(found) == 51
    assert len(set(found.values())) == 1
