"""What travels to a worker and what it does there: reads slices of parts, calls a stage, checks what it promised, writes a part."""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from euro_curate.shards import Part, join, list_folders, read_part, read_range, read_recipe, write_part
from euro_curate.stage import Stage, fingerprint, params_of


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
        if self.equal and self.between and len(self.equal[1]) == 1 and not self.unequal:
            # of parts sorted by both
            one = (self.equal[0], self.equal[1][0])
            tables = [read_range(part, self.columns, one, self.between) for part in self.parts]
        else:
            where: pc.Expression | None = None
            for condition in self._conditions():
                where = condition if where is None else where & condition
            tables = [read_part(part, self.columns, where) for part in self.parts]
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
    """One part to make. Small and picklable: this is all that travels to a worker.

    A table among the notes is published as a part of its own first (`Run.beside` finds it): where the part is, that is too.
    """

    stage: str
    key: str
    path: str
    recipe: dict[str, Any] = field(hash=False)
    # -> (table, or its pieces; notes); picklable by reference
    make: Callable[[], tuple[pa.Table | Iterator[pa.Table], dict[str, Any]]] = field(hash=False)
    source_hash: str = ""
    rows_in: int = 0
    memory_bytes: int = 1 << 30  # what it needs at most

    def __call__(self) -> Part:
        _forget_peak()
        table, notes = self.make()
        notes = {name: self._beside(name, v) if isinstance(v, pa.Table) else v for name, v in notes.items()}
        part = write_part(self.path, table, self.recipe, self.source_hash, notes)
        return replace(part, peak_bytes=_peak_bytes())

    def _beside(self, name: str, table: pa.Table) -> dict[str, Any]:
        recipe = self.recipe | {"stage": name}
        place = f"{fingerprint(recipe)}/{self.key}.parquet"
        part = write_part(join(self.path.rsplit("/", 3)[0], name, place), table, recipe, self.source_hash, {})
        return {"part": place, "digest": part.digest, "rows": part.rows, "bytes": part.bytes}


def _forget_peak() -> None:
    """Has Linux count this process's peak memory from here on; elsewhere, and where that is not allowed, it goes on from before."""
    with contextlib.suppress(OSError), open("/proc/self/clear_refs", "w") as file:
        file.write("5")


def _peak_bytes() -> int:
    """This process's peak resident memory; 0 where Linux does not tell."""
    with contextlib.suppress(OSError), open("/proc/self/status") as file:
        for line in file:
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return 0


@dataclass(frozen=True)
class Failure:
    """An input set aside: what happened at each attempt."""

    stage: str
    key: str
    history: tuple[str, ...]


@dataclass(frozen=True)
class Earlier:
    """A part of the same crawl file by the same code, made with parameters that differ in `late` ones only, if there is one."""

    folder: str  # of the stage's parts
    key: str
    recipe: dict[str, Any] = field(hash=False)
    late: tuple[str, ...]

    def table(self) -> pa.Table | None:
        """Its table. Which of several makes no difference to what is made of it."""
        for folder in list_folders(self.folder) if self.late else ():
            path = join(folder, f"{self.key}.parquet")
            found = read_recipe(path)
            if found is not None and self._early(found) == self._early(self.recipe):
                return read_part(Part(self.key, path, "", 0, 0))
        return None

    def _early(self, recipe: dict[str, Any]) -> dict[str, Any]:
        params = recipe.get("params")
        return recipe | {"params": {k: v for k, v in params.items() if k not in self.late} if params else params}


@dataclass(frozen=True)
class MakeStage:
    """Reads a stage's inputs, calls it, checks what it promised."""

    stage: Stage
    inputs: tuple[tuple[Slice, pa.Schema], ...]
    aligned: int  # the first so many inputs have the same rows
    params: Any

    def __call__(self) -> tuple[pa.Table | Iterator[pa.Table], dict[str, Any]]:
        tables = [part.read(schema) for part, schema in self.inputs]
        for other in tables[1 : self.aligned]:
            if not tables[0]["id"].equals(other["id"]):
                raise ValueError(f"{self.stage.name}: inputs are not row-aligned: their ids differ")
        made = self.stage(*tables, self.params)
        if not isinstance(made, pa.Table):
            return (checked(self.stage, piece, None) for piece in made), {}
        table = checked(self.stage, made, tables[0] if tables else None)
        return table, self.stage.notes(table)


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
