"""Parquet parts: where they lie, how they are read, and how they are published whole or not at all.

A file is its own receipt: its footer holds the recipe (what made it) and the digest of its data pages (what it is).
"""

import bisect
import contextlib
import io
import itertools
import json
import os
import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import xxhash
from fsspec.implementations.local import LocalFileSystem

RECIPE = b"euro_curate.recipe"
RECEIPT = b"euro_curate.receipt"

ROW_GROUP = 8192  # rows; work tables are read whole or by statistics on their sort column
HASH_ROW_GROUP = 32_768  # rows of a table that is nothing but two hashes, half a megabyte: gathers read ranges of it
SORTED_ROW_GROUP = (
    256  # rows of shuffled text, about 1 MB: a shard reads a hash range of one language out of a merged file
)
UNIQUE = frozenset(("id", "text", "url", "title"))  # columns whose values hardly repeat
DATASET_ROW_GROUP = 1000  # rows; DESIGN 5: 1,000-2,000, so that a trainer or a forget run touches little
# rows after which a page of 1 MB is looked at for being full: at pyarrow's 1,024 a row group is one page, which makes its page index
# void and zstd slower by a sixth (files are 2 % smaller)
PAGE_CHECK = 64


_SEARCHED = {"language", "source", "id", "offset", "folder"}  # columns that readers look for rows by, besides hashes


@dataclass(frozen=True)
class Part:
    """One Parquet file. `digest` covers the data pages, so equal content has an equal digest whatever made it."""

    key: str
    path: str
    digest: str
    rows: int
    bytes: int
    source_hash: str = ""
    notes: dict[str, Any] = field(
        default_factory=dict, hash=False
    )  # what ingest says of its file: records, bytes skipped, error
    seconds: float = field(default=0.0, compare=False)  # that making it took, in this run; never written
    peak_bytes: int = field(default=0, compare=False)  # memory of the process that made it just now; 0 = found


@dataclass(frozen=True)
class Shards:
    """Parts of one table, ordered by key."""

    parts: tuple[Part, ...]

    @property
    def keys(self) -> tuple[str, ...]:
        return tuple(part.key for part in self.parts)

    @property
    def rows(self) -> int:
        return sum(part.rows for part in self.parts)

    def __getitem__(self, key: str) -> Part:
        for part in self.parts:
            if part.key == key:
                return part
        raise KeyError(key)

    def only(self, keys: Iterable[str]) -> "Shards":
        wanted = set(keys)
        return Shards(tuple(part for part in self.parts if part.key in wanted))


class StorageRefused(PermissionError):
    """The storage of the run's own tables refuses access: no part can be read or written until that is mended."""


@contextlib.contextmanager
def _own(path: str) -> Iterator[None]:
    """Around every access to the run's own tables."""
    try:
        yield
    except OSError as error:
        reason = " ".join(str(error).split())[:200]
        if not (isinstance(error, PermissionError) or reason.startswith("Forbidden:")):  # gcsfs's word for it
            raise
        raise StorageRefused(f"the storage refuses access to {path}: {reason or type(error).__name__}") from error


# --- file systems ------------------------------------------------------------------------------------------------------------


def filesystem(url: str) -> tuple[fsspec.AbstractFileSystem, str]:
    """(file system, path) of a path or URL. ImportError text names the extra that is missing."""
    try:
        fs, path = fsspec.core.url_to_fs(url)
    except ImportError as error:
        scheme = url.split("://", maxsplit=1)[0]
        extra = {"gs": "gcs", "gcs": "gcs"}.get(scheme)
        hint = f"pip install 'euro-curate[{extra}]'" if extra else str(error)
        raise ImportError(f"{scheme}:// needs a package that is not installed: {hint}") from error
    return fs, str(path)


def join(base: str, *parts: str) -> str:
    return "/".join([base.rstrip("/"), *parts])


def put_if_absent(path: str, data: bytes) -> bool:
    """Publish bytes under a path unless it exists. True if this call did it; the first attempt wins, no reader sees half a file.

    Local: temporary file, fsync, hard link (atomic, also over NFS). Object stores: a conditional put (`If-None-Match: *`).
    """
    fs, where = filesystem(path)
    if not isinstance(fs, LocalFileSystem):
        try:
            fs.pipe_file(where, data, mode="create")
        except FileExistsError:
            return False
        return True
    target = Path(where)
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.parent / f".{target.name}.{uuid.uuid4().hex}.tmp"
    try:
        with open(temporary, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.link(temporary, target)
    except FileExistsError:
        return False
    finally:
        temporary.unlink(missing_ok=True)
    return True


def replace(path: str, data: bytes) -> None:
    """Write or overwrite a small file whole (run.json, the report, the card): atomic rename locally, one put elsewhere."""
    fs, where = filesystem(path)
    if not isinstance(fs, LocalFileSystem):
        fs.pipe_file(where, data)
        return
    target = Path(where)
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.parent / f".{target.name}.{uuid.uuid4().hex}.tmp"
    temporary.write_bytes(data)
    os.replace(temporary, target)


def read_bytes(path: str) -> bytes | None:
    """A small file whole; None if it is not there."""
    fs, where = filesystem(path)
    try:
        data = fs.cat_file(where)
    except FileNotFoundError:
        return None
    assert isinstance(data, bytes)
    return data


def exists(path: str) -> bool:
    fs, where = filesystem(path)
    return bool(fs.exists(where))


def remove(path: str) -> None:
    fs, where = filesystem(path)
    try:
        fs.rm_file(where)
    except FileNotFoundError:
        pass


def list_files(folder: str) -> list[str]:
    """Every file under a folder, as paths that `filesystem` takes, sorted. Empty if there is no folder."""
    fs, where = filesystem(folder)
    fs.invalidate_cache()
    try:
        return sorted(fs.unstrip_protocol(p) if not isinstance(fs, LocalFileSystem) else p for p in fs.find(where))
    except FileNotFoundError:
        return []


def list_folders(folder: str) -> list[str]:
    """The folders right under a folder, as paths that `filesystem` takes, sorted. Empty if there is none."""
    fs, where = filesystem(folder)
    fs.invalidate_cache()
    try:
        names = sorted(entry["name"].rstrip("/") for entry in fs.ls(where, detail=True) if entry["type"] == "directory")
    except FileNotFoundError:
        return []
    return [join(folder, name.rsplit("/", 1)[-1]) for name in names]


# --- reading and writing parts -----------------------------------------------------------------------------------------------


def write_part(
    path: str, table: pa.Table | Iterator[pa.Table], recipe: dict[str, Any], source_hash: str, notes: dict[str, Any]
) -> Part:
    """Publish a table, or its pieces as they come, under `path` unless a file is there already, and return the part that *is* there.

    The digest is taken over the bytes of the data pages, before the footer that holds it is written.
    """
    sink = io.BytesIO()
    pieces = iter([table]) if isinstance(table, pa.Table) else table
    first = next(pieces)
    schema, rows = first.schema.remove_metadata(), 0  # what a table was read from may have left its own receipt there
    names = schema.names
    published = "top_langs" in names
    hashes = [f.name for f in schema if f.type == pa.uint64()]
    group = DATASET_ROW_GROUP if published else SORTED_ROW_GROUP if "folder" in names else ROW_GROUP
    if len(hashes) == len(names):
        group = HASH_ROW_GROUP
    # text on its way into the dataset is read again at once, and soon superseded
    passing = {"text", "order"} <= set(names)
    writer = pq.ParquetWriter(
        sink,
        schema,
        compression="lz4" if passing else "zstd",
        compression_level=None if passing else 3,
        write_page_index=True,
        write_batch_size=PAGE_CHECK if published else None,
        use_dictionary=[f for f in names if f not in hashes and f not in UNIQUE],  # hardly one comes twice
        write_statistics=[f for f in names if f in _SEARCHED or f in hashes] or False,
    )
    for piece in itertools.chain([first], pieces):
        writer.write_table(piece, row_group_size=group)
        rows += piece.num_rows
    digest = xxhash.xxh3_128_hexdigest(sink.getbuffer())
    receipt = {"digest": digest, "rows": rows, "source_hash": source_hash, "notes": notes}
    writer.add_key_value_metadata({RECIPE.decode(): _json(recipe), RECEIPT.decode(): _json(receipt)})
    writer.close()
    data = sink.getvalue()
    key = path.rsplit("/", 1)[-1].removesuffix(".parquet")
    with _own(path):
        put = put_if_absent(path, data)
    if put:
        return Part(key, path, digest, rows, len(data), source_hash, notes)
    found = find_part(path, recipe)
    if found is None:
        raise FileExistsError(f"{path} exists and was made by another recipe; remove it, or give another --output")
    return found


def find_part(path: str, recipe: dict[str, Any]) -> Part | None:
    """The part at `path` if it is there, readable and made by `recipe`; None otherwise."""
    fs, where = filesystem(path)
    try:
        with _own(path), fs.open(where, "rb") as file:
            size = int(file.seek(0, 2))
            file.seek(0)
            metadata = pq.read_metadata(file).metadata or {}
    except (FileNotFoundError, pa.ArrowInvalid):
        return None
    if metadata.get(RECIPE) != _json(recipe).encode():
        return None
    receipt = json.loads(metadata[RECEIPT])
    key = path.rsplit("/", 1)[-1].removesuffix(".parquet")
    return Part(key, path, receipt["digest"], receipt["rows"], size, receipt["source_hash"], receipt["notes"])


def read_recipe(path: str) -> dict[str, Any] | None:
    """The recipe of the part at `path`; None if there is no readable part."""
    fs, where = filesystem(path)
    try:
        with fs.open(where, "rb") as file:
            metadata = pq.read_metadata(file).metadata or {}
    except (FileNotFoundError, pa.ArrowInvalid):
        return None
    recipe: dict[str, Any] | None = json.loads(metadata[RECIPE]) if RECIPE in metadata else None
    return recipe


def read_receipt(path: str) -> tuple[str, set[str]]:
    """(digest of a part, digests of the parts that it was made from)."""
    fs, where = filesystem(path)
    with fs.open(where, "rb") as file:
        metadata = pq.read_metadata(file).metadata
    inputs = json.loads(metadata[RECIPE]).get("inputs", [])
    digests = {digest for one in inputs if isinstance(one, dict) for digest in one.get("digests", ())}
    return json.loads(metadata[RECEIPT])["digest"], digests


def read_part(part: Part, columns: Sequence[str] | None = None, where: pc.Expression | None = None) -> pa.Table:
    """A part's table; with `where`, only row groups whose statistics allow a match are read."""
    fs, path = _for_arrow(part.path)
    names = None if columns is None else list(columns)
    with _own(part.path):
        if where is not None or fs is not None:
            return pq.read_table(path, columns=names, filters=where, memory_map=False, filesystem=fs)
        with pq.ParquetFile(path) as file:
            return _by_groups(file, range(file.num_row_groups), names)


def read_range(
    part: Part, columns: Sequence[str] | None, equal: tuple[str, Any], between: tuple[str, int, int | None]
) -> pa.Table:
    """The rows of a part, sorted by two columns, in which the first has this value and low <= the second < high (None = no end).

    They are a slice of what was read, and no copy. The footer is read once and few of its statistics are looked at: many tasks read few rows
    each out of the same large files.
    """
    fs, path = _for_arrow(part.path)
    (first, value), (second, low, high) = equal, between
    with _own(part.path), pq.ParquetFile(path, filesystem=fs) as file:
        schema, metadata = file.schema_arrow, file.metadata
        # An empty table is a group without statistics.
        all_groups = range(file.num_row_groups if metadata.num_rows else 0)

        def known(group: int, name: str) -> Any:
            return metadata.row_group(group).column(schema.get_field_index(name)).statistics

        start = bisect.bisect_left(all_groups, value, key=lambda group: known(group, first).max)
        end = bisect.bisect_right(all_groups, value, key=lambda group: known(group, first).min)
        order = {group: known(group, second) for group in range(start, end)}
        groups = [g for g, s in order.items() if s.max >= low and (high is None or s.min < high)]
        table = _by_groups(file, groups, None if columns is None else list(dict.fromkeys([*columns, first, second])))
    found = pc.equal(table[first], value).to_numpy() & (table[second].to_numpy() >= np.uint64(low))
    if high is not None:
        found &= table[second].to_numpy() < np.uint64(high)
    rows = np.flatnonzero(found)
    assert not len(rows) or rows[-1] - rows[0] == len(rows) - 1, f"{part.path} is not sorted by {first}, {second}"
    out = table.slice(int(rows[0]) if len(rows) else 0, len(rows))
    return out if columns is None else out.select(list(columns))


def _for_arrow(url: str) -> tuple[fsspec.AbstractFileSystem | None, str]:
    """(file system, path) as pyarrow takes them: it reads local files itself."""
    fs, path = filesystem(url)
    return None if isinstance(fs, LocalFileSystem) else fs, path


def _by_groups(file: pq.ParquetFile, groups: Sequence[int], names: list[str] | None) -> pa.Table:
    """Row groups, one by one: read together, a column of text is copied every time that it outgrows its buffer."""
    found = [file.read_row_group(group, names) for group in groups]
    return pa.concat_tables(found) if found else file.read_row_groups([], names)


def _json(value: Any) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
