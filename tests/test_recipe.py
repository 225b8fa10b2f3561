"""recipe.py: every key is checked before anything starts, and the message names it."""

import tomllib
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT

from euro_curate.recipe import Recipe, RecipeError, configure, load, parse_setting
from euro_curate.stage import params_of


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        ({"run": {"lanugages": ["mt"]}}, ["run.lanugages", "'languages'"]),
        ({"balanse": {}}, ["balanse", "'balance'"]),
        ({"ingest": {"colour": "red"}}, ["ingest.colour", "page_timeout_s"]),
        ({"ingest": {"max_bytes": "8 MB"}}, ["ingest.max_bytes", "integer", "8 MB"]),
        ({"balance": {"budget_words": 1.5}}, ["balance.budget_words", "1.5"]),
        ({"run": {"languages": ["no"]}}, ["'no'", "mt (Maltese)"]),
        ({"run": {"languages": "mt"}}, ["run.languages"]),
        ({"langid": {"model": "other"}}, ["langid.model", "eu24-v1"]),
        ({"langid": {"min_score": {"hrx": 0.2}}}, ["hrx"]),
        ({"quality": {"thresholds": {"min_wrods": 1.0}}}, ["min_wrods", "min_words"]),
        ({"quality": {"languages": {"mt": {"no_rule": 1.0}}}}, ["no_rule"]),
        ({"dedup": {"elect": ["luck"]}}, ["dedup.elect", "luck", "oldest"]),
        ({"dedup": {"rows": 0}}, ["dedup"]),
        ({"pii": {"kinds": ["name"]}}, ["pii.kinds", "name", "email"]),
        ({"balance": {"method": "unimax"}}, ["balance.budget_words"]),
        ({"balance": {"method": "fair"}}, ["balance.method", "temperature"]),
        ({"ingest": {"opt_out": ["nothing"]}}, ["ingest.opt_out", "noai"]),
        ({"run": {"merge_parts": 0}}, ["merge_parts"]),
        ({"filter": {"datatrov": {}}}, ["filter.datatrov", "'datatrove'"]),
        ({"filter": {"datatrove": {"RegexFilter": "x"}}}, ["filter.datatrove.RegexFilter", "'x'"]),
        ({"filter": {"datatrove": {"RegxFilter": {}}}}, ["filter.datatrove", "'RegxFilter'", "'RegexFilter'"]),
    ],
)
def test_wrong_recipes_are_refused_by_key(raw: dict[str, Any], told: list[str]) -> None:
    with pytest.raises(RecipeError) as refused:
        configure(raw)
    for words in told:
        assert words in str(refused.value)


def test_settings_override_the_file(tmp_path: Path) -> None:
    recipe = tmp_path / "mine.toml"
    recipe.write_text('[run]\nlanguages = ["bg"]\n[quality]\nthresholds = { min_words = 20 }\n')
    config = load(str(recipe), {"run.languages": ["Maltese", "ga"], "quality.languages.mt.min_words": 10})
    assert config.ingest.languages == config.rules.languages == ("gle_Latn", "mlt_Latn")
    limits = {code: dict(rules) for code, rules in config.rules.thresholds}
    assert (limits["mlt_Latn"]["min_words"], limits["gle_Latn"]["min_words"]) == (10, 20)


@pytest.mark.parametrize(
    ("text", "parsed"),
    [
        ("balance.budget_words=1_000", ("balance.budget_words", 1000)),
        ("ingest.gate = false", ("ingest.gate", False)),
        ('run.languages=["mt"]', ("run.languages", ["mt"])),
        ("publish.dump=CC-MAIN-2024-10", ("publish.dump", "CC-MAIN-2024-10")),
    ],
)
def test_settings_are_toml_values(text: str, parsed: tuple[str, Any]) -> None:
    assert parse_setting(text) == parsed


@pytest.mark.parametrize("text", ["budget=3", "balance.budget_words"])
def test_settings_need_section_key_and_value(text: str) -> None:
    with pytest.raises(RecipeError, match=r"section\.key=value"):
        parse_setting(text)


def test_missing_and_broken_files(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"bundled recipes: demo, texts, web"):
        load("nowhere.toml")
    (tmp_path / "broken.toml").write_text("[run\n")
    with pytest.raises(RecipeError, match="not valid TOML"):
        load(str(tmp_path / "broken.toml"))


@pytest.mark.parametrize("name", ["web", "web.toml", "pipelines/web.toml", str(ROOT / "pipelines" / "web.toml")])
def test_a_bundled_recipe_has_many_names(name: str) -> None:
    assert params_of(load(name)) == params_of(load("web"))


def test_web_toml_shows_every_key_with_its_default() -> None:
    raw = tomllib.loads((ROOT / "pipelines" / "web.toml").read_text())
    assert set(raw) == {f.name for f in fields(Recipe)}
    for section in fields(Recipe):
        assert isinstance(section.type, type) and is_dataclass(section.type)
        assert set(raw[section.name]) == {f.name for f in fields(section.type)}, section.name
    assert params_of(configure(raw)) == params_of(configure({}))


@pytest.mark.parametrize("path", sorted((ROOT / "pipelines").glob("*.toml")), ids=lambda path: path.name)
def test_every_key_of_a_bundled_recipe_is_commented(path: Path) -> None:
    for line in path.read_text().splitlines():
        if "=" in line and not line.startswith("#"):
            assert "#" in line, line
