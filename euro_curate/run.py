"""Parts, resume, checks and publication: the two verbs `map` and `gather`, and nothing that a stage could notice.

`map` makes one part from the parts of the same key; `gather` makes one part from ranges of many. Each output has a recipe (stage, version,
parameters, digests of what it reads), the recipe's hash is in its path, and a part that is there already is not made again. Tasks are
paths in, paths out: the executor moves no documents.
"""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.compute as pc

from euro_curate.shards import Part, Shards, find_part, join, list_files, read_part, remove, write_part
from euro_curate.stage import Stage, fingerprint, params_of

log = logging.getLogger("euro_curate")


@dataclass(frozen=True)
class Slice:
    """A range of a table's parts: which parts, which columns, which rows (by a sort column, so that only matching row groups are read)."""

    parts: tuple[Part, ...]
    columns: tuple[str, ...] | None = None
    equal: tuple[str, tuple[Any, ...]] | None = None  # column, the values to keep
    unequal: tuple[str, tuple[Any, ...]] | None = None  # column, the values to leave out
    between: tuple[str, int, int | None] | None = None  # column, low <= value < high (None = no end)

    def read(self, schema: pa.Schema) -> pa.Table:
        """The rows, parts in key order. `schema` types the table when there are no parts."""
        where: pc.Expression | None = None
        for condition in self._conditions():
            where = condition if where is None else where & condition
        # equal in one column and between in another: a range of parts sorted by both
        on = (self.equal[0], self.between[0]) if self.equal and self.between else ()
        tables = [read_part(part, self.columns, where, on) for part in self.parts]
        if not tables:
            empty = schema.empty_table()
            return empty.select(list(self.columns)) if self.columns else empty
        return pa.concat_tables(tables)

    def _conditions(self) -> list[pc.Expression]:
        out = []
        if self.equal:
            column, values = self.equal
            # one value as ==, which row-group statistics decide best
            out.append(pc.field(column) == values[0] if len(values) == 1 else pc.field(column).isin(list(values)))
        if self.unequal:
            out.append(~pc.field(self.unequal[0]).isin(list(self.unequal[1])))
        if self.between:
            column, low, high = self.between
            out.append(pc.field(column) >= pa.scalar(low, pa.uint64()))
            if high is not None:
                out.append(pc.field(column) < pa.scalar(high, pa.uint64()))
        return out

    def identity(self) -> Any:
        """What the rows depend on, for the recipe."""
        return {
            "digests": [part.digest for part in self.parts],
            "equal": params_of(self.equal),
            "unequal": params_of(self.unequal),
            "between": params_of(self.between),
            "columns": params_of(self.columns),
        }


@dataclass(frozen=True)
class Task:
    """One part to make. Small and picklable: this is all that travels to a worker."""

    stage: str
    key: str
    path: str
    recipe: dict[str, Any] = field(hash=False)
    make: Callable[[], tuple[pa.Table, dict[str, Any]]] = field(hash=False)  # -> (table, notes); picklable by reference
    source_hash: str = ""
    rows_in: int = 0

    def __call__(self) -> Part:
        table, notes = self.make()
        return write_part(self.path, table, self.recipe, self.source_hash, notes)


@dataclass(frozen=True)
class Failure:
    """An input set aside: what happened at each attempt."""

    stage: str
    key: str
    history: tuple[str, ...]


class SourceLike(Protocol):
    """An input file: what its recipe needs."""

    @property
    def name(self) -> str: ...
    @property
    def key(self) -> str: ...
    @property
    def size(self) -> int: ...
    @property
    def tag(self) -> str: ...


class Executor(Protocol):
    """Runs tasks somewhere. `done` is called in this process for each task that ends: with its part, or with its failure."""

    def run(self, tasks: Sequence[Task], done: Callable[[Task, Part | Failure], None]) -> None: ...


class Progress(Protocol):
    """Told how a stage goes along."""

    def start(self, stage: str, total: int, reused: int) -> None: ...
    def step(self, stage: str, rows: int) -> None: ...
    def finish(self, stage: str) -> None: ...
    def note(self, text: str) -> None: ...


class Silent:
    """Shows nothing."""

    def start(self, stage: str, total: int, reused: int) -> None: ...
    def step(self, stage: str, rows: int) -> None: ...
    def finish(self, stage: str) -> None: ...
    def note(self, text: str) -> None: ...


class GatherFailed(RuntimeError):
    """A part that everything after it needs could not be made."""


# --- what a worker does ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class MakeStage:
    """Reads a stage's inputs, calls it, checks what it promised."""

    stage: Stage
    inputs: tuple[tuple[Slice, pa.Schema], ...]
    aligned: int  # the first so many inputs have the same rows
    params: Any

    def __call__(self) -> tuple[pa.Table, dict[str, Any]]:
        tables = [part.read(schema) for part, schema in self.inputs]
        for other in tables[1 : self.aligned]:
            if not tables[0]["id"].equals(other["id"]):
                raise ValueError(f"{self.stage.name}: inputs are not row-aligned: their ids differ")
        return checked(self.stage, self.stage(*tables, self.params), tables[0] if tables else None), {}


def checked(stage: Stage, table: pa.Table, first: pa.Table | None) -> pa.Table:
    """The contract at every write: schema, nulls, and ids of a row-aligned stage. TypeError or ValueError names the stage."""
    if not table.schema.equals(stage.out):
        raise TypeError(f"{stage.name} returned {table.schema}, promised {stage.out}")
    for column in stage.out:
        if not column.nullable and table[column.name].null_count:
            raise ValueError(f"{stage.name}: nulls in {column.name}")
    if stage.rows == "same" and first is not None and not table["id"].equals(first["id"]):
        raise ValueError(f"{stage.name}: ids are not those of its input, in their order")
    if stage.rows == "subset" and first is not None:
        rest = iter(first["id"].to_pylist())
        if not all(page in rest for page in table["id"].to_pylist()):  # `in` reads on from the last match: order counts
            raise ValueError(f"{stage.name}: ids that its input does not have, or not in its order")
    return table


# --- the run -----------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class StageCount:
    """What one call of a verb came to."""

    name: str
    parts: int
    reused: int  # of these, parts that were there already
    rows_in: int
    rows_out: int
    seconds: float


class Run:
    """One run into one output folder. `work` holds the stage tables; `set_aside` the inputs that could not be handled."""

    def __init__(self, output: str, executor: Executor, progress: Progress | None = None) -> None:
        self.output, self.executor = output.rstrip("/"), executor
        self.progress: Progress = progress or Silent()
        self.work = join(self.output, "work")
        self.counts: list[StageCount] = []
        self.set_aside: list[Failure] = []
        self.warned: set[str] = set()

    # the two verbs, each in two steps: plan (what would be made, from what) and make (what is not there yet)

    def read(
        self,
        name: str,
        version: str,
        sources: Sequence[SourceLike],
        params: Any,
        make: Callable[[Any, Any], Callable[[], tuple[pa.Table, dict[str, Any]]]],
    ) -> Shards:
        """Crawl files -> one part each. Their recipe holds name, size, and ETag or mtime, as a file has no digest before it is read."""
        tasks = []
        for source in sources:
            recipe = {
                "stage": name,
                "version": version,
                "params": params_of(params),
                "source": {"name": source.name, "size": source.size, "tag": source.tag},
            }
            tasks.append(Task(name, source.key, self._path(name, recipe, source.key), recipe, make(source, params)))
        shards = self.make(tasks)
        if tasks:
            records = sum(part.notes.get("records", 0) for part in shards.parts)
            self.counts[-1] = replace(self.counts[-1], rows_in=records)
        return shards

    def map(
        self,
        stage: Stage,
        inputs: Sequence[tuple[Shards, pa.Schema]],
        params: Any,
        lookup: Callable[[str], Sequence[tuple[Slice, pa.Schema]]] | None = None,
        columns: tuple[str, ...] | None = None,
    ) -> Shards:
        """One output part per key, from the row-aligned parts of that key in every input. Keys set aside earlier are left out.

        `lookup(key)` gives further tables, not row-aligned, as the stage's next arguments; `columns` are all that is read of the inputs.
        """
        return self.make(self.plan_map(stage, inputs, params, lookup, columns=columns))

    def plan_map(
        self,
        stage: Stage,
        inputs: Sequence[tuple[Shards, pa.Schema]],
        params: Any,
        lookup: Callable[[str], Sequence[tuple[Slice, pa.Schema]]] | None = None,
        into: Callable[[str], str] | None = None,
        columns: tuple[str, ...] | None = None,
    ) -> list[Task]:
        """The tasks of `map`; `into(key)` names another path than one under work/."""
        tables = [{part.key: part for part in shards.parts} for shards, _ in inputs]
        schemas = [schema for _, schema in inputs]
        tasks = []
        for key in (k for k in tables[0] if all(k in table for table in tables)):
            slices = [(Slice((table[key],), columns), schema) for table, schema in zip(tables, schemas, strict=True)]
            slices += lookup(key) if lookup else ()
            tasks.append(self._plan(stage, key, slices, len(inputs), params, into))
        return tasks

    def gather(
        self, stage: Stage, keys: Mapping[str, Sequence[tuple[Slice, pa.Schema]]], params: Any, aligned: int = 1
    ) -> Shards:
        """One output part per key, from slices of any parts. GatherFailed if one cannot be made: all that follows needs them all."""
        return self.make(self.plan_gather(stage, keys, params, aligned), all_or_nothing=True)

    def plan_gather(
        self,
        stage: Stage,
        keys: Mapping[str, Sequence[tuple[Slice, pa.Schema]]],
        params: Any,
        aligned: int = 1,
        into: Callable[[str], str] | None = None,
    ) -> list[Task]:
        """The tasks of `gather`."""
        return [self._plan(stage, key, slices, aligned, params, into) for key, slices in keys.items()]

    def make(self, tasks: Sequence[Task], all_or_nothing: bool = False) -> Shards:
        """Makes the parts that are not there yet; tasks that fail for good are in `set_aside`."""
        if not tasks:
            return Shards(())
        name, started = tasks[0].stage, time.monotonic()
        made: dict[str, Part] = {}
        todo = []
        for task in tasks:
            part = find_part(task.path, task.recipe)
            if part is None:
                todo.append(task)
            else:
                made[task.key] = part
                self._check_drift(task, part)
        self.progress.start(name, len(tasks), len(made))
        reused = len(made)

        def done(task: Task, result: Part | Failure) -> None:
            if isinstance(result, Failure):
                self.set_aside.append(result)
                log.error("%s of %s set aside: %s", result.stage, result.key, "; then ".join(result.history))
            else:
                made[task.key] = replace(result, key=task.key)
            self.progress.step(name, 0 if isinstance(result, Failure) else result.rows)

        if todo:
            self.executor.run(todo, done)
        self.progress.finish(name)
        parts = tuple(replace(made[task.key], key=task.key) for task in tasks if task.key in made)
        shards = Shards(parts)
        seconds = round(time.monotonic() - started, 3)
        self.counts.append(
            StageCount(name, len(parts), reused, sum(task.rows_in for task in tasks), shards.rows, seconds)
        )
        if all_or_nothing and len(parts) < len(tasks):
            failure = self.set_aside[-1]
            raise GatherFailed(f"{failure.stage} of {failure.key} failed: " + "; then ".join(failure.history))
        return shards

    def publish(self, folders: Mapping[str, Sequence[Task]]) -> dict[str, Shards]:
        """Makes parts in folders that others read by glob. If anything there must change, run.json goes first, then every file that the
        plan lacks or that another recipe made; so a folder without a run.json beside it is not finished."""
        wanted = {task.path: task.recipe for tasks in folders.values() for task in tasks}
        present = {_local(path) for folder in folders for path in list_files(join(self.output, folder))}
        right = {path for path, recipe in wanted.items() if find_part(path, recipe)}
        stale = present - {_local(path) for path in right}
        if stale or len(right) < len(wanted):
            remove(join(self.output, "run.json"))
            scheme = self.output.split("://")[0] + "://" if "://" in self.output else ""
            for path in sorted(stale):
                remove(scheme + path)
        return {folder: self.make(tasks) for folder, tasks in folders.items()}

    # their workings

    def _path(self, name: str, recipe: dict[str, Any], key: str) -> str:
        return join(self.work, name, fingerprint(recipe), f"{key}.parquet")

    def _plan(
        self,
        stage: Stage,
        key: str,
        slices: Sequence[tuple[Slice, pa.Schema]],
        aligned: int,
        params: Any,
        into: Callable[[str], str] | None,
    ) -> Task:
        recipe = {
            "stage": stage.name,
            "version": stage.version,
            "params": params_of(params),
            "inputs": [s.identity() for s, _ in slices],
        }
        make = MakeStage(stage, tuple(slices), aligned, params)
        path = into(key) if into else self._path(stage.name, recipe, key)
        rows_in = sum(part.rows for part in slices[0][0].parts) if slices else 0
        return Task(stage.name, key, path, recipe, make, stage.source_hash(), rows_in)

    def _check_drift(self, task: Task, part: Part) -> None:
        if (
            part.source_hash
            and task.source_hash
            and part.source_hash != task.source_hash
            and task.stage not in self.warned
        ):
            self.warned.add(task.stage)
            log.warning(
                "the source of stage %r changed, but its version did not: parts made by the old code are used. Raise the version "
                "in its @stage(...) if its output changed",
                task.stage,
            )


def _local(path: str) -> str:
    return path.split("://", 1)[-1]
