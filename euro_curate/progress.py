"""What the user sees while a run goes on: stage, parts done, pages per second, time left."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Table
from rich.text import Text

from euro_curate.forecast import Forecast, Machines
from euro_curate.run import Progress as Listener
from euro_curate.run import Silent
from euro_curate.units import duration, size
from euro_curate.watch import Status


class Bars:
    """A bar per stage on a terminal. Those that were over at once leave it again: what stays is where the time went."""

    SHORT_S = 1.0

    def __init__(self, bars: Progress, clock: Callable[[], float] = time.monotonic) -> None:
        self._bars, self._clock = bars, clock
        self._task: TaskID | None = None
        self._rows = 0
        self._started = 0.0

    def start(self, stage: str, total: int, reused: int) -> None:
        self._rows, self._started = 0, self._clock()
        self._task = self._bars.add_task(stage, total=total, completed=reused, speed="")

    def step(self, stage: str, rows: int) -> None:
        assert self._task is not None
        self._rows += rows
        self._bars.update(self._task, advance=1, speed=f"{self._speed():,.0f} rows/s")

    def finish(self, stage: str) -> None:
        if self._task is None:
            return
        self._bars.stop_task(self._task)
        if self._clock() - self._started < self.SHORT_S:
            self._bars.remove_task(self._task)
        self._task = None

    def _speed(self) -> float:
        return self._rows / max(1e-3, self._clock() - self._started)

    def note(self, text: str) -> None:
        self._bars.console.print(text, highlight=False, markup=False)


class Lines:
    """Where there is no terminal (cluster logs): a line every half minute, and one for each stage that took long."""

    EVERY_S = 30.0

    def __init__(self, say: Callable[[str], None], clock: Callable[[], float] = time.monotonic) -> None:
        self._say, self._clock = say, clock
        self._total = self._done = self._made = self._rows = 0
        self._started = self._last = 0.0

    def start(self, stage: str, total: int, reused: int) -> None:
        self._total, self._done, self._made, self._rows = total, reused, 0, 0
        self._started = self._last = self._clock()

    def step(self, stage: str, rows: int) -> None:
        self._done, self._made, self._rows = self._done + 1, self._made + 1, self._rows + rows
        if self._done < self._total and self._clock() - self._last >= self.EVERY_S:
            self._last = self._clock()
            left = (self._total - self._done) * self._took() / self._made
            self._tell(stage, f"{duration(left)} left")

    def finish(self, stage: str) -> None:
        if self._took() >= self.EVERY_S:
            self._tell(stage, f"done in {duration(self._took())}")

    def note(self, text: str) -> None:
        self._say(text)

    def _took(self) -> float:
        return self._clock() - self._started

    def _tell(self, stage: str, ending: str) -> None:
        speed = self._rows / max(1e-3, self._took())
        self._say(f"{stage}: {self._done:,}/{self._total:,} parts, {speed:,.0f} rows/s, {ending}")


class _Clock(ProgressColumn):
    """How long a stage will take yet; of a finished one, how long it took."""

    def render(self, task: Task) -> Text:
        seconds = task.finished_time if task.finished else task.time_remaining
        if seconds is None:
            return Text("")
        shown = str(timedelta(seconds=int(seconds)))
        return Text(shown, style="dim") if task.finished else Text(f"{shown} left")


@contextmanager
def display(quiet: bool) -> Iterator[Listener]:
    """A progress display on standard error for the time of the block."""
    if quiet:
        yield Silent()
        return
    console = Console(stderr=True)
    if not console.is_terminal:
        yield Lines(lambda line: print(line, file=sys.stderr, flush=True))
        return
    columns = (
        SpinnerColumn(finished_text="[green]✓"),
        TextColumn("{task.description:16}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[speed]:>16}", style="cyan"),
        _Clock(),
    )
    with Progress(*columns, console=console) as bars:
        yield Bars(bars)


def forecast_table(found: Forecast, machines: Machines, price: float | None) -> str:
    """What `euro-curate plan` prints."""
    table = Table(box=None, pad_edge=False)
    for name in ("stage", "tasks", "core-hours", "time", "written", "memory a task"):
        table.add_column(name, justify="left" if name == "stage" else "right")
    for step in found.steps:
        table.add_row(
            step.stage,
            f"{step.tasks:,}",
            f"{step.core_s / 3600:,.3g}",
            duration(step.wall_s),
            size(step.bytes_out),
            size(step.memory_bytes),
        )
    total = f"{found.core_s / 3600:,.3g}"
    table.add_row(
        "all", f"{sum(step.tasks for step in found.steps):,}", total, duration(found.wall_s), "", "", style="bold"
    )
    work = sum(step.bytes_out for step in found.steps)
    with Console(width=110) as console, console.capture() as captured:
        console.print(f"{found.files:,} files, {size(found.bytes_in)}; {machines.nodes:,} x {machines.cpus} CPUs")
        console.print(table)
        console.print(f"storage for all tables: {size(work)}; start {duration(found.startup_s)}")
        if price is not None:
            console.print(f"price: {price * found.core_s / 3600:,.2f}")
        for warning in found.warnings:
            console.print(f"warning: {warning}")
    return captured.get()


_STATES = {
    "silent": "no word from the driver for a minute: it is gone, or cut off. The same command continues the run",
    "interrupted": "interrupted. The same command continues the run",
}


def status_table(found: Status, now: float) -> str:
    """What `euro-curate status` prints: a line per stage, the state, and where the report is when all is done."""
    table = Table(box=None, pad_edge=False)
    for name in ("stage", "parts", "set aside", "rows", "MB", "rows/s", "core-s", "left"):
        table.add_column(name, justify="left" if name == "stage" else "right")
    for row in found.stages:
        over = row["seconds"] is not None
        took = max(1e-3, row["seconds"] if over else now - row["since"])
        made = row["done"] - row["reused"]
        left = "" if over or not made else duration((row["parts"] - row["done"]) * took / made)
        table.add_row(
            row["stage"],
            f"{row['done']:,}/{row['parts']:,}",
            f"{row['set_aside']:,}" if row["set_aside"] else "",
            f"{row['rows']:,}" if made else "reused",
            f"{row['bytes'] / 1e6:,.1f}" if made else "",
            f"{row['rows'] / took:,.0f}" if made else "",
            f"{row['core_seconds']:,.1f}" if made else "",
            left,
        )
    with Console(width=110) as console, console.capture() as captured:
        if found.stages:
            console.print(table)
        console.print(_STATES.get(found.state, found.state) + (f" ({found.updated})" if found.updated else ""))
        if found.finished:
            pages = found.finished["pages"]
            console.print(f"{pages['seen']:,} pages seen, {pages['kept']:,} kept; report/index.html tells the rest")
    return captured.get()


@contextmanager
def counting(what: str) -> Iterator[Callable[[int], None]]:
    """A running count on a terminal: call the result with each number of items done."""
    bars = Progress(
        TextColumn("{task.description}"),
        TextColumn("{task.completed:,.0f}"),
        TimeElapsedColumn(),
        console=Console(stderr=True),
    )
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    with bars:
        task = bars.add_task(what, total=None)
        yield lambda n: bars.update(task, advance=n)
