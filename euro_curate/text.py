"""The text primitives that everything else agrees on: words, folding, lines, windows, hashes. No decisions here.

A word is a run of letters, marks and digits, held together by inner apostrophes and hyphens (`l-ittra`, `d'aujourd'hui`,
`e-pasts`); comparisons use NFC and full Unicode casefolding, and diacritics are kept (č is not c).
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt
import xxhash

U64 = npt.NDArray[np.uint64]

_RUN = r"\w[\w\u0300-\u036f]*"  # \w has no marks: without them a stressed Bulgarian vowel (no composed form) would end its word
_WORD = re.compile(rf"{_RUN}(?:['’ʼ\-·]{_RUN})*")
_LETTER = re.compile(r"[^\W\d_]")


def words(text: str) -> list[str]:
    """The words of a text, in order, as written."""
    return _WORD.findall(text)


def fold(text: str) -> str:
    """The form in which texts are compared: composed, casefolded, one kind of apostrophe."""
    return unicodedata.normalize("NFC", text.casefold()).replace("’", "'").replace("ʼ", "'")


def has_letter(word: str) -> bool:
    return word.isalpha() or _LETTER.search(word) is not None


def lines(text: str) -> list[str]:
    """The non-empty lines, stripped."""
    return [stripped for line in text.split("\n") if (stripped := line.strip())]


def word_hashes(folded: list[str]) -> U64:
    """xxh3_64 of each word. list of n words -> (n,) uint64"""
    return np.fromiter(map(xxhash.xxh3_64_intdigest, folded), dtype=np.uint64, count=len(folded))


def exact_hash(folded: list[str]) -> bytes:
    """16 bytes that are equal for texts with the same folded words, whatever their spacing and punctuation."""
    return xxhash.xxh3_128_digest("\n".join(folded))


def order_hash(page_id: str, seed: int) -> int:
    """The page's place in the global shuffle: uniform over uint64, and the same on every machine."""
    return xxhash.xxh3_64_intdigest(page_id, seed=seed)


def windows(text: str, size: int, count: int) -> Iterator[str]:
    """Up to `count` stretches of `size` characters, spread evenly over the text from its first to its last."""
    if len(text) <= size * count:
        for start in range(0, len(text), size):
            yield text[start : start + size]
        return
    for i in range(count):
        start = i * (len(text) - size) // max(1, count - 1)
        yield text[start : start + size]


def utf8(values: Iterable[str]) -> list[str]:
    """Strings that Arrow can hold: lone surrogates become `?`."""
    return [v if v.isascii() else v.encode("utf-8", "replace").decode("utf-8") for v in values]
