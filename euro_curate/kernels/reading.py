"""read(): the single pass over UTF-8 text that finds words, lines, paragraphs and sentences. text.py calls it and says what they are."""

import numba
import numpy as np

from euro_curate.chars import (
    BROKEN,
    BULLET,
    CLOSER,
    CYRILLIC,
    DIGIT,
    GREEK,
    JOINER,
    LATIN,
    LETTER,
    MARK,
    PUNCTUATION,
    SPACE,
    UNSEEN,
    UNSTABLE,
    UPPER,
    WORD,
)
from euro_curate.kernels.hashing import EMPTY, jit, mix, step

NEWLINE, DOT, COMMA, ELLIPSIS, HASH, BRACE, SLASH, COLON, SEMICOLON = (ord(c) for c in "\n.,…#{/:;")
BLANK, APOSTROPHE, HYPHEN, DISC = ord(" "), ord("'"), ord("-"), ord("•")
REPLACEMENT = 0xFFFD

# Bits of a word and of a line.
HAS_LETTER, ALL_CAPS = 1, 2
IS_BULLET, IS_GOPHER_BULLET, ENDS_SENTENCE, ENDS_CLAUSE, ENDS_ELLIPSIS = 1, 2, 4, 8, 16

# Columns of `counts`, in the order in which read() writes them.
COUNTS = (
    "letters",
    "upper",
    "latin",  # the last three: letters of words that begin in that script
    "greek",
    "cyrillic",
    "chars",
    "newlines",
    "sentences",
    "digits",
    "punctuation",
    "broken",
    "hashes",
    "ellipses",
    "braces",
    "urls",
    "unstable",  # not 0: NFC may change the text
)

SIGNATURE = (
    "void(Array(uint8, 1, 'C', readonly=True), Array(int64, 1, 'C', readonly=True), Array(uint8, 1, 'C', readonly=True), "
    "Array(int32, 2, 'C', readonly=True), Array(uint16, 1, 'C', readonly=True), Array(int32, 1, 'C', readonly=True), "
    "Array(int32, 2, 'C', readonly=True), uint64[::1], uint64[::1], int32[::1], uint8[::1], int64[::1], uint64[::1], "
    "int32[::1], uint8[::1], int64[::1], int64[::1], uint64[::1], int32[::1], int64[::1], int64[:,::1])"
)


@jit
def decode(data, pos, stop):
    """(code point, bytes) at `pos`. What is no UTF-8 is read as U+FFFD, a byte at a time."""
    a = np.int64(data[pos])
    if a < 0x80:
        return a, 1
    if a < 0xE0:
        if a >= 0xC2 and pos + 1 < stop:
            b = np.int64(data[pos + 1])
            if b & 0xC0 == 0x80:
                return (a & 0x1F) << 6 | (b & 0x3F), 2
    elif a < 0xF0:
        if pos + 2 < stop:
            b, c = np.int64(data[pos + 1]), np.int64(data[pos + 2])
            if b & 0xC0 == 0x80 and c & 0xC0 == 0x80:
                return (a & 0x0F) << 12 | (b & 0x3F) << 6 | (c & 0x3F), 3
    elif a < 0xF5 and pos + 3 < stop:
        b, c, d = np.int64(data[pos + 1]), np.int64(data[pos + 2]), np.int64(data[pos + 3])
        code = (a & 0x07) << 18 | (b & 0x3F) << 12 | (c & 0x3F) << 6 | (d & 0x3F)
        if b & 0xC0 == 0x80 and c & 0xC0 == 0x80 and d & 0xC0 == 0x80 and code < 0x110000:
            return code, 4
    return np.int64(REPLACEMENT), 1


@jit
def hash_bytes(data, low, high):
    """Hash of data[low:high], eight bytes a step; the last step holds the rest and the length."""
    h, pos = EMPTY, low
    while pos + 8 <= high:
        chunk = EMPTY
        for j in range(8):
            chunk |= np.uint64(data[pos + j]) << np.uint64(8 * j)
        h = step(h, chunk)
        pos += 8
    chunk = np.uint64(high - low) << np.uint64(56)
    for j in range(high - pos):
        chunk |= np.uint64(data[pos + j]) << np.uint64(8 * j)
    return mix(step(h, chunk))


@jit
def put_word(words, heads, lengths, word_bits, n, h, head, length, letters, capitals, script, row):
    """Stores the word number n and counts its letters."""
    words[n] = mix(h)
    heads[n] = head
    lengths[n] = length
    word_bits[n] = (letters > 0) * HAS_LETTER + (letters > 1 and capitals == letters) * ALL_CAPS
    row[0] += letters
    row[1] += capitals
    row[2] += (script & LATIN != 0) * letters
    row[3] += (script & GREEK != 0) * letters
    row[4] += (script & CYRILLIC != 0) * letters


@jit
def fold_into(h, code, folds, long_folds):
    """The running hash `h` after the folded form of a code point."""
    folded = folds[code]
    if folded >= 0:
        return step(h, np.uint64(folded))
    for j in range(3):
        part = long_folds[-1 - folded, j]
        if part:
            h = step(h, np.uint64(part))
    return h


@numba.njit(SIGNATURE, cache=True, nogil=True)
def read(
    data,
    offsets,
    enders,
    ender_sets,
    kinds,
    folds,
    long_folds,
    words,
    heads,
    lengths,
    word_bits,
    word_at,
    lines,
    line_chars,
    line_bits,
    line_words,
    line_at,
    paragraphs,
    paragraph_chars,
    paragraph_at,
    counts,
):
    """Document i is data[offsets[i]:offsets[i + 1]]; its sentences end with the code points in ender_sets[enders[i]].

    Writes words (folded hash, hash of the head up to its first apostrophe or hyphen or 0, length, bits), lines (hash, chars, bits, first
    word), paragraphs (hash, chars) one after the other, where each document's begin (`*_at`, one longer than the documents) and `counts`.
    """
    n_words, n_lines, n_paragraphs = 0, 0, 0
    for i in range(len(offsets) - 1):
        pos, stop, row = offsets[i], offsets[i + 1], counts[i]
        ends = ender_sets[enders[i]]
        chars, newlines, sentences, unstable = 0, 0, 0, 0
        digits, punctuation, broken, hashes, ellipses, braces, urls = 0, 0, 0, 0, 0, 0, 0
        # The word that is being read. `joint` is a joiner behind it, which holds it together if a word character follows.
        in_word, joint, h, head, length, part = False, 0, EMPTY, EMPTY, 0, 0
        letters, capitals, script = 0, 0, 0
        # The line from its first visible character to its last, in bytes and in characters.
        line_low, line_high, line_first, line_last, line_flags, line_word = -1, 0, 0, 0, 0, n_words
        line_end, ends_ellipsis, dots = 0, False, 0
        # The sentence: 1 = its end was read, 2 = and space behind it. `weak`: by dots alone; `short`: after an initial or a small number.
        ended, weak, short = 0, False, False
        paragraph_hash, paragraph_len = EMPTY, 0
        before, before_that = np.int64(0), np.int64(0)
        while True:
            # ASCII apart from the rest, here and below: a predicted branch is six times as fast as waiting for each character's size.
            over, at = pos >= stop, pos
            if over:
                code = np.int64(NEWLINE)  # the end of the text ends what a newline ends
            elif data[pos] < 0x80:
                code = np.int64(data[pos])
                pos += 1
            else:
                code, size = decode(data, pos, stop)
                pos += size
            chars += not over
            kind = kinds[code]
            unstable |= kind

            if kind & WORD:
                if joint:
                    holds = True
                    if joint == DOT or joint == COMMA:  # 1.234,5 and т.е. are one word; the end of a sentence is none
                        holds = kind & kinds[before_that] & DIGIT != 0
                        if not holds and joint == DOT and length - part == 1 and kind & kinds[before_that] & LETTER:
                            holds = pos >= stop or kinds[decode(data, pos, stop)[0]] & (WORD | MARK) == 0
                    if holds:
                        h = step(h, np.uint64(joint))
                        if head == EMPTY and (joint == APOSTROPHE or joint == HYPHEN):
                            head = mix(h)
                        length += 1
                        part = length
                    else:
                        put_word(
                            words, heads, lengths, word_bits, n_words, h, head, length, letters, capitals, script, row
                        )
                        n_words += 1
                        in_word = False
                    joint = 0
                if not in_word:
                    in_word, h, head, length, part, letters, capitals, script = True, EMPTY, EMPTY, 0, 0, 0, 0, kind
                h = fold_into(h, code, folds, long_folds)
                length += 1
                if ended == 2:
                    small = kind & LETTER != 0 and kind & UPPER == 0
                    sentences += not (small or (weak and (short or kind & DIGIT != 0)))
                ended, line_end, ends_ellipsis, dots = 0, 0, False, 0
                if line_low < 0:
                    line_low, line_first = at, chars - 1
                if kind & LETTER:
                    if letters == 0:
                        script = kind
                    letters += 1
                    capitals += kind & UPPER != 0
                    # Most of a text: further letters, and single spaces between such words, change nothing but words and counts.
                    last = code
                    while pos < stop:
                        at = pos
                        if data[at] == BLANK and at + 1 < stop:
                            at += 1
                        if data[at] < 0x80:
                            code, size = np.int64(data[at]), 1
                        else:
                            code, size = decode(data, at, stop)
                        kind = kinds[code]
                        if kind & LETTER == 0:
                            break
                        if at > pos:
                            put_word(
                                words,
                                heads,
                                lengths,
                                word_bits,
                                n_words,
                                h,
                                head,
                                length,
                                letters,
                                capitals,
                                script,
                                row,
                            )
                            n_words += 1
                            h, head, length, part, letters, capitals, script = EMPTY, EMPTY, 0, 0, 0, 0, kind
                            chars += 1
                        pos = at + size
                        h = fold_into(h, code, folds, long_folds)
                        unstable |= kind
                        chars += 1
                        length += 1
                        letters += 1
                        capitals += kind & UPPER != 0
                        last = code
                    code = last
                else:
                    digits += kind & DIGIT != 0
                line_high, line_last = pos, chars

            elif kind & SPACE:
                if in_word:
                    put_word(words, heads, lengths, word_bits, n_words, h, head, length, letters, capitals, script, row)
                    n_words += 1
                    in_word, joint = False, 0
                dots = 0
                if code != NEWLINE:
                    if ended == 1:
                        ended = 2
                else:
                    sentences += ended != 0
                    ended = 0
                    if line_low >= 0:
                        lines[n_lines] = hash_bytes(data, line_low, line_high)
                        line_chars[n_lines] = line_last - line_first
                        line_bits[n_lines] = line_flags + line_end + ends_ellipsis * ENDS_ELLIPSIS
                        line_words[n_lines] = line_word
                        paragraph_hash = step(lines[n_lines], paragraph_hash)
                        paragraph_len += line_last - line_first + (paragraph_len > 0)
                        n_lines += 1
                    if paragraph_len and (line_low < 0 or over):
                        paragraphs[n_paragraphs] = mix(paragraph_hash)
                        paragraph_chars[n_paragraphs] = paragraph_len
                        n_paragraphs += 1
                        paragraph_hash, paragraph_len = EMPTY, 0
                    line_low, line_flags, line_word = -1, 0, n_words
                    line_end, ends_ellipsis = 0, False
                    if over:
                        break
                    newlines += 1

            elif kind & UNSEEN:
                continue

            else:
                if in_word:
                    if joint == 0 and kind & MARK:
                        h = fold_into(h, code, folds, long_folds)
                        length += 1
                    elif joint == 0 and kind & JOINER:
                        joint = np.int64(folds[code])
                    elif joint == 0 and (code == DOT or code == COMMA):
                        joint = code
                    else:
                        put_word(
                            words, heads, lengths, word_bits, n_words, h, head, length, letters, capitals, script, row
                        )
                        n_words += 1
                        in_word, joint = False, 0
                if line_low < 0:
                    line_low, line_first = at, chars - 1
                    if kind & BULLET:
                        line_flags = IS_BULLET + (code == HYPHEN or code == DISC) * IS_GOPHER_BULLET
                line_high, line_last = pos, chars
                ender = False
                for j in range(len(ends)):
                    ender |= code == ends[j]
                if ender:
                    if ended != 1:
                        weak, short = (
                            True,
                            in_word and (length == 1 or (length == 2 and kinds[before] & DIGIT != 0)),
                        )
                    weak &= code == DOT or code == ELLIPSIS
                    ended, line_end = 1, ENDS_SENTENCE
                elif kind & (CLOSER | MARK) == 0:
                    line_end = (code == COMMA or code == COLON or code == SEMICOLON) * ENDS_CLAUSE
                    if ended == 1:
                        ended = 0
                if code == DOT:
                    dots += 1
                    ellipses += dots % 3 == 0
                else:
                    dots = 0
                ends_ellipsis = code == ELLIPSIS or dots >= 3
                punctuation += kind & PUNCTUATION != 0
                broken += kind & BROKEN != 0
                hashes += code == HASH
                ellipses += code == ELLIPSIS
                braces += code == BRACE
                urls += code == SLASH and before == SLASH and before_that == COLON
            before_that, before = before, code
        word_at[i + 1], line_at[i + 1], paragraph_at[i + 1] = n_words, n_lines, n_paragraphs
        row[5] = chars
        row[6] = newlines
        row[7] = sentences
        row[8] = digits
        row[9] = punctuation
        row[10] = broken
        row[11] = hashes
        row[12] = ellipses
        row[13] = braces
        row[14] = urls
        row[15] = unstable & UNSTABLE
