"""Executors: budgets by kind of failure, the three ways in which a peer's executor loses or hangs a run, Ctrl-C, nothing left behind."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from chores import chore

from euro_curate.executors import BUDGETS, CannotStart, OnRay, Serial, Stopped, is_remote
from euro_curate.run import Failure, Task
from euro_curate.shards import Part, StorageRefused

TESTS = Path(__file__).parent


@pytest.fixture(scope="module")
def ray_executor() -> Iterator[OnRay]:
    """One embedded Ray for the module."""
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = str(TESTS)
    executor = OnRay(workers=2, task_timeout_s=8.0)
    yield executor
    executor.close()
    if before is None:
        del os.environ["PYTHONPATH"]
    else:
        os.environ["PYTHONPATH"] = before


def outcome(executor: OnRay | Serial, tasks: list[Task]) -> dict[str, Part | Failure]:
    """Every task's result; each is reported once."""
    results: dict[str, Part | Failure] = {}

    def done(task: Task, result: Part | Failure) -> None:
        assert task.key not in results, "reported twice"
        results[task.key] = result

    executor.run(tasks, done)
    return results


def history(result: Part | Failure) -> tuple[str, ...]:
    assert isinstance(result, Failure)
    return result.history


def test_serial_runs_retries_and_sets_aside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("euro_curate.executors.attempts._BACKOFF_S", 0.01)
    actions = {"good": "", "bad": "raise", "throttled": "throttled", "lost": "lost"}
    results = outcome(Serial(), [chore(tmp_path, key, action) for key, action in actions.items()])
    assert isinstance(results["good"], Part) and results["good"].rows == 1
    assert history(results["bad"]) == ("error: ValueError: the code is wrong",)
    assert isinstance(results["throttled"], Part) and results["throttled"].notes == {"attempt": 3}
    assert history(results["lost"]) == ("error: FileNotFoundError: no such file",)


def test_what_every_part_would_meet_stops_the_run_with_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("euro_curate.executors.attempts._BACKOFF_S", 0.01)
    seen: list[str] = []

    def done(task: Task, result: Part | Failure) -> None:
        seen.append(task.key)

    tasks = [chore(tmp_path, f"k{i:02d}", "raise", i) for i in range(30)]
    with pytest.raises(Stopped, match=r"20 parts of chore failed one after another.*the code is wrong"):
        Serial().run(tasks, done)
    assert len(seen) == 20
    one_good = [chore(tmp_path, f"m{i:02d}", "" if i == 10 else "raise", i) for i in range(25)]
    assert len(outcome(Serial(), one_good)) == 25  # a good one among them: they are to blame themselves
    with pytest.raises(Stopped, match=r"No space left on device.*Make room"):
        Serial().run([chore(tmp_path, "full", "full")], done)

    def refuse(path: str, data: bytes) -> bool:
        raise PermissionError("403 Forbidden")

    monkeypatch.setattr("euro_curate.shards.put_if_absent", refuse)
    with pytest.raises(Stopped, match=r"the storage refuses access.*403 Forbidden \(4 attempts\)") as stopped:
        Serial().run([chore(tmp_path, "refused")], done)
    assert isinstance(stopped.value.__cause__, StorageRefused)


@pytest.mark.ray
def test_ray_full_disk_everywhere_stops_the_run(
    tmp_path: Path, ray_executor: OnRay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ray_executor, "_full", set())  # put back afterwards, so that others may use the node again
    monkeypatch.setattr(ray_executor, "_looked", 0.0)
    with pytest.raises(Stopped, match=r"No space left on device on node .*Make room"):
        ray_executor.run([chore(tmp_path, "full", "full")], lambda task, result: None)


@pytest.mark.ray
def test_ray_a_straggler_gets_a_twin_and_counts_once(
    tmp_path: Path, ray_executor: OnRay, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first attempt at `late` would outlast its time limit; its twin, on a CPU with nothing else to do, ends the stage."""
    monkeypatch.setattr("euro_curate.executors.onray._TWIN_LEAST_S", 0.5)
    tasks = [chore(tmp_path, "late", "hang once")] + [chore(tmp_path, f"q{i}", "", i) for i in range(8)]
    results = outcome(ray_executor, tasks)
    late = results["late"]
    assert len(results) == 9 and isinstance(late, Part) and late.notes == {"attempt": 2}


@pytest.mark.parametrize(
    ("address", "remote"),
    [
        ("auto", False),
        ("local", False),
        ("127.0.0.2:6379", False),
        ("ray://localhost:10001", False),
        ("ray://10.0.0.7:10001", True),
        ("ray-head:6379", True),
        ("[::1]:6379", False),
        ("ray://[2001:db8::1]:10001", True),
    ],
)
def test_addresses_of_other_machines_are_known_by_their_form(address: str, remote: bool) -> None:
    assert is_remote(address) is remote


@pytest.mark.ray
def test_ray_no_way_to_fail_loses_or_hangs_a_run(tmp_path: Path, ray_executor: OnRay) -> None:
    """datatrove's Ray executor returns normally when a rank raises, dies on a slow one, and hangs when a process is killed."""
    actions = {
        "bad": "raise",
        "killed": "exit",
        "segfault": "segfault",
        "slow": "hang",
        "stuck": "hang in C",
        "once": "exit once",
        "busy": "throttled",
    }
    tasks = [chore(tmp_path, key, action) for key, action in actions.items()] + [
        chore(tmp_path, f"good{i}", "", i) for i in range(20)
    ]
    results = outcome(ray_executor, tasks)
    assert set(results) == {task.key for task in tasks}
    assert all(isinstance(results[f"good{i}"], Part) for i in range(20))
    assert isinstance(results["once"], Part) and isinstance(results["busy"], Part)
    assert history(results["bad"]) == ("error: ValueError: the code is wrong",)
    for key, kind in (("killed", "crash"), ("segfault", "crash"), ("slow", "timeout"), ("stuck", "timeout")):
        told = history(results[key])
        # On a busy machine a worker takes longer to start than tasks have here, and its death is booked as a timeout.
        spent = {k: sum(entry.startswith(k) for entry in told) for k in {kind, "timeout"}}
        assert sum(spent.values()) == len(told), told
        assert max(spent[k] - BUDGETS[k] for k in spent) == 1, (
            "set aside when one budget is overdrawn, by the last attempt"
        )


@pytest.mark.ray
def test_ray_result_equals_serial(tmp_path: Path, ray_executor: OnRay) -> None:
    on_ray = outcome(ray_executor, [chore(tmp_path / "ray", f"k{i}", "", i) for i in range(6)])
    serial = outcome(Serial(), [chore(tmp_path / "serial", f"k{i}", "", i) for i in range(6)])
    for key, part in serial.items():
        other = on_ray[key]
        assert isinstance(part, Part) and isinstance(other, Part)
        assert Path(part.path).read_bytes() == Path(other.path).read_bytes()


@pytest.mark.ray
def test_killed_worker_is_replaced(tmp_path: Path, ray_executor: OnRay) -> None:
    """SIGKILL from outside, as the kernel does when memory runs out."""
    psutil = pytest.importorskip("psutil")
    import threading

    killed: list[int] = []

    def killer() -> None:
        until = time.monotonic() + 120
        while not killed and time.monotonic() < until:
            for process in psutil.process_iter(["cmdline"]):
                if " ".join(process.info["cmdline"] or []).startswith("ray::chore") and _ours(process):
                    process.kill()
                    killed.append(process.pid)
                    return
            time.sleep(0.02)

    thread = threading.Thread(target=killer)
    thread.start()
    results = outcome(ray_executor, [chore(tmp_path, f"s{i}", "slow", i) for i in range(4)])
    thread.join()
    assert killed and all(isinstance(result, Part) for result in results.values())


def _ours(process: object) -> bool:
    """Whether a process descends from this one: another session's Ray is none of our business."""
    import psutil

    assert isinstance(process, psutil.Process)
    return os.getpid() in [parent.pid for parent in process.parents()]


def test_unreachable_cluster_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CannotStart, match=r"cannot join the Ray cluster at 127\.0\.0\.1:1"):
        OnRay("127.0.0.1:1").run([chore(tmp_path, "any")], lambda task, result: None)


@pytest.mark.ray
def test_ctrl_c_leaves_nothing_running_and_a_state_to_continue_from(tmp_path: Path, sample: Path) -> None:
    out = tmp_path / "out"
    command = [
        sys.executable,
        "-m",
        "euro_curate.cli",
        "run",
        "web",
        "--input",
        str(sample),
        "--output",
        str(out),
        "--workers",
        "1",
    ]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True)
    until = time.monotonic() + 90
    while time.monotonic() < until and not list(out.glob("work/ingest/*/*.parquet")):
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130, said
    assert "the same command continues" in said
    assert not (out / "run.json").exists()
    made = sorted(out.glob("work/ingest/*/*.parquet"))
    stamps = {path: path.stat().st_mtime_ns for path in made}
    assert made
    again = subprocess.run(
        [*command[:-2], "--engine", "serial"], capture_output=True, text=True, timeout=300, check=False
    )
    assert again.returncode == 0, again.stderr
    assert (out / "run.json").exists()
    assert {path: path.stat().st_mtime_ns for path in made} == stamps
