"""Killed at any point, the same command ends with the same bytes; nothing is made twice; a changed key remakes what depends on it."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import crawls
import pytest
from conftest import tree, write_warc

COMMAND = [sys.executable, "-m", "euro_curate.cli", "run", "web", "--engine", "serial", "--quiet"]


def published(output: Path) -> dict[str, bytes]:
    return {name: data for name, data in tree(output).items() if name.startswith(("verdicts/", "dataset/"))}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """in/: a crawl in four files; out/: a run of it that nobody disturbed."""
    folder = tmp_path_factory.mktemp("whole")
    crawls.run([crawls.split(crawls.pages(), folder / "in", 4)], folder / "out")
    return folder


@pytest.mark.parametrize("seed", [1, 2, 3, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(4, 20))])
def test_kill_and_rerun(whole: Path, tmp_path: Path, seed: int) -> None:
    files = len(list((whole / "out").rglob("*.parquet")))
    rng = random.Random(seed)
    command = [*COMMAND, "--input", str(whole / "in"), "--output", str(tmp_path / "killed")]
    for goal in sorted(rng.sample(range(files), 3)):
        process = subprocess.Popen(command, stderr=subprocess.DEVNULL, start_new_session=True)
        while process.poll() is None and len(list((tmp_path / "killed").rglob("*.parquet"))) < goal:
            time.sleep(0.005)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        if (tmp_path / "killed" / "run.json").exists():
            break  # it was faster than the axe
    subprocess.run(command, check=True, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL, timeout=300)
    assert published(tmp_path / "killed") == published(whole / "out")
    assert published(whole / "out")


def test_second_run_makes_nothing(tmp_path: Path) -> None:
    crawl = crawls.split(crawls.pages(["it"]), tmp_path / "in", 2)
    crawls.run([crawl], tmp_path / "out")
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*") if path.is_file()}
    summary = crawls.run([crawl], tmp_path / "out")
    assert summary["idle"]
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*") if path.is_file()} == before


def stages_made(summary: dict[str, list[dict[str, object]]]) -> dict[str, int]:
    """Parts that were really made, by stage."""
    return {s["name"]: s["parts"] - s["reused"] for s in summary["stages"] if s["parts"] != s["reused"]}  # type: ignore[misc, operator]


def test_a_threshold_remakes_verdicts_and_after_only(tmp_path: Path) -> None:
    crawl = crawls.split(crawls.pages(), tmp_path / "in", 3)
    first = crawls.run([crawl], tmp_path / "out")
    second = crawls.run([crawl], tmp_path / "out", {"quality": {"thresholds": {"min_words": 300.0}}})
    assert set(stages_made(second)) <= {"decide", *crawls.AFTER_DECIDE}
    assert "decide" in stages_made(second)
    assert second["pages"]["kept"] < first["pages"]["kept"]
    third = crawls.run([crawl], tmp_path / "out")
    assert third["pages"] == first["pages"]
    assert not {"decide", "elect", "redact", "cut"} & set(stages_made(third)), "the old knob finds its old tables"


def test_a_new_file_is_the_only_one_ingested(tmp_path: Path) -> None:
    crawl = crawls.pages()
    write_warc(tmp_path / "in" / "a.warc.gz", crawl[:15])
    write_warc(tmp_path / "in" / "c.warc.gz", crawl[15:30])
    crawls.run([tmp_path / "in"], tmp_path / "out")
    write_warc(tmp_path / "in" / "b.warc.gz", crawl[30:])
    made = stages_made(crawls.run([tmp_path / "in"], tmp_path / "out"))
    assert {name: made[name] for name in ("ingest", "identify", "sign", "measure", "decide")} == dict.fromkeys(
        ("ingest", "identify", "sign", "measure", "decide"), 1
    )
    crawls.run([tmp_path / "in"], tmp_path / "fresh")
    assert published(tmp_path / "out") == published(tmp_path / "fresh")


def test_a_changed_file_is_read_again(tmp_path: Path) -> None:
    crawl = crawls.pages(["it"])
    write_warc(tmp_path / "in" / "a.warc.gz", crawl[:5])
    first = crawls.run([tmp_path / "in"], tmp_path / "out")
    write_warc(tmp_path / "in" / "a.warc.gz", crawl)
    assert crawls.run([tmp_path / "in"], tmp_path / "out")["pages"]["seen"] == len(crawl) > first["pages"]["seen"]


def test_languages_that_leave_the_plan_leave_the_folder(tmp_path: Path) -> None:
    crawl = crawls.split(crawls.pages(), tmp_path / "in", 2)
    crawls.run([crawl], tmp_path / "out")
    crawls.run([crawl], tmp_path / "out", {"run": {"languages": ["it"]}})
    assert [
        path.name for path in (tmp_path / "out" / "dataset" / "data").iterdir() if any(path.rglob("*.parquet"))
    ] == ["ita_Latn"]
