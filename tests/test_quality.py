"""quality.py: every measure against values worked out by hand."""

import pyarrow as pa
import pytest
from datatrove.pipeline.filters.gopher_repetition_filter import find_duplicates
from hypothesis import given, settings
from hypothesis import strategies as st

from euro_curate.quality import Measure, lexicon, measure, measure_text
from euro_curate.run import checked
from euro_curate.schema import DOCUMENTS, LANGUAGES, QUALITIES

PAGE = "The cat is on the mat.\n\n- milk # 2 ...\nThe cat is on the mat.\n\n\nand so on…\n"
WORDS = "The cat is on the mat milk 2 The cat is on the mat and so on".split()

BY_HAND = {
    "words": 17,
    "chars": len(PAGE),
    "lines": 4,
    "stop_words": 5,  # the, is, on, and, so
    "mean_word_length": sum(map(len, WORDS)) / 17,
    "alpha_words": 16 / 17,
    "symbol_words": 3 / 17,  # '#', '...', '…'
    "bullet_lines": 1 / 4,
    "ellipsis_lines": 2 / 4,
    "punctuated_lines": 4 / 4,
    "short_lines": 4 / 4,
    "newlines_per_word": 7 / 17,
    "duplicate_lines": 1 / 4,
    "duplicate_line_chars": 22 / len(PAGE),
    "duplicate_paragraphs": 0.0,
    "top_2gram": 2 * len("the cat") / len(PAGE),
    "top_3gram": 2 * len("the cat is") / len(PAGE),
    "top_4gram": 2 * len("the cat is on") / len(PAGE),
    "duplicate_5gram": len("thecatisonthe") / len(PAGE),
    "duplicate_6gram": len("thecatisonthemat") / len(PAGE),
    "duplicate_7gram": 0.0,
    "duplicate_8gram": 0.0,
    "duplicate_9gram": 0.0,
    "duplicate_10gram": 0.0,
}


@pytest.mark.parametrize("name", QUALITIES.names[1:])
def test_measures_by_hand(name: str) -> None:
    assert measure_text(PAGE, "eng_Latn")[name] == pytest.approx(BY_HAND[name], abs=0)


def test_every_measure_has_a_value_by_hand() -> None:
    assert set(BY_HAND) == set(measure_text(PAGE, "eng_Latn")) == set(QUALITIES.names[1:])


@pytest.mark.parametrize(
    ("body", "language", "name", "value"),
    [
        ("", "eng_Latn", "words", 0),
        ("", "eng_Latn", "top_2gram", 0.0),
        ("\n\n", "eng_Latn", "newlines_per_word", 0.0),
        ("word", "eng_Latn", "top_2gram", 0.0),
        ("Und UND und oder", "deu_Latn", "stop_words", 2),  # distinct ones
        ("Und UND und oder", "xxx_Latn", "stop_words", 0),
        ("ΚΑΙ", "ell_Grek", "stop_words", 1),
        ("žluťoučký", "ces_Latn", "chars", 9),
        ("🙂🙂 à", "fra_Latn", "chars", 4),
        ("• ena\n- dve\ntri - štiri\n– pet", "slv_Latn", "bullet_lines", 3 / 4),
        ("Τι είναι;\nΝαι.\nκαι", "ell_Grek", "punctuated_lines", 2 / 3),
        ("x" * 30 + "\n" + "x" * 31, "eng_Latn", "short_lines", 1 / 2),
        ("a b\n\nc\n\na b\n\n\n\na b", "eng_Latn", "duplicate_paragraphs", 2 / 4),
        ("Ab cd ab CD", "eng_Latn", "top_2gram", 2 * 5 / 11),
        ("l-ittra d'oro", "mlt_Latn", "words", 2),
        ("l-ittra d'oro", "mlt_Latn", "mean_word_length", 12 / 2),
        ("İstanbul İzmir", "eng_Latn", "words", 2),  # folding lengthens the words and splits none
    ],
)
def test_hard_cases_by_hand(body: str, language: str, name: str, value: float) -> None:
    assert measure_text(body, language)[name] == value


@settings(deadline=None, derandomize=True)
@given(st.lists(st.sampled_from(["one", "two two", "three"]), max_size=12))
def test_repeated_lines_agree_with_datatrove(rows: list[str]) -> None:
    body = "\n".join(rows)
    number, chars = find_duplicates(rows)
    found = measure_text(body, "eng_Latn")
    assert found["duplicate_lines"] == (number / len(rows) if rows else 0)
    assert found["duplicate_line_chars"] == (chars / len(body) if body else 0)


@settings(deadline=None, derandomize=True)
@given(st.text(alphabet="ab .,\n#…-İßς\u0301é🙂", max_size=80), st.sampled_from(["eng_Latn", "ell_Grek", "und"]))
def test_ratios_stay_in_their_range(body: str, language: str) -> None:
    found = measure_text(body, language)
    shares = [name for name in found if name.endswith(("_lines", "_paragraphs", "_chars", "alpha_words"))]
    shares += [name for name in found if name.startswith("duplicate_")]
    assert all(0 <= (found[name] or 0) <= 1 for name in shares)


def tables(bodies: list[str]) -> tuple[pa.Table, pa.Table]:
    n = len(bodies)
    values = {
        "id": [f"{i}" for i in range(n)],
        "text": bodies,
        "source": ["f"] * n,
        "offset": list(range(n)),
        "bytes_in": [0] * n,
    }
    documents = pa.table([pa.array(values.get(f.name, [None] * n), f.type) for f in DOCUMENTS], schema=DOCUMENTS)
    labels = {"id": values["id"], "language": ["eng_Latn"] * n}
    return documents, pa.table([pa.array(labels.get(f.name, [None] * n), f.type) for f in LANGUAGES], schema=LANGUAGES)


@pytest.mark.parametrize(
    "bodies", [[], [PAGE], [""], ["", PAGE, " \n ", "a b"] * 3], ids=["none", "one", "stopped", "many"]
)
def test_the_stage_keeps_schema_and_ids(bodies: list[str]) -> None:
    documents, labels = tables(bodies)
    out = checked(measure, measure(documents, labels, Measure()), documents)
    assert out.schema == QUALITIES
    for body, row in zip(bodies, out.to_pylist(), strict=True):
        row.pop("id")
        assert row == (measure_text(body, "eng_Latn") if body else dict.fromkeys(QUALITIES.names[1:]))


def test_misaligned_tables_are_refused() -> None:
    documents, labels = tables(["a", "b"])
    with pytest.raises(ValueError):
        measure(documents, labels.slice(1), Measure())


def test_the_lexicon_is_a_parameter() -> None:
    assert Measure().lexicon == lexicon()
    assert len(lexicon()) == 16
