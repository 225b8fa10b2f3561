"""ingest/blocks.py: elements and blocks of any HTML, what of them is main text, and in which form."""

import html
import random

import pytest
from conftest import SAMPLE_PAGES

from euro_curate.ingest.blocks import read_page
from euro_curate.kernels import pages as k

WORDS = "Ħafna nies jgħixu ħdejn il-baħar u kull filgħodu jmorru jaraw jekk id-dgħajjes reġgħux lura mill-qala. "


def blocks(page: str) -> list[str]:
    read = read_page(page)
    return [read.out[start:end].tobytes().decode() for start, end in read.blocks[:, : k.B_END + 1].tolist()]


@pytest.mark.parametrize(
    ("page", "expected"),
    [
        ("", []),
        ("<", ["<"]),
        ("a < b", ["a < b"]),
        ("plain  text\n here", ["plain text here"]),
        ("<p>one<p>two", ["one", "two"]),
        ("<P CLASS=x>one</P>two", ["one", "two"]),
        ("<p>a <b>bold</b> word, <a href=x>a link</a>.</p>", ["a bold word, a link."]),
        ("<ul><li>one<li>two <ul><li>inner</ul>after</ul>", ["one", "two", "inner", "after"]),
        ("a<br>b<br><br>c", ["a\nb", "c"]),
        ("<script>if (a<b) { '<p>no</p>' }</script>yes", ["yes"]),
        ("<script>never closed <p>no", []),
        ("<style>p > a {}</style><!-- <p>no</p> --><p>yes</p>", ["yes"]),
        ("<textarea><p>no</textarea>yes", ["yes"]),
        ("<select><option>no<option>no</select><button>no</button><svg><text>no</text></svg>yes", ["yes"]),
        ("<p title='a > b' data-x=\"<p>\">yes</p>", ["yes"]),
        ("<p title='never closed>no</p>", []),
        ("<pre>a\n  b\n\nc</pre>", ["a\n  b\n\nc"]),
        ("<table><tr><td>1<td>2<tr><td>3</table>", ["1", "2", "3"]),
        ("a&nbsp;b&#160;c\u00a0d &amp; e", ["a b c d &amp; e"]),
        ("<div><div></p></div></span></div></div>text", ["text"]),
        ("<noscript>kept</noscript>", ["kept"]),
        ("<my-part>one</my-part><my-part>two</my-part>", ["one", "two"]),
        ("<p>Ελλάδα 你好 България</p>", ["Ελλάδα 你好 България"]),
        ("<p>cut off in a tag <a hre", ["cut off in a tag"]),
        ("<head><title>no</title><body>yes", ["yes"]),
    ],
)
def test_blocks_of(page: str, expected: list[str]) -> None:
    assert blocks(page) == expected


def test_what_is_counted() -> None:
    (block,) = read_page("<div><p>Ħafna nies, 12 &euro;. <a href=x>Aktar!</a></p></div>").blocks.tolist()
    counted = {name: block[getattr(k, f"B_{name}")] for name in ("CHARS", "LINKED", "WORDS", "LINKS", "STOPS", "COMMAS", "DIGITS", "UPPER", "ENDS")}  # fmt: skip
    assert counted == {
        "CHARS": 20,
        "LINKED": 6,
        "WORDS": 5,
        "LINKS": 1,
        "STOPS": 2,
        "COMMAS": 1,
        "DIGITS": 2,
        "UPPER": 1,
        "ENDS": 1,
    }


@pytest.mark.parametrize(
    ("attribute", "group"),
    [("class='sideBar'", 4), ("id=comments", 5), ("class='post-comments'", 5), ("class=unavailable", None), ("class=cookieBanner", 9), ("role=navigation", 1), ("class='ad'", 8), ("class=adapter", None)],
)  # fmt: skip
def test_groups_of_names(attribute: str, group: int | None) -> None:
    nodes = read_page(f"<div {attribute}>x</div>").nodes
    bits = int(nodes[1, k.N_OWN]) >> 16
    assert (bits == 0) if group is None else bits >> group & 1


def test_elements_know_their_blocks() -> None:
    """The blocks of an element's content are those from N_FIRST up to N_LAST, however badly the page is nested."""
    rng = random.Random(3)
    parts = ["<div>", "</div>", "<p>", "</p>", "<ul>", "<li>", "</ul>", "<table>", "<tr>", "<td>", "</table>", "<b>", "text ", "<br>", "<h2>", "</h2>"]  # fmt: skip
    for _ in range(300):
        page = read_page("".join(rng.choices(parts, k=60)))
        nodes, blocks = page.nodes, page.blocks
        for number, node in enumerate(blocks[:, k.B_NODE].tolist()):
            above = node
            while above >= 0:
                assert nodes[above, k.N_FIRST] <= number < nodes[above, k.N_LAST]
                above = int(nodes[above, k.N_PARENT])
        assert (nodes[1:, k.N_PARENT] < range(1, len(nodes))).all()


def test_depth_is_bounded_and_text_below_is_kept() -> None:
    page = read_page("<div>" * 5000 + WORDS * 9 + "</div>" * 5000 + "<p>after</p>")
    assert page.too_deep()
    assert page.nodes[:, k.N_DEPTH].max() == k.MAX_DEPTH
    assert len(page.blocks) == 2


@pytest.mark.parametrize("seed", range(4))
def test_any_characters_will_do(seed: int) -> None:
    rng = random.Random(seed)
    for _ in range(200):
        read = read_page("".join(rng.choices("<>/!-?&;=\"' \nabp1#\u00e9\ud800\u20ac", k=rng.randrange(300))))
        read.main_text()
        read.plain_text()


ARTICLE = f"""<html><body><nav><ul><li><a href=/>Paġna ewlenija</a><li><a href=/x>Aħbarijiet</a></ul></nav><div class=content><h1>Il-baħar</h1>
<p>{WORDS * 3}</p><ul><li>{WORDS}</li><li>{WORDS}<p>{WORDS}</p></li></ul><pre>x = 1\n  y = 2</pre>
<table><tr><th>Sena</th><th>Dgħajjes</th></tr><tr><td>2001</td><td>{WORDS}</td></tr></table><p>{WORDS * 3}</p></div>
<footer>© Il-ħabbar &nbsp; <a href=/k>Kuntatt</a></footer></body></html>"""


def test_main_text_is_readable() -> None:
    text, sure = read_page(ARTICLE).main_text()
    lines = text.split("\n")
    assert sure > 0.5
    assert "Paġna ewlenija" not in text
    assert "Kuntatt" not in text
    assert lines.count("- " + WORDS.strip()) == 2
    assert lines.count(WORDS.strip()) == 1, "the second paragraph of an item has no marker"
    assert "2001  " + WORDS.strip() in lines
    assert "|" not in text


def test_the_plain_text_leaves_out_what_frames_the_page() -> None:
    plain = read_page(ARTICLE).plain_text()
    assert plain.startswith("Il-baħar Ħafna nies")
    assert "Kuntatt" not in plain


def test_links_and_their_share() -> None:
    assert read_page("<p>abc <a href=x>def</a></p><a href=y>gh</a><a name=z>i</a>").links() == (2 + 1, 5 / 9)


def test_sample_pages_keep_their_articles() -> None:
    """Each page of the bundled sample's 24 languages is read surely, and its longest block is in its text."""
    sources = sorted(SAMPLE_PAGES.glob("??/*.html"))
    assert len(sources) >= 24
    for source in sources:
        page = source.read_text("utf-8").split("-->", 1)[1]
        text, sure = read_page(page).main_text()
        assert sure > 0.7, source
        longest = html.unescape(max(blocks(page), key=len))
        assert longest[:60] in text, source


def test_a_head_that_is_never_closed_hides_nothing() -> None:
    page = (SAMPLE_PAGES / "special" / "broken-unclosed.html").read_text("utf-8").split("-->", 1)[1]
    text, sure = read_page(page).main_text()
    assert sure > 0.7
    assert "A jó szilvalekvárhoz nem kell cukor" in text
