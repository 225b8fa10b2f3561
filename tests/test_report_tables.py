"""The report's small tables: sums that do not depend on how pages lie in parts, and a sample that never shows what it must not."""

import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import crawls
import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from conftest import Page, tree, write_warc
from hypothesis import given, settings
from hypothesis import strategies as st

from euro_curate.languages import languages
from euro_curate.report import count as counting
from euro_curate.report import draw as drawing
from euro_curate.report import read_figures
from euro_curate.report.scales import BINS, bins, position, scale
from euro_curate.schema import DRAWS, HOSTS, QUALITIES, VERDICTS

BALANCED = {"balance": {"strategy": "unimax", "budget": 2500}}


def reported(output: Path, name: str) -> pl.DataFrame:
    return pl.read_parquet(sorted((output / "report" / name).glob("*.parquet")))


# --- whole runs ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("files", "order", "merge"), [(1, 1, 256), (5, 2, 2)])
def test_any_grouping_of_pages_gives_the_same_tables(tmp_path: Path, files: int, order: int, merge: int) -> None:
    crawl = crawls.pages()
    crawls.run([crawls.split(crawl, tmp_path / "one", 2)], tmp_path / "a", BALANCED)
    other = {**BALANCED, "run": {"merge_parts": merge}}
    crawls.run([crawls.split(crawl, tmp_path / "other", files, order)], tmp_path / "b", other)
    for name in ("counts", "hosts"):
        assert reported(tmp_path / "a", name).equals(reported(tmp_path / "b", name)), name
        assert len(reported(tmp_path / "a", name)) > 3
    samples = [reported(tmp_path / side, "samples").drop("source", "offset").sort("id") for side in "ab"]
    assert samples[0].equals(samples[1]) and len(samples[0]) > 10


def test_counts_are_those_of_the_verdicts(tmp_path: Path) -> None:
    """Every topic counted once more, by other means."""
    crawls.run([crawls.split(crawls.pages(), tmp_path / "in", 3)], tmp_path / "out", BALANCED)
    pages, figures = crawls.verdicts(tmp_path / "out"), read_figures(str(tmp_path / "out"))
    assert {(r["language"], r["verdict"]): r["pages"] for r in figures.verdicts} == dict(
        Counter(pages.select("language", "verdict").rows())
    )
    assert sum(r["bytes"] for r in figures.verdicts) > 10_000
    measured = pl.read_parquet(sorted((tmp_path / "out/work/measure").rglob("*.parquet")))
    joined = pages.join(measured, on="id").filter(
        pl.col("words").is_not_null(), pl.col("language").is_in(list(languages()))
    )
    passed = pl.col("verdict").is_in(["kept", "budget:cut"])
    for name in ("words", "stop_word_share", "top_2gram"):
        for (code,), group in joined.group_by("language"):
            here = figures.measures[name]["languages"][code]
            assert here["pages"] == [len(group.filter(passed)), len(group.filter(~passed))]
            expected = np.bincount(bins(name, group.filter(passed)[name].to_numpy()), minlength=BINS)
            assert here["bars"][0] == np.trim_zeros(expected, "b").tolist()
    heads = pages.filter(pl.col("cluster_size") > 1, pl.col("duplicate_of").is_null())
    assert sum(r["clusters"] for r in figures.clusters["sizes"]) == len(heads) > 0
    assert sum(r["pages"] for r in figures.clusters["sizes"]) == heads["cluster_size"].sum()
    languages_table = pl.read_parquet(sorted((tmp_path / "out/work/identify").rglob("*.parquet")))
    pair = figures.confusable[0]
    mine = languages_table.join(pages, on="id").filter(language=pair["language"], second=pair["second"])
    assert pair["pages"] == len(mine) and pair["score"] == pytest.approx(mine["score"].mean(), abs=1e-5)
    hosts = reported(tmp_path / "out", "hosts")
    seen = Counter(url.split("/")[2] for url in pages["url"])
    assert {r["host"]: r["passed"] + r["dropped"] for r in hosts.to_dicts()} == seen


def test_opt_outs_of_pages_and_of_their_sites_are_counted(tmp_path: Path) -> None:
    prose = [p for p in crawls.pages(["it"]) if "it-" in p.url][:3]
    assert isinstance(prose[0].body, str)
    tagged = prose[0].body.replace("<head>", '<head><meta name="robots" content="noai, noindex">', 1)
    assert tagged != prose[0].body
    rules = Page("User-agent: GPTBot\nDisallow: /\n", "https://site.example/robots.txt", content_type="text/plain")
    pages = [
        Page(tagged, "https://site.example/a"),
        Page(prose[1].body, "https://site.example/b"),
        Page(prose[2].body, "https://free.example/"),
    ]
    write_warc(tmp_path / "in" / "a.warc.gz", [rules, *pages])
    crawls.run([tmp_path / "in"], tmp_path / "out")
    found = {
        (s["signal"], s["where"]): (s["pages"], s["left_out"]) for s in read_figures(str(tmp_path / "out")).opt_outs
    }
    assert found == {("robots", "robots.txt"): (2, 2), ("noai", "meta"): (1, 1), ("noindex", "meta"): (1, 1)}


def test_a_second_run_and_a_killed_one_leave_the_same_tables(tmp_path: Path) -> None:
    crawl = crawls.split(crawls.pages(["it"]), tmp_path / "in", 2)
    crawls.run([crawl], tmp_path / "a")
    crawls.run([crawl], tmp_path / "b")
    (tmp_path / "b" / "run.json").unlink()
    (tmp_path / "b" / "report" / "samples" / "samples.parquet").unlink()
    crawls.run([crawl], tmp_path / "b")
    crawls.run([crawl], tmp_path / "b", {"report": {"samples": 1}})
    crawls.run([crawl], tmp_path / "b")
    for name in ("counts", "hosts", "samples"):
        assert tree(tmp_path / "a" / "report" / name) == tree(tmp_path / "b" / "report" / name)


# --- what the sample must not show ---------------------------------------------------------------------------------------------


def address() -> str:
    """An e-mail address made at run time."""
    return f"{''.join(random.choices('abcdefghijklm', k=9))}@{''.join(random.choices('nopqrstuvwxyz', k=8))}.eu"


@pytest.fixture(scope="module")
def leaky(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, list[str]]]:
    """A run over pages that hold e-mail addresses wherever a page can: in kept ones, short ones, foreign ones, copies and errors."""
    folder = tmp_path_factory.mktemp("leaky")
    prose = next(p.body for p in crawls.pages(["it"]) if "it-" in p.url)
    foreign = next(p.body for p in crawls.pages(["fi"]) if "fi-" in p.url)
    assert isinstance(prose, str) and isinstance(foreign, str)
    secrets, pages = [], []

    def add(body: str, name: str, **more: Any) -> None:
        text, title, path, query, twice = (address() for _ in range(5))
        secrets.extend([text, title, path, query, twice])
        body = body.replace("<p>", f"<p>Scrivi a {text} oggi. ", 1)
        body = body.replace("<title>", f"<title>{title} ", 1) if "<title>" in body else f"<title>{title}</title>{body}"
        nested = quote(f"https://x.example/?m={quote(twice)}", safe="")
        pages.append(Page(body, f"https://{name}.example/{path}?mail={quote(query)}&next={nested}", **more))

    add(prose, "kept")
    add(prose, "copy")
    add(foreign, "foreign")
    add(
        "<html><body><p>Breve. Troppo breve per restare, ma non vuota: " + "parola " * 30 + "</p></body></html>",
        "short",
    )
    add("<html><body><p>gone</p></body></html>", "gone", status="404 Not Found")
    add("<html><body><p></p></body></html>", "empty")
    secrets.append(".".join(str(random.randint(60, 99)) for _ in range(4)))
    pages.append(Page(prose.replace("</h1>", " 2</h1>"), f"http://{secrets[-1]}/pagina"))
    write_warc(folder / "in" / "a.warc.gz", pages)
    crawls.run([folder / "in"], folder / "out", {"run": {"languages": ["it"]}, "pii": {"kinds": []}})
    yield folder / "out", secrets


def test_addresses_are_nowhere_in_the_report(leaky: tuple[Path, list[str]]) -> None:
    output, secrets = leaky
    shown = (output / "report" / "index.html").read_text()
    tables = "".join(str(reported(output, name).to_dicts()) for name in ("counts", "hosts", "samples"))
    ingested = str(pl.read_parquet(sorted((output / "work/ingest").rglob("*.parquet"))).to_dicts())
    for secret in secrets:
        assert secret not in shown and quote(secret) not in shown and quote(quote(secret)) not in shown
        assert secret not in tables and quote(secret) not in tables
    assert sum(secret in ingested or quote(secret) in ingested for secret in secrets) >= 21, (
        "they were there to be found"
    )
    assert "ip-pii" in tables
    samples = reported(output, "samples")
    assert len(samples) == 7 and samples["verdict"].n_unique() >= 4
    assert all("<email-pii>" in url for url in samples["url"] if "ip-pii" not in url)
    assert samples["excerpt"].str.contains("<email-pii>").sum() >= 3


def row(number: int, verdict: str, url: str | None = "https://x.example/", **more: Any) -> dict[str, Any]:
    return {
        "id": f"{number:032x}", "url": url, "language": "mlt_Latn", "verdict": verdict, "source": "a", "offset": number, "cluster_size": 1,
    } | more  # fmt: skip


def verdicts(rows: list[dict[str, Any]]) -> pa.Table:
    return pa.Table.from_pylist(rows, schema=VERDICTS)


def test_forgotten_pages_are_never_drawn() -> None:
    rows = [
        row(1, "forgotten:request", None, cluster_size=9),
        row(2, "forgotten:request"),
        row(3, "http:status", None),
        row(4, "size:large", None),
        row(5, "kept"),
        row(6, "quality:words", None),  # a text file need not know addresses
    ]
    drawn = drawing.draw(verdicts(rows), drawing.Drawing())
    assert sorted(int(page, 16) for page in drawn["id"].to_pylist()) == [5, 6]


@settings(deadline=None)
@given(st.lists(st.integers(0, 3), min_size=1, max_size=60), st.integers(1, 5), st.randoms(use_true_random=False))
def test_the_draw_depends_on_the_pages_alone(kinds: list[int], parts: int, rng: random.Random) -> None:
    names = ("kept", "quality:words", "quality:lines", "budget:cut")
    rows = [
        row(i, names[kind], cluster_size=1 + i % 3, language=("mlt_Latn", "xyz_Latn")[i % 2])
        for i, kind in enumerate(kinds)
    ]
    p = drawing.Drawing(samples=2, per_family=3, largest=4)
    whole = drawing.choose(drawing.draw(verdicts(rows), p), p)
    rng.shuffle(rows)
    pieces = [drawing.draw(verdicts(rows[i::parts]), p) for i in range(parts)]
    merged = drawing.redraw(pa.concat_tables(pieces), p)
    assert drawing.choose(merged, p).equals(whole)
    by_cell = Counter(zip(whole["group"].to_pylist(), whole["cell"].to_pylist(), strict=True))
    assert max(by_cell.values()) <= 4 and all(n <= 2 for (_, cell), n in by_cell.items() if cell != "largest")
    families = Counter((group, cell.split(":")[0]) for group, cell in by_cell.elements())
    assert all(n <= 3 for (_, name), n in families.items() if name != "largest")
    assert {group for group, _ in by_cell} <= {"mlt_Latn", "other"}


def test_no_samples_where_the_recipe_wants_none() -> None:
    rows = [row(i, "kept", cluster_size=3) for i in range(5)]
    assert len(drawing.draw(verdicts(rows), drawing.Drawing(samples=0))) == 0
    with pytest.raises(ValueError, match=r"report\.samples"):
        drawing.Drawing(samples=21)


def test_an_excerpt_is_cut_at_a_word_and_never_within_a_code_point() -> None:
    p = drawing.Excerpting(text_bytes=50)
    for body in ("λέξη " * 40, "λ" * 200, "word " * 40, "short"):
        cut = drawing._cut(body, p.text_bytes)
        assert body.startswith(cut) and len(cut.encode()) <= 50 and (len(cut.encode()) > 30 or cut == body)
        assert not cut.endswith("λέ")


# --- hosts and scales ----------------------------------------------------------------------------------------------------------


def test_top_hosts_are_exact_in_any_number_of_ranges() -> None:
    rng = random.Random(7)
    seen = {f"h{i}.example": (rng.randint(0, 50), rng.randint(0, 50)) for i in range(300)}
    rows = [{"host": h, "order": rng.getrandbits(64), "passed": a, "dropped": b} for h, (a, b) in seen.items()]
    table = pa.Table.from_pylist(rows, schema=HOSTS)
    pieces = [counting.top_hosts(table.slice(i, 20), counting.Totalling()) for i in range(0, 300, 20)]
    top = counting.top_hosts(pa.concat_tables(pieces), counting.Totalling()).to_pylist()
    for index, name in enumerate(("passed", "dropped")):
        best = sorted(seen, key=lambda h: (-seen[h][index], h))[: counting.TOP_HOSTS]
        assert set(best) <= {r["host"] for r in top}
        assert all(r[name] == seen[r["host"]][index] for r in top)
    assert len(top) <= 2 * counting.TOP_HOSTS
    assert DRAWS.field("order").type == HOSTS.field("order").type


@pytest.mark.parametrize("name", QUALITIES.names[1:])
def test_every_measure_has_an_axis_that_rises_and_holds_everything(name: str) -> None:
    _, end = scale(name)
    values = np.array([0.0, end / 1000, end / 3, end / 2, end, end * 5, 1e12])
    places = position(name, values)
    assert (np.diff(places) >= 0).all() and places[0] == 0 and places[-1] == 1
    numbers = bins(name, values)
    assert numbers.min() == 0 and numbers.max() == BINS - 1
    assert (numbers == np.minimum((places * BINS).astype(int), BINS - 1)).all()
