"""measure(): numbers per document, no decisions. verdict.py holds them against thresholds.

Sources: Gopher = Rae et al. 2021 (arXiv 2112.11446, appendix A1.1); FineWeb = Penedo et al. 2024 (arXiv 2406.17557, section 3.6).
Characters are code points of the text; words and folding as in text.py.
"""

from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from euro_curate import kernels, text
from euro_curate.languages import languages
from euro_curate.schema import QUALITIES
from euro_curate.stage import fingerprint, stage

SHORT_LINE_CHARS = 30  # FineWeb's short lines
BULLETS = ("•", "‣", "▶", "◀", "◦", "■", "□", "▪", "▫", "–", "- ", "* ", "·")
ELLIPSES = ("...", "…")
_ANY_END = frozenset(".!?…;\"'”’»)")  # for documents in none of the 24 languages


def lexicon() -> str:
    """Fingerprint of the word lists that the measures use: a changed list is a changed parameter."""
    return fingerprint(
        [[code, sorted(language.stop_words), language.sentence_ends] for code, language in languages().items()]
    )


@dataclass(frozen=True)
class Measure:
    """Parameters of `measure`: what it takes from languages/*.toml."""

    lexicon: str = field(default_factory=lexicon)  # fingerprint of stop words and sentence ends


def measure_text(document: str, language: str) -> dict[str, int | float | None]:
    """Every measure of one text, by name; ratios are 0 where their denominator is 0. `language` picks stop words and ends."""
    known = languages().get(language)
    plain = text.fold(document)
    folded = tokens = text.words(plain)
    if len(plain) != len(
        document
    ):  # folding changed lengths, perhaps a word's border: read as written, fold word by word
        tokens = text.words(document)
        folded = [text.fold(word) for word in tokens]
    hashes = text.word_hashes(folded)
    lengths = np.fromiter(map(len, tokens), dtype=np.int64, count=len(tokens))
    chars = len(document)
    rows = text.lines(document)
    paragraphs = [p for block in document.split("\n\n") if (p := block.strip())]
    ends = frozenset(known.sentence_ends) if known else _ANY_END
    n_words, n_lines = len(tokens), len(rows)
    symbols = document.count("#") + document.count("…") + document.count("...")
    row_repeats, row_repeat_chars = _repeats(rows)
    out: dict[str, int | float | None] = {
        "words": n_words,  # Gopher
        "chars": chars,
        "lines": n_lines,
        "stop_words": len(known.stop_words.intersection(folded)) if known else 0,  # Gopher: distinct stop words
        "mean_word_length": _ratio(int(lengths.sum()), n_words),  # Gopher
        "alpha_words": _ratio(
            sum(word[0].isalpha() or text.has_letter(word) for word in tokens), n_words
        ),  # Gopher: words with a letter
        "symbol_words": _ratio(symbols, n_words),  # Gopher: '#' and ellipses per word
        "bullet_lines": _ratio(sum(r.startswith(BULLETS) for r in rows), n_lines),  # Gopher
        "ellipsis_lines": _ratio(sum(r.endswith(ELLIPSES) for r in rows), n_lines),  # Gopher
        "punctuated_lines": _ratio(sum(r[-1] in ends for r in rows), n_lines),  # FineWeb
        "short_lines": _ratio(sum(len(r) <= SHORT_LINE_CHARS for r in rows), n_lines),  # FineWeb
        "newlines_per_word": _ratio(document.count("\n"), n_words),  # FineWeb
        "duplicate_lines": _ratio(row_repeats, n_lines),  # Gopher
        "duplicate_line_chars": _ratio(row_repeat_chars, chars),  # Gopher, FineWeb
        "duplicate_paragraphs": _ratio(_repeats(paragraphs)[0], len(paragraphs)),  # Gopher
    }
    for n in (2, 3, 4):
        out[f"top_{n}gram"] = _ratio(kernels.repeated_chars(hashes, lengths, n)[0], chars)  # Gopher
    for n in range(5, 11):
        out[f"duplicate_{n}gram"] = _ratio(kernels.repeated_chars(hashes, lengths, n)[1], chars)  # Gopher
    return out


def _ratio(part: int, whole: int) -> float:
    return part / whole if whole else 0.0


def _repeats(items: list[str]) -> tuple[int, int]:
    """(number, characters) of items that were seen before."""
    seen: set[str] = set()
    number = size = 0
    for item in items:
        if item in seen:
            number += 1
            size += len(item)
        seen.add(item)
    return number, size


@stage(out=QUALITIES, version=3)
def measure(documents: pa.Table, languages_table: pa.Table, params: Measure) -> pa.Table:
    """DOCUMENTS (n), LANGUAGES (n) -> QUALITIES (n). Stopped pages (empty text) have nulls. Drops nothing."""
    columns: dict[str, list[object]] = {name: [] for name in QUALITIES.names[1:]}
    for body, language in zip(documents["text"].to_pylist(), languages_table["language"].to_pylist(), strict=True):
        row = measure_text(body, language) if body else {}
        for name, values in columns.items():
            values.append(row.get(name))
    arrays = [documents["id"], *(pa.array(values, QUALITIES.field(name).type) for name, values in columns.items())]
    return pa.table(arrays, schema=QUALITIES)
