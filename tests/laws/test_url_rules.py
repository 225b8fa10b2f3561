"""Blocked addresses are never extracted; when lists or reservations that exclude change, only the pages concerned are looked at again, and
the bytes are those of a run from nothing."""

import shutil
from pathlib import Path
from typing import Any

import crawls
import polars as pl
import pytest
from conftest import Page, tree

from euro_curate.ingest import crawl as ingesting


@pytest.fixture
def looked_at(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """URLs of the pages that went to the page process, as they go."""
    urls: list[str] = []
    row = ingesting._sandbox.row

    def noting(record: Any, p: Any) -> Any:
        urls.append(record.url)
        return row(record, p)

    monkeypatch.setattr(ingesting._sandbox, "row", noting)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return urls


def documents(output: Path) -> dict[str, bytes]:
    """The newest parts of `ingest` are those of the last run: all that are there, by hash and name."""
    return {name: data for name, data in tree(output).items() if name.startswith("work/ingest/")}


def published(output: Path) -> dict[str, bytes]:
    return {name: data for name, data in tree(output).items() if name.startswith(("verdicts/", "dataset/"))}


def verdicts_of(output: Path, host: str) -> set[str]:
    table = crawls.verdicts(output).filter(pl.col("url").str.contains(host, literal=True))
    return set(table["verdict"])


def test_changed_lists_look_at_their_pages_only(tmp_path: Path, looked_at: list[str]) -> None:
    noai = Page(crawls.pages(["fi"])[0].body, "https://noai.example/", headers=[("X-Robots-Tag", "noai, noindex")])
    crawl = crawls.split([*crawls.pages(["it", "fi"]), noai], tmp_path / "in", 2)
    blocklist = tmp_path / "list.txt"
    settings = {"urls": {"blocklists": {"adult": {"file": str(blocklist)}}}}

    blocklist.write_text("copy.example\n")
    crawls.run([crawl], tmp_path / "out", settings)
    assert verdicts_of(tmp_path / "out", "copy.example") == {"url:adult"}
    everything = len(looked_at)
    (part, *_) = (tmp_path / "out" / "work" / "ingest").rglob("*.parquet")
    stopped = pl.read_parquet(part).filter(pl.col("stop") == "url:adult")
    assert len(stopped) and set(stopped["text"]) == {""} and set(stopped["gate_language"]) == {None}

    looked_at.clear()
    blocklist.write_text("near.example\n")
    crawls.run([crawl], tmp_path / "out", settings)
    assert {url.split("/")[2] for url in looked_at} == {"copy.example", "near.example", "noai.example"}
    assert len(looked_at) == 17 < everything, (
        "8 pages that pass now, 8 that no longer do, and 1 that is stopped as before"
    )
    assert verdicts_of(tmp_path / "out", "near.example") == {"url:adult"}
    assert "url:adult" not in verdicts_of(tmp_path / "out", "copy.example")

    shutil.rmtree(tmp_path / "out")  # of several earlier parts, any may be looked at: here there is one
    crawls.run([crawl], tmp_path / "out", settings)
    looked_at.clear()
    crawls.run([crawl], tmp_path / "out", settings | {"ingest": {"opt_out": ["noindex"]}})
    assert {url.split("/")[2] for url in looked_at} == {"near.example", "noai.example"}
    assert verdicts_of(tmp_path / "out", "noai.example") == {"opt_out:noindex"}

    crawls.run([crawl], tmp_path / "fresh", settings | {"ingest": {"opt_out": ["noindex"]}})
    assert published(tmp_path / "fresh") == published(tmp_path / "out")
    assert documents(tmp_path / "fresh").items() <= documents(tmp_path / "out").items()
    assert documents(tmp_path / "fresh")


def test_what_decides_a_pages_text_reads_everything_again(tmp_path: Path, looked_at: list[str]) -> None:
    """The negative control."""
    crawl = crawls.split(crawls.pages(["fi"]), tmp_path / "in", 1)
    crawls.run([crawl], tmp_path / "out")
    everything = sorted(looked_at)
    looked_at.clear()
    crawls.run([crawl], tmp_path / "out", {"ingest": {"tables": False}})
    assert sorted(looked_at) == everything
