"""The dataset depends on pages and recipe: not on how pages are spread over files, their order, batch sizes, or the executor."""

from pathlib import Path

import crawls
import pytest
from conftest import tree

from euro_curate.executors import OnRay

BALANCED = {
    "balance": {"strategy": "unimax", "budget": 2500},
    "publish": {"shard_bytes": 4000, "validation": 0.2, "test": 0.1},
}


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """in/: a crawl in five files; out/: its run, which each law changes one thing of."""
    folder = tmp_path_factory.mktemp("reference")
    crawls.run([crawls.split(crawls.pages(), folder / "in", 5)], folder / "out", BALANCED)
    return folder


def content(output: Path) -> list[dict[str, object]]:
    """The dataset without the columns that tell where a page lay."""
    return crawls.dataset(output).drop("file_path").sort("id").to_dicts()


def verdict_rows(output: Path) -> list[dict[str, object]]:
    return crawls.verdicts(output).drop("source", "offset").sort("id").to_dicts()


@pytest.mark.parametrize(("files", "order"), [(1, 1), (4, 2), (7, 3)])
def test_any_grouping_and_order_of_pages(reference: Path, tmp_path: Path, files: int, order: int) -> None:
    crawls.run([crawls.split(crawls.pages(), tmp_path / "in", files, order)], tmp_path / "out", BALANCED)
    assert content(reference / "out") == content(tmp_path / "out")
    assert verdict_rows(reference / "out") == verdict_rows(tmp_path / "out")
    assert content(tmp_path / "out"), "an empty dataset would prove nothing"


def test_any_batch_size(reference: Path, tmp_path: Path) -> None:
    crawls.run([reference / "in"], tmp_path / "out", {**BALANCED, "run": {"merge_parts": 2}})
    assert content(reference / "out") == content(tmp_path / "out")


@pytest.mark.parametrize("task_bytes", [15_000, 3_000])
def test_any_size_of_the_tasks_that_find_duplicates(reference: Path, tmp_path: Path, task_bytes: int) -> None:
    cut = crawls.run([reference / "in"], tmp_path / "out", {**BALANCED, "dedup": {"task_bytes": task_bytes}})
    assert content(reference / "out") == content(tmp_path / "out")
    assert verdict_rows(reference / "out") == verdict_rows(tmp_path / "out")
    tasks = {stage["name"]: stage["parts"] for stage in cut["stages"]}
    assert min(tasks["pair"], tasks["enrol"], tasks["elect"]) > 1, "or there was nothing to cut"
    assert ("compose" in tasks) == (task_bytes < 10_000)


def test_seed_changes_the_sample(reference: Path, tmp_path: Path) -> None:
    """The negative control: the comparison above can fail."""
    crawls.run([reference / "in"], tmp_path / "out", {**BALANCED, "run": {"seed": 2}})
    assert content(reference / "out") != content(tmp_path / "out")


@pytest.mark.ray
def test_serial_and_ray_give_the_same_bytes(reference: Path, tmp_path: Path) -> None:
    executor = OnRay(workers=2)
    try:
        crawls.run([reference / "in"], tmp_path / "ray", BALANCED, executor)
    finally:
        executor.close()
    for folder in ("verdicts", "dataset", "report/counts", "report/hosts", "report/samples"):
        assert tree(reference / "out" / folder) == tree(tmp_path / "ray" / folder)
        assert tree(tmp_path / "ray" / folder)
