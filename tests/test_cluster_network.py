"""A machine vanishes from the network without a word: no connection is reset, packets go nowhere. Each machine is a network namespace.

Needs Linux, root and `ip` (iproute2); skips where they are not to be had.
"""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import crawls
import pytest
from conftest import tree

from euro_curate.executors.onray import _ENVIRONMENT

pytestmark = [pytest.mark.slow, pytest.mark.ray]

BIN = Path(sys.executable).parent
HEAD, *WORKERS = MACHINES = {"head": "10.77.6.10", "one": "10.77.6.11", "two": "10.77.6.12"}
PORT = 6379
LONGEST_S = 90  # a minute, and some seconds of work on a busy machine


def ip(*command: str) -> str:
    return subprocess.run(["ip", *command], check=True, capture_output=True, text=True, timeout=30).stdout


class Machines:
    """A head and two workers on one bridge, each with its own network, all with the same disks."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.mark = folder, f"ec{os.getpid() % 100_000}"
        self.environment = {
            **os.environ,
            **{name: value for name, value in _ENVIRONMENT.items() if name.startswith("RAY_")},
            "RAY_AUTH_MODE": "disabled",
            "PYTHONPATH": str(Path(__file__).parent.parent),
        }

    def build(self) -> None:
        ip("link", "add", f"{self.mark}b", "type", "bridge")
        ip("link", "set", f"{self.mark}b", "up")
        for number, (name, address) in enumerate(MACHINES.items()):
            space, cable = self.space(name), f"{self.mark}v{number}"
            ip("netns", "add", space)
            ip("link", "add", cable, "type", "veth", "peer", "name", "eth0", "netns", space)
            ip("link", "set", cable, "master", f"{self.mark}b", "up")
            ip("-n", space, "addr", "add", f"{address}/24", "dev", "eth0")
            for device in ("eth0", "lo"):
                ip("-n", space, "link", "set", device, "up")

    def start(self) -> None:
        for name, address in MACHINES.items():
            role = ["--head", f"--port={PORT}"] if name == HEAD else [f"--address={MACHINES[HEAD]}:{PORT}"]
            options = [f"--num-cpus={int(name != HEAD)}", f"--node-ip-address={address}", "--include-dashboard=false"]
            options += [f"--temp-dir={self.folder / name}", f"--object-store-memory={80 << 20}"]
            started = self.on(
                name, str(BIN / "ray"), "start", *role, *(o for o in options if name == HEAD or "dash" not in o)
            )
            out, _ = started.communicate(timeout=120)
            assert started.returncode == 0, out

    def space(self, name: str) -> str:
        return f"{self.mark}{name}"

    def on(self, name: str, *command: str) -> subprocess.Popen[str]:
        """A command on a machine."""
        return subprocess.Popen(
            ["ip", "netns", "exec", self.space(name), *command],
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def pids(self, name: str) -> list[int]:
        return [int(pid) for pid in ip("netns", "pids", self.space(name)).split()]

    def at_work(self, name: str) -> bool:
        """Whether a worker process on the machine is within a task of ours: Ray gives it the task's name."""
        for pid in self.pids(name):
            with contextlib.suppress(OSError):
                if Path(f"/proc/{pid}/cmdline").read_bytes().startswith(b"ray::ingest "):
                    return True
        return False

    def cut(self, name: str) -> None:
        ip("-n", self.space(name), "link", "set", "eth0", "down")

    def remove(self) -> None:
        for name in MACHINES:
            with contextlib.suppress(subprocess.SubprocessError):
                for pid in self.pids(name):
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
                ip("netns", "del", self.space(name))
        with contextlib.suppress(subprocess.SubprocessError):
            ip("link", "del", f"{self.mark}b")


@pytest.fixture
def machines() -> Iterator[Machines]:
    folder = Path(tempfile.mkdtemp(prefix="ec-", dir="/tmp"))  # a socket's path may have 107 characters
    made = Machines(folder)
    try:
        try:
            made.build()
        except (OSError, subprocess.SubprocessError) as error:
            pytest.skip(f"network namespaces are not permitted here: {getattr(error, 'stderr', '') or error}")
        made.start()
        yield made
    finally:
        made.remove()
        shutil.rmtree(folder, ignore_errors=True)


def test_a_machine_that_vanishes_from_the_network_is_given_up_within_a_minute(
    tmp_path: Path, machines: Machines
) -> None:
    """With the settings that the launchers ship. Ray's own defaults notice after seven minutes."""
    crawl = crawls.split(crawls.pages(["it", "fi"]), tmp_path / "in", 12)
    crawls.run([crawl], tmp_path / "undisturbed")
    driver = machines.on(
        HEAD,
        *(str(BIN / "euro-curate"), "run", "web", "--input", str(crawl), "--output", str(tmp_path / "out")),
        *("--address", f"{MACHINES[HEAD]}:{PORT}", "--shared-filesystem", "--log-format", "json"),
    )
    until = time.monotonic() + 120
    while not machines.at_work(WORKERS[0]):
        assert driver.poll() is None and time.monotonic() < until, "no task reached the machine"
        time.sleep(0.01)
    machines.cut(WORKERS[0])
    cut = time.time()
    out, _ = driver.communicate(timeout=240)  # most of it for the rest of the work
    assert driver.returncode == 0, out
    kept = ("dataset/", "verdicts/")
    published = {k: v for k, v in tree(tmp_path / "out").items() if k.startswith(kept)}
    assert published == {k: v for k, v in tree(tmp_path / "undisturbed").items() if k.startswith(kept)}
    events = [json.loads(line) for line in out.splitlines() if line.startswith("{")]
    (done,) = (event for event in events if event["event"] == "stage done" and event["name"] == "ingest")
    waited_s = datetime.fromisoformat(done["time"]).timestamp() - cut
    print(f"the stage was done {waited_s:.0f} s after the cut")
    assert waited_s < LONGEST_S
