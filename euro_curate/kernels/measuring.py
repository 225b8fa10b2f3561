"""tally(): every measure of quality.py from what read() found. No byte of text is looked at again.

Four functions, each with the names of what it writes above it (paragraphs are tally's own): numba compiles small functions much faster than one of the same length.
"""

import numba
import numpy as np

from euro_curate.kernels.hashing import jit, mix, slots_for
from euro_curate.kernels.reading import (
    ALL_CAPS,
    COUNTS,
    ENDS_CLAUSE,
    ENDS_ELLIPSIS,
    ENDS_SENTENCE,
    HAS_LETTER,
    IS_BULLET,
    IS_GOPHER_BULLET,
)

SHORT_LINE_CHARS = 30  # FineWeb
FEW_WORDS = 3  # C4: lines of fewer words
# No menu item, even without punctuation at its end; in characters, as ten words are long in Finnish.
LONG_LINE_CHARS = 60
SOME_WORDS = 5  # no menu item, with punctuation at its end
# Bits of a word in the lexicon; those below: the languages whose stop word it is.
FILLER, JAVASCRIPT, NO_LANGUAGE = 31, 30, 29

LETTERS, UPPER, _, _, _, CHARS, NEWLINES, SENTENCES, DIGITS, PUNCTUATION, BROKEN, HASHES, ELLIPSES, BRACES, URLS = (
    range(len(COUNTS) - 1)
)


@jit
def log2(x):
    """Base-2 logarithm of x >= 1 by +, *, / alone: the C library's differs from machine to machine in the last bit."""
    x, whole = float(x), 0
    while x >= 2.0:
        x *= 0.5
        whole += 1
    z = (x - 1.0) / (x + 1.0)  # ln x = 2 (z + z^3/3 + ...), z <= 1/3
    square, power, total = z * z, z, 0.0
    for k in range(1, 36, 2):
        total += power / k
        power *= square
    return whole + total * 2.885390081777927  # 2 / ln 2


@jit
def share(part, whole):
    return part / whole if whole else 0.0


@jit
def repeats(hashes, sizes, low, high, table):
    """(number, characters) of the items low..high that were seen before. `table` is scratch, large enough for slots_for(high - low)."""
    slots = slots_for(high - low)
    mask = np.uint64(slots - 1)
    table[:slots] = -1
    number, chars = 0, 0
    for i in range(low, high):
        slot = hashes[i] & mask
        while table[slot] >= 0 and hashes[low + table[slot]] != hashes[i]:
            slot = (slot + np.uint64(1)) & mask
        if table[slot] >= 0:
            number += 1
            chars += sizes[i]
        else:
            table[slot] = i - low
    return number, chars


@jit
def find(slots, sieve, value):
    """Slot of a value in an open-addressing table of non-zero keys; the last slot, which is always free, if it is not there.

    The sieve has the keys' low 16 bits, and fits the fastest cache: most words are in no lexicon.
    """
    last = len(slots) - 1
    if not sieve[value & np.uint64(0xFFFF)]:
        return last
    slot = np.int64(value & np.uint64(last - 1))
    while slots[slot]:
        if slots[slot] == value:
            return slot
        slot = (slot + 1) & (last - 1)
    return last


WORD_MEASURES = (
    "words",
    "mean_word_length",
    "longest_word",
    "alpha_words",
    "caps_words",
    "stop_words",
    "stop_word_share",
    "filler_words",
    "distinct_words",
    "word_entropy",
    "top_word",
)


@jit
def measure_words(
    words,
    heads,
    lengths,
    word_bits,
    low,
    high,
    language,
    i,
    lexicon,
    lexicon_bits,
    sieve,
    stamp,
    table,
    scratch,
    upto,
    row,
):
    """Writes WORD_MEASURES of the document number i, words[low:high]. Returns how often it names JavaScript.

    Leaves behind what measure_grams needs: upto[j] = characters of the first j words; scratch[0] = each word's number, the place of its first
    occurrence; scratch[1] = how often the word with that number occurs.
    """
    n = high - low
    number, often, is_stop = scratch[0], scratch[1], scratch[2]
    slots = slots_for(n)
    mask = np.uint64(slots - 1)
    table[:slots] = -1
    size, longest, alpha, caps, stops, kinds_of_stops, filler, javascript, distinct = 0, 0, 0, 0, 0, 0, 0, 0, 0
    for j in range(n):
        word = words[low + j]
        size += lengths[low + j]
        upto[j + 1] = size
        longest = max(longest, lengths[low + j])
        alpha += word_bits[low + j] & HAS_LETTER != 0
        caps += word_bits[low + j] & ALL_CAPS != 0
        place = find(lexicon, sieve, word)
        bits = lexicon_bits[place]
        filler += bits >> FILLER & 1
        javascript += bits >> JAVASCRIPT & 1
        if heads[low + j] and bits >> language & 1 == 0:
            place = find(lexicon, sieve, heads[low + j])
            bits = lexicon_bits[place]
        is_stop[j] = bits >> language & 1
        if is_stop[j]:
            stops += 1
            kinds_of_stops += stamp[place] != i
            stamp[place] = i
        slot = word & mask
        while table[slot] >= 0 and words[low + table[slot]] != word:
            slot = (slot + np.uint64(1)) & mask
        if table[slot] < 0:
            table[slot] = j
            often[j] = 0
            distinct += 1
        number[j] = table[slot]
        often[table[slot]] += 1
    entropy, top = 0.0, 0
    for j in range(n):
        if number[j] == j:
            if often[j] > 1:
                entropy += often[j] * log2(often[j])
            if often[j] > top and not is_stop[j] and word_bits[low + j] & HAS_LETTER:
                top = often[j]
    row[0] = n
    row[1] = share(size, n)
    row[2] = longest
    row[3] = share(alpha, n)
    row[4] = share(caps, n)
    row[5] = kinds_of_stops
    row[6] = share(stops, n)
    row[7] = share(filler, n)
    row[8] = share(distinct, n)
    row[9] = log2(n) - entropy / n if distinct > 1 else 0.0
    row[10] = share(top, n)
    return javascript


LINE_MEASURES = (
    "lines",
    "punctuated_lines",
    "short_lines",
    "few_word_lines",
    "bullet_lines",
    "list_lines",
    "ellipsis_lines",
    "javascript_lines",
    "prose_words",
    "duplicate_lines",
    "duplicate_line_chars",
    "duplicate_chars",
)


@jit
def measure_lines(
    lines,
    sizes,
    line_bits,
    line_words,
    first,
    last,
    words,
    low,
    high,
    javascript,
    lexicon,
    lexicon_bits,
    sieve,
    counts,
    table,
    row,
):
    """Writes LINE_MEASURES of a document: its lines are [first:last], its words [low:high], `javascript` of them say so."""
    punctuated, short, few, bullets, listed, ellipsis, scripted, prose = 0, 0, 0, 0, 0, 0, 0, 0
    for j in range(first, last):
        begin = line_words[j]
        end = line_words[j + 1] if j + 1 < last else high
        bits = line_bits[j]
        punctuated += bits & ENDS_SENTENCE != 0
        short += sizes[j] <= SHORT_LINE_CHARS
        few += end - begin < FEW_WORDS
        bullets += bits & IS_GOPHER_BULLET != 0
        listed += bits & IS_BULLET != 0
        ellipsis += bits & ENDS_ELLIPSIS != 0
        if sizes[j] >= LONG_LINE_CHARS or (end - begin >= SOME_WORDS and bits & (ENDS_SENTENCE | ENDS_CLAUSE)):
            prose += end - begin
        if javascript:
            for k in range(begin, end):
                if lexicon_bits[find(lexicon, sieve, words[k])] >> JAVASCRIPT & 1:
                    scripted += 1
                    break
    again, again_chars = repeats(lines, sizes, first, last, table)
    rows = last - first
    row[0] = rows
    row[1] = share(punctuated, rows)
    row[2] = share(short, rows)
    row[3] = share(few, rows)
    row[4] = share(bullets, rows)
    row[5] = share(listed, rows)
    row[6] = share(ellipsis, rows)
    row[7] = share(scripted, rows)
    row[8] = share(prose, high - low)
    row[9] = share(again, rows)
    row[10] = share(again_chars, counts[CHARS])
    row[11] = share(again_chars, counts[CHARS] - counts[NEWLINES])


GRAM_MEASURES = (
    "top_2gram",
    "top_3gram",
    "top_4gram",
    "duplicate_5gram",
    "duplicate_6gram",
    "duplicate_7gram",
    "duplicate_8gram",
    "duplicate_9gram",
    "duplicate_10gram",
)


@jit
def measure_grams(n, chars, upto, table, scratch, row):
    """Writes GRAM_MEASURES of a document of n words and so many characters, from what measure_words left in `upto` and `scratch`.

    Runs of words are entries (place, number of the gram). A run can only be repeated where both runs that are a word shorter are, so
    from 2-grams on, ordinary text has few entries left; and a gram is known by the numbers of these two, without a chance of collision.
    """
    at, gram, seen = scratch[3], scratch[4], scratch[5]
    next_at, next_gram, next_seen = scratch[6], scratch[7], scratch[8]
    made, was_read = scratch[9], scratch[10]
    for j in range(n):
        at[j] = j
        gram[j] = scratch[0, j]
        seen[j] = scratch[1, j]
    entries = n
    for size in range(2, 11):
        slots = slots_for(entries)
        mask = np.uint64(slots - 1)
        table[:slots] = -1
        found, best, best_at, duplicate, follow = 0, 1, 0, 0, 0
        for e in range(entries - 1):
            a, b = gram[e], gram[e + 1]
            if at[e + 1] != at[e] + 1 or seen[a] < 2 or seen[b] < 2:
                continue
            slot = mix(np.uint64(a) << np.uint64(32) | np.uint64(b)) & mask
            while table[slot] >= 0 and (gram[table[slot]] != a or gram[table[slot] + 1] != b):
                slot = (slot + np.uint64(1)) & mask
            if table[slot] < 0:
                table[slot] = e
                made[e] = found
                next_seen[found] = 0
                was_read[found] = 0
            one = made[table[slot]]
            place = at[e]
            next_at[found] = place
            next_gram[found] = one
            next_seen[one] += 1
            if next_seen[one] > best or (next_seen[one] == best and next_at[one] < best_at):
                best, best_at = next_seen[one], next_at[one]
            if place >= follow:  # read like somebody who jumps behind each repetition
                if was_read[one]:
                    duplicate += upto[place + size] - upto[place]
                    follow = place + size
                was_read[one] = 1
            found += 1
        covered = 0
        if size > 4:
            covered = duplicate
        elif n >= size:
            covered = (upto[best_at + size] - upto[best_at] + size - 1) * best
        row[size - 2] = share(covered, chars)
        entries = found
        at, next_at = next_at, at
        gram, next_gram = next_gram, gram
        seen, next_seen = next_seen, seen


CHAR_MEASURES = (
    "chars",
    "sentences",
    "newlines_per_word",
    "hashes_per_word",
    "ellipses_per_word",
    "urls_per_word",
    "digit_chars",
    "punctuation_chars",
    "brace_chars",
    "broken_chars",
    "upper_letters",
    "own_letters",
)


@jit
def measure_chars(counts, n, script, row):
    """Writes CHAR_MEASURES of a document of n words; `script`: column of `counts` with the letters of its language's script."""
    row[0] = counts[CHARS]
    row[1] = counts[SENTENCES]
    row[2] = share(counts[NEWLINES], n)
    row[3] = share(counts[HASHES], n)
    row[4] = share(counts[ELLIPSES], n)
    row[5] = share(counts[URLS], n)
    row[6] = share(counts[DIGITS], counts[CHARS])
    row[7] = share(counts[PUNCTUATION], counts[CHARS])
    row[8] = share(counts[BRACES], counts[CHARS])
    row[9] = share(counts[BROKEN], counts[CHARS])
    row[10] = share(counts[UPPER], counts[LETTERS])
    row[11] = share(counts[script], counts[LETTERS])


PARAGRAPH_MEASURES = ("paragraphs", "duplicate_paragraphs", "duplicate_paragraph_chars")

MEASURES = (*WORD_MEASURES, *LINE_MEASURES, *GRAM_MEASURES, *CHAR_MEASURES, *PARAGRAPH_MEASURES)
OF_LINES = len(WORD_MEASURES)  # where each function's columns begin
OF_GRAMS = OF_LINES + len(LINE_MEASURES)
OF_CHARS = OF_GRAMS + len(GRAM_MEASURES)
OF_PARAGRAPHS = OF_CHARS + len(CHAR_MEASURES)

SIGNATURE = (
    "void(Array(uint64, 1, 'C', readonly=True), Array(uint64, 1, 'C', readonly=True), Array(int32, 1, 'C', readonly=True), "
    "Array(uint8, 1, 'C', readonly=True), Array(int64, 1, 'C', readonly=True), Array(uint64, 1, 'C', readonly=True), "
    "Array(int32, 1, 'C', readonly=True), Array(uint8, 1, 'C', readonly=True), Array(int64, 1, 'C', readonly=True), "
    "Array(int64, 1, 'C', readonly=True), Array(uint64, 1, 'C', readonly=True), Array(int32, 1, 'C', readonly=True), "
    "Array(int64, 1, 'C', readonly=True), Array(int64, 2, 'C', readonly=True), Array(int32, 1, 'C', readonly=True), "
    "Array(int64, 1, 'C', readonly=True), Array(uint64, 1, 'C', readonly=True), Array(uint32, 1, 'C', readonly=True), "
    "Array(bool_, 1, 'C', readonly=True), float64[:,::1])"
)


@numba.njit(SIGNATURE, cache=True, nogil=True)
def tally(
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
    languages,
    scripts,
    lexicon,
    lexicon_bits,
    sieve,
    out,
):
    """What read() wrote, each document's language (0..28, or NO_LANGUAGE), and the column of `counts` that has the letters of each
    language's script -> out[document, measure], in the order of MEASURES.

    lexicon, sieve: the word lists, see find(); lexicon_bits: of each word, the languages in which it is a stop word, FILLER, JAVASCRIPT.
    """
    most = 0
    for i in range(len(out)):
        most = max(most, word_at[i + 1] - word_at[i])
        most = max(most, line_at[i + 1] - line_at[i])
    table, scratch = np.empty(slots_for(most), np.int32), np.empty((11, most), np.int32)
    upto, stamp = np.empty(most + 1, np.int64), np.empty(len(lexicon), np.int64)
    upto[0] = 0
    stamp[:] = -1  # the last document that used a stop word
    for i in range(len(out)):
        low, high, row, language = word_at[i], word_at[i + 1], out[i], languages[i]
        javascript = measure_words(
            words,
            heads,
            lengths,
            word_bits,
            low,
            high,
            language,
            i,
            lexicon,
            lexicon_bits,
            sieve,
            stamp,
            table,
            scratch,
            upto,
            row,
        )
        measure_grams(high - low, counts[i, CHARS], upto, table, scratch, row[OF_GRAMS:OF_CHARS])
        measure_lines(
            lines, line_chars, line_bits, line_words, line_at[i], line_at[i + 1], words, low, high, javascript,
            lexicon, lexicon_bits, sieve, counts[i], table, row[OF_LINES:OF_GRAMS],
        )  # fmt: skip
        measure_chars(counts[i], high - low, scripts[language], row[OF_CHARS:OF_PARAGRAPHS])
        blocks = paragraph_at[i + 1] - paragraph_at[i]
        again, again_chars = repeats(paragraphs, paragraph_chars, paragraph_at[i], paragraph_at[i + 1], table)
        row[OF_PARAGRAPHS] = blocks
        row[OF_PARAGRAPHS + 1] = share(again, blocks)
        row[OF_PARAGRAPHS + 2] = share(again_chars, counts[i, CHARS])
