"""How the engine scales: `weak`, `parts`, `dump`, and rates for euro_curate/rates.toml. See tests/bench/README.md.

python tests/bench/scale.py weak CRAWL            pages/s of 1 and 2 Ray workers beside 1 and 2 plain processes, in turns
python tests/bench/scale.py parts                 what a part costs besides its work, and the driver's memory
python tests/bench/scale.py measure CRAWL RUN     runs the recipe `web` in one process; RUN/run.json has processor time instead of time
python tests/bench/scale.py dump RUN              a whole Common Crawl dump on 1,000 cores, from RUN's rates
python tests/bench/scale.py rates RUN             the same rates as a table for euro_curate/rates.toml
"""

import argparse
import contextlib
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import zlib
from pathlib import Path
from typing import Any

TESTS = Path(__file__).parent.parent
sys.path.insert(0, str(TESTS))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    weak_ = commands.add_parser("weak")
    weak_.add_argument("crawl", type=Path, help="a folder of .warc.gz files, a gzip member per record")
    weak_.add_argument("--rounds", type=int, default=5)
    weak_.add_argument(
        "--pieces", type=int, default=16, help="files that the crawl is cut into; per worker, half of them"
    )
    parts_ = commands.add_parser("parts")
    parts_.add_argument("--parts", type=int, default=20_000)
    measure_ = commands.add_parser("measure")
    measure_.add_argument("crawl", type=Path)
    measure_.add_argument("run", type=Path, help="a new folder")
    for name in ("dump", "rates"):
        one = commands.add_parser(name)
        one.add_argument("run", type=Path, help="output of a finished run that made all its parts on one worker")
        one.add_argument("--files", type=int, default=90_000)
        one.add_argument("--file-bytes", type=float, default=1e9)
        one.add_argument("--nodes", type=int, default=63)
        one.add_argument("--cpus", type=int, default=16)
    commands.add_parser("worker").add_argument("files", nargs="+")
    a = parser.parse_args()
    if a.command == "weak":
        weak(a.crawl, a.rounds, a.pieces)
    elif a.command == "parts":
        parts(a.parts)
    elif a.command == "measure":
        measure(a.crawl, a.run)
    elif a.command == "dump":
        dump(a.run, a.files, a.file_bytes, a.nodes, a.cpus)
    elif a.command == "rates":
        rates(a.run)
    else:
        worker(a.files)


# --- weak scaling -------------------------------------------------------------------------------------------------------------


def cut(crawl: Path, folder: Path, pieces: int) -> list[Path]:
    """The crawl's gzip members, dealt out to files in turn."""
    files = [(folder / f"piece-{i:02d}.warc.gz").open("wb") for i in range(pieces)]
    number = 0
    for path in sorted(crawl.glob("*.warc.gz")):
        data = path.read_bytes()
        at = 0
        while at < len(data):
            member = zlib.decompressobj(31)
            member.decompress(data[at:])
            end = len(data) - len(member.unused_data)
            files[number % pieces].write(data[at:end])
            at, number = end, number + 1
    for file in files:
        file.close()
    return [Path(file.name) for file in files]


def tasks_of(paths: list[str], output: str) -> list[Any]:
    """Ingest, one task a file."""
    from euro_curate.ingest import Ingest, expand
    from euro_curate.pipeline import INGEST_VERSION, IngestFile
    from euro_curate.run import Run

    class Kept:
        def run(self, tasks: list[Any], done: Any) -> None:
            self.tasks = list(tasks)

    kept = Kept()
    Run(output, kept).read("ingest", INGEST_VERSION, expand(paths), Ingest(), IngestFile)
    return kept.tasks


def processor_s() -> float:
    """Seconds of the processor that this process and all that descend from it have had: others may be at work here."""
    import psutil

    me = psutil.Process()
    alive = 0.0
    for process in [me, *me.children(recursive=True)]:
        with contextlib.suppress(psutil.NoSuchProcess):
            alive += sum(process.cpu_times()[:2])
    return alive + me.cpu_times().children_user + me.cpu_times().children_system


def worker(files: list[str]) -> None:
    """A plain process: loads everything, says so, waits for the word, works, tells its seconds."""
    with tempfile.TemporaryDirectory() as folder:
        warm, *work = tasks_of(files, folder)
        warm()
        print("ready", flush=True)
        sys.stdin.readline()
        started, had = time.perf_counter(), processor_s()
        for task in work:
            task()
        print(time.perf_counter() - started, processor_s() - had, flush=True)


def plain(groups: list[list[Path]], warm: Path) -> tuple[float, float]:
    """(seconds until the last of the plain processes is done, seconds of the processor that they took)."""
    command = [sys.executable, __file__, "worker", str(warm)]
    running = [
        subprocess.Popen([*command, *map(str, group)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for group in groups
    ]
    for process in running:
        assert process.stdout is not None and process.stdout.readline() == "ready\n"
    for process in running:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    told = [process.stdout.readline().split() for process in running if process.stdout is not None]
    return max(float(clock) for clock, _ in told), sum(float(processor) for _, processor in told)


def weak(crawl: Path, rounds: int, pieces: int) -> None:
    """Half of the pieces for one worker, all of them for two; Ray and plain processes in turns, on the same files."""
    from euro_curate.executors import OnRay

    # Ray's workers give way to all else, the plain processes do not: on a busy machine that would decide.
    os.environ["RAY_worker_niceness"] = "0"  # noqa: SIM112 its name has small letters
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        *files, warm = cut(crawl, folder, pieces + 1)
        half = files[: len(files) // 2]
        shares = {1: [half], 2: [files[0::2], files[1::2]]}
        took: dict[tuple[str, int], list[tuple[float, float]]] = {}
        for round_number in range(rounds):
            for workers in (1, 2):
                executor = OnRay(workers=workers)
                try:
                    with tempfile.TemporaryDirectory() as output:
                        # a first task for each worker, at once: kernels and model
                        copies = [shutil.copy(warm, f"{output}/{i}.warc.gz") for i in range(workers)]
                        executor.run(tasks_of(copies, output), lambda task, result: None)
                    with tempfile.TemporaryDirectory() as output:
                        tasks = tasks_of([str(f) for share in shares[workers] for f in share], output)
                        started, had = time.perf_counter(), processor_s()
                        executor.run(tasks, lambda task, result: None)
                        both = time.perf_counter() - started, processor_s() - had
                        took.setdefault(("ray", workers), []).append(both)
                finally:
                    executor.close()
                took.setdefault(("plain", workers), []).append(plain(shares[workers], warm))
            last = {f"{name} {workers}": [round(s, 1) for s in values[-1]] for (name, workers), values in took.items()}
            print(f"round {round_number + 1}: {last}", flush=True)
    for workers in (1, 2):
        for number, clock in enumerate(("clock", "processor")):
            pairs = zip(took["plain", workers], took["ray", workers], strict=True)
            ratios = sorted(p[number] / r[number] for p, r in pairs)
            shown = ", ".join(f"{ratio:.2f}" for ratio in ratios)
            print(
                f"{workers} worker(s), speed of Ray by plain, by the {clock}: median {statistics.median(ratios):.3f} ({shown})"
            )
    gains = [a[0] / b[0] for a, b in zip(took["ray", 1], took["ray", 2], strict=True)]
    print(f"twice the work on twice the workers: {statistics.median(gains):.3f} of the speed")


# --- the scheduler ------------------------------------------------------------------------------------------------------------


def rss_mib() -> float:
    """This process's memory now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def parts(count: int) -> None:
    """Tiny parts through Ray and through this process; the difference is what scheduling costs."""
    os.environ["PYTHONPATH"] = str(TESTS)
    from chores import chore

    from euro_curate.executors import OnRay, Serial
    from euro_curate.run import Run

    for name in ("serial", "ray"):
        with tempfile.TemporaryDirectory() as folder:
            executor = Serial() if name == "serial" else OnRay()
            executor.run([chore(Path(folder), "warm")], lambda task, result: None)
            before = rss_mib()
            tasks = [quiet(chore(Path(folder), f"k{i:06d}", "", i)) for i in range(count)]
            planned = rss_mib()
            started, own = time.perf_counter(), time.process_time()
            Run(folder, executor).make(tasks)
            took = time.perf_counter() - started
            own = time.process_time() - own
            after = rss_mib()
            started = time.perf_counter()
            Run(folder, executor).make(tasks)
            again = time.perf_counter() - started
            executor.close()
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            print(
                f"{name}: {count:,} parts, {took / count * 1e3:.2f} ms each, {own / count * 1e3:.2f} of the driver's processor; found again: {again / count * 1e3:.2f} ms each; driver "
                f"{before:.0f} MiB before, {planned:.0f} with the plan, {after:.0f} after, peak {peak:.0f}"
            )


def quiet(task: Any) -> Any:
    """A chore that counts no attempts: its file would be half of the cost."""
    from dataclasses import replace

    return replace(task, make=replace(task.make, log=""))


# --- forecasts ----------------------------------------------------------------------------------------------------------------


class OnTheProcessor:
    """Tasks one after another, in this process; their seconds are those of the processor, the sandbox's too: others may be at work here."""

    def run(self, tasks: Any, done: Any) -> None:
        from dataclasses import replace

        for task in tasks:
            before = processor_s()
            part = task()
            done(task, replace(part, seconds=processor_s() - before))


def measure(crawl: Path, output: Path) -> None:
    """A run over a few pages first, for kernels and models; then the run."""
    from euro_curate.forecast import WARM_BYTES
    from euro_curate.ingest import expand
    from euro_curate.pipeline import curate
    from euro_curate.recipe import load
    from euro_curate.run import Run

    with tempfile.TemporaryDirectory() as scratch:
        little = Path(scratch) / "little.warc.gz"
        little.write_bytes(next(iter(sorted(crawl.glob("*.warc.gz")))).read_bytes()[:WARM_BYTES])
        for source, where in ((little, Path(scratch) / "out"), (crawl / "*.warc.gz", output)):
            config = load("web", {"run.inputs": [str(source)], "run.output": str(where)})
            started = time.perf_counter()
            summary = curate(Run(str(where), OnTheProcessor()), expand(config.run.inputs), config)
    spent = sum(count["core_seconds"] for count in summary["stages"])
    print(f"{spent:.1f} s of the processor, {time.perf_counter() - started:.1f} s by the clock")


def measured(run: Path) -> Any:
    from euro_curate.forecast import rates_of

    summary = json.loads((run / "run.json").read_text("utf-8"))
    return rates_of(summary, sum(entry["size"] for entry in summary["inputs"]))


def dump(run: Path, files: int, file_bytes: float, nodes: int, cpus: int) -> None:
    """The table of `euro-curate plan` for a dump."""
    from euro_curate.forecast import Machines, forecast
    from euro_curate.progress import forecast_table

    machines = Machines(nodes, cpus, cpus * 4 * 10**9)
    sizes = [int(file_bytes)] * files
    print(forecast_table(forecast(sizes, measured(run), machines, 256, 1 << 30), machines, None), end="")


def rates(run: Path) -> None:
    """Lines of euro_curate/rates.toml."""
    print("[stages]")
    for name, rate in measured(run).items():
        print(
            f"{name} = {{ core_s_per_gb = {rate.core_s_per_gb:.4g}, core_s_per_task = {rate.core_s_per_task:.3g}, bytes_out = "
            f'{rate.bytes_out:.4g}, memory_bytes = {rate.memory_bytes}, per = "{rate.per}", tasks = {rate.tasks} }}'
        )


if __name__ == "__main__":
    main()
