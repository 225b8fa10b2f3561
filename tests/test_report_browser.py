"""The report as a reader meets it: in real Chromium, offline, by mouse and keyboard, on a desk and on a phone, in light and dark."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import browser
import crawls
import pytest
import test_report
from click.testing import CliRunner
from conftest import Page, write_warc

from euro_curate.cli import main
from euro_curate.languages import languages
from euro_curate.report import compare, render

pytestmark = pytest.mark.skipif(browser.binary() is None, reason=browser.MISSING)
EVIL = '</script><img src=x onerror="window.stolen = 1"><script>window.stolen = 2</script>\'"&amp;<!--'
PHONE, DESK = 390, 1280


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[browser.Tab]:
    with browser.browser(tmp_path_factory.mktemp("profile")) as tab:
        yield tab


@pytest.fixture
def tab(chromium: browser.Tab) -> Iterator[browser.Tab]:
    """The browser's page; whatever is on its console by the end fails the test, and so does any request but for the file."""
    chromium.errors.clear()
    chromium.requests.clear()
    yield chromium
    assert chromium.errors == []
    assert all(url.startswith("file://") for url in chromium.requests) and len(chromium.requests) >= 1


def report(output: Path) -> Path:
    return output / "report" / "index.html"


def shown(tab: browser.Tab) -> list[str]:
    """The verdicts in the list of sampled pages."""
    return list(tab.run("[...document.querySelectorAll('#list .chip')].map(chip => chip.textContent.trim())"))


def test_a_reader_finds_a_maltese_page_and_why_it_was_dropped(tab: browser.Tab, finished: Path) -> None:
    tab.open(report(finished))
    assert tab.run("document.querySelector('h1').textContent") == "What became of 207 pages"
    everything = shown(tab)
    tab.choose("by-language", "mlt_Latn")
    maltese = shown(tab)
    assert 0 < len(maltese) < len(everything)
    assert tab.run("document.getElementById('found').textContent").startswith(f"{len(maltese)} of {len(everything)} ")
    assert "kept" in maltese and any(verdict.startswith("duplicate:") for verdict in maltese)
    tab.run(f"document.querySelectorAll('#list button')[{maltese.index('kept')}].click()")
    assert tab.run("document.querySelector('#reading .text').lang") == "mt"
    text = tab.run("document.querySelector('#reading .text').textContent")
    assert len(text) > 200 and " li " in text
    assert tab.run("document.querySelector('#reading .reason').textContent") == "Kept: it passed every rule."
    tab.choose("by-verdict", "duplicate")
    assert {verdict.split(":")[0] for verdict in shown(tab)} == {"duplicate"}
    reason = tab.run("document.querySelector('#reading .reason').textContent")
    assert "another copy of the same text was kept" in reason and "The copy that stands for it" in reason


def test_a_rule_is_shown_with_its_value_and_its_threshold(tab: browser.Tab, finished: Path) -> None:
    tab.open(report(finished))
    tab.choose("by-verdict", "quality:min_words")
    assert set(shown(tab)) == {"quality:min_words"}
    sample = next(
        s
        for s in json.loads(tab.run("document.getElementById('data').textContent"))["samples"]
        if s["verdict"] == "quality:min_words"
    )
    reason = tab.run("document.querySelector('#reading .reason').textContent")
    assert f"is {sample['value']:.0f}; at least {sample['threshold']:.0f} was asked." in reason
    assert tab.run("document.querySelector('#reading .gauge').getAttribute('aria-label')")
    tab.run(
        "document.getElementById('by-text').value = 'no page holds this'; document.getElementById('by-text').dispatchEvent(new Event('input'))"
    )
    assert shown(tab) == [] and "No sampled page is like that" in tab.run(
        "document.getElementById('reading').textContent"
    )


def test_a_figure_in_a_table_leads_to_pages_of_its_kind(tab: browser.Tab, finished: Path) -> None:
    tab.open(report(finished))
    tab.run('document.querySelector("#languages a[data-language=deu_Latn][data-verdict=duplicate]").click()')
    assert {verdict.split(":")[0] for verdict in shown(tab)} == {"duplicate"}
    assert tab.run("document.getElementById('by-language').value") == "deu_Latn"
    assert tab.run("location.hash") == "#pages"


def test_every_measure_is_drawn_with_its_threshold(tab: browser.Tab, finished: Path) -> None:
    tab.open(report(finished))
    measures = json.loads(tab.run("document.getElementById('data').textContent"))["measures"]
    tab.choose("measure-language", "mlt_Latn")
    assert tab.run("document.querySelectorAll('#plots figure').length") == len(measures) == 47
    limits = sum(len(measure["rules"]) for measure in measures.values())
    assert tab.run("document.querySelectorAll('#plots .limit').length") == limits > 30
    tab.choose("measure-name", "stop_word_share")
    tab.choose("measure-language", "")
    assert (
        tab.run("document.querySelectorAll('#plots figure').length")
        == len(measures["stop_word_share"]["languages"])
        == len(languages())
    )
    drawn = tab.run("document.querySelector('#plots .limit').getAttribute('x1')")
    limit = measures["stop_word_share"]["rules"][0]["at"]["bul_Cyrl"][0]
    assert float(drawn) == pytest.approx(400 * limit, abs=0.1)
    tab.choose("measure-name", "")
    assert tab.run("document.getElementById('measure-language').value"), (
        "all measures of all languages would be too many"
    )


def test_tables_sort(tab: browser.Tab, finished: Path) -> None:
    tab.open(report(finished))
    column = "[...document.querySelectorAll('#languages tbody tr')].map(row => Number(row.cells[2].textContent.replace(',', '')))"
    head = "document.querySelector('#languages thead th:nth-child(3)')"
    tab.run(f"{head}.querySelector('button').click()")
    assert (
        tab.run(column) == sorted(tab.run(column), reverse=True)
        and tab.run(f"{head}.getAttribute('aria-sort')") == "descending"
    )
    tab.run(f"{head}.querySelector('button').click()")
    assert tab.run(column) == sorted(tab.run(column)) and len(tab.run(column)) == 25


def test_it_works_by_keyboard_alone(tab: browser.Tab, finished: Path) -> None:
    tab.open(report(finished))
    focus = "document.activeElement.id || document.activeElement.className"
    tab.press("Tab", 9)
    assert tab.run(focus) == "skip" and tab.run("document.activeElement.getBoundingClientRect().left") == 0, (
        "the skip link shows itself"
    )
    tab.press("Enter", 13, "\r")
    assert tab.run("location.hash") == "#main"
    tab.run("document.getElementById('theme').focus()")
    tab.press("Enter", 13, "\r")
    assert tab.run("document.documentElement.dataset.theme") == "light"
    tab.run("document.querySelector('#list button').focus()")
    tab.press("Tab", 9)
    tab.press("Enter", 13, "\r")
    assert tab.run("[...document.querySelectorAll('#list button')].findIndex(b => b.hasAttribute('aria-current'))") == 1
    assert tab.run(focus) == "reading", "whoever opens a page is taken to it"
    tab.press("Tab", 9)
    assert tab.run("document.activeElement.textContent") == "← Previous"
    assert tab.run("getComputedStyle(document.activeElement).outlineStyle") == "solid", "focus can be seen"
    tab.press("Enter", 13, "\r")
    assert tab.run("[...document.querySelectorAll('#list button')].findIndex(b => b.hasAttribute('aria-current'))") == 0


def test_everything_has_a_name_for_those_who_do_not_see_it(tab: browser.Tab, finished: Path) -> None:
    tab.open(report(finished))
    nameless = "[...document.querySelectorAll('svg')].filter(s => !s.hasAttribute('aria-hidden') && !(s.getAttribute('role') === 'img' && s.getAttribute('aria-label'))).length"
    assert tab.run("document.querySelectorAll('svg').length") > 100 and tab.run(nameless) == 0
    unlabelled = "[...document.querySelectorAll('select, input')].filter(e => !e.labels.length).length + [...document.querySelectorAll('button, a')].filter(e => !e.textContent.trim()).length"
    assert tab.run(unlabelled) == 0
    assert tab.run(
        "[...document.querySelectorAll('section')].every(s => document.getElementById(s.getAttribute('aria-labelledby')))"
    )
    assert tab.run("[...document.querySelectorAll('.scroll')].every(s => s.tabIndex === 0)"), (
        "a box that scrolls can be scrolled by keyboard"
    )


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [PHONE, DESK])
def test_no_sideways_scroll_and_legible_in_both_themes(
    tab: browser.Tab, finished: Path, width: int, dark: bool
) -> None:
    tab.open(report(finished), width, 844, dark)
    tab.run("document.querySelectorAll('details').forEach(d => { d.open = true })")
    assert tab.run("document.documentElement.scrollWidth") == width
    ratios = tab.run(CONTRAST)
    assert len(ratios) > 50 and min(ratios) >= 4.5, "WCAG AA for text"
    assert tab.run("matchMedia('(prefers-color-scheme: dark)').matches") == dark
    assert len(tab.screenshot(whole=False)) > 10_000


CONTRAST = """(() => {
  const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
  const rgb = (colour) => { canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1); return [...canvas.getImageData(0, 0, 1, 1).data]; };
  const light = ([r, g, b]) => [r, g, b].map(v => v / 255).map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4).reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = (e) => { for (; e; e = e.parentElement) { const c = rgb(getComputedStyle(e).backgroundColor); if (c[3] > 250) return c; } return [255, 255, 255]; };
  return [...document.querySelectorAll('p, h1, h2, h3, dt, dd, th, td, small, a, button, label, summary, span, b, code')]
    .filter(e => e.checkVisibility() && !e.disabled && [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim()))
    .map(e => [light(rgb(getComputedStyle(e).color)), light(behind(e))].sort((a, b) => b - a)).map(([a, b]) => (a + 0.05) / (b + 0.05));
})()"""


def test_the_choice_of_theme_wins_over_the_system(tab: browser.Tab, finished: Path) -> None:
    tab.open(report(finished), dark=True)
    paper = "getComputedStyle(document.body).backgroundColor"
    tab.run(
        "while (document.getElementById('theme').textContent !== 'Theme: dark') document.getElementById('theme').click()"
    )
    dark = tab.run(paper)
    tab.run(
        "while (document.getElementById('theme').textContent !== 'Theme: light') document.getElementById('theme').click()"
    )
    assert tab.run(paper) != dark
    tab.run(
        "while (document.getElementById('theme').textContent !== 'Theme: auto') document.getElementById('theme').click()"
    )
    assert tab.run(paper) == dark


@pytest.mark.parametrize("case", test_report.CASES)
def test_a_page_of_any_run_opens_without_a_complaint(tab: browser.Tab, tmp_path: Path, case: str) -> None:
    figures = test_report.CASES[case]
    for name, page in (("one", render(figures)), ("two", compare(figures, figures, "a", "b"))):
        (tmp_path / f"{name}.html").write_text(page)
        tab.open(tmp_path / f"{name}.html", PHONE)
        assert tab.run("document.querySelector('h1').textContent")
        assert tab.run("document.documentElement.scrollWidth") == PHONE
        assert tab.run("window.stolen") is None


# --- hostile pages -------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run over pages whose titles, texts and addresses are markup."""
    folder = tmp_path_factory.mktemp("hostile")
    prose = next(p.body for p in crawls.pages(["it"]) if "it-" in p.url)
    assert isinstance(prose, str)
    escaped = EVIL.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    start, end = prose.index("<title>"), prose.index("</title>")
    body = prose[:start] + f"<title>{escaped}" + prose[end:].replace("<p>", f"<p>{escaped} ", 1)
    pages = [
        Page(body, f"https://evil.example/{EVIL}".replace(" ", "%20")),
        Page(body, "https://evil.example/2"),
        Page("<p>x</p>", f"https://b.example/#{EVIL}".replace(" ", "+")),
    ]
    write_warc(folder / "in" / "a.warc.gz", pages)
    crawls.run([folder / "in"], folder / "out")
    return folder / "out"


def test_a_pages_markup_is_shown_and_never_run(tab: browser.Tab, hostile: Path) -> None:
    tab.open(report(hostile))
    tab.choose("by-language", "ita_Latn")
    assert tab.run("document.querySelector('#reading h3').textContent").startswith("</script><img src=x")
    assert "<script>window.stolen = 2</script>" in tab.run("document.querySelector('#reading .text').textContent")
    tab.run("document.querySelectorAll('#list button').forEach(b => b.click())")
    assert tab.run("window.stolen") is None
    assert tab.run("document.querySelectorAll('img, iframe, object, link').length + document.scripts.length") == 2


def test_a_report_that_let_markup_in_would_be_caught(chromium: browser.Tab, hostile: Path, tmp_path: Path) -> None:
    """The negative control: the same title as markup is refused by the page's policy, and that is on the console."""
    careless = tmp_path / "careless.html"
    careless.write_text(report(hostile).read_text().replace("<main ", f"{EVIL.removeprefix('</script>')}--><main ", 1))
    chromium.errors.clear()
    chromium.open(careless)
    chromium.run("new Promise(done => setTimeout(done, 50))")
    assert chromium.errors, "nothing was said of an image and a script that should not be there"
    assert chromium.run("window.stolen") is None, "and even then nothing runs"


# --- the command ---------------------------------------------------------------------------------------------------------------


def invoke(*args: str) -> Any:
    return CliRunner().invoke(main, args)


def test_two_runs_are_compared_on_one_page(tab: browser.Tab, finished: Path, hostile: Path, tmp_path: Path) -> None:
    place = tmp_path / "compared.html"
    done = invoke("report", str(finished), str(hostile), "--to", str(place))
    assert done.exit_code == 0 and done.stdout.strip() == str(place)
    tab.open(place, PHONE)
    assert tab.run("document.querySelector('h1').textContent") == "Two runs"
    assert tab.run("document.documentElement.scrollWidth") == PHONE
    rows = "[...document.querySelectorAll('#languages tbody tr')].map(row => row.cells[0].textContent)"
    assert {"Italian", "Maltese"} <= set(tab.run(rows))
