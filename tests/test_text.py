"""text.py: words, folding, hashes, and the compiled kernels against plain Python."""

import math
import random
import unicodedata
from collections import Counter, defaultdict

import numpy as np
import pytest
from datatrove.pipeline.filters.gopher_repetition_filter import find_all_duplicate, find_top_duplicate, get_n_grams
from hypothesis import given, settings
from hypothesis import strategies as st

from euro_curate import kernels, text

UNTIMED = settings(deadline=None, derandomize=True, max_examples=200)  # the first call compiles
VOCABULARY = ["ab", "cde", "f", "ghij", "kl"]  # a prefix code: joined words are read back in one way only
SENTENCES = st.lists(st.sampled_from(VOCABULARY), max_size=60)


def arrays(tokens: list[str]) -> tuple[kernels.U64, kernels.I64]:
    return text.word_hashes(tokens), np.array([len(t) for t in tokens], np.int64)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("", []),
        ("... !!! — ", []),
        ("L-ittra ta' Ġorġ waslet fl-għassa.", ["L-ittra", "ta", "Ġorġ", "waslet", "fl-għassa"]),
        ("Aujourd’hui, l'été d'Anaïs", ["Aujourd’hui", "l'été", "d'Anaïs"]),
        ("an t-uisce, b'fhearr -- na héin", ["an", "t-uisce", "b'fhearr", "na", "héin"]),
        ("по-добре, най-сетне (5-годишен)", ["по-добре", "най-сетне", "5-годишен"]),
        ("'цитат' -тире-", ["цитат", "тире"]),
        ("въ\u0301лна", ["въ\u0301лна"]),  # a stressed vowel has no composed form: the mark stays in its word
        ("c\u030cas", ["c\u030cas"]),
        ("x²  y_1 2,5", ["x²", "y_1", "2", "5"]),
    ],
)
def test_words_keep_inner_joiners_and_marks(written: str, expected: list[str]) -> None:
    assert text.words(written) == expected


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ΟΔΟΣ", "οδος"),
        ("ὈΔΌΣ", "ὀδός"),
        ("STRASSE", "straße"),
        ("l’eau", "l'EAU"),
        ("c\u030cas", "ČAS"),
        ("İ", "i\u0307"),
    ],
)
def test_fold_makes_spellings_equal(one: str, other: str) -> None:
    assert text.fold(one) == text.fold(other)


@pytest.mark.parametrize(("one", "other"), [("č", "c"), ("ș", "s"), ("ı", "i"), ("ά", "α"), ("é", "e"), ("й", "и")])
def test_fold_keeps_diacritics(one: str, other: str) -> None:
    assert text.fold(one) != text.fold(other)


def test_folding_moves_no_word_border() -> None:
    assert text.words(text.fold("İstanbul Straße ΟΔΟΣ")) == ["i\u0307stanbul", "strasse", "οδοσ"]


@UNTIMED
@given(st.text(alphabet="aßİıΣςάΐčżőřęșțñø’ʼ'-ЙщъǆﬁÅ ", max_size=30))
def test_fold_is_idempotent_and_blind_to_composition(written: str) -> None:
    folded = text.fold(written)
    assert text.fold(folded) == folded
    assert text.fold(unicodedata.normalize("NFD", written)) == text.fold(unicodedata.normalize("NFC", written))


def test_lines_and_letters() -> None:
    assert text.lines(" a \n\n\t\nb\u2028c\n") == ["a", "b\u2028c"]
    assert [text.has_letter(w) for w in ("ŵ", "2a", "2-3", "_", "и\u0301")] == [True, True, False, False, True]


def test_exact_hash_depends_on_words_and_their_borders() -> None:
    digest = text.exact_hash(["ab", "c"])
    assert len(digest) == 16
    assert digest == text.exact_hash(text.words("ab,   c!"))
    assert len({digest, text.exact_hash(["a", "bc"]), text.exact_hash(["c", "ab"]), text.exact_hash(["abc"])}) == 4


def test_order_hash_is_uniform_and_seeded() -> None:
    orders = [text.order_hash(str(i), 1) / 2**64 for i in range(4000)]
    assert abs(sum(orders) / 4000 - 0.5) < 4 / math.sqrt(12 * 4000)
    assert text.order_hash("0", 1) != text.order_hash("0", 2)


@UNTIMED
@given(st.integers(0, 400), st.integers(1, 30), st.integers(1, 12))
def test_windows_reach_from_first_to_last_character(length: int, size: int, count: int) -> None:
    body = "".join(chr(0x100 + i) for i in range(length))
    found = list(text.windows(body, size, count))
    assert len(found) <= count
    if length <= size * count:
        assert "".join(found) == body
    else:
        assert len(found) == count
        assert all(len(w) == size for w in found)
        starts = [body.index(w) for w in found]
        assert starts[0] == 0
        assert count == 1 or starts[-1] == length - size
        steps = [b - a for a, b in zip(starts, starts[1:], strict=False)]
        assert not steps or (max(steps) - min(steps) <= 1 and min(steps) >= size)


def test_windows_end_at_the_last_character_whatever_the_rounding() -> None:
    assert all([*text.windows("x" * n + "y", 1, c)][-1] == "y" for c in range(2, 60) for n in range(c, c + 300))


# --- kernels -----------------------------------------------------------------------------------------------------------------


@UNTIMED
@given(SENTENCES, st.integers(1, 6))
def test_shingles_are_equal_exactly_when_runs_are(tokens: list[str], n: int) -> None:
    grams = kernels.shingles(text.word_hashes(tokens), n)
    runs = [tuple(tokens[i : i + n]) for i in range(len(tokens) - n + 1)]
    assert len(grams) == len(runs)
    assert len(set(grams.tolist())) == len(set(runs))
    assert len(set(zip(grams.tolist(), runs, strict=True))) == len(set(runs))


def test_shingles_follow_splitmix64() -> None:
    mask = (1 << 64) - 1

    def mix(x: int) -> int:
        x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & mask
        x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & mask
        return x ^ (x >> 31)

    hashes = [0, mask, 12345, 1 << 63]
    expected = []
    for i in range(2):
        h = 3
        for j in range(3):
            h = mix((h * 0x9E3779B97F4A7C15 + hashes[i + j]) & mask)
        expected.append(h)
    assert kernels.shingles(np.array(hashes, np.uint64), 3).tolist() == expected


def naive_top(tokens: list[str], n: int) -> int:
    grams = Counter(tuple(tokens[i : i + n]) for i in range(len(tokens) - n + 1))
    best = max(grams, key=grams.__getitem__, default=None)  # the earliest of equals
    return len(" ".join(best)) * grams[best] if best else 0


def naive_duplicates(tokens: list[str], n: int) -> int:
    seen, total, i = set(), 0, 0
    while i + n <= len(tokens):
        gram = tuple(tokens[i : i + n])
        if gram in seen:
            total += sum(map(len, gram))
            i += n
        else:
            seen.add(gram)
            i += 1
    return total


@UNTIMED
@given(SENTENCES, st.integers(1, 10))
def test_repetition_kernels_equal_the_naive_ones_and_datatrove(tokens: list[str], n: int) -> None:
    hashes, lengths = arrays(tokens)
    top, duplicates = kernels.repeated_chars(hashes, lengths, n)[0], kernels.repeated_chars(hashes, lengths, n)[1]
    assert (top, duplicates) == (naive_top(tokens, n), naive_duplicates(tokens, n))
    assert duplicates == find_all_duplicate(tokens, n)
    if grams := get_n_grams(tokens, n):
        assert top == find_top_duplicate(grams)


def test_repetition_kernels_by_hand() -> None:
    hashes, lengths = arrays(["to", "be", "or", "not", "to", "be"])
    assert kernels.repeated_chars(hashes, lengths, 2)[0] == 2 * len("to be")
    assert kernels.repeated_chars(hashes, lengths, 2)[1] == len("tobe")
    assert kernels.repeated_chars(hashes, lengths, 7)[0] == kernels.repeated_chars(hashes, lengths, 7)[1] == 0


EDGES = st.integers(1, 40).flatmap(
    lambda n: st.tuples(st.just(n), st.lists(st.tuples(*[st.integers(0, n - 1)] * 2), max_size=60))
)


@UNTIMED
@given(EDGES)
def test_connected_equals_a_dictionary_union_find(case: tuple[int, list[tuple[int, int]]]) -> None:
    nodes, edges = case
    group = {i: {i} for i in range(nodes)}
    for a, b in edges:
        merged = group[a] | group[b]
        for member in merged:
            group[member] = merged
    left, right = (np.array([edge[side] for edge in edges], np.int64) for side in (0, 1))
    assert kernels.connected(nodes, left, right).tolist() == [min(group[i]) for i in range(nodes)]


def test_connected_follows_a_long_chain_in_the_worst_order() -> None:
    ends = np.arange(20_000, 0, -1)
    assert not kernels.connected(20_001, ends, ends - 1).any()


def sets_with(jaccard: float, union: int, draw: random.Random) -> tuple[kernels.U64, kernels.U64]:
    """Two sets of random hashes whose Jaccard similarity is `jaccard`, exactly."""
    every = np.array([draw.getrandbits(64) for _ in range(union)], np.uint64)
    shared = round(jaccard * union)
    half = shared + (union - shared) // 2
    return every[:half], np.concatenate([every[:shared], every[half:]])


@pytest.mark.parametrize("jaccard", [0.0, 0.1, 0.5, 0.8, 0.95, 1.0])
def test_share_of_equal_minima_estimates_jaccard_within_its_binomial_bound(jaccard: float) -> None:
    one, other = sets_with(jaccard, 400, random.Random(7))
    n = 4000
    equal = kernels.minhash_bands(one, n, 1, 1) == kernels.minhash_bands(other, n, 1, 1)
    assert abs(equal.mean() - jaccard) <= 4 * math.sqrt(jaccard * (1 - jaccard) / n)


@pytest.mark.parametrize("jaccard", [0.5, 0.8, 0.9])
def test_bands_meet_along_the_s_curve(jaccard: float) -> None:
    draw, trials = random.Random(11), 400
    met = 0
    for seed in range(trials):
        one, other = sets_with(jaccard, 60, draw)
        met += bool((kernels.minhash_bands(one, 14, 8, seed) == kernels.minhash_bands(other, 14, 8, seed)).any())
    expected = 1 - (1 - jaccard**8) ** 14
    assert abs(met / trials - expected) <= 4 * math.sqrt(expected * (1 - expected) / trials) + 1 / trials


def test_bands_are_of_the_set_and_of_the_seed() -> None:
    grams = np.array([3, 1, 2], np.uint64)
    bands = kernels.minhash_bands(grams, 14, 8, 1)
    assert bands.tolist() == kernels.minhash_bands(np.array([1, 2, 3, 3, 1], np.uint64), 14, 8, 1).tolist()
    assert len(set(bands.tolist())) == 14
    assert not (bands == kernels.minhash_bands(grams, 14, 8, 2)).any()


def test_bands_spread_over_all_bits() -> None:
    ones: dict[int, int] = defaultdict(int)
    for i in range(500):
        value = int(kernels.minhash_bands(np.array([i], np.uint64), 1, 8, 1)[0])
        for bit in range(64):
            ones[bit] += value >> bit & 1
    assert all(abs(n - 250) < 5 * math.sqrt(125) for n in ones.values())


def test_utf8_replaces_lone_surrogates_only() -> None:
    assert text.utf8(["plain", "żółć 🙂", "a\ud800b"]) == ["plain", "żółć 🙂", "a?b"]
