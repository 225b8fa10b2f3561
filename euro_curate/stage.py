"""What a stage is: a pure function of Arrow tables and one frozen dataclass, with the schema that it promises.

`@stage(out=LANGUAGES, version=1)` changes nothing about how the function is called; it adds what the runner needs to check the
promise and to name the result. Because the dataclass is the only parameter, it is the whole identity of the work: nothing that
changes the output can be forgotten.
"""

import dataclasses
import enum
import importlib
import inspect
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import xxhash


class Stage:
    """A named stage. `fn(*tables, params) -> table`; `rows` says how its output rows relate to its inputs' rows.

    rows = "same": row-aligned, same ids in the same order; "subset": some of the ids, in order; "free": anything.
    A generator (rows "free", no notes) yields its table in pieces, one at least, that are written as they come: it never lies whole in memory.
    `memory_bytes` is what a task of it needs at most on default settings: Ray runs no more of them on a machine than have room there.
    `notes(table)` sums an output part up for its receipt, so that the driver need not read the part for it.
    """

    def __init__(
        self,
        fn: Callable[..., pa.Table],
        out: pa.Schema,
        version: int,
        rows: str,
        memory_bytes: int,
        notes: Callable[[pa.Table], dict[str, Any]],
    ) -> None:
        if rows not in ("same", "subset", "free"):
            raise ValueError(f"stage {fn.__name__}: rows must be same, subset or free, not {rows!r}")
        if inspect.isgeneratorfunction(fn) and (rows != "free" or notes is not no_notes):
            raise ValueError(f"stage {fn.__name__}: a table in pieces has rows='free' and no notes")
        self.fn, self.out, self.version, self.rows = fn, out, version, rows
        self.memory_bytes, self.notes = memory_bytes, notes
        self.name = fn.__name__
        self.__doc__ = fn.__doc__
        self.__module__ = fn.__module__
        self.__qualname__ = fn.__qualname__

    def __call__(self, *args: Any) -> pa.Table:
        return self.fn(*args)

    def __reduce__(self) -> tuple[Callable[[str, str], "Stage"], tuple[str, str]]:
        return _by_name, (self.__module__, self.__qualname__)

    def source_hash(self) -> str:
        """Hash of the module's source: a change under the same version deserves a warning (run/ gives it)."""
        path = inspect.getsourcefile(self.fn)
        return xxhash.xxh3_64_hexdigest(Path(path).read_bytes()) if path else ""


def _by_name(module: str, name: str) -> Stage:
    found = getattr(importlib.import_module(module), name)
    assert isinstance(found, Stage), f"{module}.{name} is not a stage"
    return found


def no_notes(table: pa.Table) -> dict[str, Any]:
    """Nothing to sum up."""
    return {}


def stage(
    out: pa.Schema,
    version: int,
    rows: str = "same",
    memory_bytes: int = 1 << 30,
    notes: Callable[[pa.Table], dict[str, Any]] = no_notes,
) -> Callable[[Callable[..., pa.Table]], Stage]:
    """Decorator: promise that the function returns `out`, under a version that is raised when the meaning changes."""
    return lambda fn: Stage(fn, out, version, rows, memory_bytes, notes)


def params_of(params: Any) -> Any:
    """A frozen dataclass as plain JSON values, for recipes. TypeError on anything without a stable identity.

    A field with the metadata {"identity": False} is left out: where to find a thing whose digest is another field.
    """
    if dataclasses.is_dataclass(params) and not isinstance(params, type):
        known = [f for f in dataclasses.fields(params) if f.metadata.get("identity", True)]
        return {f.name: params_of(getattr(params, f.name)) for f in known}
    if isinstance(params, enum.Enum):
        return params_of(params.value)
    if params is None or isinstance(params, (str, int, float, bool)):
        return params
    if isinstance(params, (tuple, list)):
        return [params_of(v) for v in params]
    if isinstance(params, dict):
        return {str(k): params_of(v) for k, v in sorted(params.items())}
    raise TypeError(
        f"{type(params).__name__} has no stable identity: a stage's parameters are plain values and dataclasses of them"
    )


def fingerprint(value: Any) -> str:
    """16 hex digits that depend on the JSON value alone."""
    return xxhash.xxh3_64_hexdigest(
        json.dumps(value, sort_keys=True, ensure_ascii=True, separators=(",", ":")).encode()
    )
