"""classify(): a fastText classifier's answers to many lines at once, from the weights that network.py reads.

What fastText does (Joulin et al. 2016): a line is the mean of rows, its words' (those that training kept) and their letter n-grams'; one linear
layer and a softmax give the labels. Here the sum of a known word's rows is made once, and each word is summed by itself: in one fixed order
without reordering, so that every machine gets the same bits.
"""

import math

import numba
import numpy as np

from euro_curate.kernels.hashing import jit
from euro_curate.kernels.reading import hash_bytes

BLANK, BEGIN, END = (ord(c) for c in " <>")
FNV_BASIS, FNV_PRIME = np.uint32(2166136261), np.uint32(16777619)  # FNV-1a ...
SIGN, SIGNED = np.uint32(0x80), np.uint32(0xFFFFFF00)  # ... of signed bytes, as fastText reads them
SURPLUS = (
    1e-5  # fastText adds it to every probability under a logarithm that it then undoes; thresholds were set with it
)

_TEXTS = "Array(uint8, 1, 'C', readonly=True), Array(int64, 1, 'C', readonly=True)"


@jit
def add_rows(data, low, high, word, shortest, longest, first, inputs, total):
    """Adds to `total` the rows of the n-grams of data[low:high] between < and >; returns how many. `word` is room for these bytes."""
    size = high - low + 2
    word[0], word[size - 1] = BEGIN, END
    for j in range(high - low):  # here and below: numba compiles an assignment to a slice for seconds
        word[1 + j] = data[low + j]
    buckets, found = np.uint32(len(inputs) - first), 0
    for start in range(size):
        if word[start] & 0xC0 == 0x80:  # inside a character
            continue
        h, pos, letters = FNV_BASIS, start, 0
        while pos < size and letters < longest:
            while True:
                byte = np.uint32(word[pos])
                h = np.uint32((h ^ (byte | SIGNED if byte & SIGN else byte)) * FNV_PRIME)
                pos += 1
                if pos >= size or word[pos] & 0xC0 != 0x80:
                    break
            letters += 1
            if letters >= shortest and (letters > 1 or (start > 0 and pos < size)):
                row = first + np.int64(h % buckets)
                for j in range(len(total)):
                    total[j] += inputs[row, j]
                found += 1
    return found


@jit
def longest_of(offsets):
    """Bytes of the longest text."""
    most = 0
    for i in range(len(offsets) - 1):
        most = max(most, offsets[i + 1] - offsets[i])
    return most


@numba.njit(
    f"void({_TEXTS}, int64, int64, int64, float32[:,::1], uint64[::1], int64[::1], float32[:,::1], int64[::1])",
    cache=True,
    nogil=True,
)
def learn(data, offsets, shortest, longest, end, inputs, keys, places, sums, counts):
    """Word i of the vocabulary is data[offsets[i]:offsets[i + 1]], and sums[i] holds its own row: adds those of its n-grams, which the
    end of a line has none of, and their number. Fills the table hash -> word, whose size is a power of two above that of the vocabulary.
    """
    mask = np.uint64(len(keys) - 1)
    word = np.empty(longest_of(offsets) + 2, np.uint8)
    for i in range(len(sums)):
        low, high = offsets[i], offsets[i + 1]
        if i != end:
            counts[i] += add_rows(data, low, high, word, shortest, longest, len(sums), inputs, sums[i])
        key = hash_bytes(data, low, high)
        slot = key & mask
        while places[slot] >= 0:
            slot = (slot + np.uint64(1)) & mask
        keys[slot], places[slot] = key, i


@jit
def rank(logits, labels, scores):
    """Writes the best labels and their probabilities into one line's cells."""
    top, mass = np.float64(logits[0]), 0.0
    for k in range(len(logits)):
        top = max(top, np.float64(logits[k]))
    for k in range(len(logits)):
        mass += math.exp(np.float64(logits[k]) - top)
        place = len(labels)
        while place > 0 and (labels[place - 1] < 0 or logits[labels[place - 1]] < logits[k]):
            place -= 1
            if place + 1 < len(labels):
                labels[place + 1] = labels[place]
        if place < len(labels):
            labels[place] = k
    for place in range(len(labels)):
        if labels[place] >= 0:
            scores[place] = math.exp(np.float64(logits[labels[place]]) - top) / mass + SURPLUS


@numba.njit(
    f"void({_TEXTS}, int64, int64, int64, float32[:,::1], float32[:,::1], uint64[::1], int64[::1], float32[:,::1], int64[::1], "
    "int64[:,::1], float32[:,::1])",
    cache=True,
    nogil=True,
)
def classify(data, offsets, shortest, longest, end, inputs, outputs, keys, places, sums, counts, labels, scores):
    """Line i is data[offsets[i]:offsets[i + 1]], words with single blanks between them; the tables are network.Network's. Writes each
    line's best labels, best first (of equals, the first in the file), and their scores, into as many columns as there are.
    """
    mask = np.uint64(len(keys) - 1)
    word = np.empty(longest_of(offsets) + 2, np.uint8)
    dim, known = len(outputs), len(sums)
    total, part, logits = np.empty(dim, np.float32), np.empty(dim, np.float32), np.empty(outputs.shape[1], np.float32)
    for i in range(len(offsets) - 1):
        low, stop, found = offsets[i], offsets[i + 1], 0
        for j in range(dim):
            total[j] = 0
        while low < stop:
            high = low
            while high < stop and data[high] != BLANK:
                high += 1
            key = hash_bytes(data, low, high)
            slot = key & mask
            while places[slot] >= 0 and keys[slot] != key:
                slot = (slot + np.uint64(1)) & mask
            place = places[slot]
            if place >= 0:
                found += counts[place]
                for j in range(dim):
                    total[j] += sums[place, j]
            else:
                for j in range(dim):
                    part[j] = 0
                found += add_rows(data, low, high, word, shortest, longest, known, inputs, part)
                for j in range(dim):
                    total[j] += part[j]
            low = high + 1
        if end >= 0:
            found += 1
            for j in range(dim):
                total[j] += inputs[end, j]
        if found:
            for k in range(len(logits)):
                logits[k] = 0
            for j in range(dim):  # dimension by dimension, as sums over labels would be reordered or slow
                weight = total[j] / np.float32(found)
                for k in range(len(logits)):
                    logits[k] += weight * outputs[j, k]
            rank(logits, labels[i], scores[i])
