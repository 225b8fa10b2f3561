"""Compiled loops over word hashes: shingles, MinHash, repetition, union-find. Pure; text.py makes what they read.

Compiled once per machine: numba keeps the machine code beside this file, or in its per-user cache folder if that is read-only. Apart from
text.py because importing numba takes longer than handling a hundred pages, and the processes that handle pages need none of this.
"""

import numba
import numpy as np
import numpy.typing as npt

U64 = npt.NDArray[np.uint64]
I64 = npt.NDArray[np.int64]

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
def repeated_chars(hashes: U64, lengths: I64, n: int) -> tuple[int, int]:
    """(top, duplicate) characters of a text's n-grams; (0, 0) without n words.

    top: covered by the most frequent n-gram, its joining spaces included; the earliest of equals. duplicate: in n-grams that were seen
    before, each stretch counted once (after a hit, reading goes on behind it). One function, as compiling costs more than running.
    """
    grams = shingles(hashes, n)
    if len(grams) == 0:
        return 0, 0
    slots = 16
    while slots < 2 * len(grams):
        slots *= 2
    mask = np.uint64(slots - 1)
    first = np.full(slots, -1, np.int64)  # place of the gram in each slot
    count = np.zeros(slots, np.int64)
    read = np.zeros(slots, np.bool_)  # by the reading that jumps behind its hits
    best, best_first, duplicate, follow = 0, 0, 0, 0
    for i in range(len(grams)):
        slot = grams[i] & mask
        while first[slot] >= 0 and grams[first[slot]] != grams[i]:
            slot = (slot + np.uint64(1)) & mask
        if first[slot] < 0:
            first[slot] = i
        count[slot] += 1
        if count[slot] > best or (count[slot] == best and first[slot] < best_first):
            best, best_first = count[slot], first[slot]
        if i == follow:
            follow += 1
            if read[slot]:
                follow = i + n
                for k in range(n):
                    duplicate += lengths[i + k]
            read[slot] = True
    size = n - 1
    for k in range(n):
        size += lengths[best_first + k]
    return size * best, duplicate


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
