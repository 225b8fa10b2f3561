"""grow(): boosted trees over the blocks of a page. ingest/blocks.py calls it."""

import numba
import numpy as np

from euro_curate.kernels.hashing import jit


@jit
def _child(features, columns, values, children, row, node):
    return np.int32(children[node, np.int64(features[row, columns[node]] > values[node])])


@numba.njit(
    "void(float32[:,::1], int16[::1], float32[::1], int16[:,::1], int32[::1], int32[::1], float32[::1])",
    cache=True,
    nogil=True,
)
def grow(features, columns, values, children, roots, depths, result):
    """`features` (n, columns) -> `result` (n), a probability for each block.

    Node i of a tree asks whether column columns[i] is at most values[i] and goes to children[i, 0], else to children[i, 1]; a leaf of values[i] goes
    to itself. Tree t begins at roots[t], and after depths[t] steps is at a leaf. Four blocks go down a tree side by side, each as many
    steps: the processor waits for four at once, and has no branch to guess wrong.
    """
    last = len(result) - 1
    for row in range(0, len(result), 4):
        second, third, fourth = min(row + 1, last), min(row + 2, last), min(row + 3, last)
        score_a = score_b = score_c = score_d = np.float32(0)
        for t in range(len(roots)):
            a = b = c = d = roots[t]
            for _ in range(depths[t]):
                a = _child(features, columns, values, children, row, a)
                b = _child(features, columns, values, children, second, b)
                c = _child(features, columns, values, children, third, c)
                d = _child(features, columns, values, children, fourth, d)
            score_a += values[a]
            score_b += values[b]
            score_c += values[c]
            score_d += values[d]
        # At the end the last block goes down more than once, with the same score.
        result[row], result[second], result[third], result[fourth] = score_a, score_b, score_c, score_d
    for row in range(len(result)):
        result[row] = np.float32(1) / (np.float32(1) + np.exp(-result[row]))
