"""ingest/sandbox.py: a page that hangs, crashes or eats all memory costs itself and nothing else."""

import os
from collections.abc import Iterator
from pathlib import Path

import poison
import pytest

from euro_curate.ingest import sandbox
from euro_curate.ingest.page import Ingest, page_row
from euro_curate.ingest.records import Record
from euro_curate.ingest.sandbox import Sandbox

LIMITS = Ingest(page_timeout_s=0.5, page_memory_bytes=2 << 30)


def record(body: str | bytes, offset: int = 0) -> Record:
    raw = body.encode() if isinstance(body, str) else body
    return Record(
        None, f"https://site.example/{offset}", None, offset, "response", 200, [("Content-Type", "text/html")], raw
    )


@pytest.fixture
def box(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))
    made = Sandbox(poison.handle)
    yield made
    made.close()


@pytest.mark.parametrize(
    ("action", "stop"),
    [
        ("hang", "extract:timeout"),
        ("hang-in-c", "extract:timeout"),
        ("exit", "extract:crash"),
        ("segfault", "extract:crash"),
        ("killed", "extract:crash"),
    ],
)
def test_a_culprit_is_tried_twice_and_costs_itself_alone(box: Sandbox, action: str, stop: str) -> None:
    assert box.row(record("before", 1), LIMITS)["evidence"] == "1"
    row = box.row(record(action, 2), LIMITS)
    assert (row["stop"], row["text"], row["offset"]) == (stop, "", 2)
    assert row["evidence"] == "twice; limit 0.5 s, then twice that"
    assert (row["url"], row["host"], row["status"]) == ("https://site.example/2", "site.example", 200)
    assert box.restarts == 2
    after = [box.row(record(f"after {n}", n), LIMITS) for n in (3, 4)]
    assert [(row["text"], row["stop"]) for row in after] == [("after 3", None), ("after 4", None)]
    assert [row["evidence"] for row in after] == ["1", "2"], "one fresh process serves the pages behind"


def test_a_memory_hog_is_stopped_by_the_limit(box: Sandbox) -> None:
    row = box.row(record("hog", 2), LIMITS)
    assert (row["stop"], row["text"]) == ("extract:memory", "")
    assert box.row(record("after"), LIMITS)["text"] == "after"


def test_a_page_that_fails_only_once_is_kept(box: Sandbox, tmp_path: Path) -> None:
    row = box.row(record(f"once {tmp_path / 'mark'}"), LIMITS)
    assert (row["stop"], row["text"]) == (None, f"once {tmp_path / 'mark'}")
    assert box.restarts == 1


def test_what_a_library_prints_is_no_answer(box: Sandbox) -> None:
    assert [box.row(record(body), LIMITS)["text"] for body in ("print", "after")] == ["print", "after"]
    assert box.restarts == 0


def test_large_pages_pass_both_ways(box: Sandbox) -> None:
    large = "ж" * (3 << 20)
    assert box.row(record(large), LIMITS)["text"] == large


def test_the_process_is_renewed_before_leaks_add_up(box: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "RECYCLE_PAGES", 2)
    assert [box.row(record("x"), LIMITS)["evidence"] for _ in range(5)] == ["1", "2", "1", "2", "1"]


def test_closing_leaves_no_process(box: Sandbox) -> None:
    process = int(box.row(record("pid"), LIMITS)["evidence"])
    os.kill(process, 0)
    box.close()
    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)
    assert box.row(record("again"), LIMITS)["text"] == "again"


def test_a_process_that_cannot_start_is_an_error_not_a_verdict(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("PYTHONPATH", raising=False)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(RuntimeError, match="did not start"):
        Sandbox(poison.handle).row(record("x"), LIMITS)


def test_a_real_page_that_needs_too_much_memory_does_not_take_others_along() -> None:
    """Half a million elements against a data segment that can hold the process and ordinary pages."""
    good = (
        "<html><body><article>" + "<p>Il fabbro della piazza apre la bottega ogni mattina e accende il fuoco.</p>" * 9
    )
    real, limits = Sandbox(), Ingest(page_memory_bytes=800 << 20, max_tags=1 << 30, gate=False)
    try:
        alone = page_row(record(good), limits)
        assert alone["stop"] is None
        assert real.row(record(good), limits) == alone
        heavy = real.row(record("<html><body><div>" + "<p><b>a</b> b c d e f" * 390_000), limits)
        assert heavy["stop"] in ("extract:memory", "extract:crash"), heavy["stop"]
        assert heavy["text"] == ""
        assert real.row(record(good), limits) == alone
    finally:
        real.close()
