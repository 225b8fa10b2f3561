"""What is known of each block of a page: the columns by which ingest/blocks.py judges whether it is main text.

Nothing looks at words: places, lengths, links, punctuation, tags, and groups of class names count, so that one model serves every language.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from euro_curate.kernels import pages as k

_PROSE_CHARS, _PROSE_LINKED = 80, 3  # a block of prose: at least so long, and less than a third of it links
_GROUPS = 34
_LEVELS = 4  # elements around a block that are looked at
_NEAR = (-3, -2, -1, 1, 2, 3)
DESCRIBED = 99 + 2 * _GROUPS
SMOOTHED = 20


def _shares(part: Any, whole: Any) -> Any:
    """part / whole, 0 where there is no whole."""
    return np.where(whole > 0, part / np.maximum(whole, 1), 0)


def _sums(values: Any) -> Any:
    """(n + 1) sums of the values before each place."""
    return np.concatenate(([0], np.cumsum(values)))


def _shifted(values: Any, by: int, outside: Any) -> Any:
    """The value `by` places further on, `outside` beyond the ends."""
    moved = np.full(len(values), outside, values.dtype)
    if abs(by) < len(values):
        if by > 0:
            moved[:-by] = values[by:]
        else:
            moved[-by:] = values[:by]
    return moved


class Surroundings:
    """The elements, sites and prose around a page's blocks."""

    def __init__(self, nodes: Any, blocks: Any) -> None:
        self.n = len(blocks)
        self.nodes, self.blocks = nodes, blocks
        self.chars = blocks[:, k.B_CHARS]
        self.linked = blocks[:, k.B_LINKED]
        self.prose = np.where((self.chars >= _PROSE_CHARS) & (self.linked * _PROSE_LINKED < self.chars), self.chars, 0)
        self.first, self.last = nodes[:, k.N_FIRST], nodes[:, k.N_LAST]
        self.node = blocks[:, k.B_NODE]
        self.parents = np.maximum(nodes[:, k.N_PARENT], 0)
        looks = nodes[:, k.N_LOOK]
        with np.errstate(over="ignore"):
            _, self.look = np.unique(looks[self.node] * 31 + looks[self.parents[self.node]], return_inverse=True)
        self._core()

    def within(self, values: Any) -> Any:
        """Sums of the blocks' values over the content of each element."""
        sums = _sums(values)
        return sums[self.last] - sums[self.first]

    def alike(self, values: Any) -> Any:
        """Sums over all blocks that look the same, for each block."""
        return np.bincount(self.look, weights=values)[self.look]

    def levels(self) -> Iterator[Any]:
        """The element of each block, the one around it, and so on."""
        above = self.node
        for _ in range(_LEVELS):
            yield above
            above = self.parents[above]

    def _core(self) -> None:
        """The way from the root to the smallest element with more than half of the prose, and where each block leaves it."""
        prose = self.within(self.prose)
        total = int(prose[0])
        self.core = self.wide = 0
        self.join = np.zeros(self.n, np.int64)
        inner = np.flatnonzero(prose * 2 > total)  # nested in each other, outermost first
        for node in inner[inner > 0].tolist():
            self.core = node
            self.join[self.first[node] : self.last[node]] = node
            if prose[node] * 10 >= total * 9:
                self.wide = node


def describe(page: bytes, title: tuple[int, int], text: bytes, kinds: Any, around: Surroundings) -> Any:
    """(DESCRIBED, n): a column for each block, float32. `kinds` gives the kind of each tag; headings are 1 to 6."""
    nodes, blocks, n = around.nodes, around.blocks, around.n
    chars, linked, prose, node, look = around.chars, around.linked, around.prose, around.node, around.look
    words, stops = blocks[:, k.B_WORDS], blocks[:, k.B_STOPS]
    place = np.arange(n)
    total, good = int(chars.sum()), int(prose.sum())
    kind = kinds[nodes[:, k.N_TAG]]
    own_kind = kind[node]
    depth = nodes[:, k.N_DEPTH]
    _, same, copies = np.unique(blocks[:, k.B_HASH], return_inverse=True, return_counts=True)
    join, core, wide = around.join, around.core, around.wide
    content, furniture = nodes[node, k.N_CONTENT], nodes[node, k.N_FURNITURE]
    prose_within, chars_within = around.within(prose), around.within(chars)
    linked_within = around.within(linked)
    held = around.last - around.first
    alike = around.alike(np.ones(n)), around.alike(chars), around.alike(linked), around.alike(prose)
    # the block
    columns = [
        chars, words, _shares(linked, chars), blocks[:, k.B_LINKS], stops, _shares(stops, words), _shares(blocks[:, k.B_COMMAS], words),
        _shares(blocks[:, k.B_DIGITS], chars), _shares(blocks[:, k.B_UPPER], chars), _shares(chars, words), blocks[:, k.B_ENDS],
        blocks[:, k.B_CELL], own_kind, copies[same],
        # its place
        depth[node], place / n, (np.cumsum(chars) - chars) / total, (np.cumsum(prose) - prose) / max(1, good),
        _since(own_kind == 1, place), _since(_title_at(page, title, text, blocks, n), place), np.minimum(place, 1000), np.minimum(n - place, 1000),
        # the page
        total, linked.sum() / total, good / total, n, total / n, stops.sum() / words.sum(),
        # the way to most of the prose
        prose_within[join] / max(1, good), depth[core] - depth[join], depth[node] - depth[join], join == core, depth[join] >= depth[wide],
        chars_within[core] / total, np.where(content, depth[node] - content, 99), np.where(furniture, depth[node] - furniture, 99),
        content - furniture,
        # blocks that look the same
        alike[0], alike[1] / total, _shares(alike[2], alike[1]), alike[1] / alike[0], alike[3] / max(1, good),
    ]  # fmt: skip
    for above in around.levels():
        columns += [
            chars_within[above] / total,
            _shares(linked_within[above], chars_within[above]),
            _shares(prose_within[above], chars_within[above]),
            held[above],
            _shares(chars_within[above], held[above]),
            kind[above],
        ]
    link_share, parent = _shares(linked, chars), nodes[node, k.N_PARENT]
    for by in _NEAR:
        columns += [
            _shifted(chars, by, -1),
            _shifted(link_share, by, 0),
            _shifted(own_kind, by, 0),
            _shifted(look, by, -1) == look,
            _shifted(parent, by, -9) == parent,
        ]
    sums = _sums(prose)
    columns += [sums[place] - sums[np.maximum(place - 10, 0)], sums[np.minimum(place + 11, n)] - sums[place + 1]]
    heading = np.maximum.accumulate(np.where((own_kind >= 1) & (own_kind <= 6), place, -1))
    heading = np.concatenate(([-1], heading[:-1]))
    columns.append(np.where(heading >= 0, place - heading, 999))
    f = np.empty((DESCRIBED, n), np.float32)
    for row, column in zip(f, columns):
        row[:] = column
    every = nodes[node, k.N_ALL]
    own = nodes[node, k.N_OWN] | nodes[around.parents[node], k.N_OWN] | blocks[:, k.B_INLINE] << 16
    bits = np.arange(_GROUPS)[:, None]
    f[99::2] = every >> bits & 1
    f[100::2] = own >> bits & 1
    return f


def _since(marks: Any, place: Any) -> Any:
    """Places behind the first mark; -999 without one."""
    first = int(np.argmax(marks)) if np.any(marks) else -1
    return place - first if first >= 0 else np.full(len(place), -999)


def _title_at(page: bytes, title: tuple[int, int], text: bytes, blocks: Any, n: int) -> Any:
    """The first block of 8 characters or more that stands in the page's title as it is."""
    marks = np.zeros(n, bool)
    wanted = page[title[0] : title[1]] if title[1] - title[0] <= 2000 else b""
    if wanted:
        sizes = blocks[:, k.B_END] - blocks[:, k.B_START]
        for b in np.flatnonzero((blocks[:, k.B_CHARS] >= 8) & (sizes <= min(400, len(wanted)))).tolist():
            if text[blocks[b, k.B_START] : blocks[b, k.B_END]] in wanted:
                marks[b] = True
                break
    return marks


def smooth(around: Surroundings, first: Any) -> Any:
    """(SMOOTHED, n): what the first probabilities of a block, its neighbours, surroundings and likes say."""
    chars, n = around.chars, around.n
    first = first.astype(np.float64)
    place = np.arange(n)
    weight = first * chars
    within, sums, lengths = around.within(weight), _sums(weight), _sums(chars)
    held = np.maximum(around.within(chars), 1)
    total = max(float(weight.sum()), 1e-9)
    f = np.empty((SMOOTHED, n), np.float32)
    f[0] = first
    for j in range(3):
        f[1 + 2 * j] = _shifted(first, -1 - j, -1)
        f[2 + 2 * j] = _shifted(first, 1 + j, -1)
    for column, reach in ((7, 5), (8, 15)):
        low, high = np.maximum(place - reach, 0), np.minimum(place + reach + 1, n)
        f[column] = _shares(sums[high] - sums[low] - weight, lengths[high] - lengths[low] - chars)
    for j, above in zip(range(3), around.levels()):
        f[9 + j] = within[above] / held[above]
    f[12] = around.alike(weight) / around.alike(chars)
    f[13] = total / chars.sum()
    f[14] = total
    f[15] = first.max()
    likely = first > 0.5
    last = np.maximum.accumulate(np.where(likely, place, -99))
    f[16] = np.minimum(place - np.concatenate(([-99], last[:-1])), 99)
    following = np.minimum.accumulate(np.where(likely, place, n)[::-1])[::-1]
    f[17] = np.minimum(np.concatenate((following[1:], [n])) - place, 99)
    f[18] = (np.cumsum(weight) - weight) / total
    f[19] = within[around.join] / total
    return f
