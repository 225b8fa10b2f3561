"""score.py: an optional classifier's score, the cut that leaves a share of a language, and the verdicts that follow."""

import random
import shutil
from fractions import Fraction
from pathlib import Path
from typing import Any

import classifiers
import crawls
import fasttext
import polars as pl
import pyarrow as pa
import pytest

from euro_curate.explain import story
from euro_curate.models import entry
from euro_curate.run import checked
from euro_curate.schema import CUTS, DOCUMENTS, LANGUAGES, SCORE_BINS, SCORES
from euro_curate.score import BINS, Binning, Cutting, Scoring, bin_scores, check, cut_scores, score, score_texts
from euro_curate.stage import params_of

GOOD, BAD = "il-kunsill approva\npjan djar godda", "ixtri issa offerta b'xejn"


def scoring(*languages: str, **more: str) -> Scoring:
    model = entry("hq", "quality", {"hq": classifiers.trained() | more})
    return Scoring(tuple((code, model) for code in languages))


# --- scores ------------------------------------------------------------------------------------------------------------------


def test_the_score_is_the_probability_of_the_label() -> None:
    model = fasttext.FastText._FastText(model_path=classifiers.trained()["file"]).f
    expected = {label: p for p, label in model.predict(GOOD.replace("\n", " ") + "\n", 2, 0.0, "strict")}
    (good,) = score_texts([GOOD], ["mlt_Latn"], scoring("mlt_Latn"))
    (other,) = score_texts([GOOD], ["mlt_Latn"], scoring("mlt_Latn", label="__label__lq"))
    assert good == expected["__label__hq"] > 0.9, "the second line counts too"
    assert other == expected["__label__lq"] < 0.1
    (bad,) = score_texts([BAD], ["mlt_Latn"], scoring("mlt_Latn"))
    assert bad is not None and 0 <= bad < 0.1, "the label counts even when it is the least likely"


def test_texts_that_are_empty_or_in_other_languages_have_no_score() -> None:
    texts, languages = ["", GOOD, GOOD, BAD], ["mlt_Latn", "gle_Latn", "und", "mlt_Latn"]
    found = score_texts(texts, languages, scoring("mlt_Latn"))
    assert [value is None for value in found] == [True, True, True, False]
    assert score_texts(texts, languages, Scoring()) == [None] * 4


def test_odd_texts_have_a_score() -> None:
    odd = ["\n", "\x00\u2028\r\n\t", "🙂", "__label__hq", "a" * 100_000]
    found = score_texts(odd, ["mlt_Latn"] * len(odd), scoring("mlt_Latn"))
    assert all(value is not None and 0 <= value <= 1 for value in found)


def test_an_unknown_label_is_refused_before_a_run_and_in_it() -> None:
    wrong = scoring("mlt_Latn", label="hq")
    for call in (lambda: check(wrong), lambda: score_texts([GOOD], ["mlt_Latn"], wrong)):
        with pytest.raises(ValueError, match=r"models\.hq\.label: no label 'hq'; there are: __label__hq, __label__lq"):
            call()
    check(scoring("mlt_Latn"))


def test_name_digest_and_label_are_the_identity() -> None:
    assert params_of(scoring("mlt_Latn"))["models"] == [
        ["mlt_Latn", {"name": "hq", "sha256": classifiers.trained()["sha256"], "label": "__label__hq"}]
    ]


def test_the_stage_scores_row_by_row() -> None:
    rows = [("a", GOOD, "mlt_Latn"), ("b", "", "mlt_Latn"), ("c", GOOD, "gle_Latn"), ("d", BAD, "mlt_Latn")]
    base = {"source": "f", "offset": 0, "bytes_in": 1}
    documents = pa.Table.from_pylist([base | {"id": i, "text": t} for i, t, _ in rows], schema=DOCUMENTS)
    languages = pa.Table.from_pylist([{"id": i, "language": code} for i, _, code in rows], schema=LANGUAGES)
    out = checked(score, score(documents, languages, scoring("mlt_Latn")), documents)
    expected = score_texts([GOOD, BAD], ["mlt_Latn"] * 2, scoring("mlt_Latn"))
    assert out["quality_score"].to_pylist() == [expected[0], None, None, expected[1]]


# --- cuts --------------------------------------------------------------------------------------------------------------------

Scored = list[tuple[str, float | None]]


def cuts(pages: Scored, params: Cutting, batches: int = 1) -> dict[str, dict[str, Any]]:
    bins = []
    for i in range(batches):
        mine = [(f"p{n}", *page) for n, page in enumerate(pages)][i::batches]
        scores = pa.Table.from_pylist([{"id": n, "quality_score": s} for n, _, s in mine], schema=SCORES)
        languages = pa.Table.from_pylist([{"id": n, "language": code} for n, code, _ in mine], schema=LANGUAGES)
        bins.append(checked(bin_scores, bin_scores(scores, languages, Binning()), None))
    rows = checked(cut_scores, cut_scores(pa.concat_tables(bins), params), None).to_pylist()
    assert [row["language"] for row in rows] == sorted(row["language"] for row in rows)
    return {row["language"]: row for row in rows}


def some(seed: int, number: int) -> Scored:
    """Pages of two languages: many ties, scores at edges of bins and beside them, pages without a score."""
    rng = random.Random(seed)
    values = [None, 0.0, 1.0, 0.5, 0.5 - 1e-9, 0.5 + 1e-9, 1 / BINS, *(rng.random() for _ in range(number))]
    return [(rng.choice(["mlt_Latn", "gle_Latn"]), rng.choice(values)) for _ in range(number)]


@pytest.mark.parametrize("share", ["1", "0.7", "0.5", "0.3", "0.1", "0.001"])
@pytest.mark.parametrize(("seed", "number"), [(1, 30), (2, 30), (3, 400), (4, 1000), (5, 7)])
def test_the_cut_is_the_highest_edge_that_leaves_the_share(seed: int, number: int, share: str) -> None:
    pages = some(seed, number)
    found = cuts(pages, Cutting(float(share)))
    assert found
    for code, row in found.items():
        scores = [s for language, s in pages if language == code and s is not None]
        edges = {min(int(s * BINS), BINS - 1) / BINS for s in scores}
        kept = {edge: sum(s >= edge for s in scores) for edge in edges}
        assert row["threshold"] == max(edge for edge in edges if kept[edge] >= Fraction(share) * len(scores))
        assert (row["pages"], row["kept"]) == (len(scores), kept[row["threshold"]])


def test_each_language_has_its_own_share() -> None:
    pages: Scored = [(code, i / 10) for code in ("mlt_Latn", "gle_Latn") for i in range(10)]
    found = cuts(pages, Cutting(0.5, (("mlt_Latn", 0.2),)))
    assert (found["mlt_Latn"]["kept"], found["gle_Latn"]["kept"]) == (2, 5)


def test_pages_that_tie_stay_together() -> None:
    assert cuts([("mlt_Latn", 0.5)] * 9 + [("mlt_Latn", 0.9)], Cutting(0.2))["mlt_Latn"]["kept"] == 10


@pytest.mark.parametrize("batches", [2, 5, 40])
def test_batches_change_nothing(batches: int) -> None:
    pages = some(3, 400)
    assert cuts(pages, Cutting(0.3), batches) == cuts(pages, Cutting(0.3))


def test_no_scores_make_no_cuts() -> None:
    assert cuts([("mlt_Latn", None)], Cutting(0.5)) == {}
    assert cut_scores(SCORE_BINS.empty_table(), Cutting()).schema == CUTS


@pytest.mark.parametrize("bad", [(0.0,), (1.1,), (-0.1,), (1.0, (("mlt_Latn", 0.0),)), (float("nan"),)])
def test_shares_are_above_zero_and_at_most_one(bad: Any) -> None:
    with pytest.raises(ValueError, match="keep_share"):
        Cutting(*bad)


# --- runs --------------------------------------------------------------------------------------------------------------------


def settings(share: float = 0.5, **more: str) -> crawls.Settings:
    quality = {"models": {"it": "hq"}, "keep_shares": {"it": share}}
    return {"models": {"hq": classifiers.trained() | more}, "quality": quality}


def made(summary: dict[str, Any]) -> set[str]:
    return {s["name"] for s in summary["stages"] if s["parts"] != s["reused"]}


def test_low_pages_are_dropped_with_score_and_cut_on_record(tmp_path: Path) -> None:
    summary = crawls.run([crawls.split(crawls.pages(["it", "bg"]), tmp_path / "in", 3)], tmp_path / "out", settings())
    assert summary["models"]["hq"] == classifiers.trained()["sha256"] and summary["complete"]
    table = crawls.verdicts(tmp_path / "out")
    low = table.filter(pl.col("verdict") == "quality:score")
    assert set(low["language"]) == {"ita_Latn"} and set(low["rule"]) == {"quality_score"}
    assert 0 < len(low) <= 6, "of 12 scored pages"
    assert (low["value"] < low["threshold"]).all() and low["threshold"].n_unique() == 1
    scores = pl.read_parquet(sorted((tmp_path / "out" / "work" / "score").rglob("*.parquet")))
    assert dict(low.select("id", "value").iter_rows()).items() <= dict(scores.iter_rows()).items()
    (page,) = story(str(tmp_path / "out"), low["id"][0], None)
    assert page["score"] == {"quality_score": low["value"][0]}
    assert page["cut_scores"]["threshold"] == low["threshold"][0] and page["cut_scores"]["pages"] == 12
    (other,) = story(str(tmp_path / "out"), table.filter(pl.col("language") == "bul_Cyrl")["id"][0], None)
    assert "cut_scores" not in other


def test_our_own_rules_come_first(tmp_path: Path) -> None:
    strict = settings(0.1)
    strict["quality"]["thresholds"] = {"min_words": 100_000.0}
    crawls.run([crawls.split(crawls.pages(["it"]), tmp_path / "in", 1)], tmp_path / "out", strict)
    verdicts = set(crawls.verdicts(tmp_path / "out").filter(pl.col("language") == "ita_Latn")["verdict"])
    assert verdicts == {"quality:min_words"}


def test_another_share_remakes_cuts_verdicts_and_after_only(tmp_path: Path) -> None:
    crawl = crawls.split(crawls.pages(["it", "bg"]), tmp_path / "in", 2)
    first = crawls.run([crawl], tmp_path / "out", settings())
    second = crawls.run([crawl], tmp_path / "out", settings(0.9))
    assert {"cut_scores", "decide"} <= made(second) <= {"cut_scores", "decide", *crawls.AFTER_DECIDE}
    assert second["pages"]["kept"] > first["pages"]["kept"]


def test_a_model_that_moves_remakes_nothing(tmp_path: Path) -> None:
    crawl = crawls.split(crawls.pages(["it"]), tmp_path / "in", 1)
    crawls.run([crawl], tmp_path / "out", settings())
    moved = shutil.copy(classifiers.trained()["file"], tmp_path / "moved.bin")
    assert crawls.run([crawl], tmp_path / "out", settings(file=str(moved)))["idle"]


def test_any_grouping_of_pages_gives_the_same_verdicts(tmp_path: Path) -> None:
    found = []
    for files, batch in ((1, 256), (5, 2)):
        crawl = crawls.split(crawls.pages(["it", "bg"]), tmp_path / f"in{files}", files, seed=files)
        crawls.run([crawl], tmp_path / f"out{files}", settings() | {"run": {"merge_parts": batch}})
        found.append(crawls.verdicts(tmp_path / f"out{files}").drop("source", "offset").sort("id").to_dicts())
    assert found[0] == found[1]
    assert any(row["verdict"] == "quality:score" for row in found[0])


def test_parts_whose_scores_failed_are_set_aside(tmp_path: Path) -> None:
    crawl = crawls.split(crawls.pages(["it"]), tmp_path / "in", 2)
    summary = crawls.run([crawl], tmp_path / "out", settings(label="__label__none"))
    assert not summary["complete"] and {i["set_aside"]["stage"] for i in summary["inputs"]} == {"score"}
    assert not list((tmp_path / "out" / "dataset").rglob("*.parquet"))
