"""recipe/: every key is checked before anything starts, and the message names it."""

import tomllib
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT

from euro_curate.recipe import Recipe, RecipeError, configure, load, parse_setting
from euro_curate.stage import params_of

MINE = {"file": "lid.bin", "sha256": "0" * 64}
HQ = {"kind": "quality", "url": "https://e.example/hq.bin", "sha256": "0" * 64, "label": "__label__hq"}


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        ({"run": {"lanugages": ["mt"]}}, ["run.lanugages", "'languages'"]),
        ({"balanse": {}}, ["balanse", "'balance'"]),
        ({"ingest": {"colour": "red"}}, ["ingest.colour", "page_timeout_s"]),
        ({"ingest": {"max_bytes": "8 MB"}}, ["ingest.max_bytes", "integer", "8 MB"]),
        ({"balance": {"budget": 1.5}}, ["balance.budget", "1.5"]),
        ({"run": {"languages": ["no"]}}, ["'no'", "mt (Maltese)"]),
        ({"run": {"languages": "mt"}}, ["run.languages"]),
        ({"langid": {"model": "other"}}, ["langid.model", "eu24-v2"]),
        ({"langid": {"agree": "other"}}, ["langid.agree", "'other'"]),
        (
            {"langid": {"model": "mine"}, "models": {"mine": MINE | {"normalisation": "x"}}},
            ["normalisation", "squeeze"],
        ),
        ({"langid": {"model": "mine"}, "models": {"mine": MINE | {"label_map": "x"}}}, ["label_map", "iso639-1"]),
        ({"langid": {"min_score": {"hrx": 0.2}}}, ["hrx"]),
        ({"quality": {"thresholds": {"min_wrods": 1.0}}}, ["min_wrods", "min_words"]),
        ({"quality": {"languages": {"mt": {"no_rule": 1.0}}}}, ["no_rule"]),
        ({"dedup": {"elect": ["luck"]}}, ["dedup.elect", "luck", "oldest"]),
        ({"dedup": {"rows": 0}}, ["dedup", "rows"]),
        ({"dedup": {"similarity": 1.5}}, ["dedup.similarity", "1.5"]),
        ({"dedup": {"similarity": 0.7, "rows": 9}}, ["similarity", "bands"]),
        ({"dedup": {"verify": 1.0}}, ["dedup.verify", "1.0"]),
        ({"dedup": {"urls": "latest"}}, ["dedup.urls", "latest", "newest"]),
        ({"dedup": {"mode": "append", "earlier": ["a"]}}, ["dedup.mode", "append", "extend"]),
        ({"dedup": {"mode": "merge"}}, ["dedup.mode", "dedup.earlier"]),
        ({"dedup": {"earlier": ["a", "a"]}}, ["dedup.earlier", "twice"]),
        ({"dedup": {"lines": -1}}, ["dedup.lines", "-1"]),
        ({"dedup": {"task_bytes": 0}}, ["dedup.task_bytes"]),
        ({"pii": {"kinds": ["name"]}}, ["pii.kinds", "name", "email"]),
        ({"balance": {"strategy": "unimax"}}, ["balance.budget"]),
        ({"balance": {"strategy": "fair"}}, ["balance.strategy", "temperature"]),
        ({"report": {"samples": 21}}, ["report.samples", "from 0 to 20"]),
        ({"report": {"sample": 1}}, ["report.sample", "'samples'"]),
        ({"ingest": {"opt_out": ["nothing"]}}, ["ingest.opt_out", "noai"]),
        ({"run": {"merge_parts": 0}}, ["merge_parts"]),
        ({"filter": {"datatrov": {}}}, ["filter.datatrov", "'datatrove'"]),
        ({"filter": {"datatrove": {"RegexFilter": "x"}}}, ["filter.datatrove.RegexFilter", "'x'"]),
        ({"filter": {"datatrove": {"RegxFilter": {}}}}, ["filter.datatrove", "'RegxFilter'", "'RegexFilter'"]),
        ({"quality": {"models": {"mt": "hq"}}}, ["quality.models", "'hq'", "none"]),
        ({"quality": {"models": {"mt": "eu24-v2"}}}, ["quality.models", "eu24-v2"]),
        ({"quality": {"models": {"mtx": "hq"}}, "models": {"hq": HQ}}, ["mtx"]),
        ({"quality": {"models": {"mt": "hq"}, "keep_share": 0.0}, "models": {"hq": HQ}}, ["keep_share", "0.0"]),
        (
            {"quality": {"models": {"mt": "hq"}, "keep_shares": {"mt": 1.5}}, "models": {"hq": HQ}},
            ["keep_share", "1.5"],
        ),
        ({"quality": {"models": {"mt": "hq"}, "keep_shares": {"ga": 0.5}}, "models": {"hq": HQ}}, ["gle_Latn"]),
        ({"langid": {"model": "hq"}, "models": {"hq": HQ}}, ["langid.model", "eu24-v2"]),
        ({"models": {"hq": HQ | {"sha265": "x"}}}, ["models.hq.sha265", "'sha256'"]),
        ({"models": {"hq": {"file": "hq.bin"}}}, ["models.hq.sha256", "required"]),
        ({"models": {"unused": HQ | {"sha256": "x"}}}, ["models.unused.sha256"]),
    ],
)
def test_wrong_recipes_are_refused_by_key(raw: dict[str, Any], told: list[str]) -> None:
    with pytest.raises(RecipeError) as refused:
        configure(raw)
    for words in told:
        assert words in str(refused.value)


def test_a_similarity_stands_for_bands_and_rows() -> None:
    assert configure({"dedup": {"similarity": 0.8}}).minhash == configure({}).minhash
    loose = configure({"dedup": {"similarity": 0.7, "verify": 0.5}}).minhash
    assert (loose.bands, loose.rows, loose.sketch) == (22, 5, True)


def test_classifiers_are_for_languages_by_any_name_and_only_for_those_of_the_run() -> None:
    quality = {"models": {"Maltese": "hq", "ga": "hq"}, "keep_shares": {"mlt": 0.7}}
    config = configure({"run": {"languages": ["mt"]}, "quality": quality, "models": {"hq": HQ}})
    ((code, model),) = config.scoring.models
    assert (code, model.place, config.cutting.keep_shares) == ("mlt_Latn", HQ["url"], (("mlt_Latn", 0.7),))
    assert not configure({"models": {"hq": HQ}}).scoring.models, "off unless a language names one"


def test_the_language_model_may_be_the_recipes_own() -> None:
    config = configure({"langid": {"model": "mine"}, "models": {"mine": {"file": "lid.bin", "sha256": "0" * 64}}})
    assert config.ingest.langid == config.langid
    assert (config.langid.model, config.langid.sha256) == ("mine", "0" * 64)
    assert config.langid.place == str(Path.cwd() / "lid.bin")


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
        ("balance.budget=1_000", ("balance.budget", 1000)),
        ("ingest.gate = false", ("ingest.gate", False)),
        ('run.languages=["mt"]', ("run.languages", ["mt"])),
        ("publish.dump=CC-MAIN-2024-10", ("publish.dump", "CC-MAIN-2024-10")),
    ],
)
def test_settings_are_toml_values(text: str, parsed: tuple[str, Any]) -> None:
    assert parse_setting(text) == parsed


@pytest.mark.parametrize("text", ["budget=3", "balance.budget"])
def test_settings_need_section_key_and_value(text: str) -> None:
    with pytest.raises(RecipeError, match=r"section\.key=value"):
        parse_setting(text)


def test_missing_and_broken_files(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"bundled recipes: demo, incremental, texts, web"):
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
        if section.name == "models":  # as many as you like, none by default
            continue
        assert isinstance(section.type, type) and is_dataclass(section.type)
        assert set(raw[section.name]) == {f.name for f in fields(section.type)}, section.name
    assert params_of(configure(raw)) == params_of(configure({}))


@pytest.mark.parametrize("path", sorted((ROOT / "pipelines").glob("*.toml")), ids=lambda path: path.name)
def test_every_key_of_a_bundled_recipe_is_commented(path: Path) -> None:
    for line in path.read_text().splitlines():
        if "=" in line and not line.startswith("#"):
            assert "#" in line, line
