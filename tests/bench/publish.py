"""From `clean` to shards: MB of text per second on one core, and peak memory from 10^5 to 10^7 pages.

    python tests/bench/publish.py                       # speed: 400 MB of text in pages of 4 kB, pinned to one core
    python tests/bench/publish.py --memory 1e5 1e6 1e7  # memory: each number of short pages in a process of its own

Text is made of words with a web text's distribution, so that compression has the usual work. Timed are the stages between CLEAN and the dataset:
size, weigh, allocate, border, cut, sort_clean, shard, each reading and writing its Parquet files; making CLEAN itself is not.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PAGES_A_PART = 20_000
LANGUAGES = ("deu_Latn", "bul_Cyrl", "mlt_Latn")


def clean_part(number: int, pages: int, chars: int, vocabulary: list[str]):  # type: ignore[no-untyped-def]
    """CLEAN of so many pages of about so many characters."""
    import numpy as np
    import pyarrow as pa

    from euro_curate.schema import CLEAN
    from euro_curate.text import order_hash

    rng = np.random.default_rng(number)
    lengths = np.maximum(3, rng.lognormal(np.log(chars / 7), 0.6, pages)).astype(int)
    picks = np.minimum(rng.zipf(1.3, int(lengths.sum())) - 1, len(vocabulary) - 1)
    ends = np.cumsum(lengths)
    texts = [" ".join([vocabulary[i] for i in picks[end - n : end]]) for n, end in zip(lengths, ends, strict=True)]
    ids = [f"{number:08x}{i:024x}" for i in range(pages)]
    sizes = pa.array([len(text.encode()) for text in texts], pa.int64())
    columns = {
        "id": pa.array(ids),
        "order": pa.array([order_hash(i, 1) for i in ids], pa.uint64()),
        "language": pa.array([LANGUAGES[i % len(LANGUAGES)] for i in range(pages)]),
        "text": pa.array(texts, pa.large_string()),
        "url": pa.array([f"https://site-{i % 997}.example/{number}/{i}" for i in range(pages)]),
        "crawled_at": pa.array([1_700_000_000_000 + i for i in range(pages)], pa.timestamp("ms", tz="UTC")),
        "source": pa.array([f"crawl/CC-MAIN-2024-10/part-{number:05d}.warc.gz"] * pages),
        "language_score": pa.array(rng.random(pages)),
        "second": pa.array(["ita_Latn"] * pages),
        "second_score": pa.array(rng.random(pages) / 10),
        "cluster_size": pa.array(rng.integers(1, 9, pages), pa.int64()),
        "words": pa.array(lengths, pa.int64()),
        "chars": sizes,
        "bytes": sizes,
        "redactions": pa.array(np.zeros(pages), pa.int32()),
        "pii": pa.nulls(pages, pa.string()),
        "licence": pa.nulls(pages, pa.string()),
        "licence_id": pa.nulls(pages, pa.string()),
        "title": pa.array([f"Page {i}" for i in range(pages)]),
        "published": pa.nulls(pages, pa.string()),
    }
    return pa.table([columns[name] for name in CLEAN.names], schema=CLEAN)


def make(folder: Path, pages: int, chars: int):  # type: ignore[no-untyped-def]
    """(CLEAN parts on disk, bytes of text)."""
    import numpy as np

    from euro_curate.shards import Shards, write_part

    rng = np.random.default_rng(0)
    letters = np.array(list("eaitnsrolducmpvbghfzäöüжщъħġż"))
    vocabulary = ["".join(rng.choice(letters, int(n))) for n in rng.integers(2, 12, 50_000)]
    parts, size = [], 0
    for number in range(-(-pages // PAGES_A_PART)):
        table = clean_part(number, min(PAGES_A_PART, pages - number * PAGES_A_PART), chars, vocabulary)
        size += sum(table["bytes"].to_pylist())
        parts.append(write_part(str(folder / f"work/clean/{number:05d}.parquet"), table, {}, "", {}))
    return Shards(tuple(parts)), size


def publish(folder: Path, clean, shard_bytes: int, merge_parts: int = 256) -> dict[str, float]:  # type: ignore[no-untyped-def]
    """The last third of the pipeline, in this process. Returns seconds by stage."""
    from euro_curate.balance import SIZED, Sizing, size
    from euro_curate.budgeting import Planning, budgeted
    from euro_curate.dataset import sharded
    from euro_curate.executors import Serial
    from euro_curate.recipe import configure
    from euro_curate.run import Run, Slice
    from euro_curate.schema import CLEAN, ELECTIONS, SCORES
    from euro_curate.shards import Shards, read_part

    c = configure({"run": {"merge_parts": merge_parts}, "publish": {"shard_bytes": shard_bytes, "validation": 0.001}})
    run = Run(str(folder), Serial())
    empty = [(Slice(()), ELECTIONS), (Slice(()), SCORES)]
    sizes = run.map(size, [(clean, CLEAN)], Sizing(), lookup=lambda key: empty, columns=SIZED)
    plan = Planning(c.balance, c.selection, c.packing, None, c.run.merge_parts)
    budget = read_part(budgeted(run, sizes, Shards(()), plan)["budget"])
    shards = run.publish({"dataset/data": sharded(run, clean, sizes, Shards(()), budget, c)})["dataset/data"]
    assert shards.rows == clean.rows
    return {count.name: count.seconds for count in run.counts}


def speed(pages: int, chars: int) -> None:
    import pyarrow as pa

    pa.set_cpu_count(1)
    import euro_curate.dataset  # noqa: F401  (start-up is not what is measured)

    with tempfile.TemporaryDirectory() as folder:
        clean, size = make(Path(folder), pages, chars)
        started = time.process_time(), time.monotonic()
        stages = publish(Path(folder), clean, 1 << 30)
        cpu, wall = time.process_time() - started[0], time.monotonic() - started[1]
    print(
        f"{pages:,} pages, {size / 1e6:,.0f} MB of text: {size / 1e6 / cpu:,.0f} MB/s of CPU, {size / 1e6 / wall:,.0f} of wall time"
    )
    print("seconds:", ", ".join(f"{name} {seconds:.2f}" for name, seconds in stages.items()))


def memory(pages: int, chars: int, shard_bytes: int) -> None:
    """Makes CLEAN in another process, so that the peak is that of publishing alone. Batches and shards are small, so that both are full from
    10^5 pages on: what grows beyond is what would grow for ever."""
    with tempfile.TemporaryDirectory() as folder:
        script = f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r}); import publish, pathlib; publish.make(pathlib.Path({folder!r}), {pages}, {chars})"
        subprocess.run([sys.executable, "-c", script], check=True)
        from euro_curate.run import task
        from euro_curate.shards import Shards, find_part

        task._forget_peak = lambda: None  # type: ignore[attr-defined]  # the peak of all stages and of what plans them, not of the last task

        found = [find_part(str(path), {}) for path in sorted(Path(folder).glob("work/clean/*.parquet"))]
        started = time.monotonic()
        publish(Path(folder), Shards(tuple(part for part in found if part)), shard_bytes, 4)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"{pages:>12,} pages: peak {peak:,.0f} MiB, {time.monotonic() - started:,.0f} s", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pages", type=int, default=100_000)
    parser.add_argument("--chars", type=int, default=4000, help="of a page, roughly")
    parser.add_argument("--cpu", type=int, default=0, help="core to pin to")
    parser.add_argument("--memory", nargs="+", type=float, metavar="PAGES")
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    os.sched_setaffinity(0, {options.cpu})
    os.environ["POLARS_MAX_THREADS"] = "1"  # as in Ray's workers
    if options.one:
        memory(options.one, 60, 2 << 20)
    elif options.memory:
        for pages in options.memory:
            subprocess.run([sys.executable, __file__, "--cpu", str(options.cpu), "--one", str(int(pages))], check=True)
    else:
        speed(options.pages, options.chars)


if __name__ == "__main__":
    main()
