"""Small tasks for the engine's tests. In a module of their own, so that Ray workers can import them (PYTHONPATH=tests)."""

import ctypes
import errno
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from euro_curate.run import Task
from euro_curate.stage import fingerprint, stage

NUMBERS = pa.schema([pa.field("id", pa.string(), nullable=False), pa.field("n", pa.int64(), nullable=False)])


@dataclass(frozen=True)
class Add:
    """Parameters of `add`."""

    n: int = 1


@stage(out=NUMBERS, version=1)
def add(numbers: pa.Table, params: Add) -> pa.Table:
    """n -> n + params.n"""
    return pa.table([numbers["id"], pa.array([n + params.n for n in numbers["n"].to_pylist()])], schema=NUMBERS)


@stage(out=NUMBERS, version=1, rows="free")
def total(numbers: pa.Table, params: Add) -> pa.Table:
    """One row: the sum."""
    return pa.table([pa.array(["sum"]), pa.array([sum(numbers["n"].to_pylist())])], schema=NUMBERS)


@stage(out=NUMBERS, version=1)
def reorder(numbers: pa.Table, params: Add) -> pa.Table:
    """A bad stage: promises its input's ids, returns them in another order."""
    return numbers.take(list(range(len(numbers)))[::-1])


@dataclass(frozen=True)
class Chore:
    """What a task does: a number, or one of many ways to fail. `log` counts attempts across processes."""

    action: str
    log: str = ""
    n: int = 0

    def __call__(self) -> tuple[pa.Table, dict[str, Any]]:
        attempt = self._attempt()
        if self.action == "raise":
            raise ValueError("the code is wrong")
        if self.action == "throttled" and attempt < 3:
            raise OSError("SlowDown")
        if self.action == "lost":
            raise FileNotFoundError("no such file")
        if self.action == "exit" or (self.action == "exit once" and attempt == 1):
            os._exit(7)
        if self.action == "segfault":
            ctypes.string_at(0)
        if self.action == "full":
            raise OSError(errno.ENOSPC, "No space left on device")
        if self.action == "hang" or (self.action == "hang once" and attempt == 1):
            time.sleep(600)
        if self.action == "hang in C":
            ctypes.PyDLL(None).sleep(600)  # holds the GIL
        if self.action in ("slow", "long"):
            time.sleep(0.5 if self.action == "slow" else 5.0)
        return pa.table([pa.array([f"id{self.n}"]), pa.array([self.n])], schema=NUMBERS), {"attempt": attempt}

    def _attempt(self) -> int:
        if not self.log:
            return 1
        Path(self.log).parent.mkdir(parents=True, exist_ok=True)
        with Path(self.log).open("a") as file:
            file.write("x")
        return Path(self.log).stat().st_size


def chore(folder: Path, key: str, action: str = "", n: int = 0) -> Task:
    """A task that does `action`."""
    recipe = {"stage": "chore", "key": key, "action": action, "n": n}
    path = folder / "work" / "chore" / fingerprint(recipe) / f"{key}.parquet"
    return Task("chore", key, str(path), recipe, Chore(action, str(folder / f"{key}.attempts"), n))
