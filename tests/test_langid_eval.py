"""langid_models/evaluate.py: the model card's tables."""

import gzip
import importlib.util
import sys
from pathlib import Path
from typing import Any

import classifiers
import pytest
from conftest import ROOT


@pytest.fixture(scope="module")
def evaluate() -> Any:
    spec = importlib.util.spec_from_file_location("evaluate", ROOT / "langid_models" / "evaluate.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["evaluate"] = module  # its dataclasses look there for their module
    spec.loader.exec_module(module)
    return module


def test_figures_count_what_they_say(evaluate: Any) -> None:
    given = [("deu", "deu", True)] * 3 + [("deu", "nld", True), ("nld", "nld", False), ("nld", "deu", True)]
    given += [("afr", "nld", True), ("afr", "afr", True), ("afr", "nld", False), ("nob", "nob", True)]
    rows = [evaluate.Row(true, guess, accepted, 0.9) for true, guess, accepted in given]
    best = evaluate.measure(rows, thresholds=False)
    assert best.languages == {"deu": (3 / 4, 3 / 4, 6 / 8), "nld": (1 / 4, 1 / 2, 2 / 6)}
    assert best.leak == 2 / 4 and best.macro_f1() == pytest.approx((6 / 8 + 2 / 6) / 2)
    assert best.macro_f1("nld") == 6 / 8 and best.confusions["afr", "nld"] == 2
    strict = evaluate.measure(rows, thresholds=True)
    assert strict.languages["nld"] == (0.0, 0.0, 0.0) and strict.leak == 1 / 4
    assert strict.confusions["nld", "und"] == 1


def test_models_stand_side_by_side_on_any_labelled_text(
    evaluate: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [
        f"{code}\t{classifiers.WORDS[key]}\n" for code, key in (("de", "de"), ("est", "et"), ("lvs_Latn", "lv"))
    ] * 2
    (tmp_path / "a.tsv").write_text("".join(rows))
    (tmp_path / "b.tsv.gz").write_bytes(gzip.compress("".join(rows).encode()))
    mine = classifiers.identifier(("deu_Latn", "de"), ("ekk_Latn", "et"), ("lvs_Latn", "lv"))["file"]
    openlid = classifiers.identifier(("deu_Latn", "de"), ("est_Latn", "et"), ("pol_Latn", "lv"))["file"]
    evaluate.main(
        [f"{mine} openlid-v2={openlid}", str(tmp_path / "a.tsv"), str(tmp_path / "b.tsv.gz"), "--join", "1,2"]
    )
    said = capsys.readouterr().out
    for title in ("a.tsv: sentences", "b.tsv.gz: sentences", "b.tsv.gz: documents of 2 sentences"):
        assert f"## {title}\n" in said
    assert said.count(f"| {Path(mine).name} | 6 | 1.0000 |") == 2
    assert "| lvs | 1.000 | 1.000 | 1.000 | 0.000 | 0.000 | 0.000 |" in said
    assert "| ekk | 1.000 | 1.000 | 1.000 | 1.000 | 1.000 | 1.000 |" in said
    assert "openlid-v2, true as answer: lvs as pol 2" in said


@pytest.mark.parametrize("model", ["nowhere.bin", "openlid-v2", "eu24-v2=nowhere.bin"])
def test_models_that_are_not_there_are_refused_with_a_line(evaluate: Any, model: str) -> None:
    with pytest.raises(SystemExit, match="error: "):
        evaluate.main([model, "x.tsv"])
