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

from euro_curate.run import Progress as Listener
from euro_curate.run import Silent


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
