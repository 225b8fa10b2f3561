"""Which crawl files there are: expands paths, globs and URLs into named sources. Nothing of their content is read here."""

import glob as local_glob
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

import xxhash
from fsspec.implementations.local import LocalFileSystem

from euro_curate.shards import filesystem

_WILDCARDS = "*?["
_KNOWN = (".warc", ".arc", ".wet", ".wacz", ".jsonl", ".parquet")
_PACKED = (".gz", ".zst", ".lz4")


@dataclass(frozen=True)
class Source:
    """One input file. `name` is relative to its input root, so that disk and S3 name it alike; `tag` is its ETag or mtime."""

    name: str
    url: str
    size: int
    tag: str

    @property
    def key(self) -> str:
        """The part key: the name made safe for a file name, plus a short hash, as `a/b` and `a_b` may both exist."""
        safe = "".join(c if c.isalnum() or c in "-_." else "_" for c in self.name)[-120:]
        return f"{safe}-{xxhash.xxh3_64_hexdigest(self.name)[:8]}"


def expand(inputs: Sequence[str]) -> tuple[Source, ...]:
    """The files that the inputs mean, by name. An input is a file, a folder (its crawl and text files, recursively), or a glob.

    ValueError: an input that matches nothing, or two roots that give one name.
    """
    if not inputs:
        raise ValueError("no input: give --input, or `inputs` under [run] in the recipe")
    found: dict[str, Source] = {}
    for pattern in inputs:
        matched = _expand_one(pattern)
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
            paths = sorted(local_glob.glob(path, recursive=True)) if local else sorted(map(str, fs.glob(path)))
            paths = [p for p in paths if not fs.isdir(p)]
        elif fs.isdir(path):
            root = path.rstrip("/")
            paths = sorted(p for p in map(str, fs.find(path)) if looks_like_input(p))
        elif fs.exists(path):
            root, paths = path.rpartition("/")[0], [path]
        else:
            return []
        return [_source(fs, p, root, local) for p in paths]
    except (OSError, PermissionError) as error:
        raise ValueError(f"input {pattern!r} cannot be read: {type(error).__name__}: {error}") from error


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
    fs, path = filesystem(source.url)
    hasher = xxhash.xxh3_128()
    with fs.open(path, "rb") as file:
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
