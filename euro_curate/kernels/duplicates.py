"""MinHash and union-find: what dedup.py runs on hashes."""

import numba
import numpy as np

from euro_curate.kernels.hashing import GOLDEN, mix


@numba.njit("uint64[::1](Array(uint64, 1, 'C', readonly=True), int64)", cache=True, nogil=True)
def shingles(hashes, n):
    """Hash of every run of n words. (words,) -> (max(0, words - n + 1),) uint64"""
    count = len(hashes) - n + 1 if len(hashes) >= n else 0
    out = np.empty(count, np.uint64)
    for i in range(count):
        h = np.uint64(n)
        for j in range(n):
            h = mix(h * GOLDEN + hashes[i + j])
        out[i] = h
    return out


@numba.njit("uint64[::1](Array(uint64, 1, 'C', readonly=True), int64, int64, int64)", cache=True, nogil=True)
def minhash_bands(grams, bands, rows, seed):
    """LSH bands of a set of shingle hashes: `bands * rows` independent minima, hashed together `rows` at a time.

    (shingles,) -> (bands,) uint64. Each minimum comes from its own 64-bit mixing of the shingle, not from (a*x+b) mod p,
    which in 64-bit arithmetic wraps before the modulus and is no universal family.
    """
    out = np.empty(bands, np.uint64)
    for band in range(bands):
        h = np.uint64(band + 1)
        for row in range(rows):
            salt = mix(np.uint64(seed) * GOLDEN + np.uint64(band * rows + row + 1))
            low = np.uint64(0xFFFFFFFFFFFFFFFF)
            for i in range(len(grams)):
                value = mix(grams[i] ^ salt)
                low = min(low, value)
            h = mix(h * GOLDEN + low)
        out[band] = h
    return out


@numba.njit(
    "int64[::1](int64, Array(int64, 1, 'C', readonly=True), Array(int64, 1, 'C', readonly=True))",
    cache=True,
    nogil=True,
)
def connected(nodes, a, b):
    """Union-find with the smallest node as root. Edges a[i]-b[i] over 0..nodes-1 -> (nodes,) root of each node."""
    parent = np.empty(nodes, np.int64)
    for i in range(nodes):
        parent[i] = i
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
