"""End to end on one core: our pipeline against the FineWeb-2 recipe on datatrove, over the same crawl files.

    end_to_end.py WARC_FOLDER [--cpu N] [--repeat N] [--datatrove-python PATH] [--euro-curate PATH]

Both sides run as one process pinned to the same core, with every thread pool we know of set to one thread,
never at the same time. README.md says what is compared and what not. Linux only (CPU affinity).

Exit code: 0, 1 when the ratio is void, 2 when a side could not run.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from outputs import CannotRun, Side, covered, read_datatrove, read_ours

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
COVERAGE = 0.95  # ours must extract this share of datatrove's pages: a pipeline is not faster for doing less
SAMPLE_PAGES = 48  # the small crawl that tells start-up from work: many languages, few pages
ONE_THREAD = {
    "POLARS_MAX_THREADS": "1",
    "OMP_NUM_THREADS": "1",  # Arrow's computing threads too
    "ARROW_IO_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "NUMBA_NUM_THREADS": "1",
    "RAYON_NUM_THREADS": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "HF_HUB_OFFLINE": "1",  # no network at run time, for either side
}


@dataclass
class Measured:
    """One process, from its start to its end, its children included."""

    wall_s: float
    cpu_s: float
    peak_mib: float


def launch(command: list[str], log: Path, extra: dict[str, str]) -> Measured:
    """Runs one side to its end. CPU and memory are of the whole process tree that it waited for.

    Raises:
        CannotRun: it is not there, or its exit code is not 0.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as out:
        start = time.perf_counter()
        try:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=os.environ | ONE_THREAD | extra
            )
        except OSError as error:
            raise CannotRun(f"{command[0]}: {error.strerror}") from error
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        last = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-12:]
        raise CannotRun("\n  ".join([f"exit code {process.returncode} from: {' '.join(command)}", *last]))
    return Measured(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def start_up(small: Measured, small_pages: int, full_s: float, pages: int) -> float | None:
    """Fixed cost of a side from two crawl sizes (a line through both): one rule for both sides.

    None when the crawl is not at least ten times the sample: the line would say nothing.
    """
    if pages < 10 * small_pages or not small_pages:
        return None
    each = (full_s - small.wall_s) / (pages - small_pages)
    return min(full_s, max(0.0, small.wall_s - small_pages * each))


def spread(values: list[float], digits: int = 1) -> str:
    """The median, with the least and the greatest when there are several."""
    middle = f"{statistics.median(values):,.{digits}f}"
    return middle if len(values) == 1 else f"{middle} ({min(values):,.{digits}f}-{max(values):,.{digits}f})"


def print_table(rows: list[tuple[str, ...]]) -> None:
    """Three aligned columns."""
    widths = [max(len(row[i]) for row in rows) for i in range(3)]
    for name, first, second in rows:
        print(f"  {name:<{widths[0]}}  {first:>{widths[1]}}  {second:>{widths[2]}}".rstrip())


def print_stages(title: str, side: Side, wall_s: float) -> None:
    """A side's own figures, stage by stage; what no stage claims is the last line."""
    print(f"\n{title}: seconds by stage, as it measures itself")
    rows: list[tuple[str, ...]] = [("stage", "seconds", "pages/s")]
    for stage in side.stages:
        rate = f"{stage.rows / stage.seconds:,.0f}" if stage.seconds and stage.rows else "-"
        rows.append((stage.name, f"{stage.seconds:.2f}", rate))
    rest = wall_s - sum(stage.seconds for stage in side.stages)
    rows.append(("not in any stage (start-up included)", f"{rest:.2f}", ""))
    print_table(rows)
    for note in side.notes:
        print(f"  note: {note}")


def compare(runs: dict[str, list[Measured]], sides: dict[str, Side], small: dict[str, Measured], facts: Any) -> Any:
    """Prints the comparison of finished runs and returns it for JSON; `void` lists why a ratio is none."""
    ours, theirs = sides["ours"], sides["datatrove"]
    pages = facts["pages"]
    wall = {name: [run.wall_s for run in each] for name, each in runs.items()}
    cpu = {name: [run.cpu_s for run in each] for name, each in runs.items()}
    fixed = {name: start_up(small[name], facts["sample_pages"], statistics.median(wall[name]), pages) for name in runs}
    rows: list[tuple[str, ...]] = [("", "euro_curate", "datatrove")]
    for label, key in (
        ("records past the reader", "records"),
        ("pages extracted", "extracted"),
        ("EU-24 pages extracted", "eu24"),
        ("pages kept", "kept"),
        ("characters kept", "chars_kept"),
    ):
        rows.append((label, f"{getattr(ours, key):,}", f"{getattr(theirs, key):,}"))
    rows.append(("wall seconds", *(spread(wall[name]) for name in runs)))
    rows.append(("CPU seconds", *(spread(cpu[name]) for name in runs)))
    rows.append(("peak memory, MiB", *(spread([run.peak_mib for run in runs[name]], 0) for name in runs)))
    rows.append(("pages/s", *(spread([pages / s for s in wall[name]]) for name in runs)))
    seen = {"ours": ours.eu24, "datatrove": theirs.eu24}
    rows.append(("EU-24 pages extracted per s", *(spread([seen[n] / s for s in wall[n]]) for n in runs)))
    bare: dict[str, float] = {}
    for name, value in fixed.items():
        if value is not None and value < statistics.median(wall[name]):
            bare[name] = statistics.median(wall[name]) - value
    if len(bare) == len(runs):
        rows.append(("start-up seconds (in the above)", *(f"{fixed[name]:.1f}" for name in runs)))
        rows.append(("wall seconds without start-up", *(f"{bare[name]:.1f}" for name in runs)))
        rows.append(("pages/s without start-up", *(f"{pages / bare[name]:.1f}" for name in runs)))
    print()
    print_table(rows)

    share, missing = covered(ours, theirs)
    print(f"\nEU-24 pages of datatrove that ours extracted too: {share:.2%} (at least {COVERAGE:.0%} asked for)")
    for reason, count in missing[:8]:
        print(f"  not: {count:6,}  {reason}")
    void = []
    if share < COVERAGE:
        void.append(f"ours extracted {share:.2%} of datatrove's EU-24 pages, under {COVERAGE:.0%}")
    if facts["ours_trafilatura"] != facts["versions"]["trafilatura"]:
        void.append(f"trafilatura {facts['ours_trafilatura']} against {facts['versions']['trafilatura']}")
    ratios = [b / a for a, b in zip(wall["ours"], wall["datatrove"], strict=True)]
    mark = " VOID, see below" if void else ""
    print(f"\nratio, ours : datatrove, in pages per second: {spread(ratios, 2)}{mark}")
    result: dict[str, Any] = {"ratios": ratios, "covered": share, "missing": dict(missing), "void": void}
    if len(bare) == len(runs):
        result["ratio_without_start_up"] = bare["datatrove"] / bare["ours"]
        print(f"  without start-up: {result['ratio_without_start_up']:.2f}")
    result["ratio_cpu"] = statistics.median(cpu["datatrove"]) / statistics.median(cpu["ours"])
    print(f"  by CPU seconds:   {result['ratio_cpu']:.2f}")
    if theirs.eu24:  # the readers let different pages through: the same ratio for what each really worked on
        result["ratio_eu24"] = statistics.median(ratios) * ours.eu24 / theirs.eu24
        print(f"  by EU-24 pages extracted per second: {result['ratio_eu24']:.2f}")
    for reason in void:
        print(f"RATIO VOID: {reason}")
    return result | {"start_up_s": fixed}


def options() -> argparse.Namespace:
    """The command line; defaults are those of `make bench` in a checkout."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path, help="folder with *.warc.gz files")
    parser.add_argument("--cpu", type=int, default=max(os.sched_getaffinity(0)), help="the core for both sides")
    parser.add_argument("--repeat", type=int, default=1, help="runs of each side, in turns")
    parser.add_argument("--only", choices=("ours", "datatrove"), help="run one side: figures, no ratio")
    parser.add_argument("--euro-curate", type=Path, default=Path(sys.executable).parent / "euro-curate")
    parser.add_argument("--recipe", type=Path, default=ROOT / "pipelines" / "web.toml")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="passed to euro-curate run")
    parser.add_argument("--datatrove-python", type=Path, default=ROOT / ".venv-bench" / "bin" / "python")
    parser.add_argument(
        "--cold", action="store_true", help="compile our kernels anew in every run, as on a new machine"
    )
    parser.add_argument("--keep", type=Path, help="leave all outputs and logs in this folder")
    parser.add_argument("--json", type=Path, help="write every figure to this file")
    return parser.parse_args()


def benchmark(chosen: argparse.Namespace, work: Path) -> int:
    """Prepares, runs both sides in turns, compares. Returns the exit code."""
    os.sched_setaffinity(0, {chosen.cpu})  # children inherit it
    folder = chosen.folder.resolve()
    files = sorted(folder.glob("*.warc.gz"))
    if not files:
        raise CannotRun(f"no *.warc.gz in {chosen.folder}")
    side_py, python = str(HERE / "datatrove_side.py"), str(chosen.datatrove_python)
    cache = {"HF_ASSETS_CACHE": str(work / "assets")}
    prepare = [python, side_py, "prepare", str(folder), str(work), "--sample", str(SAMPLE_PAGES)]
    launch(prepare, work / "logs" / "prepare.log", cache)
    facts = json.loads((work / "logs" / "prepare.log").read_text(encoding="utf-8").strip().splitlines()[-1])
    if not facts["pages"]:
        raise CannotRun(f"no page records in {chosen.folder}")
    asked = "from importlib.metadata import version; print(version('trafilatura'))"
    if chosen.only != "datatrove":
        launch([str(chosen.euro_curate.parent / "python"), "-c", asked], work / "logs" / "version.log", {})
        facts["ours_trafilatura"] = (work / "logs" / "version.log").read_text(encoding="utf-8").strip()

    def run(name: str, source: Path, tag: str) -> tuple[Measured, Path]:
        output, log = work / f"{name}-{tag}", work / "logs" / f"{name}-{tag}.log"
        if name == "datatrove":
            return launch([python, side_py, "run", str(source), str(output)], log, cache), output
        kernels = work / "numba" / (tag if chosen.cold else "shared")
        wanted = [part for pair in chosen.set for part in ("--set", pair)]
        command = [str(chosen.euro_curate), "run", str(chosen.recipe), "--input", f"{source}/*.warc.gz"]
        command += ["--output", str(output), "--engine", "serial", *wanted]
        return launch(command, log, {"NUMBA_CACHE_DIR": str(kernels)}), output

    names = [chosen.only] if chosen.only else ["ours", "datatrove"]
    size = sum(path.stat().st_size for path in files)
    print(
        f"{facts['pages']:,} pages in {len(files)} files, {size / 1e6:,.0f} MB; "
        f"core {chosen.cpu}; load {os.getloadavg()[0]:.2f}"
    )
    print("datatrove side: " + ", ".join(f"{name} {value}" for name, value in facts["versions"].items()))
    if not chosen.cold and chosen.only != "datatrove":
        compiling = [str(chosen.euro_curate.parent / "python"), "-c", "import euro_curate.kernels"]
        once = launch(compiling, work / "logs" / "compile.log", {"NUMBA_CACHE_DIR": str(work / "numba" / "shared")})
        print(f"our kernels, compiled once a machine and not counted below (--cold: counted): {once.wall_s:.1f} s")
    small = {name: run(name, Path(facts["sample"]), "sample")[0] for name in names}
    runs: dict[str, list[Measured]] = {name: [] for name in names}
    sides: dict[str, Side] = {}
    readers = {"ours": read_ours, "datatrove": read_datatrove}
    for turn in range(chosen.repeat):
        for name in names if turn % 2 == 0 else reversed(names):  # in turns, so that a slow minute hits both
            measured, output = run(name, folder, str(turn))
            runs[name].append(measured)
            sides[name] = readers[name](output)
            print(f"run {turn + 1} {name}: {measured.wall_s:.1f} s wall, {measured.cpu_s:.1f} s CPU", flush=True)
    titles = {"ours": "euro_curate", "datatrove": "datatrove"}
    for name in names:
        print_stages(titles[name], sides[name], runs[name][-1].wall_s)
    result: dict[str, Any] = {"void": []}
    if chosen.only:
        side = sides[chosen.only]
        print(f"\nrecords {side.records:,}, extracted {side.extracted:,}, EU-24 {side.eu24:,}, ", end="")
        print(f"kept {side.kept:,}, characters kept {side.chars_kept:,}")
        fixed = start_up(small[chosen.only], facts["sample_pages"], runs[chosen.only][-1].wall_s, facts["pages"])
        print(
            f"wall {spread([r.wall_s for r in runs[chosen.only]])} s" + (f", start-up {fixed:.1f} s" if fixed else "")
        )
    else:
        result = compare(runs, sides, small, facts)
    if chosen.json:
        measured_json = {name: [asdict(each) for each in runs[name]] for name in names}
        found = {name: {k: v for k, v in asdict(sides[name]).items() if k != "pages"} for name in names}
        text = json.dumps({"facts": facts, "runs": measured_json, "sides": found, "result": result}, indent=1)
        chosen.json.write_text(text + "\n", encoding="utf-8")
    return 1 if result["void"] else 0


def main() -> int:
    """Runs the benchmark in the folder asked for, or in one that is removed at the end."""
    chosen = options()
    try:
        if chosen.keep:
            if chosen.keep.exists() and any(chosen.keep.iterdir()):
                raise CannotRun(f"{chosen.keep} is not empty")
            return benchmark(chosen, chosen.keep.resolve())
        with tempfile.TemporaryDirectory(prefix="euro_curate_bench_") as work:
            return benchmark(chosen, Path(work))
    except CannotRun as error:
        print(error, file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
