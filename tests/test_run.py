"""run/: the engine's promises, on stages that add numbers."""

import logging
from pathlib import Path

import polars as pl
import pytest
from chores import NUMBERS, Add, add, reorder, total

from euro_curate import shards
from euro_curate.executors import Serial
from euro_curate.run import GatherFailed, Run, Slice
from euro_curate.shards import Part, Shards, read_part, write_part


def numbers(folder: Path, **values: list[int]) -> Shards:
    """Parts with ids key0, key1, ..."""
    parts = []
    for key, ns in values.items():
        frame = pl.DataFrame(
            {"id": [f"{key}{i}" for i in range(len(ns))], "n": ns}, schema={"id": pl.String, "n": pl.Int64}
        )
        table = frame.to_arrow(compat_level=pl.CompatLevel.oldest()).cast(NUMBERS)
        parts.append(write_part(str(folder / f"{key}.parquet"), table, {"from": key}, "", {}))
    return Shards(tuple(parts))


def values(part: Part) -> list[int]:
    return read_part(part)["n"].to_pylist()


def test_map_makes_a_part_a_key_and_gather_one_of_many(tmp_path: Path) -> None:
    run = Run(str(tmp_path / "out"), Serial())
    source = numbers(tmp_path, a=[1, 2], b=[], c=[3])
    mapped = run.map(add, [(source, NUMBERS)], Add(10))
    assert {part.key: values(part) for part in mapped.parts} == {"a": [11, 12], "b": [], "c": [13]}
    summed = run.gather(total, {"all": [(Slice(mapped.parts), NUMBERS)], "none": [(Slice(()), NUMBERS)]}, Add())
    assert [values(summed[key]) for key in ("all", "none")] == [[36], [0]]
    assert [(c.name, c.parts, c.rows_in, c.rows_out) for c in run.counts] == [("add", 3, 3, 3), ("total", 2, 3, 2)]


def test_nothing_is_made_twice_and_only_what_depends_is_made_again(tmp_path: Path) -> None:
    source = numbers(tmp_path, a=[1], b=[2])
    made = []
    for n in (1, 1, 2):
        run = Run(str(tmp_path / "out"), Serial())
        mapped = run.map(add, [(source, NUMBERS)], Add(n))
        run.gather(total, {"all": [(Slice(mapped.parts), NUMBERS)]}, Add())
        made.append([c.parts - c.reused for c in run.counts])
    assert made == [[2, 1], [0, 0], [2, 1]]


def test_equal_content_is_equal_whatever_made_it(tmp_path: Path) -> None:
    """A changed parameter that changes nothing stops there: digests are of content."""
    run = Run(str(tmp_path / "out"), Serial())
    left = run.map(add, [(numbers(tmp_path / "x", a=[1]), NUMBERS)], Add(4))
    right = run.map(add, [(numbers(tmp_path / "y", a=[2]), NUMBERS)], Add(3))
    run.gather(total, {"all": [(Slice(left.parts), NUMBERS)]}, Add())
    run.gather(total, {"all": [(Slice(right.parts), NUMBERS)]}, Add())
    assert run.counts[-1].reused == 1


def test_misaligned_inputs_and_broken_promises_are_caught(tmp_path: Path) -> None:
    run = Run(str(tmp_path / "out"), Serial())
    run.map(reorder, [(numbers(tmp_path, a=[1, 2]), NUMBERS)], Add())
    assert [failure.history for failure in run.set_aside] == [
        ("error: ValueError: reorder: ids are not those of its input, in their order",)
    ]
    with pytest.raises(GatherFailed, match="reorder of all failed"):
        run.gather(reorder, {"all": [(Slice(numbers(tmp_path, a=[1, 2]).parts), NUMBERS)]}, Add())


def test_a_key_set_aside_is_left_out_afterwards(tmp_path: Path) -> None:
    run = Run(str(tmp_path / "out"), Serial())
    source = numbers(tmp_path, a=[1], b=[2])
    fewer = source.only(["b"])
    assert run.map(add, [(source, NUMBERS), (fewer, NUMBERS)], Add()).keys == () and run.set_aside
    assert run.map(add, [(source.only(["b"]), NUMBERS)], Add()).keys == ("b",)


def test_a_half_written_or_foreign_file_is_not_taken_for_a_part(tmp_path: Path) -> None:
    source = numbers(tmp_path, a=[1])
    part = Run(str(tmp_path / "out"), Serial()).map(add, [(source, NUMBERS)], Add())["a"]
    whole = Path(part.path).read_bytes()
    Path(part.path).write_bytes(whole[: len(whole) // 2])
    run = Run(str(tmp_path / "out"), Serial())
    run.map(add, [(source, NUMBERS)], Add())
    assert "remove it" in run.set_aside[0].history[0], "nothing is overwritten silently"


def test_changed_source_under_the_same_version_warns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    source = numbers(tmp_path, a=[1])
    Run(str(tmp_path / "out"), Serial()).map(add, [(source, NUMBERS)], Add())
    monkeypatch.setattr("euro_curate.stage.Stage.source_hash", lambda self: "another")
    run = Run(str(tmp_path / "out"), Serial())
    with caplog.at_level(logging.WARNING):
        run.map(add, [(source, NUMBERS)], Add())
    assert run.warned == {"add"} and "stage 'add' changed" in caplog.text


def test_publish_removes_run_json_first_and_what_the_plan_lacks(tmp_path: Path) -> None:
    out = tmp_path / "out"
    source = numbers(tmp_path, a=[1], b=[2])

    def publish(n: int, keys: list[str]) -> dict[str, list[int]]:
        run = Run(str(out), Serial())
        tasks = run.plan_map(
            add, [(source.only(keys), NUMBERS)], Add(n), into=lambda key: f"{out}/verdicts/{key}.parquet"
        )
        made = run.publish({"verdicts": tasks})["verdicts"]
        assert sorted(path.stem for path in (out / "verdicts").iterdir()) == keys
        return {part.key: values(part) for part in made.parts}

    assert publish(1, ["a", "b"]) == {"a": [2], "b": [3]}
    shards.replace(f"{out}/run.json", b"{}")
    assert publish(1, ["a", "b"]) and (out / "run.json").exists(), "nothing changed: still finished"
    assert publish(1, ["b"]) == {"b": [3]} and not (out / "run.json").exists()
    shards.replace(f"{out}/run.json", b"{}")
    assert publish(5, ["a", "b"]) == {"a": [6], "b": [7]} and not (out / "run.json").exists()
