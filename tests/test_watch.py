"""Seeing a run from elsewhere: the status file, metrics, JSON lines; and what the command does with a cluster of other machines."""

import io
import json
import time
import urllib.request
from pathlib import Path

import crawls
import pytest
from chores import chore
from click.testing import CliRunner

from euro_curate.cli import main
from euro_curate.executors import Serial
from euro_curate.run import Run
from euro_curate.watch import JsonLines, Metrics, StatusFile, cost, read_status


def test_status_of_a_finished_run_tells_its_stages_and_pages(tmp_path: Path) -> None:
    crawl, out = crawls.split(crawls.pages(["fi", "bg"]), tmp_path / "in", 2), tmp_path / "out"
    given = ["run", "web", "--input", str(crawl), "--output", str(out), "--engine", "serial", "--log-format", "json"]
    done = CliRunner().invoke(main, given)
    assert done.exit_code == 0, done.output
    assert "core-hours" in done.stderr and '"event": "part", "stage": "ingest"' in done.stderr
    told = read_status(str(out), time.time())
    assert told.state == "finished" and told.finished is not None
    by_stage = {row["stage"]: row for row in told.stages}
    assert by_stage["ingest"]["rows"] == told.finished["pages"]["documents"]
    assert all(row["done"] == row["parts"] and row["seconds"] is not None for row in told.stages)
    printed = CliRunner().invoke(main, ["status", str(out)])
    assert printed.exit_code == 0
    assert "ingest" in printed.stdout and f"{told.finished['pages']['seen']:,} pages seen" in printed.stdout
    as_json = json.loads(CliRunner().invoke(main, ["status", str(out), "--json"]).stdout)
    assert as_json["state"] == "finished"


def test_status_of_a_run_under_way_of_a_silent_one_and_of_none(tmp_path: Path) -> None:
    watch = StatusFile(str(tmp_path))
    tasks = [chore(tmp_path, f"k{i}", "raise" if i == 2 else "", i) for i in range(3)]
    run = Run(str(tmp_path), Serial(), watchers=[watch])
    run.make(tasks)
    now = time.time()
    running = read_status(str(tmp_path), now)
    assert running.state == "running" and running.stages[0]["parts"] == 3
    watch.close("running")
    assert {name: read_status(str(tmp_path), now).stages[0][name] for name in ("done", "set_aside", "rows")} == {
        "done": 2,
        "set_aside": 1,
        "rows": 2,
    }
    assert read_status(str(tmp_path), now + 3600).state == "silent"
    watch.close("interrupted")
    assert read_status(str(tmp_path), now + 3600).state == "interrupted"
    told = CliRunner().invoke(main, ["status", str(tmp_path)])
    assert told.exit_code == 1 and "The same command continues" in told.stdout
    nothing = CliRunner().invoke(main, ["status", str(tmp_path / "nowhere")])
    assert nothing.exit_code == 2 and "holds no run" in nothing.stderr


def test_metrics_are_what_prometheus_reads(tmp_path: Path) -> None:
    metrics = Metrics(0)
    try:
        Run(str(tmp_path), Serial(), watchers=[metrics]).make([chore(tmp_path, f"k{i}", "", i) for i in range(4)])
        with urllib.request.urlopen(f"http://127.0.0.1:{metrics.port}/metrics", timeout=10) as answer:
            text = answer.read().decode()
    finally:
        metrics.close("finished")
    assert 'euro_curate_parts_total{outcome="done",stage="chore"} 4.0' in text
    assert 'euro_curate_rows_total{stage="chore"} 4.0' in text
    assert 'euro_curate_stage_parts{stage="chore"} 4.0' in text


def test_json_lines_name_every_part_and_failure(tmp_path: Path) -> None:
    out = io.StringIO()
    Run(str(tmp_path), Serial(), watchers=[JsonLines(out)]).make(
        [chore(tmp_path, "good"), chore(tmp_path, "bad", "raise")]
    )
    lines = [json.loads(line) for line in out.getvalue().splitlines()]
    assert [line["event"] for line in lines] == ["stage", "part", "set aside", "stage done"]
    assert lines[1]["part"] == "good" and lines[1]["stage"] == "chore"
    assert lines[2]["history"] == ["error: ValueError: the code is wrong"]
    assert all(line["time"] for line in lines)


def test_the_cost_line_adds_up_and_is_silent_when_nothing_ran() -> None:
    stages = [{"name": "ingest", "core_seconds": 2700.0}, {"name": "measure", "core_seconds": 900.0}]
    assert cost(stages, 500_000) == "core-hours 1 (2 per million pages): ingest 75%, measure 25%"
    assert cost([{"name": "ingest", "core_seconds": 0.0}], 500_000) == ""


@pytest.mark.parametrize("output", ["out", "file:///data/out"])
def test_local_paths_are_refused_where_another_machine_would_read_them(tmp_path: Path, output: str) -> None:
    crawl = tmp_path / "a.warc"
    crawl.write_bytes(b"")
    given = ["run", "web", "--input", str(crawl), "--output", output, "--address", "ray://10.255.255.1:10001"]
    told = CliRunner().invoke(main, given)
    assert told.exit_code == 2
    assert "a local path" in told.stderr and "--shared-filesystem" in told.stderr
