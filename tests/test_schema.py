"""schema.py: the promises that every table keeps."""

import pyarrow as pa
import pytest

from euro_curate import schema

ALIGNED = (
    "DOCUMENTS",
    "LANGUAGES",
    "SIGNATURES",
    "QUALITIES",
    "SCREENS",
    "SPOTS",
    "RULINGS",
    "VERDICTS",
    "CLEAN",
    "ELECTIONS",
)
EVERY = {name: value for name, value in vars(schema).items() if isinstance(value, pa.Schema)}

FINEWEB2 = {
    "text": "string",
    "id": "string",
    "dump": "string",
    "url": "string",
    "date": "string",
    "file_path": "string",
    "language": "string",
    "language_score": "double",
    "language_script": "string",
    "minhash_cluster_size": "int64",
    "top_langs": "string",
}


@pytest.mark.parametrize("name", ALIGNED)
def test_tables_of_pages_start_with_an_id_that_is_never_null(name: str) -> None:
    first = EVERY[name].field(0)
    assert (first.name, first.type, first.nullable) == ("id", pa.string(), False)


@pytest.mark.parametrize("name", sorted(EVERY))
def test_no_table_has_a_column_twice(name: str) -> None:
    names = EVERY[name].names
    assert len(names) == len(set(names)) > 0


def test_dataset_starts_with_the_columns_and_types_of_fineweb2() -> None:
    columns = [(f.name, str(f.type)) for f in schema.DATASET][: len(FINEWEB2)]
    assert columns == list(FINEWEB2.items())
    assert all(f.nullable for f in schema.DATASET)


def test_verdicts_have_the_columns_of_the_contract() -> None:
    strings = {"id", "url", "language", "verdict", "rule", "duplicate_of", "source", "evidence"}
    types = dict.fromkeys(strings, "string")
    types |= dict.fromkeys(("language_score", "value", "threshold"), "double")
    types |= dict.fromkeys(("cluster_size", "offset"), "int64")
    assert {f.name: str(f.type) for f in schema.VERDICTS} == types
    assert [f.name for f in schema.VERDICTS if not f.nullable] == ["id", "verdict", "source", "cluster_size", "offset"]


def test_signatures_have_as_many_bands_of_eight_bytes_as_the_recipe_says() -> None:
    assert schema.SIGNATURES.field("bands").type == pa.list_(pa.uint64())
    assert schema.KEYS.field("key").type == pa.uint64()
