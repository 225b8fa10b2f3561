"""text.py and kernels/: what is found in text against plain Python, and the compiled loops against naive ones."""

import math
import re
import subprocess
import sys
import unicodedata
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numba
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from euro_curate import chars, kernels, text
from euro_curate.kernels.measuring import log2

UNTIMED = settings(deadline=None, derandomize=True, max_examples=200)
VOCABULARY = ["ab", "cde", "f", "ghij", "kl"]
SENTENCES = st.lists(st.sampled_from(VOCABULARY), max_size=60)
MASK = (1 << 64) - 1
called_log2 = numba.njit(log2.py_func)  # helpers of the kernels can be called from compiled code only


# --- the same, in Python -----------------------------------------------------------------------------------------------------


def mix(x: int) -> int:
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & MASK
    return x ^ (x >> 31)


def hash_of(codes: str) -> int:
    h = 0
    for char in codes:
        h = ((h ^ ord(char)) * 0x9E3779B97F4A7C15) & MASK
        h ^= h >> 32
    return mix(h)


def fold(word: str) -> str:
    return "".join(chars.fold_of(char) for char in word)


MARK = "\u0300-\u036f"
SEGMENT = rf"[^\W_](?:[^\W_]|[{MARK}])*"
INITIALS = rf"(?:(?<=[^\w{MARK}][^\W\d_])|(?<=^[^\W\d_]))\.(?=[^\W\d_](?:[^\w{MARK}]|_|$))"
WORD = re.compile(rf"{SEGMENT}(?:(?:['’‘ʼ´`＇\-‐‑·_]|(?<=\d)[.,](?=\d)|{INITIALS}){SEGMENT})*")


def words(document: str) -> list[str]:
    """By a regular expression, without what is not seen."""
    return WORD.findall(text.compose(document.replace("\u00ad", "").replace("\u200d", "")))


def found(document: str) -> tuple[list[int], list[int]]:
    """(hashes, lengths) of the words that the kernel finds."""
    scan = text.scan(document)
    n = scan.word_at[1]
    return scan.words[:n].tolist(), scan.lengths[:n].tolist()


def count(document: str, name: str, ends: str = text.SENTENCE_ENDS) -> int:
    column = pa.array([document], pa.large_string())
    return int(next(text.scans(column, [ends])).counts[0, kernels.COUNTS.index(name)])


# --- words -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("", []),
        ("... !!! — ", []),
        ("L-ittra ta' Ġorġ waslet fl-għassa.", ["l-ittra", "ta", "ġorġ", "waslet", "fl-għassa"]),
        ("Aujourd’hui, l'été d'Anaïs", ["aujourd'hui", "l'été", "d'anaïs"]),
        ("d'aujourd'hui", ["d'aujourd'hui"]),
        ("an t-uisce, b'fhearr -- na héin bhfuil", ["an", "t-uisce", "b'fhearr", "na", "héin", "bhfuil"]),
        ("по-добре, най-сетне (5-годишен)", ["по-добре", "най-сетне", "5-годишен"]),
        ("т.е. това, т.н. кралица; и т.н.кралица г.", ["т.е", "това", "т.н", "кралица", "и", "т.н", "кралица", "г"]),
        (
            "z.B. das U.S.A. e.g. Ende.Neu www.beispiel.de",
            ["z.b", "das", "u.s.a", "e.g", "ende", "neu", "www", "beispiel", "de"],
        ),
        ("Satz.A b x.1 1.x", ["satz", "a", "b", "x", "1", "1", "x"]),
        ("1.234,5 kg am 3.4.2024 um 10:30, v1.2", ["1.234,5", "kg", "am", "3.4.2024", "um", "10", "30", "v1.2"]),
        ("'цитат' -тире-", ["цитат", "тире"]),
        ("въ\u0301лна", ["въ\u0301лна"]),  # a stressed vowel has no composed form: the mark stays in its word
        ("c\u030cas ČAS", ["čas", "čas"]),
        ("x²  y_1 __init__ ____", ["x²", "y_1", "init"]),
        ("Ent\u00adwick\u00adlung a\u200db", ["entwicklung", "ab"]),
        ("l´été l‘eau l`an", ["l'été", "l'eau", "l'an"]),
        ("co‑op co‐op", ["co-op", "co-op"]),
        ("😀 🇲🇹 ☃️ 👨‍👩‍👧", []),
    ],
)
def test_words(written: str, expected: list[str]) -> None:
    assert found(written)[0] == [hash_of(word) for word in expected]
    assert [fold(word) for word in words(written)] == expected


PIECES = [
    "a",
    "ß",
    "É",
    "c\u030c",
    "Ж",
    "и",
    "ς",
    "Σ",
    "İ",
    "1",
    "23",
    "'",
    "’",
    "-",
    ".",
    ",",
    " ",
    "\n",
    "_",
    "·",
    "é",
    "№",
    "²",
    "#",
    "…",
    "\u0301",
    "ab",
    "Ω",
]


@UNTIMED
@given(st.lists(st.sampled_from(PIECES), max_size=40).map("".join))
def test_words_equal_those_of_a_regular_expression(written: str) -> None:
    expected = words(written)
    hashes, lengths = found(written)
    assert hashes == [hash_of(fold(word)) for word in expected], expected
    assert lengths == [len(word) for word in expected]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ΟΔΟΣ", "οδος"),
        ("ὈΔΌΣ", "ὀδός"),
        ("STRASSE", "straße"),
        ("l’eau", "l'EAU"),
        ("c\u030cas", "ČAS"),
        ("İ", "i\u0307"),
        ("\u03aa\u0301", "\u0390"),  # only the small letter has a composed form
    ],
)
def test_folding_makes_spellings_equal(one: str, other: str) -> None:
    assert found(one)[0] == found(other)[0]


@pytest.mark.parametrize(("one", "other"), [("č", "c"), ("ș", "s"), ("ı", "i"), ("ά", "α"), ("é", "e"), ("й", "и")])
def test_folding_keeps_diacritics(one: str, other: str) -> None:
    assert found(one)[0] != found(other)[0]


@UNTIMED
@given(st.text(alphabet="aßİıΣςάΐčżőřęșțñø’ʼ'-ЙщъǆﬁÅ \u0301\u030c", max_size=30))
def test_composition_changes_no_word(written: str) -> None:
    assert found(unicodedata.normalize("NFD", written)) == found(unicodedata.normalize("NFC", written))


@pytest.mark.parametrize(
    ("written", "head"),
    [("l-ittra", "l-"), ("D’Anaïs", "d'"), ("l'avant-garde", "l'"), ("mot", None), ("1.5", None), ("y_1", None)],
)
def test_a_head_goes_up_to_the_first_apostrophe_or_hyphen(written: str, head: str | None) -> None:
    assert text.scan(written).heads[0] == (hash_of(head) if head else 0)


def test_word_hash_is_of_one_word_or_one_head() -> None:
    assert text.word_hash("Été") == hash_of("été")
    assert text.word_hash("l'") == hash_of("l'")
    for wrong in ("", "two words", "-", "a'-"):
        with pytest.raises(ValueError, match="not one word"):
            text.word_hash(wrong)


def test_exact_hash_depends_on_words_and_their_borders() -> None:
    def exact(document: str) -> bytes:
        scan = text.scan(document)
        return text.exact_hash(scan.words[: scan.word_at[1]])

    assert len(exact("ab c")) == 16
    assert exact("ab c") == exact("AB,   c!")
    assert len({exact("ab c"), exact("a bc"), exact("c ab"), exact("abc")}) == 4


# --- lines, paragraphs, sentences --------------------------------------------------------------------------------------------


def lines_of(document: str) -> list[str]:
    return [line for raw in document.split("\n") if (line := raw.strip(" \t\r\u00a0\u200b\u2028\ufeff"))]


@UNTIMED
@given(
    st.lists(
        st.sampled_from(["a", "b c", " ", "\n", "\n\n", "\t", "•", "\u00a0", "é.", "\r\n", "\ufeff"]), max_size=30
    ).map("".join)
)
def test_lines_and_paragraphs_equal_those_of_plain_splitting(document: str) -> None:
    scan = text.scan(document)
    expected = lines_of(document)
    rows, blocks = scan.line_at[1], scan.paragraph_at[1]
    assert scan.line_chars[:rows].tolist() == [len(line) for line in expected]
    same = [[a == b for b in expected] for a in expected]
    assert (scan.lines[:rows, None] == scan.lines[None, :rows]).tolist() == same
    paragraphs = [part for part in re.split(r"\n(?:[ \t\r\u00a0\ufeff]*\n)+", document) if lines_of(part)]
    assert scan.paragraph_chars[:blocks].tolist() == [len("\n".join(lines_of(part))) for part in paragraphs]


def test_line_hashes_see_every_character() -> None:
    """Lines of all lengths around the eight bytes of a step, each with one character changed."""
    made = {
        line
        for n in range(1, 30)
        for i in range(n)
        for line in ("x" * n, "x" * i + "y" + "x" * (n - i - 1), "x" * i + "é" + "x" * (n - i - 1))
    }
    made |= {"a\0", "a", "12345678", "12345678\0"}
    scan = text.scan("\n".join(sorted(made)))
    assert len(set(scan.lines[: scan.line_at[1]].tolist())) == len(made)


@pytest.mark.parametrize(
    ("document", "sentences"),
    [
        ("", 0),
        ("No end", 0),
        ("One. Two! Three?", 3),
        ("Wait... what? Yes… no.", 2),  # an ellipsis before a small letter ends nothing
        ('He said "No." Then he left.', 2),
        ("(One.) [Two.]", 2),
        ("Това е т.е. пример. Край.", 2),
        ("Am 3. Oktober kam J. Smith. Er blieb.", 2),
        ("Art. 5 gilt. Nr. 7 auch.", 2),
        ("It was in 2019. The end.", 2),
        ("example.com has 3.14 items.", 1),
        ("A line.\nNo end here\nAnother!", 2),
        ("«Wohin?» fragte er.", 1),
    ],
)
def test_sentences_by_hand(document: str, sentences: int) -> None:
    assert count(document, "sentences") == sentences


def test_each_language_has_its_own_sentence_ends() -> None:
    assert count("Πού είναι; Εδώ.", "sentences", ".!?…;") == 2
    assert count("Πού είναι\u037e Εδώ.", "sentences", ".!?…;") == 2
    assert count("One; Two.", "sentences") == 1


# --- documents of a column ---------------------------------------------------------------------------------------------------

ODD = ["", "a", "\n\n", "Short one.", "č " * 50, "въ\u0301лна и още", "😀", "x" * 5000, "one two\n" * 400, "l'été."]


def rows_of(column: pa.Array | pa.ChunkedArray) -> list[tuple[object, ...]]:
    """Everything that is found, document by document."""
    out = []
    for scan in text.scans(column):
        for i in range(len(scan.counts)):
            w, r, p = (slice(at[i], at[i + 1]) for at in (scan.word_at, scan.line_at, scan.paragraph_at))
            per_word = (scan.words[w], scan.heads[w], scan.lengths[w], scan.word_bits[w])
            per_line = (scan.lines[r], scan.line_chars[r], scan.line_bits[r], scan.line_words[r] - scan.word_at[i])
            rest = (scan.paragraphs[p], scan.paragraph_chars[p], scan.counts[i])
            out.append(tuple(a.tolist() for a in (*per_word, *per_line, *rest)))
    return out


def test_a_document_is_read_the_same_in_any_company(monkeypatch: pytest.MonkeyPatch) -> None:
    alone = [rows_of(pa.array([document], pa.large_string()))[0] for document in ODD]
    column = pa.array(ODD, pa.large_string())
    assert rows_of(column) == alone
    assert rows_of(column.slice(3, 5)) == alone[3:8]
    assert rows_of(pa.chunked_array([column.slice(0, 4), column.slice(4, 0), column.slice(4)])) == alone
    monkeypatch.setattr(text, "BATCH_BYTES", 64)
    assert rows_of(column) == alone
    assert rows_of(column.slice(0, 0)) == []


@pytest.mark.parametrize(
    "raw", [b"a\xffb c", b"\xc3", b"ab\xe2\x82", b"\xf0\x9f\x98", b"\xed\xa0\x80 x", b"\xc0\xaf", b"\xf5\x80\x80\x80"]
)
def test_bytes_that_are_no_utf8_are_counted_as_broken_and_end_nothing(raw: bytes) -> None:
    documents = [b"before", raw, b"after all"]
    offsets = np.cumsum([0, *map(len, documents)])
    column = pa.Array.from_buffers(
        pa.large_string(),
        3,
        [None, pa.py_buffer(offsets.astype(np.int64).tobytes()), pa.py_buffer(b"".join(documents))],
    )
    scan = next(text.scans(column))
    assert scan.counts[1, kernels.COUNTS.index("broken")] > 0
    assert [scan.word_at[1] - scan.word_at[0], scan.word_at[3] - scan.word_at[2]] == [1, 2]


def test_the_frozen_tables_are_those_of_their_unicode_version() -> None:
    with np.load(chars.FILE) as file:
        frozen = str(file["unicode"])
    if frozen != unicodedata.unidata_version:
        pytest.skip(f"chars.npz is Unicode {frozen}, this Python's {unicodedata.unidata_version}")
    assert all(np.array_equal(a, b) for a, b in zip(chars.build(), chars.load(), strict=True))


@pytest.mark.slow
def test_one_process_compiles_and_the_others_wait_for_it(tmp_path: Path) -> None:
    environment = {"NUMBA_CACHE_DIR": str(tmp_path), "NUMBA_DEBUG_CACHE": "1", "HOME": str(tmp_path)}

    def saved(_: int) -> int:
        """Compiled functions that a process saves when it starts."""
        command = [sys.executable, "-c", "import euro_curate.kernels"]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        return done.stdout.count("data saved to")

    with ThreadPoolExecutor(2) as pool:
        one, other = sorted(pool.map(saved, range(2)))
    assert one == 0 < other
    assert saved(0) == 0


def test_lines_are_stripped_and_never_blank() -> None:
    assert text.lines(" a \n\n\t\nb\u2028c\n") == ["a", "b\u2028c"]


def test_order_hash_is_uniform_and_seeded() -> None:
    orders = [text.order_hash(str(i), 1) / 2**64 for i in range(4000)]
    assert abs(sum(orders) / 4000 - 0.5) < 4 / math.sqrt(12 * 4000)
    assert text.order_hash("0", 1) != text.order_hash("0", 2)


@UNTIMED
@given(st.integers(0, 400), st.integers(1, 30), st.integers(1, 12))
def test_windows_reach_from_first_to_last_character(length: int, size: int, count: int) -> None:
    body = "".join(chr(0x100 + i) for i in range(length))
    found = list(text.windows(body, size, count))
    assert len(found) <= count
    if length <= size * count:
        assert "".join(found) == body
    else:
        assert len(found) == count
        assert all(len(w) == size for w in found)
        starts = [body.index(w) for w in found]
        assert starts[0] == 0
        assert count == 1 or starts[-1] == length - size
        steps = [b - a for a, b in zip(starts, starts[1:], strict=False)]
        assert not steps or (max(steps) - min(steps) <= 1 and min(steps) >= size)


def test_windows_end_at_the_last_character_whatever_the_rounding() -> None:
    assert all([*text.windows("x" * n + "y", 1, c)][-1] == "y" for c in range(2, 60) for n in range(c, c + 300))


# --- kernels -----------------------------------------------------------------------------------------------------------------


def hashed(tokens: list[str]) -> text.U64:
    return np.array([hash_of(token) for token in tokens], np.uint64)


def test_utf8_replaces_lone_surrogates_only() -> None:
    assert text.utf8(["plain", "żółć 🙂", "a\ud800b"]) == ["plain", "żółć 🙂", "a?b"]


@UNTIMED
@given(st.integers(1, 10**7))
def test_the_portable_logarithm_is_a_logarithm(n: int) -> None:
    assert called_log2(n) == pytest.approx(math.log2(n), rel=1e-14, abs=1e-14)
