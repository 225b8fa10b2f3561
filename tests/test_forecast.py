"""Forecasts: sums, limits, warnings; a sample's forecast beside the run that it foretells (counts and bytes: time is for tests/bench/)."""

import json
from pathlib import Path

import crawls
import pytest
from click.testing import CliRunner
from unsteady import server

from euro_curate.cli import main
from euro_curate.forecast import ASKED_FILES, Forecast, Machines, Rate, forecast, shipped_rates, sizes_of
from euro_curate.ingest import Source, expand

RATES = {
    "ingest": Rate(1000.0, 0.0, 0.25, 2 << 30, "file"),
    "sort": Rate(10.0, 0.0, 0.1, 1 << 30, "batch"),
    "reserve": Rate(0.0, 0.5, 0.0, 1 << 30, "range", 25),
    "allocate": Rate(0.0, 0.5, 0.0, 1 << 30, "few", 1),
    "total": Rate(1.0, 0.0, 0.1, 1 << 30, "batch", 1),
    "excerpt": Rate(1.0, 0.0, 0.1, 1 << 30, "sample"),
    "shard": Rate(10.0, 0.0, 0.2, 1 << 30, "shard", 2),
}
GB = 10**9


def tell(sizes: list[int], machines: Machines) -> Forecast:
    return forecast(sizes, RATES, machines, merge_parts=256, shard_bytes=10**8, startup_s=0.0)


def test_tasks_work_and_bytes_follow_from_the_sizes() -> None:
    found = tell([GB] * 512, Machines(8, 16, 64 * GB))
    steps = {step.stage: step for step in found.steps}
    assert {name: step.tasks for name, step in steps.items()} == {
        "ingest": 512,
        "sort": 2,
        "reserve": 25,
        "allocate": 1,
        "total": 3,
        "excerpt": 512,
        "shard": 1024,
    }
    assert steps["ingest"].core_s == pytest.approx(512_000)
    assert steps["reserve"].core_s == pytest.approx(12.5)
    assert steps["allocate"].core_s == pytest.approx(1.0)  # it reads what two batches came to
    assert steps["sort"].bytes_out == pytest.approx(51.2 * GB)
    assert found.core_s == pytest.approx(sum(step.core_s for step in found.steps))
    assert found.warnings == ()


@pytest.mark.parametrize("nodes", [1, 3, 40])
def test_no_stage_is_faster_than_its_cpus_or_its_longest_task(nodes: int) -> None:
    machines = Machines(nodes, 16, 64 * GB)
    for step in tell([GB] * 100 + [5 * GB], machines).steps:
        assert step.wall_s >= step.core_s / (nodes * 16)
        if step.stage == "ingest":
            assert step.wall_s >= 5000  # seconds of the largest file, whatever the machines
    assert tell([GB] * 100, machines).wall_s <= tell([GB] * 100, Machines(1, 16, 64 * GB)).wall_s


def test_a_long_stage_of_few_tasks_is_warned_of() -> None:
    rates = {"ingest": RATES["ingest"], "reserve": Rate(100.0, 0.0, 0.0, 1 << 30, "range", 16)}
    big, small = (
        forecast([GB] * 10_000, rates, Machines(nodes, 16, 64 * GB), merge_parts=256, shard_bytes=10**8).warnings
        for nodes in (60, 1)
    )
    assert any("reserve runs in 16 tasks whatever the machines: raise run.site_ranges" in warning for warning in big)
    assert not small


def test_memory_limits_how_many_tasks_run_and_is_warned_of() -> None:
    roomy, tight = (tell([GB] * 64, Machines(1, 16, memory * GB)) for memory in (64, 9))
    assert tight.steps[0].wall_s == pytest.approx(4 * roomy.steps[0].wall_s, rel=0.01)
    assert any("memory for fewer tasks than CPUs in ingest" in warning for warning in tight.warnings)
    none = tell([GB], Machines(1, 1, GB))
    assert any("a task of ingest may need 2.15 GB; a node has 1 GB" in warning for warning in none.warnings)


def test_what_no_machine_can_mend_is_warned_of() -> None:
    assert any(
        "50 times" in w or "times the average" in w
        for w in tell([GB] * 99 + [80 * GB], Machines(1, 4, 99 * GB)).warnings
    )
    assert any("3 files cannot occupy 8 CPUs" in w for w in tell([GB] * 3, Machines(1, 8, 99 * GB)).warnings)


def test_sizes_that_no_list_tells_are_the_average_of_a_few_that_are_asked_about(tmp_path: Path) -> None:
    names = [f"crawl-data/C-1/{n:02d}.warc.gz" for n in range(40)]
    (tmp_path / "crawl-data" / "C-1").mkdir(parents=True)
    for n, name in enumerate(names):
        (tmp_path / name).write_bytes(bytes(1000 + n))
    (tmp_path / "crawl-data" / "C-1" / "warc.paths.gz").write_text("\n".join(names))
    with server(tmp_path, lambda number, method: ("status", 503) if number == 1 else None) as at:
        sources = expand(["cc://C-1"], at.url)
        sizes, warnings = sizes_of(sources)
        asked = {path for _, path, _, _ in at.requests if "paths" not in path}
        given = ["plan", "web", "--input", "cc://C-1", "--set", f"run.crawl_prefix={at.url}", "--cpus", "1"]
        told = CliRunner().invoke(main, given)
    assert len(asked) == ASKED_FILES
    assert sizes == [1019] * 40  # of 1000, 1005, ..., 1039
    assert "40 files have no size in their list: 1.02 kB each is assumed, the average of 8 of them" in warnings[0]
    assert told.exit_code == 0 and warnings[0] in " ".join(told.stdout.split()), told.output
    known = Source("there", "s3://bucket/there", 7, "etag")
    assert sizes_of([known]) == ([7], ())


def test_a_sample_foretells_the_tasks_and_the_bytes_of_the_run(tmp_path: Path) -> None:
    crawl, out = crawls.split(crawls.pages(["fi", "bg", "it"]), tmp_path / "in", 4), tmp_path / "out"
    where = ["web", "--input", str(crawl / "*.warc.gz")]
    told = CliRunner().invoke(main, ["plan", *where, "--sample", "--nodes", "2", "--cpus", "2", "--price", "0.1"])
    assert told.exit_code == 0, told.output
    assert CliRunner().invoke(main, ["run", *where, "--output", str(out), "--engine", "serial"]).exit_code == 0
    summary = json.loads((out / "run.json").read_text("utf-8"))
    lines = {line.split()[0]: line.split()[1:] for line in told.stdout.splitlines() if line.strip()}
    parts: dict[str, int] = {}
    for count in summary["stages"]:
        parts[count["name"]] = parts.get(count["name"], 0) + count["parts"]
    assert {name: int(lines[name][0]) for name in parts} == parts  # small files: the sample is the whole
    assert "price:" in told.stdout and "4 files" in told.stdout
    robots = {"sort_policies", "sort_addresses", "reserve"}  # only where the crawl holds robots.txt files
    assert set(shipped_rates()) == set(parts) | robots, "euro_curate/rates.toml knows other stages than the flow has"


def test_what_cannot_be_planned_is_refused_with_the_reason(tmp_path: Path) -> None:
    told = CliRunner().invoke(main, ["plan", "web", "--input", str(tmp_path / "none" / "*.warc.gz")])
    assert told.exit_code == 2 and "matches no file" in told.stderr
    (tmp_path / "empty.warc").write_bytes(b"")
    told = CliRunner().invoke(main, ["plan", "web", "--input", str(tmp_path / "empty.warc")])
    assert told.exit_code == 2 and "nothing can be foretold" in told.stderr
    (tmp_path / "bare.warc").write_bytes(b"WARC/1.0\r\n")
    told = CliRunner().invoke(main, ["plan", "web", "--input", str(tmp_path / "bare.warc"), "--sample"])
    assert told.exit_code == 2 and "holds no page" in told.stderr
