"""What each Unicode character is to the text kernels: its kinds and its folded form, frozen in chars.npz.

Frozen, because Python's own tables grow with its version, and the same bytes must give the same numbers on every machine. To move to a
newer Unicode: `python -m euro_curate.chars` under the Python that has it, and raise the versions of the stages that read text.
"""

import unicodedata
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

FILE = Path(__file__).with_name("chars.npz")
CODE_POINTS = 0x110000

# Kinds: bits of a character.
WORD = 1  # letter or number: words are made of these
LETTER = 2
DIGIT = 4  # decimal digit
UPPER = 8  # upper or title case
MARK = 16  # combining mark: goes on with a word, starts none
UNSEEN = 32  # soft hyphen, joiners, direction marks: skipped, as if they were not there
SPACE = 64
JOINER = 128  # holds a word together between two word characters: apostrophes, hyphens, middle dot, underscore
PUNCTUATION = 256
CLOSER = 512  # may stand between the end of a sentence and the space after it
BULLET = 1024  # starts a list item
BROKEN = 2048  # replacement characters, controls (U+0085 was an ellipsis), private use, surrogates: what wrong decoding leaves
LATIN = 4096
GREEK = 8192
CYRILLIC = 16384
UNSTABLE = 32768  # normalisation to NFC may change it, or join it to the character before

APOSTROPHES = "'’‘ʼ´`＇"  # careless ones too
HYPHENS = "-‐‑"
OTHER_JOINERS = "·_"
CLOSERS = "\"')]}”’»›“‘«"  # languages use both sides of » and “ to close
BULLETS = "•‣▶◀◦■□▪▫–—-*+·●○➢✓"


class Chars(NamedTuple):
    """The tables, indexed by code point."""

    kinds: npt.NDArray[np.uint16]  # (CODE_POINTS,) bits from above
    folds: npt.NDArray[np.int32]  # (CODE_POINTS,) folded code point; or -(1 + row) in `long_folds`
    long_folds: npt.NDArray[np.int32]  # (rows, 3) foldings of several code points, 0 = none


def kinds_of(char: str) -> int:
    """The bits of one character, by this Python's Unicode tables."""
    category = unicodedata.category(char)
    if char in APOSTROPHES + HYPHENS + OTHER_JOINERS:
        bits = JOINER | (PUNCTUATION if category[0] == "P" else 0)
    elif char in "\t\n\v\f\r\u200b" or category[0] == "Z":
        bits = SPACE
    elif category[0] in "LN":
        bits = WORD
    else:
        bits = {"M": MARK, "P": PUNCTUATION}.get(category[0], 0)
        if category == "Cf":
            bits = UNSEEN
        elif category in ("Cc", "Co", "Cs") or char == "\ufffd":
            bits = BROKEN
    if category[0] == "L" and bits & WORD:
        bits |= LETTER
        script = unicodedata.name(char, "").split(" ")[0]
        bits |= {"LATIN": LATIN, "GREEK": GREEK, "CYRILLIC": CYRILLIC}.get(script, 0)
    if category == "Nd":
        bits |= DIGIT
    if category in ("Lu", "Lt"):
        bits |= UPPER
    if char in CLOSERS:
        bits |= CLOSER
    if char in BULLETS:
        bits |= BULLET
    return bits


def fold_of(char: str) -> str:
    """The form of one character in comparisons: casefolded, composed, one kind of apostrophe and hyphen."""
    if char in APOSTROPHES:
        return "'"
    if char in HYPHENS:
        return "-"
    return unicodedata.normalize("NFC", char.casefold())


def build() -> Chars:
    """The tables from this Python's `unicodedata`."""
    kinds = np.zeros(CODE_POINTS, np.uint16)
    folds = np.arange(CODE_POINTS, dtype=np.int32)
    long_folds: list[list[int]] = []
    seconds = set(range(0x1161, 0x1176)) | set(range(0x11A8, 0x11C3))  # Hangul composes by rule, not by table
    for code in range(CODE_POINTS):
        char = chr(code)
        kinds[code] = kinds_of(char)
        if 0xD800 <= code < 0xE000:
            continue
        if unicodedata.combining(char) or unicodedata.normalize("NFC", char) != char:
            kinds[code] |= UNSTABLE
        parts = unicodedata.decomposition(char).split()
        if len(parts) == 2 and not parts[0].startswith("<"):
            seconds.add(int(parts[1], 16))
        folded = fold_of(char)
        if len(folded) == 1:
            folds[code] = ord(folded)
        elif folded:
            folds[code] = -(1 + len(long_folds))
            long_folds.append(([ord(c) for c in folded] + [0, 0])[:3])
    kinds[sorted(seconds)] |= UNSTABLE
    return Chars(kinds, folds, np.array(long_folds, np.int32))


@cache
def load() -> Chars:
    """The frozen tables."""
    with np.load(FILE) as file:
        kinds = file["kinds"][file["kind_pages"]].reshape(-1)
        folds = np.arange(CODE_POINTS, dtype=np.int32)
        folds[file["folded"]] = file["folded_to"]
        tables = Chars(kinds, folds, file["long_folds"])
    for table in tables:
        table.flags.writeable = False
    return tables


def save(tables: Chars) -> None:
    """Writes chars.npz: pages of 256 kinds, each kept once, and only the characters that folding changes."""
    pages, kind_pages = np.unique(tables.kinds.reshape(-1, 256), axis=0, return_inverse=True)
    folded = np.flatnonzero(tables.folds != np.arange(CODE_POINTS)).astype(np.int32)
    np.savez_compressed(
        FILE,
        kinds=pages,
        kind_pages=kind_pages.reshape(-1).astype(np.uint16),
        folded=folded,
        folded_to=tables.folds[folded],
        long_folds=tables.long_folds,
        unicode=np.array(unicodedata.unidata_version),
    )


if __name__ == "__main__":
    save(build())
    print(f"{FILE.name}: Unicode {unicodedata.unidata_version}, {FILE.stat().st_size:,} bytes")
