"""The text primitives that everything else agrees on: words, shingles, hashes, repetition. No decisions here.

A word is a run of letters, marks and digits, held together by inner apostrophes and hyphens (`l-ittra`, `d'aujourd'hui`,
`e-pasts`); comparisons use NFC and full Unicode casefolding, and diacritics are kept (č is not c).
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator

import numba
import numpy as np
import numpy.typing as npt
import xxhash

U64 = npt.NDArray[np.uint64]
I64 = npt.NDArray[np.int64]

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


# --- kernels -----------------------------------------------------------------------------------------------------------------
# Compiled once per machine: numba keeps the machine code beside this file, or in its per-user cache folder if that is read-only.

_jit = numba.njit(cache=True, nogil=True)


@_jit
def _mix(x: np.uint64) -> np.uint64:
    """splitmix64's finaliser: every input bit reaches every output bit (Steele, Lea, Flood 2014)."""
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


@_jit
def shingles(hashes: U64, n: int) -> U64:
    """Hash of every run of n words. (words,) -> (max(0, words - n + 1),) uint64"""
    count = max(0, len(hashes) - n + 1)
    out = np.empty(count, np.uint64)
    for i in range(count):
        h = np.uint64(n)
        for j in range(n):
            h = _mix(h * np.uint64(0x9E3779B97F4A7C15) + hashes[i + j])
        out[i] = h
    return out


@_jit
def minhash_bands(grams: U64, bands: int, rows: int, seed: int) -> U64:
    """LSH bands of a set of shingle hashes: `bands * rows` independent minima, hashed together `rows` at a time.

    (shingles,) -> (bands,) uint64. Each minimum comes from its own 64-bit mixing of the shingle, not from (a*x+b) mod p,
    which in 64-bit arithmetic wraps before the modulus and is no universal family.
    """
    out = np.empty(bands, np.uint64)
    for band in range(bands):
        h = np.uint64(band + 1)
        for row in range(rows):
            salt = _mix(np.uint64(seed) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(band * rows + row + 1))
            low = np.uint64(0xFFFFFFFFFFFFFFFF)
            for i in range(len(grams)):
                low = min(low, _mix(grams[i] ^ salt))
            h = _mix(h * np.uint64(0x9E3779B97F4A7C15) + low)
        out[band] = h
    return out


@_jit
def top_gram_chars(hashes: U64, lengths: I64, n: int) -> int:
    """Characters (joining spaces included) covered by the most frequent n-gram; the earliest of equals. 0 without n words."""
    grams = shingles(hashes, n)
    if len(grams) == 0:
        return 0
    slots = 16
    while slots < 2 * len(grams):
        slots *= 2
    mask = np.uint64(slots - 1)
    first = np.full(slots, -1, np.int64)
    count = np.zeros(slots, np.int64)
    best, best_first = 0, 0
    for i in range(len(grams)):
        slot = grams[i] & mask
        while first[slot] >= 0 and grams[first[slot]] != grams[i]:
            slot = (slot + np.uint64(1)) & mask
        if first[slot] < 0:
            first[slot] = i
        count[slot] += 1
        if count[slot] > best or (count[slot] == best and first[slot] < best_first):
            best, best_first = count[slot], first[slot]
    size = n - 1
    for k in range(n):
        size += lengths[best_first + k]
    return size * best


@_jit
def duplicate_gram_chars(hashes: U64, lengths: I64, n: int) -> int:
    """Characters in n-grams that were seen before, each stretch counted once (after a hit, reading goes on behind it)."""
    grams = shingles(hashes, n)
    slots = 16
    while slots < 2 * len(grams):
        slots *= 2
    table = np.zeros(slots, np.uint64)
    used = np.zeros(slots, np.bool_)
    mask = np.uint64(slots - 1)
    total, i = 0, 0
    while i < len(grams):
        slot = grams[i] & mask
        while used[slot] and table[slot] != grams[i]:
            slot = (slot + np.uint64(1)) & mask
        if used[slot]:
            for k in range(n):
                total += lengths[i + k]
            i += n
        else:
            used[slot] = True
            table[slot] = grams[i]
            i += 1
    return total


@_jit
def connected(nodes: int, a: I64, b: I64) -> I64:
    """Union-find with the smallest node as root. Edges a[i]-b[i] over 0..nodes-1 -> (nodes,) root of each node."""
    parent = np.arange(nodes)
    for i in range(len(a)):
        x, y = a[i], b[i]
        while parent[x] != x:
            parent[x] = parent[parent[x]]
            x = parent[x]
        while parent[y] != y:
            parent[y] = parent[parent[y]]
            y = parent[y]
        if x < y:
            parent[y] = x
        elif y < x:
            parent[x] = y
    for i in range(nodes):
        parent[i] = parent[parent[i]]  # roots are smaller, so a parent is final before its children are read
    return parent


def utf8(values: Iterable[str]) -> list[str]:
    """Strings that Arrow can hold: lone surrogates become `?`."""
    return [v if v.isascii() else v.encode("utf-8", "replace").decode("utf-8") for v in values]
