"""Text inputs (JSONL, Parquet) -> records, through datatrove's readers. They skip extraction, never the other stages."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from euro_curate.ingest.records import Reading


@dataclass
class TextRecord:
    """One text document as found: `fields` is its JSON object or Parquet row."""

    row: int
    fields: dict[str, Any]


def _whole(self: Any, data: dict[str, Any], path: str, id_in_file: int | str) -> dict[str, Any]:
    """datatrove adapter: hands the whole row on. Its own would drop documents without text before we could give them a verdict."""
    return {"text": "-", "id": str(id_in_file), "metadata": {"row": id_in_file, "fields": data}}


def read_texts(url: str, kind: str, compression: str | None, reading: Reading) -> Iterator[TextRecord]:
    """Every document of a JSONL or Parquet file. Lines that are no JSON object are counted; damage ends the reading, counted too."""
    from datatrove.pipeline.readers import JsonlReader, ParquetReader
    from datatrove.utils.logging import logger

    logger.disable("datatrove")  # it logs the first characters of bad lines
    folder, _, name = url.rpartition("/")
    row = -1
    try:
        if kind == "jsonl":
            reader: Any = JsonlReader(folder or "/", compression=compression, adapter=_whole, add_file_path=False)
        else:
            reader = ParquetReader(folder or "/", adapter=_whole)
        for row, document in enumerate(reader.read_file(name)):
            reading.records += 1
            number = document.metadata["row"] if kind == "jsonl" else row
            yield TextRecord(int(number), document.metadata["fields"])
    except Exception as error:  # damage of any kind ends this file, and only this file
        reading.trouble(error, row + 1)
