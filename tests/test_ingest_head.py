"""ingest/head.py: what pages state of themselves, in the ways that they do, and pages built to make reading them slow."""

from datetime import UTC, datetime

import pytest

from euro_curate.ingest.head import creative_commons, read_head

URL = "https://bottega.example/dir/page?x=1"
CAPTURED = datetime(2024, 3, 1, 12, tzinfo=UTC)


def columns(page: str, headers: tuple[tuple[str, str], ...] = (), url: str | None = URL) -> dict[str, object]:
    return read_head(page, headers, url, CAPTURED).columns


def test_a_page_that_states_nothing() -> None:
    assert set(columns("<p>nothing</p>").values()) == {None}
    assert set(columns("").values()) == {None}


def test_title_and_language() -> None:
    found = columns("<HTML xml:lang=el  LANG='el-GR'><head><TITLE\nid=t>\n Το  ποτάμι &amp; ο μύλος\n</title>")
    assert (found["title"], found["html_lang"]) == ("Το ποτάμι & ο μύλος", "el-GR")
    assert columns("<html xml:lang='mt'>")["html_lang"] == "mt"
    assert columns("<html data-lang='xx' lang=''>")["html_lang"] is None
    assert columns("<meta property='og:title' content='Il  mulino'>")["title"] == "Il mulino"
    assert columns("<title>" + "x" * 3000)["title"] is None


def test_commented_markup_says_nothing_and_attributes_may_hold_anything() -> None:
    assert read_head("<!-- <meta name=robots content=noai> --><meta name=a content='1 > 0 & <b>'>").metas == [
        ("a", "1 > 0 & <b>")
    ]
    assert read_head("<meta name=a content=b <meta name='c' content=\"d's\"/>").metas[-1] == ("c", "d's")
    assert read_head("<!-- <meta name=robots content=noai>").metas == [("robots", "noai")], "a comment without an end"


@pytest.mark.parametrize(
    ("page", "headers", "canonical"),
    [
        ("<link rel=canonical href='/a?b=1&amp;c=2'>", (), "https://bottega.example/a?b=1&c=2"),
        ("<link href='x' rel='alternate Canonical'>", (), "https://bottega.example/dir/x"),
        ("<base href='https://other.example/y/'><link rel=canonical href=z>", (), "https://other.example/y/z"),
        ("", (("LINK", '<https://c.example/1>; rel="canonical"'),), "https://c.example/1"),
        ("", (("Link", "<a.css>; rel=preload; as=style, </c>; rel=canonical"),), "https://bottega.example/c"),
        ("<link rel=canonical href=/e>", (("Link", '</h>; rel="canonical"'),), "https://bottega.example/e"),
        ("<link rel=canonical href='javascript:x'>", (("Link", '</h>; rel="canonical"'),), "https://bottega.example/h"),
        ("<link rel=canonical href=''>", (), None),
        ("<link rel=canonical href='https://[bad/'>", (), None),
        ("<link rel=stylesheet href=/a>", (("Link", "<x>; rel=next"),), None),
    ],
)
def test_canonical_addresses(page: str, headers: tuple[tuple[str, str], ...], canonical: str | None) -> None:
    assert columns(page, headers)["canonical_url"] == canonical


def test_a_relative_address_needs_one_to_stand_on() -> None:
    assert columns("<link rel=canonical href=/x>", url=None)["canonical_url"] is None


@pytest.mark.parametrize(
    ("page", "published"),
    [
        ("<meta property='article:published_time' content='2023-05-06T07:08:09+02:00'>", "2023-05-06"),
        ("<meta name='DC.Date.Issued' content='2023-05-06'>", "2023-05-06"),
        ("<meta itemprop=datePublished content=20230506>", "2023-05-06"),
        ("<meta name=date content='6.5.2023'>", "2023-05-06"),
        ("<meta name=date content='26/5/2023'>", "2023-05-26"),
        ("<meta name=date content='6/5/2023'>", None),
        ("<meta name=date content='Sat, 06 May 2023 07:08:09 GMT'>", "2023-05-06"),
        ("<meta name=date content='2023-02-30'>", None),
        ("<meta name=date content='1970-01-01'>", None),
        ("<meta name=date content='2024-03-09'>", None),
        ("<meta name=date content='yesterday'><time datetime='2023-05-06 10:00'>", "2023-05-06"),
        ("<time datetime=2023-05-06><meta name=date content=2022-01-01>", "2022-01-01"),
        ('<script type="application/ld+json">{"@type":"Article", "datePublished" : "2023-05-06T01:02"}</script>',
         "2023-05-06"),
        ('<script type="application/ld+json">{"dateModified": "2023-05-06"}</script>', None),
        ("<time>2023-05-06</time>", None),
    ],
)  # fmt: skip
def test_days_of_publication(page: str, published: str | None) -> None:
    assert columns(page)["published"] == published


BY_SA = "https://creativecommons.org/licenses/by-sa/4.0/"


@pytest.mark.parametrize(
    ("page", "headers", "licence", "short", "where"),
    [
        (f"<link rel=license href={BY_SA}>", (), BY_SA, "CC-BY-SA-4.0", "link"),
        ("<link rel=license href=/terms>", (), "https://bottega.example/terms", None, "link"),
        ("", (("Link", f'<{BY_SA}>; rel="license"'),), BY_SA, "CC-BY-SA-4.0", "header"),
        ("<meta name='dcterms.license' content='CC BY-NC 3.0'>", (), "CC BY-NC 3.0", "CC-BY-NC-3.0", "meta"),
        ("<meta name='dc.rights' content='© 2020 the mill'>", (), None, None, None),
        ('<script type="application/ld+json">{"license":"https:\\/\\/creativecommons.org\\/publicdomain\\/zero\\/1.0"}</script>', (),
         "https://creativecommons.org/publicdomain/zero/1.0", "CC0-1.0", "jsonld"),
        (f'<script type="application/ld+json">{{"license": {{"@type": "CreativeWork", "@id": "{BY_SA}"}}}}</script>', (),
         BY_SA, "CC-BY-SA-4.0", "jsonld"),
        (f'<script type="application/ld+json">{{"@type": "Article", "image": {{"@type": "ImageObject", "license": "{BY_SA}"}}}}</script>', (),
         BY_SA.rstrip("/"), "CC-BY-SA-4.0", "mention"),
        ("<meta name='dc.rights' content='© the mill'><meta name='license' content='CC0'>", (), "CC0", "CC0-1.0", "meta"),
        (f"<p>text</p><a\nclass=x rel='noopener license' href='{BY_SA}'>", (), BY_SA, "CC-BY-SA-4.0", "a"),
        (f"<p>see <a href='{BY_SA}deed.de'>", (), "https://creativecommons.org/licenses/by-sa/4.0", "CC-BY-SA-4.0", "mention"),
        ("<link rel=license type=application/rsl+xml href=/rsl.xml>", (), None, None, None),
        ("", (("Link", '</rsl.xml>; rel="license"; type="application/rsl+xml"'),), None, None, None),
        ("<p>rel=license creativecommons.org/ licence</p>", (), None, None, None),
    ],
)  # fmt: skip
def test_licences(
    page: str, headers: tuple[tuple[str, str], ...], licence: str | None, short: str | None, where: str | None
) -> None:
    found = columns(page, headers)
    assert (found["licence"], found["licence_id"], found["licence_from"]) == (licence, short, where)


@pytest.mark.parametrize(
    ("written", "short"),
    [
        ("http://creativecommons.org/licenses/by/3.0/de/", "CC-BY-3.0-DE"),
        ("creativecommons.org/licenses/by-nc-nd/2.5", "CC-BY-NC-ND-2.5"),
        ("https://creativecommons.org/licenses/by/4.0/deed.el", "CC-BY-4.0"),
        ("https://creativecommons.org/licenses/by/4.0/legalcode", "CC-BY-4.0"),
        ("https://creativecommons.org/publicdomain/mark/1.0/", "CC-PDM-1.0"),
        ("https://creativecommons.org/licenses/GPL/2.0/", None),
        ("https://creativecommons.org/about", None),
        ("CC BY-SA 4.0", "CC-BY-SA-4.0"),
        ("Published under CC-BY", "CC-BY"),
        ("CC0", "CC0-1.0"),
        ("All rights reserved", None),
        ("ACC by post", None),
    ],
)
def test_short_forms_of_creative_commons(written: str, short: str | None) -> None:
    assert creative_commons(written) == short


def test_headers_that_matter() -> None:
    found = columns("", (("Content-Language", " de-AT,  de"), ("Last-Modified", "Sat, 06 May 2023 07:08:09 GMT")))
    assert found["content_language"] == "de-AT, de"
    assert found["last_modified"] == datetime(2023, 5, 6, 7, 8, 9, tzinfo=UTC)
    for broken in ("gestern", "", "Sat, 99 May 2023", "0"):
        assert columns("", (("Last-Modified", broken),))["last_modified"] is None


HOSTILE = (
    "<meta ", "<meta name='x\" ", "rel=", "rel=license ", "<title", "<!--", "<a rel=license ", '"license":{', 'ld+json"license" : ',
    "application/ld+json", "creativecommons.org/licenses/by", "a=b ", "/", "<link rel=license href='", "<html lang=",
)  # fmt: skip


@pytest.mark.parametrize("unit", HOSTILE)
def test_pages_built_to_be_slow_are_read_to_their_end(unit: str) -> None:
    """Not timed: a pattern that tries everything from everywhere would need hours for these 4 MB."""
    page = "<script type='application/ld+json'>" + unit * ((4 << 20) // len(unit))
    assert read_head(page, (("Link", page[:1_000_000]),), URL).columns["published"] is None
