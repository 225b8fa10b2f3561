"""ingest/decode.py: content encodings undone, every EU language's legacy charsets read right whatever the headers say."""

import gzip
import random
import zlib
from collections.abc import Callable

import brotli
import pytest
import zstandard

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


@pytest.mark.parametrize("name", ["bg", "el", "cs", "pl", "hu", "de", "fi"])
def test_an_undeclared_charset_is_detected(name: str) -> None:
    text, body = encoded(name, SENTENCES[name][0][0])
    assert decode(body, "text/html")[0] == text


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
