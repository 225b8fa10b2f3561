"""dedup/lines.py: lines that a host repeats, taken out; and nothing else."""

from pathlib import Path
from typing import Any

import crawls
import polars as pl
import pyarrow as pa
import pytest
from conftest import tree

from euro_curate.dedup import Lines, count_lines, drop_lines, find_common_lines
from euro_curate.explain import story
from euro_curate.run import checked
from euro_curate.schema import COMMON_LINES, DOCUMENTS, SHORTENED

MENU = "Home About Contact"
Row = dict[str, Any]


def page(name: str, text: str, host: str | None = "a.example", source: str = "f1") -> Row:
    return {"id": name, "text": text, "host": host, "source": source, "offset": 0, "bytes_in": 1}


def documents(rows: list[Row]) -> pa.Table:
    return pa.table([pa.array([row.get(f.name) for row in rows], f.type) for f in DOCUMENTS], schema=DOCUMENTS)


def shortened(rows: list[Row], max_pages: int, parts: int = 1) -> dict[str, tuple[str, int, int]]:
    """id -> text, lines and characters taken out."""
    params = Lines(max_pages)
    counted = [checked(count_lines, count_lines(documents(rows[i::parts]), params), None) for i in range(parts)]
    common = checked(find_common_lines, find_common_lines(pa.concat_tables(counted), params), None)
    out = {}
    for source in sorted({row["source"] for row in rows}):
        mine = documents([row for row in rows if row["source"] == source])
        keys = common.filter(pa.compute.equal(common["source"], source))
        for row in checked(drop_lines, drop_lines(mine, keys, params), mine).to_pylist():
            out[row["id"]] = (row["text"], row["common_lines"], row["common_chars"])
    return out


def article(i: int) -> str:
    return (
        f"The story number {i} is told here at some length.\n\nIts second paragraph has {i} words of its own, and more."
    )


def test_a_line_on_more_than_so_many_pages_of_a_host_goes() -> None:
    rows = [page(f"p{i}", f"{MENU}\n{article(i)}", source=f"f{i % 2}") for i in range(3)]
    assert shortened(rows, 2) == {f"p{i}": (article(i), 1, len(MENU) + 1) for i in range(3)}
    assert shortened(rows, 3) == {row["id"]: (row["text"], 0, 0) for row in rows}
    assert shortened(rows, 2, parts=3) == shortened(rows, 2)


def test_a_line_counts_once_a_page_and_for_its_host_alone() -> None:
    twice = page("p", f"{article(0)}\n{MENU}\n{MENU}\n  {MENU} ")
    others = [
        page(f"q{i}", f"{article(i)}\n{MENU}", host) for i, host in enumerate(["b.example", "c.example", None, None])
    ]
    found = shortened([twice, *others], 1)
    assert all(found[row["id"]] == (row["text"], 0, 0) for row in (twice, *others))
    again = shortened([twice, page("r", f"{MENU}\n{article(9)}")], 1)
    assert again["p"] == (article(0), 3, len(twice["text"]) - len(article(0))), (
        "wherever it stands, however it is indented"
    )


def test_copies_of_a_page_stay_whole() -> None:
    """Else a text that is on four addresses of a host would be lost on all of them."""
    rows = [page(f"p{i}", article(1)) for i in range(4)]
    assert shortened(rows, 2) == {row["id"]: (row["text"], 0, 0) for row in rows}


def test_odd_pages_pass_through() -> None:
    rows = [page("a", ""), page("b", "\n\n \n"), page("c", "x", ""), page("d", "x\r\ny\u2028z")]
    assert {name: found[0] for name, found in shortened(rows, 1).items()} == {row["id"]: row["text"] for row in rows}
    assert drop_lines(documents([]), COMMON_LINES.empty_table(), Lines(1)).schema == SHORTENED


def test_a_negative_number_is_refused() -> None:
    with pytest.raises(ValueError, match=r"dedup\.lines"):
        Lines(-1)


def site(tmp_path: Path, files: int) -> Path:
    crawl = crawls.pages(["it"])
    for one in crawl:
        if "copy.example" in one.url:
            one.body = str(one.body).replace(
                "</p>", "</p><p>Iscriviti alla nostra lettera per ricevere ogni novità del sito.</p>", 1
            )
    return crawls.split(crawl, tmp_path / f"in{files}", files)


def test_in_a_run_explain_tells_of_it_and_no_grouping_changes_it(tmp_path: Path) -> None:
    lines = {"dedup": {"lines": 2}}
    crawls.run([site(tmp_path, 1)], tmp_path / "one", lines)
    crawls.run([site(tmp_path, 4)], tmp_path / "four", {"dedup": {"lines": 2, "task_bytes": 60_000}})
    crawls.run([site(tmp_path, 1)], tmp_path / "off")
    sections = {name: crawls.dataset(tmp_path / name).drop("file_path").sort("id") for name in ("one", "four", "off")}
    assert sections["one"].equals(sections["four"])
    assert "Iscriviti" not in "".join(sections["one"]["text"])
    assert "Iscriviti" in "".join(
        pl.read_parquet(sorted((tmp_path / "off" / "work" / "ingest").rglob("*.parquet")))["text"]
    )
    copies = crawls.verdicts(tmp_path / "one").filter(pl.col("url").str.contains("copy.example"))
    gone = []
    for url in copies["url"]:
        (told,) = story(str(tmp_path / "one"), None, url)
        gone.append(tuple(told["drop_lines"].values()))
        assert "drop_lines" not in story(str(tmp_path / "off"), None, url)[0]
    assert set(gone) <= {(1, 65), (0, 0)}, "of one page extraction takes the line for a part of the frame"
    assert gone.count((1, 65)) >= 3
    assert tree(tmp_path / "one" / "work" / "drop_lines")
