"""verdict.py: one verdict a page, in the order of the families, with rule, value and threshold on record."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pytest

from euro_curate import verdict
from euro_curate.languages import languages
from euro_curate.run import checked
from euro_curate.schema import (
    CUTS,
    DOCUMENTS,
    ELECTIONS,
    LANGUAGES,
    OVERLAPS,
    QUALITIES,
    RESERVATIONS,
    RULINGS,
    SCORES,
    SCREENS,
    SPOTS,
    VERDICTS,
)
from euro_curate.verdict import (
    FAMILIES,
    RULES,
    Rule,
    Rules,
    Settling,
    decide,
    first_broken,
    resolve_thresholds,
    settle,
)

Row = dict[str, Any]
# Some rules are off: here they are on, so that each is tried.
OFF = {rule.name: 0.1 if rule.low else 0.9 for rule in RULES if rule.default is None}
ALL_ON = Rules(thresholds=resolve_thresholds(OFF, {}))
LIMITS = dict(dict(ALL_ON.thresholds)["mlt_Latn"])
DEFAULT = {rule.name: rule.default for rule in RULES}
GOOD: Row = {rule.measure: LIMITS[rule.name] for rule in RULES} | {
    "words": 400,
    "mean_word_length": 5.0,
    "lines": 10,
    "chars": 2400,
}


def table(rows: list[Row], schema: pa.Schema) -> pa.Table:
    return pa.table([pa.array([row.get(f.name) for row in rows], f.type) for f in schema], schema=schema)


def page(name: str = "p", /, **more: Any) -> Row:
    base = {"id": name, "source": "f", "offset": 0, "text": "x", "bytes_in": 1, "language": "mlt_Latn", "score": 0.9}
    base["found"] = []
    return GOOD | base | {"url": f"https://e.example/{name}", "crawled_at": datetime(2024, 1, 1, tzinfo=UTC)} | more


def rulings(
    pages: list[Row],
    params: Rules | None = None,
    cuts: dict[str, float] | None = None,
    screens: list[Row] | None = None,
    overlaps: list[Row] | None = None,
    sites: list[Row] | None = None,
) -> list[Row]:
    """Without `cuts`, there is no classifier; without `screens`, no filter; without `overlaps`, no benchmark; without `sites`, no robots.txt."""
    documents = table(pages, DOCUMENTS)
    limits = [{"language": code, "threshold": limit, "pages": 9, "kept": 9} for code, limit in (cuts or {}).items()]
    opinions = (table(screens or [], SCREENS), table(pages if cuts is not None else [], SCORES), table(limits, CUTS))
    more = (*opinions, table(overlaps or [], OVERLAPS), table(sites or [], RESERVATIONS))
    measured = (table(pages, LANGUAGES), table(pages, QUALITIES), table(pages, SPOTS))
    out = decide(documents, *measured, *more, params or Rules())
    found: list[Row] = checked(decide, out, documents).to_pylist()
    return found


def brief(row: Row) -> tuple[Any, ...]:
    return row["verdict"], row["rule"], row["value"], row["threshold"]


PASSED = (None, None, None, None)


def test_the_families_are_those_of_the_contract_in_order() -> None:
    expected = (
        "http mime size encoding url forgotten opt_out extract language quality pii decontamination duplicate budget"
    )
    assert list(FAMILIES) == expected.split()


def test_a_page_at_every_threshold_passes() -> None:
    assert brief(rulings([page()])[0]) == PASSED


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_every_rule_fires_just_beyond_its_threshold_and_not_at_it(rule: Rule) -> None:
    limit = LIMITS[rule.name]
    step = 1 if QUALITIES.field(rule.measure).type == pa.int32() else 1e-9
    beyond = limit - step if rule.low else limit + step
    at, over = rulings([page("a", **{rule.measure: limit}), page("b", **{rule.measure: beyond})], ALL_ON)
    assert brief(at) == PASSED
    assert brief(over) == (f"quality:{rule.name}", rule.measure, pytest.approx(beyond, abs=0), limit)


def test_every_rule_has_its_own_name_and_a_measure_that_exists() -> None:
    assert len({rule.name for rule in RULES}) == len(RULES)
    assert {rule.measure for rule in RULES} <= set(QUALITIES.names)


@pytest.mark.parametrize("rule", [rule for rule in RULES if rule.min_lines], ids=lambda rule: rule.name)
def test_shares_of_few_lines_decide_nothing(rule: Rule) -> None:
    bad: Row = {rule.measure: -1.0 if rule.low else 1e9}
    few, enough = rulings([page(lines=rule.min_lines - 1, **bad), page(lines=rule.min_lines, **bad)], ALL_ON)
    assert brief(few) == PASSED
    assert enough["verdict"] == f"quality:{rule.name}"


def test_the_first_rule_that_applies_decides() -> None:
    assert rulings([page(words=0, stop_words=0, top_2gram=1.0)])[0]["verdict"] == "quality:min_words"
    assert rulings([page(stop_words=0, top_2gram=1.0)])[0]["verdict"] == "quality:stop_words"


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"stop": "http:status", "status": 404}, ("http:status", "status", 404.0, None)),
        ({"stop": "opt_out:noai", "status": 200}, ("opt_out:noai", "noai", None, None)),
        ({"stop": "language:gate", "gate_score": 0.3}, ("language:gate", "gate", 0.3, None)),
        ({"stop": "extract:crash", "language": "und"}, ("extract:crash", "crash", None, None)),
        ({"language": "und", "score": 0.2}, ("language:und", "score", 0.2, None)),
        ({"language": "und", "score": None}, ("language:und", "score", None, None)),
        ({"language": "nob_Latn", "score": 0.8}, ("language:other", "score", 0.8, None)),
        ({"line_share": 0.19}, ("language:mixed", "line_share", 0.19, 0.2)),
        ({"line_share": 0.2}, PASSED),
        ({"line_share": None}, PASSED),
    ],
)
def test_what_comes_before_quality(more: Row, expected: tuple[Any, ...]) -> None:
    good, bad = rulings([page(**more), page(**more, words=0)], Rules(min_line_share=0.2))
    assert brief(good) == expected
    assert brief(bad) == (expected if expected[0] else ("quality:min_words", "words", 0, LIMITS["min_words"]))


def test_a_stop_keeps_its_evidence_and_a_page_its_facts() -> None:
    (row,) = rulings([page(stop="opt_out:noai", evidence="meta robots=noai")])
    assert (row["evidence"], row["url"], row["words"]) == ("meta robots=noai", "https://e.example/p", 400)
    assert (row["language"], row["language_score"], row["source"]) == ("mlt_Latn", 0.9, "f")


def test_a_language_that_was_not_asked_for_is_other() -> None:
    params = Rules(languages=("gle_Latn",))
    assert [r["verdict"] for r in rulings([page(), page(language="gle_Latn")], params)] == ["language:other", None]


def test_a_stopped_page_without_measures_has_a_ruling() -> None:
    nothing: Row = dict.fromkeys(QUALITIES.names[1:])
    assert (
        rulings([page(**nothing, stop="mime:other", language="und", score=None, text="")])[0]["verdict"] == "mime:other"
    )


def test_a_page_of_which_the_gate_saw_no_letters_is_judged_like_any_other() -> None:
    assert brief(rulings([page(gate_language="und", gate_score=None, line_share=0.8)])[0]) == PASSED


def test_no_pages_make_no_rulings() -> None:
    assert rulings([]) == []


def test_a_filter_decides_where_no_rule_of_ours_does() -> None:
    pages = [page("a"), page("b"), page("c", words=0), page("d", language="und", score=0.1)]
    drop: Row = {"filter": "MyFilter", "reason": "too loud"}
    screens = [{"id": "a"}, *({"id": name} | drop for name in "bcd")]
    passed, dropped, ruled_out, unknown = rulings(pages, screens=screens)
    assert brief(passed) == PASSED
    assert brief(dropped) == ("quality:MyFilter", "too loud", None, None)
    assert (ruled_out["verdict"], unknown["verdict"]) == ("quality:min_words", "language:und")


@pytest.mark.parametrize("ids", ["ba", "a"])
def test_screens_of_other_pages_are_refused(ids: str) -> None:
    with pytest.raises(ValueError, match="other pages"):
        rulings([page("a"), page("b")], screens=[{"id": name} for name in ids])


# --- the optional classifier's score -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"quality_score": 0.5}, PASSED),
        ({"quality_score": 0.499}, ("quality:score", "quality_score", 0.499, 0.5)),
        ({"quality_score": None}, PASSED),
        ({"quality_score": 0.1, "language": "gle_Latn"}, PASSED),
        ({"quality_score": 0.1, "words": 0}, ("quality:min_words", "words", 0, LIMITS["min_words"])),
        ({"quality_score": 0.1, "stop": "mime:type"}, ("mime:type", "type", None, None)),
    ],
)
def test_a_score_below_its_languages_cut_drops_what_our_rules_keep(more: Row, expected: tuple[Any, ...]) -> None:
    (row,) = rulings([page(**more)], cuts={"mlt_Latn": 0.5})
    assert brief(row) == expected and row["quality_score"] == more["quality_score"]


def test_without_a_classifier_no_score_decides() -> None:
    (row,) = rulings([page(quality_score=0.1)])
    assert brief(row) == PASSED and row["quality_score"] is None


SPAN = {"kind": "email", "start": 0, "end": 9}


@pytest.mark.parametrize(
    ("found", "words", "params", "dropped"),
    [
        (40, 400, Rules(), False),  # ten in a hundred words are the most
        (41, 400, Rules(), True),
        (5, 10, Rules(thresholds=()), False),  # few, in a short text
        (6, 10, Rules(thresholds=()), True),
        (6, 0, Rules(thresholds=()), True),
        (9, 400, Rules(max_pii_per_100_words=2.0), True),
        (9, 400, Rules(max_pii_per_100_words=2.0, few_pii=9), False),
    ],
)
def test_a_page_that_is_a_list_of_peoples_data_is_dropped(found: int, words: int, params: Rules, dropped: bool) -> None:
    (row,) = rulings([page(found=[SPAN] * found, words=words)], params)
    limit = params.max_pii_per_100_words
    dense = ("pii:density", "pii_per_100_words", 100 * found / max(words, 1), limit)
    assert brief(row) == (dense if dropped else PASSED)


def test_density_is_the_last_of_a_pages_own_rules() -> None:
    listing = {"found": [SPAN] * 99, "words": 90}
    (row,) = rulings([page(**listing, quality_score=0.1)], cuts={"mlt_Latn": 0.5})
    assert row["verdict"] == "quality:score"
    with pytest.raises(ValueError, match="must not be below 0"):
        Rules(few_pii=-1)


def test_scores_of_other_documents_are_refused() -> None:
    tables = [table([page("a")], schema) for schema in (DOCUMENTS, LANGUAGES, QUALITIES, SPOTS)]
    with pytest.raises(ValueError, match="other pages"):
        decide(
            *tables,
            SCREENS.empty_table(),
            table([page("b")], SCORES),
            CUTS.empty_table(),
            table([], OVERLAPS),
            RESERVATIONS.empty_table(),
            Rules(),
        )


@pytest.mark.parametrize(
    ("shared", "least", "more", "expected"),
    [
        (0, 1, {}, PASSED),
        (1, 1, {}, ("decontamination:quiz", "shared_ngrams", 1.0, 1.0)),
        (4, 5, {}, PASSED),
        (5, 5, {}, ("decontamination:quiz", "shared_ngrams", 5.0, 5.0)),
        (5, 5, {"words": 3}, ("quality:min_words", "words", 3.0, 50.0)),
    ],
)
def test_what_a_model_is_tested_on_is_no_training_data(
    shared: int, least: int, more: Row, expected: tuple[Any, ...]
) -> None:
    found = [{"id": "p", "benchmark": "quiz" if shared else None, "shared_ngrams": shared}]
    (row,) = rulings([page(**more)], Rules(min_ngrams=least), overlaps=found)
    assert brief(row) == expected
    assert row["evidence"] == (f"{shared} word n-grams of quiz" if row["rule"] == "shared_ngrams" else None)


# --- what sites reserve ------------------------------------------------------------------------------------------------------

SITE = {
    "source": "f",
    "offset": 0,
    "site": "e.example",
    "found": "robots=robots.txt:GPTBot",
    "policy": "robots.txt of 2024-05-01",
}


@pytest.mark.parametrize("stop", [None, "extract:empty", "language:other"])
def test_a_sites_reservation_comes_before_what_the_page_says_and_is(stop: str | None) -> None:
    (row,) = rulings([page("a", stop=stop, words=3)], sites=[SITE | {"id": "a", "signal": "robots-all"}])
    assert brief(row) == ("opt_out:robots_all", "robots-all", None, None)
    assert row["evidence"] == "robots=robots.txt:GPTBot (robots.txt of 2024-05-01)"


@pytest.mark.parametrize("stop", ["http:status", "url:adult", "opt_out:noai"])
def test_and_after_the_rules_before_it(stop: str) -> None:
    (row,) = rulings([page("a", stop=stop)], sites=[SITE | {"id": "a", "signal": "robots"}])
    assert row["verdict"] == stop


def test_a_site_that_excludes_nothing_or_speaks_of_another_capture_changes_nothing() -> None:
    for other in ({"signal": None}, {"signal": "robots", "id": "b"}, {"signal": "robots", "offset": 9}):
        (row,) = rulings([page("a")], sites=[SITE | {"id": "a"} | other])
        assert brief(row) == PASSED


# --- thresholds --------------------------------------------------------------------------------------------------------------


def threshold(code: str, rule: str, *given: Any) -> float:
    return dict(dict(resolve_thresholds(*given))[code])[rule]


def test_the_later_of_default_file_recipe_and_language_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    own = (("min_words", 31.0), ("stop_words", 1.0))
    changed = {
        code: replace(language, thresholds=own if code == "mlt_Latn" else ()) for code, language in languages().items()
    }
    monkeypatch.setattr(verdict, "languages", lambda: changed)
    assert threshold("mlt_Latn", "min_words", {}, {}) == 31
    assert threshold("gle_Latn", "min_words", {}, {}) == DEFAULT["min_words"] != 31
    assert threshold("mlt_Latn", "min_words", {"min_words": 20}, {}) == 20
    assert threshold("mlt_Latn", "min_words", {"min_words": 20}, {"mlt_Latn": {"min_words": 7}}) == 7
    assert threshold("gle_Latn", "min_words", {"min_words": 20}, {"mlt_Latn": {"min_words": 7}}) == 20
    assert threshold("mlt_Latn", "stop_words", {"min_words": 20}, {}) == 1


def test_thresholds_cover_every_rule_that_is_on_in_every_language() -> None:
    on = sorted(rule.name for rule in RULES if rule.default is not None)
    every = dict(resolve_thresholds({}, {}))
    assert list(every) == list(languages())
    assert all([name for name, _ in rules] == on for rules in every.values())


def test_a_rule_that_is_off_decides_nothing_until_a_recipe_gives_it_a_threshold() -> None:
    bad = page(punctuated_lines=0.0)
    assert brief(rulings([bad])[0]) == PASSED
    params = Rules(thresholds=resolve_thresholds({}, {"mlt_Latn": {"punctuated_lines": 0.12}}))
    assert brief(rulings([bad], params)[0]) == ("quality:punctuated_lines", "punctuated_lines", 0.0, 0.12)
    assert brief(rulings([bad | {"language": "gle_Latn"}], params)[0]) == PASSED


@pytest.mark.parametrize(
    ("share", "verdict"),
    [(0.8, "language:mixed"), (0.95, "quality:stop_word_share"), (None, "quality:stop_word_share")],
)
def test_too_few_stop_words_cast_doubt_on_the_language(share: float | None, verdict: str) -> None:
    """A page of foreign lines among its own is mixed; one whose lines are its own is no prose."""
    assert rulings([page(stop_word_share=0.01, line_share=share)])[0]["verdict"] == verdict
    assert brief(rulings([page(line_share=share)])[0]) == PASSED


def test_the_first_broken_rule_is_found_for_many_pages_at_once() -> None:
    pages = [
        page("a"),
        page("b", words=3, alpha_words=0.0),
        page("c", alpha_words=0.0),
        page("d", words=None),
        page("e"),
    ]
    codes = ["mlt_Latn", "mlt_Latn", "mlt_Latn", "mlt_Latn", "cat_Latn"]
    found = first_broken(table(pages, QUALITIES), codes, ALL_ON.thresholds)
    names = [RULES[i].name if i >= 0 else None for i in found]
    assert names == [None, "min_words", "alpha_words", None, None]


def test_rules_named_in_the_language_files_exist() -> None:
    assert {name for language in languages().values() for name, _ in language.thresholds} <= {r.name for r in RULES}


@pytest.mark.parametrize("given", [({"min_word": 3}, {}), ({}, {"mlt_Latn": {"min_word": 3}})])
def test_an_unknown_rule_is_refused_with_the_choices(given: Any) -> None:
    with pytest.raises(ValueError, match=r"unknown rule 'min_word'; choices: .*max_words.*min_words"):
        resolve_thresholds(*given)


def test_another_threshold_is_what_decides() -> None:
    params = Rules(thresholds=resolve_thresholds({"min_words": 500}, {"gle_Latn": {"min_words": 0}}))
    found = rulings([page(), page(language="gle_Latn", words=1)], params)
    assert [brief(row) for row in found] == [("quality:min_words", "words", 400, 500), PASSED]


# --- settle and close --------------------------------------------------------------------------------------------------------


def ruled(name: str, **more: Any) -> Row:
    return {"id": name, "source": "f", "offset": 0, "language": "mlt_Latn", "language_score": 0.9} | more


def elected(name: str, kind: str, head: str | None, **more: Any) -> Row:
    return {"id": name, "source": "f", "offset": 0, "kind": kind, "duplicate_of": head, "cluster_size": 4} | more


def settled(pages: list[Row], elections: list[Row]) -> pa.Table:
    given_in = table(pages, RULINGS)
    return checked(settle, settle(given_in, table(elections, ELECTIONS), Settling()), given_in)


def test_copies_become_duplicates_unless_something_came_before() -> None:
    pages = [ruled("d"), ruled("a", verdict="quality:min_words", rule="words", value=3.0, threshold=50.0), ruled("b")]
    pages += [ruled("c"), ruled("z"), ruled("b", offset=9)]
    copies = [elected("a", "exact", "b"), elected("b", "representative", None), elected("c", "near", "b")]
    copies += [elected("b", "record", "b", offset=9), elected("c", "exact", "b", source="another file")]
    found = settled(pages, copies).to_pylist()
    assert [(r["id"], *brief(r), r["duplicate_of"], r["cluster_size"]) for r in found] == [
        ("d", "kept", None, None, None, None, 1),
        ("a", "quality:min_words", "words", 3.0, 50.0, "b", 4),
        ("b", "kept", None, None, None, None, 4),
        ("c", "duplicate:near", "near", None, None, "b", 4),
        ("z", "kept", None, None, None, None, 1),
        ("b", "duplicate:record", "record", None, None, "b", 4),
    ]


def test_settling_nothing_keeps_the_schema() -> None:
    assert settled([], []).schema.equals(VERDICTS)
    assert settled([ruled("a")], [])["verdict"].to_pylist() == ["kept"]
