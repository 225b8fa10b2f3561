"""The text primitives that everything else agrees on: words, folding, lines, paragraphs, sentences, hashes. No decisions here.

`scans` reads a column of text once, as the UTF-8 bytes that Arrow holds; measures, stop words, shingles and exact hashes come from what
it found. What it finds:

- A *word* is a run of letters, marks and digits, held together by inner apostrophes, hyphens, middle dots and underscores (`l-ittra`,
  `d'aujourd'hui`, `e-pasts`), by dots between single letters (`т.е.`, `z.B.`, `U.S.A.`) and by dots and commas between digits (`1.234,5`).
  Soft hyphens, zero-width joiners and direction marks are passed over. Its *head* is what comes before its first apostrophe
  or hyphen, with it (`l-`, `d'`): articles and prepositions that are written together with the next word.
- Words are compared *folded*: full Unicode casefolding, composed (NFC), one kind of apostrophe and hyphen. Diacritics stay (č is not c).
- A *line* ends at U+000A; blank ones do not count, space around it neither. A *paragraph* is a run of lines without a blank one between.
- A *sentence* ends with one of the language's characters (and closing quotes or brackets) before space and before anything but a small
  letter; a single dot after an initial or a number of up to two digits, or before a number, ends none. The end of a line ends a sentence only
  where such a character stands.

Characters are code points. Texts are read in NFC; Unicode's tables are frozen (chars.py), so the numbers are the same on every machine.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import xxhash

from euro_curate import chars

U8 = npt.NDArray[np.uint8]
U64 = npt.NDArray[np.uint64]
I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]

SENTENCE_ENDS = ".!?…"  # for texts in no language of ours


class Scan(NamedTuple):
    """What `scans` found in n documents. Those of document i are [*_at[i]:*_at[i + 1]]."""

    words: U64  # hash of each word, folded
    heads: U64  # hash of its head; 0 = none
    lengths: I32  # its characters
    word_bits: U8  # kernels/reading.py: HAS_LETTER, ALL_CAPS
    word_at: I64  # (n + 1,)
    lines: U64  # hash of each line, as written
    line_chars: I32
    line_bits: U8  # kernels/reading.py: IS_BULLET, ENDS_SENTENCE, ...
    line_words: I64  # index of its first word
    line_at: I64  # (n + 1,)
    paragraphs: U64
    paragraph_chars: I32
    paragraph_at: I64  # (n + 1,)
    counts: I64  # (n, len(kernels.COUNTS))


BATCH_BYTES = 1 << 20  # what is found in so much text stays in the processor's cache


def scans(
    texts: pa.ChunkedArray | pa.Array, sentence_ends: Sequence[str] = (SENTENCE_ENDS,), ends_of: U8 | None = None
) -> Iterator[Scan]:
    """(n,) large_string without nulls -> Scans of one stretch of documents after the other, about BATCH_BYTES each, a larger one alone.

    `ends_of` (n,) picks each document's `sentence_ends`; without it, the first ones hold. A Scan is valid until the next one is asked
    for: they share their memory, some 45 bytes for each byte of the largest stretch, of which most is never touched.
    """
    from euro_curate import kernels

    enders = np.full((len(sentence_ends), max(map(len, sentence_ends))), -1, np.int32)
    for row, ends in zip(enders, sentence_ends, strict=True):
        row[: len(ends)] = [ord(end) for end in ends]
    ends_of = np.zeros(len(texts), np.uint8) if ends_of is None else ends_of
    space, done = _space(0), 0
    for batch in _batches(texts):
        picks = ends_of[done : done + len(batch)]
        done += len(batch)
        space = _space(batch.nbytes, space)
        found = _read(batch, picks, enders, space)
        unstable = found.counts[:, kernels.COUNTS.index("unstable")] > 0
        if unstable.any():  # rare: combining marks. The kernel folds characters one by one, so they are composed first
            composed = [compose(t) if u else t for t, u in zip(batch.to_pylist(), unstable, strict=True)]
            again = pa.array(composed, pa.large_string())
            space = _space(again.nbytes, space)
            found = _read(again, picks, enders, space)
        yield found


def scan(document: str) -> Scan:
    """The Scan of one text."""
    return next(scans(pa.array(utf8([document]), pa.large_string())))


def _space(size: int, old: Scan | None = None) -> Scan:
    """Memory for what is found in so many bytes of text and offsets; the old one if it is large enough."""
    room = size // 2 + 1  # a word, like a line, takes a byte and one that ends it
    if old and len(old.words) >= room:
        return old
    later = np.zeros(1, np.int64)  # what is counted by document is made for each stretch: see _read
    return Scan(
        words=np.empty(room, np.uint64),
        heads=np.empty(room, np.uint64),
        lengths=np.empty(room, np.int32),
        word_bits=np.empty(room, np.uint8),
        word_at=later,
        lines=np.empty(room, np.uint64),
        line_chars=np.empty(room, np.int32),
        line_bits=np.empty(room, np.uint8),
        line_words=np.empty(room, np.int64),
        line_at=later,
        paragraphs=np.empty(room, np.uint64),
        paragraph_chars=np.empty(room, np.int32),
        paragraph_at=later,
        counts=later.reshape(1, 1),
    )


def _read(texts: pa.Array, picks: U8, enders: I32, space: Scan) -> Scan:
    from euro_curate import kernels

    n = len(texts)
    _, offsets, data = texts.buffers()
    found = space._replace(
        word_at=np.zeros(n + 1, np.int64),
        line_at=np.zeros(n + 1, np.int64),
        paragraph_at=np.zeros(n + 1, np.int64),
        counts=np.zeros((n, len(kernels.COUNTS)), np.int64),
    )
    kernels.read(
        np.frombuffer(data, np.uint8) if data else np.empty(0, np.uint8),
        np.frombuffer(offsets, np.int64)[texts.offset : texts.offset + n + 1],
        picks,
        enders,
        *chars.load(),
        *found,
    )
    return found


def _batches(texts: pa.ChunkedArray | pa.Array) -> Iterator[pa.Array]:
    """A text column in stretches of about BATCH_BYTES, in order and without copying."""
    for chunk in texts.chunks if isinstance(texts, pa.ChunkedArray) else [texts]:
        if not len(chunk):
            continue
        offsets = np.frombuffer(chunk.buffers()[1], np.int64)[chunk.offset : chunk.offset + len(chunk) + 1]
        start = 0
        while start < len(chunk):
            stop = int(np.searchsorted(offsets, offsets[start] + BATCH_BYTES, side="right")) - 1
            stop = min(max(stop, start + 1), len(chunk))
            yield chunk.slice(start, stop - start)
            start = stop


_CLUSTER = re.compile(r"[^\W\d_][\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff]+")


def compose(text: str) -> str:
    """NFC; and where marks stay because only the small letter has a composed form, the small letter: folding alone could not join them."""
    composed = unicodedata.normalize("NFC", text)
    return _CLUSTER.sub(lambda cluster: unicodedata.normalize("NFC", cluster[0].casefold()), composed)


@cache
def word_hash(word: str) -> int:
    """The hash by which `scan` knows one word, or one head (`l-`, `d'`). ValueError if it is neither."""
    head = word[-1:] in ("'", "-")
    found = scan(word + "x" if head else word)
    if found.word_at[1] != 1 or (head and not found.heads[0]):
        raise ValueError(f"{word!r} is not one word")
    return int((found.heads if head else found.words)[0])


def exact_hash(words: U64) -> bytes:
    """16 bytes that are equal for texts with the same folded words, whatever their spacing and punctuation. Takes the words' hashes."""
    return xxhash.xxh3_128_digest(np.ascontiguousarray(words, "<u8").tobytes())


def lines(text: str) -> list[str]:
    """The non-empty lines, stripped."""
    return [stripped for line in text.split("\n") if (stripped := line.strip())]


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
