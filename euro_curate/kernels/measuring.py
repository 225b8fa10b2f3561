"""tally(): every measure of quality.py from what read() found. No byte of text is looked at again."""

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
SOME_WORDS, MANY_WORDS = 5, 10  # a line of so many is no menu item: with punctuation at its end, and without
FILLER, JAVASCRIPT, NO_LANGUAGE = (
    31,
    30,
    29,
)  # bits of a word in the lexicon; those below: the languages whose stop word it is

# What tally() writes, in this order. quality.py says what each means and where it comes from.
MEASURES = (
    "words",
    "chars",
    "lines",
    "paragraphs",
    "sentences",
    "stop_words",
    "mean_word_length",
    "alpha_words",
    "hashes_per_word",
    "ellipses_per_word",
    "bullet_lines",
    "ellipsis_lines",
    "duplicate_lines",
    "duplicate_line_chars",
    "duplicate_paragraphs",
    "duplicate_paragraph_chars",
    "top_2gram",
    "top_3gram",
    "top_4gram",
    "duplicate_5gram",
    "duplicate_6gram",
    "duplicate_7gram",
    "duplicate_8gram",
    "duplicate_9gram",
    "duplicate_10gram",
    "punctuated_lines",
    "short_lines",
    "duplicate_chars",
    "newlines_per_word",
    "few_word_lines",
    "longest_word",
    "filler_words",
    "javascript_lines",
    "brace_chars",
    "stop_word_share",
    "distinct_words",
    "word_entropy",
    "caps_words",
    "list_lines",
    "digit_chars",
    "upper_letters",
    "punctuation_chars",
    "urls_per_word",
    "own_letters",
    "broken_chars",
    "prose_words",
    "top_word",
)

LETTERS, UPPER, _, _, _, CHARS, NEWLINES, SENTENCES, DIGITS, PUNCTUATION, BROKEN, HASHES, ELLIPSES, BRACES, URLS = (
    range(len(COUNTS) - 1)
)

SIGNATURE = (
    "void(Array(uint64, 1, 'C', readonly=True), Array(uint64, 1, 'C', readonly=True), Array(int32, 1, 'C', readonly=True), "
    "Array(uint8, 1, 'C', readonly=True), Array(int64, 1, 'C', readonly=True), Array(uint64, 1, 'C', readonly=True), "
    "Array(int32, 1, 'C', readonly=True), Array(uint8, 1, 'C', readonly=True), Array(int64, 1, 'C', readonly=True), "
    "Array(int64, 1, 'C', readonly=True), Array(uint64, 1, 'C', readonly=True), Array(int32, 1, 'C', readonly=True), "
    "Array(int64, 1, 'C', readonly=True), Array(int64, 2, 'C', readonly=True), Array(int32, 1, 'C', readonly=True), "
    "Array(int64, 1, 'C', readonly=True), Array(uint64, 1, 'C', readonly=True), Array(uint32, 1, 'C', readonly=True), "
    "Array(bool_, 1, 'C', readonly=True), float64[:,::1])"
)


@jit
def log2(x):
    """Base-2 logarithm of x >= 1 by +, *, / alone: the C library's differs from machine to machine in the last bit."""
    whole = 0
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
    language's script -> out[document, measure].

    lexicon, sieve: the word lists, see find(); lexicon_bits: of each word, the languages in which it is a stop word, FILLER, JAVASCRIPT.
    """
    most, most_lines = 0, 0
    for i in range(len(out)):
        most = max(most, word_at[i + 1] - word_at[i])
        most_lines = max(most_lines, line_at[i + 1] - line_at[i])
    table = np.empty(slots_for(max(most, most_lines)), np.int32)
    uni, often = np.empty(most, np.int32), np.empty(most, np.int32)
    at, gram, seen = np.empty(most, np.int32), np.empty(most, np.int32), np.empty(most, np.int32)
    next_at, next_gram, next_seen = np.empty(most, np.int32), np.empty(most, np.int32), np.empty(most, np.int32)
    made, was_read, is_stop = np.empty(most, np.int32), np.empty(most, np.bool_), np.empty(most, np.bool_)
    upto = np.zeros(most + 1, np.int64)
    stamp = np.full(len(lexicon), -1, np.int64)
    logs = np.array([c * log2(max(1.0, np.float64(c))) for c in range(256)])

    for i in range(len(out)):
        low, high = word_at[i], word_at[i + 1]
        n = high - low
        language = languages[i]
        row = out[i]
        chars, newlines = counts[i, CHARS], counts[i, NEWLINES]

        # --- words
        size, alpha, caps, longest, stops, kinds_of_stops, filler, scripts_named = 0, 0, 0, 0, 0, 0, 0, 0
        for j in range(n):
            k = low + j
            size += lengths[k]
            upto[j + 1] = size
            alpha += word_bits[k] & HAS_LETTER != 0
            caps += word_bits[k] & ALL_CAPS != 0
            longest = max(longest, lengths[k])
            slot = find(lexicon, sieve, words[k])
            bits = lexicon_bits[slot]
            filler += bits >> FILLER & 1
            scripts_named += bits >> JAVASCRIPT & 1
            if heads[k] and bits >> language & 1 == 0:
                slot = find(lexicon, sieve, heads[k])
                bits = lexicon_bits[slot]
            is_stop[j] = bits >> language & 1
            if is_stop[j]:
                stops += 1
                kinds_of_stops += stamp[slot] != i
                stamp[slot] = i

        # --- distinct words: each gets the place of its first occurrence as its number
        slots = slots_for(n)
        mask = np.uint64(slots - 1)
        table[:slots] = -1
        distinct = 0
        for j in range(n):
            slot = words[low + j] & mask
            while table[slot] >= 0 and words[low + table[slot]] != words[low + j]:
                slot = (slot + np.uint64(1)) & mask
            if table[slot] < 0:
                table[slot] = j
                often[j] = 0
                distinct += 1
            uni[j] = table[slot]
            often[table[slot]] += 1
        entropy, top = 0.0, 0
        for j in range(n):
            if uni[j] == j:
                if often[j] > 1:
                    entropy += logs[often[j]] if often[j] < len(logs) else often[j] * log2(np.float64(often[j]))
                if not is_stop[j] and word_bits[low + j] & HAS_LETTER:
                    top = max(top, often[j])
        if n:
            entropy = max(0.0, log2(np.float64(n)) - entropy / n)

        # --- lines
        first, last = line_at[i], line_at[i + 1]
        rows = last - first
        punctuated, short, ellipsis, bullets, listed, few, scripted, prose = 0, 0, 0, 0, 0, 0, 0, 0
        for j in range(first, last):
            begin = line_words[j]
            end = line_words[j + 1] if j + 1 < last else high
            bits = line_bits[j]
            short += line_chars[j] <= SHORT_LINE_CHARS
            ellipsis += bits & ENDS_ELLIPSIS != 0
            bullets += bits & IS_GOPHER_BULLET != 0
            listed += bits & IS_BULLET != 0
            few += end - begin < FEW_WORDS
            punctuated += bits & ENDS_SENTENCE != 0
            if end - begin >= (SOME_WORDS if bits & (ENDS_SENTENCE | ENDS_CLAUSE) else MANY_WORDS):
                prose += end - begin
            if scripts_named:
                for k in range(begin, end):
                    if lexicon_bits[find(lexicon, sieve, words[k])] >> JAVASCRIPT & 1:
                        scripted += 1
                        break
        line_repeats, line_repeat_chars = repeats(lines, line_chars, first, last, table)
        first, last = paragraph_at[i], paragraph_at[i + 1]
        blocks = last - first
        block_repeats, block_repeat_chars = repeats(paragraphs, paragraph_chars, first, last, table)

        row[0], row[1], row[2], row[3], row[4], row[5] = n, chars, rows, blocks, counts[i, SENTENCES], kinds_of_stops
        row[6] = share(size, n)
        row[7] = share(alpha, n)
        row[8] = share(counts[i, HASHES], n)
        row[9] = share(counts[i, ELLIPSES], n)
        row[10] = share(bullets, rows)
        row[11] = share(ellipsis, rows)
        row[12] = share(line_repeats, rows)
        row[13] = share(line_repeat_chars, chars)
        row[14] = share(block_repeats, blocks)
        row[15] = share(block_repeat_chars, chars)

        # --- n-grams, as entries (place, gram): only runs of which both shorter runs are repeated can be repeated themselves
        entries = n
        for j in range(n):
            at[j], gram[j], seen[j] = j, uni[j], often[j]
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
                    made[e], next_seen[found], was_read[found] = found, 0, False
                one = made[table[slot]]
                place = at[e]
                next_at[found], next_gram[found] = place, one
                next_seen[one] += 1
                if next_seen[one] > best or (next_seen[one] == best and next_at[one] < best_at):
                    best, best_at = next_seen[one], next_at[one]
                if place >= follow:  # read like somebody who jumps behind each repetition
                    if was_read[one]:
                        duplicate += upto[place + size] - upto[place]
                        follow = place + size
                    was_read[one] = True
                found += 1
            if size > 4:
                row[14 + size] = share(duplicate, chars)
            elif n >= size:
                row[14 + size] = share((upto[best_at + size] - upto[best_at] + size - 1) * best, chars)
            else:
                row[14 + size] = 0.0
            entries = found
            at, next_at, gram, next_gram, seen, next_seen = next_at, at, next_gram, gram, next_seen, seen

        row[25] = share(punctuated, rows)
        row[26] = share(short, rows)
        row[27] = share(line_repeat_chars, chars - newlines)
        row[28] = share(newlines, n)
        row[29] = share(few, rows)
        row[30] = longest
        row[31] = share(filler, n)
        row[32] = share(scripted, rows)
        row[33] = share(counts[i, BRACES], chars)
        row[34] = share(stops, n)
        row[35] = share(distinct, n)
        row[36] = entropy
        row[37] = share(caps, n)
        row[38] = share(listed, rows)
        row[39] = share(counts[i, DIGITS], chars)
        row[40] = share(counts[i, UPPER], counts[i, LETTERS])
        row[41] = share(counts[i, PUNCTUATION], chars)
        row[42] = share(counts[i, URLS], n)
        row[43] = share(counts[i, scripts[language]], counts[i, LETTERS])
        row[44] = share(counts[i, BROKEN], chars)
        row[45] = share(prose, n)
        row[46] = share(top, n)
