"""A robots.txt that comes later changes verdicts, and makes no page be read again; the outcome is that of one run over everything."""

import json
from pathlib import Path
from typing import Any

import crawls
import polars as pl
import pytest
from conftest import tree, write_warc

from euro_curate.executors import OnRay
from euro_curate.explain import story

ALLOWED = "User-agent: *\nAllow: /\n"


def stages(summary: dict[str, Any]) -> dict[str, tuple[int, int]]:
    """stage -> (parts, of these there already)."""
    return {stage["name"]: (stage["parts"], stage["reused"]) for stage in summary["stages"]}


def opted_out(output: Path) -> dict[str, str]:
    table = crawls.verdicts(output).filter(pl.col("verdict").str.starts_with("opt_out:"))
    return dict(table.select("url", "verdict").iter_rows())


def published(output: Path) -> dict[str, bytes]:
    return {name: data for name, data in tree(output).items() if name.startswith(("verdicts/", "dataset/"))}


def test_robots_txt_added_later(tmp_path: Path) -> None:
    crawl = crawls.split(crawls.pages(["it", "bg"]), tmp_path / "in", 3)
    before = crawls.run([crawl], tmp_path / "out")
    assert "reserve" not in stages(before) and not opted_out(tmp_path / "out")

    write_warc(
        crawl / "robotstxt.warc.gz", [crawls.robots("https://copy.example"), crawls.robots("https://else.example")]
    )
    after = crawls.run([crawl], tmp_path / "out")
    assert stages(after)["ingest"] == (4, 3), "only the new file is read"
    assert stages(after)["measure"] == (4, 3) and stages(after)["decide"] == (4, 0)
    gone = opted_out(tmp_path / "out")
    assert len(gone) == 8 and set(gone.values()) == {"opt_out:robots"}
    assert all(url.startswith("https://copy.example/") for url in gone)
    rows = crawls.verdicts(tmp_path / "out").filter(pl.col("verdict") == "opt_out:robots")
    assert set(rows["evidence"]) == {"robots=robots.txt:GPTBot (robots.txt of 2024-05-01 in robotstxt.warc.gz at 0)"}
    assert after["pages"]["seen"] == before["pages"]["seen"], "a policy is no page"
    assert not set(crawls.dataset(tmp_path / "out")["id"]) & set(rows["id"])
    heads = crawls.verdicts(tmp_path / "out").filter((pl.col("cluster_size") > 1) & pl.col("duplicate_of").is_null())
    assert set(heads["verdict"]) == {"kept"}, "of each cluster, a copy that is not reserved is elected"

    write_warc(
        crawl / "robotstxt-newer.warc.gz", [crawls.robots("https://copy.example", ALLOWED, "2024-06-01T00:00:00Z")]
    )
    again = crawls.run([crawl], tmp_path / "out")
    assert stages(again)["ingest"] == (5, 4) and not opted_out(tmp_path / "out")

    crawls.run([crawl], tmp_path / "fresh")
    assert published(tmp_path / "fresh") == published(tmp_path / "out")
    assert crawls.run([crawl], tmp_path / "out")["idle"]


def test_policies_may_lie_among_the_pages_in_any_file(tmp_path: Path) -> None:
    crawl = [
        *crawls.pages(["fi"]),
        crawls.robots("https://near.example"),
        crawls.robots("https://near.example", ALLOWED, "2023-01-01T00:00:00Z"),
    ]
    for files, settings in ((1, {}), (4, {"run": {"site_ranges": 3, "merge_parts": 2}})):
        output = tmp_path / f"out-{files}"
        crawls.run([crawls.split(crawl, tmp_path / f"in-{files}", files, files)], output, settings)
        assert len(opted_out(output)) == 4 and set(opted_out(output).values()) == {"opt_out:robots"}
    one, four = ({r["id"]: r["verdict"] for r in crawls.verdicts(tmp_path / f"out-{n}").to_dicts()} for n in (1, 4))
    assert one == four


def test_a_changed_policy_of_the_recipe_judges_again_and_reads_nothing_of_sites(tmp_path: Path) -> None:
    sites = [
        crawls.robots("https://near.example"),
        crawls.robots("https://copy.example", "License: https://l.example/x.xml"),
    ]
    crawl = crawls.split([*crawls.pages(["fi"]), *sites], tmp_path / "in", 2)
    crawls.run([crawl], tmp_path / "out")
    assert set(opted_out(tmp_path / "out").values()) == {"opt_out:robots"}
    summary = crawls.run([crawl], tmp_path / "out", {"ingest": {"opt_out": ["rsl"]}})
    assert set(opted_out(tmp_path / "out").values()) == {"opt_out:rsl"}
    assert stages(summary)["sort_policies"][1] == stages(summary)["sort_policies"][0], "policies are what they were"
    crawls.run([crawl], tmp_path / "out", {"ingest": {"opt_out": []}})
    assert not opted_out(tmp_path / "out")


def test_explain_shows_what_a_site_says_also_where_it_excludes_nothing(tmp_path: Path) -> None:
    sites = [
        crawls.robots("https://near.example"),
        crawls.robots("https://copy.example", "License: https://l.example/x.xml"),
    ]
    crawl = crawls.split([*crawls.pages(["fi"]), *sites], tmp_path / "in", 2)
    crawls.run([crawl], tmp_path / "out")
    table = crawls.verdicts(tmp_path / "out").filter(~pl.col("verdict").str.starts_with("mime"))
    for host, signal, found in (
        ("near.example", "robots", "robots=robots.txt:GPTBot"),
        ("copy.example", None, "rsl=robots.txt:https://l.example/x.xml"),
    ):
        url = table.filter(pl.col("url").str.contains(host))["url"][0]
        (told,) = story(str(tmp_path / "out"), None, url)
        assert (told["reserve"]["signal"], told["reserve"]["found"]) == (signal, found)
        assert told["reserve"]["policy"].startswith("robots.txt of 2024-05-01 in part-0")
        json.dumps(told, default=str)


@pytest.mark.ray
def test_serial_and_ray_agree_on_policies(tmp_path: Path) -> None:
    crawl = crawls.split([*crawls.pages(["fi"]), crawls.robots("https://near.example")], tmp_path / "in", 3)
    crawls.run([crawl], tmp_path / "serial")
    executor = OnRay(workers=2)
    try:
        crawls.run([crawl], tmp_path / "ray", None, executor)
    finally:
        executor.close()
    assert published(tmp_path / "serial") == published(tmp_path / "ray")
    assert opted_out(tmp_path / "ray")
