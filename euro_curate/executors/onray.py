"""Tasks on Ray. It schedules paths, and starts processes; retries, time limits and books are ours."""

import contextlib
import errno
import faulthandler
import ipaddress
import os
import socket
import statistics
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from euro_curate.executors.attempts import Attempts, Done, Guard, Stopped, describe, refuse_to_go_on
from euro_curate.run import Task
from euro_curate.shards import Part

# Set before ray is imported, unless the user has set them: research/ray.md's reasons are in README, "On a cluster".
_ENVIRONMENT = {
    "RAY_grpc_client_keepalive_time_ms": "20000",  # a silently lost node is noticed in half a minute, not in seven
    "RAY_grpc_client_keepalive_timeout_ms": "10000",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_IGNORE_UNHANDLED_ERRORS": "1",  # of tasks that nobody waits for any more: the run has stopped, and said why in a line
    "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
}
_ONE_THREAD = dict.fromkeys(("POLARS_MAX_THREADS", "OMP_NUM_THREADS", "NUMBA_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
_OBJECT_STORE_BYTES = 200 << 20  # receipts only: documents never travel through Ray
_MAX_CALLS = 500  # tasks per worker process: whatever libraries leak stays bounded
_NO_SLOT_S = 900.0  # an autoscaler's first machine takes minutes
_LOOK_S = 5.0  # how often the cluster is asked who is there
_TWIN_AFTER = (
    3.0  # times the 95th percentile of its stage's tasks: a straggler gets a twin on an idle CPU; the first commit wins
)
_TWIN_LEAST_S = 60.0
_STDERR = 2  # the descriptor: what Python calls sys.stderr need not have one


@dataclass(frozen=True)
class _Cluster:
    """Who is there: usable CPUs and memory by node, without the full ones."""

    nodes: Mapping[str, tuple[int, float]]  # node id -> CPUs, bytes of memory

    def slots(self, memory_bytes: float) -> int:
        """How many tasks of this size run at once."""
        return sum(min(cpus, int(memory // memory_bytes)) for cpus, memory in self.nodes.values())

    def fitting(self, memory_bytes: int) -> int:
        """The memory to ask for: what the task wants, or all that the largest node has. A task must never wait for a node that does not exist."""
        return int(
            min(memory_bytes, max((memory for cpus, memory in self.nodes.values() if cpus), default=memory_bytes))
        )


class OnRay:
    """Tasks on Ray: embedded (started here, ended here) without an address, else on a running cluster. Starts with the first task.

    `local_paths` are the run's paths that only this machine sees; on a cluster with other machines they are refused.
    """

    def __init__(
        self,
        address: str | None = None,
        workers: int | None = None,
        task_timeout_s: float = 7200.0,
        local_paths: Sequence[str] = (),
    ) -> None:
        self.address, self.workers, self.task_timeout_s = address, workers, task_timeout_s
        self.local_paths = tuple(local_paths)
        self._started = False
        self._full: set[str] = set()  # nodes without room on their disks
        self._looked, self._cluster = 0.0, _Cluster({})

    def run(self, tasks: Sequence[Task], done: Done) -> None:
        """Runs every task to its end. As many are in flight as the cluster has room for: none waits inside Ray, where its clock would run
        already (a task takes minutes, handing out the next one a millisecond). Raises Stopped for what every task would meet."""
        ray = self._start()
        todo = deque(Attempts(task) for task in tasks)
        _Stage(self, ray, todo, Guard(done)).run()

    def look(self, ray: Any) -> _Cluster:
        """The cluster as it is now, asked for anew every few seconds."""
        if time.monotonic() - self._looked >= _LOOK_S:
            self._looked = time.monotonic()
            alive = {n["NodeID"]: n["Resources"] for n in ray.nodes() if n["Alive"] and n["NodeID"] not in self._full}
            self._cluster = _Cluster({i: (int(r.get("CPU", 0)), r.get("memory", 0.0)) for i, r in alive.items()})
        return self._cluster

    def avoid(self, node: str) -> None:
        """No more tasks for a node: its disk is full."""
        self._full.add(node)
        self._looked = 0.0

    @property
    def avoided(self) -> frozenset[str]:
        return frozenset(self._full)

    def close(self) -> None:
        """Leaves the cluster; ends it if it was started here."""
        if self._started:
            import ray

            ray.shutdown()
            self._started = False

    def _start(self) -> Any:
        for name, value in _ENVIRONMENT.items():
            os.environ.setdefault(name, value)
        if not self.address:
            os.environ.setdefault("RAY_AUTH_MODE", "disabled")  # the embedded cluster listens on this machine alone
        import ray

        if self._started:
            return ray
        options: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR", "configure_logging": True}
        if self.address:
            options |= {"address": self.address, "runtime_env": {"env_vars": _ONE_THREAD}}
        else:
            options |= {
                "address": "local",
                "include_dashboard": False,
                "object_store_memory": _OBJECT_STORE_BYTES,
                "num_cpus": self.workers,
            }
        with _environment({} if self.address else _ONE_THREAD):
            try:
                if self.address:
                    _knock(self.address)
                ray.init(**options)
            except (OSError, ValueError, RuntimeError, ImportError) as error:
                where = f"join the Ray cluster at {self.address}" if self.address else "start Ray"
                raise CannotStart(f"cannot {where}: {' '.join(str(error).split())[:300]}") from error
        self._started = True
        if self.address and self.local_paths:
            self._refuse_other_machines(ray)
        return ray

    def _refuse_other_machines(self, ray: Any) -> None:
        here = {ray.util.get_node_ip_address()}
        others = {n["NodeManagerAddress"] for n in ray.nodes() if n["Alive"] and n["Resources"].get("CPU")} - here
        if any(not ipaddress.ip_address(address).is_loopback for address in others):
            self.close()
            raise CannotStart(elsewhere(self.local_paths))


class _Stage:
    """One stage's tasks on a cluster: hands out, waits, books, hands out again."""

    def __init__(self, executor: OnRay, ray: Any, todo: deque[Attempts], done: Done) -> None:
        self.executor, self.ray, self.todo, self.done = executor, ray, todo, done
        self.remote = ray.remote(num_cpus=1, max_retries=0, max_calls=_MAX_CALLS)(_guarded)
        self.running: dict[Any, tuple[Attempts, float]] = {}
        self.took_s: list[float] = []
        self.asked = 0

    def run(self) -> None:
        idle_since = time.monotonic()
        try:
            while self.todo or self.running:
                cluster = self.executor.look(self.ray)
                slots = cluster.slots(1.0)
                if slots == 0 and time.monotonic() - idle_since > _NO_SLOT_S:
                    raise Stopped(
                        f"the Ray cluster has had no CPU for {_NO_SLOT_S:.0f} s: add worker nodes (a head node with "
                        "num_cpus=0 runs nothing)"
                    )
                idle_since = time.monotonic() if slots else idle_since
                self._want(len(self.todo) + len(self.running))
                self._hand_out(cluster)
                if not self.running:
                    time.sleep(0.1)
                    continue
                ready, _ = self.ray.wait(list(self.running), num_returns=1, timeout=0.5, fetch_local=False)
                for reference in ready:
                    attempts, since = self.running.pop(reference)
                    attempts.running -= 1
                    self._settle(reference, attempts, time.monotonic() - since)
                for reference, (attempts, since) in self.running.items():
                    # The watchdog in the task counts from its start; this one is for a task that never started, or a node gone dumb.
                    # Only ever force=True: without it nothing happens to C code, and a later force=True has no effect either.
                    if attempts.over or time.monotonic() - since > 2 * self.executor.task_timeout_s + 60:
                        self.ray.cancel(reference, force=True)
        finally:
            for reference in self.running:
                with contextlib.suppress(Exception):
                    self.ray.cancel(reference, force=True)
            self._want(0)

    def _want(self, cpus: int) -> None:
        """Tells an autoscaler how much could run at once: it sees what waits inside Ray, and nothing of ours does."""
        if self.executor.address and (cpus == 0 or abs(cpus - self.asked) > self.asked // 10):
            with contextlib.suppress(Exception):  # a hint: a cluster of fixed size has nobody to hear it
                from ray.autoscaler.sdk import request_resources

                request_resources(num_cpus=cpus)
            self.asked = cpus

    def _hand_out(self, cluster: _Cluster) -> None:
        waiting = []
        while self.todo and self._has_room(self.todo[0], cluster):
            attempts = self.todo.popleft()
            if attempts.not_before > time.monotonic():
                waiting.append(attempts)
            else:
                self._submit(attempts, cluster)
        self.todo.extend(waiting)
        if self.todo or len(self.took_s) < 5:
            return
        late_s = max(_TWIN_LEAST_S, _TWIN_AFTER * statistics.quantiles(self.took_s, n=20)[-1])
        for attempts, since in list(self.running.values()):
            if attempts.running == 1 and time.monotonic() - since > late_s and self._has_room(attempts, cluster):
                self._submit(attempts, cluster)

    def _has_room(self, attempts: Attempts, cluster: _Cluster) -> bool:
        """Whether one more task of this one's size can run."""
        return len(self.running) < cluster.slots(cluster.fitting(attempts.task.memory_bytes) or 1)

    def _submit(self, attempts: Attempts, cluster: _Cluster) -> None:
        options: dict[str, Any] = {
            # Not the part's too: Ray keeps counts under every name, in this process and in its metrics, for as long as the run lasts.
            "name": attempts.task.stage,
            "memory": cluster.fitting(attempts.task.memory_bytes),
        }
        if self.executor.avoided:
            options["label_selector"] = {"ray.io/node-id": f"!in({','.join(sorted(self.executor.avoided))})"}
        reference = self.remote.options(**options).remote(attempts.task, self.executor.task_timeout_s)
        attempts.running += 1
        self.running[reference] = (attempts, time.monotonic())

    def _settle(self, reference: Any, attempts: Attempts, took_s: float) -> None:
        """Takes one attempt's result; books a failure and queues the task again, or gives it up."""
        errors = self.ray.exceptions
        cause: BaseException | None = None
        try:
            part = self.ray.get(reference)
        except errors.RayTaskError as error:
            cause = error.cause if error.cause is not None else error
            if isinstance(cause, _NodeFull):
                self.executor.avoid(cause.node)
                if not self.executor.look(self.ray).slots(1.0):
                    raise Stopped(f"{cause}. Make room and give the same command again") from error
            kind, what = describe(cause)
        except errors.TaskCancelledError:
            kind, what = "timeout", f"cancelled after {took_s:.0f} s"
        except errors.NodeDiedError as error:
            kind, what = "node", type(error).__name__
        except errors.LocalRayletDiedError as error:
            # The one that this process hands its tasks to: nothing more can run.
            raise Stopped("Ray has died on the machine of this command. Give the same command again") from error
        except (
            errors.ObjectLostError,
            errors.RaySystemError,
            errors.RuntimeEnvSetupError,
        ) as error:
            kind, what = "node", type(error).__name__
        except errors.OutOfMemoryError:
            kind, what = "crash", "out of memory"
        except errors.RayError as error:  # WorkerCrashedError and its kin
            timed_out = took_s >= self.executor.task_timeout_s
            kind, what = (
                ("timeout", f"ended after {took_s:.0f} s")
                if timed_out
                else ("crash", f"{type(error).__name__} after {took_s:.0f} s")
            )
        else:
            if not attempts.over:
                attempts.over = True
                self.took_s.append(took_s)
                self.done(attempts.task, part)
            return
        if attempts.over:
            return
        again = attempts.failed(kind, what)
        if attempts.running:
            return  # its twin goes on
        if again:
            self.todo.append(attempts)
            return
        if cause is not None:
            refuse_to_go_on(cause, attempts.history)
        attempts.over = True
        self.done(attempts.task, attempts.failure())


def elsewhere(paths: Sequence[str]) -> str:
    """The refusal of local paths on a cluster of other machines."""
    return (
        f"{', '.join(paths[:3])}: a local path, which the cluster's other machines may not see. Give s3://, gs:// or http(s):// paths, "
        "or --shared-filesystem if it is on a file system that every node has mounted there"
    )


def is_remote(address: str) -> bool:
    """Whether a Ray address names another machine for certain. `auto` and loopback addresses do not."""
    host = address.removeprefix("ray://").rsplit(":", maxsplit=1)[0].strip("[]")
    try:
        return not ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host not in ("auto", "local", "localhost", "")


def _knock(address: str) -> None:
    """OSError if nobody listens at a host:port: Ray itself would end this process, after a minute."""
    host, colon, port = address.removeprefix("ray://").rpartition(":")
    if colon and port.isdigit():
        socket.create_connection((host.strip("[]"), int(port)), timeout=10).close()


class CannotStart(RuntimeError):
    """The executor has nowhere to run."""


class _NodeFull(OSError):
    """A task found no room on its node's disk."""

    def __init__(self, number: int, text: str, node: str) -> None:
        super().__init__(number, text)
        self.node = node

    def __reduce__(self) -> tuple[type["_NodeFull"], tuple[int | None, str | None, str]]:
        return _NodeFull, (self.errno, self.strerror, self.node)


def _guarded(task: Task, limit_s: float) -> Part:
    """Runs in a Ray worker, around every task: a C thread ends the process after the limit, even while the GIL is held. Where it was goes
    to standard error, which Ray keeps in the worker's log."""
    started = time.monotonic()
    try:
        faulthandler.dump_traceback_later(limit_s, exit=True, file=_STDERR)
        try:
            return replace(task(), seconds=time.monotonic() - started)
        finally:
            faulthandler.cancel_dump_traceback_later()
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            import ray

            node = ray.get_runtime_context().get_node_id()
            raise _NodeFull(error.errno, f"{error.strerror} on node {node[:8]}", node) from error
        raise


@contextlib.contextmanager
def _environment(values: dict[str, str]) -> Iterator[None]:
    """Environment variables for the processes started inside; this process's own are restored."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
