"""ingest(): one crawl file -> its part of DOCUMENTS, and what reading it came to."""

import dataclasses
import io
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from typing import Any

import pyarrow as pa

from euro_curate.ingest.identity import record_id, second_occurrence, text_id
from euro_curate.ingest.page import Ingest, Row, text_row, unchanged
from euro_curate.ingest.policies import is_apart, policy_of
from euro_curate.ingest.records import HashedFile, Reading, container, read_records
from euro_curate.ingest.remote import RemoteFile
from euro_curate.ingest.sandbox import Sandbox
from euro_curate.ingest.sources import Source
from euro_curate.ingest.texts import TextRecord, read_texts
from euro_curate.schema import DOCUMENTS, POLICIES

# Of this code and of what decides the text: an upgraded extractor makes new parts.
VERSION = " ".join(["13", *(f"{name} {version(name)}" for name in ("trafilatura", "resiliparse", "lxml"))])

_sandbox = Sandbox()  # one per worker process, started with its first page

TEXT_KEYS = ("text", "content", "raw_content")
URL_KEYS = ("url", "u", "source_url")
DATE_KEYS = ("date", "timestamp", "ts", "crawled_at")


def ingest(source: Source, p: Ingest, known: pa.Table | None = None) -> tuple[pa.Table, dict[str, Any]]:
    """Reads a whole file: (DOCUMENTS in file order, notes for run.json: records, apart, cut, gaps, bytes_skipped, errors, digest,
    size, restarts; `policies`, a table, if the file holds any).

    `known`: what it gave with other LATE parameters, so that only pages that these concern are looked at again. It changes no byte.

    Damage in the file is in the notes; a page that cannot be read is a row. A file that is not there, or on this
    machine not for us to read, has no rows and says so. Storage that keeps failing raises GaveUp, one that refuses us PermissionError.
    """
    reading = Reading()
    restarts = _sandbox.restarts
    rows: list[Row] = []
    policies: list[Row] = []
    ids: set[str] = set()
    try:
        opened = RemoteFile(source.url)
    except _UNREADABLE as error:
        if isinstance(error, PermissionError) and "://" in source.url and not source.url.startswith("file:"):
            raise  # perhaps credentials that ran out: set aside, the file is read by the next run
        reading.trouble(error, 0)
        reading.bytes_skipped = source.size
        notes = dataclasses.asdict(reading) | {"format": "unreadable", "restarts": 0}
        return DOCUMENTS.empty_table(), notes
    with opened as remote, _seekable(remote) as raw:
        stream = HashedFile(raw)
        kind, _ = container(stream)
        if kind in ("warc", "arc", "wacz"):
            found = _pages(stream, kind, source, p, reading, policies, known)
        elif kind in ("jsonl", "parquet"):
            found = _texts(stream, source, kind, p, reading)
        else:
            found = iter(())
            if size := stream.seek(0, io.SEEK_END):
                reading.errors.append("no crawl or text format that we know (WARC, ARC, WACZ, JSONL, Parquet)")
                reading.bytes_skipped = size
        for row in found:
            if row["id"] in ids:
                row["id"] = second_occurrence(row["id"], source.name, row["offset"])
            ids.add(row["id"])
            rows.append(row | {"source": source.name})
        reading.digest = stream.digest()
        size = stream.seek(0, io.SEEK_END)
    notes = dataclasses.asdict(reading) | {"format": kind, "size": size, "restarts": _sandbox.restarts - restarts}
    if policies:
        notes["policies"] = pa.Table.from_pylist(policies, schema=POLICIES)
    return pa.Table.from_pylist(rows, schema=DOCUMENTS), notes


_UNREADABLE = (
    FileNotFoundError,
    PermissionError,
    IsADirectoryError,
)  # for good; other failures of the storage are tried again


@contextmanager
def _seekable(stream: RemoteFile) -> Iterator[Any]:
    """The stream, or a temporary copy of it where it cannot seek (a web server without ranges): damage is read past by seeking."""
    if stream.seekable():
        yield stream
        return
    with tempfile.TemporaryFile(prefix="euro-curate-") as copy:
        shutil.copyfileobj(stream, copy, 1 << 20)
        copy.seek(0)
        yield copy


def _pages(
    stream: HashedFile,
    kind: str,
    source: Source,
    p: Ingest,
    reading: Reading,
    policies: list[Row],
    known: pa.Table | None,
) -> Iterator[Row]:
    row_of = {} if known is None else {offset: i for i, offset in enumerate(known["offset"].to_pylist())}
    for record in read_records(stream, kind, reading):
        if is_apart(record.url):
            reading.apart += 1
            reading.records -= 1
            if policy := policy_of(record, source.name):
                policies.append(policy)
            continue
        record.blocked = p.urls.match(record.url)
        row: Row | None = None
        if known is not None and record.offset in row_of:
            row = known.slice(row_of[record.offset], 1).to_pylist()[0]
        if row is None or not unchanged(row, record, p):
            row = _sandbox.row(record, p)
        yield row | {"id": record_id(record.id, source.name, record.offset)}


def _texts(stream: HashedFile, source: Source, kind: str, p: Ingest, reading: Reading) -> Iterator[Row]:
    for item in read_texts(stream, kind, reading):
        body = _first(item, TEXT_KEYS)
        url, date = _first(item, URL_KEYS), _first(item, DATE_KEYS)
        row = text_row(
            body if isinstance(body, str) else "", str(url) if url else None, str(date) if date else None, item.row, p
        )
        yield row | {"id": text_id(item.fields.get("id"), source.name, item.row)}


def _first(item: TextRecord, keys: tuple[str, ...]) -> Any:
    metadata = item.fields.get("metadata")
    for place in (item.fields, metadata if isinstance(metadata, dict) else {}):
        for key in keys:
            if place.get(key) is not None:
                return place[key]
    return None
