"""The main text of an HTML page, through trafilatura, made faster where that changes nothing or improves the text.

Measured with trafilatura 2.3.1 on every second gold page: token F1 .8947 as it comes in fast mode, .8941 with what this file changes. See
tests/bench/RESULTS.md for the times, and for what was measured of which state.
"""

from functools import cache

import trafilatura
import trafilatura.core
from lxml import etree
from lxml.html import HtmlComment, HtmlElement
from trafilatura.meta import reset_caches
from trafilatura.settings import MANUALLY_CLEANED, Extractor

_RESET_EVERY = 1000  # pages: trafilatura's caches grow
_extracted = 0

# trafilatura tries again in recall mode when it found little of the page. To know how little, it makes the whole page's plain text anew
# for every short text; we know that length already, so its own attempt is switched off and ours uses the same limits.
_SHORT_CHARS = trafilatura.core.ESCALATION_MAX_LENGTH or 3000
_LITTLE = trafilatura.core.ESCALATION_PAGE_SHARE
_MORE = trafilatura.core.ESCALATION_ACCEPT_RATIO
_LEAST_CHARS = 250
trafilatura.core.ESCALATION_MAX_LENGTH = 0


def plain_text(tree: HtmlElement) -> str:
    """All text of a page's tree, in one line: what the gates look at."""
    data = [(script, script.text) for script in tree.iter("script")]  # JSON-LD is no text of the page
    for script, _ in data:
        script.text = None
    text = " ".join(" ".join(tree.itertext()).split())
    for script, kept in data:
        script.text = kept
    return text


def main_text(
    tree: HtmlElement, plain_chars: int, fast: bool = True, precision: bool = False, tables: bool = True
) -> str:
    """Tree of a page -> main text, "" if there is none. Independent of what was extracted before.

    `plain_chars` is the length of `plain_text(tree)`. `fast` tries trafilatura's fast path first, and its full one if that finds nothing.
    """
    global _extracted
    _extracted += 1
    if _extracted % _RESET_EVERY == 0:
        reset_caches()

    def attempt(quick: bool, recall: bool = False) -> str:
        return trafilatura.extract(tree, options=_options(quick, precision, recall, tables)) or ""

    found = attempt(fast)
    if not precision and 0 < len(found) < _SHORT_CHARS and len(found) < _LITTLE * plain_chars:
        more = attempt(fast, recall=True)
        if len(more) >= _LEAST_CHARS and len(more) > _MORE * len(found):
            found = more
    if not found and fast:
        found = attempt(False)
    return tidy(found)


@cache
def _options(fast: bool, precision: bool, recall: bool, tables: bool) -> Extractor:
    """trafilatura's settings, once: it would read them from a file's sections for every page."""
    return Extractor(fast=fast, precision=precision, recall=recall, comments=False, tables=tables, dedup=False)


# huge_tree: without it everything below 256 levels is lost; how much a page may hold is the gates' business.
_PARSER = etree.HTMLParser(encoding="utf-8", remove_comments=True, remove_pis=True, collect_ids=False, huge_tree=True)
# lxml.html chooses each element's class by calling Python; a fixed class is chosen in C. trafilatura wants HtmlElement.
_PARSER.set_element_class_lookup(etree.ElementDefaultClassLookup(element=HtmlElement, comment=HtmlComment))
# What trafilatura removes itself, later and in Python; a form may hold the whole page, a figure a table, and <math> is turned to text first.
_NOISE = (
    "style",
    "template",
    "link",
    *(tag for tag in MANUALLY_CLEANED if tag not in ("form", "figure", "math", "head", "script")),
)


def parse(page: str) -> HtmlElement | None:
    """The page's tree without what nobody reads. Scripts go too, but for JSON-LD, where trafilatura finds some articles.

    Spans are dissolved into their surroundings: they are a quarter of all elements, and trafilatura drops those whose class says "menu",
    which in manuals are the words of a sentence ("Choose Format - Character").
    """
    tree = etree.fromstring(page.encode("utf-8", "replace"), _PARSER)
    if tree is None:
        return None
    etree.strip_elements(tree, *_NOISE, with_tail=False)
    etree.strip_tags(tree, "span")
    for script in [s for s in tree.iter("script") if "ld+json" not in (s.get("type") or "")]:
        script.drop_tree()
    return tree


def tidy(found: str) -> str:
    """Table bars become spaces, empty table rows go."""
    if "|" not in found:
        return found
    rows: list[str] = []
    for line in found.split("\n"):
        if line.startswith("|") and line.rstrip().endswith("|"):
            cells = (cell.strip() for cell in line.strip().strip("|").split("|"))
            rows += filter(None, ["  ".join(cell for cell in cells if set(cell) - set("-: "))])
        else:
            rows.append(line)
    return "\n".join(rows)
