"""report/: one page that renders whatever happened, counts every page, and asks the network for nothing."""

import re
from html.parser import HTMLParser
from typing import Any

import pytest

from euro_curate.languages import languages
from euro_curate.report import render
from euro_curate.verdict import FAMILIES

EVIL = '<script src="https://evil.example/x.js">alert(1)</script>\'"&'
VOID = {"meta", "br", "link", "img"}


def summary(**more: Any) -> dict[str, Any]:
    base = {
        "versions": {"euro_curate": "0.1"},
        "inputs": [],
        "pages": {"seen": 0, "kept": 0, "dropped": 0},
        "languages": {},
        "warnings": [],
        "stages": [],
        "duplicates": {"task_bytes": 1 << 30, "largest": []},
    }
    return base | more


def full() -> dict[str, Any]:
    sizes = {"available_pages": 10, "available_words": 4000, "dataset_pages": 5, "dataset_words": 2000, "epochs": 1.5}
    none = dict.fromkeys(sizes, 0)
    return summary(
        inputs=[
            {"name": EVIL, "size": 10, "records": 3, "bytes_skipped": 1234, "errors": [EVIL]},
            {"name": f"aside {EVIL}", "size": 1, "set_aside": {"stage": "ingest", "history": []}},
            {"name": "fine", "size": 7},
        ],
        pages={"seen": 1_234_567, "kept": 5, "dropped": 1_234_562},
        languages={"mlt_Latn": sizes, "gle_Latn": none},
        warnings=[f"sign {EVIL}"],
        stages=[
            {"name": f"sign {EVIL}", "parts": 3, "reused": 1, "rows_in": 9, "rows_out": 9, "seconds": 0.25}
            | {"peak_bytes": 5_600 << 20}
        ],
        duplicates={"task_bytes": 1 << 30, "largest": [{"id": f"cluster {EVIL}", "cluster_size": 7_654, "exact": 321}]},
    )


COUNTS = [
    {"language": "mlt_Latn", "verdict": "kept", "pages": 5},
    {"language": "mlt_Latn", "verdict": "duplicate:near", "pages": 7},
    {"language": EVIL, "verdict": f"extract:{EVIL}", "pages": 2},
    {"language": "und", "verdict": "http:status", "pages": 1000},
]


class Parsed(HTMLParser):
    """Tags, attributes and the text of every table row; unbalanced tags are an error."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.rows: list[list[str]] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(page)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in VOID:
            self._open.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data
        if self._open and self._open[-1] in ("td", "th"):
            self.rows[-1][-1] += data

    def row(self, first: str) -> list[str]:
        (found,) = (row for row in self.rows if row[0] == first)
        return found


CASES = {"nothing": (summary(), []), "everything": (full(), COUNTS), "no verdicts": (full(), [])}


@pytest.mark.parametrize("case", CASES)
def test_renders_as_balanced_html_that_asks_the_network_for_nothing(case: str) -> None:
    page = render(*CASES[case])
    parsed = Parsed(page)
    assert page.startswith("<!DOCTYPE html>")
    assert not {"script", "link", "img", "iframe", "object", "base"} & set(parsed.tags)
    assert not {"src", "href", "srcset", "action"} & {name for name, _ in parsed.attributes}
    style = re.search(r"<style>(.*?)</style>", page, re.DOTALL)
    assert style is not None
    assert "url(" not in style[1]
    assert "@import" not in style[1]
    assert not any(name.startswith("on") for name, _ in parsed.attributes)


def test_a_careless_page_would_be_caught() -> None:
    careless = render(*CASES["everything"]).replace("&lt;script", "<script").replace("&gt;", ">")
    assert careless != render(*CASES["everything"])
    with pytest.raises(AssertionError):
        assert "script" not in Parsed(careless.replace("&lt;/script", "</script")).tags


def test_names_come_out_as_they_are() -> None:
    parsed = Parsed(render(full(), COUNTS))
    assert parsed.row(f"extract:{EVIL}")[2] == "2"
    assert parsed.row(EVIL)[1:] == ["10", "3", "1,234", EVIL]
    assert f"aside {EVIL}" in parsed.text
    assert parsed.row(f"sign {EVIL}") == [f"sign {EVIL}", "3", "1", "9", "9", "0.2", "5,600"]
    assert f"cluster {EVIL}" in parsed.text
    assert any(row[1:] == ["7,654", "321"] for row in parsed.rows)


def test_the_funnel_counts_every_page_once() -> None:
    parsed = Parsed(render(full(), COUNTS))
    head = next(row for row in parsed.rows if row[:3] == ["language", "share", "seen"])
    maltese, other = (dict(zip(head, parsed.rows[parsed.rows.index(head) + i], strict=True)) for i in (1, 2))
    assert {k: v for k, v in maltese.items() if v} == {
        "language": "Maltese", "seen": "12", "kept": "5", "duplicate": "7", "http": "·", "extract": "·",
    }  # fmt: skip
    assert other["language"].startswith("other languages")
    assert (other["seen"], other["http"], other["extract"]) == ("1,002", "1,000", "2")


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_has_its_column(family: str) -> None:
    parsed = Parsed(render(summary(), [{"language": "mlt_Latn", "verdict": f"{family}:x", "pages": 3}]))
    head = next(row for row in parsed.rows if row[:3] == ["language", "share", "seen"])
    assert head[3:] == [family]
    assert parsed.row("Maltese") == ["Maltese", "", "3", "3"]
    assert parsed.row(f"{family}:x")[2:] == ["3", "100.0 %", "Maltese (3)"]


def test_every_language_has_its_name() -> None:
    counts = [{"language": code, "verdict": "kept", "pages": 1} for code in languages()]
    parsed = Parsed(render(summary(), counts))
    assert all(parsed.row(language.name)[2] == "1" for language in languages().values())


def test_trouble_and_figures_are_shown() -> None:
    parsed = Parsed(render(full(), COUNTS))
    assert "1,234,567" in parsed.text
    assert "1 inputs were set aside" in parsed.text
    assert "1 of 3 files were read to their end" in parsed.text
    assert parsed.row(f"aside {EVIL}")[1:] == ["1", "0", "0", "set aside"]
    assert "Parts made by older code were reused" in parsed.text
    assert ["Maltese", "", "10", "4,000", "5", "2,000", "1.50"] in parsed.rows
    quiet = Parsed(render(summary(inputs=[{"name": "a", "size": 1}]), []))
    assert "All 1 files were read to their end." in quiet.text
    assert "set aside" not in quiet.text
