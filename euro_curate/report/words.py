"""What the report calls things: families of verdicts in the order in which they decide, and measures."""

from typing import NamedTuple


class Family(NamedTuple):
    """A family of verdicts: its name in the report, what its pages have in common, and how they were dropped ("dropped as ...")."""

    name: str
    says: str
    how: str


FAMILIES = {
    "kept": Family("kept", "passed every rule", ""),
    "http": Family("HTTP status", "the server did not answer with 200", "for their HTTP status"),
    "mime": Family("media type", "not HTML or plain text", "for their media type"),
    "size": Family("size", "empty, or larger than the limit", "for their size"),
    "encoding": Family("encoding", "the bytes could not be decoded", "for their encoding"),
    "url": Family("URL", "the address is on a list that the recipe excludes", "for their address"),
    "forgotten": Family("forgotten", "taken out on request; never shown here", "on request"),
    "opt_out": Family(
        "opt-out", "the site reserves its rights in a machine-readable way", "because their sites opted out"
    ),
    "extract": Family("extraction", "no main text was found, or its extraction did not end", "for want of main text"),
    "language": Family("language", "not surely in one of the wanted languages", "for their language"),
    "quality": Family("quality", "broke a rule for text that is written to be read", "for their quality"),
    "pii": Family("personal data", "too much of it", "for personal data"),
    "decontamination": Family("benchmark overlap", "shares text with an evaluation benchmark", "for benchmark overlap"),
    "duplicate": Family("duplicate", "another copy of the same text was kept", "as duplicates"),
    "budget": Family("budget", "passed, but beyond the share of its language", "beyond the budget"),
}

MEASURES = {
    "words": "words",
    "chars": "characters",
    "lines": "lines",
    "paragraphs": "paragraphs",
    "sentences": "sentences",
    "stop_words": "different stop words",
    "longest_word": "characters of the longest word",
    "mean_word_length": "characters a word",
    "alpha_words": "share of words with a letter",
    "hashes_per_word": "# signs per word",
    "ellipses_per_word": "ellipses per word",
    "bullet_lines": "share of lines that start with a bullet",
    "list_lines": "share of lines that start with a list mark",
    "ellipsis_lines": "share of lines that end with an ellipsis",
    "stop_word_share": "share of words that are stop words",
    "duplicate_lines": "share of lines seen before on the page",
    "duplicate_line_chars": "share of characters in lines seen before",
    "duplicate_paragraphs": "share of paragraphs seen before on the page",
    "duplicate_paragraph_chars": "share of characters in paragraphs seen before",
    "duplicate_chars": "characters of repeated lines per character",
    "top_2gram": "share of characters in the most frequent word pair",
    "top_3gram": "share of characters in the most frequent three words",
    "top_4gram": "share of characters in the most frequent four words",
    "duplicate_5gram": "share of characters in repeated runs of 5 words",
    "duplicate_6gram": "share of characters in repeated runs of 6 words",
    "duplicate_7gram": "share of characters in repeated runs of 7 words",
    "duplicate_8gram": "share of characters in repeated runs of 8 words",
    "duplicate_9gram": "share of characters in repeated runs of 9 words",
    "duplicate_10gram": "share of characters in repeated runs of 10 words",
    "punctuated_lines": "share of lines that end a sentence",
    "short_lines": "share of lines of up to 30 characters",
    "newlines_per_word": "line ends per word",
    "prose_words": "share of words in lines that read like prose",
    "few_word_lines": "share of lines of fewer than 3 words",
    "javascript_lines": "share of lines that mention JavaScript",
    "brace_chars": "curly braces per character",
    "filler_words": "share of words of the lorem ipsum",
    "distinct_words": "different words per word",
    "word_entropy": "entropy of the words, in bits",
    "top_word": "share of the most frequent content word",
    "caps_words": "share of words in capitals",
    "digit_chars": "share of characters that are digits",
    "upper_letters": "share of letters that are capitals",
    "punctuation_chars": "punctuation per character",
    "urls_per_word": "URLs per word",
    "own_letters": "share of letters in the language's script",
    "broken_chars": "share of characters that wrong decoding leaves",
    "line_share": "share of the text in lines of its language",
    "score": "probability of the language",
    "quality_score": "the classifier's score",
    "share": "place in the shuffle of its language, 0 to 1",
}


def family(verdict: str) -> str:
    return verdict.split(":", maxsplit=1)[0]


def percent(part: float, whole: float) -> str:
    """`12.3 %`; `< 0.1 %` for what is there but rounds to nothing."""
    if not whole:
        return "–"
    share = 100 * part / whole
    return "< 0.1 %" if 0 < share < 0.05 else f"{share:.1f} %" if share < 99.95 or part == whole else "> 99.9 %"


def short(number: float) -> str:
    """A figure for a headline: 1,234,567 -> 1.23 M."""
    for size, unit in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e5, "k")):
        if abs(number) >= size:
            value = number / (size if unit != "k" else 1e3)
            return f"{value:.3g} {unit}" if value < 999.5 else f"{value:,.0f} {unit}"
    return f"{number:,.0f}"
