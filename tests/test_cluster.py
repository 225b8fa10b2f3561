"""A real Ray cluster of several nodes on this machine: each node has its own raylet and address. Slow: run by `make slow`."""

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from chores import chore

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


@pytest.fixture
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
