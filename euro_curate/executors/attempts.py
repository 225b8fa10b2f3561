"""What becomes of a task that fails: further attempts by the kind of its failure, then it is set aside with its history.

What every task would meet (no permission to write, a full disk everywhere, the same failure again and again) stops the run at once,
with the reason; the same command goes on later.
"""

import errno
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from euro_curate.run import Failure, Task
from euro_curate.shards import Part, StorageRefused

Done = Callable[[Task, Part | Failure], None]

# Further attempts after the first, by kind of failure.
BUDGETS = {
    "error": 0,  # the code raised: it would again
    "io": 3,  # storage failed: throttling, resets
    "crash": 2,  # the process died: segfault, killed, out of memory
    "timeout": 1,
    "node": 10,  # the machine was lost or is full: not the task's fault
}
_BACKOFF_S = 1.0
_FINAL_IO = (FileNotFoundError, PermissionError, IsADirectoryError, NotADirectoryError, FileExistsError)
_HOPELESS = 20  # parts of a stage set aside one after another: it is not the parts


@dataclass
class Attempts:
    """A task with what became of it so far."""

    task: Task
    history: list[str] = field(default_factory=list)
    failures: dict[str, int] = field(default_factory=dict)
    not_before: float = 0.0
    running: int = 0  # attempts in flight: two where a straggler got a twin
    over: bool = False  # reported: what its other attempt comes to no longer matters

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
    io = isinstance(error, (OSError, TimeoutError)) and (
        not isinstance(error, _FINAL_IO) or isinstance(error, StorageRefused)
    )
    full = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
    return "node" if full else "io" if io else "error", f"{type(error).__name__}: {first}"


class Stopped(RuntimeError):
    """The run cannot go on, for a reason that every task would meet. What is done stays: the same command goes on from there."""


class Guard:
    """Passes results on, and raises Stopped when part after part of a stage fails."""

    def __init__(self, done: Done) -> None:
        self._done, self._in_a_row = done, 0

    def __call__(self, task: Task, result: Part | Failure) -> None:
        self._done(task, result)
        self._in_a_row = self._in_a_row + 1 if isinstance(result, Failure) else 0
        if isinstance(result, Failure) and self._in_a_row >= _HOPELESS:
            raise Stopped(
                f"{self._in_a_row} parts of {task.stage} failed one after another, the last one with: {result.history[-1]}. "
                "Mend the cause and give the same command again"
            )


def refuse_to_go_on(error: BaseException, history: Sequence[str]) -> None:
    """Raises Stopped if what a task raised, with its attempts used up, would meet every task: the storage refuses us."""
    if isinstance(error, StorageRefused):
        raise Stopped(
            f"{error} ({len(history)} attempts). Give back the permission or the credentials and the same command again"
        ) from error
