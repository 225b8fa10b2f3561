"""URL rules: block lists that users bring (none ships: their licences differ) and the recipe's own patterns. A blocked page is not extracted.

A list may be a file, a folder in the layout of UT1 (`domains`, `urls`), a tar file of such a folder, or the URL of a file; plain or gzip. A
line is a domain (itself and everything under it), a hosts-file line, or an address without a scheme (that path and everything below it).
`www.`, case, port, and the alphabet of a host name make no difference, on either side.

Millions of entries are one sorted array of 64-bit hashes, made once per machine and mapped into every process: 16 bytes an entry, and one
search for all the suffixes of an address. (Of 10^9 pages against 5 million entries, a hash meets a wrong one with probability 0.0003.)
"""

import fcntl
import gzip
import hashlib
import os
import re
import tarfile
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import IO, Any, cast
from urllib.parse import urlsplit

import numpy as np
import numpy.typing as npt
import xxhash

from euro_curate.hosts import plain_host, split_url
from euro_curate.models import NO_IDENTITY, locate
from euro_curate.resources import cache_folder

_MEMBERS = ("domains", "urls")  # of a list in UT1's layout; `expressions` are regular expressions of another program
OWN = "block"  # category of what the recipe's own patterns block
_FORMAT = 1  # of the compiled arrays in the cache folder


@dataclass(frozen=True)
class UrlList:
    """One block list. ValueError: a category that cannot be part of a verdict, or a digest that is none."""

    name: str
    category: str  # of the verdict: url:<category>
    sha256: str  # of the file; of a folder: of what `sha256sum domains urls` prints in it
    place: str = field(default="", metadata=NO_IDENTITY)  # absolute path or URL

    def __post_init__(self) -> None:
        if not re.fullmatch("[a-z0-9_]{1,40}", self.category):
            raise ValueError(f"urls.blocklists.{self.name}: the category {self.category!r} is not of a-z, 0-9 and _")
        if not re.fullmatch("[0-9a-f]{64}", self.sha256):
            raise ValueError(f"urls.blocklists.{self.name}.sha256: {self.sha256!r} is not a digest of 64 hex digits")


@dataclass(frozen=True)
class UrlRules:
    """What blocks a page by its address. The first list that has it gives the category; `allow` wins over all. ValueError: a bad pattern.

    Patterns: `example.com` or `*.example.com` (with all below), `example.com/path` (with all below), `regex:...` (RE2, anywhere in the URL).
    """

    lists: tuple[UrlList, ...] = ()
    block: tuple[str, ...] = ()
    allow: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _Patterns("urls.block", self.block)
        _Patterns("urls.allow", self.allow)

    def match(self, url: str | None) -> tuple[str, str] | None:
        """(verdict, evidence: the list and the entry or pattern) of a blocked address; None for others, and for what is no address."""
        if not (self.lists or self.block):
            return None
        parts = split_url(url)
        return _matcher(self).match(url.encode("utf-8", "replace"), parts[0], parts[2]) if url and parts else None


def list_of(name: str, category: str, file: str, url: str, sha256: str) -> UrlList:
    """A list as a recipe names it -> UrlList. A local one without a digest gets that of its present content. ValueError: makes no sense."""
    if bool(file) == bool(url) or (url and "://" not in url) or "://" in file:
        raise ValueError(f"urls.blocklists.{name}: give either `file`, a local file or folder, or `url`")
    if url and not sha256:
        raise ValueError(
            f"urls.blocklists.{name}: a list behind a URL needs its `sha256`, as it may change between machines"
        )
    place = url or os.path.abspath(os.path.expanduser(file))
    if not sha256:
        try:
            sha256 = _digest(Path(place))
        except OSError as error:
            raise ValueError(f"urls.blocklists.{name}: {place} cannot be read: {error.strerror or error}") from error
    return UrlList(name, category or name, sha256, place)


def _digest(path: Path) -> str:
    """As UrlList.sha256 has it. FileNotFoundError for a folder without lists."""
    if not path.is_dir():
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    names = [name for name in _MEMBERS if (path / name).is_file()]
    if not names:
        raise FileNotFoundError(None, f"neither of {', '.join(_MEMBERS)} is in it")
    return hashlib.sha256("".join(f"{_digest(path / name)}  {name}\n" for name in names).encode()).hexdigest()


# --- entries -----------------------------------------------------------------------------------------------------------------


def _entries(source: UrlList) -> Iterator[str]:
    """Every entry of a list: a host, or host/path. ValueError if the list is not the one of the digest."""
    path = Path(source.place)
    if "://" not in source.place and path.is_dir():
        if (digest := _digest(path)) != source.sha256:
            raise ValueError(f"{path} has sha256 {digest}, expected {source.sha256}: correct the recipe or the list")
        files: Iterable[IO[bytes]] = (open(path / name, "rb") for name in _MEMBERS if (path / name).is_file())
    else:
        files = _files(locate(source.place, source.sha256))
    for file in files:
        with file:
            for line in file:
                word = line.strip().lower()
                if _HOST.fullmatch(word):  # nearly all are: no further looks
                    yield _bare(word.decode())
                else:
                    yield from _of_line(line.decode("utf-8", "replace"))


def _files(path: Path) -> Iterator[IO[bytes]]:
    if tarfile.is_tarfile(path):
        with tarfile.open(path) as archive:
            for member in archive:
                if member.isfile() and os.path.basename(member.name) in _MEMBERS:
                    yield cast(IO[bytes], archive.extractfile(member))
        return
    packed = path.open("rb").read(2) == b"\x1f\x8b"
    yield cast(IO[bytes], gzip.open(path)) if packed else path.open("rb")


_HOST = re.compile(rb"[a-z0-9_\-][a-z0-9_.\-]*\.[a-z0-9\-]+")
_ADDRESS = re.compile(r"[0-9.]+|[0-9a-f:]*:[0-9a-f:.]*")  # of a hosts-file line


def _of_line(line: str) -> Iterator[str]:
    words = line.partition("#")[0].lower().split()
    if len(words) > 1:
        if not _ADDRESS.fullmatch(words[0]):
            return
        words = words[1:]
    for word in words:
        if entry := _entry(word):
            yield entry


def _entry(word: str) -> str | None:
    """A lower-case host or address, with or without its scheme -> host or host/path; None for what would block a whole top-level domain."""
    word = word.split("://", 1)[-1]
    host, slash, path = word.partition("/")
    host = host.removeprefix("*").removeprefix(".")
    if ":" in host or "@" in host:
        try:
            host = urlsplit(f"//{host}").hostname or ""
        except ValueError:
            return None
    host = _bare(plain_host(host))
    if "." not in host:
        return None
    path = path.rstrip("/")
    return f"{host}/{path}" if slash and path else host


def _bare(host: str) -> str:
    """Without `www.`, unless nothing that is a domain would be left."""
    return host[4:] if host.startswith("www.") and host.count(".") > 1 else host


# --- looking up --------------------------------------------------------------------------------------------------------------

Compiled = npt.NDArray[np.uint64]  # (2, n): sorted hashes of entries; which list each is of
_MOST_SEGMENTS = 20


def _suffixes(host: str) -> list[str]:
    """a.b.example.com -> itself, b.example.com, example.com: never the top level alone."""
    out = [host]
    while host.count(".") > 1:
        host = host.partition(".")[2]
        out.append(host)
    return out


def _prefixes(host: str, path: str) -> list[str]:
    """host/a/b?q -> with the query, without it, host/a."""
    whole = path.lower().strip("/")
    bare = whole.partition("?")[0].rstrip("/")
    segments = bare.split("/")
    out = [whole, bare, *("/".join(segments[:n]) for n in range(min(len(segments) - 1, _MOST_SEGMENTS), 0, -1))]
    return [f"{host}/{prefix}" for prefix in dict.fromkeys(out) if prefix]


def _has_paths(host: str) -> str:
    """The entry that says that others are of paths on this host; no host has such a name."""
    return f"{host}//"


def _hash(entry: str) -> int:
    return xxhash.xxh3_64_intdigest(entry)


def compile_lists(lists: tuple[UrlList, ...]) -> Compiled:
    """The lists as one array, from the user's cache folder if it was made before on this machine."""
    name = xxhash.xxh3_128_hexdigest(f"{_FORMAT} {' '.join(one.sha256 for one in lists)}")
    path = cache_folder() / "urls" / f"{name}.npy"
    path.parent.mkdir(exist_ok=True)
    if not path.exists():
        with path.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # one process of a machine compiles, the others wait for it
            if not path.exists():
                part = path.with_suffix(".part")
                with part.open("wb") as file:
                    np.save(file, _compile(lists))
                part.replace(path)
    return np.asarray(np.load(path, mmap_mode="r"))


def _compile(lists: tuple[UrlList, ...]) -> Compiled:
    hashes, owners = [], []
    for number, one in enumerate(lists):
        found = np.fromiter(_hashes(_entries(one)), np.uint64)
        hashes.append(found)
        owners.append(np.full(len(found), number, np.uint64))
    sorted_, first = np.unique(np.concatenate(hashes), return_index=True)  # of equal ones the first: the earlier list's
    return np.stack([sorted_, np.concatenate(owners)[first]])


def _hashes(entries: Iterator[str]) -> Iterator[int]:
    for entry in entries:
        yield _hash(entry)
        if "/" in entry:
            yield _hash(_has_paths(entry.partition("/")[0]))


class _Patterns:
    """The recipe's own patterns. ValueError names the key and the pattern that is none."""

    def __init__(self, key: str, patterns: tuple[str, ...]) -> None:
        self._entries: dict[str, str] = {}
        self._expressions: list[tuple[str, Any]] = []
        for pattern in patterns:
            if pattern.startswith("regex:"):
                import re2

                try:
                    self._expressions.append((pattern, re2.compile(pattern.removeprefix("regex:").encode())))
                except re2.error as error:
                    raise ValueError(f"{key}: {pattern!r} is no expression that RE2 takes: {error}") from error
            else:
                entry = _entry(pattern.strip().lower())
                if entry is None or "*" in entry or len(pattern.split()) != 1:
                    raise ValueError(
                        f"{key}: {pattern!r} is no pattern; write a domain (example.com, *.example.com), "
                        "a path (example.com/dir) or regex:EXPRESSION"
                    )
                self._entries[entry] = pattern

    def match(self, url: bytes, host: str, suffixes: list[str], path: str) -> str | None:
        """The pattern that an address meets."""
        if self._entries:
            for candidate in (*_prefixes(host, path), *suffixes):
                if candidate in self._entries:
                    return self._entries[candidate]
        return next((pattern for pattern, expression in self._expressions if expression.search(url)), None)


class _Matcher:
    """UrlRules, ready to be asked."""

    def __init__(self, rules: UrlRules) -> None:
        self._lists = rules.lists
        compiled = compile_lists(rules.lists) if rules.lists else np.zeros((2, 0), np.uint64)
        self._sorted, self._owners = (
            memoryview(compiled[0]),
            compiled[1],
        )  # a view: a few numbers are found faster in it
        self._block, self._allow = _Patterns("urls.block", rules.block), _Patterns("urls.allow", rules.allow)

    def match(self, url: bytes, host: str, path: str) -> tuple[str, str] | None:
        host = _bare(host)
        suffixes = _suffixes(host)
        found = self._listed(host, suffixes, path)
        if found is None and (pattern := self._block.match(url, host, suffixes, path)):
            found = f"url:{OWN}", f"urls.block: {pattern}"
        return None if found and self._allow.match(url, host, suffixes, path) else found

    def _listed(self, host: str, suffixes: list[str], path: str) -> tuple[str, str] | None:
        owners = self._find([*suffixes, _has_paths(host)])
        if owners[-1] is not None:
            prefixes = _prefixes(host, path)
            suffixes, owners = [*prefixes, *suffixes], [*self._find(prefixes), *owners]
        for entry, owner in zip(suffixes, owners, strict=False):
            if owner is not None:
                return f"url:{self._lists[owner].category}", f"list {self._lists[owner].name}: {entry}"
        return None

    def _find(self, entries: list[str]) -> list[int | None]:
        """For each entry the list that has it."""
        out: list[int | None] = []
        for entry in entries:
            wanted = _hash(entry)
            at = bisect_left(self._sorted, wanted)
            out.append(int(self._owners[at]) if at < len(self._sorted) and self._sorted[at] == wanted else None)
        return out


@cache
def _matcher(rules: UrlRules) -> _Matcher:
    return _Matcher(rules)
