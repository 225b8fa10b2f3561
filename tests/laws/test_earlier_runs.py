"""Crawls one after the other: merged they are what they are at once; extended, nothing is published twice and what is published stays."""

import json
from pathlib import Path
from typing import Any

import crawls
import polars as pl
import pytest
from conftest import Page, tree, write_warc

from euro_curate.earlier import EarlierError

BALANCED = {"balance": {"strategy": "unimax", "budget": 2500}, "publish": {"shard_bytes": 4000, "validation": 0.2}}


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """in/a and in/b: two crawls, whose pages are copies of each other's and of their own; a later version of a page under its address; one
    record that is in both. out/a: the first one's run, out/cut: with a budget that not all of its pages are in."""
    folder = tmp_path_factory.mktemp("two")
    crawl = crawls.pages()
    older, newer = crawl[::2], crawl[1::2]
    write_warc(folder / "in" / "a" / "a0.warc.gz", older[:20])
    write_warc(folder / "in" / "a" / "a1.warc.gz", older[20:])
    crawls.run([folder / "in" / "a"], folder / "out" / "cut", BALANCED)
    crawls.run([folder / "in" / "a"], folder / "out" / "a")
    kept = crawls.verdicts(folder / "out" / "a").filter(pl.col("verdict") == "kept", pl.col("language") == "fin_Latn")
    again = next(page for page in older if page.url == kept["url"][0])
    body = str(next(page for page in newer if "it-" in page.url).body)
    renewed = Page(
        body.replace("<p>", "<p>Nuovo. "),
        again.url,
        id=f"{'9' * 8}-aaaa-bbbb-cccc-{'9' * 12}",
        date="2025-01-01T00:00:00Z",
    )
    write_warc(folder / "in" / "b" / "b0.warc.gz", [*newer, again, renewed, crawls.robots("https://near.example")])
    return folder


def settings(two: Path, run: str = "a", **dedup: Any) -> crawls.Settings:
    return {"dedup": {"earlier": [str(two / "out" / run)], **dedup}}


@pytest.mark.parametrize("dedup", [{}, {"urls": "newest"}, {"urls": "oldest", "task_bytes": 12_000}], ids=str)
def test_merged_one_after_the_other_is_both_at_once(two: Path, tmp_path: Path, dedup: dict[str, Any]) -> None:
    crawls.run([two / "in" / "a", two / "in" / "b"], tmp_path / "once", {**BALANCED, "dedup": dedup})
    merged = crawls.run(
        [two / "in" / "b"], tmp_path / "then", {**BALANCED, **settings(two, "cut", mode="merge", **dedup)}
    )
    for folder in ("verdicts", "dataset/data"):
        assert tree(tmp_path / "then" / folder) == tree(tmp_path / "once" / folder)
    assert tree(tmp_path / "then" / "dataset" / "data")
    assert merged["pages"]["seen"] == merged["pages"]["documents"] == len(crawls.verdicts(tmp_path / "once"))
    verdicts = set(crawls.verdicts(tmp_path / "then")["verdict"])
    assert {"duplicate:record", "duplicate:exact", "opt_out:robots"} <= verdicts
    assert ("duplicate:url" in verdicts) == ("urls" in dedup)


def test_a_merged_run_can_be_built_on(two: Path, tmp_path: Path) -> None:
    """Three crawls, merged one by one, and at once."""
    crawl = crawls.pages(["sv"], seed=5)
    write_warc(tmp_path / "in" / "c.warc.gz", crawl)
    crawls.run([two / "in" / "a", two / "in" / "b", tmp_path / "in"], tmp_path / "once", BALANCED)
    crawls.run([two / "in" / "b"], tmp_path / "ab", {**BALANCED, **settings(two, "cut", mode="merge")})
    last = {**BALANCED, "dedup": {"earlier": [str(tmp_path / "ab")], "mode": "merge"}}
    crawls.run([tmp_path / "in"], tmp_path / "abc", last)
    for folder in ("verdicts", "dataset/data"):
        assert tree(tmp_path / "abc" / folder) == tree(tmp_path / "once" / folder)


@pytest.mark.parametrize("dedup", [{}, {"task_bytes": 12_000}, {"urls": "newest"}], ids=str)
def test_extended_nothing_is_published_twice(two: Path, tmp_path: Path, dedup: dict[str, Any]) -> None:
    every = {key: value for key, value in dedup.items() if key != "task_bytes"}
    crawls.run([two / "in" / "a", two / "in" / "b"], tmp_path / "once", {"dedup": every})
    summary = crawls.run([two / "in" / "b"], tmp_path / "b", settings(two, **dedup))
    once, old, new = (crawls.verdicts(folder) for folder in (tmp_path / "once", two / "out" / "a", tmp_path / "b"))
    assert set(new["source"]) == {"b0.warc.gz"}
    assert summary["duplicates"]["earlier_pages"] == len(old)

    head = pl.coalesce("duplicate_of", "id").alias("head")
    clusters = once.filter(pl.col("verdict") != "duplicate:url").select("id", "source", head, size="cluster_size")
    kept = pl.concat([old, new], how="vertical").filter(pl.col("verdict") == "kept")
    in_clusters = kept.join(clusters, on=["id", "source"])
    assert in_clusters["head"].is_unique().all(), "no cluster of the two crawls has two published pages"
    sizes = new.join(clusters, on=["id", "source"])
    assert (sizes["cluster_size"] == sizes["size"]).all(), "cluster sizes are those of both crawls"

    published = set(old.filter(pl.col("verdict") == "kept")["id"])
    copies = new.filter(pl.col("duplicate_of").is_in(list(published)) & pl.col("verdict").str.starts_with("duplicate:"))
    assert len(copies) > 5
    passing = set(once.filter(pl.col("verdict").str.contains("^(?:kept|duplicate:.*)$"))["id"])
    heads_published = set(clusters.filter(pl.col("id").is_in(list(published)))["head"])
    for row in new.join(clusters, on=["id", "source"]).to_dicts():
        if row["id"] in passing and row["head"] in heads_published and "urls" not in dedup:
            assert row["verdict"].startswith("duplicate:")
    if "urls" in dedup:
        (renewed,) = new.filter(pl.col("verdict") == "duplicate:url").to_dicts()
        assert renewed["id"].startswith("9" * 8) and renewed["duplicate_of"] in published, "what is published stays"


def test_what_was_seen_but_not_published_hides_nothing(two: Path, tmp_path: Path) -> None:
    """The first run kept no Italian page: the second one's are published, though the first saw better or older copies."""
    other = {"run": {"languages": ["bg", "fi"]}}
    crawls.run([two / "in" / "a"], tmp_path / "a", other)
    crawls.run([two / "in" / "b"], tmp_path / "b", {"dedup": {"earlier": [str(tmp_path / "a")]}})
    crawls.run([two / "in" / "b"], tmp_path / "alone")
    language = pl.col("language") == "ita_Latn"
    kept, alone = (
        set(crawls.verdicts(tmp_path / name).filter(language, pl.col("verdict") == "kept")["id"])
        for name in ("b", "alone")
    )
    assert kept == alone
    assert kept


def test_a_second_run_makes_nothing_and_a_changed_earlier_run_does(two: Path, tmp_path: Path) -> None:
    crawls.run([two / "in" / "a" / "a1.warc.gz"], tmp_path / "a")
    recipe = {"dedup": {"earlier": [str(tmp_path / "a")]}}
    first = crawls.run([two / "in" / "b"], tmp_path / "b", recipe)
    assert crawls.run([two / "in" / "b"], tmp_path / "b", recipe)["idle"]
    crawls.run([two / "in" / "a"], tmp_path / "a")
    second = crawls.run([two / "in" / "b"], tmp_path / "b", recipe)
    assert second["verdicts"] != first["verdicts"]
    made = {stage["name"] for stage in second["stages"] if stage["parts"] > stage["reused"]}
    assert not made & {"ingest", "identify", "sign", "measure", "sort_keys", "decide"}
    crawls.run([two / "in" / "b"], tmp_path / "fresh", recipe)
    assert tree(tmp_path / "fresh" / "verdicts") == tree(tmp_path / "b" / "verdicts")


def test_earlier_runs_that_do_not_fit_are_refused(two: Path, tmp_path: Path) -> None:
    def refused(match: str, inputs: Path = two / "in" / "b", output: Path = tmp_path / "out", **dedup: Any) -> None:
        with pytest.raises(EarlierError, match=match):
            crawls.run([inputs], output, settings(two, **dedup))
        assert not (output / "work").exists() or output == two / "out" / "a"

    refused("run.json is missing", earlier=[str(tmp_path / "nowhere")])
    refused("bands 14 there, 13 here", bands=13)
    refused("shingle_words 5 there, 4 here", shingle_words=4)
    refused("own output", output=two / "out" / "a")
    refused("a0.warc.gz", inputs=two / "in" / "a", mode="merge")

    crawls.run([two / "in" / "a" / "a0.warc.gz"], tmp_path / "bare")
    for text in (tmp_path / "bare" / "work" / "ingest").rglob("*.parquet"):
        text.unlink()
    refused("clean.*extend", earlier=[str(tmp_path / "bare")], mode="merge")
    crawls.run([two / "in" / "b"], tmp_path / "b", settings(two, earlier=[str(tmp_path / "bare")]))

    tables = tmp_path / "bare" / "work" / "tables.json"
    content = json.loads(tables.read_text())
    content["signing"]["sign"] -= 1
    tables.write_text(json.dumps(content))
    refused("sign .* there, .* here.*run the earlier one again", earlier=[str(tmp_path / "bare")])
    tables.unlink()
    refused("tables.json", earlier=[str(tmp_path / "bare")])


def test_the_same_crawl_file_again_is_all_record_duplicates(two: Path, tmp_path: Path) -> None:
    summary = crawls.run([two / "in" / "a"], tmp_path / "again", settings(two))
    assert summary["pages"]["kept"] == 0
    verdicts = crawls.verdicts(tmp_path / "again")
    old = crawls.verdicts(two / "out" / "a")
    for row in verdicts.join(old, on=["id", "source", "offset"], suffix="_old").to_dicts():
        assert row["verdict"] == ("duplicate:record" if row["verdict_old"] == "kept" else row["verdict"])
    assert "duplicate:record" in set(verdicts["verdict"])
