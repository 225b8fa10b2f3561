"""quality.py: every measure by hand, against datatrove's own filters, and the laws of measuring."""

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from datatrove.data import Document
from datatrove.pipeline.filters import (
    FineWebQualityFilter,
    GopherQualityFilter,
    GopherRepetitionFilter,
    fineweb_quality_filter,
    gopher_quality_filter,
    gopher_repetition_filter,
)
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from euro_curate import kernels, quality
from euro_curate.languages import languages
from euro_curate.quality import Measure, lexicon, measure, measure_rows, measure_texts
from euro_curate.run import checked
from euro_curate.schema import DOCUMENTS, LANGUAGES, QUALITIES

UNTIMED = settings(deadline=None, derandomize=True, max_examples=150)


def measure_text(document: str, language: str) -> dict[str, int | float]:
    return measure_rows([document], [language])[0]


PAGE = (
    "The cat is on the mat.\n\n- milk # 2 ...\nThe cat is on the mat.\n\n\nand so on…\n"
    "• NASA: see http://x.example {a} JavaScript\n"
)
WORDS = "The cat is on the mat milk 2 The cat is on the mat and so on NASA see http x example a JavaScript".split()
N, C, L = len(WORDS), len(PAGE), 5

BY_HAND = {
    "words": N,
    "chars": C,
    "lines": L,
    "paragraphs": 3,
    "sentences": 4,  # the two cats, the line that ends with ..., the one that ends with …
    "stop_words": 6,  # the, is, on, and, so, a
    "longest_word": 10,
    "mean_word_length": sum(map(len, WORDS)) / N,
    "alpha_words": (N - 1) / N,  # all but 2
    "hashes_per_word": 1 / N,
    "ellipses_per_word": 2 / N,
    "bullet_lines": 2 / L,
    "list_lines": 2 / L,
    "ellipsis_lines": 2 / L,
    "stop_word_share": 12 / N,
    "duplicate_lines": 1 / L,
    "duplicate_line_chars": 22 / C,
    "duplicate_paragraphs": 0.0,
    "duplicate_paragraph_chars": 0.0,
    "duplicate_chars": 22 / (C - 8),
    "top_2gram": 2 * len("the cat") / C,
    "top_3gram": 2 * len("the cat is") / C,
    "top_4gram": 2 * len("the cat is on") / C,
    "duplicate_5gram": len("thecatisonthe") / C,
    "duplicate_6gram": len("thecatisonthemat") / C,
    "duplicate_7gram": 0.0,
    "duplicate_8gram": 0.0,
    "duplicate_9gram": 0.0,
    "duplicate_10gram": 0.0,
    "punctuated_lines": 4 / L,
    "short_lines": 4 / L,
    "newlines_per_word": 8 / N,
    "prose_words": 12 / N,  # only the two cats have five words and an end
    "few_word_lines": 1 / L,  # milk 2
    "javascript_lines": 1 / L,
    "brace_chars": 1 / C,
    "filler_words": 0.0,
    "distinct_words": 16 / N,
    "word_entropy": np.log2(N)
    - (4 * np.log2(4) + 3 * np.log2(3) + 3 * 2 * np.log2(2)) / N,  # the 4, on 3; cat is mat 2
    "top_word": 2 / N,  # cat
    "caps_words": 1 / N,
    "digit_chars": 1 / C,
    "upper_letters": 8 / sum(c.isalpha() for c in PAGE),
    "punctuation_chars": sum(not c.isalnum() and not c.isspace() for c in PAGE) / C,
    "urls_per_word": 1 / N,
    "own_letters": 1.0,
    "broken_chars": 0.0,
}


@pytest.mark.parametrize("name", QUALITIES.names[1:])
def test_measures_by_hand(name: str) -> None:
    assert measure_text(PAGE, "eng_Latn")[name] == pytest.approx(BY_HAND[name], rel=1e-15)


def test_every_measure_is_in_the_schema_the_kernel_the_table_and_worked_out_by_hand() -> None:
    documented = set(re.findall(r"\b[a-z_0-9]+\b", str(quality.__doc__)))
    names = set(QUALITIES.names[1:])
    assert names == set(BY_HAND) == set(kernels.MEASURES) == set(measure_text(PAGE, "eng_Latn"))
    spelled = {*documented, *(f"top_{n}gram" for n in (3,)), *(f"duplicate_{n}gram" for n in range(6, 10))}
    assert names <= spelled


@pytest.mark.parametrize(
    ("body", "language", "name", "value"),
    [
        ("Und UND und oder", "deu_Latn", "stop_words", 2),  # distinct ones
        ("Und UND und Haus", "deu_Latn", "stop_word_share", 3 / 4),
        ("Und UND und oder", "xxx_Latn", "stop_words", 0),
        ("ΚΑΙ", "ell_Grek", "stop_words", 1),
        ("l-ittra tal-Belt", "mlt_Latn", "stop_words", 2),  # by their heads
        ("l'été L’eau", "fra_Latn", "stop_words", 1),
        ("l'été l'eau", "deu_Latn", "stop_words", 0),
        ("žluťoučký", "ces_Latn", "chars", 9),
        ("🙂🙂 à", "fra_Latn", "chars", 4),
        ("• ena\n- dve\ntri - štiri\n– pet\n* šest", "slv_Latn", "list_lines", 4 / 5),
        ("• ena\n- dve\ntri - štiri\n– pet\n* šest", "slv_Latn", "bullet_lines", 2 / 5),
        ("Τι είναι;\nΝαι.\nκαι", "ell_Grek", "punctuated_lines", 2 / 3),
        ("What is it;\nYes.\nand", "eng_Latn", "punctuated_lines", 1 / 3),
        ("x" * 30 + "\n" + "x" * 31, "eng_Latn", "short_lines", 1 / 2),
        ("a b\n\nc\n\na b\n\n\n\na b", "eng_Latn", "duplicate_paragraphs", 2 / 4),
        ("a b\n\nc\n\na b", "eng_Latn", "duplicate_paragraph_chars", 3 / 11),
        ("Ab cd ab CD", "eng_Latn", "top_2gram", 2 * 5 / 11),
        ("l-ittra d'oro", "mlt_Latn", "words", 2),
        ("İstanbul İzmir", "eng_Latn", "words", 2),  # folding lengthens the words and splits none
        ("Lorem ipsum dolor sit amet", "eng_Latn", "filler_words", 4 / 5),
        ("Привет мир hello", "bul_Cyrl", "own_letters", 9 / 14),
        ("Привет мир hello", "eng_Latn", "own_letters", 5 / 14),
        ("Привет мир hello", "rus_Cyrl", "own_letters", 5 / 14),  # no language of ours: Latin
        ("a\ufffdb\x01c\x85", "eng_Latn", "broken_chars", 3 / 6),
        ("one two " + "x" * 52 + "\nHome\nAbout us.", "eng_Latn", "prose_words", 3 / 6),
        ("one two " + "x" * 51 + "\nHome\nAbout us.", "eng_Latn", "prose_words", 0.0),
        ("we saw it all there,\nHome, yes.", "eng_Latn", "prose_words", 5 / 7),
        ("Home\nAbout\nThree words here", "eng_Latn", "few_word_lines", 2 / 3),
        (
            "aa aa aa bb",
            "eng_Latn",
            "word_entropy",
            pytest.approx(-(0.75 * np.log2(0.75) + 0.25 * np.log2(0.25)), rel=1e-14),
        ),
        ("the the the cat dog dog", "eng_Latn", "top_word", 2 / 6),
        ("word " * 300, "eng_Latn", "word_entropy", 0.0),
    ],
)
def test_hard_cases_by_hand(body: str, language: str, name: str, value: Any) -> None:
    assert measure_text(body, language)[name] == value


# --- datatrove's filters as the oracle ---------------------------------------------------------------------------------------
#
# A filter only says whether a page passes, so its number is felt from both sides: it passes a threshold that is a millionth above ours, and
# not one that is a millionth below. Tokenisations agree on plain words between spaces, which is what the texts are made of.

LINES = st.lists(
    st.tuples(
        st.sampled_from(["", "- ", "• "]),
        st.lists(st.sampled_from("the and of with house tree 12 7 übrig čas река".split()), min_size=1, max_size=7),
        st.sampled_from(["", ".", "!", "...", " #"]),
    ).map(lambda parts: parts[0] + " ".join(parts[1]) + parts[2]),
    min_size=1,
    max_size=14,
)


@pytest.fixture(autouse=True)
def plain_words(monkeypatch: pytest.MonkeyPatch) -> None:
    """datatrove's tokenizers need packages of their own; between spaces, all give these words."""
    for module in (fineweb_quality_filter, gopher_quality_filter, gopher_repetition_filter):
        monkeypatch.setattr(module, "split_into_words", lambda text, language: re.findall(r"\w+", text))


def feels(make: Callable[[float], Any], value: float, reason: str, body: str, low: bool = False) -> None:
    """The filter's number is `value` to 1e-6: its threshold is where ours says. `low`: it drops what is below."""
    step = -1e-6 if low else 1e-6
    document = Document(text=body, id="")
    if value + step > 0:
        assert make(value + step).filter(document) is True
    if value - step > 0:  # datatrove takes 0 for off
        verdict = make(value - step).filter(document)
        assert verdict == (False, reason), (verdict, value)


def repetition(**one: Any) -> GopherRepetitionFilter:
    off: dict[str, Any] = {
        "dup_line_frac": None,
        "dup_para_frac": None,
        "dup_line_char_frac": None,
        "dup_para_char_frac": None,
    }
    return GopherRepetitionFilter(**(off | {"top_n_grams": (), "dup_n_grams": ()} | one))


def gopher(**one: Any) -> GopherQualityFilter:
    off = dict.fromkeys(
        ("min_doc_words max_doc_words min_avg_word_length max_avg_word_length max_symbol_word_ratio max_bullet_lines_ratio "
         "max_ellipsis_lines_ratio max_non_alpha_words_ratio min_stop_words").split()
    )  # fmt: skip
    return GopherQualityFilter(**(off | one))


def fineweb(**one: Any) -> FineWebQualityFilter:
    off = {"line_punct_thr": 0.0, "short_line_thr": 2.0, "char_duplicates_ratio": 2.0, "new_line_ratio": 1e9}
    return FineWebQualityFilter(stop_chars=(".", "!", "?", "…"), **(off | one))


@UNTIMED
@given(LINES, st.integers(0, 3))
def test_repetition_is_that_of_datatroves_gopher_filter(rows: list[str], blank: int) -> None:
    body = "\n".join(row + "\n" * (blank if i % 3 == 2 else 0) for i, row in enumerate(rows)).strip()
    ours = measure_text(body, "eng_Latn")
    feels(lambda t: repetition(dup_line_frac=t), ours["duplicate_lines"], "dup_line_frac", body)
    feels(lambda t: repetition(dup_line_char_frac=t), ours["duplicate_line_chars"], "dup_line_char_frac", body)
    feels(lambda t: repetition(dup_para_frac=t), ours["duplicate_paragraphs"], "dup_para_frac", body)
    feels(lambda t: repetition(dup_para_char_frac=t), ours["duplicate_paragraph_chars"], "dup_para_char_frac", body)
    for n in (2, 3, 4):
        if ours["words"] >= n:
            feels(lambda t, n=n: repetition(top_n_grams=((n, t),)), ours[f"top_{n}gram"], f"top_{n}_gram", body)
    for n in range(5, 11):
        feels(
            lambda t, n=n: repetition(dup_n_grams=((n, t),)),
            ours[f"duplicate_{n}gram"],
            f"duplicated_{n}_n_grams",
            body,
        )


@UNTIMED
@given(LINES)
def test_quality_is_that_of_datatroves_gopher_filter(rows: list[str]) -> None:
    body = "\n".join(rows)
    ours = measure_text(body, "eng_Latn")
    feels(
        lambda t: gopher(min_avg_word_length=t), ours["mean_word_length"], "gopher_below_avg_threshold", body, low=True
    )
    feels(lambda t: gopher(max_avg_word_length=t), ours["mean_word_length"], "gopher_above_avg_threshold", body)
    feels(
        lambda t: gopher(max_non_alpha_words_ratio=t),
        ours["alpha_words"],
        "gopher_below_alpha_threshold",
        body,
        low=True,
    )
    feels(lambda t: gopher(max_bullet_lines_ratio=t), ours["bullet_lines"], "gopher_too_many_bullets", body)
    feels(lambda t: gopher(max_ellipsis_lines_ratio=t), ours["ellipsis_lines"], "gopher_too_many_end_ellipsis", body)
    symbols = max(ours["hashes_per_word"], ours["ellipses_per_word"])  # one threshold serves both
    reason = "gopher_too_many_hashes" if symbols == ours["hashes_per_word"] else "gopher_too_many_ellipsis"
    feels(lambda t: gopher(max_symbol_word_ratio=t), symbols, reason, body)
    document, stop_words = Document(text=body, id=""), list(languages()["eng_Latn"].stop_words)
    for extra in (0, 1):
        n = int(ours["stop_words"]) + extra
        assert n == 0 or (gopher(min_stop_words=n, stop_words=stop_words).filter(document) is True) == (extra == 0)
        n = int(ours["words"]) + extra
        assert (gopher(min_doc_words=n).filter(document) is True) == (extra == 0)


@UNTIMED
@given(LINES, st.integers(0, 2))
def test_quality_is_that_of_datatroves_fineweb_filter(rows: list[str], blank: int) -> None:
    body = "\n".join(row + "\n" * (blank if i % 4 == 1 else 0) for i, row in enumerate(rows)).strip()
    assume(body)
    ours = measure_text(body, "eng_Latn")
    feels(lambda t: fineweb(line_punct_thr=t), ours["punctuated_lines"], "line_punct_ratio", body, low=True)
    feels(lambda t: fineweb(short_line_thr=t), ours["short_lines"], "short_line_ratio", body)
    feels(lambda t: fineweb(char_duplicates_ratio=t), ours["duplicate_chars"], "char_dup_ratio", body)
    feels(lambda t: fineweb(new_line_ratio=t), ours["newlines_per_word"], "list_ratio", body)


# --- laws --------------------------------------------------------------------------------------------------------------------

COUNTED = ("words", "chars", "lines", "paragraphs", "sentences")
ANY = st.text(alphabet="ab .,\n#…-İßς\u0301é🙂\u200b\ufeff{'’", max_size=80)


@UNTIMED
@given(ANY, ANY)
def test_counts_of_a_concatenation_add_up(one: str, other: str) -> None:
    """With a blank line between, nothing that is found reaches over the seam."""
    apart = [measure_text(body, "eng_Latn") for body in (one, other)]
    joined = measure_text(f"{one}\n\n{other}", "eng_Latn")
    for name in COUNTED:
        assert joined[name] == apart[0][name] + apart[1][name] + (2 if name == "chars" else 0), name
    for name, whole in (
        ("alpha_words", "words"),
        ("prose_words", "words"),
        ("short_lines", "lines"),
        ("digit_chars", "chars"),
    ):
        total = sum(found[name] * found[whole] for found in apart)
        assert joined[name] * joined[whole] == pytest.approx(total)


@UNTIMED
@given(ANY, st.sampled_from(["eng_Latn", "ell_Grek", "und"]))
def test_shares_stay_in_their_range(body: str, language: str) -> None:
    found = measure_text(body, language)
    unbounded = {
        "word_entropy",
        "mean_word_length",
        "longest_word",
        *(n for n in found if n.endswith("_per_word")),
        *COUNTED,
    }
    assert all(
        0 <= found[name] <= 1
        for name in found
        if name not in unbounded and name != "stop_words" and not name.startswith("top_")
    ), found
    assert all(np.isfinite(value) and value >= 0 for value in found.values())


@pytest.mark.parametrize(
    "body",
    [
        "",
        " ",
        "\n\n\n",
        "🙂" * 1000,
        "🙂 👩‍👩‍👧 🇲🇹\n" * 50,
        "\u0301\u0301",
        "\x00",
        "!?.…",
        "\ufeff",
        "- \n- \n",
        "—" * 99,
    ],
    ids=lambda body: ascii(body)[:20],
)
def test_texts_without_words_measure_nothing_and_break_nothing(body: str) -> None:
    found = measure_text(body, "mlt_Latn")
    assert found["words"] == found["stop_words"] == found["mean_word_length"] == found["word_entropy"] == 0
    assert found["chars"] == len(body)


def test_lone_surrogates_are_question_marks() -> None:
    assert measure_text("a\ud800b \udfff", "eng_Latn") == measure_text("a?b ?", "eng_Latn")


@pytest.mark.parametrize(
    "line", ["lorem ipsum č ", "x", "a\n", "\n", "ab. "], ids=["words", "one word", "lines", "blank", "sentences"]
)
def test_twenty_megabytes_of_anything_are_measured(line: str) -> None:
    times = 20_000_000 // len(line.encode())
    found = measure_text(line * times, "eng_Latn")
    small = measure_text(line * 30, "eng_Latn")
    assert found["chars"] == len(line) * times
    assert found["words"] == (small["words"] // 30 * times if line != "x" else 1)
    assert found["lines"] == (times if line == "a\n" else 0 if line == "\n" else 1)


def test_a_document_measures_the_same_in_any_company() -> None:
    bodies = [PAGE, "", "Und UND und oder", PAGE * 400, "l-ittra tal-Belt", "въ\u0301лна", PAGE]
    codes = ["eng_Latn", "eng_Latn", "deu_Latn", "eng_Latn", "mlt_Latn", "bul_Cyrl", "und"]
    alone = [
        measure_texts(pa.array([body], pa.large_string()), [code])[0] for body, code in zip(bodies, codes, strict=True)
    ]
    column = pa.array(bodies, pa.large_string())
    assert np.array_equal(measure_texts(column, codes), alone)
    assert np.array_equal(measure_texts(pa.array(bodies[::-1], pa.large_string()), codes[::-1]), alone[::-1])
    assert np.array_equal(measure_texts(column.slice(2, 3), codes[2:5]), alone[2:5])


def test_the_same_bytes_give_the_same_numbers_on_every_machine() -> None:
    """Floats as exact hexadecimals, and a hash: another last bit is another number."""
    body = "Μια φορά κι έναν καιρό.\nĠorġ mar il-Belt, u x'qal?\n- Тя каза: „т.е. утре“…\n" * 7 + "1.234,5 l'été NASA\n"
    found = measure_text(body, "mlt_Latn")
    pinned = {
        "word_entropy": "0x1.f795492919841p+1",
        "mean_word_length": "0x1.d8b67ebb9079bp+1",
        "top_4gram": "0x1.a5a5a5a5a5a5ap-3",
    }
    assert {name: float(found[name]).hex() for name in pinned} == pinned
    scan = quality.text.scan(body)
    assert [hex(h) for h in scan.words[:3].tolist()] == [
        "0x283a3a6e04ff7935",
        "0xfab573c8185d11f6",
        "0x4e5d9a07237dde75",
    ]


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
    assert len(out) == len(bodies)
    for row, body in zip(out.to_pylist(), bodies, strict=True):
        row.pop("id")
        assert row == (measure_text(body, "eng_Latn") if body else dict.fromkeys(QUALITIES.names[1:]))


def test_misaligned_tables_are_refused() -> None:
    documents, labels = tables(["a", "b"])
    with pytest.raises(ValueError, match="2 documents, but 1 languages"):
        measure(documents, labels.slice(1), Measure())


def test_the_lexicon_is_a_parameter() -> None:
    assert Measure().lexicon == lexicon()
    assert len(lexicon()) == 16
