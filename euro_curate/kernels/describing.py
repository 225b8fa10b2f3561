"""describe() and smooth(): what is known of each block of a page, the columns by which ingest/blocks.py judges whether it is main text.

Nothing looks at words: places, lengths, links, punctuation, tags, and groups of class names count, so that one model serves every language.
`nodes` and `blocks` are scan()'s (kernels/pages.py); `features` has a row for each block, DESCRIBED columns by describe() and SMOOTHED by smooth().
"""

import numba
import numpy as np

from euro_curate.kernels.hashing import jit, mix, slots_for
from euro_curate.kernels.pages import (
    B_CELL,
    B_CHARS,
    B_COMMAS,
    B_DIGITS,
    B_ENDS,
    B_HASH,
    B_INLINE,
    B_LINKED,
    B_LINKS,
    B_NODE,
    B_STOPS,
    B_UPPER,
    B_WORDS,
    N_ALL,
    N_CONTENT,
    N_DEPTH,
    N_FIRST,
    N_FURNITURE,
    N_LAST,
    N_LOOK,
    N_OWN,
    N_PARENT,
    N_TAG,
)

GROUPS = 34  # of tags and class names: a bit each
_PLAIN = 99  # columns that are no bits
DESCRIBED, SMOOTHED = _PLAIN + 2 * GROUPS, 20
_PROSE_CHARS, _PROSE_LINKED = 80, 3  # a block of prose: at least so long, and less than a third of it links
_LEVELS = 4  # elements around a block that are looked at
_REACH = 3  # blocks before and behind it


@jit
def _share(part, whole):
    """part / whole, 0 where there is no whole."""
    return part / whole if whole > 0 else 0.0


@jit
def _numbered(values, numbers):
    """Numbers the values from 0 on, equal ones alike; returns how many different ones there are."""
    slots = slots_for(len(values))
    places = np.full(slots, -1, np.int64)
    count = 0
    for i in range(len(values)):
        slot = np.int64(mix(np.uint64(values[i])) & np.uint64(slots - 1))
        while places[slot] >= 0 and values[places[slot]] != values[i]:
            slot = (slot + 1) & (slots - 1)
        if places[slot] < 0:
            places[slot] = i
            numbers[i] = count
            count += 1
        else:
            numbers[i] = numbers[places[slot]]
    return count


@jit
def _above(nodes, node):
    """The element around an element; the root is its own."""
    return max(nodes[node, N_PARENT], 0)


@jit
def _held(nodes, sums, node):
    """What the blocks of an element's content add up to; `sums` are those of all blocks before each place."""
    return sums[nodes[node, N_LAST]] - sums[nodes[node, N_FIRST]]


@numba.njit(
    "void(int64[:,::1], int64[:,::1], int64[::1], int64, float32[:,::1], int64[::1], int64[::1])",
    cache=True,
    nogil=True,
)
def describe(nodes, blocks, kinds, title, features, looks, joins):
    """`kinds` gives the kind of each tag, 1 to 6 are headings; `title` is the block that repeats the page's title, or -1.

    Fills `features`, and for smooth() the number of each block's look and the element where the way to it leaves the way to most of the prose.
    """
    n = len(blocks)
    prose = np.zeros(n, np.int64)
    chars_to, linked_to, prose_to = np.zeros(n + 1, np.int64), np.zeros(n + 1, np.int64), np.zeros(n + 1, np.int64)
    words = stops = 0
    heading = -1  # the first one of the highest kind
    keys = np.empty(n, np.int64)
    for i in range(n):
        chars, linked, node = blocks[i, B_CHARS], blocks[i, B_LINKED], blocks[i, B_NODE]
        prose[i] = chars if chars >= _PROSE_CHARS and linked * _PROSE_LINKED < chars else 0
        chars_to[i + 1], linked_to[i + 1], prose_to[i + 1] = (
            chars_to[i] + chars,
            linked_to[i] + linked,
            prose_to[i] + prose[i],
        )
        words += blocks[i, B_WORDS]
        stops += blocks[i, B_STOPS]
        if heading < 0 and kinds[nodes[node, N_TAG]] == 1:
            heading = i
        keys[i] = nodes[node, N_LOOK] * 31 + nodes[_above(nodes, node), N_LOOK]
    total, total_linked, good = chars_to[n], linked_to[n], prose_to[n]
    most = max(1, good)

    # Blocks that look the same, and blocks of the same text.
    kinds_of_look = _numbered(keys, looks)
    alike = np.zeros((kinds_of_look, 4), np.int64)
    for i in range(n):
        look = looks[i]
        alike[look, 0] += 1
        alike[look, 1] += blocks[i, B_CHARS]
        alike[look, 2] += blocks[i, B_LINKED]
        alike[look, 3] += prose[i]
        keys[i] = blocks[i, B_HASH]
    texts = np.empty(n, np.int64)
    copies = np.zeros(_numbered(keys, texts), np.int64)
    for i in range(n):
        copies[texts[i]] += 1

    # The way from the root to the smallest element with more than half of the prose, and where each block leaves it.
    core = wide = 0
    joins[:] = 0
    for node in range(1, len(nodes)):
        inside = _held(nodes, prose_to, node)
        if inside * 2 > good:
            core = node
            joins[nodes[node, N_FIRST] : nodes[node, N_LAST]] = node
            if inside * 10 >= good * 9:
                wide = node
    core_depth, wide_depth, core_chars = nodes[core, N_DEPTH], nodes[wide, N_DEPTH], _held(nodes, chars_to, core)

    last_heading = -1
    for i in range(n):
        f = features[i]
        chars, linked, node, join = blocks[i, B_CHARS], blocks[i, B_LINKED], blocks[i, B_NODE], joins[i]
        kind, depth, join_depth = kinds[nodes[node, N_TAG]], nodes[node, N_DEPTH], nodes[join, N_DEPTH]
        content, furniture, look = nodes[node, N_CONTENT], nodes[node, N_FURNITURE], looks[i]
        # the block
        f[0], f[1], f[2], f[3] = chars, blocks[i, B_WORDS], _share(linked, chars), blocks[i, B_LINKS]
        f[4], f[5] = blocks[i, B_STOPS], _share(blocks[i, B_STOPS], blocks[i, B_WORDS])
        f[6], f[7] = _share(blocks[i, B_COMMAS], blocks[i, B_WORDS]), _share(blocks[i, B_DIGITS], chars)
        f[8], f[9] = _share(blocks[i, B_UPPER], chars), _share(chars, blocks[i, B_WORDS])
        f[10], f[11], f[12], f[13] = blocks[i, B_ENDS], blocks[i, B_CELL], kind, copies[texts[i]]
        # its place
        f[14], f[15], f[16], f[17] = depth, i / n, _share(chars_to[i], total), prose_to[i] / most
        f[18] = i - heading if heading >= 0 else -999
        f[19] = i - title if title >= 0 else -999
        f[20], f[21] = min(i, 1000), min(n - i, 1000)
        # the page
        f[22], f[23], f[24], f[25] = total, _share(total_linked, total), _share(good, total), n
        f[26], f[27] = total / n, _share(stops, words)
        # the way to most of the prose
        f[28], f[29], f[30] = _held(nodes, prose_to, join) / most, core_depth - join_depth, depth - join_depth
        f[31], f[32], f[33] = join == core, join_depth >= wide_depth, _share(core_chars, total)
        f[34], f[35] = depth - content if content else 99, depth - furniture if furniture else 99
        f[36] = content - furniture
        # blocks that look the same
        f[37], f[38], f[39] = alike[look, 0], _share(alike[look, 1], total), _share(alike[look, 2], alike[look, 1])
        f[40], f[41] = alike[look, 1] / alike[look, 0], alike[look, 3] / most
        # the elements around it
        at, above = 42, node
        for _ in range(_LEVELS):
            held, blocks_held = _held(nodes, chars_to, above), nodes[above, N_LAST] - nodes[above, N_FIRST]
            f[at], f[at + 1] = _share(held, total), _share(_held(nodes, linked_to, above), held)
            f[at + 2], f[at + 3] = _share(_held(nodes, prose_to, above), held), blocks_held
            f[at + 4], f[at + 5] = _share(held, blocks_held), kinds[nodes[above, N_TAG]]
            at += 6
            above = _above(nodes, above)
        # its neighbours
        for by in range(-_REACH, _REACH + 1):
            if by == 0:
                continue
            j = i + by
            if 0 <= j < n:
                beside = blocks[j, B_NODE]
                f[at], f[at + 1] = blocks[j, B_CHARS], _share(blocks[j, B_LINKED], blocks[j, B_CHARS])
                f[at + 2], f[at + 3] = kinds[nodes[beside, N_TAG]], looks[j] == look
                f[at + 4] = nodes[beside, N_PARENT] == nodes[node, N_PARENT]
            else:
                f[at], f[at + 1], f[at + 2], f[at + 3], f[at + 4] = -1, 0, 0, 0, 0
            at += 5
        f[96] = prose_to[i] - prose_to[max(i - 10, 0)]
        f[97] = prose_to[min(i + 11, n)] - prose_to[i + 1]
        f[98] = i - last_heading if last_heading >= 0 else 999
        if 1 <= kind <= 6:
            last_heading = i
        every = nodes[node, N_ALL]
        own = nodes[node, N_OWN] | nodes[_above(nodes, node), N_OWN] | blocks[i, B_INLINE] << 16
        for group in range(GROUPS):
            f[_PLAIN + 2 * group], f[_PLAIN + 1 + 2 * group] = every >> group & 1, own >> group & 1


@numba.njit(
    "void(int64[:,::1], int64[:,::1], int64[::1], int64[::1], float32[::1], float32[:,::1])", cache=True, nogil=True
)
def smooth(nodes, blocks, looks, joins, first, features):
    """What the first probabilities of a block, its neighbours, surroundings and likes say: fills the last columns of `features`."""
    n = len(blocks)
    weight_to, chars_to = np.zeros(n + 1), np.zeros(n + 1, np.int64)
    alike = np.zeros((n, 2))
    highest = 0.0
    following = np.empty(n, np.int64)  # the next block that is likely main text
    for i in range(n):
        chars = blocks[i, B_CHARS]
        weight_to[i + 1], chars_to[i + 1] = weight_to[i] + first[i] * float(chars), chars_to[i] + chars
        alike[looks[i], 0] += first[i] * float(chars)
        alike[looks[i], 1] += chars
        highest = max(highest, first[i])
    after = n
    for i in range(n - 1, -1, -1):
        following[i] = after
        if first[i] > 0.5:
            after = i
    total = max(weight_to[n], 1e-9)
    before = -99
    for i in range(n):
        f = features[i, DESCRIBED:]
        chars, weight = blocks[i, B_CHARS], first[i] * float(blocks[i, B_CHARS])
        f[0] = first[i]
        for j in range(3):
            f[1 + 2 * j] = first[i - 1 - j] if i > j else -1
            f[2 + 2 * j] = first[i + 1 + j] if i + 1 + j < n else -1
        for column, reach in ((7, 5), (8, 15)):
            low, high = max(i - reach, 0), min(i + reach + 1, n)
            f[column] = _share(weight_to[high] - weight_to[low] - weight, chars_to[high] - chars_to[low] - chars)
        above = blocks[i, B_NODE]
        for j in range(3):
            f[9 + j] = _held(nodes, weight_to, above) / max(_held(nodes, chars_to, above), 1)
            above = _above(nodes, above)
        f[12], f[13] = _share(alike[looks[i], 0], alike[looks[i], 1]), _share(total, chars_to[n])
        f[14], f[15] = total, highest
        f[16], f[17] = min(i - before, 99), min(following[i] - i, 99)
        f[18], f[19] = weight_to[i] / total, _held(nodes, weight_to, joins[i]) / total
        if first[i] > 0.5:
            before = i
