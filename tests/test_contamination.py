"""contamination.py: pages that share word n-grams with benchmarks are found, whatever hides them; others are not."""

import hashlib
from pathlib import Path
from typing import Any

import benchmarks
import crawls
import polars as pl
import pyarrow as pa
import pytest

from euro_curate.contamination import Benchmark, Decontamination, check, overlap
from euro_curate.recipe import RecipeError, configure
from euro_curate.run import checked
from euro_curate.schema import DOCUMENTS

QUESTION = (
    "X'inhu l-isem tal-belt kapitali ta' Malta u f'liema sena nbniet mill-Kavallieri ta' San Ġwann wara l-Assedju?"
)
OTHER = (
    "Which of these rivers flows through the largest number of countries before it reaches the sea at last, and why?"
)


def params(*texts: str, ngram: int = 13, **more: Any) -> Decontamination:
    return configure(
        {"decontamination": {"ngram": ngram, "benchmarks": {"quiz": benchmarks.quiz(*texts)}, **more}}
    ).decontamination


def found(p: Decontamination, *texts: str) -> list[tuple[str | None, int]]:
    rows = [{"id": str(i), "source": "f", "offset": i, "text": text, "bytes_in": 1} for i, text in enumerate(texts)]
    documents = pa.Table.from_pylist(rows, schema=DOCUMENTS)
    out = checked(overlap, overlap(documents, p), documents)
    return list(zip(out["benchmark"].to_pylist(), out["shared_ngrams"].to_pylist(), strict=True))


def test_a_question_in_a_page_is_found() -> None:
    p = params(QUESTION, OTHER)
    count = found(p, QUESTION)[0][1]
    assert count >= 2
    page = f"Kien hemm kwiżż. {QUESTION} It-tweġiba kienet oħra."
    assert found(p, page, "Paġna oħra.", "", page + page) == [("quiz", count), (None, 0), (None, 0), ("quiz", count)]


def test_case_punctuation_and_spacing_hide_nothing_other_words_do() -> None:
    p = params(OTHER)
    disguised = OTHER.upper().replace(" ", " \n ").replace(",", " -- ").replace("?", "!")
    assert found(p, disguised) == found(p, OTHER)
    words = OTHER.split()
    words[10] = "city"
    assert found(p, " ".join(words)) == [(None, 0)]


def test_twelve_words_in_a_row_are_none_too_many() -> None:
    words = [f"word{chr(97 + i)}" for i in range(26)]
    p = params(" ".join(words))
    assert found(p, " ".join(words[3:15]), " ".join(words[3:16]), " ".join(words[3:17])) == [
        (None, 0),
        ("quiz", 1),
        ("quiz", 2),
    ]


def test_items_shorter_than_an_ngram_have_none() -> None:
    assert found(params("Malta?", "Valletta."), "Malta? Valletta. " * 20) == [(None, 0)]
    assert found(params("Malta u Għawdex", ngram=3), "Nhar ta' Ħamis, Malta u Għawdex.") == [("quiz", 1)]


def test_the_benchmark_with_most_is_named_and_the_first_of_equals() -> None:
    tables = {"b": benchmarks.quiz(OTHER), "a": benchmarks.quiz(QUESTION), "c": benchmarks.quiz(QUESTION, OTHER)}
    p = configure({"decontamination": {"benchmarks": tables}}).decontamination
    assert [name for name, _ in found(p, QUESTION, OTHER, QUESTION + " " + OTHER)] == ["a", "b", "c"]


def test_plain_text_has_an_item_a_line_and_jsonl_the_fields_named() -> None:
    text = benchmarks.benchmark("lines.txt", OTHER + "\n\n" + QUESTION)
    rows = '{"q": "' + OTHER + '", "answers": ["' + QUESTION + '", ["x"]], "text": 5}'
    fields = benchmarks.benchmark("fields.jsonl", rows, fields=["answers"])
    p = configure({"decontamination": {"benchmarks": {"t": text}}}).decontamination
    assert [name for name, _ in found(p, OTHER, QUESTION)] == ["t", "t"]
    p = configure({"decontamination": {"benchmarks": {"f": fields}}}).decontamination
    assert [name for name, _ in found(p, OTHER, QUESTION)] == [None, "f"]


def test_a_line_end_in_a_page_does_not_end_an_ngram_but_an_items_end_does() -> None:
    half = OTHER.split()
    p = params(" ".join(half[:10]), " ".join(half[10:]), ngram=12)
    assert found(p, OTHER) == [(None, 0)]
    assert found(params(OTHER), "\n".join(half)) == found(params(OTHER), OTHER)


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ({"sha256": "0" * 64}, "file"),
        ({"file": "x", "url": "s3://b/x", "sha256": "0" * 64}, "either"),
        ({"file": "x", "sha256": "abc"}, "64 hex"),
        ({"file": "x"}, "sha256"),
    ],
)
def test_tables_that_make_no_sense_are_refused(table: dict[str, str], told: str) -> None:
    with pytest.raises(RecipeError, match=told):
        configure({"decontamination": {"benchmarks": {"q": table}}})
    with pytest.raises(RecipeError, match="part of verdicts"):
        configure({"decontamination": {"benchmarks": {"a:b": {"file": "x", "sha256": "0" * 64}}}})
    with pytest.raises(RecipeError, match="at least 1"):
        configure({"decontamination": {"ngram": 0}})


def test_files_that_are_not_what_the_recipe_says_are_refused(tmp_path: Path) -> None:
    def of(name: str, content: str, sha256: str | None = None) -> Decontamination:
        (tmp_path / name).write_text(content)
        digest = sha256 or hashlib.sha256(content.encode()).hexdigest()
        return Decontamination((Benchmark("q", digest, ("text",), str(tmp_path / name)),))

    check(Decontamination())
    check(of("good.jsonl", '{"text": "x"}\n\n'))
    with pytest.raises(ValueError, match="expected 0000"):
        check(of("other.jsonl", "x", "0" * 64))
    with pytest.raises(ValueError, match="line 2, is not JSON"):
        check(of("broken.jsonl", '{"text": "x"}\n{'))
    with pytest.raises(ValueError, match="none of the fields text; it has question"):
        check(of("fields.jsonl", '{"question": "x"}'))
    with pytest.raises(OSError):
        check(Decontamination((Benchmark("q", "0" * 64, ("text",), str(tmp_path / "missing")),)))


def test_a_contaminated_page_gets_its_verdict_and_a_story_without_text(tmp_path: Path) -> None:
    from euro_curate.explain import story

    crawl = crawls.split(crawls.pages(["it"]), tmp_path / "in", 2)
    crawls.run([crawl], tmp_path / "plain")
    page = crawls.dataset(tmp_path / "plain").row(0, named=True)
    settings = {"decontamination": {"benchmarks": {"prova": benchmarks.quiz(page["text"][:400])}}}
    crawls.run([crawl], tmp_path / "out", settings)
    hit = crawls.verdicts(tmp_path / "out").filter(pl.col("verdict").str.starts_with("decontamination"))
    assert page["id"] in hit["id"].to_list() and page["id"] not in crawls.dataset(tmp_path / "out")["id"].to_list()
    row = hit.filter(pl.col("id") == page["id"]).row(0, named=True)
    assert (row["verdict"], row["rule"], row["threshold"]) == ("decontamination:prova", "shared_ngrams", 1.0)
    assert row["evidence"] == f"{int(row['value'])} word n-grams of prova"
    (told,) = story(str(tmp_path / "out"), page["id"], None)
    assert told["overlap"] == {"benchmark": "prova", "shared_ngrams": int(row["value"])}
    (plain,) = story(str(tmp_path / "plain"), page["id"], None)
    assert "overlap" not in plain and plain["size"]["bytes"] == len(page["text"].encode())
