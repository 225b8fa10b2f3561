"""pii/: how findings are replaced, and the two stages: spot before verdicts, redact after them."""

import re
import sys
import types

import pyarrow as pa
import pytest
from test_pii import CARD, EXAMPLE, IP, MAC, make_iban

from euro_curate.pii import (
    Redaction,
    Spotting,
    Style,
    find,
    fingerprint,
    redact,
    redact_text,
    secret,
    spot,
)
from euro_curate.schema import DOCUMENTS, LANGUAGES, QUALITIES, VERDICTS


def test_a_tag_may_be_written_otherwise() -> None:
    assert redact_text(f"{EXAMPLE} {IP}", style=Style(tag="<{KIND}>"))[0] == "<EMAIL> <IP>"
    assert redact_text(EXAMPLE, style=Style(tag="<|PII|>"))[0] == "<|PII|>"
    for tag in ("EMAIL", "<e mail>", "<{kind}", "<a@b>", "<7>", "<[PII]>", f"<{'x' * 40}>", "<{name}>", ""):
        with pytest.raises(ValueError, match=r"pii\.tag"):
            Style(tag=tag)


def test_fakes_are_nobodys() -> None:
    text = f"{EXAMPLE} / {IP} / {make_iban('FR')} / {CARD} / +49 30 1234567 / {MAC}"
    clean, spans = redact_text(text, style=Style("fake"))
    assert [s.kind for s in spans] == ["email", "ip", "iban", "card", "phone", "mac"]
    assert find(clean) == []
    assert clean.startswith("name@redacted.invalid / 192.0.2.7 / XX00 ")


KEY = "EURO_CURATE_TEST_KEY"


def test_pseudonyms_tell_equal_values_of_a_page_apart_from_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY, "0123456789abcdef-secret")
    style = Style("pseudonym", key_env=KEY)
    text = f"{EXAMPLE}, other-{EXAMPLE}, {EXAMPLE.upper()}"
    clean, _ = redact_text(text, style=style, page="p1")
    first, second, third = clean.split(", ")
    assert re.fullmatch(r"<email-pii-[a-p]{10}>", first) and first == third != second
    assert redact_text(text, style=style, page="p1")[0] == clean != redact_text(text, style=style, page="p2")[0]
    assert redact_text(clean, style=style, page="p1") == (clean, [])
    monkeypatch.setenv(KEY, "another-secret-of-some-length")
    assert redact_text(text, style=style, page="p1")[0] != clean


def test_the_secret_must_be_there_and_be_the_one(monkeypatch: pytest.MonkeyPatch) -> None:
    style = Style("pseudonym", key_env=KEY)
    monkeypatch.delenv(KEY, raising=False)
    with pytest.raises(ValueError, match=rf"{KEY} is not set"):
        secret(style)
    monkeypatch.setenv(KEY, "short")
    with pytest.raises(ValueError, match="at least 16 characters"):
        secret(style)
    monkeypatch.setenv(KEY, "0123456789abcdef")
    mark = fingerprint(secret(style))
    assert re.fullmatch("[0-9a-f]{16}", mark) and "0123456789abcdef" not in mark
    assert secret(Style("pseudonym", key_env=KEY, key=mark)) == b"0123456789abcdef"
    monkeypatch.setenv(KEY, "fedcba9876543210")
    with pytest.raises(ValueError, match="another secret here"):
        secret(Style("pseudonym", key_env=KEY, key=mark))
    for wrong in ({"style": "pseudonym"}, {"key_env": KEY}, {"style": "blur"}):
        with pytest.raises(ValueError, match="pii"):
            Style(**wrong)


# The stages


def rows(*texts: str, language: str = "deu_Latn") -> tuple[pa.Table, pa.Table, pa.Table, pa.Table]:
    def table(schema: pa.Schema, **columns: list[object]) -> pa.Table:
        blank = {f.name: [None] * len(texts) for f in schema}
        return pa.table([pa.array((blank | columns)[f.name], f.type) for f in schema], schema=schema)

    ids = [f"p{i}" for i in range(len(texts))]
    n = len(texts)
    return (
        table(DOCUMENTS, id=ids, text=list(texts), source=["s"] * n, offset=[0] * n, bytes_in=[1] * n),
        table(LANGUAGES, id=ids, language=[language] * n),
        table(QUALITIES, id=ids, words=[9] * n),
        table(
            VERDICTS,
            id=ids,
            verdict=["kept", "quality:x", *["kept"] * n][:n],
            source=["s"] * n,
            cluster_size=[1] * n,
            offset=[0] * n,
        ),
    )


def test_findings_are_counted_before_verdicts_and_replaced_after() -> None:
    documents, langs, qualities, verdicts = rows(f"Grüße {EXAMPLE} {EXAMPLE} {IP}", EXAMPLE, "nichts 🙂")
    spots = spot(documents, langs, Spotting())
    assert [len(found) for found in spots["found"].to_pylist()] == [3, 1, 0]
    clean = redact(documents, langs, qualities, spots, verdicts, Redaction()).to_pylist()
    assert [(r["id"], r["text"], r["redactions"], r["pii"]) for r in clean] == [
        ("p0", "Grüße <email-pii> <email-pii> <ip-pii>", 3, '{"email": 2, "ip": 1}'),
        ("p2", "nichts 🙂", 0, None),
    ]
    assert EXAMPLE not in str(spots.to_pylist()) + str(clean)


def test_pages_that_cannot_be_kept_are_not_looked_at() -> None:
    documents, langs, *_ = rows(EXAMPLE, language="rus_Cyrl")
    assert spot(documents, langs, Spotting())["found"].to_pylist() == [[]]


def test_a_model_of_your_own_may_find_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its findings give way to ours, and are replaced like them."""
    asked: list[tuple[list[str], str]] = []

    def names(texts: list[str], language: str) -> list[list[tuple[str, int, int]]]:
        asked.append((texts, language))
        return [[("person", m.start(), m.end()) for m in re.finditer(r"Erika \w+|mail\.example", t)] for t in texts]

    module = types.ModuleType("my_names")
    module.find = names  # type: ignore[attr-defined]
    module.wrong = lambda texts, language: [[("person", 0, 99)] for _ in texts]  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "my_names", module)
    documents, langs, qualities, verdicts = rows(f"🙂 Erika Muster: {EXAMPLE}")
    spots = spot(documents, langs, Spotting(ner="my_names:find"))
    (row,) = redact(documents, langs, qualities, spots, verdicts, Redaction()).to_pylist()
    assert (row["text"], row["pii"]) == ("🙂 <person-pii>: <email-pii>", '{"email": 1, "person": 1}')
    assert asked == [([f"🙂 Erika Muster: {EXAMPLE}"], "deu_Latn")]
    with pytest.raises(ValueError, match=r"answered \('person', 0, 99\) for a text of"):
        spot(documents, langs, Spotting(ner="my_names:wrong"))
    for name in ("my_names:other", "no_such_module:find", "my_names"):
        with pytest.raises(ValueError, match=r"pii\.ner"):
            spot(documents, langs, Spotting(ner=name))
