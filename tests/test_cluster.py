"""A real Ray cluster of several nodes on this machine: each node has its own raylet and address. Slow: run by `make slow`."""

import contextlib
import os
import random
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import crawls
import pytest
from chores import chore
from conftest import tree

from euro_curate.executors import OnRay
from euro_curate.run import Failure, Task
from euro_curate.shards import Part

pytestmark = [pytest.mark.slow, pytest.mark.ray]

FAST = {
    "health_check_initial_delay_ms": 0,
    "health_check_period_ms": 500,
    "health_check_timeout_ms": 500,
    "health_check_failure_threshold": 3,
}


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """A head that runs nothing, and one worker node of one CPU. 127.0.0.1 would hang as a node's address."""
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = str(Path(__file__).parent)
    from ray.cluster_utils import Cluster

    made = Cluster(
        initialize_head=True,
        connect=False,
        head_node_args={
            "num_cpus": 0,
            "node_ip_address": "127.0.0.2",
            "include_dashboard": False,
            "object_store_memory": 80 << 20,
            "_system_config": FAST,
        },
    )
    made.add_node(node_ip_address="127.0.0.11", num_cpus=1, object_store_memory=80 << 20)
    yield made
    made.shutdown()
    if before is None:
        del os.environ["PYTHONPATH"]
    else:
        os.environ["PYTHONPATH"] = before


def test_a_lost_node_costs_a_new_attempt_and_nothing_else(tmp_path: Path, cluster: Any) -> None:
    victim = cluster.add_node(node_ip_address="127.0.0.12", num_cpus=1, object_store_memory=80 << 20)
    cluster.wait_for_nodes()
    executor = OnRay(cluster.address, task_timeout_s=60.0)
    results: dict[str, Part | Failure] = {}

    def done(task: Task, result: Part | Failure) -> None:
        assert task.key not in results, "reported twice"
        results[task.key] = result

    def axe() -> None:
        until = time.monotonic() + 60
        while len(results) < 2 and time.monotonic() < until:
            time.sleep(0.05)
        time.sleep(1.5)  # both nodes are at their next task, which takes 5 s
        cluster.remove_node(victim, allow_graceful=False)

    thread = threading.Thread(target=axe)
    thread.start()
    try:
        executor.run([chore(tmp_path, f"s{i}", "long", i) for i in range(6)], done)
    finally:
        thread.join()
        executor.close()
    assert len(results) == 6
    assert all(isinstance(result, Part) for result in results.values())
    assert sum(path.stat().st_size for path in tmp_path.glob("*.attempts")) > 6, (
        "no attempt was lost: the test proved nothing"
    )


@pytest.mark.parametrize("seed", range(20))
def test_nodes_and_workers_die_at_random_and_every_byte_is_as_undisturbed(
    tmp_path: Path, cluster: Any, serial_run: tuple[Path, dict[str, bytes]], seed: int
) -> None:
    """A run on two nodes; at a random stage one of them, or a worker process, is killed. Then another node comes."""
    psutil = pytest.importorskip("psutil")
    crawl, undisturbed = serial_run
    rng = random.Random(seed)
    victim = cluster.add_node(node_ip_address="127.0.0.12", num_cpus=1, object_store_memory=80 << 20)
    cluster.wait_for_nodes()
    out, goal = tmp_path / "out", rng.randrange(1, 60)
    executor = OnRay(cluster.address, task_timeout_s=120.0)
    struck: list[str] = []

    def axe() -> None:
        until = time.monotonic() + 200
        while len(list(out.rglob("*.parquet"))) < goal and time.monotonic() < until:
            time.sleep(0.02)
        workers = [p for p in psutil.process_iter(["cmdline"]) if _works_for_us(p)]
        if seed % 2 and workers:
            rng.choice(workers).kill()
            struck.append("worker")
        else:
            cluster.remove_node(victim, allow_graceful=False)
            struck.append("node")

    thread = threading.Thread(target=axe)
    thread.start()
    try:
        crawls.run([crawl], out, executor=executor)
    finally:
        thread.join()
        executor.close()
        if struck != ["node"]:
            cluster.remove_node(victim, allow_graceful=False)
    assert struck
    assert {k: v for k, v in tree(out).items() if k.startswith(("dataset/", "verdicts/"))} == undisturbed


def _works_for_us(process: Any) -> bool:
    """Whether a process is a worker that descends from this one."""
    with contextlib.suppress(Exception):
        title = " ".join(process.info["cmdline"] or [])
        worker = title.startswith("ray::") and "Agent" not in title  # an agent takes its whole node with it
        return worker and os.getpid() in [parent.pid for parent in process.parents()]
    return False


@pytest.fixture(scope="module")
def serial_run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, bytes]]:
    """A small crawl in six files, and what an undisturbed serial run publishes."""
    folder = tmp_path_factory.mktemp("serial")
    crawl = crawls.split(crawls.pages(["it", "fi"]), folder / "in", 6)
    crawls.run([crawl], folder / "out")
    published = {k: v for k, v in tree(folder / "out").items() if k.startswith(("dataset/", "verdicts/"))}
    assert published
    return crawl, published
