"""Deduplication: signatures beside datatrove's on the same text, and pairing, clusters and election on synthetic signatures of any number.

    python tests/bench/dedup.py sign TEXTS... [--cpu N] [--documents 400] [--rounds 3] [--datatrove-python .venv-bench/bin/python]
    python tests/bench/dedup.py scale [--pages 100000 1000000 10000000] [--workers 2] [--task-bytes N] [--theirs N] [--work FOLDER]

`sign`: TEXTS are finished runs of ours or JSONL files of {text, language}; German ones are taken. Both sides get the same texts in memory, on one core, in
turns: ours does all of `sign`; theirs computes MinhashDedupSignature's shingles and signature of each text, once with datatrove's whitespace
tokenizer, once with its German one (spaCy). Rates are by processor time, so that they hold on a machine that others use too.

`scale`: clusters of realistic sizes (two thirds of the pages alone, the others in clusters whose sizes fall with the power 2.2, the largest a thousandth
of all pages; a member has each band of its cluster with probability .45, about .9 ** 8, so there are chains). Every task runs in a process
of its own through the pipeline's own functions. Prints seconds, tasks, and each stage's peak memory a task beside what it was
cut for. `--theirs N`: datatrove's MinhashDedupBuckets (14 tasks) and MinhashDedupCluster (one) on N such signatures, written in its own format.
"""

import argparse
import json
import multiprocessing
import os
import shutil
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from sides import ONE_THREAD, run_side

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
sys.path.insert(0, str(HERE))
BANDS, ROWS = 14, 8

# --- sign --------------------------------------------------------------------------------------------------------------------


def cpu_seconds(work: Callable[[], object], rounds: int) -> float:
    """The least processor time of so many rounds."""
    best = float("inf")
    for _ in range(rounds):
        started = time.process_time()
        work()
        best = min(best, time.process_time() - started)
    return best


def our_signatures(texts: list[str]) -> dict[str, float]:
    """Seconds of `sign`."""
    import pyarrow as pa

    from euro_curate.dedup import MinHash, sign
    from euro_curate.schema import DOCUMENTS

    columns = {"id": [str(i) for i in range(len(texts))], "text": texts, "url": ["https://a.example/x"] * len(texts)}
    columns |= {"source": ["f"] * len(texts), "offset": [0] * len(texts), "bytes_in": [0] * len(texts)}
    table = pa.table([pa.array(columns.get(f.name, [None] * len(texts)), f.type) for f in DOCUMENTS], schema=DOCUMENTS)
    sign(table.slice(0, 2), MinHash())
    return {"ours": cpu_seconds(lambda: sign(table, MinHash()), 5)}


def their_signatures(texts: list[str]) -> dict[str, float]:
    """Seconds of datatrove's signature step, by tokenizer. Runs under the interpreter that has datatrove."""
    from datatrove.data import Document
    from datatrove.pipeline.dedup.minhash import MinhashConfig, MinhashDedupSignature
    from datatrove.utils.hashing import HashConfig
    from datatrove.utils.word_tokenizers import load_word_tokenizer

    config = MinhashConfig(
        hash_config=HashConfig(hash_fc="xxhash", precision=64), num_buckets=BANDS, hashes_per_bucket=ROWS, n_grams=5
    )

    class Whitespace:
        def word_tokenize(self, text: str) -> list[str]:
            return text.split()

    out = {}
    for name, tokenizer in (("whitespace", Whitespace()), ("German (spaCy)", load_word_tokenizer("deu"))):
        step = MinhashDedupSignature(output_folder=tempfile.mkdtemp(), config=config, language="deu")
        step.word_tokenizer = tokenizer  # what its lazy property keeps
        step.__dict__["word_tokenizer"] = tokenizer
        tokenizer.word_tokenize("ein Wort")

        def work(step: Any = step) -> None:
            for text in texts:
                shingles = step.get_shingles(Document(text=text, id="").text)
                if shingles.size != 0:
                    step.get_signature(shingles)

        out[name] = cpu_seconds(work, 1)
    return out


def sign_side(name: str, path: Path) -> None:
    texts = json.loads(path.read_text(encoding="utf-8"))
    print(json.dumps((our_signatures if name == "ours" else their_signatures)(texts)))


def run_sign(given: argparse.Namespace) -> None:
    """Both sides in turns, each a process of its own with one thread."""
    from measure import documents

    if given.cpu is not None:
        os.sched_setaffinity(0, {given.cpu})
    every = [row["text"] for row in documents(given.texts) if row["language"] == "deu_Latn"]
    texts = every[:: max(1, len(every) // given.documents)][: given.documents]
    size = sum(len(text.encode()) for text in texts) / 1e6
    print(f"{len(texts)} German texts, {size:.2f} MB; rates by processor time")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "texts.json"
        path.write_text(json.dumps(texts))
        for number in range(given.rounds):
            seconds: dict[str, float] = {}
            for python, name in ((sys.executable, "ours"), (given.datatrove_python, "theirs")):
                seconds |= run_side(str(python), __file__, "side", name, str(path))
            rates = {name: size / spent for name, spent in seconds.items()}
            others = "; ".join(
                f"datatrove, {n}: {r:.2f} MB/s, ratio {rates['ours'] / r:.0f}" for n, r in rates.items() if n != "ours"
            )
            print(f"round {number + 1}: ours {rates['ours']:.1f} MB/s; {others}")


# --- scale -------------------------------------------------------------------------------------------------------------------


def clusters_of(pages: int, seed: int = 1) -> Any:
    """(pages,) number of the cluster of each page, pages in random order."""
    import numpy as np

    draw = np.random.default_rng(seed)
    alone = pages * 2 // 3
    sizes = np.minimum(draw.zipf(2.2, pages) + 1, max(2, pages // 1000))
    sizes = sizes[: int(np.searchsorted(np.cumsum(sizes), pages - alone)) + 1]
    members = np.repeat(np.arange(len(sizes)), sizes)[: pages - alone]
    return draw.permutation(np.concatenate([members, np.arange(alone) + len(sizes)]))


def bands_of(clusters: Any, seed: int = 1) -> Any:
    """(pages, BANDS) uint64: a member has its cluster's band with probability .45 (.9 ** 8), with .3 that of a sixteenth of its cluster, else its own."""
    import numpy as np

    draw = np.random.default_rng(seed)
    pages = len(clusters)
    group = draw.integers(0, 16, pages)
    out = np.empty((pages, BANDS), np.uint64)
    for band in range(BANDS):
        luck = draw.random(pages)
        own = np.where(luck < 0.45, 0, np.where(luck < 0.75, 1 + group, 17 + np.arange(pages, dtype=np.uint64)))
        key = (
            clusters.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
            + own.astype(np.uint64) * np.uint64(BANDS)
            + np.uint64(band)
        )
        for factor in (0xBF58476D1CE4E5B9, 0x94D049BB133111EB):
            key = (key ^ (key >> np.uint64(30))) * np.uint64(factor)
        out[:, band] = key ^ (key >> np.uint64(31))
    return out


class Pool:
    """An executor: tasks in so many processes, one thread each. Their seconds are processor time: the machine may have other users."""

    def __init__(self, workers: int) -> None:
        os.environ.update(ONE_THREAD)
        self.pool = multiprocessing.get_context("spawn").Pool(workers)

    def run(self, tasks: Sequence[Any], done: Callable[[Any, Any], None]) -> None:
        for task, part in zip(tasks, self.pool.imap(_call, tasks, chunksize=1), strict=True):
            done(task, part)


def _call(task: Any) -> Any:
    import dataclasses

    started = time.process_time()
    part = task()
    return dataclasses.replace(part, seconds=time.process_time() - started)


class MakeTables:
    """The tables of one crawl file of synthetic pages; picklable."""

    def __init__(self, name: str, first: int, count: int, pages: int, data: str) -> None:
        self.name, self.first, self.count, self.pages, self.data = name, first, count, pages, data

    def __call__(self) -> tuple[Any, dict[str, Any]]:
        import numpy as np
        import pyarrow as pa

        from euro_curate.schema import LANGUAGES, RULINGS, SIGNATURES

        bands = np.load(self.data, mmap_mode="r")[self.first : self.first + self.count]
        numbers = np.arange(self.first, self.first + self.count)
        ids = [f"{n * 0x9E3779B97F4A7C15F39CC0605CEDC835 & (1 << 128) - 1:032x}" for n in numbers.tolist()]
        n = self.count
        if self.name == "identify":
            rows = {"id": ids, "language": ["deu_Latn"] * n}
            schema = LANGUAGES
        elif self.name == "decide":
            rows = {
                "id": ids,
                "source": [f"crawl-{self.first}.warc.gz"] * n,
                "offset": numbers,
                "language": ["deu_Latn"] * n,
            }
            rows |= {"words": numbers * 7919 % 1000, "crawled_at": numbers}
            schema = RULINGS
        else:
            exact = np.stack([numbers.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15), numbers.astype(np.uint64)], 1)
            lists = pa.ListArray.from_arrays(np.arange(0, n * BANDS + 1, BANDS, dtype=np.int32), bands.ravel())
            sketch = bands.view(np.uint8)[:, :28]
            rows = {"id": ids, "exact": [row.tobytes() for row in exact], "bands": lists}
            rows |= {"sketch": [row.tobytes() for row in np.zeros_like(sketch)], "url_hash": None}
            schema = SIGNATURES
        columns = [rows.get(f.name) if rows.get(f.name) is not None else [None] * n for f in schema]
        return pa.table(
            [c if isinstance(c, pa.Array) else pa.array(c).cast(f.type) for c, f in zip(columns, schema, strict=True)],
            schema=schema,
        ), {}


def synthetic(run: Any, pages: int, data: str) -> tuple[dict[str, Any], dict[str, str]]:
    """Tables `identify`, `sign`, `decide` of so many pages, 40,000 a crawl file; names of the crawl files."""
    from euro_curate.run import Task

    tables, names = {}, {}
    for name in ("identify", "sign", "decide"):
        tasks = []
        for first in range(0, pages, 40_000):
            key = f"crawl-{first:010d}"
            names[key] = f"crawl-{first}.warc.gz"
            make = MakeTables(name, first, min(40_000, pages - first), pages, data)
            tasks.append(Task(name, key, f"{run.work}/{name}/given/{key}.parquet", {"given": key}, make))
        tables[name] = run.make(tasks)
    return tables, names


def our_scale(pages: int, given: argparse.Namespace, work: Path) -> None:
    """sort_keys to deal on synthetic tables; prints seconds and memory."""
    import numpy as np

    from euro_curate.dedup import Addresses, Election
    from euro_curate.duplicates import PROCESS_BYTES, Tasks, find_duplicates, sorted_keys
    from euro_curate.earlier import Past
    from euro_curate.run import Run

    clusters = clusters_of(pages)
    np.save(work / "bands.npy", bands_of(clusters))
    run = Run(str(work / "out"), Pool(given.workers))
    tables, names = synthetic(run, pages, str(work / "bands.npy"))
    before = len(run.counts)
    tasks = Tasks(given.task_bytes)
    started = time.perf_counter()
    tables["sort_keys"] = sorted_keys(run, tables["sign"], tables["identify"], tasks)
    found = find_duplicates(run, tables, names, tasks, Election(verify=0.0), Addresses(), Past().tables)
    seconds = time.perf_counter() - started
    core = sum(count.core_seconds for count in run.counts[before:])
    size = sum(part.bytes for part in tables["sign"].parts)
    print(
        f"{pages:,} pages: {seconds:.1f} s by the clock, {core:.1f} core-seconds, {1e6 * core / pages:.2f} us a page; "
        f"signatures {size / pages:.0f} bytes a page; largest cluster {found.largest[0]['cluster_size'] if found.largest else 0:,}"
    )
    limit = (tasks.task_bytes + PROCESS_BYTES) / 2**20
    for count in run.counts[before:]:
        print(
            f"  {count.name:10} {count.parts:>4} tasks, {count.rows_in:>12,} rows in, {count.rows_out:>12,} out, {count.core_seconds:>7.1f} core-s, "
            f"{count.bytes_out / 1e6:>8.1f} MB written, peak {count.peak_bytes / 2**20:>6.0f} of {limit:.0f} MiB"
            f"{'' if count.peak_bytes / 2**20 <= limit else '  OVER'}"
        )
    if given.expect_rounds and "compose" not in {count.name for count in run.counts}:
        raise SystemExit("no rounds of contraction: give a smaller --task-bytes")
    run.executor.pool.terminate()  # type: ignore[attr-defined]


def their_scale(pages: int, work: Path) -> None:
    """datatrove's bucket and cluster steps on as many signatures, in its own file format. Runs under the interpreter that has datatrove."""
    import numpy as np
    from datatrove.pipeline.dedup.minhash import MinhashConfig, MinhashDedupBuckets, MinhashDedupCluster
    from datatrove.utils.hashing import HashConfig
    from loguru import logger

    logger.disable("datatrove")
    bands = bands_of(clusters_of(pages))
    config = MinhashConfig(
        hash_config=HashConfig(hash_fc="xxhash", precision=64), num_buckets=BANDS, hashes_per_bucket=ROWS, n_grams=5
    )
    for band in range(BANDS):
        folder = work / "signatures" / f"bucket_{band:03d}"
        folder.mkdir(parents=True)
        order = np.argsort(bands[:, band], kind="stable")
        rows = np.zeros(pages, [("band", "<u8", ROWS), ("doc", "<u4")])
        rows["band"][:, 0] = bands[order, band]
        rows["doc"] = order
        (folder / "00000.minhash.sig").write_bytes(rows.tobytes())
        assert rows.dtype.itemsize == struct.calcsize(f"<{ROWS}QI")
    started = time.process_time()
    pair = MinhashDedupBuckets(
        input_folder=str(work / "signatures"), output_folder=str(work / "buckets"), config=config
    )
    for rank in range(BANDS):
        pair.run(None, rank, BANDS)
    paired = time.process_time()
    group = MinhashDedupCluster(
        input_folder=str(work / "buckets"), output_folder=str(work / "remove"), config=config, save_cluster_size=True
    )
    group.run(None, 0, 1)
    done = time.process_time()
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"datatrove, {pages:,} pages: buckets {paired - started:.1f} s, cluster {done - paired:.1f} s (one process), "
        f"{1e6 * (done - started) / pages:.2f} us a page, peak {peak:.0f} MiB"
    )


def run_scale(given: argparse.Namespace) -> None:
    """Sizes one after the other, each in a fresh folder."""
    for pages in given.pages:
        work = Path(tempfile.mkdtemp(dir=given.work))
        try:
            our_scale(pages, given, work)
        finally:
            shutil.rmtree(work, ignore_errors=True)
    for pages in given.theirs:
        work = Path(tempfile.mkdtemp(dir=given.work))
        try:
            subprocess.run([given.datatrove_python, __file__, "side", str(pages), str(work)], check=True)
        finally:
            shutil.rmtree(work, ignore_errors=True)


def main() -> None:
    """The commands of the module's docstring."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    sign = commands.add_parser("sign")
    sign.add_argument("texts", nargs="+")
    sign.add_argument("--cpu", type=int, help="pin everything to this core")
    sign.add_argument("--documents", type=int, default=400)
    sign.add_argument("--rounds", type=int, default=3)
    scale = commands.add_parser("scale")
    scale.add_argument("--pages", type=int, nargs="*", default=[100_000, 1_000_000])
    scale.add_argument("--workers", type=int, default=2)
    scale.add_argument("--task-bytes", type=int, default=1 << 30)
    scale.add_argument("--theirs", type=int, nargs="*", default=[])
    scale.add_argument("--work", help="folder for tables")
    scale.add_argument("--expect-rounds", action="store_true", help="fail unless one task was too small for all links")
    for command in (sign, scale):
        command.add_argument("--datatrove-python", default=str(ROOT / ".venv-bench/bin/python"))
    side = commands.add_parser("side")
    side.add_argument("name")
    side.add_argument("path", type=Path)
    given = parser.parse_args()
    if given.command == "side":
        if given.name.isdigit():
            their_scale(int(given.name), given.path)
        else:
            sign_side(given.name, given.path)
    else:
        (run_sign if given.command == "sign" else run_scale)(given)


if __name__ == "__main__":
    main()
