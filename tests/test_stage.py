"""stage.py: identity of stages and parameters; run.checked, which holds every stage to its promise."""

import datetime
import enum
import pickle
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from euro_curate.quality import measure
from euro_curate.run import MakeStage, checked
from euro_curate.stage import Stage, fingerprint, params_of, stage

OUT = pa.schema([pa.field("id", pa.string(), nullable=False), pa.field("n", pa.int64(), nullable=False)])
GIVEN = pa.table({"id": ["a", "b", "c"], "n": [1, 2, 3]}, schema=OUT)


def returns(table: pa.Table, rows: str = "same") -> tuple[Stage, pa.Table]:
    return stage(out=OUT, version=1, rows=rows)(lambda given, params: table), table


def take(*rows: int) -> pa.Table:
    return GIVEN.take(pa.array(rows, pa.int64()))


@pytest.mark.parametrize(
    ("rows", "table"),
    [
        ("same", GIVEN),
        ("subset", take(0, 2)),
        ("subset", take()),
        ("subset", GIVEN),
        ("free", take(2, 0)),
        ("free", pa.table({"id": ["z"], "n": [9]}, schema=OUT)),
    ],
)
def test_a_stage_that_keeps_its_promise_passes(rows: str, table: pa.Table) -> None:
    made, _ = returns(table, rows)
    assert checked(made, made(GIVEN, None), GIVEN) is table


BAD: dict[str, tuple[str, Callable[[], pa.Table], type[Exception]]] = {
    "a column too many": ("same", lambda: GIVEN.append_column("m", pa.array([0] * 3)), TypeError),
    "a column too few": ("same", lambda: GIVEN.select(["id"]), TypeError),
    "columns swapped": ("same", lambda: GIVEN.select(["n", "id"]), TypeError),
    "another type": ("same", lambda: GIVEN.set_column(1, "n", pa.array([1, 2, 3], pa.int32())), TypeError),
    "nullable where promised not": ("free", lambda: pa.table({"id": ["a"], "n": [1]}), TypeError),
    "nulls": ("same", lambda: pa.Table.from_arrays([GIVEN["id"], pa.array([1, None, 3])], schema=OUT), ValueError),
    "ids in another order": ("same", lambda: take(0, 2, 1), ValueError),
    "a row lost": ("same", lambda: take(0, 1), ValueError),
    "a row twice": ("same", lambda: take(0, 1, 2, 2), ValueError),
    "a strange id": ("subset", lambda: pa.table({"id": ["z"], "n": [1]}, schema=OUT), ValueError),
    "more rows than given": ("subset", lambda: take(0, 1, 2, 2), ValueError),
    "subset out of order": ("subset", lambda: take(2, 0), ValueError),
    "subset with a repeat": ("subset", lambda: take(1, 1), ValueError),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_stage_is_caught_and_named(name: str) -> None:
    rows, table, error = BAD[name]

    def sloppy(given: pa.Table, params: None) -> pa.Table:
        return table()

    made = stage(out=OUT, version=1, rows=rows)(sloppy)
    with pytest.raises(error, match="sloppy"):
        checked(made, made(GIVEN, None), GIVEN)


def test_a_subset_may_have_an_id_as_often_as_its_input_does() -> None:
    twice = take(0, 1, 1, 2)
    made, table = returns(take(1, 1), "subset")
    assert checked(made, table, twice) is table


def test_an_unknown_relation_of_rows_is_refused() -> None:
    with pytest.raises(ValueError, match="same, subset or free, not 'some'"):
        returns(GIVEN, "some")


def test_a_stage_travels_by_name_and_stays_itself() -> None:
    assert pickle.loads(pickle.dumps(measure)) is measure
    assert len(pickle.dumps(measure)) < 200
    assert measure.name == "measure"
    assert len(measure.source_hash()) == 16


# --- parameters --------------------------------------------------------------------------------------------------------------


class Colour(enum.Enum):
    RED = "red"
    ODD = frozenset({1, 2})


@dataclass(frozen=True)
class Inner:
    kinds: tuple[str, ...] = ("x", "y")


@dataclass(frozen=True)
class Outer:
    number: float = 0.5
    inner: Inner = Inner()
    colour: Colour = Colour.RED
    table: Any = None


def test_params_become_plain_json_values() -> None:
    assert params_of(Outer(table={"b": (1, None), "a": True})) == {
        "number": 0.5,
        "inner": {"kinds": ["x", "y"]},
        "colour": "red",
        "table": {"a": True, "b": [1, None]},
    }


def test_a_field_that_is_no_identity_is_left_out() -> None:
    @dataclass(frozen=True)
    class Kept:
        digest: str
        place: object = field(default=None, metadata={"identity": False})

    assert params_of(Outer(table=[Kept("d", object())]))["table"] == [{"digest": "d"}]


@pytest.mark.parametrize(
    "value",
    [
        {1, 2},
        frozenset("ab"),
        b"bytes",
        object(),
        len,
        lambda: None,
        Inner,
        np.int64(1),
        np.zeros(2),
        datetime.date(2024, 1, 1),
        pa.scalar(1),
        Colour.ODD,
        iter([1]),
    ],
    ids=lambda v: type(v).__name__,
)
@pytest.mark.parametrize(
    "wrap", [lambda v: v, lambda v: Outer(table=v), lambda v: [{"k": v}]], ids=["bare", "field", "deep"]
)
def test_params_without_a_stable_identity_are_refused(value: Any, wrap: Callable[[Any], Any]) -> None:
    with pytest.raises(TypeError, match="no stable identity"):
        params_of(wrap(value))


def test_fingerprint_depends_on_the_value_alone() -> None:
    assert fingerprint({"a": 1, "b": [2]}) == fingerprint({"b": [2], "a": 1})
    assert fingerprint([1, 2]) != fingerprint([2, 1])
    assert fingerprint("1") != fingerprint(1)
    assert fingerprint({"a": "ü"}) == fingerprint({"a": "\u00fc"})
    assert len(fingerprint(None)) == 16


def test_a_table_in_pieces_is_checked_piece_by_piece() -> None:
    def halves(params: None) -> Iterator[pa.Table]:
        yield GIVEN.slice(0, 2)
        yield GIVEN.slice(2).rename_columns(["id", "m"])

    made, notes = MakeStage(stage(out=OUT, version=1, rows="free")(halves), (), 0, None)()
    assert next(made).equals(GIVEN.slice(0, 2)) and notes == {}
    with pytest.raises(TypeError, match="halves returned"):
        next(made)
    with pytest.raises(ValueError, match="in pieces"):
        stage(out=OUT, version=1, rows="same")(halves)
