"""grow(): boosted trees over the blocks of a page. ingest/blocks.py calls it."""

import numba
import numpy as np


@numba.njit(
    "void(float32[:,::1], int16[::1], float32[::1], int16[:,::1], int32[::1], float32[::1])", cache=True, nogil=True
)
def grow(features, columns, values, children, roots, result):
    """`features` (n, columns) -> `result` (n), a probability for each block.

    Node i of a tree asks whether column columns[i] is at most values[i] and goes to children[i, 0], else to children[i, 1]; where columns[i] is
    -1 it is a leaf of values[i]. Each tree begins at roots[t].
    """
    for row in range(len(result)):
        score = np.float32(0)
        for node in roots:
            while columns[node] >= 0:
                node = np.int32(children[node, 0 if features[row, columns[node]] <= values[node] else 1])
            score += values[node]
        result[row] = np.float32(1) / (np.float32(1) + np.exp(-score))
