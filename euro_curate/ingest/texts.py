"""Text inputs (JSONL, Parquet) -> records. They skip extraction, never the other stages."""

import gzip
import io
import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Any, cast

import zstandard

from euro_curate.ingest.records import HashedFile, Reading


@dataclass
class TextRecord:
    """One text document as found: `fields` is its JSON object or Parquet row."""

    row: int
    fields: dict[str, Any]


def read_texts(
    stream: HashedFile, url: str, kind: str, compression: str | None, reading: Reading
) -> Iterator[TextRecord]:
    """Every document of a JSONL or Parquet file. Lines that are no JSON object are counted and passed over (datatrove's reader ends at some and
    hides others); damage to the file itself ends the reading, counted too. Raises for storage that fails."""
    for record in _jsonl(stream, compression, reading) if kind == "jsonl" else _parquet(url, reading):
        reading.records += 1
        yield record


def _jsonl(stream: HashedFile, compression: str | None, reading: Reading) -> Iterator[TextRecord]:
    stream.seek(0)
    plain: Any = stream
    if compression == "gzip":
        plain = gzip.GzipFile(fileobj=stream)
    elif compression == "zstd":
        plain = zstandard.ZstdDecompressor().stream_reader(cast(IO[bytes], stream), read_across_frames=True)
    lines: IO[bytes] = io.BufferedReader(plain, 1 << 20)
    row = at = 0
    try:
        for row, line in enumerate(lines):
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
    except (OSError, EOFError, zlib.error, zstandard.ZstdError) as error:
        if stream.failure:
            raise stream.failure from error
        reading.trouble(error, at)


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
