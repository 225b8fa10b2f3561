"""sign(): what two texts are compared by. A hash of all words, MinHash bands over the shingles, a hash of the address.

MinHash: 5-word shingles, 14 bands of 8 rows, as FineWeb-2 (arXiv 2506.20920): a pair of Jaccard similarity 0.75 / 0.8 / 0.85
meets with probability 0.77 / 0.92 / 0.99. Words are casefolded and keep their diacritics.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from euro_curate import kernels, text
from euro_curate.dedup.urls import url_hashes
from euro_curate.schema import SIGNATURES
from euro_curate.stage import stage

MINIMA = 112  # what bands and rows are derived within: FineWeb-2's number
FOUND = 0.9  # share of the pairs of the wanted similarity that derived bands and rows let meet


@dataclass(frozen=True)
class MinHash:
    """Parameters of `sign`. Signatures made with other ones cannot be compared."""

    shingle_words: int = 5
    bands: int = 14  # more = more pairs meet
    rows: int = 8  # minima per band; more = stricter
    sketch: bool = True  # keep two bits of each minimum too, by which `elect` estimates similarities
    seed: int = 1

    def __post_init__(self) -> None:
        if min(self.shingle_words, self.bands, self.rows) < 1:
            raise ValueError("dedup: shingle_words, bands and rows must be at least 1")


def meeting(similarity: float, bands: int, rows: int) -> float:
    """Probability that a pair of that Jaccard similarity shares a band."""
    return float(1 - (1 - similarity**rows) ** bands)


def derive(similarity: float) -> tuple[int, int]:
    """(bands, rows): the strictest of at most MINIMA minima with which nine of ten pairs of that similarity meet. ValueError outside 0..1."""
    if not 0 < similarity < 1:
        raise ValueError(f"dedup.similarity must be between 0 and 1, not {similarity}")
    shapes = [(MINIMA // rows, rows) for rows in range(MINIMA, 0, -1)]
    return next((shape for shape in shapes if meeting(similarity, *shape) >= FOUND), (MINIMA, 1))


def coefficients(count: int, seed: int) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint64]]:
    """Factors and summands of so many hash functions: random 64-bit numbers, the same for a seed on every machine."""
    drawn = np.random.PCG64(seed).random_raw(2 * count)  # the raw stream never changes between versions of numpy
    return drawn[:count].copy(), drawn[count:].copy()


@stage(out=SIGNATURES, version=4)
def sign(documents: pa.Table, params: MinHash) -> pa.Table:
    """DOCUMENTS (n) -> SIGNATURES (n). Texts without words get nulls; texts shorter than one shingle get an exact hash only."""
    count = params.bands * params.rows
    factors, summands = coefficients(count, params.seed)
    exact: list[bytes | None] = []
    bands = np.zeros((documents.num_rows, params.bands), np.uint64)
    sketches = np.zeros((documents.num_rows, -(-count // 4) if params.sketch else 0), np.uint8)
    signed = np.zeros(documents.num_rows, np.bool_)
    for found in text.scans(documents["text"]):
        mine = slice(len(exact), len(exact) + len(found.word_at) - 1)
        kernels.minhash(
            found.words,
            found.word_at,
            params.shingle_words,
            params.rows,
            factors,
            summands,
            bands[mine],
            sketches[mine],
            signed[mine],
        )
        places = pairwise(found.word_at.tolist())
        exact += [text.exact_hash(found.words[low:high]) if high > low else None for low, high in places]
    columns = {
        "id": documents["id"],
        "exact": pa.array(exact, pa.binary(16)),
        "bands": _rows(bands, signed),
        "sketch": pa.array(
            [
                row.tobytes() if is_signed and params.sketch else None
                for row, is_signed in zip(sketches, signed, strict=True)
            ],
            pa.binary(),
        ),
        "url_hash": url_hashes(documents),
    }
    return pa.table([columns[name] for name in SIGNATURES.names], schema=SIGNATURES)


def _rows(values: npt.NDArray[np.uint64], valid: npt.NDArray[np.bool_]) -> pa.Array:
    """(n, k) -> a list column of n; null where not valid."""
    ends = np.concatenate([[0], np.cumsum(valid * values.shape[1])]).astype(np.int32)
    offsets = pa.array(ends, mask=np.concatenate([~valid, [False]]))
    return pa.ListArray.from_arrays(offsets, pa.array(values[valid].ravel(), pa.uint64()))
