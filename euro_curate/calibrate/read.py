"""read_measures(): the documents and the clean text that calibrate() looks at, as numbers."""

import json
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any

import fsspec
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from euro_curate.kernels import MEASURES
from euro_curate.langid import LangId, guess_documents
from euro_curate.languages import languages, resolve
from euro_curate.quality import measure_texts
from euro_curate.schema import QUALITIES
from euro_curate.shards import Part, filesystem, join, list_files, read_part
from euro_curate.text import order_hash, utf8

SCORE = "language_score"  # calibrated like a rule; its threshold is `min_language_score` of languages/*.toml


class CannotCalibrate(ValueError):
    """What the user gave does not suffice; the message says what is missing."""


def read_measures(
    places: Iterable[str], per_language: int, counted: Callable[[int], None] | None = None
) -> pl.DataFrame:
    """Measures, language and language score of documents: finished runs (folders), or files of {text, language?} as JSONL or Parquet.

    At most `per_language` of each language, always the same ones: those first in the shuffle of their ids (files: of their place), so memory
    does not grow with the input. CannotCalibrate if a place holds nothing that can be used. `counted(n)` is told of each n documents read.
    """
    kept = pl.DataFrame(schema={"language": pl.String, SCORE: pl.Float64, "order": pl.UInt64} | _MEASURES)
    for place in places:
        for frame in _run(place) if _is_folder(place) else _file(place):
            if counted:
                counted(len(frame))
            kept = pl.concat([kept, frame.select(kept.columns).filter(pl.col("language").is_in(list(languages())))])
            kept = kept.filter(pl.col("order").rank("ordinal").over("language") <= per_language)
    return kept.sort("language", "order")


_MEASURES: dict[str, Any] = {
    name: pl.Int32 if pa.types.is_integer(QUALITIES.field(name).type) else pl.Float64 for name in QUALITIES.names[1:]
}


def _is_folder(place: str) -> bool:
    fs, path = filesystem(place)
    return bool(fs.isdir(path))


def _run(output: str) -> Iterator[pl.DataFrame]:
    """The parts of a run: MEASURES beside LANGUAGES, the newest of each key."""
    measured, labelled = (_newest(join(output, "work", stage)) for stage in ("measure", "identify"))
    if not measured or set(measured) - set(labelled):
        raise CannotCalibrate(f"{output} is no finished run: its work/measure and work/identify are needed")
    for key, path in measured.items():
        numbers = read_part(_part(path))
        if not set(QUALITIES.names) <= set(numbers.column_names):
            raise CannotCalibrate(f"{output} was made by an older version, with other measures: run it again first")
        labels = read_part(_part(labelled[key]), columns=("id", "language", "score"))
        if not labels["id"].equals(numbers["id"]):
            raise CannotCalibrate(
                f"{output}: work/measure and work/identify of {key} are of different runs: run it again"
            )
        frame = pl.from_arrow(numbers)
        assert isinstance(frame, pl.DataFrame)
        order = [order_hash(page, 0) for page in frame["id"]]
        yield frame.with_columns(
            pl.Series("order", order, pl.UInt64),
            pl.Series("language", labels["language"].to_pylist(), pl.String),
            pl.Series(SCORE, labels["score"].to_pylist(), pl.Float64),
        ).filter(pl.col("words").is_not_null())


def _newest(folder: str) -> dict[str, str]:
    """Part key -> path of its newest version."""
    fs = filesystem(folder)[0]
    paths = sorted(list_files(folder), key=lambda path: (fs.modified(filesystem(path)[1]), path))
    return {path.rsplit("/", 1)[-1].removesuffix(".parquet"): path for path in paths}


def _part(path: str) -> Part:
    return Part("", path, "", 0, 0)


def _file(path: str) -> Iterator[pl.DataFrame]:
    """Texts of a JSONL (plain or compressed) or Parquet file, measured; their language identified where none is given."""
    parameters, done = LangId(), 0
    for rows in _texts(path):
        labels = list(_labels(rows, parameters))
        codes = [code for code, _ in labels]
        numbers = measure_texts(pa.array(utf8(row["text"] for row in rows), pa.large_string()), codes)
        yield pl.DataFrame(numbers, schema=list(MEASURES), orient="row").with_columns(
            *(pl.col(name).cast(kind) for name, kind in _MEASURES.items()),
            pl.Series("language", codes, pl.String),
            pl.Series(SCORE, [score for _, score in labels], pl.Float64),
            pl.Series("order", [order_hash(f"{path}:{done + i}", 0) for i in range(len(rows))], pl.UInt64),
        )
        done += len(rows)


def _labels(rows: list[dict[str, Any]], parameters: LangId) -> Iterator[tuple[str, float | None]]:
    """(language, its score) of each row as given, or as identified; "" = none of ours."""
    found = iter(guess_documents([row["text"] for row in rows if not row.get("language")], parameters))
    for row in rows:
        if not row.get("language"):
            guess = next(found)
            yield guess.language, guess.score
            continue
        try:
            yield resolve(row["language"]).code, row.get(SCORE)
        except ValueError:
            yield "", None


def _texts(path: str) -> Iterator[list[dict[str, Any]]]:
    """Batches of rows that have a text."""
    try:
        if path.endswith(".parquet"):
            fs, where = filesystem(path)
            with fs.open(where, "rb") as file:
                table = pq.ParquetFile(file)
                columns = [name for name in ("text", "language", SCORE) if name in table.schema_arrow.names]
                for batch in table.iter_batches(1024, columns=columns):
                    yield [row for row in batch.to_pylist() if row.get("text")]
            return
        with fsspec.open(path, "rt", encoding="utf-8", compression="infer", newline="\n") as lines:
            objects = (json.loads(line) for line in lines if line.strip())
            while rows := list(islice(objects, 1024)):
                yield [row for row in rows if isinstance(row, dict) and row.get("text")]
    except (OSError, ValueError) as error:
        raise CannotCalibrate(f"{path} cannot be read as JSONL or Parquet with a `text`: {error}") from error
