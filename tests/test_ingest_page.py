"""ingest/page.py: each gate's verdict, what is recorded of a page, and the same row whatever came before."""

import gzip
import random
from collections.abc import Sequence
from datetime import UTC, datetime

import pyarrow as pa
import pytest
from conftest import SAMPLE_PAGES

from euro_curate.ingest.extract import tidy
from euro_curate.ingest.page import Ingest, Row, extract_page, page_row, parse_date, text_row, unchanged
from euro_curate.ingest.records import Record
from euro_curate.ingest.urls import UrlRules
from euro_curate.schema import DOCUMENTS

PARAGRAPH = (
    "La vecchia bottega del fabbro si trova ancora all'angolo della piazza, dove il fiume piega verso i mulini. "
    "Ogni mattina il nipote apre le imposte, accende il fuoco e prepara gli attrezzi che il nonno gli ha lasciato. "
)
NORWEGIAN = (
    "Det var ikke noe å gjøre med været, sa fiskeren, og dro båten opp på stranda mens måkene skrek over hodet hans. "
    "Hun spurte hvor mye han hadde fått, men han bare ristet på hodet og sa at ingenting er som før her ute lenger. "
)
RUSSIAN = (
    "Вчера вечером мы долго сидели на крыльце и слушали, как шумит дождь в старом саду за домом. "
    "Бабушка рассказывала, что раньше в этой реке водилась рыба, которую ловили прямо руками, без всякой сети. "
)


def page(text: str = PARAGRAPH, head: str = "", times: int = 6) -> str:
    body = "".join(f"<p>{text} ({n})</p>" for n in range(times))
    return f"<!doctype html><html lang='it'><head><title>La  bottega &amp; il fiume</title>{head}</head><body><article>{body}</article></body></html>"


def record(
    body: str | bytes,
    headers: Sequence[tuple[str, str]] = (("Content-Type", "text/html; charset=utf-8"),),
    status: int | None = 200,
    kind: str = "response",
    url: str | None = "https://Bottega.example:8080/a?b=1",
    date: str | None = "2024-03-01T12:00:00Z",
) -> Record:
    return Record(None, url, date, 7, kind, status, list(headers), body.encode() if isinstance(body, str) else body)


def row_of(body: str | bytes, p: Ingest | None = None, **rest: object) -> Row:
    row = page_row(record(body, **rest), p or Ingest())  # type: ignore[arg-type]
    pa.Table.from_pylist(
        [row | {"id": "x", "source": "y"}], schema=DOCUMENTS
    )  # whatever a page holds, it must fit the table
    return row


def test_a_good_page_is_described_and_extracted() -> None:
    row = row_of(page(head='<link rel="license" href="https://licence.example/by/4.0/">'))
    assert row["stop"] is None
    assert row["text"].count("vecchia bottega del fabbro") == 6
    expected = {
        "url": "https://Bottega.example:8080/a?b=1",
        "host": "bottega.example",
        "crawled_at": datetime(2024, 3, 1, 12, tzinfo=UTC),
        "offset": 7,
        "status": 200,
        "mime": "text/html",
        "charset": "ascii",
        "html_lang": "it",
        "title": "La bottega & il fiume",
        "gate_language": "ita_Latn",
        "licence": "https://licence.example/by/4.0/",
        "opt_out": None,
        "evidence": None,
    }
    assert {name: row[name] for name in expected} == expected
    assert row["gate_score"] > 0.8


HTML = [("Content-Type", "text/html")]
ROBOTS = "X-Robots-Tag"


@pytest.mark.parametrize("status", [204, 206, 301, 404, 500, 0, 99_999])
def test_stops_http_status(status: int) -> None:
    row = row_of(page(), status=status)
    assert (row["stop"], row["evidence"], row["text"]) == ("http:status", str(status), "")


@pytest.mark.parametrize(
    ("body", "content_type", "mime"),
    [
        (b"%PDF-1.7 x", "text/html", "application/pdf"),
        (b"\x89PNG\r\n\x1a\n", "text/html; charset=utf-8", "image/png"),
        (b'{"a": 1}', "application/json", "application/json"),
        (b"PK\x03\x04...", "", "application/zip"),
        (b"plain words\n" * 40, "text/plain", "text/plain"),
        (page().encode(), "Application/RSS+XML", "application/rss+xml"),
        (page().encode(), "caf\u00e9/\udc80", "café/?"),
    ],
)
def test_stops_other_media_types(body: bytes, content_type: str, mime: str) -> None:
    row = row_of(body, headers=[("Content-Type", content_type)])
    assert (row["stop"], row["mime"], row["evidence"]) == ("mime:type", mime, mime)


@pytest.mark.parametrize(
    "content_type", ["", "text/plain", "application/octet-stream", "TEXT/HTML", "application/xhtml+xml"]
)
def test_html_is_seen_under_a_vague_type(content_type: str) -> None:
    assert row_of("<!-- saved -->\n" + page(), headers=[("content-type", content_type)])["stop"] is None


def test_stops_sizes() -> None:
    assert row_of(b"")["stop"] == "size:empty"
    assert row_of(gzip.compress(b""), headers=[*HTML, ("Content-Encoding", "gzip")])["stop"] == "size:empty"
    small = Ingest(max_bytes=2000)
    assert row_of(page(times=2), small)["stop"] is None
    row = row_of(gzip.compress(page(times=99).encode()), small, headers=[*HTML, ("Content-Encoding", "gzip")])
    assert (row["stop"], row["text"]) == ("size:large", "")
    assert row["evidence"] == f"{len(page(times=99))} bytes"


def test_stops_an_unreadable_body() -> None:
    row = row_of(bytes(range(255, 100, -1)) * 9, headers=[*HTML, ("Content-Encoding", "br")])
    assert (row["stop"], row["evidence"]) == ("encoding:body", "br")


@pytest.mark.parametrize(
    ("headers", "meta", "signals"),
    [
        ([(ROBOTS, "noai")], "", "noai=header"),
        ([("x-robots-tag", "nofollow, NoAI")], "", "noai=header"),
        ([(ROBOTS, "otherbot: noindex"), (ROBOTS, "noai")], "", "agent=header:otherbot noindex; noai=header"),
        ([(ROBOTS, "*: noai")], "", "noai=header"),
        ([(ROBOTS, "max-snippet:50, noai")], "", "noai=header"),
        ([(ROBOTS, "noai, max-image-preview:large")], "", "noai=header"),
        ([(ROBOTS, "unavailable_after: 25 Jun 2030 15:00:00 GMT, noai")], "", "noai=header"),
        ([(ROBOTS, "noai, unavailable_after: Monday, 25-Jun-30 15:00:00 UTC")], "", "noai=header"),
        ([], '<meta name="robots" content="noai, noimageai">', "noai=meta; noimageai=meta"),
        ([], "<META CONTENT=noai NAME=Robots>", "noai=meta"),
        ([], '<meta name="robots" content="index, max-image-preview:large, noai">', "noai=meta"),
        ([("TDM-Reservation", "1")], "", "tdm-reservation=header:1"),
        ([], '<meta name="tdm-reservation" content="1">', "tdm-reservation=meta:1"),
        ([(ROBOTS, "noindex")], '<meta name="robots" content="noai">', "noindex=header; noai=meta"),
    ],
)
def test_stops_reservations(headers: list[tuple[str, str]], meta: str, signals: str) -> None:
    row = row_of(page(head=meta), headers=[*HTML, *headers])
    assert row["opt_out"] == row["evidence"] == signals
    assert row["stop"] == ("opt_out:tdm_reservation" if "tdm" in signals else "opt_out:noai")
    assert row["text"] == ""


@pytest.mark.parametrize(
    ("headers", "meta", "recorded"),
    [
        ([(ROBOTS, "otherbot: noai")], "", "agent=header:otherbot noai"),
        ([(ROBOTS, "otherbot: noindex, noai")], "", "agent=header:otherbot noindex noai"),
        ([(ROBOTS, "googlebot:noai, otherbot: noai, noindex")], "",
         "agent=header:googlebot noai; agent=header:otherbot noai noindex"),
        ([("TDM-Reservation", "0")], '<meta name="tdm-reservation" content="0">', "tdm-reservation=meta:0"),
        ([("TDM-Reservation", "2")], "", None),
        ([], '<meta name="googlebot" content="noai">', "agent=meta:googlebot noai"),
        ([], '<meta name="GPTBot" content="noimageai">', "agent=meta:gptbot noimageai"),
        ([], '<meta name="description" content="noai">', None),
        ([(ROBOTS, "nofollow, max-snippet:-1")], '<meta name="robots" content="index, follow">', None),
        ([(ROBOTS, "noindex, nofollow")], "", "noindex=header"),
        ([], '<meta name="robots" content="noindex">', "noindex=meta"),
        ([], '<meta name="robots" content="none">', "noindex=meta"),
        ([("Content-Usage", "search=n, train-ai=y")], "", "content-usage=header:search=n, train-ai=y"),
        ([("Link", '</l.xml>; rel="license"; type="application/rsl+xml"')], "", "rsl=header:/l.xml"),
        ([], '<link rel="license" type="application/rsl+xml" href="/l.xml">', "rsl=link:/l.xml"),
    ],
)  # fmt: skip
def test_other_robots_words_do_not_exclude(headers: list[tuple[str, str]], meta: str, recorded: str | None) -> None:
    row = row_of(page(head=meta), headers=[*HTML, *headers])
    assert (row["stop"], row["opt_out"]) == (None, recorded)


@pytest.mark.parametrize(
    ("headers", "meta", "stop", "signals"),
    [
        ([(ROBOTS, "notrain")], "", "notrain", "notrain=header"),
        ([(ROBOTS, "gptbot: noai")], "", "agent", "agent=header:gptbot noai"),
        ([], '<meta name="GPTBot" content="noindex, nofollow">', "agent", "agent=meta:gptbot noindex"),
        ([], '<meta name="anthropic-ai" content="none">', "agent", "agent=meta:anthropic-ai noindex"),
        ([("Content-Usage", "train-ai=n")], "", "content_usage", "content-usage=header:train-ai=n"),
        ([("Content-Usage", "search=y"), ("content-usage", "train-ai=n;x=1")], "", "content_usage",
         "content-usage=header:search=y, train-ai=n,x=1"),
        ([("Content-Signal", "ai-train=no, search=yes")], "", "content_signal",
         "content-signal=header:ai-train=no, search=yes"),
        ([("TDM-Reservation", "0"), ("TDM-Policy", "https://a.example/p.json")],
         '<meta name="tdm-reservation" content="1">', "tdm_reservation",
         "tdm-reservation=meta:1; tdm-policy=header:https://a.example/p.json"),
    ],
)  # fmt: skip
def test_stops_reservations_of_training(headers: list[tuple[str, str]], meta: str, stop: str, signals: str) -> None:
    row = row_of(page(head=meta), headers=[*HTML, *headers])
    assert (row["stop"], row["opt_out"], row["text"]) == (f"opt_out:{stop}", signals, "")


BLOCKED = ("url:adult", "list adult: bottega.example")


def blocked(body: str, **rest: object) -> Row:
    item = record(body, **rest)  # type: ignore[arg-type]
    item.blocked = BLOCKED
    return page_row(item, Ingest())


def test_a_blocked_address_stops_after_the_gates_before_it_and_before_opt_outs_and_extraction() -> None:
    row = blocked(page(), headers=[*HTML, (ROBOTS, "noai")])
    assert (row["stop"], row["evidence"], row["text"], row["gate_language"]) == (*BLOCKED, "", None)
    assert blocked(page(), status=404)["stop"] == "http:status"
    assert blocked("{}", headers=[("Content-Type", "application/json")])["stop"] == "mime:type"
    assert blocked(PARAGRAPH, kind="conversion", status=None)["stop"] == "url:adult"
    p = Ingest(urls=UrlRules(block=("bottega.example",)))
    row = text_row(PARAGRAPH, "https://www.bottega.example/x", None, 0, p)
    assert (row["stop"], row["evidence"], row["text"]) == ("url:block", "urls.block: bottega.example", "")
    assert text_row(PARAGRAPH, "https://altra.example/", None, 0, p)["stop"] is None


def test_rows_that_late_parameters_leave_as_they_are() -> None:
    item, strict = record(page()), Ingest(opt_out=("noindex",))
    for stop, opt_out, same in (
        (None, None, True),
        (None, "noindex=meta", False),
        ("extract:empty", "noai=meta", True),
        ("http:status", "noindex=meta", True),
        ("url:adult", None, False),
        ("opt_out:noai", "noai=meta", False),
    ):
        assert unchanged({"stop": stop, "opt_out": opt_out}, item, strict) is same
    item.blocked = BLOCKED
    assert not unchanged({"stop": None, "opt_out": None}, item, strict)
    assert unchanged({"stop": "size:large", "opt_out": None}, item, strict)


def test_the_recipe_chooses_which_reservations_exclude() -> None:
    meta = '<meta name="robots" content="noai, noindex">'
    assert row_of(page(head=meta), Ingest(opt_out=("noindex",)))["stop"] == "opt_out:noindex"
    assert row_of(page(head=meta), Ingest(opt_out=()))["stop"] is None
    mine = Ingest(agents=("MyBot",))
    assert row_of(page(head='<meta name="gptbot" content="noai">'), mine)["stop"] is None
    assert row_of(page(head='<meta name="mybot" content="noai">'), mine)["stop"] == "opt_out:agent"
    with pytest.raises(ValueError, match=r"unknown noaai; choices: noai, notrain, agent, "):
        Ingest(opt_out=("noaai",))


def test_stops_pages_without_words() -> None:
    row = row_of("<html><body><p>Poche parole.</p></body></html>")
    assert (row["stop"], row["evidence"]) == ("extract:short", "13 characters on the whole page")


def test_stops_pages_whose_words_are_all_furniture() -> None:
    links = "".join(f"<li><a href='/{n}'>Vai alla pagina della bottega numero {n}</a></li>" for n in range(30))
    row = row_of(f"<html><body><nav><ul>{links}</ul></nav></body></html>")
    assert (row["stop"], row["gate_language"], row["text"]) == ("extract:short", None, "")


@pytest.mark.parametrize(("text", "label"), [(NORWEGIAN, "nob_Latn"), (RUSSIAN, "rus_Cyrl")])
def test_stops_other_languages_before_extraction(text: str, label: str) -> None:
    row = row_of(page(text))
    assert (row["stop"], row["gate_language"], row["text"]) == ("language:other", label, "")
    assert row_of(page(text), Ingest(gate=False))["text"]


def test_the_gate_lets_the_wanted_languages_through_only() -> None:
    assert row_of(page(), Ingest(languages=("fin_Latn",)))["stop"] == "language:other"
    mixed = page(NORWEGIAN, times=6).replace("</article>", "</article>" + f"<p>{PARAGRAPH}</p>" * 3)
    assert row_of(mixed, Ingest(languages=("ita_Latn",)))["stop"] is None


def test_a_page_that_surprises_is_a_row() -> None:
    assert row_of(page().replace("fabbro", "fab\x00bro"))["text"].count("fabbro") == 6
    assert row_of(page("&#xD800; " + PARAGRAPH))["stop"] is None
    assert row_of(page().replace("<article>", "<article>" + "<div>" * 1000, 1))["text"].count("fabbro") == 6
    assert row_of(page().replace("<p>", "<p>" + "<div>" * 9000, 1))["stop"] in (
        None,
        "extract:short",
        "extract:empty",
        "extract:error",
    )
    assert row_of(b"<html>" + bytes(range(256)) * 40)["bytes_in"] == 6 + 256 * 40


@pytest.mark.parametrize("url", [None, "", "https://[bad/x", "<https://bottega.example/>", "https://a\ud800.example/"])
def test_any_url_fits_the_table(url: str | None) -> None:
    assert row_of(page(), url=url)["stop"] is None


def test_angle_brackets_around_urls_go() -> None:
    assert row_of(page(), url=" <https://bottega.example/x>")["url"] == "https://bottega.example/x"


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("2024-03-01T12:00:00Z", datetime(2024, 3, 1, 12, tzinfo=UTC)),
        ("2024-03-01T12:00:00.987654Z", datetime(2024, 3, 1, 12, tzinfo=UTC)),
        ("2024-03-01T14:00:00+02:00", datetime(2024, 3, 1, 12, tzinfo=UTC)),
        ("20240301120000", datetime(2024, 3, 1, 12, tzinfo=UTC)),
        ("2024-03-01", datetime(2024, 3, 1, tzinfo=UTC)),
        (datetime(2024, 3, 1, 12, 0, 0, 5), datetime(2024, 3, 1, 12, tzinfo=UTC)),
        ("0001-01-01T00:00:00+05:00", None),
        ("2024-02-30T00:00:00Z", None),
        ("20241301120000", None),
        ("yesterday", None),
        ("", None),
        (None, None),
    ],
)
def test_dates_become_utc_seconds(written: object, expected: datetime | None) -> None:
    assert parse_date(written) == expected


def test_conversions_and_texts_skip_extraction() -> None:
    body = f"\n{PARAGRAPH}\n{PARAGRAPH}\n"
    row = row_of(body, kind="conversion", status=None, headers=[("Content-Type", "text/plain")])
    assert (row["stop"], row["text"], row["mime"], row["charset"]) == (None, body.strip(), "text/plain", "utf-8")
    assert row_of(" \n ", kind="conversion", status=None, headers=[])["stop"] == "extract:empty"
    row = text_row("parola \ud800", None, "2024-03-01", 12, Ingest())
    assert (row["text"], row["offset"], row["crawled_at"]) == ("parola ?", 12, datetime(2024, 3, 1, tzinfo=UTC))
    assert text_row("", None, None, 0, Ingest())["stop"] == "extract:empty"


def test_a_resource_is_read_like_a_response() -> None:
    assert row_of(page(), kind="resource", status=None)["text"]


def test_one_page_extraction_has_the_same_text() -> None:
    text, title, stop = extract_page(page())
    assert (text, title, stop) == (row_of(page())["text"], "La bottega & il fiume", None)
    assert extract_page("<html></html>") == ("", None, "extract:empty")
    assert extract_page("x" * (Ingest.max_bytes + 1))[2] == "size:large"


def test_stops_pages_of_too_many_tags() -> None:
    row = row_of(page(times=6), Ingest(max_tags=15))
    assert (row["stop"], row["evidence"], row["text"]) == ("extract:large", f"{page(times=6).count('<')} tags", "")
    assert row_of(page(times=6), Ingest(max_tags=page(times=6).count("<")))["stop"] is None


def test_stops_indexes_of_links() -> None:
    links = "".join(f"<p><a href='/{n}'>La bottega del fabbro numero {n}</a></p>" for n in range(2100))
    row = row_of(f"<html><body>{links}</body></html>", Ingest(gate=False))
    assert (row["stop"], row["evidence"]) == ("extract:links", "100% of the page's text")
    assert row_of(f"<html><body>{links}<p>{PARAGRAPH * 200}</p></body></html>", Ingest(gate=False))["stop"] is None


def test_the_recipe_chooses_the_extractor(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def spy(tree: object, *rest: object) -> str:
        asked.append("trafilatura")
        return "what trafilatura found"

    monkeypatch.setattr("euro_curate.ingest.page.main_text", spy)
    assert row_of(page())["text"].count("fabbro") == 6
    assert asked == [], "a sure text needs no second opinion"
    assert row_of(page(), Ingest(extractor="trafilatura"))["text"] == "what trafilatura found"
    with pytest.raises(ValueError, match=r"ingest.extractor: 'magic'; choices: blocks, trafilatura"):
        Ingest(extractor="magic")


def test_a_doubtful_text_is_left_to_trafilatura(monkeypatch: pytest.MonkeyPatch) -> None:
    menu = "".join(f"<li><a href='/{n}'>Vai alla pagina della bottega numero {n}</a></li>" for n in range(30))
    doubtful = f"<html><body><div><ul>{menu}</ul></div></body></html>"
    monkeypatch.setattr("euro_curate.ingest.page.main_text", lambda *given: "trafilatura's")
    assert row_of(doubtful, Ingest(gate=False))["text"] == "trafilatura's"
    monkeypatch.setattr("euro_curate.ingest.page.main_text", lambda *given: "")
    assert row_of(doubtful, Ingest(gate=False))["stop"] in (None, "extract:empty")
    deep = doubtful.replace("<div>", "<div>" * 400)  # trafilatura recurses
    monkeypatch.setattr("euro_curate.ingest.page.main_text", lambda *given: 1 / 0)
    assert row_of(deep, Ingest(gate=False))["stop"] != "extract:error"


def test_table_bars_go_and_cells_stay() -> None:
    assert tidy("a\n| x | y |\n|---|---|\n| 1 |  |\nb | c") == "a\nx  y\n1\nb | c"


def test_the_order_of_pages_does_not_matter() -> None:
    """Extraction libraries keep caches: a page seen for the fourth time, or last, must give the same row."""
    sources = sorted(SAMPLE_PAGES.glob("*/*.html"))[::6][:12]
    records = [
        record(source.read_text("utf-8").split("-->", 1)[1].replace("{{charset}}", "utf-8")) for source in sources
    ]
    expected = [page_row(item, Ingest()) for item in records]
    assert sum(row["stop"] is None for row in expected) >= 8
    order = list(range(len(records))) * 4
    random.Random(5).shuffle(order)
    assert all(page_row(records[n], Ingest()) == expected[n] for n in order)
