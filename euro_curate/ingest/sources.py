"""Which crawl files there are: expands paths, globs and URLs into named sources. Nothing of their content is read here."""

import contextlib
import glob as local_glob
import gzip
import os
import re
import zlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import PurePosixPath
from typing import Any

import xxhash
from fsspec.implementations.local import LocalFileSystem

from euro_curate.ingest.remote import RemoteFile, patiently
from euro_curate.shards import filesystem, join, read_bytes

CRAWL_PREFIX = (
    "https://data.commoncrawl.org/"  # what the lines of a list of paths are relative to; also at s3://commoncrawl/
)
_ASKING = 16  # files asked about at a time

_WILDCARDS = "*?["
_KNOWN = (".warc", ".arc", ".wet", ".wacz", ".jsonl", ".parquet")
_PACKED = (".gz", ".zst", ".lz4")


@dataclass(frozen=True)
class Source:
    """One input file. `name` is relative to its input root, so that disk and S3 name it alike; `size` 0 = unknown; `tag` is its ETag or mtime."""

    name: str
    url: str
    size: int
    tag: str

    @property
    def key(self) -> str:
        """The part key: the name made safe for a file name, plus a short hash, as `a/b` and `a_b` may both exist."""
        safe = "".join(c if c.isalnum() or c in "-_." else "_" for c in self.name)[-120:]
        return f"{safe}-{xxhash.xxh3_64_hexdigest(self.name)[:8]}"


def expand(inputs: Sequence[str], crawl_prefix: str = CRAWL_PREFIX) -> tuple[Source, ...]:
    """The files that the inputs mean, by name. An input is a file, a folder (its crawl and text files, recursively), a glob, a list of
    paths (`*.paths`, `*.paths.gz`), or a crawl of Common Crawl (`cc://CC-MAIN-2025-30`: its list under `crawl_prefix`; `/wet` for its texts).
    A slice may follow the last two: `cc://CC-MAIN-2025-30/wet[0:100]`.

    A list's lines are relative to `crawl_prefix`, and are the names. Listed files of a remote prefix are not asked about, one by one, before
    they are read: their size is 0 (unknown), their receipt rests on the name, and two that are equal are both read.

    ValueError: an input that matches nothing, or two roots that give one name.
    """
    if not inputs:
        raise ValueError("no input: give --input, or `inputs` under [run] in the recipe")
    found: dict[str, Source] = {}
    for pattern in inputs:
        listed = _list_of(pattern, crawl_prefix)
        matched = _expand_list(pattern, *listed, crawl_prefix) if listed else _expand_one(pattern)
        if not matched:
            raise ValueError(f"input {pattern!r} matches no file")
        for source in matched:
            other = found.setdefault(source.name, source)
            if other.url != source.url:
                raise ValueError(
                    f"two inputs are both named {source.name!r} relative to their roots: {other.url} and {source.url}; "
                    "give one input whose part before the first wildcard holds both"
                )
    return tuple(found[name] for name in sorted(found))


_SLICE = r"(?:\[(?P<first>\d*):(?P<last>\d*)\])?"
_CRAWL = re.compile(r"cc://(?P<crawl>[A-Z][\w-]*(?:/\d+)*)(?:/(?P<kind>[a-z]\w*))?/?" + _SLICE)
_LIST = re.compile(r"(?P<path>.+\.paths(?:\.gz)?)" + _SLICE)
KINDS = ("warc", "wet", "robotstxt", "non200responses")  # lists of a crawl that hold what we read


def _list_of(pattern: str, prefix: str) -> tuple[str, slice] | None:
    """(where the list of paths is that an input means, which lines); None if the input is another kind."""
    if pattern.startswith("cc://"):
        found = _CRAWL.fullmatch(pattern)
        kind = (found["kind"] or "warc") if found else ""
        if found is None or kind not in KINDS:
            raise ValueError(
                f"input {pattern!r}: expected cc://CRAWL, cc://CRAWL/KIND or cc://CRAWL/KIND[first:last], such as "
                f"cc://CC-MAIN-2025-30/wet[0:100]; kinds: {', '.join(KINDS)}"
            )
        where = join(prefix, "crawl-data", found["crawl"], f"{kind}.paths.gz")
    elif found := _LIST.fullmatch(pattern):
        where = found["path"]
        if any(c in where for c in _WILDCARDS):
            return None
    else:
        return None
    return where, slice(*(int(end) if end else None for end in (found["first"], found["last"])))


def _expand_list(pattern: str, where: str, lines: slice, prefix: str) -> list[Source]:
    try:
        data = patiently(where, lambda: read_bytes(where))
        if data is None:
            raise FileNotFoundError(f"no list of paths at {where}")
        if data.startswith(b"\x1f\x8b"):
            data = gzip.decompress(data)
        paths = [line.strip() for line in data.decode("utf-8").splitlines() if line.strip()]
        # on a disk, asking costs microseconds
        local = isinstance(filesystem(prefix)[0], LocalFileSystem)
        return [_listed(path, prefix, local) for path in dict.fromkeys(paths[lines])]
    except (OSError, EOFError, zlib.error, ImportError, UnicodeDecodeError) as error:
        raise ValueError(f"input {pattern!r} cannot be read: {type(error).__name__}: {error}") from error


def _listed(line: str, prefix: str, local: bool) -> Source:
    """The file that a line of a list means: relative to the prefix, or a URL."""
    name = line.removeprefix(prefix).lstrip("/")
    if "://" in name:
        return Source(name.split("://", 1)[1].partition("/")[2], name, 0, "listed")
    url = join(prefix, name)
    if not local:
        return Source(name, url, 0, "listed")
    path = filesystem(url)[1]
    about = os.stat(path)
    return Source(name, path, about.st_size, f"mtime:{about.st_mtime_ns}")


def _expand_one(pattern: str) -> list[Source]:
    try:
        fs, path = filesystem(pattern)
    except (ImportError, ValueError) as error:
        raise ValueError(f"input {pattern!r}: {error}") from error
    local = isinstance(fs, LocalFileSystem)
    cut = min((path.index(c) for c in _WILDCARDS if c in path), default=-1)
    try:
        if cut >= 0:
            root = path[:cut].rpartition("/")[0]
            found = local_glob.glob(path, recursive=True) if local else patiently(pattern, lambda: fs.glob(path))
            paths = [p for p in sorted(map(str, found)) if not patiently(p, partial(fs.isdir, p))]
        elif not _one_file(path) and patiently(pattern, lambda: fs.isdir(path)):
            root = path.rstrip("/")
            paths = sorted(p for p in map(str, patiently(pattern, lambda: fs.find(path))) if looks_like_input(p))
        else:
            root, paths = path.rpartition("/")[0], [path]
            with contextlib.suppress(FileNotFoundError):
                return [patiently(pattern, lambda: _source(fs, path, root, local))]
            return []
        with ThreadPoolExecutor(_ASKING) as pool:
            return list(pool.map(lambda p: patiently(p, lambda: _source(fs, p, root, local)), paths))
    except OSError as error:
        raise ValueError(f"input {pattern!r} cannot be read: {type(error).__name__}: {error}") from error


def _one_file(path: str) -> bool:
    """Whether a web address names a file: to ask whether it is a folder would fetch it."""
    return path.startswith(("http://", "https://")) and looks_like_input(path)


def looks_like_input(path: str) -> bool:
    """Whether a file in an input folder is meant: by its name, as only that is known."""
    name = path.lower()
    for packed in _PACKED:
        name = name.removesuffix(packed)
    return name.endswith(_KNOWN)


def _source(fs: Any, path: str, root: str, local: bool) -> Source:
    name = path[len(root) :].lstrip("/") if root and path.startswith(root) else PurePosixPath(path).name
    info = fs.info(path)
    if local:
        tag = f"mtime:{os.stat(path).st_mtime_ns}"
        return Source(name, path, int(info["size"]), tag)
    tag = str(info.get("ETag") or info.get("etag") or info.get("LastModified") or info.get("mtime") or "").strip('"')
    return Source(name, fs.unstrip_protocol(path), int(info.get("size") or 0), tag)


def digest(source: Source) -> str:
    """xxh3_128 of the whole file, streamed."""
    hasher = xxhash.xxh3_128()
    with RemoteFile(source.url) as file:
        while block := file.read(1 << 20):
            hasher.update(block)
    return hasher.hexdigest()


def distinct(sources: Sequence[Source]) -> tuple[tuple[Source, ...], dict[str, str]]:
    """(sources to read, {name of an identical file: name of the one that is read}). Only files of equal size are digested."""
    by_size: dict[int, list[Source]] = {}
    for source in sources:
        by_size.setdefault(source.size, []).append(source)
    first: dict[tuple[int, str], str] = {}
    same: dict[str, str] = {}
    for source in sources:
        if len(by_size[source.size]) == 1 or source.size == 0:
            continue
        name = first.setdefault((source.size, digest(source)), source.name)
        if name != source.name:
            same[source.name] = name
    return tuple(s for s in sources if s.name not in same), same
