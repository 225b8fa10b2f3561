"""ingest/decode.py: content encodings undone, every EU language's legacy charsets read right whatever the headers say."""

import gzip
import html
import random
import re
import zlib
from collections.abc import Callable

import brotli
import pytest
import zstandard
from conftest import SAMPLE_PAGES

from euro_curate.ingest.decode import MAX_DECODED, Undecodable, decode, unpack

WEST = ("windows-1252", "iso-8859-1", "iso-8859-15")
CENTRAL = ("windows-1250", "iso-8859-2")
BALTIC = ("windows-1257", "iso-8859-13")
# Every language with its own letters, and the charsets that its old pages are in.
SENTENCES: dict[str, tuple[tuple[str, ...], str]] = {
    "bg": (("windows-1251", "iso-8859-5", "koi8-r"), "Жълтата щъркелица чакаше край чешмата, а юнакът още не идваше."),
    "hr": (CENTRAL, "Čovjek je šutio dok su žabe i ćuk pjevali iza đačke kuće."),
    "cs": (CENTRAL, "Děti přešly řeku dřív, než začalo pršet; ďas řekl něco o lžíci a ťapkách žížal."),
    "da": (WEST, "Æblerne lå på gården, og pigen så øllet løbe ned ad åen."),
    "nl": (WEST, "De coördinator zag één reünie, drie cafés en een geïnde boete."),
    "en": (WEST, "The café’s façade — a naïve résumé of its age — cost £40."),
    "et": ((*BALTIC, "windows-1252"), "Öötööline jõi köögis külma vett ja ütles, et žürii tuleb šokolaadi pärast."),
    "fi": (WEST, "Yöllä hän näki järvellä höyryä, eikä äänikään kuulunut pöydän äärestä."),
    "fr": (WEST, "L'élève a reçu ses clés à Noël, où le maître fêtait l'été près du château brûlé."),
    "de": (WEST, "Die größten Bäume überragten natürlich die schönsten Dächer der Straße."),
    "el": (
        ("windows-1253", "iso-8859-7"),
        "Η γάτα κοιμήθηκε ώρες στο παράθυρο και ύστερα ξύπνησε από τον θόρυβο της πόλης.",
    ),
    "hu": (CENTRAL, "Az őrült tűzoltó fűrészporból épített hídőrséget a gyűlölt kőfejtő fölé."),
    "ga": ((*WEST, "iso-8859-14"), "Bhí an fear óg ag ól tae nuair a tháinig a mháthair isteach ón ngairdín mór."),
    "it": (WEST, "Perché la città è così? Già, più virtù e meno libertà, disse il papà."),
    "lv": (BALTIC, "Šķūnī ņēma ķēdi, ģērbās siltāk un gāja žāvēt zāli gar ļoti īsu ceļu."),
    "lt": (BALTIC, "Ąžuolo šaknys siekė upę, o žmogus ėjo į mišką ieškoti grybų ir uogų ežero pakrantėje."),
    "mt": (("iso-8859-3",), "Il-ħobż ta' Għawdex u ċ-ċavetta żgħira nstabu ħdejn il-ġebla l-ħoxna taż-żewġ aħwa."),
    "pl": (CENTRAL, "Wójt zażądał, żeby łódź płynęła ćwierć mili bliżej źródła, ale nikt się nie śmiał."),
    "pt": (WEST, "A avó não quis pôr o pão à mesa; há três anos que só bebia chá de manhã."),
    "ro": (("iso-8859-16",), "Și țăranul a văzut în grădină o țestoasă care știa să-și ascundă ouăle sub pământ."),
    "ro-cedilla": (CENTRAL, "Şi ţăranul a văzut în grădină o ţestoasă care ştia să-şi ascundă ouăle sub pământ."),
    "sk": (CENTRAL, "Kôň niesol vŕbové prútie, ľudia stáli pri ňom a päť chlapcov kričalo, že dážď ešte len príde."),
    "sl": (CENTRAL, "Žena je šla čez reko po češnje, medtem ko je sosed še vedno čakal na žito."),
    "es": (WEST, "El niño soñó que un pingüino pedía más café en la montaña; ¿quién lo creería, mamá?"),
    "sv": (WEST, "På ön växte björnbär, och flickan såg räven gå över ån på väg hem från skogen."),
}
CASES = [(name, charset) for name, (charsets, _) in SENTENCES.items() for charset in charsets]


def page(sentence: str, meta: str | None = None) -> str:
    declared = f'<meta http-equiv="Content-Type" content="text/html; charset={meta}">' if meta else ""
    return (
        f"<html><head>{declared}<title>{sentence[:20]}</title></head><body>"
        + f"<p>{sentence}</p>\n" * 4
        + "</body></html>"
    )


def encoded(name: str, charset: str, meta: str | None = None) -> tuple[str, bytes]:
    written = SENTENCES[name][1]
    if charset in ("iso-8859-1", "iso-8859-15"):
        written = written.replace("’", "'").replace("—", "-")
    text = page(written, meta)
    return text, text.encode(charset)


@pytest.mark.parametrize(("name", "charset"), CASES)
@pytest.mark.parametrize(
    ("header", "meta"),
    [
        ("text/html; charset={}", None),
        ('text/html;Charset = "{}"', None),
        ("text/html", "{}"),
        ("text/html; charset={}", "{}"),
        ("text/html; charset=utf-8", "{}"),
        ("text/html; charset=no-such-charset", "{}"),
    ],
)
def test_a_declared_charset_is_read(name: str, charset: str, header: str, meta: str | None) -> None:
    text, body = encoded(name, charset, meta and meta.format(charset))
    assert decode(body, header.format(charset))[0] == text


@pytest.mark.parametrize(("name", "charset"), CASES)
def test_a_servers_default_does_not_beat_the_pages_own_word(name: str, charset: str) -> None:
    text, body = encoded(name, charset, charset)
    assert decode(body, "text/html; charset=iso-8859-1")[0] == text


@pytest.mark.parametrize("name", SENTENCES)
@pytest.mark.parametrize("declared", ["iso-8859-1", "windows-1250", "utf-8", "koi8-r", "utf-16", "nonsense"])
def test_utf8_is_utf8_whatever_is_declared(name: str, declared: str) -> None:
    text, body = encoded(name, "utf-8", declared)
    assert decode(body, f"text/html; charset={declared}") == (text, "utf-8")
    assert decode(body, "") == (text, "utf-8")


@pytest.mark.parametrize("name", SENTENCES)
@pytest.mark.parametrize("codec", ["utf-8", "utf-16-le", "utf-16-be"])
def test_a_byte_order_mark_decides(name: str, codec: str) -> None:
    text, body = encoded(name, codec, "iso-8859-1")
    assert decode("\ufeff".encode(codec) + body, "text/html; charset=windows-1252") == (text, codec)


@pytest.mark.parametrize("name", SENTENCES)
@pytest.mark.parametrize("codec", ["utf-16-le", "utf-16-be"])
def test_utf16_without_a_mark_is_seen(name: str, codec: str) -> None:
    text, body = encoded(name, codec)
    assert decode(body, "text/html") == (text, codec)


# --- all languages, all charsets that hold their letters, whatever is declared -----------------------------------------------

CHARSETS = (
    *(f"windows-{n}" for n in (1250, 1251, 1252, 1253, 1254, 1257)),
    *(f"iso-8859-{n}" for n in (1, 2, 3, 4, 5, 7, 9, 10, 13, 14, 15, 16)),
    "koi8-r",
    "koi8-u",
    "mac-roman",
    "mac-cyrillic",
    "utf-16-le",
    "utf-16-be",
)
CEDILLAS = str.maketrans("șțȘȚ", "şţŞŢ")


def paragraph(code: str) -> str:
    """Some 60 words in a language, from the sample crawl's pages."""
    written = sorted((SAMPLE_PAGES / code).glob("*.html"))[0].read_text(encoding="utf-8").split("-->", 1)[1]
    words = html.unescape(re.sub(r"<[^>]*>", " ", written.replace("{{charset}}", ""))).split()
    return " ".join([SENTENCES[code][1], *words[10:70]])


def in_charset(text: str, code: str, charset: str) -> str | None:
    """The text as it would be written in a charset: without the signs that it lacks; None if it lacks a letter."""
    if code == "ro" and charset not in ("iso-8859-16", "utf-16-le", "utf-16-be"):
        text = text.translate(CEDILLAS)
    kept = text.encode(charset, "ignore").decode(charset)
    lost = set(text) - set(kept)
    return None if any(char.isalpha() for char in lost) or kept.isascii() else kept


def same(found: str, written: str, charset: str) -> bool:
    """Romanian's letters of iso-8859-16 have the bytes that others have for the same letters with cedillas: nobody can tell them apart."""
    if charset == "iso-8859-16":
        return found.translate(CEDILLAS) == written.translate(CEDILLAS)
    return found == written


@pytest.mark.parametrize(
    ("header", "meta"),
    [
        ("text/html", None),
        ("text/html; charset=utf-8", None),
        ("text/html", "utf-8"),
        ("text/html; charset=iso-8859-1", None),
        ("text/html", "iso-8859-1"),
        ("text/html; charset=us-ascii", "windows-1252"),
    ],
)
@pytest.mark.parametrize("code", [name for name in SENTENCES if "-" not in name])
def test_every_charset_of_every_language_undeclared_or_wrongly_declared(
    code: str, header: str, meta: str | None
) -> None:
    tried = 0
    for charset in CHARSETS:
        if (written := in_charset(paragraph(code), code, charset)) is not None:
            text = page(written, meta)
            found, named = decode(text.encode(charset), header)
            assert same(found, text, charset), f"{charset} taken for {named}"
            tried += 1
    assert tried >= 3 or code == "en"


@pytest.mark.parametrize("code", ["cs", "pl", "hu", "sk", "sl", "hr"])
@pytest.mark.parametrize(("true", "said"), [("windows-1250", "iso-8859-2"), ("iso-8859-2", "windows-1250")])
def test_windows_1250_that_calls_itself_iso_8859_2_and_the_reverse(code: str, true: str, said: str) -> None:
    written = in_charset(paragraph(code), code, true)
    assert written is not None
    text = page(written, said)
    assert decode(text.encode(true), f"text/html; charset={said}")[0] == text


def test_a_languages_attribute_helps_where_letters_alone_do_not_tell() -> None:
    body = '<html lang="{}"><p>Motto: ð, þ'.encode("latin-1")
    assert decode(body.replace(b"{}", b"is"), "")[0].endswith("ð, þ")
    assert decode(body.replace(b"{}", b"et"), "")[0].endswith("š, ž")


@pytest.mark.parametrize(
    "filler", [b"", b"<!-- " + b"x" * 5000 + b" -->", b"<script>" + b"var a=1;" * 5000 + b"</script>"]
)
@pytest.mark.parametrize(
    "element",
    [
        '<meta charset="{}">',
        "<META CHARSET={}>",
        '<meta http-equiv="content-type" content="text/html;charset={}">',
        "<meta content='text/html; charset = {}' http-equiv=Content-Type>",
    ],
)
def test_meta_is_found_early_and_late(filler: bytes, element: str) -> None:
    """Few letters: what is declared decides."""
    body = b"<html><head>" + filler + element.format("iso-8859-13").encode() + b"</head><body>\xf0\xfe</body>"
    assert decode(body, "text/html")[1] == "iso-8859-13"


def test_an_xml_declaration_counts() -> None:
    body = b'<?xml version="1.0" encoding="koi8-r"?><html><body>\xc4\xc1</body></html>'
    assert decode(body, "application/xhtml+xml") == (body.decode("koi8-r"), "koi8-r")


@pytest.mark.parametrize(
    ("label", "charset"),
    [
        ("latin1", "windows-1252"),
        ("us-ascii", "windows-1252"),
        ("ISO_8859-2", "iso-8859-2"),
        ("iso88592", "iso-8859-2"),
        ("x-cp1250", "windows-1250"),
        ("win-1251", "windows-1251"),
        ("cp_1257", "windows-1257"),
        ("latin9", "iso-8859-15"),
        ("iso-8859-9", "windows-1254"),
        ("x-mac-cyrillic", "x-mac-cyrillic"),
        ("macintosh", "macintosh"),
        ("gb2312", "gb18030"),
    ],
)
def test_labels_are_read_as_browsers_do(label: str, charset: str) -> None:
    assert decode(b"<p>\xe4\xf6</p>", f"text/html; charset={label}")[1] == charset


@pytest.mark.parametrize("codec", ["utf-8", "utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
def test_every_mark_is_known(codec: str) -> None:
    text = page(SENTENCES["lt"][1])
    assert decode("\ufeff".encode(codec) + text.encode(codec), "text/html; charset=iso-8859-13") == (text, codec)


def test_a_mark_alone_makes_no_utf8() -> None:
    text = page(SENTENCES["hu"][1])
    assert decode(b"\xef\xbb\xbf" + text.encode("windows-1250"), "")[0] == text


def test_iso_8859_2_with_windows_quotes() -> None:
    written = "Powiedział: „Wójt zażądał, żeby łódź płynęła ćwierć mili bliżej źródła” – i poszedł."
    quotes = {"„": b"\x84", "”": b"\x94", "–": b"\x96"}
    body = b"".join(quotes.get(char) or char.encode("iso-8859-2") for char in page(written))
    assert decode(body, "text/html; charset=iso-8859-2") == (page(written), "iso-8859-2")


@pytest.mark.parametrize(
    ("codec", "text"),
    [
        ("gbk", "这是一个中文网页"),
        ("shift_jis", "これは日本語のページです"),
        ("windows-1255", "זה דף בעברית"),
        ("euc_kr", "한국어 페이지입니다"),
    ],
)
def test_other_scripts_are_left_to_their_declaration(codec: str, text: str) -> None:
    assert (
        decode((f"<p>{text}</p>" * 20).encode(codec), f"text/html; charset={codec.replace('_', '-')}")[0]
        == f"<p>{text}</p>" * 20
    )


# --- pages that were read wrongly before they came to us -------------------------------------------------------------------------


def misread(text: str, codec: str) -> str:
    """What comes of UTF-8 that is taken for a one-byte charset; bytes that it lacks become controls."""
    return "".join(bytes([byte]).decode(codec, "ignore") or chr(byte) for byte in text.encode())


@pytest.mark.parametrize("code", [name for name in SENTENCES if "-" not in name])
@pytest.mark.parametrize("codec", ["windows-1252", "windows-1250", "iso-8859-1"])
@pytest.mark.parametrize("times", [1, 2])
def test_mojibake_is_undone(code: str, codec: str, times: int) -> None:
    text = wrong = page(paragraph(code))
    if sum(map(len, re.findall("[^\x00-\x7f]+", text))) < 3:
        pytest.skip("too little to prove anything")
    for _ in range(times):
        wrong = misread(wrong, codec)
    named = {"iso-8859-1": "windows-1252"}.get(codec, codec)
    found, charset = decode(wrong.encode(), "text/html; charset=utf-8")
    assert found == text
    assert charset in (f"utf-8+{named}", "utf-8+windows-1252")


@pytest.mark.parametrize("code", ["pl", "fr", "bg", "el", "lt"])
def test_mojibake_in_a_part_of_the_page_is_undone_there(code: str) -> None:
    """A template that is right around a text that is not."""
    right = f"<title>Ä sign: °C, «Ã», {paragraph('de')}</title><p>{paragraph('sv')}</p>"
    found, charset = decode((right + f"<p>{misread(paragraph(code), 'windows-1252')}</p>" + right).encode(), "")
    assert found == right + f"<p>{paragraph(code)}</p>" + right
    assert charset == "utf-8+windows-1252"


@pytest.mark.parametrize("code", [name for name in SENTENCES if "-" not in name])
def test_sound_pages_are_left_alone(code: str) -> None:
    for path in sorted((SAMPLE_PAGES / code).glob("*.html")):
        text = path.read_text(encoding="utf-8").upper() + path.read_text(encoding="utf-8")
        assert decode(text.encode(), "") == (text, "utf-8" if not text.isascii() else "ascii")


@pytest.mark.parametrize(
    "text",
    [
        "<p>IRMÃ”</p>",  # Portuguese capitals before a closing quotation mark
        "<p>“MANHÃ”</p><p>“LÃ”</p>",
        "<p>LIMA – SÃ£</p>",
        "<p>Ã© is what é becomes</p>",
        "<p>Â° and Â§ alone</p>",
        "<p>Ä–Ö, Å–Æ</p>",
    ],
)
def test_what_is_not_proven_stays(text: str) -> None:
    assert decode(text.encode(), "") == (text, "utf-8")


def test_controls_are_the_signs_that_browsers_show() -> None:
    assert decode("<p>\x93ja\x94 \x96 5 \x80</p>".encode(), "") == ("<p>“ja” – 5 €</p>", "utf-8+windows-1252")


def test_utf8_with_parts_in_another_charset() -> None:
    right, other = paragraph("cs"), paragraph("sk")
    body = f"<p>{right}</p><p>".encode() + other.encode("windows-1250") + f"</p><p>{right}</p>".encode()
    assert decode(body, "text/html; charset=utf-8") == (
        f"<p>{right}</p><p>{other}</p><p>{right}</p>",
        "utf-8,windows-1250",
    )


# --- names -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("codec", "name"), [("cp1250", "windows-1250"), ("iso-8859-2", "iso-8859-2"), ("cp1252", "windows-1252")]
)
def test_the_charset_is_named_as_the_web_does(codec: str, name: str) -> None:
    assert decode("<p>č ž š</p>".encode(codec, "replace") + "é".encode(codec), f"text/html; charset={name}")[1] == name


def test_iso_8859_1_means_windows_1252() -> None:
    assert decode(b"<p>5 \x80 \x96 \x93ja\x94</p>", "text/html; charset=iso-8859-1") == (
        "<p>5 € – “ja”</p>",
        "windows-1252",
    )


def test_a_few_broken_bytes_do_not_make_utf8_something_else() -> None:
    text = page(SENTENCES["pl"][1])
    body = text.encode()
    cut = body.index("ż".encode()) + 1
    found, charset = decode(body[:cut] + body[cut + 1 :], "text/html; charset=iso-8859-2")
    assert charset == "utf-8"
    assert found.count("�") == 1 and "źródła" in found


def test_ascii_and_nothing() -> None:
    assert decode(b"<p>plain</p>", "text/html; charset=utf-8") == ("<p>plain</p>", "ascii")
    assert decode(b"", "") == ("", "ascii")


# --- content encodings -------------------------------------------------------------------------------------------------------

HTML = page(SENTENCES["lv"][1]).encode() * 20


def raw_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(data) + packer.flush()


def chunked(data: bytes, size: int = 1000, extension: bytes = b"") -> bytes:
    parts = [data[i : i + size] for i in range(0, len(data), size)]
    return b"".join(b"%x%s\r\n%s\r\n" % (len(part), extension, part) for part in parts) + b"0\r\nX-Sum: 1\r\n\r\n"


PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "x-gzip": gzip.compress,
    "GZIP": gzip.compress,
    "deflate": zlib.compress,
    "Deflate": raw_deflate,
    "br": brotli.compress,
    "zstd": zstandard.ZstdCompressor().compress,
    "identity": bytes,
    "deflate, gzip": lambda data: gzip.compress(zlib.compress(data)),
}


def coding(name: str) -> list[tuple[str, str]]:
    return [("Server", "x"), ("content-ENCODING", name)]


@pytest.mark.parametrize("name", PACKERS)
def test_a_content_encoding_is_undone(name: str) -> None:
    assert unpack(PACKERS[name](HTML), coding(name)) == HTML


@pytest.mark.parametrize("name", PACKERS)
def test_chunks_are_joined_before_unpacking(name: str) -> None:
    headers = [*coding(name), ("Transfer-Encoding", "chunked")]
    assert unpack(chunked(PACKERS[name](HTML)), headers) == HTML
    assert unpack(chunked(PACKERS[name](HTML), 7, b";a=b"), headers) == HTML
    assert unpack(PACKERS[name](HTML), headers) == HTML, "a crawler had joined them already"


@pytest.mark.parametrize("name", [name for name in PACKERS if name != "identity"])
@pytest.mark.parametrize("said", ["gzip", "deflate", "br", "zstd", "utf-8", "gzip, gzip", ""])
def test_what_is_declared_need_not_be_true(name: str, said: str) -> None:
    if (name == "br" and said in ("utf-8", "")) or (name == "Deflate" and said in ("utf-8", "")):
        return  # nothing in the bytes shows these two
    assert unpack(PACKERS[name](HTML), coding(said)) == HTML


@pytest.mark.parametrize("size", [7, 1000, 10**6])
def test_chunks_that_nobody_declared_are_joined(size: int) -> None:
    assert unpack(chunked(HTML, size), []) == HTML
    assert unpack(chunked(gzip.compress(HTML), size), coding("gzip")) == HTML


@pytest.mark.parametrize(
    "body",
    [
        b"12\r\nmore text, as any page might begin with a number",
        b"beef\r\n<p>stew</p>",
        b"0x\r\n<p>x</p>",
        b"5\n<p>abc",
        b"a\r\n0123456789<p>",
    ],
)
def test_text_that_looks_like_a_chunk_is_left(body: bytes) -> None:
    assert unpack(body, []) == body


def test_chunks_that_break_off_give_what_is_there() -> None:
    whole = chunked(HTML, 100)
    assert HTML.startswith(unpack(whole[:950], [("Transfer-Encoding", "chunked")]))
    assert len(unpack(whole[:950], [("Transfer-Encoding", "chunked")])) > 800


def test_gzip_in_several_members_and_with_a_wrong_checksum() -> None:
    half = len(HTML) // 2
    members = gzip.compress(HTML[:half]) + gzip.compress(HTML[half:])
    assert unpack(members, coding("gzip")) == unpack(members + b"\x00" * 9, coding("gzip")) == HTML
    assert unpack(gzip.compress(HTML)[:-8] + bytes(8), coding("gzip")) == HTML


@pytest.mark.parametrize("name", ["gzip", "deflate", "br", "zstd", "gzip, br", "utf-8", "none"])
@pytest.mark.parametrize(
    "html", [HTML, b"\r\n\r\n <html>x</html>", b"<p>x", b"<!doctype html>\n<html><body>y</body></html>"]
)
def test_an_encoding_that_was_undone_already_is_ignored(name: str, html: bytes) -> None:
    assert unpack(html, coding(name)) == html


def test_gzip_that_nobody_declared_is_undone() -> None:
    assert unpack(gzip.compress(HTML), []) == HTML
    assert unpack(gzip.compress(HTML), coding("identity")) == HTML


@pytest.mark.parametrize("name", ["gzip", "deflate", "zstd"])
def test_a_cut_off_body_gives_what_is_there(name: str) -> None:
    rng = random.Random(1)
    noise = b"".join(b"<p>%d</p>" % rng.getrandbits(40) for _ in range(40_000))
    whole = PACKERS[name](noise)
    found = unpack(whole[: len(whole) // 2], coding(name))
    assert noise.startswith(found) and len(found) > 1000


@pytest.mark.parametrize("name", ["gzip", "br", "zstd", "deflate"])
def test_what_no_encoding_explains_says_so(name: str) -> None:
    body = {"gzip": b"\x1f\x8b\x08\x00"}.get(name, b"") + bytes(range(255, 100, -1)) * 3
    with pytest.raises(Undecodable, match=name):
        unpack(body, coding(name))


@pytest.mark.parametrize("name", ["gzip", "deflate", "br", "zstd"])
def test_a_bomb_is_not_unpacked_whole(name: str) -> None:
    bomb = PACKERS[name](b"<" * (MAX_DECODED + (8 << 20)))
    assert len(unpack(bomb, coding(name))) <= MAX_DECODED + (1 << 20)
