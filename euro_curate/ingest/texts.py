"""Text inputs (JSONL, Parquet) -> records. They skip extraction, never the other stages."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from euro_curate.ingest.archive import unpacked
from euro_curate.ingest.records import HashedFile, Reading


@dataclass
class TextRecord:
    """One text document as found: `fields` is its JSON object or Parquet row."""

    row: int
    fields: dict[str, Any]


def read_texts(stream: HashedFile, url: str, kind: str, reading: Reading) -> Iterator[TextRecord]:
    """Every document of a JSONL or Parquet file. Lines that are no JSON object are counted and passed over (datatrove's reader ends at some and
    hides others); damage to the file itself ends the reading, counted too. Raises for storage that fails."""
    for record in _jsonl(stream, reading) if kind == "jsonl" else _parquet(url, reading):
        reading.records += 1
        yield record


def _jsonl(stream: HashedFile, reading: Reading) -> Iterator[TextRecord]:
    at = 0
    for row, line in enumerate(_lines(unpacked(stream, reading))):
        if content := line.removeprefix(b"\xef\xbb\xbf").strip():
            try:
                fields = json.loads(content)
            except (ValueError, RecursionError):
                fields = None
            if isinstance(fields, dict):
                yield TextRecord(row, fields)
            else:
                reading.skip(ValueError(f"line {row + 1} is no JSON object"), at, at + len(line))
        at += len(line)


def _lines(blocks: Iterator[bytes]) -> Iterator[bytes]:
    """Lines with their ends: the last one may have none."""
    held: list[bytes] = []
    for block in blocks:
        *lines, rest = block.split(b"\n")
        for line in lines:
            yield b"".join([*held, line, b"\n"])
            held = []
        held.append(rest)
    if last := b"".join(held):
        yield last


def _whole(self: Any, data: dict[str, Any], path: str, id_in_file: int | str) -> dict[str, Any]:
    """datatrove adapter: hands the whole row on. Its own would drop documents without text before we could give them a verdict."""
    return {"text": "-", "id": str(id_in_file), "metadata": {"fields": data}}


def _parquet(url: str, reading: Reading) -> Iterator[TextRecord]:
    """Through datatrove's reader."""
    from datatrove.pipeline.readers import ParquetReader
    from datatrove.utils.logging import logger

    logger.disable("datatrove")
    folder, _, name = url.rpartition("/")
    row = -1
    try:
        for row, document in enumerate(ParquetReader(folder or "/", adapter=_whole).read_file(name)):
            yield TextRecord(row, document.metadata["fields"])
    except Exception as error:  # damage of any kind ends this file, and only this file
        reading.trouble(error, row + 1)
