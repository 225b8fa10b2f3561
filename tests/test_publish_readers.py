"""The published folder as its users read it: datasets, DuckDB, Polars, mlcroissant. And what a run says, shards say too."""

import json
import re
from pathlib import Path
from typing import Any

import benchmarks
import crawls
import polars as pl
import pyarrow.parquet as pq
import pytest
from conftest import ROOT

from euro_curate.schema import DATASET

SETTINGS: dict[str, dict[str, Any]] = {
    "balance": {"strategy": "unimax", "budget": 4000, "rehydrate": [[1, 1], [3, 2]]},
    "publish": {"validation": 0.2, "test": 0.2, "shard_bytes": 6000},
}


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run with splits, repeats and tokens."""
    folder = tmp_path_factory.mktemp("readers")
    settings = {**SETTINGS, "balance": {**SETTINGS["balance"], "tokenizer": benchmarks.tokenizer()}}
    crawls.run([crawls.split(crawls.pages(["it", "fi", "bg"]), folder / "in", 2)], folder / "out", settings)
    return folder / "out"


@pytest.fixture(autouse=True)
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """`datasets` asks nobody and leaves nothing behind."""
    import datasets

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    monkeypatch.setattr(datasets.config, "HF_MODULES_CACHE", tmp_path / "modules")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


def files(output: Path, code: str, split: str) -> pl.DataFrame:
    return pl.read_parquet(sorted((output / "dataset/data" / code / split).glob("*.parquet")))


def test_datasets_streams_every_language_and_split(output: Path) -> None:
    from datasets import get_dataset_config_names, load_dataset

    folder = str(output / "dataset")
    codes = sorted(path.name for path in (output / "dataset/data").iterdir())
    assert sorted(get_dataset_config_names(folder)) == codes == ["bul_Cyrl", "fin_Latn", "ita_Latn"]
    held = 0
    for code in codes:
        streams = load_dataset(folder, code, streaming=True)
        assert set(streams) == {path.name for path in (output / "dataset/data" / code).iterdir()}
        for split, stream in streams.items():
            rows = list(stream)
            assert rows == files(output, code, split).to_dicts()
            held += len(rows) if split != "train" else 0
    assert held, "there are pages in validation or test"
    assert next(iter(load_dataset(folder, "fin_Latn", split="train", streaming=True)))["language"] == "fin"


def readme_block(word: str) -> str:
    """README's code that names the word."""
    blocks = re.findall(r"```\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    found = [block for block in blocks if word in block]
    assert len(found) == 1, word
    return found[0]


def test_readmes_one_liners_in_duckdb_polars_and_datasets(output: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run as they stand, in the folder that holds the run `out`."""
    monkeypatch.chdir(output.parent)
    seen: dict[str, Any] = {}
    exec(readme_block("duckdb"), seen)  # noqa: S102
    shards = pl.read_parquet(output / "dataset/data/*/train/*.parquet")
    expected = shards.group_by("language").agg(pl.len(), pl.col("words").sum()).sort("language").rows()
    assert seen["by_language"] == expected
    assert seen["longest"]["words"].to_list() == sorted(files(output, "fin_Latn", "train")["words"], reverse=True)[:3]
    assert seen["page"]["language"] == "fin" and seen["page"]["text"]


def test_croissants_reader_gives_the_rows_with_their_split(output: Path) -> None:
    import mlcroissant

    rows = list(mlcroissant.Dataset(jsonld=str(output / "dataset/croissant.json")).records("fin_Latn"))
    found = {(row["fin_Latn/split"].decode(), row["fin_Latn/id"].decode(), row["fin_Latn/words"]) for row in rows}
    expected = {
        (path.name, page["id"], page["words"])
        for path in (output / "dataset/data/fin_Latn").iterdir()
        for page in files(output, "fin_Latn", path.name).iter_rows(named=True)
    }
    assert found == expected and len(rows) == len(expected)


def test_shards_are_zstd_with_a_page_index_and_the_contracts_columns(output: Path) -> None:
    for path in (output / "dataset/data").rglob("*.parquet"):
        metadata = pq.read_metadata(path)
        assert metadata.schema.to_arrow_schema().equals(DATASET)
        column = metadata.row_group(0).column(0)
        assert column.compression == "ZSTD" and column.has_offset_index
        assert all(metadata.row_group(i).num_rows <= 2000 for i in range(metadata.num_row_groups))
        text = b"".join(key + value for key, value in metadata.metadata.items())
        assert str(output).encode() not in text, "a shard does not say where it was made"


def test_kept_pages_are_those_of_all_splits_and_the_plan_is_on_record(output: Path) -> None:
    verdicts = crawls.verdicts(output)
    kept = verdicts.filter(pl.col("verdict") == "kept")
    shards = crawls.dataset(output)
    assert sorted(kept["id"]) == sorted(shards["id"])
    assert (shards["token_count"] > shards["words"]).all()
    summary = json.loads((output / "run.json").read_text())
    for row in summary["budget"]:
        train = files(output, row["language"], "train")
        assert (len(train), train["repeats"].sum()) == (row["taken_pages"], row["total_pages"])
        assert (train["repeats"] * train["words"]).sum() == row["total_words"] <= row["quota"]
        assert (train["repeats"] * train["token_count"]).sum() == row["total_tokens"]
    assert sum(row["quota"] for row in summary["budget"]) == 4000


def test_no_cluster_is_in_two_splits(output: Path) -> None:
    """A near copy of a page is nowhere in another split: it is not in the dataset at all, or it is the same page again."""
    shards = [
        files(output, code.name, split.name).select("id", split=pl.lit(split.name))
        for code in (output / "dataset/data").iterdir()
        for split in code.iterdir()
    ]
    table = pl.concat(shards).join(crawls.verdicts(output).select("id", "duplicate_of"), on="id")
    assert table.group_by("id").agg(pl.col("split").n_unique())["split"].max() == 1
    assert table["duplicate_of"].null_count() == len(table)


def test_a_split_stays_when_another_copy_is_elected(tmp_path: Path) -> None:
    crawl = crawls.split(crawls.pages(["it", "fi", "bg"]), tmp_path / "in", 2)
    splits, elected = [], []
    for elect in (["oldest"], ["newest"]):
        crawls.run([crawl], tmp_path / elect[0], {"dedup": {"elect": elect}, "publish": {"validation": 0.4}})
        members = crawls.verdicts(tmp_path / elect[0]).with_columns(head=pl.coalesce("duplicate_of", "id"))
        where = {
            page: path.parent.name
            for path in (tmp_path / elect[0] / "dataset/data").rglob("*.parquet")
            for page in pl.read_parquet(path)["id"]
        }
        splits.append({row["id"]: where[row["head"]] for row in members.iter_rows(named=True) if row["head"] in where})
        elected.append(set(where))
    assert elected[0] != elected[1], "other copies were elected"
    common = splits[0].keys() & splits[1].keys()
    assert {page: splits[0][page] for page in common} == {page: splits[1][page] for page in common}
    assert set(splits[0].values()) == {"train", "validation"}


def test_written_repeats_are_as_many_as_said_ones(output: Path, tmp_path: Path) -> None:
    crawl = output.parent / "in"
    settings = {**SETTINGS, "publish": {**SETTINGS["publish"], "repeats": "physical"}}
    crawls.run([crawl], tmp_path / "out", settings)
    said, written = crawls.dataset(output), crawls.dataset(tmp_path / "out")
    assert dict(written["id"].value_counts().iter_rows()) == dict(said.select("id", "repeats").iter_rows())
    assert (written["repeats"] == 1).all() and written["id"].is_duplicated().any()
    assert crawls.verdicts(tmp_path / "out").equals(crawls.verdicts(output))
