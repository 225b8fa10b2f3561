"""pii/: what is found, what is left alone, and redact(redact(x)) == redact(x). Identifiers are made at run time."""

import random
import re
import string
from functools import cache

import phonenumbers
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stdnum import iban as registry
from stdnum import numdb

from euro_curate.languages import languages
from euro_curate.pii import KINDS, Redaction, Span, find, redact_text

STATES = sorted({country for language in languages().values() for country in language.countries})
FORMATS = phonenumbers.PhoneNumberFormat
EXAMPLE = "name" + "@" + "mail.example"


@cache
def make_iban(country: str) -> str:
    """A checksum-valid IBAN of the country's structure, random but for its own national check digits."""
    ((_, entry), *_) = numdb.get("iban").info(country)
    structure = [(int(n), kind) for n, kind in re.findall(r"(\d+)!([nac])", entry["bban"])]
    draw = random.Random(country)
    for _ in range(100_000):
        account = "".join(
            "".join(draw.choices(string.ascii_uppercase if kind == "a" else string.digits, k=n))
            for n, kind in structure
        )
        digits = "".join(str(int(c, 36)) for c in account + country + "00")
        made = f"{country}{98 - int(digits) % 97:02d}{account}"
        if registry.is_valid(made):
            return made
    raise AssertionError(f"no IBAN of {country} could be made")


def example_phone(region: str, style: int) -> str:
    number = phonenumbers.example_number(region)
    assert number is not None
    return str(phonenumbers.format_number(number, style))


def kinds(text: str, *countries: str) -> list[str]:
    return [span.kind for span in find(text, countries)]


@pytest.mark.parametrize("country", STATES)
def test_ibans_of_every_state_are_found_grouped_or_not(country: str) -> None:
    made = make_iban(country)
    grouped = " ".join(made[i : i + 4] for i in range(0, len(made), 4))
    for form in (made, grouped, grouped.replace(" ", "-")):
        text = f"Ž. konto {form}, prosím"
        assert redact_text(text)[0] == "Ž. konto <iban-pii>, prosím"
    wrong = made[:2] + f"{(int(made[2:4]) + 1) % 97:02d}" + made[4:]
    assert "iban" not in kinds(f"konto {wrong}, ")


def test_an_iban_ends_where_it_ends() -> None:
    made = make_iban("DE")
    assert redact_text(f"{made} BIC ABCD")[0] == "<iban-pii> BIC ABCD"
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


@pytest.mark.parametrize("region", [r for r in STATES if example_phone(r, FORMATS.NATIONAL).startswith(("0", "(0"))])
def test_national_phones_with_a_leading_zero_are_found_in_their_country(region: str) -> None:
    number = example_phone(region, FORMATS.NATIONAL)
    assert redact_text(f"Tel. {number}.", (region,))[0] == "Tel. <phone-pii>."
    assert kinds(f"Tel. {number}.") == []


def test_national_phones_are_found_in_over_half_of_the_states() -> None:
    found = [r for r in STATES if kinds(f"Tel. {example_phone(r, FORMATS.NATIONAL)}.", r) == ["phone"]]
    print(f"NATIONAL: {len(found)} of {len(STATES)}; not: {sorted(set(STATES) - set(found))}")
    assert len(found) >= 15


@pytest.mark.parametrize("sep", [" / ", " oder ", ", ", "; "])
def test_two_phones_side_by_side_are_both_found(sep: str) -> None:
    number = example_phone("DE", FORMATS.NATIONAL)
    assert redact_text(f"Tel. {number}{sep}{number}.", ("DE",))[0] == f"Tel. <phone-pii>{sep}<phone-pii>."


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"«{EXAMPLE}»", "«<email-pii>»"),
        (f"mailto:{EXAMPLE}.", "mailto:<email-pii>."),
        (f"<{EXAMPLE}>", "<<email-pii>>"),
        (f"first.last+tag{EXAMPLE[4:]}, x", "<email-pii>, x"),
        ("jörg" + "@" + "bücher.example", "<email-pii>"),
        ("γιώργος" + "@" + "παράδειγμα.ελ", "<email-pii>"),
        (f"пишете на\u00a0{EXAMPLE}„ok“", "пишете на\u00a0<email-pii>„ok“"),
        (f"{EXAMPLE}»{EXAMPLE}", "<email-pii>»<email-pii>"),
        ("from 80.60." + "40.20.", "from <ip-pii>."),
        ("2a00:1450:" + "4001:82b::200e", "<ip-pii>"),
    ],
)
def test_addresses(text: str, expected: str) -> None:
    assert redact_text(text)[0] == expected


@pytest.mark.parametrize("when", ["12:04:55 ", "2024 ", "No 7 - "])
def test_an_ip_address_after_a_number_is_found(when: str) -> None:
    assert redact_text(f"{when}80.60.40.20 GET")[0] == f"{when}<ip-pii> GET"


FALSE_ALARMS = [
    "version 2.14.3.1", "v2.14.3.1", "Kap. 3.1.2.5", "1.2.3.4", "9.8.7.6.5",
    "01.02.2024", "1. 2. 2024", "2024-01-31", "31/01/2024", "2024.01.31", "01-02-24", "12:30:45", "2024-01-31T12:00:00",
    "ISBN 978-3-16-148410-0", "ISBN 3-16-148410-0", "ISBN 0-306-40615-2", "ISBN 0 306 40615 2", "ISSN 0317-8471",
    "1 234 567,89 €", "0,99 €", "12.345.678,00 kr", "$1,000,000.00", "000 000 000", "0,00 – 0,05 %",
    "(EU) 2016/679", "2016/679", "32016R0679", "COM(2021) 206", "C-131/12", "L 119, 4.5.2016, 1-88", "2014/0100(COD)",
    "logo@2x.png", "sprite@3x.webp", "@handle", "a @ b", "x@y", "user@host", "@media.screen",
    "10.0.0.1", "192.168.178.20", "127.0.0.1", "169.254.1.1", "203.0.113.9", "::1", "fe80::1", "2001:db8::1",
    "08.15 - 17.30", "09.00-12.00", "0800 - 1200", "10115 Berlin", "DE00 0000 0000 0000 0000 00", "3.14159265358979",
    "SE 1234 5678", "<email-pii> <phone-pii>",
]  # fmt: skip


@pytest.mark.parametrize("text", FALSE_ALARMS)
def test_what_is_no_personal_data_stays(text: str) -> None:
    for countries in ((), ("DE", "AT", "BE", "LU"), ("FR", "IT", "GB"), tuple(STATES)):
        for form in (text, f"ab {text} cd", f"({text})", f"Ωμέγα: {text}."):
            assert redact_text(form, countries) == (form, []), countries


def test_offsets_are_code_points_of_the_input() -> None:
    phone, account = example_phone("GR", FORMATS.INTERNATIONAL), make_iban("GR")
    text = f"🙂🙂 Γειά: {EXAMPLE} — 👩‍👩‍👧 {phone}, ß {account} τέλος\ud800"
    clean, spans = redact_text(text)
    assert [(s.kind, text[s.start : s.end]) for s in spans] == [("email", EXAMPLE), ("phone", phone), ("iban", account)]
    assert clean == "🙂🙂 Γειά: <email-pii> — 👩‍👩‍👧 <phone-pii>, ß <iban-pii> τέλος\ud800"
    assert spans[0] == Span("email", 9, 9 + len(EXAMPLE))


PIECES = st.one_of(
    st.sampled_from(
        [
            EXAMPLE,
            "80.60.40.20",
            "2a00:1450::200e",
            "<email-pii>",
            "DE",
            "@",
            "+",
            "00",
            " / ",
            ".",
            " ",
            "(",
            "ABC",
            "🙂",
            "é",
            "»",
            "%",
        ]
    ),
    st.sampled_from(STATES).map(make_iban),
    st.tuples(st.sampled_from(STATES), st.sampled_from([0, 1, 2])).map(lambda case: example_phone(*case)),
    st.text(alphabet="0123456789 +-./()@:ABab€é", max_size=6),
)


@settings(deadline=None, derandomize=True, max_examples=800)
@given(st.lists(PIECES, max_size=7).map("".join), st.sampled_from([(), ("DE", "AT"), tuple(STATES)]))
def test_redacting_again_changes_nothing(text: str, countries: tuple[str, ...]) -> None:
    once, spans = redact_text(text, countries)
    assert redact_text(once, countries) == (once, [])
    starts = [0, *(s.end for s in spans)]
    assert all(before <= s.start < s.end for before, s in zip(starts, spans, strict=False))
    parts = [text[a:b] for a, b in zip(starts, [*(s.start for s in spans), len(text)], strict=True)]
    tags = [f"<{s.kind}-pii>" for s in spans]
    assert once == "".join(part + tag for part, tag in zip(parts, [*tags, ""], strict=True))


def test_only_the_chosen_kinds_are_replaced() -> None:
    text = f"{EXAMPLE} 80.60.40.20"
    assert redact_text(text, kinds=("ip",))[0] == f"{EXAMPLE} <ip-pii>"
    assert redact_text(text, kinds=())[0] == text
    assert KINDS == ("email", "iban", "ip", "phone")


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(ValueError, match=r"unknown passport; choices: email, iban, ip, phone"):
        Redaction(kinds=("email", "passport"))
