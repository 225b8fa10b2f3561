"""pii/states/: every number of every state with its words in every language of that state, and formulas held against our own."""

import doctest
import importlib
import pkgutil
import random
import string

import pytest
from bench import pii_numbers as numbers

from euro_curate import pii
from euro_curate.languages import languages
from euro_curate.pii import NATIONAL, find, scan
from euro_curate.pii.kind import Kind

BY_NAME = {kind.name: kind for kind in NATIONAL}
NO_CHECK_DIGIT = {"cy_id", "de_stnr", "dk_cpr", "gr_adt", "mt_id"}
SPOKEN = [
    (kind, language) for kind in NATIONAL for language in languages().values() if kind.country in language.countries
]
every_kind = pytest.mark.parametrize("kind", NATIONAL, ids=lambda kind: kind.name)


def spoken_name(case: object) -> str:
    return case.name if isinstance(case, Kind) else str(getattr(case, "iso1", case))


def found(text: str, language: str) -> list[str]:
    return [f"{s.kind}:{text[s.start : s.end]}" for s in find(text, language)]


@pytest.mark.parametrize("module", [m.name for m in pkgutil.walk_packages(pii.__path__, "euro_curate.pii.")])
def test_examples_in_the_documentation_hold(module: str) -> None:
    assert doctest.testmod(importlib.import_module(module)).failed == 0


def test_every_state_has_a_number() -> None:
    assert {kind.country for kind in NATIONAL} == {c for language in languages().values() for c in language.countries}
    assert len({kind.name for kind in NATIONAL}) == len(NATIONAL) > 40


@pytest.mark.parametrize(("kind", "language"), SPOKEN, ids=spoken_name)
def test_a_number_is_found_beside_each_of_its_words(kind: Kind, language: languages) -> None:  # type: ignore[valid-type]
    """Before it, behind it, in a form, and in capitals without accents."""
    words = [*kind.names, *dict(language.pii).get(kind.name, ())]
    assert words, f"no word for {kind.name} in {language.iso1}.toml"
    value = kind.example()
    for word in words:
        plain = word.replace("*", "")
        for text in (
            f"xx {plain}: {value}, yy",
            f"{plain.upper()} {value}",
            f"{value} ({plain})",
            f"| {plain} | {value} |",
            f"{plain}\n{value}\n",
        ):
            spans = find(text, language.code)
            assert [text[s.start : s.end] for s in spans] == [value], (word, text.replace(value, "#"))
            assert spans[0].kind in BY_NAME


@every_kind
def test_without_a_word_only_what_is_written_in_its_usual_way_is_found(kind: Kind) -> None:
    language = next(language.code for k, language in SPOKEN if k is kind)
    value = kind.example()
    assert found(f"ab {value} cd", language) == ([f"{kind.name}:{value}"] if kind.usual else [])
    assert found(f"ab {value} cd", "rus_Cyrl") == []


@every_kind
def test_a_number_that_needs_no_word_is_one_of_a_hundred_of_its_shape_at_most(kind: Kind) -> None:
    draw = random.Random(kind.name)
    for shape in kind.usual:
        if "A" in shape or "X" in shape:
            continue
        made = ("".join(draw.choice(string.digits) if c == "9" else "" for c in shape) for _ in range(10_000))
        assert sum(map(kind.check, made)) <= 110, shape


@pytest.mark.parametrize("name", numbers.NATIONAL)
def test_checks_agree_with_formulas_of_our_own(name: str) -> None:
    draw = random.Random(name)
    kind = BY_NAME[name]
    for _ in range(100):
        value = numbers.national(name, draw)
        assert kind.locate(value.encode(), 0, True) == (0, len(value)), "made by our formula, refused by the check"
        if name not in NO_CHECK_DIGIT:
            assert kind.locate(numbers.twin(value, draw).encode(), 0, True) is None
    assert {k.name for k in NATIONAL} - set(numbers.NATIONAL) == {"cy_id", "de_stnr", "gr_adt", "mt_id", "de_pa"}


def test_a_country_prefix_goes_with_its_number() -> None:
    nip, oib = BY_NAME["pl_nip"].example(), BY_NAME["hr_oib"].example()
    assert found(f"NIP: PL{nip}.", "pol_Latn") == [f"pl_nip:PL{nip}"]
    assert found(f"OIB: HR{oib}.", "hrv_Latn") == [f"hr_oib:HR{oib}"]
    assert found(f"NIP: XY{nip}.", "pol_Latn") == []
    afm = BY_NAME["gr_afm"].example()
    assert found(f"ΑΦΜ: EL{afm}.", "ell_Grek") == [f"gr_afm:EL{afm}"]


def test_a_name_that_means_one_number_is_understood_in_every_language() -> None:
    pesel = BY_NAME["pl_pesel"].example()
    assert found(f"Number PESEL {pesel} is Polish.", "eng_Latn") == [f"pl_pesel:{pesel}"]
    assert found(f"Number {pesel} is Polish.", "eng_Latn") == []


def test_the_word_for_a_phone_beats_that_of_a_number_further_away() -> None:
    draw = random.Random(3)
    bsn = numbers.national("nl_bsn", draw).replace(".", "").replace(" ", "")
    text = f"BSN {bsn}; vragen? Bel ons op telefoon 010 123 4567"
    assert [s.kind for s in find(text, "nld_Latn")] == ["nl_bsn", "phone"]


def test_words_in_language_files_are_of_kinds_that_exist_and_states_that_speak_it() -> None:
    for language in languages().values():
        for kind, words in language.pii:
            assert kind in scan.TRIGGERS, (language.iso1, kind)
            assert words and len(set(words)) == len(words), (language.iso1, kind)
            if kind in BY_NAME and language.iso1 != "en":
                assert BY_NAME[kind].country in language.countries, (language.iso1, kind)
    assert all({"phone", "card"} <= set(dict(language.pii)) for language in languages().values())


def test_old_birth_numbers_have_no_check_digit_and_need_their_word() -> None:
    old = "530214" + "/" + "123"
    assert found(f"rodné číslo {old}", "ces_Latn") == [f"cz_rc:{old}"]
    assert found(f"číslo jednací {old}", "ces_Latn") == []


def test_a_number_is_not_the_tail_of_a_longer_one_nor_a_date_and_what_follows() -> None:
    tin, lnch = BY_NAME["at_tin"], BY_NAME["bg_lnch"]
    grouped = next(
        f"{n // 1000} {n % 1000:03d} {last:03d}"
        for n in range(461678, 462000)
        for last in range(900, 1000)
        if tin.check(f"{n}{last}")
    )
    assert found(f"Steuernummer 12 {grouped}", "deu_Latn") == []
    assert found(f"Steuernummer {grouped}", "deu_Latn") == [f"at_tin:{grouped}"]
    assert found(f"1. Steuernummer: {grouped}; 2. keine", "deu_Latn") == [f"at_tin:{grouped}"]
    dated = next(f"19.10.1994 {n}" for n in range(10, 100) if lnch.check(f"19101994{n}"))
    assert found(f"ЛНЧ от {dated}", "bul_Cyrl") == []


def test_names_of_fields_are_words_for_numbers() -> None:
    cf, rc, kvnr = BY_NAME["it_cf"].example(), BY_NAME["cz_rc"].example(), BY_NAME["de_kvnr"].example()
    assert found(f"codiceFiscale={cf.lower()}", "ita_Latn") == [f"it_cf:{cf.lower()}"]
    assert found(f"rodneCislo: {rc},", "ces_Latn") == [f"cz_rc:{rc}"]
    assert found(f"rodinneCislo={rc}", "ces_Latn") == []
    spaced = f"{kvnr[0]} {kvnr[1:4]} {kvnr[4:7]} {kvnr[7:]}"
    assert found(f"Versichertennr. {spaced}", "deu_Latn") == [f"de_kvnr:{spaced}"]


def test_links_and_payment_references_stay() -> None:
    texts = ["+++551/5271/68256+++", "https://doi.org/10.7262/00273-425-29639-1"]
    assert [found(text, language) for text in texts for language in ("nld_Latn", "ita_Latn", "eng_Latn")] == [[]] * 6
