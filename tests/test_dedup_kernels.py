"""kernels/duplicates.py against plain Python: MinHash, its estimate and its S-curve, union-find, sketches, hashes of ids."""

import math
import random
from collections import Counter, defaultdict
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from euro_curate import kernels, text
from euro_curate.dedup.pair import mixed, node_hashes
from euro_curate.dedup.sign import coefficients, derive, meeting

UNTIMED = settings(deadline=None)  # the first call loads compiled code
MASK = (1 << 64) - 1
GOLDEN = 0x9E3779B97F4A7C15


def mix(x: int) -> int:
    """splitmix64's finaliser in whole numbers."""
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9 & MASK
    x = (x ^ (x >> 27)) * 0x94D049BB133111EB & MASK
    return x ^ (x >> 31)


def minhash(
    words: list[list[int]], n: int, bands: int, rows: int, seed: int = 1
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(bands, sketches, signed) of documents by the kernel."""
    ends = np.cumsum([0, *map(len, words)]).astype(np.int64)
    flat = np.array([w for document in words for w in document], np.uint64)
    count = bands * rows
    out = (
        np.zeros((len(words), bands), np.uint64),
        np.zeros((len(words), -(-count // 4)), np.uint8),
        np.zeros(len(words), np.bool_),
    )
    kernels.minhash(flat, ends, n, rows, *coefficients(count, seed), *out)
    return out


def bands_of(values: text.U64, bands: int, rows: int, seed: int = 1) -> np.ndarray:
    """Bands of a set of single words."""
    return minhash([values.tolist()], 1, bands, rows, seed)[0][0]


@UNTIMED
@given(
    st.lists(st.lists(st.integers(0, 5) | st.integers(0, MASK), max_size=12), max_size=4),
    st.integers(1, 5),
    st.integers(1, 3),
    st.integers(1, 4),
)
def test_minhash_is_what_its_description_says(documents: list[list[int]], n: int, bands: int, rows: int) -> None:
    found, sketches, signed = minhash(documents, n, bands, rows)
    factors, summands = (values.tolist() for values in coefficients(bands * rows, 1))
    places = [mix(GOLDEN * (j + 1) & MASK) | 1 for j in range(n)]
    for d, words in enumerate(documents):
        runs = {tuple(words[i : i + n]) for i in range(len(words) - n + 1)}
        grams = {mix(sum(w * p for w, p in zip(run, places, strict=True)) & MASK) >> 32 for run in runs}
        assert signed[d] == bool(grams)
        for band in range(bands):
            h = band + 1
            for k in range(band * rows, (band + 1) * rows):
                low = min((((factors[k] * gram + summands[k]) & MASK) >> 32 for gram in grams), default=None)
                if low is None:
                    break
                h = mix((h * GOLDEN + low) & MASK)
                assert sketches[d, k >> 2] >> 2 * (k & 3) & 3 == low & 3
            assert found[d, band] == (h if grams else 0)


def sets_with(jaccard: float, union: int, draw: random.Random) -> tuple[text.U64, text.U64]:
    """Two sets of random hashes whose Jaccard similarity is `jaccard`, exactly."""
    every = np.array([draw.getrandbits(64) for _ in range(union)], np.uint64)
    shared = round(jaccard * union)
    half = shared + (union - shared) // 2
    return every[:half], np.concatenate([every[:shared], every[half:]])


@pytest.mark.parametrize("jaccard", [0.0, 0.1, 0.5, 0.8, 0.95, 1.0])
def test_share_of_equal_minima_estimates_jaccard_within_its_binomial_bound(jaccard: float) -> None:
    one, other = sets_with(jaccard, 400, random.Random(7))
    n = 4000
    equal = bands_of(one, n, 1) == bands_of(other, n, 1)
    assert abs(equal.mean() - jaccard) <= 4 * math.sqrt(jaccard * (1 - jaccard) / n)


@pytest.mark.parametrize("jaccard", [0.5, 0.8, 0.9])
def test_bands_meet_along_the_s_curve(jaccard: float) -> None:
    draw, trials = random.Random(11), 400
    met = 0
    for seed in range(trials):
        one, other = sets_with(jaccard, 60, draw)
        met += bool((bands_of(one, 14, 8, seed) == bands_of(other, 14, 8, seed)).any())
    expected = meeting(jaccard, 14, 8)
    assert abs(met / trials - expected) <= 4 * math.sqrt(expected * (1 - expected) / trials) + 1 / trials


def test_bands_are_of_the_set_and_of_the_seed() -> None:
    bands = bands_of(np.array([3, 1, 2], np.uint64), 14, 8)
    assert bands.tolist() == bands_of(np.array([1, 2, 3, 3, 1], np.uint64), 14, 8).tolist()
    assert len(set(bands.tolist())) == 14
    assert not (bands == bands_of(np.array([3, 1, 2], np.uint64), 14, 8, 2)).any()


def test_bands_and_node_hashes_spread_over_all_bits() -> None:
    ids = pa.chunked_array([[f"{i:032x}" for i in range(500)]])
    for values in ([int(bands_of(np.array([i], np.uint64), 1, 8)[0]) for i in range(500)], node_hashes(ids).tolist()):
        ones: dict[int, int] = defaultdict(int)
        for value in values:
            for bit in range(64):
                ones[bit] += value >> bit & 1
        assert all(abs(n - 250) < 5 * math.sqrt(125) for n in ones.values())
        assert len(set(values)) == 500


def test_the_coefficients_never_change() -> None:
    """They are part of what a signature means: runs of different years must agree."""
    factors, summands = coefficients(2, 1)
    assert [f"{v:016x}" for v in (*factors.tolist(), *summands.tolist())] == PINNED


PINNED = ["8306bdf37922e4ff", "f35196bbc152a866", "24e7a4f608ec18cd", "f2dab0aed2ac6fd2"]


@pytest.mark.parametrize(("similarity", "shape"), [(0.8, (14, 8)), (0.75, (18, 6)), (0.5, (37, 3)), (0.95, (5, 19))])
def test_bands_and_rows_follow_from_a_similarity(similarity: float, shape: tuple[int, int]) -> None:
    bands, rows = derive(similarity)
    assert (bands, rows) == shape
    assert bands * rows <= 112
    assert meeting(similarity, bands, rows) >= 0.9 > meeting(similarity, 112 // (rows + 1), rows + 1)


@pytest.mark.parametrize("similarity", [0.0, 1.0, -1.0, 7.0])
def test_no_bands_for_what_is_no_similarity(similarity: float) -> None:
    with pytest.raises(ValueError, match=r"dedup\.similarity"):
        derive(similarity)


def test_node_hashes_differ_by_length_order_and_every_byte() -> None:
    names = [
        "",
        "\0",
        "\0\0",
        "a",
        "b",
        "ab",
        "ba",
        "aaaaaaaa",
        "aaaaaaaaa",
        "aaaaaaaab",
        "aaaaaaaabaaaaaaaa",
        "é",
        "a" * 32,
    ]
    whole = node_hashes(pa.chunked_array([names]))
    assert len(set(whole.tolist())) == len(names)
    assert node_hashes(pa.chunked_array([["x", *names]]).slice(1)).tolist() == whole.tolist()
    assert node_hashes(pa.chunked_array([], pa.string())).tolist() == []


EDGES = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), max_size=60)


def by_sets(edges: list[tuple[int, int]]) -> dict[int, int]:
    """Node -> root, by sets that grow: the root is the node with the smallest mixed hash."""
    group: dict[int, set[int]] = {}
    for a, b in edges:
        merged = group.setdefault(a, {a}) | group.setdefault(b, {b})
        for member in merged:
            group[member] = merged
    return {node: min(members, key=mix) for node, members in group.items()}


@UNTIMED
@given(EDGES)
def test_components_are_those_of_sets(edges: list[tuple[int, int]]) -> None:
    a, b = (np.array([edge[side] for edge in edges], np.uint64) for side in (0, 1))
    nodes, roots = kernels.components(a, b)
    assert dict(zip(nodes.tolist(), roots.tolist(), strict=True)) == by_sets(edges)
    assert len(nodes) == len(set(nodes.tolist()))


def test_components_follow_a_long_chain_in_the_worst_order() -> None:
    ends = np.arange(20_000, 0, -1).astype(np.uint64)
    nodes, roots = kernels.components(ends, ends - np.uint64(1))
    assert len(nodes) == 20_001
    assert set(roots.tolist()) == {min(range(20_001), key=mix)}


@UNTIMED
@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 9)), max_size=40))
def test_stars_join_what_shares_a_key_and_nothing_else(rows: list[tuple[int, int]]) -> None:
    rows.sort()
    keys, nodes = (np.array([row[side] for row in rows], np.uint64) for side in (0, 1))
    a, b = kernels.star_edges(keys, nodes)
    expected = by_sets([(x[1], y[1]) for x, y in pairwise(rows) if x[0] == y[0] and x[1] != y[1]])
    assert by_sets(list(zip(a.tolist(), b.tolist(), strict=True))) == expected
    assert len(a) <= sum(count - 1 for count in Counter(keys.tolist()).values())


def test_mixing_arrays_is_mixing_numbers() -> None:
    values = [0, 1, MASK, 12345]
    assert mixed(np.array(values, np.uint64)).tolist() == [mix(v) for v in values]


@pytest.mark.parametrize("jaccard", [0.3, 0.6, 0.95])
def test_sketches_tell_similarities_within_their_bound(jaccard: float) -> None:
    """`split_clusters` cuts where the estimate falls below its limit: half of the pairs are cut at their own similarity, few far from it."""
    draw, cut, spread = random.Random(5), Counter[float](), 4 * 0.06
    limits = [jaccard - spread, jaccard + spread]
    for seed in range(100):
        one, other = sets_with(jaccard, 200, draw)
        sketches = minhash([one.tolist(), other.tolist()], 1, 14, 8, seed)[1]
        for limit in limits:
            at = np.array([0, 28, 56], np.int64)
            seats = kernels.split_clusters(
                sketches.ravel(), at, np.array([1, 2], np.uint64), np.array([True, True]), np.zeros(2, np.int64), limit
            )
            cut[limit] += int(seats[1] != seats[0])
    assert cut[limits[0]] <= 2
    assert cut[limits[1]] >= 98
