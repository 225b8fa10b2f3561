"""What a run will take, before it starts: tasks, bytes, memory, core-hours and time per stage, from the inputs' sizes alone.

Rates are core-seconds and bytes written per byte of input, by stage. They come from a table that we measured (rates.toml, whose
head says where), or from a sample: the beginnings of a few of the very inputs, run through the very recipe on this machine.
"""

import json
import math
import shutil
import tempfile
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from euro_curate.ingest import Source, patiently
from euro_curate.shards import filesystem
from euro_curate.units import size

SAMPLE_FILES, SAMPLE_BYTES, WARM_BYTES = 4, 3 << 20, 1 << 18
ASKED_FILES = 8  # of those whose size no list tells
_PARQUET = b"PAR1"


class CannotSample(RuntimeError):
    """The sample could not be taken, or its run failed."""


@dataclass(frozen=True)
class Rate:
    """One stage's costs. `per` says with what the number of its tasks grows."""

    core_s_per_gb: float  # core-seconds per 10^9 bytes of input
    core_s_per_task: float  # what a task takes on next to nothing; for `few`, on the tables of one batch
    bytes_out: float  # written per byte of input
    memory_bytes: int  # room that a task is given
    per: str  # file | sample (of files) | batch (of merged files) | shard | range (of hashes) | few (over what all batches came to)
    tasks: int = 0  # of ranges or few; of shards at least; of batches beside one each


@dataclass(frozen=True)
class Machines:
    """What there is to run on."""

    nodes: int
    cpus: int  # of each
    memory_bytes: int  # of each

    def slots(self, memory_bytes: int) -> int:
        """Tasks at once."""
        return self.nodes * min(self.cpus, max(1, self.memory_bytes // max(1, memory_bytes)))


@dataclass(frozen=True)
class Step:
    """The forecast of one stage."""

    stage: str
    tasks: int
    core_s: float
    wall_s: float
    bytes_out: int
    memory_bytes: int


@dataclass(frozen=True)
class Forecast:
    """The whole."""

    files: int
    bytes_in: int
    steps: tuple[Step, ...]
    startup_s: float
    warnings: tuple[str, ...]

    @property
    def core_s(self) -> float:
        return sum(step.core_s for step in self.steps)

    @property
    def wall_s(self) -> float:
        return self.startup_s + sum(step.wall_s for step in self.steps)


# Seconds before the first task and around each: Ray starts, workers load the kernels and the model. Measured with Ray 2.60 on two cores.
STARTUP_S = 15.0
_OVERHEAD_S = 0.01  # of handing out a task, publishing its part and reading the receipt
_SAMPLED_FILES = 2000  # that the report shows pages of, at most: some of each verdict in each language
_LONG = 0.1  # of the whole time, for a stage whose tasks cannot occupy the machines
_BIG_FILE = 4.0  # times the average: its ingest outlasts the others


def shipped_rates() -> dict[str, Rate]:
    """The table that comes with the package, by stage, in the order of the flow."""
    raw = tomllib.loads((Path(__file__).parent / "rates.toml").read_text("utf-8"))
    return {name: Rate(**row) for name, row in raw["stages"].items()}


def rates_of(summary: Mapping[str, Any], bytes_in: int) -> dict[str, Rate]:
    """Rates from the run.json of a run that made all its parts. A stage that is called twice is one row."""
    rows: dict[str, dict[str, float]] = {}
    batches = math.ceil(len(summary["inputs"]) / summary["config"]["run"]["merge_parts"])
    for count in summary["stages"]:
        row = rows.setdefault(count["name"], {"core": 0.0, "bytes": 0, "parts": 0, "memory": 0, "gather": 0})
        row["gather"] = max(row["gather"], count["gather"])
        row["core"] += count["core_seconds"]
        row["bytes"] += count["bytes_out"]
        row["parts"] += count["parts"]
        row["memory"] = max(row["memory"], count["memory_bytes"])
    return {name: _rate(name, row, bytes_in, batches) for name, row in rows.items()}


_PER = {"shard": "shard", "reserve": "range", "top_hosts": "range", "excerpt": "sample"} | dict.fromkeys(
    ("allocate", "cut", "choose", "cut_scores", "collect"), "few"
)
_FLOOR_S = 0.01  # an empty task's seconds: the share of a gather over nothing


def _rate(name: str, row: Mapping[str, float], bytes_in: int, batches: int) -> Rate:
    parts = int(row["parts"])
    per = _PER.get(name, "batch" if row["gather"] else "file")
    if per == "few":
        return Rate(0.0, row["core"] / max(1, parts) / batches, 0.0, int(row["memory"]), per, parts)
    # On a sample, what a fixed number of tasks takes is mostly their being tasks; it must not be scaled up with the bytes.
    by_task = min(row["core"] / parts, _FLOOR_S) if parts else 0.0
    per_gb = max(0.0, row["core"] - by_task * parts) / bytes_in * 1e9
    tasks = {"batch": max(0, parts - batches), "range": parts, "shard": parts}.get(per, 0)
    return Rate(per_gb, by_task, row["bytes"] / bytes_in, int(row["memory"]), per, tasks)


def sizes_of(sources: Sequence[Source]) -> tuple[list[int], tuple[str, ...]]:
    """The files' sizes, and warnings of those that are a guess: a web crawl's list tells none, so a few of its files are asked about,
    and all of them get the average. ValueError if no file's size is to be had."""
    unknown = [source for source in sources if not source.size and "://" in source.url]
    sizes = {source.name: source.size for source in sources}
    warnings = []
    if unknown:
        asked = [found for source in _spread(unknown, ASKED_FILES) if (found := _ask_size(source))]
        average = sum(asked) // max(1, len(asked))
        sizes |= {source.name: average for source in unknown}
        if asked:
            warnings.append(
                f"{len(unknown):,} files have no size in their list: {size(average)} each is assumed, the average of {len(asked)} of them"
            )
    if not sum(sizes.values()):
        raise ValueError("the inputs' sizes are not known, or they are empty: nothing can be foretold")
    return [sizes[source.name] for source in sources], tuple(warnings)


def _ask_size(source: Source) -> int:
    fs, path = filesystem(source.url)
    return int(patiently(source.url, lambda: fs.info(path)).get("size") or 0)


def _spread(sources: Sequence[Source], count: int) -> list[Source]:
    """So many of the files, evenly spread."""
    places = {i * (len(sources) - 1) // max(1, count - 1) for i in range(count)}
    return [sources[place] for place in sorted(places)]


def forecast(
    sizes: Sequence[int],
    rates: Mapping[str, Rate],
    machines: Machines,
    merge_parts: int,
    shard_bytes: int,
    startup_s: float = STARTUP_S,
    warnings: Sequence[str] = (),
) -> Forecast:
    """Sizes of the input files, rates, machines -> the forecast. A stage lasts as long as its longest worker: tasks are whole."""
    total, files = sum(sizes), len(sizes)
    batches = math.ceil(files / merge_parts)
    steps = []
    for name, rate in rates.items():
        written = int(rate.bytes_out * total)
        tasks = {
            "file": files,
            "sample": min(files, _SAMPLED_FILES),
            "batch": batches + rate.tasks,
            "shard": max(rate.tasks, math.ceil(written / shard_bytes)),
        }.get(rate.per, rate.tasks)
        read = total * tasks / files if rate.per == "sample" else total
        core = rate.core_s_per_gb * read / 1e9 + rate.core_s_per_task * tasks * (batches if rate.per == "few" else 1)
        slots = machines.slots(rate.memory_bytes)
        longest = core * max(sizes) / total if rate.per == "file" else core / max(1, tasks)
        wall = max(longest, core / min(slots, max(1, tasks))) + _OVERHEAD_S * tasks / machines.nodes**0.5
        steps.append(Step(name, tasks, core, wall, written, rate.memory_bytes))
    return Forecast(files, total, tuple(steps), startup_s, (*warnings, *_warnings(sizes, steps, rates, machines)))


def _warnings(sizes: Sequence[int], steps: Sequence[Step], rates: Mapping[str, Rate], machines: Machines) -> list[str]:
    out = []
    average = sum(sizes) / len(sizes)
    if max(sizes) > _BIG_FILE * average and len(sizes) > machines.nodes * machines.cpus:
        out.append(
            f"the largest file has {max(sizes) / average:.0f} times the average size: its ingest will outlast the others"
        )
    if len(sizes) < machines.nodes * machines.cpus:
        out.append(
            f"{len(sizes)} files cannot occupy {machines.nodes * machines.cpus} CPUs: a file is read by one task"
        )
    for step in steps:
        if step.memory_bytes > machines.memory_bytes:
            out.append(
                f"a task of {step.stage} may need {size(step.memory_bytes)}; a node has {size(machines.memory_bytes)}"
            )
    for step in steps:
        narrow = rates[step.stage].per == "range" and step.tasks < machines.slots(step.memory_bytes)
        if narrow and step.wall_s > _LONG * sum(step.wall_s for step in steps):
            out.append(
                f"{step.stage} runs in {step.tasks} tasks whatever the machines"
                + (": raise run.site_ranges" if step.stage == "reserve" else "")
            )
    crowded = [step.stage for step in steps if step.memory_bytes * machines.cpus > machines.memory_bytes]
    if crowded:
        out.append(
            f"memory for fewer tasks than CPUs in {', '.join(crowded[:4])}: give a node more memory, or fewer CPUs"
        )
    return out


# --- a sample -----------------------------------------------------------------------------------------------------------------


def measure_rates(sources: Sequence[Source], run: Callable[[str, str], None]) -> dict[str, Rate]:
    """Rates of these inputs: the beginnings of a few files, spread evenly, go through `run(input folder, output folder)`.

    A run over little comes first: it compiles kernels and loads models. CannotSample says what went wrong.
    """
    folder = Path(tempfile.mkdtemp(prefix="euro-curate-sample-"))
    try:
        _beginning(sources[0], folder / "little", 0, WARM_BYTES)
        run(str(folder / "little"), str(folder / "warm"))
        chosen = enumerate(_spread(sources, SAMPLE_FILES))
        taken = sum(_beginning(source, folder / "in", number, SAMPLE_BYTES) for number, source in chosen)
        run(str(folder / "in"), str(folder / "out"))
        summary = json.loads((folder / "out" / "run.json").read_text("utf-8"))
        if not summary["pages"]["seen"]:
            raise CannotSample("the sample holds no page: rates cannot be measured on it")
        return rates_of(summary, taken)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _beginning(source: Source, folder: Path, number: int, size: int) -> int:
    """Copies a file's first megabytes; readers take a cut file for what it is. A Parquet file's end is needed: its first row group."""
    folder.mkdir(exist_ok=True)
    target = folder / f"{number}-{Path(source.name).name}"
    fs, path = filesystem(source.url)
    with fs.open(path, "rb") as file:
        head = file.read(size)
        if not head.startswith(_PARQUET):
            target.write_bytes(head)
            return len(head)
        import pyarrow.parquet as pq

        table = pq.ParquetFile(file).read_row_group(0)
        pq.write_table(table, target, compression="zstd")
        return target.stat().st_size
