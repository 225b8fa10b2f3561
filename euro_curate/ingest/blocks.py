"""A page's HTML -> its blocks of text, each with the probability that it is main text. The loops are in kernels/pages.py, describing.py and blocks.py."""

import html
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from euro_curate.kernels import DESCRIBED, SMOOTHED, describe, grow, markup, scan, smooth
from euro_curate.kernels import pages as k

# Bits that an element gives to all it holds. 0 is "hidden".
_TAG_GROUPS = {
    "article": 1, "main": 2, "nav": 3, "menu": 3, "footer": 4, "header": 5, "aside": 6, "section": 7, "form": 8, "fieldset": 8, "figure": 9,
    "figcaption": 9, "table": 10, "ul": 11, "ol": 11, "dl": 12, "blockquote": 13, "pre": 14, "noscript": 15,
}  # fmt: skip
# Words of class, id, role and itemprop, by group; "^" before: only where a part of the name begins; "$" behind: and ends.
_WORD_GROUPS = (
    "article ^content$ ^entry ^story ^post ^body$ ^text maincontent postcontent ^main",  # 16: content
    "^nav ^menu breadcrumb crumb ^pager paginat ^tabs$ ^toolbar subnav topnav sidenav mainmenu submenu",  # 17 ff.: furniture
    "^foot ^bottom copyright ^legal disclaimer colophon",
    "^header ^head$ masthead ^banner ^top$ ^logo ^branding",
    "sidebar ^side$ aside ^rail ^widget ^right$ ^left$ ^column ^col$",
    "comment disqus ^reply ^replies respond discuss feedback reader",
    "^share social facebook twitter follow addthis sharing ^like ^vote rating",
    "related recommend ^more popular trending latest teaser promo outbrain taboola similar suggest readmore ^also ^next ^prev ^card",
    "^ad$ ^ads$ advert sponsor adsense ^dfp ^commercial",
    "cookie consent gdpr ^popup ^modal overlay newsletter subscri signup ^login ^account paywall register ^cart",
    "^search ^filter ^select ^form",  # 26: the last of the furniture
    "^meta byline author ^date ^time$ ^timestamp ^info ^tag$ ^tags ^category published posted credit ^source",
    "title headline ^heading subhead",
    "caption ^figure image photo gallery ^img media video player slide",
    "^list ^items listing ^feed ^grid archive ^result",
    "^toc contents ^index",
    "hidden ^hide$ none$ reader$ visuallyhidden noprint ^print collaps",
    "^lead intro summary standfirst excerpt abstract description ^dek$",  # 33
)
_KINDS = {
    "h1": 1, "h2": 2, "h3": 3, "h4": 4, "h5": 5, "h6": 6, "p": 7, "li": 8, "td": 9, "th": 10, "pre": 11, "blockquote": 12, "dt": 13, "dd": 14,
    "div": 15, "article": 16, "section": 17, "figcaption": 18, "body": 19, "main": 20, "ul": 21, "ol": 21, "tr": 22, "table": 23, "tbody": 23,
    "header": 24, "footer": 25, "nav": 26, "aside": 27, "form": 28, "label": 29, "address": 30, "summary": 31, "caption": 32, "noscript": 33, "center": 15,
    "figure": 18, "dl": 21,
}  # fmt: skip
_BLOCKS = (
    "html body article main nav menu footer header aside section form fieldset figure figcaption table tbody thead tfoot ul ol dl blockquote pre "
    "details summary p h1 h2 h3 h4 h5 h6 li dt dd tr caption center address legend hgroup dir listing search dialog noscript label colgroup optgroup"
).split()
_SILENT = "template svg select button canvas audio video object map datalist frameset iframe".split()
_RAW = "script style title textarea xmp noembed noframes".split()
_VOID = "img input meta link wbr col area base embed param source track frame keygen basefont bgsound".split()
_ATTRIBUTES = {"class": markup.CLASS, "id": markup.ID, "role": markup.ROLE, "itemprop": markup.ITEMPROP, "style": markup.STYLE, "hidden": markup.HIDDEN, "aria-hidden": markup.ARIA, "href": markup.HREF}  # fmt: skip
# What ends an open one of its kind, and what bounds the search: scan() reads columns 2 and 3.
_ENDS = {"p": 1, "pre": 2, "listing": 2, "title": 3, "li": 6, "dt": 7, "dd": 7, "tr": 8, "td": 9, "th": 9, "table": 10, "tbody": 10, "thead": 10, "tfoot": 10}  # fmt: skip
_BOUNDS = {"ul": 6, "ol": 6, "menu": 6, "dir": 6, "dl": 7, "html": 99, "body": 99}
_NAMES = ["", "div", *_BLOCKS, "td", "th", *_SILENT, *_RAW, *_VOID, "br", "hr", "a"]
_ITEM = _NAMES.index("li")


class _Tables(NamedTuple):
    tags: Any
    attributes: Any
    trie: Any
    ends: Any
    facts: Any
    words: Any
    kinds: Any  # of tags, as describe() reads them


def _key(name: str) -> int:
    """name_key() of kernels/pages.py."""
    h = 0
    for byte in name.encode():
        h = (h ^ byte) * 0x9E3779B97F4A7C15 & (1 << 64) - 1
        h ^= h >> 32
    return h


def _table(values: dict[str, int]) -> Any:
    slots = 16
    while slots < 3 * len(values):
        slots *= 2
    table = np.zeros((slots, 2), np.uint64)
    for name, value in values.items():
        slot = _key(name) & (slots - 1)
        while table[slot, 0]:
            slot = (slot + 1) & (slots - 1)
        table[slot] = _key(name), value
    return table


@cache
def tables() -> _Tables:
    """What scan() looks up."""
    names = _NAMES
    facts = np.zeros((len(names), 5), np.int64)
    for number, name in enumerate(names):
        kind = k.BLOCK if name in _BLOCKS or name == "div" else k.INLINE
        kind = k.SILENT if name in _SILENT else k.RAW if name in _RAW else k.VOID if name in _VOID else kind
        kind = {"td": k.CELL, "th": k.CELL, "br": k.BREAK, "hr": k.RULE}.get(name, kind)
        group = 1 << _TAG_GROUPS[name] if name in _TAG_GROUPS else 0
        facts[number] = (
            kind,
            -1 if name == "a" else group,
            _ENDS.get(name, 0),
            _BOUNDS.get(name, 0),
            _KINDS.get(name, 0),
        )
    trie: list[list[int]] = [[0] * 26]
    ends: list[list[int]] = [[0, 0]]
    for group, line in enumerate(_WORD_GROUPS):
        for word in line.split():
            state = 0
            for letter in word.strip("^$"):
                at = ord(letter) - 97
                if not trie[state][at]:
                    trie[state][at] = len(trie)
                    trie.append([0] * 26)
                    ends.append([0, 0])
                state = trie[state][at]
            ends[state] = [group + 1, 2 if word.endswith("$") else 1 if word.startswith("^") else 0]
    words = np.zeros((3, 20), np.uint8)
    for row, word in enumerate(("display:none", "visibility:hidden", "true")):
        words[row, : len(word)] = list(word.encode())
    return _Tables(
        _table({name: number for number, name in enumerate(names) if name}),
        _table(_ATTRIBUTES),
        np.array(trie, np.int32),
        np.array(ends, np.int32),
        facts,
        words,
        np.ascontiguousarray(facts[:, 4]),
    )


class Page(NamedTuple):
    """A page's elements and blocks: rows of the tables of kernels/pages.py, and the blocks' text in UTF-8, character references unresolved."""

    raw: bytes
    out: Any
    nodes: Any
    blocks: Any
    title: int

    def plain_text(self) -> str:
        """The text of all blocks but navigation, footers, asides and what shows without scripts only, in one line: what the gates look at."""
        bits = self.nodes[self.blocks[:, k.B_NODE], k.N_ALL]
        return " ".join(_resolved(self._texts(bits & _FURNITURE == 0)).split())

    def links(self) -> tuple[int, float]:
        """(number of links, their share of the page's text)."""
        chars = int(self.blocks[:, k.B_CHARS].sum())
        return int(self.blocks[:, k.B_LINKS].sum()), int(self.blocks[:, k.B_LINKED].sum()) / max(1, chars)

    def too_deep(self) -> bool:
        """Whether elements lie so deep in each other that some were dissolved in their surroundings."""
        return bool(self.nodes[:, k.N_DEPTH].max() >= k.MAX_DEPTH)

    def main_text(self) -> tuple[str, float]:
        """(main text, how sure that is: the mean probability of its characters).

        A block is a line: list items behind "- ", the cells of a table's row in one line, code as it is.
        """
        likely = self.probabilities()
        chosen = likely >= THRESHOLD
        chars = self.blocks[chosen, k.B_CHARS]
        sure = float(likely[chosen] @ chars / chars.sum()) if len(chars) else 0.0
        text = self.out.tobytes()
        lines: list[str] = []
        marked: set[int] = set()
        parents, tags = self.nodes[:, k.N_PARENT], self.nodes[:, k.N_TAG]
        for start, end, node, joined in self.blocks[chosen][:, [k.B_START, k.B_END, k.B_NODE, k.B_JOINED]].tolist():
            line = text[start:end].decode("utf-8", "replace")
            if joined and lines and "\n" not in line and len(line) + len(lines[-1]) < _ROW_CHARS:
                lines[-1] += "  " + line
                continue
            item = node if tags[node] == _ITEM else int(parents[node]) if node and tags[parents[node]] == _ITEM else 0
            if item and item not in marked:
                marked.add(item)
                line = "- " + line
            lines.append(line)
        return _resolved("\n".join(lines)), sure

    def probabilities(self) -> Any:
        """Of each block: to be main text."""
        n = len(self.blocks)
        first, second = np.empty(n, np.float32), np.empty(n, np.float32)
        if not n:
            return first
        one, two = _models()
        described = describe_page(self)
        grow(described.features, *one, first)
        smooth_page(self, described, first)
        grow(described.features, *two, second)
        return second

    def _texts(self, chosen: Any) -> str:
        text = self.out.tobytes()
        return "\n".join(
            [
                text[start:end].decode("utf-8", "replace")
                for start, end in self.blocks[chosen][:, : k.B_END + 1].tolist()
            ]
        )


THRESHOLD = 0.4  # where F1 is best on the gold pages, each judged by models that saw no page of its site
_ROW_CHARS = 200  # a table's row in one line; longer cells get lines of their own
_FURNITURE = sum(
    1 << bit for bit in (_TAG_GROUPS["nav"], _TAG_GROUPS["footer"], _TAG_GROUPS["aside"], _TAG_GROUPS["noscript"])
)


def _resolved(text: str) -> str:
    """Character references become characters; no-break spaces are spaces."""
    if "&" in text:
        text = html.unescape(text).replace("\r", "\n")
    return text.replace("\xa0", " ")


class _Trees(NamedTuple):
    """As grow() reads them."""

    columns: Any
    values: Any
    children: Any
    roots: Any
    depths: Any


class Described(NamedTuple):
    """What is known of each block: rows of `features`; `looks` and `joins` as kernels/describing.py says."""

    features: Any
    looks: Any
    joins: Any


def describe_page(page: Page) -> Described:
    """A page that has blocks -> what is known of them, but for the columns of smooth_page."""
    n = len(page.blocks)
    found = Described(np.empty((n, DESCRIBED + SMOOTHED), np.float32), np.empty(n, np.int64), np.empty(n, np.int64))
    describe(page.nodes, page.blocks, tables().kinds, _title_block(page), *found)
    return found


def smooth_page(page: Page, described: Described, first: Any) -> None:
    """Fills in the columns that the first probabilities (n, float32) decide."""
    smooth(page.nodes, page.blocks, described.looks, described.joins, first, described.features)


def _title_block(page: Page) -> int:
    """The first block of 8 characters or more that stands in the page's title as it is; -1 without one."""
    start, end = page.title >> 32, page.title & 0xFFFFFFFF
    wanted = page.raw[start:end] if end - start <= 2000 else b""
    if wanted:
        sizes = page.blocks[:, k.B_END] - page.blocks[:, k.B_START]
        for b in np.flatnonzero((page.blocks[:, k.B_CHARS] >= 8) & (sizes <= min(400, len(wanted)))).tolist():
            if page.out[page.blocks[b, k.B_START] : page.blocks[b, k.B_END]].tobytes() in wanted:
                return int(b)
    return -1


@cache
def _models() -> tuple[_Trees, _Trees]:
    with np.load(Path(__file__).with_name("blocks.npz")) as stored:
        one, two = (
            _trees(*(stored[f"{which}_{name}"] for name in ("columns", "values", "children", "roots")))
            for which in ("first", "second")
        )
    return one, two


def _trees(columns: Any, values: Any, children: Any, roots: Any) -> _Trees:
    """Stored trees, whose leaves have the column -1."""
    leaves = columns < 0
    children = np.where(leaves[:, None], np.arange(len(columns), dtype=children.dtype)[:, None], children)
    depths, nodes = np.zeros(len(roots), np.int32), roots[:, None]
    while (below := ~leaves[nodes]).any():
        depths += below.any(axis=1)
        nodes = children[nodes].reshape(len(roots), -1)
    return _Trees(
        np.where(leaves, 0, columns).astype(columns.dtype), values, np.ascontiguousarray(children), roots, depths
    )


def read_page(page: str) -> Page:
    """Finds elements and blocks: any string will do."""
    raw = page.encode("utf-8", "replace")
    tags = raw.count(b"<")
    out = np.empty(len(raw) + 64, np.uint8)
    nodes = np.empty((tags + 2, k.NODE_COLUMNS), np.int64)
    blocks = np.empty((tags + 4, k.BLOCK_COLUMNS), np.int64)
    data = np.frombuffer(raw or b" ", np.uint8)
    t = tables()
    n_nodes, n, used, title = scan(data, t.tags, t.attributes, t.trie, t.ends, t.facts, t.words, out, nodes, blocks)
    return Page(raw, out[:used], nodes[:n_nodes], blocks[:n], title)
