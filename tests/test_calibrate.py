"""calibrate.py: FineWeb-2's methods by hand, the guard of clean text, fairness warnings, and the command from run to TOML."""

import json
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import crawls
import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

import euro_curate.languages
from euro_curate import calibrate as c
from euro_curate.cli import main
from euro_curate.languages import languages
from euro_curate.recipe import configure
from euro_curate.schema import QUALITIES
from euro_curate.verdict import RULES, Rule

LOW = Rule("low", "alpha_words", True, 0.7)
HIGH = Rule("high", "top_2gram", False, 0.2)
ENGLISH = np.array([0.1, 0.2, 0.3, 0.4])
OTHER = np.array([0.2, 0.4, 0.6, 0.8])
MILLIONTHS = st.integers(0, 10**6).map(lambda n: n / 10**6)
BY_NAME = {rule.name: rule for rule in RULES}


def limit(rule: Rule, method: str, default: float | None = 0.3) -> float:
    values = {"eng_Latn": ENGLISH, "mlt_Latn": OTHER}
    return c.threshold(replace(rule, default=default), method, values, values)["mlt_Latn"]


def test_fixed_is_the_default() -> None:
    assert limit(LOW, "fixed") == 0.3


def test_mean_std_is_as_many_deviations_from_the_mean_as_in_english() -> None:
    steps = (0.3 - ENGLISH.mean()) / ENGLISH.std()
    assert limit(HIGH, "mean_std") == pytest.approx(OTHER.mean() + steps * OTHER.std()) == pytest.approx(0.6)


def test_tail_cuts_its_share_on_the_side_of_the_rule() -> None:
    values = {"mlt_Latn": np.arange(101) / 100}
    assert c.threshold(LOW, "tail:0.1", {}, values) == {"mlt_Latn": pytest.approx(0.1)}
    assert c.threshold(HIGH, "tail:0.1", {}, values) == {"mlt_Latn": pytest.approx(0.9)}


def test_quantile_drops_the_share_that_the_default_drops_of_english() -> None:
    values = {"eng_Latn": np.arange(100) / 100, "mlt_Latn": np.arange(1000) / 500}
    for rule, share in ((replace(LOW, default=0.25), 0.25), (replace(HIGH, default=0.745), 0.25)):
        found = c.threshold(rule, "quantile", {}, values)["mlt_Latn"]
        dropped = values["mlt_Latn"] < found if rule.low else values["mlt_Latn"] > found
        assert dropped.mean() == pytest.approx(share, abs=0.002)


def test_median_ratio_moves_the_default_with_the_median() -> None:
    assert limit(LOW, "median_ratio") == pytest.approx(0.6)


def test_methods_take_documents_or_clean_text_as_fineweb2_does() -> None:
    documents, clean = {"eng_Latn": ENGLISH, "mlt_Latn": OTHER}, {"eng_Latn": ENGLISH, "mlt_Latn": OTHER * 10}
    rule = replace(LOW, default=0.3)
    assert c.threshold(rule, "mean_std", documents, clean)["mlt_Latn"] == pytest.approx(0.6)
    assert c.threshold(rule, "median_ratio", documents, clean)["mlt_Latn"] == pytest.approx(6)


@pytest.mark.parametrize(
    ("method", "default", "told"),
    [("mean", 0.3, "choices: fixed"), ("quantile:2", 0.3, "no method"), ("quantile", None, "tail:SHARE")],
)
def test_methods_that_cannot_be_are_refused(method: str, default: float | None, told: str) -> None:
    with pytest.raises(c.CannotCalibrate, match=told):
        limit(LOW, method, default)


@pytest.mark.parametrize("method", ["mean_std", "quantile", "median_ratio"])
def test_without_english_nothing_can_be_carried_over(method: str) -> None:
    with pytest.raises(c.CannotCalibrate, match="English"):
        c.threshold(LOW, method, {"mlt_Latn": OTHER}, {"mlt_Latn": OTHER})


@settings(deadline=None, derandomize=True)
@given(
    st.lists(MILLIONTHS, min_size=1, max_size=60),
    MILLIONTHS,
    st.sampled_from([0.0, 0.02, 0.1, 0.5, 1.0]),
    st.booleans(),
)
def test_a_loosened_threshold_drops_no_more_than_it_may_and_is_never_stricter(
    values: list[float], start: float, share: float, low: bool
) -> None:
    rule, clean = (LOW if low else HIGH), np.array(values)
    found = c.loosened(rule, start, clean, len(clean), share)
    assert np.sum(clean < found if low else clean > found) <= share * len(clean)
    assert found <= start + 1e-12 if low else found >= start - 1e-12
    assert found in (float(f"{found:.3g}"), round(found, 6))


@pytest.mark.parametrize("value", [0.12, 0.7, 12.0, 3.0, 0.35, 1000.0, 0.01, 0.0])
def test_round_figures_stay_as_they_are(value: float) -> None:
    for rule in (LOW, HIGH):
        assert c.loosened(rule, value, np.array([value]), 1, 0.0) == value


# --- calibrate() -------------------------------------------------------------------------------------------------------------


def frame(**by_language: dict[str, Any]) -> pl.DataFrame:
    """200 pages of each language: good ones, but for the measures given as (share of the pages, value)."""
    good = dict.fromkeys(QUALITIES.names[1:], 0.0) | {
        "words": 300,
        "chars": 2000,
        "lines": 20,
        "stop_words": 9,
        "mean_word_length": 5.0,
    }
    good |= {
        "alpha_words": 0.95,
        "own_letters": 1.0,
        "stop_word_share": 0.4,
        "prose_words": 0.9,
        "longest_word": 12,
        "word_entropy": 7.0,
    }
    rows = []
    for code, other in by_language.items():
        for i in range(200):
            row: dict[str, Any] = good | {"language": code, "language_score": 0.8 + i / 1000, "order": i}
            for name, value in other.items():
                share, bad = value if isinstance(value, tuple) else (1.0, value)
                if i < share * 200:
                    row[name] = bad
            rows.append(row)
    return pl.DataFrame(rows)


def test_only_a_language_whose_clean_text_suffers_gets_its_own_threshold() -> None:
    clean = frame(eng_Latn={}, mlt_Latn={"top_2gram": (0.1, 0.4)}, gle_Latn={"top_2gram": (0.005, 0.4)})
    found = c.calibrate(clean, clean, c.Plan(rules=("top_2gram",), max_drop=0.01))
    new = {p.language: p.new for p in found.proposals}
    default = BY_NAME["top_2gram"].default
    assert new == {"eng_Latn": default, "gle_Latn": default, "mlt_Latn": 0.4}
    assert next(p for p in found.proposals if p.language == "mlt_Latn")[-2:] == (0.1, 0.0)
    assert found.documents_drop["mlt_Latn"] == (0.1, 0.0)


def test_stop_words_follow_the_median_of_the_language() -> None:
    clean = frame(eng_Latn={}, fin_Latn={"stop_word_share": 0.2})
    found = c.calibrate(clean, clean, c.Plan(rules=("stop_word_share",)))
    new = {p.language: p.new for p in found.proposals}
    assert new["eng_Latn"] == BY_NAME["stop_word_share"].default
    assert new["fin_Latn"] == pytest.approx(new["eng_Latn"] / 2)


def test_a_language_that_would_lose_twice_the_median_is_named() -> None:
    lost = {"eng_Latn": 0.05, "deu_Latn": 0.05, "fra_Latn": 0.06, "mlt_Latn": 0.2, "gle_Latn": 0.9}
    documents = frame(**{code: {"alpha_words": (share, 0.1)} for code, share in lost.items()})
    found = c.calibrate(documents, frame(**{code: {} for code in lost}), c.Plan())
    assert {w.split(":")[0] for w in found.warnings} == {"Maltese", "Irish"}
    assert any("75 %" in w and "Irish" in w for w in found.warnings)


def test_too_few_pages_of_clean_text_leave_a_language_alone() -> None:
    documents = frame(eng_Latn={}, mlt_Latn={"top_2gram": (0.5, 0.4)})
    clean = pl.concat(
        [
            documents.filter(pl.col("language") == "eng_Latn"),
            documents.filter(pl.col("language") == "mlt_Latn").head(29),
        ]
    )
    found = c.calibrate(documents, clean, c.Plan())
    assert {p.language for p in found.proposals} == {"eng_Latn"}
    assert any(w.startswith("Maltese: 29 pages of clean text, 30 needed") for w in found.warnings)


def test_rules_on_lines_look_at_pages_that_have_them() -> None:
    """Half the pages are one long line: their prose_words say nothing, and do not count."""
    clean = frame(eng_Latn={"lines": (0.5, 1), "prose_words": (0.5, 0.0)})
    found = c.calibrate(clean, clean, c.Plan(rules=("prose_words",), max_drop=0.0))
    assert found.proposals[0].new == BY_NAME["prose_words"].default
    assert found.proposals[0].drops_new == 0.0


def test_the_language_score_is_median_minus_deviation_between_its_bounds() -> None:
    documents = frame(eng_Latn={}, mlt_Latn={"language_score": 0.1}, gle_Latn={"language_score": 0.99})
    found = c.calibrate(documents, documents, c.Plan(rules=(c.SCORE,)))
    scores = documents.filter(pl.col("language") == "eng_Latn")["language_score"].to_numpy()
    new = {p.language: p.new for p in found.proposals}
    assert new["eng_Latn"] == pytest.approx(np.median(scores) - scores.std(), abs=1e-3)
    assert (new["mlt_Latn"], new["gle_Latn"]) == (0.3, 0.9)
    assert c.calibrate(documents, documents, c.Plan()).proposals and not any(
        p.rule == c.SCORE for p in c.calibrate(documents, documents, c.Plan()).proposals
    )


def test_fineweb2_names_rules_that_exist() -> None:
    assert set(c.FINEWEB2) - {c.SCORE} <= set(BY_NAME)


def test_unknown_rules_are_refused() -> None:
    one = frame(eng_Latn={})
    for plan in (c.Plan(rules=("min_word",)), c.Plan(methods={"min_word": "fixed"})):
        with pytest.raises(c.CannotCalibrate, match=r"no rule 'min_word'; choices: .*min_words"):
            c.calibrate(one, one, plan)


# --- the command -------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("calibrate")
    crawls.run([crawls.split(crawls.pages(["en", "mt", "fi"]), folder / "in", 2)], folder / "out")
    return folder / "out"


def invoke(*arguments: str | Path) -> tuple[int, str, str]:
    done = CliRunner().invoke(main, ["calibrate", *map(str, arguments)])
    return done.exit_code, done.stdout, done.stderr


def test_a_run_is_calibrated_and_nothing_changes_without_write(output: Path) -> None:
    before = {path: path.read_bytes() for path in Path(euro_curate.languages.__file__).parent.glob("*.toml")}
    code, table, said = invoke(output, "--min-pages", "3", "--all")
    assert code == 0, said
    assert "fitted to the documents themselves" in said
    assert [line.split()[1] for line in table.splitlines() if line.startswith("stop_word_share")] == ["en", "fi", "mt"]
    assert {path: path.read_bytes() for path in before} == before


def test_thresholds_go_into_a_recipe_and_come_out_of_it(output: Path, tmp_path: Path) -> None:
    target = tmp_path / "mine.toml"
    code, _, said = invoke(
        output,
        "--min-pages",
        "3",
        "--method",
        "alpha_words=tail:0.2",
        "--max-drop",
        "1",
        "--rule",
        "alpha_words",
        "--write",
        target,
    )
    assert code == 0, said
    raw = tomllib.loads(target.read_text())
    assert set(raw["quality"]["languages"]) == {"en", "fi", "mt"}
    config = configure(raw)
    assert (
        dict(dict(config.rules.thresholds)["mlt_Latn"])["alpha_words"]
        == raw["quality"]["languages"]["mt"]["alpha_words"]
    )
    assert invoke(output, "--write", target)[0] == 2, "an existing file is not overwritten"


def test_a_threshold_that_goes_back_to_the_default_is_written_over_the_language_files() -> None:
    default = BY_NAME["stop_word_share"].default
    assert default is not None and default != 0.06
    back = c.Proposal("stop_word_share", "fin_Latn", "fixed", 0.06, default, 0.0, 0.0)
    same = c.Proposal("stop_word_share", "mlt_Latn", "fixed", 0.15, 0.15, 0.0, 0.0)
    raw = tomllib.loads(c.toml_sections(c.Calibration([back, same], {}, {}, {}, []), "note"))
    assert raw == {"quality": {"languages": {"fi": {"stop_word_share": default}}}}


def test_language_files_are_rewritten_and_read_back(output: Path, tmp_path: Path) -> None:
    for path in Path(euro_curate.languages.__file__).parent.glob("*.toml"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    before = tomllib.loads((tmp_path / "mt.toml").read_text())
    arguments = (
        output,
        "--min-pages",
        "3",
        "--method",
        "alpha_words=tail:0.2",
        "--max-drop",
        "1",
        "--name",
        "ours",
        "--write",
        tmp_path,
    )
    assert invoke(*arguments)[0] == 0
    text = (tmp_path / "mt.toml").read_text()
    after = tomllib.loads(text)
    assert "# calibrated: ours" in text and "# Maltese. Codes" in text
    assert before.pop("thresholds") != after.pop("thresholds")
    assert before == after, "nothing else changes"
    assert (tmp_path / "el.toml").read_bytes() == (Path(euro_curate.languages.__file__).parent / "el.toml").read_bytes()
    assert invoke(*arguments)[0] == 0 and (tmp_path / "mt.toml").read_text() == text, "again: the same"


ENGLISH_TEXT = "The ferry to the island leaves from the old harbour every morning, and those who live there plan around the weather. "


def test_files_are_read_in_every_form_and_measure_the_same(tmp_path: Path) -> None:
    rows = [{"text": ENGLISH_TEXT * (i + 1), "language": "English", "language_score": 0.9} for i in range(5)]
    lines = "".join(
        json.dumps(row) + "\n" for row in [*rows, {"text": "да", "language": "srp_Cyrl"}, {"text": ""}, {"x": 1}]
    ).encode()
    (tmp_path / "a.jsonl").write_bytes(lines)
    (tmp_path / "a.jsonl.zst").write_bytes(zstandard.compress(lines))
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "a.parquet")
    (tmp_path / "unlabelled.jsonl").write_text("".join(json.dumps({"text": row["text"]}) + "\n" for row in rows))
    found = [
        c.read_measures([str(tmp_path / name)], 100).drop("order").sort("words")
        for name in ("a.jsonl", "a.jsonl.zst", "a.parquet", "unlabelled.jsonl")
    ]
    assert len(found[0]) == 5 and set(found[0]["language"]) == {"eng_Latn"}
    assert all(other.drop(c.SCORE).equals(found[0].drop(c.SCORE)) for other in found[1:])


def test_a_sample_is_of_the_whole_and_always_the_same(output: Path) -> None:
    every = c.read_measures([str(output)], 10**6)
    some = c.read_measures([str(output)], 4)
    assert some.group_by("language").len()["len"].to_list() == [4, 4, 4]
    first = every.filter(pl.col("order").rank("ordinal").over("language") <= 4)
    assert some.equals(first)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["nothing-here"], "nothing-here"),
        (["OUT", "--method", "alpha_words"], "RULE=METHOD"),
        (["OUT", "--method", "alpha_word=fixed"], "no rule 'alpha_word'"),
        (["OUT", "--write", "somewhere"], "--write somewhere"),
        (["EMPTY"], "no finished run"),
        (["BAD"], "JSONL"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(arguments: list[str], told: str, output: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "bad.jsonl").write_text("{not json}\n")
    places = {"OUT": output, "EMPTY": tmp_path / "empty", "BAD": tmp_path / "bad.jsonl"}
    code, _, said = invoke(*(places.get(a, a) for a in arguments))
    assert code == 2
    assert told in said
    assert len(said.strip().splitlines()) == 1


def test_shipped_thresholds_are_those_that_calibrate_writes() -> None:
    """Only rules that exist, only values that differ from the default, each file with the note of where they come from."""
    folder = Path(euro_curate.languages.__file__).parent
    for language in languages().values():
        own = dict(language.thresholds)
        assert all(value != BY_NAME[rule].default for rule, value in own.items())
        assert not own or "# calibrated: " in (folder / f"{language.iso1}.toml").read_text()
