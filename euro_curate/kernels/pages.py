"""scan(): one pass over a page's HTML that finds its elements and blocks of text. ingest/blocks.py calls it and says what they are.

No tree is built: elements are rows of a table that name their parent, inline elements leave no trace, and the cost is linear in the page's
bytes. Tags are closed as the HTML standard has it where that matters for text (`p`, list items, table cells); depth is bounded.
"""

import numba
import numpy as np

from euro_curate.kernels.hashing import EMPTY, jit, mix, step
from euro_curate.kernels.markup import (
    AMP,
    APOSTROPHE,
    BANG,
    BLANK,
    DASH,
    GT,
    HASH,
    HEAD,
    LETTER,
    LOWER,
    LT,
    NAME,
    NEWLINE,
    QUERY,
    QUOTE,
    SEMICOLON,
    SLASH,
    SORT,
    SPACE,
    look_up,
    name_key,
    read_attributes,
)

# What a tag is; `tags` gives it for each tag's key.
INLINE, VOID, RAW, SILENT, BLOCK, CELL, BREAK, RULE = 0, 1, 2, 3, 4, 5, 6, 7

# Columns of `nodes`: an element's blocks are those from N_FIRST up to N_LAST.
N_PARENT, N_TAG, N_DEPTH, N_OWN, N_ALL, N_LOOK, N_CONTENT, N_FURNITURE, N_FIRST, N_LAST = range(10)
NODE_COLUMNS = 10
# Columns of `blocks`.
(
    B_START,
    B_END,
    B_NODE,
    B_CHARS,
    B_LINKED,
    B_WORDS,
    B_LINKS,
    B_STOPS,
    B_COMMAS,
    B_DIGITS,
    B_UPPER,
    B_CELL,
    B_INLINE,
    B_ENDS,
    B_HASH,
    B_JOINED,
) = range(16)
BLOCK_COLUMNS = 16

MAX_DEPTH = 250
# Bits of elements that look like content and like furniture; those of groups of words begin at 16.
CONTENT = (1 << 1) | (1 << 2) | (1 << 16)
FURNITURE = (1 << 3) | (1 << 4) | (1 << 5) | (1 << 6) | (0x3FF << 17)


@jit
def close_elements(stack, depth, level, nodes, is_open, tag_facts, modes, n):
    """Closes the open elements from the innermost to that of `level`. Returns the depth that is left."""
    while depth >= level:
        node = stack[depth]
        tag = nodes[node, N_TAG]
        is_open[tag] -= 1
        modes[0] -= tag_facts[tag, 2] == 2
        modes[1] -= tag_facts[tag, 0] == SILENT
        nodes[node, N_LAST] = n
        depth -= 1
    return depth


@jit
def close_block(data, out, blocks, n, used):
    """Ends the block that is open, if any: returns (blocks, bytes used). A block without letters or digits is none."""
    start = blocks[n, B_START]
    if start < 0:
        return n, used
    while used > start and SORT[out[used - 1]] & SPACE:
        used -= 1
    if used == start:
        blocks[n, B_START] = -1
        return n, used
    blocks[n, B_END] = used
    last = out[used - 1]
    if last == QUOTE or last == APOSTROPHE or last == 41 or last == 93:  # closers
        last = out[used - 2] if used - 2 >= start else last
    blocks[n, B_ENDS] = (
        last == 46
        or last == 33
        or last == 63
        or last == 59
        or last == 58
        or (used - 3 >= start and out[used - 3] == 0xE2 and out[used - 2] == 0x80)
    )
    if last == 58:
        blocks[n, B_ENDS] = 2
    h = EMPTY
    for j in range(start, used):
        h = step(h, np.uint64(out[j]))
    blocks[n, B_HASH] = np.int64(mix(h))
    out[used] = NEWLINE
    blocks[n + 1, B_START] = -1
    return n + 1, used + 1


@numba.njit(
    "UniTuple(int64, 4)(Array(uint8, 1, 'C', readonly=True), uint64[:,::1], uint64[:,::1], int32[:,::1], int32[:,::1], int64[:,::1], "
    "uint8[:,::1], uint8[::1], int64[:,::1], int64[:,::1])",
    cache=True,
    nogil=True,
)
def scan(data, tags, attributes, trie, ends, tag_facts, words, out, nodes, blocks):
    """Page in UTF-8 -> (elements, blocks, bytes of text, where the title stands in `data` as start << 32 | end).

    `tags` and `attributes` map hashes of names to numbers; `tag_facts[tag]` = (what it is, bits of its group, list or table level that
    bounds the search for an open one of its kind: 0 none). `out` gets the text of the blocks, a line each; character references stay.
    """
    size = len(data)
    found = np.zeros(5, np.int64)
    stack = np.zeros(MAX_DEPTH + 1, np.int64)
    is_open = np.zeros(len(tag_facts), np.int64)
    for j in range(NODE_COLUMNS):
        nodes[0, j] = 0
    nodes[0, N_PARENT], nodes[0, N_LAST] = -1, -1
    depth, n_nodes, n, used, pos = 0, 1, 0, 0, 0
    blocks[0, B_START] = -1
    link_depth, breaks, cell, row = -1, 0, 0, 0
    modes = np.zeros(2, np.int64)  # open elements whose whitespace counts, and whose text does not
    title = np.int64(0)
    space = False  # whitespace seen since the last character
    while pos < size:
        c = data[pos]
        if c == LT and pos + 1 < size:
            c = data[pos + 1]
            closing = c == SLASH
            low = pos + 2 if closing else pos + 1
            if low < size and SORT[data[low]] & LETTER:
                high = low
                dashed = False
                while (
                    high < size
                    and data[high] != GT
                    and data[high] != SLASH
                    and SORT[data[high]] & SPACE == 0
                    and data[high] != LT
                ):
                    dashed = dashed or data[high] == DASH
                    high += 1
                tag = look_up(tags, name_key(data, low, high)) if high - low < 16 else -1
                if tag < 0:
                    tag = 1 if dashed else 0  # as `div`, or as `span`
                kind = tag_facts[tag, 0]
                if closing:
                    pos = high
                    while pos < size and data[pos] != GT:
                        pos += 1
                    pos += 1
                    if kind == INLINE:
                        if tag_facts[tag, 1] < 0:  # </a>
                            link_depth = -1
                        continue
                    if kind == BREAK:
                        kind = VOID
                    if kind == VOID or is_open[tag] == 0:
                        if tag_facts[tag, 2] == 1:  # </p> without <p> breaks the line
                            n, used = close_block(data, out, blocks, n, used)
                        continue
                    level = depth
                    while level > 0:
                        other = nodes[stack[level], N_TAG]
                        if other == tag:
                            break
                        if (
                            tag_facts[tag, 2] < 5 and tag_facts[other, 0] == CELL
                        ):  # a cell's content does not end outside elements
                            level = 0
                            break
                        level -= 1
                    if level <= 0:
                        continue
                    n, used = close_block(data, out, blocks, n, used)
                    depth = close_elements(stack, depth, level, nodes, is_open, tag_facts, modes, n)
                    if link_depth > depth:
                        link_depth = -1
                    cell = tag_facts[tag, 0] == CELL
                    continue
                pos = read_attributes(data, high, attributes, trie, ends, words, found)
                if kind == INLINE:
                    if tag_facts[tag, 1] < 0:
                        link_depth = depth if found[4] else -1
                        if blocks[n, B_START] >= 0:
                            blocks[n, B_LINKS] += 1
                    elif blocks[n, B_START] >= 0:
                        blocks[n, B_INLINE] |= found[0]
                    continue
                if kind == BREAK:
                    breaks += 1
                    if modes[0] or breaks > 1:
                        n, used = close_block(data, out, blocks, n, used)
                        cell = 0
                    elif blocks[n, B_START] >= 0 and used > blocks[n, B_START] and out[used - 1] != NEWLINE:
                        out[used] = NEWLINE
                        used += 1
                    space = False
                    continue
                if kind == VOID:
                    continue
                if kind == RULE:
                    n, used = close_block(data, out, blocks, n, used)
                    continue
                if kind == RAW:
                    start = pos
                    while pos < size:
                        if data[pos] == LT and pos + 1 < size and data[pos + 1] == SLASH:
                            same = pos + 2 + high - low <= size
                            j = 0
                            while same and j < high - low:
                                same = LOWER[data[pos + 2 + j]] == LOWER[data[low + j]]
                                j += 1
                            if same:
                                break
                        pos += 1
                    if tag_facts[tag, 2] == 3 and title == 0:  # <title>
                        title = np.int64(start) << 32 | np.int64(pos)
                    continue
                n, used = close_block(data, out, blocks, n, used)
                # what this start ends
                bound = tag_facts[tag, 2]
                if bound != 1:
                    cell = 0
                if bound == 8:  # tr
                    row = n
                if depth > 0 and tag_facts[nodes[stack[depth], N_TAG], 2] == 1:  # an open <p>
                    depth = close_elements(stack, depth, depth, nodes, is_open, tag_facts, modes, n)
                if (
                    bound >= 4 and is_open[tag] > 0
                ):  # li, dt, dd, tr, td, th, option: the one before, but not beyond their list or table
                    level = depth
                    while level > 0:
                        other = nodes[stack[level], N_TAG]
                        if tag_facts[other, 2] == bound:
                            break
                        if tag_facts[other, 3] == bound:
                            level = 0
                            break
                        level -= 1
                    if level > 0:
                        depth = close_elements(stack, depth, level, nodes, is_open, tag_facts, modes, n)
                if depth >= MAX_DEPTH or n_nodes >= len(nodes) or (found[3] and kind == SILENT):
                    continue
                parent = stack[depth]
                own = found[0] << 16
                if tag_facts[tag, 3] == 99:  # html and body: their classes are about the page
                    own = 0
                    found[1] = 0
                if found[2]:
                    own |= 1
                own |= tag_facts[tag, 1]
                depth += 1
                stack[depth] = n_nodes
                is_open[tag] += 1
                modes[0] += bound == 2
                modes[1] += kind == SILENT
                nodes[n_nodes, N_PARENT] = parent
                nodes[n_nodes, N_TAG] = tag
                nodes[n_nodes, N_DEPTH] = depth
                nodes[n_nodes, N_OWN] = own
                nodes[n_nodes, N_ALL] = own | nodes[parent, N_ALL]
                nodes[n_nodes, N_LOOK] = np.int64(step(np.uint64(found[1]), np.uint64(tag)))
                nodes[n_nodes, N_CONTENT] = depth if own & CONTENT else nodes[parent, N_CONTENT]
                nodes[n_nodes, N_FURNITURE] = depth if own & FURNITURE else nodes[parent, N_FURNITURE]
                nodes[n_nodes, N_FIRST] = n
                nodes[n_nodes, N_LAST] = -1
                n_nodes += 1
                cell = cell or kind == CELL
                continue
            if c == BANG and pos + 3 < size and data[pos + 2] == DASH and data[pos + 3] == DASH:
                pos += 4
                while pos < size and not (data[pos] == GT and data[pos - 1] == DASH and data[pos - 2] == DASH):
                    pos += 1
                pos += 1
                continue
            if c == BANG or c == QUERY or c == SLASH:
                while pos < size and data[pos] != GT:
                    pos += 1
                pos += 1
                continue
        # a character of text
        c = data[pos]
        width = 1
        blank = SORT[c] & SPACE
        if c == 0xC2 and pos + 1 < size and data[pos + 1] == 0xA0:
            width, blank = 2, True
        is_entity = False
        if c == AMP:
            j = pos + 1
            while j < size and j < pos + 10 and SORT[data[j]] & NAME:
                j += 1
            if j < size and data[j] == SEMICOLON and j > pos + 1:
                width, is_entity = j + 1 - pos, True
                blank = (j == pos + 5 and data[pos + 1] == 110 and data[pos + 2] == 98) or (
                    data[pos + 1] == HASH
                    and j == pos + 5
                    and data[pos + 2] == 49
                    and data[pos + 3] == 54
                    and data[pos + 4] == 48
                )
        if modes[1] > 0:
            pos += width
            continue
        if blank:
            if blocks[n, B_START] >= 0:
                if modes[0] > 0 and width == 1:
                    if c != 13:
                        out[used] = c
                        used += 1
                else:
                    space = True
            pos += width
            continue
        breaks = 0
        if blocks[n, B_START] < 0:
            for j in range(BLOCK_COLUMNS):
                blocks[n, j] = 0
            blocks[n, B_START] = used
            blocks[n, B_NODE] = stack[depth]
            blocks[n, B_CELL] = cell
            blocks[n, B_JOINED] = cell and n > row
            blocks[n, B_LINKS] = link_depth >= 0
            blocks[n, B_WORDS] = 1
            cell = 0
        elif space or SORT[out[used - 1]] & SPACE:
            blocks[n, B_WORDS] += 1
            if space and SORT[out[used - 1]] & SPACE == 0:
                out[used] = BLANK
                used += 1
        space = False
        for j in range(width):
            out[used + j] = data[pos + j]
        used += width
        sort = HEAD if is_entity else SORT[c]
        if sort & HEAD:
            blocks[n, B_CHARS] += 1
            blocks[n, B_LINKED] += link_depth >= 0
            for j in range(4):  # stops, commas, digits, capitals: the columns are in the bits' order
                blocks[n, B_STOPS + j] += sort >> (3 + j) & 1
        pos += width
    n, used = close_block(data, out, blocks, n, used)
    for node in range(n_nodes):
        if nodes[node, N_LAST] < 0:
            nodes[node, N_LAST] = n
    return n_nodes, n, used, title
