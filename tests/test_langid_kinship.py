"""Croatian, Bosnian and Serbian told apart; the sentences are ours."""

import hashlib

import pytest

from euro_curate import kinship
from euro_curate.kinship import KINDRED, SECTIONS, evidence, tell
from euro_curate.langid import LangId, gate, guess, guess_document, normalise
from euro_curate.models import entry, locate

TEXTS = {
    "hrv_Latn": (
        "Tijekom siječnja vlak je kasnio tri puta, pa je ravnatelj tvrtke dao priopćenje.",
        "Tko želi studirati na sveučilištu, mora do rujna predati svjedodžbu i osobnu iskaznicu.",
        "U prosincu je europski odbor obećao tisuću novih radnih mjesta, no izvješće još nije gotovo.",
    ),
    "bos_Latn": (
        "Tokom januara voz je kasnio tri puta, a na univerzitetu nije bilo ljepše: ko je htio lijepo vrijeme, otišao je na more.",
        "Općina će u augustu dobiti hiljadu evra, što je saopćeno jučer; historija tog mjesta je duga.",
        "Ko je ovdje tražio posao, čekao je sedmicu; fabrika je u decembru uposlila dvije stotine ljudi.",
    ),
    "srp_Latn": (
        "Tokom januara voz je kasnio tri puta, a lepo vreme smo čekali do proleća.",
        "Gde je pre dve nedelje bila reka, sada je samo suvo mesto, kaže predsednik opštine.",
        "Deca moraju da uče istoriju, ali uvek vole da beže posle trećeg časa.",
    ),
}
CASES = [(label, text) for label, texts in TEXTS.items() for text in texts]


@pytest.mark.parametrize(("label", "text"), CASES)
def test_each_sentence_gets_its_language(label: str, text: str) -> None:
    assert guess(text, LangId()).label == label
    assert max(zip((0.0, *evidence(normalise(text))), KINDRED, strict=True))[1] == label, "by its words alone"


@pytest.mark.parametrize("label", KINDRED)
def test_documents_and_the_gate_look_twice_as_well(label: str) -> None:
    body = "\n".join(TEXTS[label] * 5)
    assert guess_document(body, LangId()).language == label
    whole, passes = gate(body, ["hrv_Latn"], LangId())
    assert whole.label == label
    assert passes or label != "hrv_Latn"  # the gate lets in what it is not sure of


def test_what_the_three_share_is_shared_out_anew_and_nothing_else() -> None:
    line = normalise(TEXTS["srp_Latn"][0])
    before = [("hrv_Latn", 0.5), ("srp_Latn", 0.2), ("slv_Latn", 0.2), ("bos_Latn", 0.05)]
    after = tell(line, before)
    assert after[0][0] == "srp_Latn"
    assert dict(after)["slv_Latn"] == 0.2
    assert sum(score for _, score in after) == pytest.approx(0.95)
    assert [score for _, score in after] == sorted((score for _, score in after), reverse=True)


def test_other_texts_are_left_alone() -> None:
    line = normalise(TEXTS["srp_Latn"][0])
    for ranked in ([("slv_Latn", 0.6), ("hrv_Latn", 0.4)], [("ces_Latn", 1.0)]):
        assert tell(line, ranked) == ranked


def test_thin_evidence_keeps_the_models_order() -> None:
    ranked = [("srp_Latn", 0.9), ("hrv_Latn", 0.06), ("bos_Latn", 0.04)]
    assert evidence("abc def") == (0.0, 0.0)
    assert tell("abc def", ranked)[0][0] == "srp_Latn"


@pytest.mark.parametrize(
    ("line", "bosnian", "serbian"),
    [
        ("vlak", -1, -1),
        ("vlakom", -1, -1),
        ("hiljadama", 1, 1),
        ("lijepo", 0, -1),
        ("mleko", 1, 1),
        ("mora da", 1, 1),
        ("mora raditi", 0, -1),
        ("s tobom", 0, -1),
        ("sa tobom", 1, 1),
        ("sa sestrom", 0, 0),
        ("da li", 1, 1),
        ("je li", -1, -1),
        ("kako bi", 0, -1),
    ],
)
def test_evidence_points_the_right_way(line: str, bosnian: int, serbian: int) -> None:
    assert [(x > 0) - (x < 0) for x in evidence(line)] == [bosnian, serbian]


def test_evidence_counts_a_word_once_in_any_order() -> None:
    assert evidence("vlak ide vlak") == evidence("ide vlak")
    assert evidence("vlak hiljada lepo") == evidence("lepo vlak hiljada")


def test_the_table_is_whole() -> None:
    model = entry(kinship.TABLE, "kinship")
    data = locate(model.place, model.sha256).read_bytes()
    rows = list(kinship.RECORD.iter_unpack(data))
    assert hashlib.sha256(data).hexdigest() == model.sha256
    assert rows == sorted(rows) and len({key for key, _ in rows}) == len(rows)
    assert {section for _, section in rows} == set(range(len(SECTIONS)))
