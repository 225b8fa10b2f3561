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


def content(output: Path) -> list[dict[str, object]]:
    """The dataset without the columns that tell where a page lay."""
    return crawls.dataset(output).drop("file_path").sort("id").to_dicts()


def verdict_rows(output: Path) -> list[dict[str, object]]:
    return crawls.verdicts(output).drop("source", "offset").sort("id").to_dicts()


@pytest.mark.parametrize(("files", "order"), [(1, 1), (4, 2), (7, 3)])
def test_any_grouping_and_order_of_pages(tmp_path: Path, files: int, order: int) -> None:
    crawl = crawls.pages()
    crawls.run([crawls.split(crawl, tmp_path / "one", 2)], tmp_path / "a", BALANCED)
    crawls.run([crawls.split(crawl, tmp_path / "other", files, order)], tmp_path / "b", BALANCED)
    assert content(tmp_path / "a") == content(tmp_path / "b")
    assert verdict_rows(tmp_path / "a") == verdict_rows(tmp_path / "b")
    assert content(tmp_path / "a"), "an empty dataset would prove nothing"


def test_any_batch_size(tmp_path: Path) -> None:
    crawl = crawls.split(crawls.pages(), tmp_path / "in", 5)
    crawls.run([crawl], tmp_path / "a", BALANCED)
    crawls.run([crawl], tmp_path / "b", {**BALANCED, "run": {"merge_parts": 2}})
    assert content(tmp_path / "a") == content(tmp_path / "b")


@pytest.mark.parametrize("task_bytes", [15_000, 3_000])
def test_any_size_of_the_tasks_that_find_duplicates(tmp_path: Path, task_bytes: int) -> None:
    crawl = crawls.split(crawls.pages(), tmp_path / "in", 5)
    crawls.run([crawl], tmp_path / "a", BALANCED)
    cut = crawls.run([crawl], tmp_path / "b", {**BALANCED, "dedup": {"task_bytes": task_bytes}})
    assert content(tmp_path / "a") == content(tmp_path / "b")
    assert verdict_rows(tmp_path / "a") == verdict_rows(tmp_path / "b")
    tasks = {stage["name"]: stage["parts"] for stage in cut["stages"]}
    assert min(tasks["pair"], tasks["enrol"], tasks["elect"]) > 1, "or there was nothing to cut"
    assert ("compose" in tasks) == (task_bytes < 10_000)


def test_seed_changes_the_sample(tmp_path: Path) -> None:
    """The negative control: the comparison above can fail."""
    crawl = crawls.split(crawls.pages(), tmp_path / "in", 2)
    crawls.run([crawl], tmp_path / "a", BALANCED)
    crawls.run([crawl], tmp_path / "b", {**BALANCED, "run": {"seed": 2}})
    assert content(tmp_path / "a") != content(tmp_path / "b")


@pytest.mark.ray
def test_serial_and_ray_give_the_same_bytes(tmp_path: Path) -> None:
    crawl = crawls.split(crawls.pages(), tmp_path / "in", 5)
    crawls.run([crawl], tmp_path / "serial", BALANCED)
    executor = OnRay(workers=2)
    try:
        crawls.run([crawl], tmp_path / "ray", BALANCED, executor)
    finally:
        executor.close()
    for folder in ("verdicts", "dataset", "report/counts", "report/hosts", "report/samples"):
        assert tree(tmp_path / "serial" / folder) == tree(tmp_path / "ray" / folder)
        assert tree(tmp_path / "ray" / folder)
