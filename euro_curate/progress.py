"""What the user sees while a run goes on: stage, parts done, pages per second, time left."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from euro_curate.forecast import Forecast, Machines, gigabytes
from euro_curate.run import Progress as Listener
from euro_curate.run import Silent
from euro_curate.watch import Status


class _Bars:
    """A bar per stage on a terminal."""

    def __init__(self, bars: Progress) -> None:
        self._bars = bars
        self._task: TaskID | None = None
        self._rows = 0
        self._started = 0.0

    def start(self, stage: str, total: int, reused: int) -> None:
        self._rows, self._started = 0, time.monotonic()
        self._task = self._bars.add_task(
            stage, total=total, completed=reused, speed="reused" if total == reused else ""
        )

    def step(self, stage: str, rows: int) -> None:
        assert self._task is not None
        self._rows += rows
        speed = self._rows / max(1e-3, time.monotonic() - self._started)
        self._bars.update(self._task, advance=1, speed=f"{speed:,.0f} pages/s")

    def finish(self, stage: str) -> None:
        if self._task is not None:
            self._bars.stop_task(self._task)

    def note(self, text: str) -> None:
        self._bars.console.print(text, highlight=False, markup=False)


class _Lines:
    """A line per stage, and one every half minute, where there is no terminal (cluster logs)."""

    EVERY_S = 30.0

    def __init__(self) -> None:
        self._total = self._done = self._rows = 0
        self._started = self._last = 0.0

    def start(self, stage: str, total: int, reused: int) -> None:
        self._total, self._done, self._rows = total, reused, 0
        self._started = self._last = time.monotonic()

    def step(self, stage: str, rows: int) -> None:
        self._done += 1
        self._rows += rows
        if time.monotonic() - self._last >= self.EVERY_S:
            self._last = time.monotonic()
            self._say(stage)

    def finish(self, stage: str) -> None:
        self._say(stage)

    def note(self, text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    def _say(self, stage: str) -> None:
        took = max(1e-3, time.monotonic() - self._started)
        left = (self._total - self._done) * took / max(1, self._done)
        ending = f"{left:,.0f} s left" if self._done < self._total else f"{took:,.1f} s"
        print(
            f"{stage}: {self._done}/{self._total} parts, {self._rows / took:,.0f} pages/s, {ending}",
            file=sys.stderr,
            flush=True,
        )


@contextmanager
def display(quiet: bool) -> Iterator[Listener]:
    """A progress display on standard error for the time of the block."""
    if quiet:
        yield Silent()
        return
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _Lines()
        return
    columns = (
        TextColumn("{task.description:16}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[speed]:>16}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console) as bars:
        yield _Bars(bars)


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
            gigabytes(step.bytes_out),
            gigabytes(step.memory_bytes),
        )
    total = f"{found.core_s / 3600:,.3g}"
    table.add_row(
        "all", f"{sum(step.tasks for step in found.steps):,}", total, duration(found.wall_s), "", "", style="bold"
    )
    work = sum(step.bytes_out for step in found.steps)
    with Console(width=110) as console, console.capture() as captured:
        console.print(f"{found.files:,} files, {gigabytes(found.bytes_in)}; {machines.nodes:,} x {machines.cpus} CPUs")
        console.print(table)
        console.print(f"storage for all tables: {gigabytes(work)}; start {duration(found.startup_s)}")
        if price is not None:
            console.print(f"price: {price * found.core_s / 3600:,.2f}")
        for warning in found.warnings:
            console.print(f"warning: {warning}")
    return captured.get()


def duration(seconds: float) -> str:
    """Seconds for people."""
    if seconds < 90:
        return f"{seconds:,.1f} s"
    return f"{seconds / 60:,.1f} min" if seconds < 5400 else f"{seconds / 3600:,.1f} h"


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
        left = "" if over or not made else f"{(row['parts'] - row['done']) * took / made:,.0f} s"
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
