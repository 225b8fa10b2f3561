"""A fastText classifier's weights, read from its file, and its answers to many lines at once by our own kernel.

The same labels and probabilities as fastText's runtime (to rounding), in half its time or less, and the same bits on every machine. For plain softmax
classifiers on single words, as ours are; whatever else fastText can make (quantised, a tree of labels, word n-grams) is left to its runtime.
"""

import struct
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from euro_curate.models import locate

F32 = npt.NDArray[np.float32]
I64 = npt.NDArray[np.int64]

# fastText 0.9's file: magic, version; dim, ws, epoch, minCount, neg, wordNgrams, loss, model, bucket, minn, maxn, lrUpdateRate, t; then
# the dictionary's size, words, labels, tokens, pruned n-grams; its entries; and both matrices, each behind a byte that says whether it is quantised.
_HEAD, _SIZES, _SHAPE = struct.Struct("<14id"), struct.Struct("<3i2q"), struct.Struct("<2q")
_MAGIC, _VERSION, _SUPERVISED, _SOFTMAX = 793712314, 12, 3, 3
_LINE_END = "</s>"


class Network(NamedTuple):
    """What the kernel reads. Row i of `inputs` is the vocabulary's word i, the rows after those are the n-grams' buckets."""

    labels: tuple[str, ...]
    shortest: int  # n-grams, in letters
    longest: int
    end: int  # the word that stands for the end of a line; -1 = none
    inputs: F32  # (words + buckets, dimensions)
    outputs: F32  # (dimensions, labels)
    keys: npt.NDArray[np.uint64]  # open addressing: hash of a word ...
    places: I64  # ... -> its number, -1 = free
    sums: F32  # (words, dimensions) of each word's row and its n-grams'
    counts: I64  # (words,) of those rows


def read(path: Path) -> Network | None:
    """The classifier in a fastText file; None if it is of a kind, or so broken, that fastText's runtime must answer, or say what is wrong."""
    from euro_curate import kernels

    data = path.read_bytes()
    try:
        magic, version, _, _, _, _, _, word_ngrams, loss, model, _, shortest, longest, *_ = _HEAD.unpack_from(data)
        size, n_words, *_ = _SIZES.unpack_from(data, _HEAD.size)
        if (magic, version, word_ngrams, loss, model) != (_MAGIC, _VERSION, 1, _SOFTMAX, _SUPERVISED):
            return None
        names, at = _names(data, _HEAD.size + _SIZES.size, size)
        inputs, at = _matrix(data, at)
        outputs, at = _matrix(data, at)
    except (struct.error, ValueError, IndexError):
        return None
    words, slots = names[:n_words], 1 << (2 * n_words).bit_length()
    if longest and len(inputs) == n_words:  # no buckets
        return None
    inputs, sums, counts = _aligned(inputs), _aligned(inputs[:n_words]), np.ones(n_words, np.int64)
    keys, places = np.zeros(slots, np.uint64), np.full(slots, -1, np.int64)
    end = words.index(_LINE_END) if _LINE_END in words else -1
    kernels.learn(*_bytes(words), shortest, longest, end, inputs, keys, places, sums, counts)
    labels = tuple(names[n_words:])
    return Network(labels, shortest, longest, end, inputs, _aligned(outputs.T), keys, places, sums, counts)


def _names(data: bytes, at: int, count: int) -> tuple[list[str], int]:
    """So many entries of the dictionary: words first, then labels; and where the next thing begins."""
    names = []
    for _ in range(count):
        stop = data.index(0, at)
        names.append(data[at:stop].decode("utf-8", "replace"))
        at = stop + 10  # the zero, a count of eight bytes, a kind
    return names, at


def _matrix(data: bytes, at: int) -> tuple[F32, int]:
    """A matrix, and where the next thing begins. ValueError: it is quantised, or not all there."""
    if data[at]:
        raise ValueError("quantised")
    rows, columns = _SHAPE.unpack_from(data, at + 1)
    at += 1 + _SHAPE.size
    return np.frombuffer(data, "<f4", rows * columns, at).reshape(rows, columns), at + 4 * rows * columns


def _aligned(matrix: F32) -> F32:
    """A copy whose rows, of 32 numbers say, begin where lines of the processor's cache do: half as many are fetched."""
    spare = np.empty(matrix.size + 32, np.float32)
    start = -spare.ctypes.data // 4 % 32
    copy = spare[start : start + matrix.size].reshape(matrix.shape)
    copy[:] = matrix
    return copy


def _bytes(lines: Sequence[str]) -> tuple[npt.NDArray[np.uint8], I64]:
    """Texts as the kernels read them: their bytes one after the other, and where each begins and the last ends."""
    _, offsets, data = pa.array(lines, pa.large_string()).buffers()
    return np.frombuffer(data, np.uint8) if data else np.empty(0, np.uint8), np.frombuffer(offsets, np.int64)


def answers(network: Network, lines: Sequence[str], best: int) -> tuple[I64, F32]:
    """Lines (n) of words with single blanks between them, as langid.normalise makes them -> (n, best): labels' numbers, best first, -1 where
    there are no more, and their probabilities as fastText gives them.
    """
    from euro_curate import kernels

    labels, scores = np.full((len(lines), best), -1, np.int64), np.zeros((len(lines), best), np.float32)
    if lines:
        kernels.classify(*_bytes(lines), *network[1:], labels, scores)
    return labels, scores


@cache
def load(place: str, sha256: str) -> Network | None:
    """`read` once per process. Errors as models.locate."""
    return read(locate(place, sha256))
