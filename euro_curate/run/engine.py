"""The run: what is there already, what is to be made, by whom it is watched, and how parts are published."""

import logging
import os
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, Protocol

import pyarrow as pa

from euro_curate.run.task import Earlier, Failure, MakeStage, Slice, Task
from euro_curate.shards import Part, Shards, find_part, join, list_files, remove
from euro_curate.stage import Stage, fingerprint, params_of

log = logging.getLogger("euro_curate")


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


class Watcher(Protocol):
    """Told of every part, for those who look on from elsewhere: see watch.py."""

    def begin(self, stage: str, parts: int, reused: int) -> None: ...
    def part(self, task: Task, result: Part | Failure) -> None: ...
    def end(self, count: "StageCount") -> None: ...


class Silent:
    """Shows nothing."""

    def start(self, stage: str, total: int, reused: int) -> None: ...
    def step(self, stage: str, rows: int) -> None: ...
    def finish(self, stage: str) -> None: ...
    def note(self, text: str) -> None: ...


class GatherFailed(RuntimeError):
    """A part that everything after it needs could not be made."""


@dataclass(frozen=True)
class StageCount:
    """What one call of a verb came to."""

    name: str
    parts: int
    reused: int  # of these, parts that were there already
    rows_in: int
    rows_out: int
    seconds: float  # by the clock
    core_seconds: float  # of all tasks that ran, together
    bytes_out: int  # of Parquet, reused parts too
    memory_bytes: int  # what a task of it is given room for
    gather: bool  # parts of many parts, not one for one
    peak_bytes: int  # memory of the largest process that made a part


class Run:
    """One run into one output folder. `work` holds the stage tables; `set_aside` the inputs that could not be handled."""

    def __init__(
        self,
        output: str,
        executor: Executor,
        progress: Progress | None = None,
        watchers: Sequence[Watcher] = (),
    ) -> None:
        self.output, self.executor = output.rstrip("/"), executor
        self.progress: Progress = progress or Silent()
        self.watchers = tuple(watchers)
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
        make: Callable[[Any, Any, Earlier], Callable[[], tuple[pa.Table, dict[str, Any]]]],
        late: tuple[str, ...] = (),
        memory_bytes: int = 2 << 30,
    ) -> Shards:
        """Crawl files -> one part each. Their recipe holds name, size, and ETag or mtime, as a file has no digest before it is read.

        `late` parameters decide so little that a part made with others is worth looking at: `make` is told where one may lie.
        """
        tasks = []
        for source in sources:
            recipe = {
                "stage": name,
                "version": version,
                "params": params_of(params),
                "source": {"name": source.name, "size": source.size, "tag": source.tag},
            }
            path = self._path(name, recipe, source.key)
            made = make(source, params, Earlier(join(self.work, name), source.key, recipe, late))
            tasks.append(Task(name, source.key, path, recipe, made, memory_bytes=memory_bytes))
        shards = self.make(tasks)
        if tasks:
            records = sum(part.notes.get("records", 0) for part in shards.parts)
            self.counts[-1] = replace(self.counts[-1], rows_in=records)
        return shards

    def beside(self, shards: Shards, name: str) -> Shards:
        """The tables of that name which were published beside these parts; few or none of them have one."""
        found = [(part.key, part.notes[name]) for part in shards.parts if name in part.notes]
        return Shards(
            tuple(Part(k, join(self.work, name, n["part"]), n["digest"], n["rows"], n["bytes"]) for k, n in found)
        )

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
        self,
        stage: Stage,
        keys: Mapping[str, Sequence[tuple[Slice, pa.Schema]]],
        params: Any,
        aligned: int = 1,
        memory_bytes: int | None = None,
    ) -> Shards:
        """One output part per key, from slices of any parts. GatherFailed if one cannot be made: all that follows needs them all.

        `memory_bytes`: what a task needs at most, where the recipe says it and not the stage.
        """
        tasks = self.plan_gather(stage, keys, params, aligned)
        if memory_bytes is not None:
            tasks = [replace(task, memory_bytes=memory_bytes) for task in tasks]
        return self.make(tasks, all_or_nothing=True)

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

    def make(
        self, tasks: Sequence[Task], all_or_nothing: bool = False, there: Mapping[str, Part] | None = None
    ) -> Shards:
        """Makes the parts that are not there yet (`there`: those that are, if that is known); tasks that fail for good are in `set_aside`."""
        if not tasks:
            return Shards(())
        name, started = tasks[0].stage, time.monotonic()
        made = dict(self._there_already(tasks) if there is None else there)
        todo = [task for task in tasks if task.key not in made]
        for task in tasks:
            if task.key in made:
                self._check_drift(task, made[task.key])
        reused, core_seconds = len(made), 0.0
        self.progress.start(name, len(tasks), reused)
        for watcher in self.watchers:
            watcher.begin(name, len(tasks), reused)

        def done(task: Task, result: Part | Failure) -> None:
            nonlocal core_seconds
            if isinstance(result, Failure):
                self.set_aside.append(result)
                log.error("%s of %s set aside: %s", result.stage, result.key, "; then ".join(result.history))
            else:
                core_seconds += result.seconds
                made[task.key] = replace(result, key=task.key)
            self.progress.step(name, 0 if isinstance(result, Failure) else result.rows)
            for watcher in self.watchers:
                watcher.part(task, result)

        if todo:
            self.executor.run(todo, done)
        self.progress.finish(name)
        parts = tuple(replace(made[task.key], key=task.key) for task in tasks if task.key in made)
        shards = Shards(parts)
        count = StageCount(
            name,
            len(parts),
            reused,
            sum(task.rows_in for task in tasks),
            shards.rows,
            round(time.monotonic() - started, 3),
            round(core_seconds, 3),
            sum(part.bytes for part in parts),
            max(task.memory_bytes for task in tasks),
            all_or_nothing,
            max((part.peak_bytes for part in parts), default=0),
        )
        self.counts.append(count)
        for watcher in self.watchers:
            watcher.end(count)
        if all_or_nothing and len(parts) < len(tasks):
            failure = self.set_aside[-1]
            raise GatherFailed(f"{failure.stage} of {failure.key} failed: " + "; then ".join(failure.history))
        return shards

    def publish(self, folders: Mapping[str, Sequence[Task]]) -> dict[str, Shards]:
        """Makes parts in folders that others read by glob. If anything there must change, run.json goes first, then every file that the
        plan lacks or that another recipe made; so a folder without a run.json beside it is not finished."""
        present = {_place(path) for folder in folders for path in list_files(join(self.output, folder))}
        there = {folder: self._there_already(tasks) for folder, tasks in folders.items()}
        right = {part.path for parts in there.values() for part in parts.values()}
        stale = present - {_place(path) for path in right}
        if stale or len(right) < sum(map(len, folders.values())):
            remove(join(self.output, "run.json"))
            scheme = self.output.split("://")[0] + "://" if "://" in self.output else ""
            for path in sorted(stale):
                remove(scheme + path)
        return {folder: self.make(tasks, there=there[folder]) for folder, tasks in folders.items()}

    # their workings

    def _path(self, name: str, recipe: dict[str, Any], key: str) -> str:
        return join(self.work, name, fingerprint(recipe), f"{key}.parquet")

    def _there_already(self, tasks: Sequence[Task]) -> dict[str, Part]:
        """The parts that need not be made, by key. Many are looked for together: on an object store each look is a round trip."""
        there = list(tasks)
        if len(tasks) > 1:  # one listing instead of as many questions about what is not there
            present = {_place(path) for path in list_files(_common_folder([task.path for task in tasks]))}
            there = [task for task in tasks if _place(task.path) in present]
        with ThreadPoolExecutor(_LOOKERS) as pool:
            found = pool.map(lambda task: find_part(task.path, task.recipe), there)
            return {task.key: part for task, part in zip(there, found, strict=True) if part is not None}

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
        return Task(stage.name, key, path, recipe, make, stage.source_hash(), rows_in, stage.memory_bytes)

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


def merged(
    shards: Shards, most_parts: int, most: int | None = None, size: Callable[[Part], int] = lambda part: part.bytes
) -> dict[str, list[str]]:
    """Batches of parts in key order, of at most so many parts and, with `most`, so much `size` (stored bytes): name -> part keys. A part
    that is too large comes alone."""
    batches: list[list[str]] = []
    held = 0
    for part in shards.parts:
        if not batches or len(batches[-1]) >= most_parts or (most is not None and held + size(part) > most):
            batches.append([])
            held = 0
        batches[-1].append(part.key)
        held += size(part)
    return {f"batch-{i:05d}": keys for i, keys in enumerate(batches)}


def hash_ranges(count: int) -> dict[str, tuple[int, int | None]]:
    """All 64-bit hashes in so many equal ranges: name -> (low, high or None = to the end), as `Slice.between` takes them."""
    bounds: list[int | None] = [(1 << 64) * i // count for i in range(count)]
    ends = zip(bounds, [*bounds[1:], None], strict=True)
    return {f"range-{i:05d}": (low or 0, high) for i, (low, high) in enumerate(ends)}


_LOOKERS = 32  # threads that wait for the storage


def _common_folder(paths: Sequence[str]) -> str:
    """The deepest folder that holds all of them."""
    return os.path.commonprefix([min(paths), max(paths)]).rpartition("/")[0]  # noqa: RUF071 URLs, and cut at a "/"


def _place(path: str) -> str:
    """A path or URL as a file system's listing has it."""
    return path.split("://", 1)[1] if "://" in path else os.path.abspath(path)
