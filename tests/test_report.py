"""report/: figures from small tables, and one page that renders whatever happened, counts every page, and asks the network for nothing."""

import json
import re
from html.parser import HTMLParser
from typing import Any

import polars as pl
import pyarrow as pa
import pytest
from rich.console import Console

from euro_curate.languages import languages
from euro_curate.report import Figures, compare, render, show
from euro_curate.report.page import SECTIONS
from euro_curate.report.scales import BINS
from euro_curate.report.words import FAMILIES as NAMES
from euro_curate.report.words import MEASURES, percent, short
from euro_curate.schema import COUNTS, HOSTS, QUALITIES, SAMPLES
from euro_curate.verdict import FAMILIES, RULES, resolve_thresholds

EVIL = '</script><img src=x onerror="alert(1)"><script src="https://evil.example/x.js">alert(1)</script>\'"&<!--'
VOID = {"meta", "br", "link", "img", "input"}


def summary(**more: Any) -> dict[str, Any]:
    thresholds = [[code, [list(rule) for rule in rules]] for code, rules in resolve_thresholds({}, {})]
    return {
        "versions": {"euro_curate": "0.1"},
        "inputs": [],
        "pages": {"seen": 0, "kept": 0, "dropped": 0},
        "languages": {},
        "warnings": [],
        "stages": [],
        "config": {"rules": {"thresholds": thresholds}},
    } | more


def counted(*rows: tuple[Any, ...]) -> pl.DataFrame:
    """COUNTS from (topic, language, name, pages, ...); what is left out is False or 0."""
    whole = [
        (*row[:3], *row[4:6], *(False, 0)[len(row[4:6]) :], row[3], *row[6:], *(0, 0)[len(row[6:]) :]) for row in rows
    ]
    frame = pl.from_arrow(pa.Table.from_pylist([dict(zip(COUNTS.names, r, strict=True)) for r in whole], schema=COUNTS))
    assert isinstance(frame, pl.DataFrame)
    return frame


def sampled(**more: Any) -> dict[str, Any]:
    return {
        "id": "0" * 32, "cells": "kept", "group": "mlt_Latn", "language": "mlt_Latn", "verdict": "kept", "rule": None, "value": None,
        "threshold": None, "evidence": None, "url": "https://x.example/", "title": "Titlu", "excerpt": "Kliem", "more_chars": 0, "words": 1,
        "language_score": 0.99, "second": None, "second_score": None, "cluster_size": 1, "duplicate_of": None, "source": "a", "offset": 0,
    } | more  # fmt: skip


def table(rows: list[dict[str, Any]], schema: pa.Schema) -> pl.DataFrame:
    frame = pl.from_arrow(pa.Table.from_pylist(rows, schema=schema))
    assert isinstance(frame, pl.DataFrame)
    return frame


VERDICTS = (
    ("verdict", "mlt_Latn", "kept", 5, True, 0, 900, 10),
    ("verdict", "mlt_Latn", "duplicate:near", 7, False, 0, 800, 10),
    ("verdict", EVIL, f"extract:{EVIL}", 2),
    ("verdict", "und", "http:status", 1000),
    ("verdict", "deu_Latn", "budget:cut", 30, True),
)


def full() -> Figures:
    sizes = {"available_pages": 10, "available_words": 4000, "dataset_pages": 5, "dataset_words": 2000, "epochs": 1.5}
    told = summary(
        inputs=[
            {"name": EVIL, "size": 10, "records": 3, "bytes_skipped": 1234, "errors": [EVIL]},
            {"name": f"aside {EVIL}", "size": 1, "set_aside": {"stage": "ingest", "history": []}},
            {"name": "fine", "size": 7},
        ],
        pages={"seen": 1_234_567, "kept": 5, "dropped": 1_234_562},
        languages={"mlt_Latn": sizes, "gle_Latn": dict.fromkeys(sizes, 0)},
        warnings=[f"sign {EVIL}"],
        stages=[
            {
                "name": f"sign {EVIL}",
                "parts": 3,
                "reused": 1,
                "rows_in": 9,
                "rows_out": 9,
                "seconds": 0.25,
                "core_seconds": 0.5,
            }
        ]
        * 2,
        models={EVIL: EVIL},
    )
    counts = counted(
        *VERDICTS,
        ("measure", "mlt_Latn", "stop_word_share", 4, True, 20),
        ("measure", "mlt_Latn", "stop_word_share", 3, False, 2),
        ("second", "mlt_Latn", EVIL, 10, True, 0, 9_000_000, 500_000),
        ("clusters", "mlt_Latn", "representative", 2, True, 3, 20),
        ("opt_out", "mlt_Latn", f"noai={EVIL}", 4, False),
        ("opt_out", "mlt_Latn", f"noai={EVIL}", 1, True),
        ("pii", "mlt_Latn", EVIL, 3, True, 0, 8),
    )
    hosts = [{"host": EVIL, "order": 1, "passed": 3, "dropped": 1}]
    strings = dict.fromkeys(("title", "url", "excerpt", "evidence", "rule", "source", "duplicate_of", "second"), EVIL)
    samples = [
        sampled(**strings, id="1" * 32, verdict=f"quality:{EVIL}", cells=f"largest quality:{EVIL}", cluster_size=9),
        sampled(),
        sampled(id="2" * 32, cells="largest", title=f"Only large {EVIL}", cluster_size=4),
    ]
    return Figures(told, counts, table(hosts, HOSTS), table(samples, SAMPLES))


class Parsed(HTMLParser):
    """Tags, attributes, the text of every table row and of each script; unbalanced tags are an error."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.rows: list[list[str]] = []
        self.scripts: list[str] = []
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
        if tag == "script":
            self.scripts.append("")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] == "script":
            self.scripts[-1] += data
            return
        self.text += data
        if {"td", "th"} & set(self._open):
            self.rows[-1][-1] += data

    def row(self, first: str) -> list[str]:
        (found,) = (row for row in self.rows if row[0] == first)
        return found

    @property
    def data(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.scripts[0])
        return found


CASES = {
    "nothing": Figures(summary()),
    "everything": full(),
    "no tables": Figures(full().summary),
    "an old run.json": Figures({k: v for k, v in full().summary.items() if k != "config"}),
}


def check(page: str) -> Parsed:
    """The laws of every page that we write."""
    parsed = Parsed(page)
    assert page.startswith("<!DOCTYPE html>")
    assert parsed.tags.count("script") == 2 and not {"link", "img", "iframe", "object", "base"} & set(parsed.tags)
    assert not {"src", "srcset", "action"} & {name for name, _ in parsed.attributes}
    assert all(str(value).startswith("#") for name, value in parsed.attributes if name == "href")
    style = re.search(r"<style>(.*?)</style>", page, re.DOTALL)
    assert style is not None and "url(" not in style[1] and "@import" not in style[1]
    assert not any(name.startswith("on") for name, _ in parsed.attributes)
    assert any(str(value).startswith("default-src 'none'; ") for name, value in parsed.attributes if name == "content")
    ids = [value for name, value in parsed.attributes if name == "id"]
    assert len(ids) == len(set(ids)), "every id once"
    assert isinstance(parsed.data, dict)
    return parsed


@pytest.mark.parametrize("case", CASES)
def test_renders_as_balanced_html_that_asks_the_network_for_nothing(case: str) -> None:
    check(render(CASES[case]))


@pytest.mark.parametrize(
    ("a", "b"), [("nothing", "everything"), ("everything", "everything"), ("no tables", "nothing")]
)
def test_a_comparison_keeps_the_same_laws(a: str, b: str) -> None:
    check(compare(CASES[a], CASES[b], f"a {EVIL}", f"b {EVIL}"))


def test_a_careless_page_would_be_caught() -> None:
    careless = render(CASES["everything"]).replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", '"')
    assert careless != render(CASES["everything"])
    with pytest.raises(AssertionError):
        check(careless)
    with pytest.raises((AssertionError, ValueError)):
        check(render(CASES["everything"]).replace("\\u003c", "<").replace("\\u003e", ">"))


def test_no_style_or_script_names_another_place() -> None:
    page = render(CASES["nothing"])
    assert re.findall(r"https?://[^\s'\"]+", page) == ["http://www.w3.org/2000/svg"], "the name of SVG, never fetched"


def test_the_policy_allows_just_the_script_that_is_there() -> None:
    import base64
    import hashlib

    page = render(CASES["everything"])
    digest = base64.b64encode(hashlib.sha256(Parsed(page).scripts[1].encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}';" in page and "script-src 'unsafe" not in page


def test_names_come_out_as_they_are() -> None:
    parsed = Parsed(render(full()))
    assert parsed.row(f"extract:{EVIL}")[2] == "2"
    assert [EVIL, "10", "3", "1,234", EVIL[:160]] in parsed.rows, "the damaged input"
    assert [EVIL, "", "3", "75.0 %"] in parsed.rows, "the host"
    assert f"aside {EVIL}" in parsed.text
    assert parsed.row(f"sign {EVIL}")[1:] == ["", "1.0", "100.0 %", "0.5", "18", "6", "2", "18"], (
        "one row a name, added up"
    )
    sample = next(s for s in parsed.data["samples"] if s["id"] == "1" * 32)
    assert sample["title"] == sample["excerpt"] == sample["evidence"] == EVIL
    assert [s["id"] for s in parsed.data["samples"]] == ["0" * 32, "1" * 32], (
        "what was drawn as a large cluster only is in its own table"
    )
    assert any(row[0].startswith(f"Only large {EVIL}") for row in parsed.rows)


def test_the_funnel_counts_every_page_once() -> None:
    parsed = Parsed(render(full()))
    head = next(row for row in parsed.rows if row[:3] == ["language", "what became of its pages", "seen"])
    rows = {row[0]: dict(zip(head, row, strict=True)) for row in parsed.rows if len(row) == len(head) and row != head}
    assert {k: v for k, v in rows["Maltese"].items() if v not in ("", "·")} == {
        "language": "Maltese", "seen": "12", "share kept": "41.7 %", "kept": "5", "duplicate": "7",
    }  # fmt: skip
    assert (rows["other or none"]["seen"], rows["other or none"]["no page"], rows["other or none"]["extraction"]) == (
        "1,002",
        "1,000",
        "2",
    )
    figures = full()
    assert sum(row["seen"] for row in figures.funnel) == 1044 == sum(row["pages"] for row in figures.rules)
    assert [(s["family"], s["stopped"], s["left"]) for s in figures.steps] == [
        ("http", 1000, 44), ("extract", 2, 42), ("duplicate", 7, 35), ("budget", 30, 5),
    ]  # fmt: skip


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_has_its_name_and_its_colour(family: str) -> None:
    seen = summary(pages={"seen": 3, "kept": 0, "dropped": 3})
    page = render(Figures(seen, counted(("verdict", "mlt_Latn", f"{family}:x", 3))))
    assert Parsed(page).row(f"{family}:x")[2:] == ["3", "100.0 %", "Maltese 100.0 % of its pages, 3"]
    assert page.count(f".f-{family} {{") == 1 and page.count(f"--{family}: #") == 3, "light, dark, and dark by choice"
    assert tuple(NAMES) == ("kept", *FAMILIES)


def test_every_language_and_measure_has_its_name() -> None:
    counts = counted(*(("verdict", code, "kept", 1, True) for code in languages()))
    parsed = Parsed(render(Figures(summary(), counts)))
    assert all(parsed.row(language.name)[2] == "1" for language in languages().values())
    assert not set(QUALITIES.names[1:]) - set(MEASURES)


def test_trouble_and_figures_are_shown() -> None:
    parsed = Parsed(render(full()))
    assert "What became of 1,234,567 pages" in parsed.text
    assert "1 input set aside" in parsed.text
    assert "1 of 3 files were read to the end" in parsed.text
    assert parsed.row(f"aside {EVIL}")[1:] == ["1", "0", "0", "set aside"]
    assert "Parts made by older code were reused" in parsed.text
    assert ["Maltese", "", "100.0 %", "100.0 %", "4,000", "2,000", "1.50"] in parsed.rows
    quiet = Parsed(render(Figures(summary(inputs=[{"name": "a", "size": 1}]))))
    assert "The one file was read to the end." in quiet.text
    assert "set aside" not in quiet.text


def test_each_section_reads_its_own_table_and_is_left_out_without_it() -> None:
    def there(figures: Figures) -> set[str]:
        return {key for key, *_ in SECTIONS if f"<section id={key} " in render(figures)}

    whole = full()
    assert there(whole) == {key for key, *_ in SECTIONS}
    assert there(Figures(summary())) == {"inputs", "settings"}
    without = Figures(
        whole.summary, whole.counts.filter(pl.col("topic").is_in(["measure", "second", "clusters"]).not_())
    )
    assert there(whole) - there(without) == {"measures", "confusable", "duplicates", "hosts", "pages"}
    bare = Parsed(render(Figures(whole.summary, counted(*VERDICTS))))
    assert "None was found" in bare.text and "No machine-readable" in bare.text


def test_measures_keep_every_page_and_their_thresholds() -> None:
    measure = full().measures["stop_word_share"]
    here = measure["languages"]["mlt_Latn"]
    assert here["pages"] == [4, 3] and here["unit"] == 1
    assert here["bars"] == [[0] * 20 + [4], [0, 0, 3]]
    limit = dict(resolve_thresholds({}, {}))["mlt_Latn"]
    assert measure["rules"][0]["at"]["mlt_Latn"] == [dict(limit)["stop_word_share"]] * 2, "a share lies where it says"
    crowd = Figures(
        summary(),
        counted(("measure", "mlt_Latn", "words", 10**9, True, 3), ("measure", "mlt_Latn", "words", 1, True, 4)),
    )
    told = crowd.measures["words"]["languages"]["mlt_Latn"]
    assert told["bars"][0] == [0, 0, 0, 9999, 1] and told["pages"] == [10**9 + 1, 0], (
        "one page beside a billion is still drawn"
    )


def test_tables_of_detail() -> None:
    f = full()
    (pair,) = f.confusable
    assert (pair["pages"], pair["score"], pair["second_score"], pair["share"]) == (10, 0.9, 0.05, 1.0)
    assert f.clusters["sizes"] == [{"from": 8, "to": 15, "clusters": 2, "pages": 20}]
    assert [s["cluster_size"] for s in f.clusters["largest"]] == [9, 4]
    assert f.personal == {"kinds": [EVIL], "languages": {"mlt_Latn": {EVIL: (8, 3)}}}
    assert f.opt_outs == [{"signal": "noai", "where": EVIL, "pages": 5, "left_out": 4}]


def test_the_page_stays_small_whatever_the_crawl() -> None:
    """Every bin of every measure filled, every cell of the sample full, of the characters that cost most."""
    bars = [
        {"topic": "measure", "language": code, "name": name, "passed": passed, "bin": i, "pages": 10**9 + i, "amount": 0, "further": 0}
        for code in languages() for name in QUALITIES.names[1:] for passed in (True, False) for i in range(BINS)
    ]  # fmt: skip
    second = [
        ("second", code, f"x{i:03d}_Latn", 10**8, True, 0, 10**14, 10**13) for code in languages() for i in range(120)
    ]
    verdicts = [("verdict", code, f"quality:{rule.name}", 10**9) for code in languages() for rule in RULES]
    counts = pl.concat([counted(*second, *verdicts), table(bars, COUNTS)])
    samples = [
        sampled(id=f"{i:032x}", group=code, language=code, verdict=f"quality:{i}", cells=f"quality:{i}", excerpt="<" * 1200, title="&" * 300, url="Ж" * 150)
        for code in (*languages(), "other") for i in range(90)
    ]  # fmt: skip
    figures = Figures(summary(), counts, table([], HOSTS), table(samples, SAMPLES))
    assert 100 < len(figures.samples) < len(samples)
    assert {s["group"] for s in figures.samples} == {*languages(), "other"}, "room is shared: each language has some"
    assert len(render(figures).encode()) < 3_000_000


def test_a_comparison_tells_what_is_different() -> None:
    a = full()
    told = json.loads(json.dumps(a.summary))
    told["pages"] |= {"seen": 50}
    told["config"]["dedup"] = {"rows": 9}
    told["config"]["rules"]["thresholds"][0][1][0][1] = 0.123
    b = Figures(told, counted(("verdict", "mlt_Latn", "kept", 8, True), ("verdict", "mlt_Latn", "quality:words", 2)))
    parsed = Parsed(compare(a, b, "before", "after"))
    assert parsed.row("Maltese")[2:7] == ["12", "10", "41.7 %", "80.0 %", "+38.3"]
    assert parsed.row("quality:words")[2:5] == ["·", "2", "+2"]
    assert parsed.row("dedup.rows")[1:] == ["–", "9"]
    assert [row for row in parsed.rows if row[0].startswith("rules.thresholds.bul_Cyrl.") and row[2] == "0.123"]
    same = Parsed(compare(a, a, "one", "two"))
    assert "Both read the same input." in same.text and "of both runs are the same" in same.text


def test_figures_are_written_for_people() -> None:
    assert [percent(*p) for p in ((0, 0), (0, 5), (1, 10**6), (999_999, 10**6), (5, 5))] == [
        "–",
        "0.0 %",
        "< 0.1 %",
        "> 99.9 %",
        "100.0 %",
    ]
    assert [short(n) for n in (0, 99_999, 123_456, 1_234_567, 9.87e12)] == ["0", "99,999", "123 k", "1.23 M", "9.87 T"]


@pytest.mark.parametrize("width", [80, 120])
def test_the_table_on_the_terminal_never_cuts_a_figure(width: int) -> None:
    console = Console(width=width, record=True, file=None, quiet=False)
    with console.capture() as shown:
        show(full(), console)
    lines = shown.get().splitlines()
    maltese = next(line for line in lines if line.split()[:1] == ["Maltese"])
    assert [word for word in maltese.split() if word[0].isdigit()][:3] == ["12", "5", "41.7"]
    assert next(line for line in lines if line.split()[:1] == ["all"]).split()[1:3] == ["1,234,567", "35"]
    assert ("█" in maltese) == (width == 120)
    assert all(len(line) <= width for line in lines)


def test_a_run_without_tables_says_nothing_on_the_terminal() -> None:
    console = Console(width=80)
    with console.capture() as shown:
        show(Figures(summary()), console)
    assert shown.get() == ""
