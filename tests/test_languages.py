"""languages/: 24 files that agree with the contract, and one language for all its spellings."""

import tomllib
import unicodedata
from pathlib import Path

import pytest

import euro_curate.languages
from euro_curate.chars import fold_of
from euro_curate.languages import languages, resolve, select
from euro_curate.text import word_hash

CODES = [
    "bul_Cyrl",
    "hrv_Latn",
    "ces_Latn",
    "dan_Latn",
    "nld_Latn",
    "eng_Latn",
    "ekk_Latn",
    "fin_Latn",
    "fra_Latn",
    "deu_Latn",
    "ell_Grek",
    "hun_Latn",
    "gle_Latn",
    "ita_Latn",
    "lvs_Latn",
    "lit_Latn",
    "mlt_Latn",
    "pol_Latn",
    "por_Latn",
    "ron_Latn",
    "slk_Latn",
    "slv_Latn",
    "spa_Latn",
    "swe_Latn",
]


def fold(word: str) -> str:
    return "".join(map(fold_of, word))


STATES = [
    "AT",
    "BE",
    "BG",
    "CY",
    "CZ",
    "DE",
    "DK",
    "EE",
    "ES",
    "FI",
    "FR",
    "GR",
    "HR",
    "HU",
    "IE",
    "IT",
    "LT",
    "LU",
    "LV",
    "MT",
    "NL",
    "PL",
    "PT",
    "RO",
    "SE",
    "SI",
    "SK",
]


def test_the_24_of_the_contract_in_code_order() -> None:
    assert list(languages()) == sorted(CODES)


@pytest.mark.parametrize("code", CODES)
def test_every_spelling_is_the_language(code: str) -> None:
    language = languages()[code]
    spellings = [code, code[:3], language.iso1, language.name, language.native, *language.aliases]
    for spelling in spellings:
        for form in (spelling, spelling.upper(), spelling.lower(), f" {spelling} "):
            assert resolve(form) is language, form


@pytest.mark.parametrize(
    ("name", "code"), [("est", "ekk_Latn"), ("lav", "lvs_Latn"), ("Bulgarian", "bul_Cyrl"), ("ger", "deu_Latn")]
)
def test_names_of_the_contract(name: str, code: str) -> None:
    assert resolve(name).code == code


def test_no_spelling_means_two_languages() -> None:
    owner: dict[str, str] = {}
    for code, language in languages().items():
        for spelling in {code, code[:3], language.iso1, language.name, language.native, *language.aliases}:
            assert owner.setdefault(spelling.casefold(), code) == code, spelling


@pytest.mark.parametrize("name", ["tlh", "", "no", "srp_Cyrl", "bul_Latn", "english language"])
def test_an_unknown_name_is_refused_with_all_choices(name: str) -> None:
    with pytest.raises(ValueError) as caught:
        resolve(name)
    message = str(caught.value)
    assert repr(name) in message
    assert all(f"{language.iso1} ({language.name})" in message for language in languages().values())


def test_a_slip_gets_a_hint() -> None:
    with pytest.raises(ValueError, match="did you mean 'bulgarian'"):
        resolve("Bulgarain")


def test_select_sorts_drops_repeats_and_takes_all_for_none() -> None:
    assert select(("sv", "bg", "Swedish", "bul")) == ("bul_Cyrl", "swe_Latn")
    assert select(()) == tuple(sorted(CODES))
    with pytest.raises(ValueError, match="'xx'"):
        select(("sv", "xx"))


@pytest.mark.parametrize("code", CODES)
def test_a_file_is_complete_and_sound(code: str) -> None:
    language = languages()[code]
    assert language.script == {"Cyrl": "Cyrillic", "Grek": "Greek", "Latn": "Latin"}[code[-4:]]
    assert len(language.iso1) == 2
    assert len(language.stop_words) >= 50
    assert 0.3 <= language.min_language_score <= 0.9
    assert language.countries
    assert set(language.countries) <= set(STATES)
    assert code not in language.confusable


@pytest.mark.parametrize("code", CODES)
def test_stop_words_are_single_folded_words_as_the_text_is_cut(code: str) -> None:
    for word in languages()[code].stop_words:
        assert word_hash(word) and fold(word) == word, word  # one word, or one head


@pytest.mark.parametrize("code", CODES)
def test_stop_words_are_folded_composed_and_written_once(code: str) -> None:
    folder = Path(euro_curate.languages.__file__).parent
    raw = tomllib.loads((folder / f"{languages()[code].iso1}.toml").read_text(encoding="utf-8"))["stop_words"]
    # as in ordinary lower case, which keeps a Greek final ς that casefolding turns into σ
    assert all(word == word.lower() == unicodedata.normalize("NFC", word) for word in raw)
    assert languages()[code].stop_words == {fold(word) for word in raw}
    assert len({fold(word) for word in raw}) == len(raw)


@pytest.mark.parametrize("code", CODES)
def test_a_sentence_ends_with_a_full_stop_an_exclamation_or_a_question(code: str) -> None:
    greek = {";", "\u037e"} if code == "ell_Grek" else set()  # the Greek question mark, and its own code point
    assert set(languages()[code].sentence_ends) == {*".!?…", *greek}


def test_every_state_has_a_language() -> None:
    assert {c for language in languages().values() for c in language.countries} == set(STATES)
