"""progress.py: bars that stay where the time went, few lines where there is no terminal."""

import io

import pytest
from rich.console import Console
from rich.progress import Progress, TextColumn

from euro_curate.progress import Bars, Lines, _Clock, display
from euro_curate.run import Silent


class Clock:
    """Time that passes when told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_lines_are_few() -> None:
    clock, said = Clock(), list[str]()
    lines = Lines(said.append, clock)
    lines.start("quick", 3, 1)
    for _ in range(2):
        clock.now += 1
        lines.step("quick", 10)
    lines.finish("quick")
    assert said == []
    lines.start("slow", 11, 1)
    for _ in range(10):
        clock.now += 20
        lines.step("slow", 100)
    lines.finish("slow")
    assert said[0] == "slow: 3/11 parts, 5 rows/s, 2 min 40 s left", "reused parts say nothing of the speed"
    assert said[-1] == "slow: 11/11 parts, 5 rows/s, done in 3 min 20 s"
    assert len(said) == 5


def test_a_stage_without_parts_to_make_divides_by_nothing() -> None:
    said: list[str] = []
    lines = Lines(said.append, Clock())
    lines.start("reused", 5, 5)
    lines.finish("reused")
    assert said == []


def test_bars_of_short_stages_leave_again() -> None:
    clock = Clock()
    with Progress(TextColumn("{task.description}"), console=Console(file=io.StringIO())) as shown:
        bars = Bars(shown, clock)
        for name, took in (("ingest", 60.0), ("settle", 0.2), ("measure", 5.0)):
            bars.start(name, 2, 0)
            clock.now += took
            bars.step(name, 300)
            bars.step(name, 300)
            bars.finish(name)
        assert [task.description for task in shown.tasks] == ["ingest", "measure"]
        assert [task.fields["speed"] for task in shown.tasks] == ["10 rows/s", "120 rows/s"]
        assert all(task.finished for task in shown.tasks)


def test_the_clock_tells_what_is_left_and_then_what_it_took() -> None:
    clock = Clock()
    with Progress(console=Console(file=io.StringIO()), get_time=clock, auto_refresh=False) as shown:
        shown.add_task("ingest", total=10)
        (task,) = shown.tasks
        assert str(_Clock().render(task)) == ""
        for _ in range(5):
            clock.now += 10
            shown.advance(task.id)
        assert str(_Clock().render(task)) == "0:00:50 left"
        for _ in range(5):
            clock.now += 10
            shown.advance(task.id)
        assert str(_Clock().render(task)) == "0:01:40"


def test_quiet_is_silent_and_no_terminal_gets_lines(capsys: pytest.CaptureFixture[str]) -> None:
    with display(quiet=True) as progress:
        assert isinstance(progress, Silent)
    with display(quiet=False) as progress:
        assert isinstance(progress, Lines)
        progress.start("x", 1, 0)
        progress.step("x", 1)
        progress.finish("x")
    assert capsys.readouterr() == ("", "")
