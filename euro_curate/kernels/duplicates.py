"""MinHash and union-find: what dedup/ runs on hashes."""

import numba
import numpy as np

from euro_curate.kernels.hashing import GOLDEN, jit, mix, slots_for

NONE = np.int64(-1)
HIGH = np.uint64(32)


@numba.njit(
    "void(Array(uint64, 1, 'C', readonly=True), Array(int64, 1, 'C', readonly=True), int64, int64,"
    " Array(uint64, 1, 'C', readonly=True), Array(uint64, 1, 'C', readonly=True),"
    " uint64[:, ::1], uint8[:, ::1], boolean[::1])",
    cache=True,
    nogil=True,
)
def minhash(words, word_at, n, rows, factors, summands, bands, sketches, signed):
    """LSH bands of documents, from the hashes of their words; fills bands (docs, bands), sketches and signed (docs,).

    The shingles are the runs of `n` words, as a set: a minimum does not see repeats. Each of the bands * rows minima is taken under a
    function of its own, (factor * x + summand mod 2^64) >> 32 for 32-bit x: strongly universal (Dietzfelbinger 1996), and no
    product leaves its modulus. `rows` minima make a band. Two bits of each minimum make the sketch, where it has columns. Documents shorter
    than a shingle are left unsigned.
    """
    longest = np.int64(0)
    for d in range(len(word_at) - 1):
        longest = max(longest, word_at[d + 1] - word_at[d])
    grams = np.empty(longest, np.uint32)
    places = np.empty(n, np.uint64)  # a factor for each place in a shingle: order counts
    for j in range(n):
        places[j] = mix(GOLDEN * np.uint64(j + 1)) | np.uint64(1)
    for d in range(len(word_at) - 1):
        first = word_at[d]
        count = word_at[d + 1] - first - n + 1
        if count < 1:
            continue
        signed[d] = True
        for i in range(count):
            h = np.uint64(0)
            for j in range(n):
                h += words[first + i + j] * places[j]
            grams[i] = np.uint32(mix(h) >> HIGH)
        for band in range(bands.shape[1]):
            h = np.uint64(band + 1)
            for row in range(rows):
                k = band * rows + row
                factor, summand = factors[k], summands[k]
                low = np.uint32(0xFFFFFFFF)
                for i in range(count):
                    value = np.uint32((factor * np.uint64(grams[i]) + summand) >> HIGH)
                    low = min(low, value)
                h = mix(h * GOLDEN + np.uint64(low))
                if sketches.shape[1]:
                    sketches[d, k >> 2] |= np.uint8((low & np.uint32(3)) << np.uint32(2 * (k & 3)))
            bands[d, band] = h


@jit
def similarity(data, one, other, size):
    """Jaccard similarity by two sketches of `size` bytes: of the two-bit fields a quarter agree by chance."""
    equal = 4 * size
    for i in range(size):
        differs = data[one + i] ^ data[other + i]
        differs = (differs | (differs >> np.uint8(1))) & np.uint8(0x55)
        while differs:
            equal -= 1
            differs &= differs - np.uint8(1)
    return (equal / (4 * size) - 0.25) / 0.75


@numba.njit(
    "int64[::1](Array(uint8, 1, 'C', readonly=True), Array(int64, 1, 'C', readonly=True), Array(uint64, 1, 'C', readonly=True),"
    " Array(boolean, 1, 'C', readonly=True), Array(int64, 1, 'C', readonly=True), float64)",
    cache=True,
    nogil=True,
)
def split_clusters(data, sketch_at, exact, candidate, seats, lowest):
    """Members in order of rank within their clusters -> the row of the representative of each: the first one left that is as similar as
    `lowest`. (n + 1,) offsets of the sketches in data: one that is missing is no reason to leave. Only candidates are looked at."""
    out = seats.copy()
    first = 0
    while first < len(seats):
        last = first
        while last < len(seats) and seats[last] == seats[first]:
            last += 1
        heads = np.empty(last - first, np.int64)
        count = 0
        for i in range(first, last):
            if not candidate[i]:
                continue
            found = False
            for k in range(count):
                head = heads[k]
                size = sketch_at[i + 1] - sketch_at[i]
                if exact[i] == exact[head] or size == 0 or size != sketch_at[head + 1] - sketch_at[head]:
                    found = True
                else:
                    found = similarity(data, sketch_at[i], sketch_at[head], size) >= lowest
                if found:
                    out[i] = head
                    break
            if not found:
                heads[count] = i
                count += 1
                out[i] = i
        first = last
    return out


@numba.njit(
    "uint64[::1](Array(uint8, 1, 'C', readonly=True), Array(int32, 1, 'C', readonly=True))", cache=True, nogil=True
)
def hash_strings(data, offsets):
    """A 64-bit hash of each string of an Arrow column: its bytes and its n + 1 offsets -> (n,)."""
    out = np.empty(len(offsets) - 1, np.uint64)
    for i in range(len(out)):
        h = np.uint64(offsets[i + 1] - offsets[i]) * GOLDEN
        word = np.uint64(0)
        held = 0
        for at in range(offsets[i], offsets[i + 1]):
            word = (word << np.uint64(8)) | np.uint64(data[at])
            held += 1
            if held == 8:
                h = mix((h ^ word) * GOLDEN + np.uint64(1))
                word = np.uint64(0)
                held = 0
        out[i] = mix((h ^ word) * GOLDEN + np.uint64(2))
    return out


@jit
def before(x, y):
    """Which of two nodes is the root: the smaller mixed hash. Roots are then as evenly spread over the 64 bits as nodes are."""
    return mix(x) < mix(y)


@jit
def place_of(table, nodes, node, count):
    """Index of a node among the first `count` of `nodes`; a node that is not there is added under `count`."""
    mask = np.uint64(len(table) - 1)
    slot = mix(node * GOLDEN) & mask
    while table[slot] != NONE:
        if nodes[table[slot]] == node:
            return table[slot]
        slot = (slot + np.uint64(1)) & mask
    table[slot] = count
    nodes[count] = node
    return count


@jit
def root_of(parent, x):
    while parent[x] != x:
        parent[x] = parent[parent[x]]
        x = parent[x]
    return x


@jit
def unite(parent, nodes, x, y):
    x, y = root_of(parent, x), root_of(parent, y)
    if x != y:
        if before(nodes[x], nodes[y]):
            parent[y] = x
        else:
            parent[x] = y


@numba.njit(
    "Tuple((uint64[::1], uint64[::1]))(Array(uint64, 1, 'C', readonly=True), Array(uint64, 1, 'C', readonly=True))",
    cache=True,
    nogil=True,
)
def components(a, b):
    """Union-find over the edges a[i]-b[i] of any 64-bit nodes -> (nodes, the root of each): roots included, in no order that means anything."""
    table = np.full(slots_for(2 * len(a)), NONE, np.int64)
    nodes = np.empty(2 * len(a), np.uint64)
    parent = np.empty(2 * len(a), np.int64)
    count = np.int64(0)
    for i in range(len(a)):
        x = place_of(table, nodes, a[i], count)
        if x == count:
            parent[x] = x
            count += 1
        y = place_of(table, nodes, b[i], count)
        if y == count:
            parent[y] = y
            count += 1
        unite(parent, nodes, x, y)
    roots = np.empty(count, np.uint64)
    for i in range(count):
        roots[i] = nodes[root_of(parent, i)]
    return nodes[:count].copy(), roots


@numba.njit(
    "Tuple((uint64[::1], uint64[::1]))(Array(uint64, 1, 'C', readonly=True), Array(uint64, 1, 'C', readonly=True))",
    cache=True,
    nogil=True,
)
def star_edges(keys, nodes):
    """Rows sorted by key -> the edges (first node of the key, another node of it), for every key that has two different nodes."""
    size = 0
    for i in range(1, len(keys)):
        size += keys[i] == keys[i - 1]
    a = np.empty(size, np.uint64)
    b = np.empty(size, np.uint64)
    count = 0
    first = 0
    for i in range(1, len(keys)):
        if keys[i] != keys[first]:
            first = i
        elif nodes[i] != nodes[first]:
            a[count] = nodes[first]
            b[count] = nodes[i]
            count += 1
    return a[:count].copy(), b[:count].copy()
