"""publish/card.py: metadata that the Hub and Croissant's own reader understand, from the run's own figures."""

import json
import logging
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import yaml

from euro_curate.languages import languages
from euro_curate.publish import Card, card, croissant
from euro_curate.schema import BUDGET, DATASET
from euro_curate.verdict import FAMILIES


def budget(**by_code: dict[str, Any]) -> list[dict[str, Any]]:
    base = {f.name: 0 for f in BUDGET} | {"unit": "words", "epochs": 1.0, "train_shards": 1, "taken_pages": 5}
    rows: list[dict[str, Any]] = pa.Table.from_pylist(
        [base | {"language": code} | row for code, row in by_code.items()], schema=BUDGET
    ).to_pylist()
    return rows


ROWS = budget(
    ces_Latn={"pages": 9, "words": 1234, "epochs": 2.5, "test_shards": 1, "test_pages": 2},
    ell_Grek={"taken_pages": 0, "train_shards": 0},
    ron_Latn={"taken_pages": 1200, "taken_words": 1_234_567, "taken_bytes": 9_876_543},
)
COUNTS = [
    {"language": "ces_Latn", "verdict": "kept", "pages": 5},
    {"language": "ces_Latn", "verdict": "quality:min_words", "pages": 7},
    {"language": "ron_Latn", "verdict": "kept", "pages": 1200},
    {"language": "ron_Latn", "verdict": "duplicate:near", "pages": 30},
    {"language": "nob_Latn", "verdict": "language:other", "pages": 3},
    {"language": "und", "verdict": "http:404", "pages": 4},
]
SUMMARY = {"inputs": [{"size": 2_000_000_000}, {"size": 500_000_000}], "models": {"eu24-v2": "ab" * 32}}


def made(rows: list[dict[str, Any]], about: Card | None = None) -> tuple[dict[str, Any], str]:
    """(metadata, text) of the card."""
    empty, front, body = card(rows, COUNTS, FAMILIES, SUMMARY, about or Card(), "9.9").split("---\n", 2)
    assert empty == ""
    return yaml.safe_load(front), body


def test_the_cards_metadata_is_yaml_that_names_languages_splits_and_files() -> None:
    head, body = made(ROWS, Card(title='A "web": text', licence="odc-by"))
    assert head["language"] == ["cs", "ro"] and head["license"] == "odc-by"
    assert head["pretty_name"] == 'A "web": text' and head["size_categories"] == ["1K<n<10K"]
    assert head["configs"] == [
        {
            "config_name": "ces_Latn",
            "data_files": [
                {"split": "train", "path": "data/ces_Latn/train/*.parquet"},
                {"split": "test", "path": "data/ces_Latn/test/*.parquet"},
            ],
        },
        {
            "config_name": "ron_Latn",
            "data_files": [{"split": "train", "path": "data/ron_Latn/train/*.parquet"}],
        },
    ]
    assert "1,205 pages in 2 languages" in body
    assert "| Romanian | ron_Latn | 1,200 | 1,234,567 | 9.9 | 0 | 0 | 0 | 0 | 1.00 |" in body
    assert "Greek" not in body
    assert all(f"`{name}`" in body for name in DATASET.names)


def test_the_funnel_counts_every_page_by_language_and_family() -> None:
    _, body = made(ROWS)
    lines = body.splitlines()
    assert "| language | seen | kept | http | language | quality | duplicate |" in lines
    assert "| Czech | 12 | 5 | 0 | 0 | 7 | 0 |" in lines
    assert "| Romanian | 1,230 | 1,200 | 0 | 0 | 0 | 30 |" in lines
    assert "| other or none | 7 | 0 | 4 | 3 | 0 | 0 |" in lines
    drops = [line for line in lines if line.startswith(("| kept", "| quality", "| duplicate", "| http"))]
    assert drops == ["| kept | 1,205 |", "| duplicate:near | 30 |", "| quality:min_words | 7 |", "| http:404 | 4 |"]


def test_provenance_names_inputs_and_models() -> None:
    _, body = made(ROWS)
    assert "2 input files, 2.5 GB" in body and f"- eu24-v2: `{'ab' * 32}`" in body


def test_tokens_have_a_column_where_they_were_counted() -> None:
    assert "tokens | MB" not in made(ROWS)[1]
    _, body = made(budget(mlt_Latn={"tokens": 9, "taken_tokens": 8_000}))
    assert "| tokens | MB |" in body and "| 8,000 |" in body


def test_all_24_languages_survive_yaml() -> None:
    head, _ = made(budget(**{code: {} for code in languages()}))
    assert head["language"] == [language.iso1 for language in languages().values()]
    assert all(isinstance(code, str) for code in head["language"])


@pytest.mark.parametrize(
    ("pages", "size"),
    [(1, "n<1K"), (999, "n<1K"), (1000, "1K<n<10K"), (10**9, "1B<n<10B"), (10**12, "n>1T")],
)
def test_the_size_category_fits(pages: int, size: str) -> None:
    assert made(budget(mlt_Latn={"taken_pages": pages}))[0]["size_categories"] == [size]


def test_an_empty_dataset_has_a_card_and_metadata_too() -> None:
    head, body = made([])
    assert head["configs"] == [] and "0 pages in 0 languages" in body
    assert json.loads(croissant([], Card(), "1"))["distribution"] == []


# --- Croissant ---------------------------------------------------------------------------------------------------------------


def test_croissant_describes_every_column_of_every_language() -> None:
    found = json.loads(croissant(ROWS, Card(), "9.9"))
    assert found["conformsTo"] == "http://mlcommons.org/croissant/1.1"
    files = {entry["@id"]: entry for entry in found["distribution"]}
    assert files["ces_Latn-files"]["includes"] == "data/ces_Latn/*/*.parquet"
    assert [record["@id"] for record in found["recordSet"]] == ["ces_Latn", "ron_Latn"]
    for record in found["recordSet"]:
        names = [f["name"].split("/")[1] for f in record["field"]]
        assert names == ["split", *DATASET.names]
        assert {f["source"]["fileSet"]["@id"] for f in record["field"]} <= set(files)
    ids = [f["@id"] for record in found["recordSet"] for f in record["field"]]
    assert len(ids) == len(set(ids))


FULL = Card(
    "Web text",
    "https://opendatacommons.org/licenses/by/1-0/",
    "A. Publisher",
    "https://d.example/",
    "2.0.0",
    "2026-11-28",
    "A. Publisher, Web text",
)


def validated(text: str, folder: Path, caplog: pytest.LogCaptureFixture) -> list[str]:
    """What mlcroissant says against it. ValidationError where it finds an error."""
    import mlcroissant

    (folder / "croissant.json").write_text(text)
    with caplog.at_level(logging.WARNING):
        mlcroissant.Dataset(jsonld=str(folder / "croissant.json"))
    return [record.getMessage() for record in caplog.records if record.name == "absl"]


def test_croissants_own_validator_has_nothing_against_it(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert validated(croissant(ROWS, FULL, "9.9"), tmp_path, caplog) == []


def test_what_the_publisher_leaves_out_is_a_warning_at_most(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    said = " ".join(validated(croissant(ROWS, Card(), "9.9"), tmp_path, caplog))
    assert all(name in said for name in ("citeAs", "datePublished"))


def test_the_validator_catches_a_broken_description(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    import mlcroissant

    broken = json.loads(croissant(ROWS, FULL, "9.9"))
    broken["recordSet"][0]["field"][1]["source"]["fileSet"]["@id"] = "nowhere"
    with pytest.raises(mlcroissant.ValidationError):
        validated(json.dumps(broken), tmp_path, caplog)
