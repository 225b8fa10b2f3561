"""A cluster of machines with a network between them: a laptop that is none of them, and a machine that vanishes without a word (no
connection is reset, packets go nowhere). Each machine is a network namespace.

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
ADDRESSES = {"head": "10.77.6.10", "one": "10.77.6.11", "two": "10.77.6.12", "laptop": "10.77.6.13"}
WITH_RAY = ("head", "one", "two")
PORT = 6379
LONGEST_S = 90  # a minute, and some seconds of work on a busy machine


def ip(*command: str) -> str:
    return subprocess.run(["ip", *command], check=True, capture_output=True, text=True, timeout=30).stdout


class Machines:
    """Machines on one bridge, each with its own network, all with the same disks. Ray runs on three: a head without CPUs, two workers."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.mark = folder, f"ec{os.getpid() % 100_000}"
        self.environment = (
            os.environ | _ENVIRONMENT | {"RAY_AUTH_MODE": "disabled", "PYTHONPATH": os.pathsep.join(sys.path)}
        )

    def build(self) -> None:
        ip("link", "add", f"{self.mark}b", "type", "bridge")
        ip("link", "set", f"{self.mark}b", "up")
        for number, (name, address) in enumerate(ADDRESSES.items()):
            space, cable = self.mark + name, f"{self.mark}v{number}"
            ip("netns", "add", space)
            ip("link", "add", cable, "type", "veth", "peer", "name", "eth0", "netns", space)
            ip("link", "set", cable, "master", f"{self.mark}b", "up")
            ip("-n", space, "addr", "add", f"{address}/24", "dev", "eth0")
            for device in ("eth0", "lo"):
                ip("-n", space, "link", "set", device, "up")

    def start(self) -> None:
        """Ray, with the settings that the launchers ship."""
        for name in WITH_RAY:
            role = ["--head", f"--port={PORT}", "--include-dashboard=false", "--num-cpus=0"]
            if name != "head":
                role = [f"--address={ADDRESSES['head']}:{PORT}", "--num-cpus=1"]
            where = [f"--node-ip-address={ADDRESSES[name]}", f"--temp-dir={self.folder / name}"]
            started = self.on(name, "ray", "start", *role, *where, f"--object-store-memory={80 << 20}")
            out, _ = started.communicate(timeout=180)
            assert started.returncode == 0, out

    def on(self, name: str, program: str, *arguments: str) -> subprocess.Popen[str]:
        """A program of this environment, on a machine."""
        command = ["ip", "netns", "exec", self.mark + name, str(BIN / program), *arguments]
        pipe = subprocess.PIPE
        return subprocess.Popen(command, env=self.environment, stdout=pipe, stderr=subprocess.STDOUT, text=True)

    def pids(self, name: str) -> list[int]:
        return [int(pid) for pid in ip("netns", "pids", self.mark + name).split()]

    def at_work(self, name: str, stage: str) -> bool:
        """Whether a worker process on the machine is within a task of the stage: Ray gives the process the task's name."""
        for pid in self.pids(name):
            with contextlib.suppress(OSError):
                if Path(f"/proc/{pid}/cmdline").read_bytes().startswith(f"ray::{stage}".encode()):
                    return True
        return False

    def cut(self, name: str) -> None:
        ip("-n", self.mark + name, "link", "set", "eth0", "down")

    def remove(self) -> None:
        for name in ADDRESSES:
            with contextlib.suppress(subprocess.SubprocessError):
                for pid in self.pids(name):
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
                ip("netns", "del", self.mark + name)
        with contextlib.suppress(subprocess.SubprocessError):
            ip("link", "del", f"{self.mark}b")


@pytest.fixture(scope="module")
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


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, bytes]]:
    """A crawl, and what a serial run publishes of it."""
    folder = tmp_path_factory.mktemp("serial")
    crawl = crawls.split(crawls.pages(["it", "fi"]), folder / "in", 12)
    crawls.run([crawl], folder / "out")
    return crawl, published(folder / "out")


def published(output: Path) -> dict[str, bytes]:
    return {name: data for name, data in tree(output).items() if name.startswith(("dataset/", "verdicts/"))}


def test_a_laptop_drives_the_cluster_through_rays_client(
    tmp_path: Path, machines: Machines, undisturbed: tuple[Path, dict[str, bytes]]
) -> None:
    pytest.importorskip("grpc", reason="Ray's client needs grpcio")
    crawl, expected = undisturbed
    command = ["run", "web", "--input", str(crawl), "--output", str(tmp_path / "out"), "--quiet", "--address"]
    server = f"ray://{ADDRESSES['head']}:10001"
    forwarded = "ray://127.0.0.1:10001"  # as with `kubectl port-forward`: the machines behind it are others
    for machine, address in (("laptop", server), ("head", forwarded)):
        refused = machines.on(machine, "euro-curate", *command, address)
        out, _ = refused.communicate(timeout=120)
        assert refused.returncode == 2, out
        assert "--shared-filesystem" in out and "Traceback" not in out
    assert not (tmp_path / "out" / "run.json").exists()
    driver = machines.on("laptop", "euro-curate", *command, server, "--shared-filesystem")
    out, _ = driver.communicate(timeout=300)
    assert driver.returncode == 0, out
    assert published(tmp_path / "out") == expected


def test_a_machine_that_vanishes_from_the_network_is_given_up_within_a_minute(
    tmp_path: Path, machines: Machines, undisturbed: tuple[Path, dict[str, bytes]]
) -> None:
    """Ray's own settings notice after seven minutes."""
    crawl, expected = undisturbed
    driver = machines.on(
        "head",
        *("euro-curate", "run", "web", "--input", str(crawl), "--output", str(tmp_path / "out")),
        *("--address", f"{ADDRESSES['head']}:{PORT}", "--shared-filesystem", "--log-format", "json"),
    )
    until = time.monotonic() + 120
    while not machines.at_work("one", "ingest"):
        assert driver.poll() is None and time.monotonic() < until, "no task reached the machine"
        time.sleep(0.01)
    machines.cut("one")
    cut = time.time()
    out, _ = driver.communicate(timeout=300)  # most of it for the rest of the work
    assert driver.returncode == 0, out
    assert published(tmp_path / "out") == expected
    events = [json.loads(line) for line in out.splitlines() if line.startswith("{")]
    (done,) = (event for event in events if event["event"] == "stage done" and event["name"] == "ingest")
    waited_s = datetime.fromisoformat(done["time"]).timestamp() - cut
    print(f"the stage was done {waited_s:.0f} s after the cut")
    assert waited_s < LONGEST_S
