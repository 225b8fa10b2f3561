"""measure(): numbers per document, no decisions. verdict.py holds them against thresholds.

Everything comes from the one pass of text.scans; what words, lines, paragraphs and sentences are is said there. A share whose
denominator is 0 is 0. A measure never changes under its name: another meaning is another name.

Sources: Gopher = Rae et al. 2021 (arXiv 2112.11446, appendix A1.1), counted as datatrove's filters do (0.10.1), which tests hold against;
FineWeb = Penedo et al. 2024 (arXiv 2406.17557, section 3.6) and FineWeb-2 = Penedo et al. 2025 (arXiv 2506.20920); C4 = Raffel et al. 2020
(arXiv 1910.10683, section 2.2); RPv2 = RedPajama-V2's quality signals (arXiv 2411.12372, appendix); WDS = HPLT's web docs scorer.

| measure | what | source |
|---|---|---|
| words, chars, lines, paragraphs, sentences | how many | Gopher, C4, RPv2 |
| mean_word_length | characters a word | Gopher |
| alpha_words | share of words with a letter | Gopher |
| hashes_per_word, ellipses_per_word | `#`; `...` and `…` | Gopher |
| bullet_lines | share of lines that start with • or - | Gopher, as datatrove |
| list_lines | share of lines that start with any list mark | RPv2 |
| ellipsis_lines | share of lines that end with an ellipsis | Gopher |
| stop_words | how many different stop words of the language | Gopher |
| stop_word_share | share of words that are stop words, or start with one (`l'`, `il-`) | RPv2 |
| duplicate_lines, duplicate_line_chars | share of lines seen before on the page; their share of all characters | Gopher |
| duplicate_paragraphs, duplicate_paragraph_chars | the same for paragraphs | Gopher |
| duplicate_chars | characters of repeated lines per character outside newlines | FineWeb |
| top_2gram ... top_4gram | share of characters in the most frequent n-gram (the earliest of equals), spaces within it included | Gopher |
| duplicate_5gram ... duplicate_10gram | share of characters in n-grams read before; reading goes on behind a repetition | Gopher |
| punctuated_lines | share of lines that end a sentence | FineWeb |
| short_lines | share of lines of up to 30 characters | FineWeb |
| newlines_per_word | | FineWeb |
| prose_words | share of words in lines of 60 characters or more, or of 5 words that end with a sentence end, comma, colon or semicolon | ours |
| few_word_lines | share of lines of fewer than 3 words | C4 |
| longest_word | characters of the longest word | C4 |
| javascript_lines | share of lines that mention JavaScript | C4 |
| brace_chars | `{` per character | C4, RPv2 |
| filler_words | share of words that belong to the printers' filler text, lorem ipsum | C4 |
| distinct_words | different words per word | RPv2 |
| word_entropy | bits, of the distribution of the words | RPv2 |
| top_word | share of the most frequent word that has a letter and is no stop word | ours |
| caps_words | share of words of two letters or more, all of them capitals | RPv2 |
| digit_chars, upper_letters | share of characters that are decimal digits; of letters that are capitals | RPv2 |
| punctuation_chars, urls_per_word | punctuation per character; `://` per word | WDS |
| own_letters | share of letters in words that begin in the language's script (Latin for the languages that are not ours) | WDS |
| broken_chars | share of characters that wrong decoding leaves: U+FFFD, controls, private use | ours |
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from euro_curate import text
from euro_curate.languages import languages
from euro_curate.schema import QUALITIES
from euro_curate.stage import fingerprint, stage

# The rarer words of the filler text; short ones (`sed`, `ut`) are words of Romance languages, and these are looked for in every language.
FILLERS = (
    "lorem ipsum dolor amet consectetur consectetuer adipiscing elit eiusmod tempor incididunt labore magna aliqua veniam quis nostrud "
    "exercitation ullamco laboris nisi aliquip commodo consequat duis aute irure reprehenderit voluptate velit cillum fugiat nulla pariatur "
    "excepteur occaecat cupidatat proident sunt culpa officia deserunt mollit laborum"
).split()


def lexicon() -> str:
    """Fingerprint of the word lists that the measures use: a changed list is a changed parameter."""
    lists = [[code, sorted(language.stop_words), language.sentence_ends] for code, language in languages().items()]
    return fingerprint([*lists, FILLERS])


@dataclass(frozen=True)
class Measure:
    """Parameters of `measure`: what it takes from languages/*.toml."""

    lexicon: str = field(default_factory=lexicon)  # fingerprint of stop words and sentence ends


class _Tables(NamedTuple):
    """The languages as the kernels take them."""

    numbers: dict[str, int]  # language -> its bit in the lexicon
    sentence_ends: list[str]  # by that number; the last is for the languages that are not ours
    scripts: npt.NDArray[np.int64]  # by that number: column of Scan.counts
    lexicon: npt.NDArray[np.uint64]  # the word lists: see kernels/measuring.py, find()
    lexicon_bits: npt.NDArray[np.uint32]
    sieve: npt.NDArray[np.bool_]


@cache
def _tables() -> _Tables:
    from euro_curate import kernels

    known = list(languages().values())
    bits: dict[int, int] = {}
    for number, language in enumerate(known):
        for word in language.stop_words:
            bits[text.word_hash(word)] = bits.get(text.word_hash(word), 0) | 1 << number
    for word, bit in [*((word, kernels.FILLER) for word in FILLERS), ("javascript", kernels.JAVASCRIPT)]:
        bits[text.word_hash(word)] = bits.get(text.word_hash(word), 0) | 1 << bit
    size = 1 << (2 * len(bits)).bit_length()
    keys, values = np.zeros(size + 1, np.uint64), np.zeros(size + 1, np.uint32)  # the last slot stays free
    sieve = np.zeros(1 << 16, np.bool_)
    for key, value in bits.items():
        slot = key & (size - 1)
        while keys[slot]:
            slot = (slot + 1) & (size - 1)
        keys[slot], values[slot] = key, value
        sieve[key & 0xFFFF] = True
    column = [kernels.COUNTS.index(language.script.lower()) for language in known]
    return _Tables(
        numbers={language.code: number for number, language in enumerate(known)},
        sentence_ends=[*(language.sentence_ends for language in known), text.SENTENCE_ENDS],
        scripts=np.array(column + [kernels.COUNTS.index("latin")] * (32 - len(column)), np.int64),
        lexicon=keys,
        lexicon_bits=values,
        sieve=sieve,
    )


def measure_texts(texts: pa.ChunkedArray | pa.Array, codes: Sequence[str]) -> npt.NDArray[np.float64]:
    """(n,) large_string, their languages -> (n, len(kernels.MEASURES)) in that order. Any label: those outside the 24 have no stop words.

    Memory beside the result depends on the largest text, not on their number.
    """
    from euro_curate import kernels

    tables = _tables()
    numbers = np.array([tables.numbers.get(code, kernels.NO_LANGUAGE) for code in codes], np.int32)
    ends_of = np.minimum(numbers, len(tables.numbers)).astype(np.uint8)
    out = np.empty((len(texts), len(kernels.MEASURES)), np.float64)
    done = 0
    for found in text.scans(texts, tables.sentence_ends, ends_of):
        rows = slice(done, done + len(found.counts))
        kernels.tally(
            *found, numbers[rows], tables.scripts, tables.lexicon, tables.lexicon_bits, tables.sieve, out[rows]
        )
        done = rows.stop
    return out


def measure_rows(documents: Sequence[str], codes: Sequence[str]) -> list[dict[str, int | float]]:
    """Every measure of each text, by name. Lone surrogates are measured as `?`."""
    from euro_curate import kernels

    whole = [pa.types.is_integer(QUALITIES.field(name).type) for name in kernels.MEASURES]
    numbers = measure_texts(pa.array(text.utf8(documents), pa.large_string()), codes).tolist()
    return [
        {
            name: int(value) if is_int else value
            for name, value, is_int in zip(kernels.MEASURES, row, whole, strict=True)
        }
        for row in numbers
    ]


@stage(out=QUALITIES, version=6)
def measure(documents: pa.Table, languages_table: pa.Table, params: Measure) -> pa.Table:
    """DOCUMENTS (n), LANGUAGES (n) -> QUALITIES (n). Stopped pages (empty text) have nulls. Drops nothing."""
    from euro_curate import kernels

    codes = languages_table["language"].to_pylist()
    if len(codes) != len(documents):
        raise ValueError(f"measure: {len(documents)} documents, but {len(codes)} languages")
    numbers = dict(zip(kernels.MEASURES, measure_texts(documents["text"], codes).T, strict=True))
    stopped = numbers["chars"] == 0
    arrays = [
        pa.array(numbers[name].astype(QUALITIES.field(name).type.to_pandas_dtype()), mask=stopped)
        for name in QUALITIES.names[1:]
    ]
    return pa.table([documents["id"], *arrays], schema=QUALITIES)
