"""pii/: what is found, what is left alone, how it is replaced, and redact(redact(x)) == redact(x). Identifiers are made at run time."""

import random
import sys
from collections.abc import Iterator

import phonenumbers
import pytest
from bench import pii_numbers as numbers
from hypothesis import given, settings
from hypothesis import strategies as st

from euro_curate.languages import languages
from euro_curate.pii import (
    CHOICES,
    KINDS,
    TAGS,
    Span,
    chosen_kinds,
    engine,
    find,
    redact_text,
    scan,
)

STATES = sorted({country for language in languages().values() for country in language.countries})
LANGUAGE_OF = {country: language.code for language in languages().values() for country in language.countries}
FORMATS = phonenumbers.PhoneNumberFormat
EXAMPLE = "name" + "@" + "mail.example"
IP = "80.60." + "40.20"
DRAW = random.Random(20261128)
CARD = numbers.card(DRAW)
MAC = "00:16:3e:" + "c2:07:ee"


def make_iban(country: str) -> str:
    return numbers.iban(country, random.Random(country)).replace(" ", "")


def example_phone(region: str, style: int) -> str:
    number = phonenumbers.example_number(region)
    assert number is not None
    return str(phonenumbers.format_number(number, style))


def kinds(text: str, language: str = "") -> list[str]:
    return [span.kind for span in find(text, language)]


@pytest.mark.parametrize("country", STATES)
def test_ibans_of_every_state_are_found_grouped_or_not(country: str) -> None:
    made = make_iban(country)
    grouped = " ".join(made[i : i + 4] for i in range(0, len(made), 4))
    for form in (made, grouped, grouped.replace(" ", "-"), grouped.replace(" ", "\u00a0"), made.lower()):
        assert redact_text(f"Ž. konto {form}, prosím")[0] == "Ž. konto <iban-pii>, prosím", form
    wrong = made[:2] + f"{(int(made[2:4]) + 1) % 97:02d}" + made[4:]
    assert "iban" not in kinds(f"konto {wrong}, ")


def test_an_iban_ends_where_it_ends() -> None:
    made = make_iban("DE")
    assert redact_text(f"{made} BIC ABCD")[0] == "<iban-pii> BIC ABCD"
    assert redact_text(f"IBAN{made}")[0] == "IBAN<iban-pii>"
    assert kinds("X" + made) == kinds(made + "X") == []


@pytest.mark.parametrize("region", STATES)
def test_international_phones_are_found_whatever_the_language(region: str) -> None:
    number = example_phone(region, FORMATS.INTERNATIONAL)
    for form in (
        number,
        "00" + number[1:],
        number.replace(" ", ""),
        number.replace(" ", "-"),
        number.replace(" ", "\u00a0"),
    ):
        assert redact_text(f"☎ {form}; ou")[0] == "☎ <phone-pii>; ou", form


@pytest.mark.parametrize("region", STATES)
def test_phones_as_written_in_a_country_are_found_behind_a_word_in_its_language_alone(region: str) -> None:
    number, language = example_phone(region, FORMATS.NATIONAL), LANGUAGE_OF[region]
    assert redact_text(f"Tel. {number}.", language)[0] == "Tel. <phone-pii>."
    assert kinds(f"Ab {number}.", language) == [] == kinds(f"Tel. {number}.", "rus_Cyrl")


@pytest.mark.parametrize("sep", [" / ", " oder ", ", ", "; "])
def test_two_phones_side_by_side_are_both_found(sep: str) -> None:
    number = example_phone("DE", FORMATS.NATIONAL)
    assert redact_text(f"Tel. {number}{sep}{number}.", "deu_Latn")[0] == f"Tel. <phone-pii>{sep}<phone-pii>."


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"«{EXAMPLE}»", "«<email-pii>»"),
        (f"mailto:{EXAMPLE}.", "mailto:<email-pii>."),
        (f"<{EXAMPLE}>", "<<email-pii>>"),
        (f"first.last+tag{EXAMPLE[4:]}, x", "<email-pii>, x"),
        ("jörg" + "@" + "bücher.example", "<email-pii>"),
        ("γιώργος" + "@" + "παράδειγμα.ελ", "<email-pii>"),
        ("иван.петров" + "@" + "поща.бг", "<email-pii>"),
        (f"пишете на\u00a0{EXAMPLE}„ok“", "пишете на\u00a0<email-pii>„ok“"),
        (f"{EXAMPLE}»{EXAMPLE}", "<email-pii>»<email-pii>"),
        ("name (at) mail.example, x", "<email-pii>, x"),
        ("name [at] mail [dot] example", "<email-pii>"),
        ("jan.novak (zavináč) posta (tečka) cz.", "<email-pii>."),
        ("meet me (at) noon", "meet me (at) noon"),
        (f"from {IP}.", "from <ip-pii>."),
        (f"IP:{IP}:8080", "IP:<ip-pii>:8080"),
        (f"http://{IP}/x", "http://<ip-pii>/x"),
        ("2a00:1450:" + "4001:82b::200e", "<ip-pii>"),
        (f"card {CARD}.", "card <card-pii>."),
        (f"MAC {MAC}, ok", "MAC <mac-pii>, ok"),
        (f"MAC {MAC.replace(':', '-').upper()}", "MAC <mac-pii>"),
    ],
)
def test_addresses_and_numbers_of_all_countries(text: str, expected: str) -> None:
    assert redact_text(text)[0] == expected


@pytest.mark.parametrize("when", ["12:04:55 ", "2024 ", "No 7 - "])
def test_an_ip_address_after_a_number_is_found(when: str) -> None:
    assert redact_text(f"{when}{IP} GET")[0] == f"{when}<ip-pii> GET"


FALSE_ALARMS = [
    "version 2.14.3.1", "v2.14.3.1", "Kap. 3.1.2.5", "1.2.3.4", "9.8.7.6.5", "Firefox/80.1.2.33", "1.0.0.100", "224.0.0.251",
    "01.02.2024", "1. 2. 2024", "2024-01-31", "31/01/2024", "2024.01.31", "01-02-24", "12:30:45", "2024-01-31T12:00:00",
    "ISBN 978-3-16-148410-0", "ISBN 3-16-148410-0", "ISBN 0-306-40615-2", "ISBN 0 306 40615 2", "ISSN 0317-8471", "EAN 4006381333931",
    "1 234 567,89 €", "0,99 €", "12.345.678,00 kr", "$1,000,000.00", "000 000 000", "0,00 – 0,05 %", "EUR 45 321 764",
    "(EU) 2016/679", "2016/679", "32016R0679", "COM(2021) 206", "C-131/12", "L 119, 4.5.2016, 1-88", "2014/0100(COD)",
    "ECLI:EU:C:2014:317", "CELEX 62012CJ0131", "doi:10.1016/j.artint.2019.103", "arXiv:2509.14233", "48.8566, 2.3522", "N 48° 51.396",
    "logo@2x.png", "sprite@3x.webp", "@handle", "a @ b", "x@y", "user@host", "@media.screen",
    "10.0.0.1", "192.168.178.20", "127.0.0.1", "169.254.1.1", "203.0.113.9", "::1", "fe80::1", "2001:db8::1", "ff02::1", "std::dec",
    "00:11:22:33:44:55", "00:00:5E:00:53:01", "ff:ff:ff:ff:ff:ff", "01:00:5e:00:00:fb", "10:15:30:45",
    "08.15 - 17.30", "09.00-12.00", "0800 - 1200", "10115 Berlin", "DE00 0000 0000 0000 0000 00", "3.14159265358979",
    "4281 4282 4284 4288 4411 4412 4414", "SE 1234 5678", "<email-pii> <phone-pii>", "<id-pii>",
]  # fmt: skip


@pytest.mark.parametrize("text", FALSE_ALARMS)
def test_what_is_no_personal_data_stays(text: str) -> None:
    for language in ("", "deu_Latn", "fra_Latn", "ell_Grek", "dan_Latn"):
        for form in (text, f"ab {text} cd", f"({text})", f"Ωμέγα: {text}."):
            assert redact_text(form, language) == (form, []), language


def test_offsets_are_code_points_of_the_input() -> None:
    phone, account = example_phone("GR", FORMATS.INTERNATIONAL), make_iban("GR")
    text = f"🙂🙂 Γειά: {EXAMPLE} — 👩‍👩‍👧 {phone}, ß {account} τέλος\ud800"
    clean, spans = redact_text(text)
    assert [(s.kind, text[s.start : s.end]) for s in spans] == [("email", EXAMPLE), ("phone", phone), ("iban", account)]
    assert clean == "🙂🙂 Γειά: <email-pii> — 👩‍👩‍👧 <phone-pii>, ß <iban-pii> τέλος\ud800"
    assert spans[0] == Span("email", 9, 9 + len(EXAMPLE))


def nationals() -> st.SearchStrategy[str]:
    return st.tuples(st.sampled_from(sorted(numbers.NATIONAL)), st.integers(0, 40)).map(
        lambda case: numbers.national(case[0], random.Random(case[1]))
    )


PIECES = st.one_of(
    st.sampled_from(
        [
            EXAMPLE,
            IP,
            "2a00:1450::200e",
            "<email-pii>",
            "<id-pii>",
            "DE",
            "@",
            "+",
            "00",
            " / ",
            ".",
            " ",
            "(",
            "(at)",
            "ABC",
            "🙂",
            "é",
            "»",
            "%",
        ]
    ),
    st.sampled_from(
        [
            CARD,
            MAC,
            "Tel. ",
            "Telefon: ",
            "PESEL ",
            "OIB: ",
            "rodné číslo ",
            "BSN ",
            "personnummer ",
            "Karte ",
            "ISBN ",
            "\n",
            "x" * 90,
        ]
    ),
    nationals(),
    st.sampled_from(STATES).map(make_iban),
    st.tuples(st.sampled_from(STATES), st.sampled_from([0, 1, 2])).map(lambda case: example_phone(*case)),
    st.text(alphabet="0123456789 +-./()@:ABab€é", max_size=6),
)
TEXTS = st.lists(PIECES, max_size=12).map("".join)
SOME_LANGUAGES = st.sampled_from(["", "deu_Latn", "ell_Grek", "slk_Latn", "hrv_Latn", "nld_Latn"])


@settings(deadline=None, derandomize=True, max_examples=250)
@given(TEXTS, SOME_LANGUAGES)
def test_redacting_again_changes_nothing(text: str, language: str) -> None:
    once, spans = redact_text(text, language)
    assert redact_text(once, language) == (once, [])
    starts = [0, *(s.end for s in spans)]
    assert all(before <= s.start < s.end for before, s in zip(starts, spans, strict=False))
    parts = [text[a:b] for a, b in zip(starts, [*(s.start for s in spans), len(text)], strict=True)]
    tags = [f"<{TAGS[s.kind]}-pii>" for s in spans]
    assert once == "".join(part + tag for part, tag in zip(parts, [*tags, ""], strict=True))


def test_nothing_changes_without_re2() -> None:
    draw = random.Random(7)
    glue = [
        "Tel. ",
        " PESEL ",
        "\n",
        "@",
        "+",
        "00",
        " / ",
        ".",
        " ",
        "(at)",
        "é",
        "ISBN ",
        "12.03.2021",
        "x",
        "1 234 567,89 €",
        "OIB: ",
        EXAMPLE,
        IP,
        MAC,
        CARD,
    ]
    texts = []
    for _ in range(100):
        values = [
            numbers.national(draw.choice(sorted(numbers.NATIONAL)), draw),
            numbers.iban(draw.choice(STATES), draw),
            numbers.phone(draw.choice(STATES), draw),
        ]
        texts.append("".join(draw.choice([*glue, *values]) for _ in range(9)))
    for language in ("deu_Latn", "ell_Grek"):
        with_re2 = [find(text, language) for text in texts]
        assert sum(map(len, with_re2)) > len(texts) // 2
        with without_re2():
            assert [find(text, language) for text in texts] == with_re2


class without_re2:  # noqa: N801
    """As on a machine where `import re2` fails."""

    def __enter__(self) -> None:
        self.kept = sys.modules.get("re2")
        sys.modules["re2"] = None  # type: ignore[assignment]
        self._forget()
        assert engine.re2() is None

    def __exit__(self, *_: object) -> None:
        sys.modules.pop("re2", None)
        if self.kept:
            sys.modules["re2"] = self.kept
        self._forget()

    def _forget(self) -> None:
        for cached in (engine.re2, engine.compiled, scan.finder):
            cached.cache_clear()


def test_re2_is_what_is_used_where_it_is_there() -> None:
    pytest.importorskip("re2")
    assert engine.re2() is not None


N = 12_000
BOMBS = {
    "digits": "1" * N,
    "pairs of digits": "12 " * N,
    "zeros": "00 " * N,
    "plus": "+4930" * N,
    "at": "@" * N,
    "local parts": "a." * N + "@",
    "domains": "@a" + ".a" * N,
    "ibans": "DE44 " * N,
    "capitals": "ABCDEF12A" * N,
    "colons": "1:2:" * N,
    "tags": "<" * N,
    "words": "PESEL 12345678901 " * (N // 10),
    "addresses": (EXAMPLE + " ") * (N // 10),
    "glued": (EXAMPLE + "@") * (N // 10),
    "phones": "+49301234567" * (N // 10),
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_hostile_text_takes_no_more_time_than_other_text(bomb: str) -> None:
    """Anything worse than linear would take minutes here."""
    text = BOMBS[bomb]
    clean, spans = redact_text(text, "pol_Latn")
    assert len(clean) <= len(text) + 12 * len(spans)


class Watched(scan.Finder):
    """Counts the bytes that the kinds are given to look at."""

    def __init__(self, kinds: tuple[str, ...]) -> None:
        super().__init__("pol_Latn", kinds)
        self.looked = 0

    def _look(self, data: bytes, at: int, end: int) -> tuple[scan.Found | None, int, int]:
        self.looked += len(data)
        return super()._look(data, at, end)


ALL = chosen_kinds(CHOICES)
KEYS = {"keys": "-----BEGIN PRIVATE KEY-----", "tokens": "eyJ-", "letters": "sk-aB", "refused": "@x" * 8 + " a@b.cd "}


@pytest.mark.parametrize("bomb", [*BOMBS, *KEYS])
def test_the_work_grows_with_the_text_alone(bomb: str) -> None:
    """Twice the text, twice the bytes looked at: every trigger has one window, and a finding sends the scan back by one window at most."""
    units = {name: text[:2000] for name, text in BOMBS.items()} | {k: v * (22_000 // len(v)) for k, v in KEYS.items()}
    counts = []
    for times in (1, 2, 4):
        finder = Watched(ALL)
        finder.find((units[bomb] * times).encode())
        counts.append(finder.looked)
    assert 0 <= counts[2] - counts[1] <= 2.1 * (counts[1] - counts[0]) + 10**5


def test_only_the_chosen_kinds_are_replaced() -> None:
    text = f"{EXAMPLE} {IP}"
    assert redact_text(text, kinds=("ip",))[0] == f"{EXAMPLE} <ip-pii>"
    assert redact_text(text, kinds=())[0] == text
    assert {"email", "iban", "ip", "phone", "card", "mac", "pl_pesel"} < set(KINDS)
    assert {"vat", "wallet", "secret"} & set(KINDS) == set()


def test_kinds_are_chosen_by_name_or_all_states_at_once() -> None:
    assert chosen_kinds(["phone", "email", "pl_pesel"]) == ("email", "phone", "pl_pesel")
    assert set(chosen_kinds(["email", "iban", "ip", "mac", "card", "phone", "national"])) == set(KINDS)
    with pytest.raises(
        ValueError, match=r"unknown passport; choices: email, iban, ip, mac, card, phone, national, secret, wallet, vat"
    ):
        chosen_kinds(["email", "passport"])


def made_wallet() -> str:
    from stdnum import bitcoin

    alphabet = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
    import hashlib

    body = b"\x00" + bytes(DRAW.randrange(256) for _ in range(20))
    number = int.from_bytes(body + hashlib.sha256(hashlib.sha256(body).digest()).digest()[:4], "big")
    text = ""
    while number:
        number, rest = divmod(number, 58)
        text = alphabet[rest] + text
    assert bitcoin.is_valid("1" + text)
    return "1" + text


def options() -> Iterator[tuple[str, str, str]]:
    yield "wallet", f"BTC {made_wallet()}, danke", "BTC <wallet-pii>, danke"
    yield "wallet", "0x" + "52908400098527886E0F" + "7030069857D2E4169EE7", "<wallet-pii>"
    yield "secret", "key AKIA" + "IOSFODNN7EXAMPLE;", "key <secret-pii>;"
    yield "secret", "ghp_" + "a1B2" * 9, "<secret-pii>"
    body = "MIIEvQIBADANBgkqhkiG9w0BAQ\n" * 4
    yield "secret", f"-----BEGIN PRIVATE KEY-----\n{body}-----END PRIVATE KEY-----", "<secret-pii>"
    yield "vat", f"USt-IdNr. {scan.VAT.example()}.", "USt-IdNr. <vat-pii>."


@pytest.mark.parametrize(("kind", "text", "expected"), options())
def test_options_are_found_when_asked_for(kind: str, text: str, expected: str) -> None:
    assert redact_text(text, kinds=chosen_kinds([*KINDS, kind]))[0] == expected
    assert kind not in kinds(text)
