"""Where tasks run: in this process, or on Ray. The only importer of ray.

Both give a failed task a number of further attempts by the kind of its failure, then set it aside with its history: a run never hangs
on one input, never stops for one, and never drops one silently.
"""

import contextlib
import faulthandler
import os
import socket
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from euro_curate.run import Failure, Task
from euro_curate.shards import Part

Done = Callable[[Task, Part | Failure], None]

# Further attempts after the first, by kind of failure.
BUDGETS = {
    "error": 0,  # the code raised: it would again
    "io": 3,  # storage failed: throttling, resets
    "crash": 2,  # the process died: segfault, killed, out of memory
    "timeout": 1,
    "node": 10,  # the machine was lost: not the task's fault
}
_BACKOFF_S = 1.0
_FINAL_IO = (FileNotFoundError, PermissionError, IsADirectoryError, NotADirectoryError, FileExistsError)


@dataclass
class Attempts:
    """A task with what became of it so far."""

    task: Task
    history: list[str] = field(default_factory=list)
    failures: dict[str, int] = field(default_factory=dict)
    not_before: float = 0.0

    def failed(self, kind: str, what: str) -> bool:
        """Books a failure. True if the task may be tried again."""
        self.failures[kind] = self.failures.get(kind, 0) + 1
        self.history.append(f"{kind}: {what}")
        if kind == "io":
            self.not_before = time.monotonic() + _BACKOFF_S * 2 ** (self.failures[kind] - 1)
        return self.failures[kind] <= BUDGETS[kind]

    def failure(self) -> Failure:
        return Failure(self.task.stage, self.task.key, tuple(self.history))


def describe(error: BaseException) -> tuple[str, str]:
    """(kind, text) of an exception that a task raised. The text names the type and the message's first line, cut short."""
    first = " ".join(str(error).split())[:300]
    kind = "io" if isinstance(error, (OSError, TimeoutError)) and not isinstance(error, _FINAL_IO) else "error"
    return kind, f"{type(error).__name__}: {first}"


class Serial:
    """Tasks one after another in this process."""

    def run(self, tasks: Sequence[Task], done: Done) -> None:
        """Runs every task to its end."""
        for task in tasks:
            attempts = Attempts(task)
            while True:
                try:
                    done(task, task())
                except Exception as error:
                    if attempts.failed(*describe(error)):
                        time.sleep(max(0.0, attempts.not_before - time.monotonic()))
                        continue
                    done(task, attempts.failure())
                break

    def close(self) -> None:
        """Nothing to end."""


# Set before ray is imported, unless the user has set them: research/ray.md's reasons are in README, "On a cluster".
_ENVIRONMENT = {
    "RAY_grpc_client_keepalive_time_ms": "20000",  # a silently lost node is noticed in half a minute, not in seven
    "RAY_grpc_client_keepalive_timeout_ms": "10000",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
}
_ONE_THREAD = dict.fromkeys(("POLARS_MAX_THREADS", "OMP_NUM_THREADS", "NUMBA_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
_OBJECT_STORE_BYTES = 200 << 20  # receipts only: documents never travel through Ray
_MAX_CALLS = 500  # tasks per worker process: whatever libraries leak stays bounded
_NO_SLOT_S = 180.0


class OnRay:
    """Tasks on Ray: embedded (started here, ended here) without an address, else on a running cluster. Starts with the first task."""

    def __init__(self, address: str | None = None, workers: int | None = None, task_timeout_s: float = 7200.0) -> None:
        self.address, self.workers, self.task_timeout_s = address, workers, task_timeout_s
        self._started = False

    def run(self, tasks: Sequence[Task], done: Done) -> None:
        """Runs every task to its end. As many are in flight as there are CPUs: none waits inside Ray, where its clock would run already
        (a task takes minutes, handing out the next one a millisecond)."""
        ray = self._start()
        remote = ray.remote(num_cpus=1, max_retries=0, max_calls=_MAX_CALLS)(_guarded)
        todo = deque(Attempts(task) for task in tasks)
        running: dict[Any, tuple[Attempts, float]] = {}
        idle_since = time.monotonic()
        try:
            while todo or running:
                slots = int(ray.cluster_resources().get("CPU", 0))
                if slots == 0 and time.monotonic() - idle_since > _NO_SLOT_S:
                    raise RuntimeError(
                        f"the Ray cluster has had no CPU for {_NO_SLOT_S:.0f} s: add worker nodes (a head node with "
                        "num_cpus=0 runs nothing)"
                    )
                idle_since = time.monotonic() if slots else idle_since
                waiting = []
                while todo and len(running) < slots:
                    attempts = todo.popleft()
                    if attempts.not_before > time.monotonic():
                        waiting.append(attempts)
                        continue
                    running[remote.remote(attempts.task, self.task_timeout_s)] = (attempts, time.monotonic())
                todo.extend(waiting)
                if not running:
                    time.sleep(0.1)
                    continue
                ready, _ = ray.wait(list(running), num_returns=1, timeout=0.5, fetch_local=False)
                for reference in ready:
                    attempts, since = running.pop(reference)
                    self._settle(ray, reference, attempts, time.monotonic() - since, todo, done)
                for reference, (_, since) in running.items():
                    # The watchdog in the task counts from its start; this one is for a task that never started, or a node gone dumb.
                    # Only ever force=True: without it nothing happens to C code, and a later force=True has no effect either.
                    if time.monotonic() - since > 2 * self.task_timeout_s + 60:
                        ray.cancel(reference, force=True)
        finally:
            for reference in running:
                with contextlib.suppress(Exception):
                    ray.cancel(reference, force=True)

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
            except (OSError, ValueError, RuntimeError) as error:
                where = f"join the Ray cluster at {self.address}" if self.address else "start Ray"
                raise CannotStart(f"cannot {where}: {' '.join(str(error).split())[:300]}") from error
        self._started = True
        return ray

    def _settle(
        self, ray: Any, reference: Any, attempts: Attempts, took_s: float, todo: deque[Attempts], done: Done
    ) -> None:
        """Takes one task's result; books a failure and queues the task again, or gives it up."""
        errors = ray.exceptions
        try:
            part = ray.get(reference)
        except errors.RayTaskError as error:
            kind, what = describe(error.cause if error.cause is not None else error)
        except errors.TaskCancelledError:
            kind, what = "timeout", f"cancelled after {took_s:.0f} s"
        except errors.NodeDiedError as error:
            kind, what = "node", type(error).__name__
        except (
            errors.ObjectLostError,
            errors.LocalRayletDiedError,
            errors.RaySystemError,
            errors.RuntimeEnvSetupError,
        ) as error:
            kind, what = "node", type(error).__name__
        except errors.OutOfMemoryError:
            kind, what = "crash", "out of memory"
        except errors.RayError as error:  # WorkerCrashedError and its kin
            timed_out = took_s >= self.task_timeout_s
            kind, what = (
                ("timeout", f"ended after {took_s:.0f} s")
                if timed_out
                else ("crash", f"{type(error).__name__} after {took_s:.0f} s")
            )
        else:
            done(attempts.task, part)
            return
        if attempts.failed(kind, what):
            todo.append(attempts)
        else:
            done(attempts.task, attempts.failure())


def _knock(address: str) -> None:
    """OSError if nobody listens at a host:port: Ray itself would end this process, after a minute."""
    host, colon, port = address.removeprefix("ray://").rpartition(":")
    if colon and port.isdigit():
        socket.create_connection((host.strip("[]"), int(port)), timeout=10).close()


class CannotStart(RuntimeError):
    """The executor has nowhere to run."""


def _guarded(task: Task, limit_s: float) -> Part:
    """Runs in a Ray worker, around every task: a C thread ends the process after the limit, even while the GIL is held."""
    with tempfile.NamedTemporaryFile(mode="w", prefix="euro-curate-", suffix=".trace") as trace:
        faulthandler.dump_traceback_later(limit_s, exit=True, file=trace)
        try:
            return task()
        finally:
            faulthandler.cancel_dump_traceback_later()


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
