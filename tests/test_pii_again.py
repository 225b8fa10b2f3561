"""pii/: redact(redact(x)) == redact(x) on hostile text, in every style and with every kind on."""

import random

import pytest
from bench import pii_numbers as numbers
from hypothesis import given, settings
from hypothesis import strategies as st
from test_pii import PIECES, TEXTS

from euro_curate.pii import CHOICES, KINDS, Style, chosen_kinds, redact_text
from euro_curate.pii.styles import _FAKES, stand_ins

KEY = "EURO_CURATE_TEST_KEY"
STYLES = {
    "tag": Style(),
    "capitals": Style(tag="<{KIND}>"),
    "bare": Style(tag="<|~|>"),
    "fake": Style("fake"),
    "pseudonym": Style("pseudonym", key_env=KEY),
}
ALL = chosen_kinds(CHOICES)
LANGUAGES = ("deu_Latn", "ell_Grek", "pol_Latn", "bul_Cyrl", "eng_Latn", "")
HOSTILE = st.text(alphabet="0123456789.@+-<> ()[]/:,aABXéΑ\x01\n", max_size=30)
STRANGE = st.one_of(
    PIECES,
    HOSTILE,
    st.sampled_from(
        [
            *_FAKES.values(),
            "<email-pii>",
            "<ID>",
            "<|~|>",
            "<id-pii-abcdefghij>",
            "LT12",
            "a" * 63,
            "1-" * 40,
            "eyJ",
            "AKIA",
        ]
    ),
    st.sampled_from(
        [
            "NIP ",
            "Tel. ",
            "ΑΦΜ: ",
            "ЕГН ",
            "(at)",
            " (dot) ",
            "12.03.2021 - ",
            "ISBN ",
            "EUR ",
            "::",
            "-----BEGIN PRIVATE KEY-----",
        ]
    ),
)
every_style = pytest.mark.parametrize("style", STYLES)


@pytest.fixture(autouse=True)
def _secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY, "0123456789abcdef-secret")


def check(text: str, language: str, style: str, kinds: tuple[str, ...] = ALL) -> int:
    once, spans = redact_text(text, language, kinds, STYLES[style], "p")
    assert redact_text(once, language, kinds, STYLES[style], "p") == (once, [])
    return len(spans)


@every_style
@settings(deadline=None, derandomize=True, max_examples=150)
@given(text=st.lists(STRANGE, max_size=14).map("".join), language=st.sampled_from(LANGUAGES))
def test_redacting_again_changes_nothing_in_any_style(style: str, text: str, language: str) -> None:
    check(text, language, style)


@every_style
@settings(deadline=None, derandomize=True, max_examples=60)
@given(text=TEXTS, other=TEXTS)
def test_text_that_another_style_has_redacted_stays_so(style: str, text: str, other: str) -> None:
    for first in STYLES.values():
        once, _ = redact_text(f"{text}, {other}", "deu_Latn", style=first, page="p")
        assert redact_text(once, "deu_Latn", style=STYLES[style], page="p") == (once, [])


def hostile_line(seed: int, size: int) -> str:
    """A line without much sense: a few of many pieces, in any order, with real numbers among them or without."""
    draw = random.Random(seed)
    plain = [
        "1234567890",
        "ana",
        "@",
        "12.12.2024",
        "+49 30",
        "LT12",
        "a.b-c@d.",
        "199.",
        "@@@",
        " ",
        "<",
        ">",
        "<id-pii>",
        "(at)",
        " (dot) ",
    ]
    plain += [
        "-",
        "+",
        "00",
        "/",
        ".",
        "Tel. ",
        "NIP ",
        "PESEL: ",
        "BSN",
        "ΑΦΜ ",
        "ЕГН ",
        "a@b.cd",
        "ISBN ",
        "EUR ",
        "€",
        "é",
        "\n",
        "\x01",
    ]
    plain += [
        "DE44 ",
        "::",
        "1:",
        "eyJ",
        "-----BEGIN PRIVATE KEY-----",
        "-----",
        "AKIA",
        "XX",
        "0",
        "7",
        *_FAKES.values(),
    ]
    plain += ["x" * draw.randint(1, 90), "1" * draw.randint(1, 40)]
    chosen, share = draw.sample(plain, draw.randint(3, len(plain))), draw.choice([0, 0.02, 0.2])
    real = (
        lambda: numbers.card(draw),
        lambda: numbers.iban(draw.choice(numbers.STATES), draw),
        lambda: numbers.phone(draw.choice(numbers.STATES), draw),
        lambda: numbers.ip(draw),
        lambda: numbers.national(draw.choice(sorted(numbers.NATIONAL)), draw),
    )
    out, length = [], 0
    while length < size:
        out.append(draw.choice(real)() if draw.random() < share else draw.choice(chosen))
        length += len(out[-1])
    return "".join(out)


@every_style
def test_long_hostile_lines_are_redacted_once(style: str) -> None:
    found = sum(check(hostile_line(seed, 1500), LANGUAGES[seed % len(LANGUAGES)], style) for seed in range(12))
    assert found > 50


@pytest.mark.slow
@pytest.mark.parametrize("block", range(10))
def test_a_thousand_long_hostile_lines(block: int) -> None:
    for seed in range(100 * block, 100 * (block + 1)):
        style, kinds = [*STYLES][seed % 5], (ALL, KINDS)[seed % 2]
        check(hostile_line(seed, 20_000), LANGUAGES[seed % len(LANGUAGES)], style, kinds)


@pytest.mark.slow
def test_ten_megabytes_without_a_space() -> None:
    check(hostile_line(4, 10_000_000).replace(" ", ""), "deu_Latn", "tag")


def test_where_a_stand_in_is_put_no_other_can_be_read() -> None:
    """What makes a redacted text readable: no stand-in contains another, ends like another begins, or is a tag around one."""
    for one in _FAKES.values():
        assert stand_ins(f"x {one} y") == [(2, 2 + len(one))]
        assert any(c.isdigit() or c == "@" for c in one), "a tag could be read around it"
        for other in _FAKES.values():
            assert one == other or one not in other
            assert not any(one.endswith(other[:n]) for n in range(1, min(len(one), len(other)))), (one, other)


def test_a_tag_of_others_is_a_stand_in_but_text_in_angle_brackets_is_not() -> None:
    assert stand_ins("<b> <EMAIL> <|PII|>") == [(0, 3), (4, 11), (12, 19)]
    for text in ("a < b > c", "<1>", "<name@mail.example>", "<jan[at]mail[dot]example>", "<>", "< b>"):
        assert stand_ins(text) == []
