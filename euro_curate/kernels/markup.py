"""Tags and attributes: the helpers of pages.py that read markup, byte by byte."""

import numpy as np

from euro_curate.kernels.hashing import EMPTY, jit, step

LT, GT, SLASH, BANG, QUERY, DASH, AMP, SEMICOLON, EQUALS, QUOTE, APOSTROPHE = (ord(c) for c in "<>/!?-&;='\"")
NEWLINE, BLANK, HASH = ord("\n"), ord(" "), ord("#")
LOWER = np.array([c + 32 if 65 <= c <= 90 else c for c in range(256)], np.int64)
# What a byte is: bits.
SPACE, LETTER, NAME, STOP, COMMA, DIGIT, UPPER, HEAD = (1 << bit for bit in range(8))
SORT = np.array(
    [
        SPACE * (c == 32 or 9 <= c <= 13)
        | LETTER * (c < 128 and chr(c).isalpha())
        | NAME * (c < 128 and (chr(c).isalnum() or c == HASH))  # of a character reference
        | STOP * (chr(c) in ".!?;")
        | COMMA * (chr(c) == ",")
        | DIGIT * (48 <= c <= 57)
        | UPPER * (65 <= c <= 90)
        | HEAD * (c < 0x80 or c >= 0xC0)  # the first of a character
        for c in range(256)
    ],
    np.int64,
)


@jit
def name_key(data, low, high):
    """Hash of an ASCII name, in lower case."""
    h = EMPTY
    for j in range(low, high):
        h = step(h, np.uint64(LOWER[data[j]]))
    return h


@jit
def look_up(table, key):
    """Row of `key` in an open-addressing table of (key, value); -1 if it is not there."""
    slot = np.int64(key & np.uint64(len(table) - 1))
    while table[slot, 0] != EMPTY:
        if table[slot, 0] == key:
            return np.int64(table[slot, 1])
        slot = (slot + 1) & (len(table) - 1)
    return -1


@jit
def groups_of(data, low, high, trie, ends):
    """Bits of the groups of words in a class or id. A word counts at the start of a name's part; some must end there too."""
    found = np.int64(0)
    previous = 0
    fresh = True
    for start in range(low, high):
        sort = SORT[data[start]]
        fresh = previous & LETTER == 0 or (sort & UPPER > previous & UPPER)
        previous = sort
        if sort & LETTER == 0:
            continue
        state, pos = 0, start
        while pos < high and SORT[data[pos]] & LETTER:
            state = trie[state, LOWER[data[pos]] - 97]
            if state == 0:
                break
            pos += 1
            group, kind = ends[state, 0], ends[state, 1]  # kind 0: anywhere, 1: at a start, 2: a whole part
            if group and (kind == 0 or fresh):
                if (
                    kind < 2
                    or pos == high
                    or SORT[data[pos]] & LETTER == 0
                    or SORT[data[pos]] & UPPER > SORT[data[pos - 1]] & UPPER
                ):
                    found |= np.int64(1) << (group - 1)
    return found


NO_DISPLAY, NOT_VISIBLE, TRUE = range(3)  # rows of `words`: "display:none", "visibility:hidden", "true"


@jit
def begins(data, pos, words, row):
    """Whether the ASCII word of that row, in lower case and up to its first 0, stands at data[pos:]."""
    j = 0
    while words[row, j]:
        if pos + j >= len(data) or LOWER[data[pos + j]] != words[row, j]:
            return False
        j += 1
    return True


@jit
def contains(data, low, high, words, row):
    for pos in range(low, high):
        if begins(data, pos, words, row):
            return True
    return False


CLASS, ID, ROLE, ITEMPROP, STYLE, HIDDEN, ARIA, HREF = range(1, 9)  # values of the table of attributes


@jit
def read_attributes(data, pos, attributes, trie, ends, words, found):
    """Reads attributes up to the tag's end. found = (groups, hash of the class, hidden, self-closing, has href). Returns the place behind '>'."""
    size = len(data)
    for j in range(len(found)):  # loops: numba takes a second to compile a slice
        found[j] = 0
    while pos < size:
        c = data[pos]
        if c == GT:
            return pos + 1
        if SORT[c] & SPACE or c == SLASH:
            found[3] = c == SLASH
            pos += 1
            continue
        if c == LT:  # a tag that was never closed
            return pos
        low = pos
        while (
            pos < size
            and data[pos] != EQUALS
            and data[pos] != GT
            and data[pos] != SLASH
            and SORT[data[pos]] & SPACE == 0
        ):
            pos += 1
        kind = look_up(attributes, name_key(data, low, pos)) if pos - low < 12 else -1
        if pos == low:  # '=' without a name
            pos += 1
            continue
        after = pos
        while after < size and SORT[data[after]] & SPACE:
            after += 1
        low = high = pos
        if after < size and data[after] == EQUALS:
            pos = after + 1
            while pos < size and SORT[data[pos]] & SPACE:
                pos += 1
            if pos < size and (data[pos] == QUOTE or data[pos] == APOSTROPHE):
                mark = data[pos]
                low = pos + 1
                pos = low
                while pos < size and data[pos] != mark:
                    pos += 1
                high = pos
                pos += 1
            else:
                low = pos
                while pos < size and data[pos] != GT and SORT[data[pos]] & SPACE == 0:
                    pos += 1
                high = pos
        found[3] = 0
        if kind < 0:
            continue
        if high - low > 1000:
            high = low + 1000
        if kind == CLASS or kind == ID or kind == ROLE or kind == ITEMPROP:
            found[0] |= groups_of(data, low, high, trie, ends)
            if kind == CLASS:
                h = EMPTY
                for j in range(low, high):
                    if not 48 <= data[j] <= 57:
                        h = step(h, np.uint64(LOWER[data[j]]))
                found[1] = np.int64(h)
        elif kind == STYLE:
            if contains(data, low, high, words, NO_DISPLAY) or contains(data, low, high, words, NOT_VISIBLE):
                found[2] = 1
        elif kind == HIDDEN:
            found[2] = 1
        elif kind == ARIA:
            if begins(data, low, words, TRUE):
                found[2] = 1
        elif kind == HREF:
            found[4] = 1
    return size
