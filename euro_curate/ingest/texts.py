"""Text inputs (JSONL, Parquet) -> records. They skip extraction, never the other stages."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow.parquet as pq

from euro_curate.ingest.archive import unpacked
from euro_curate.ingest.records import HashedFile, Reading


@dataclass
class TextRecord:
    """One text document as found: `fields` is its JSON object or Parquet row."""

    row: int
    fields: dict[str, Any]


def read_texts(stream: HashedFile, kind: str, reading: Reading) -> Iterator[TextRecord]:
    """Every document of a JSONL or Parquet file. Lines that are no JSON object are counted and passed over (datatrove's reader ends at some and
    hides others); damage to the file itself ends the reading, counted too. Raises for storage that fails."""
    for record in _jsonl(stream, reading) if kind == "jsonl" else _parquet(stream, reading):
        reading.records += 1
        yield record
    if stream.failure:
        raise stream.failure


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


def _parquet(stream: HashedFile, reading: Reading) -> Iterator[TextRecord]:
    row = -1
    try:
        for batch in pq.ParquetFile(stream).iter_batches(batch_size=_ROWS):
            for fields in batch.to_pylist():
                row += 1
                yield TextRecord(row, fields)
    except Exception as error:  # damage of any kind ends this file, and only this file
        reading.trouble(error, row + 1)


_ROWS = 1000  # rows unpacked at a time
