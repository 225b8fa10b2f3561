"""Every page seen has exactly one verdict, and what is kept is the dataset."""

from pathlib import Path

import crawls
import polars as pl
from conftest import Page, write_warc

from euro_curate.verdict import FAMILIES


def test_conservation_on_the_sample(sample: Path, tmp_path: Path) -> None:
    summary = crawls.run([sample], tmp_path / "out")
    table = crawls.verdicts(tmp_path / "out")
    records = sum(entry["records"] for entry in summary["inputs"])
    assert len(table) == records == summary["pages"]["seen"] == summary["pages"]["documents"]
    assert table.select("source", "offset").is_unique().all()
    assert table["verdict"].null_count() == 0
    assert set(table["verdict"].str.split(":").list.first()) <= {"kept", *FAMILIES}
    kept = table.filter(pl.col("verdict") == "kept")
    shards = crawls.dataset(tmp_path / "out")
    assert sorted(shards["id"]) == sorted(kept["id"])
    assert summary["pages"]["kept"] + summary["pages"]["dropped"] == summary["pages"]["seen"]
    assert sum(summary["verdicts"].values()) == summary["pages"]["seen"]
    by_language = dict(kept.group_by("language").len().iter_rows())
    assert {
        code: sizes["dataset_pages"] for code, sizes in summary["languages"].items() if sizes["dataset_pages"]
    } == by_language


def test_every_language_of_the_sample_reaches_the_dataset(sample: Path, tmp_path: Path) -> None:
    summary = crawls.run([sample], tmp_path / "out")
    missing = [code for code, sizes in summary["languages"].items() if sizes["dataset_pages"] < 3]
    assert not missing


def test_a_record_in_two_files_is_kept_once(tmp_path: Path) -> None:
    page = next(
        p
        for p in crawls.pages(["fi"])
        if "near" not in p.url and "copy" not in p.url and p.status == "200 OK" and "fi-" in p.url
    )
    write_warc(tmp_path / "in" / "a.warc.gz", [page])
    write_warc(tmp_path / "in" / "b.warc.gz", [page, Page("<html><body>gone</body></html>", status="404 Not Found")])
    crawls.run([tmp_path / "in"], tmp_path / "out")
    rows = crawls.verdicts(tmp_path / "out").filter(pl.col("url") == page.url).sort("source")
    assert rows["verdict"].to_list() == ["kept", "duplicate:record"]
    assert rows["duplicate_of"].to_list() == [None, rows["id"][0]]
    assert rows["cluster_size"].to_list() == [2, 2]


def test_identical_files_are_read_once_and_named(tmp_path: Path) -> None:
    crawl = crawls.pages(["it"])
    write_warc(tmp_path / "in" / "a.warc.gz", crawl)
    write_warc(tmp_path / "in" / "b.warc.gz", crawl)
    summary = crawls.run([tmp_path / "in"], tmp_path / "out")
    assert summary["identical_inputs"] == {"b.warc.gz": "a.warc.gz"}
    assert summary["pages"]["seen"] == len(crawl)


def test_clusters_are_told_on_every_member(tmp_path: Path) -> None:
    crawls.run([crawls.split(crawls.pages(["it", "bg"]), tmp_path / "in", 3)], tmp_path / "out")
    table = crawls.verdicts(tmp_path / "out")
    heads = table.filter((pl.col("cluster_size") > 1) & pl.col("duplicate_of").is_null())
    members = table.filter(pl.col("duplicate_of").is_not_null())
    assert len(heads) == 8 and len(members) == 16, "8 honest pages, each with an exact and a near copy"
    assert (heads["cluster_size"] == 3).all() and (members["cluster_size"] == 3).all()
    assert set(members["duplicate_of"]) == set(heads["id"])
    assert set(members["verdict"]) <= {"duplicate:exact", "duplicate:near"}
