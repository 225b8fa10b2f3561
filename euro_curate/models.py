"""Models: what they are called, where their files lie and how they get here. The only importer of fasttext.

A model is its name and the digest of its file: only these (and a classifier's label) enter recipes and receipts. The place of the file
travels with the parameters, so that every machine finds it, and is no part of them: a file that moves remakes nothing.
"""

import fcntl
import hashlib
import os
import re
import sys
import time
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Protocol

import fsspec

from euro_curate.resources import bundled, cache_folder
from euro_curate.units import size

KEYS = {  # kind -> the recipe's key that names such a model
    "langid": "langid.model",
    "quality": "quality.models",
    "kinship": "kinship.TABLE",  # the code's own: no recipe names one
}
NO_IDENTITY = {"identity": False}  # metadata of a field that stage.params_of leaves out


@dataclass(frozen=True)
class Model:
    """One entry. ValueError: a digest that is none, an unknown kind, a classifier without a label."""

    name: str
    sha256: str  # of the file
    label: str = ""  # of a quality classifier: the label whose probability is the score
    kind: str = field(default="langid", metadata=NO_IDENTITY)
    place: str = field(default="", metadata=NO_IDENTITY)  # bundled file's name, absolute path, or URL
    normalisation: str = field(default="1", metadata=NO_IDENTITY)  # of a language model: the form in which it sees text
    label_map: str = field(
        default="", metadata=NO_IDENTITY
    )  # ... and the table of labels.toml that translates its labels

    def __post_init__(self) -> None:
        if not re.fullmatch("[0-9a-f]{64}", self.sha256):
            raise ValueError(f"models.{self.name}.sha256: {self.sha256!r} is not a digest of 64 hex digits")
        if self.kind not in KEYS:
            raise ValueError(f"models.{self.name}.kind: {self.kind!r} is not one of {', '.join(KEYS)}")
        if self.kind == "quality" and not self.label:
            raise ValueError(f"models.{self.name}.label: a quality classifier needs the label whose probability counts")


def entry(name: str, kind: str, own: Mapping[str, Mapping[str, Any]] | None = None, asked_by: str = "") -> Model:
    """The model of that name and kind, from langid_models/models.toml and `own` (a recipe's [models.<name>] tables), whose keys win.
    `asked_by`: the recipe's key that names it, if not the usual one of its kind.

    ValueError: a table that makes no sense, an unknown name (lists the names there are), or a model without a digest.
    """
    asked_by = asked_by or KEYS[kind]
    shipped = tomllib.loads(bundled("langid_models", "models.toml").read_text(encoding="utf-8"))
    tables = {key: {"kind": "langid"} | table for key, table in shipped.items()}
    for key, given in (own or {}).items():
        table = {k: v for k, v in given.items() if v}
        file, url = table.get("file", ""), table.get("url", "")
        known = key in shipped and not (file or url)
        if (bool(file) == bool(url) and not known) or (url and "://" not in url) or "://" in file:
            raise ValueError(f"models.{key}: give either `file`, a local path, or `url`")
        if file:
            table["file"] = os.path.abspath(os.path.expanduser(file))
        place = {} if known else {"file": "", "url": ""}  # one's own file instead of the shipped one
        tables[key] = tables.get(key, {}) | place | table
        _model(key, tables[key])
    choices = [key for key, table in tables.items() if table.get("kind", "langid") == kind]
    if name not in choices:
        raise ValueError(f"{asked_by}: no {kind} model {name!r}; there are: {', '.join(sorted(choices)) or 'none'}")
    table = tables[name]
    if not table.get("sha256"):
        raise ValueError(
            f"{asked_by}: the digest of {name!r} is not on record. Download {table['url']} (licence: {table['licence']}), "
            f'check it, and give it in the recipe: [models.{name}] sha256 = "..."'
        )
    return _model(name, table)


def _model(name: str, table: Mapping[str, Any]) -> Model:
    return Model(
        name,
        table["sha256"],
        table.get("label", ""),
        table.get("kind", "langid"),
        table.get("file") or table["url"],
        str(table.get("normalisation", Model.normalisation)),
        table.get("label_map", Model.label_map),
    )


@cache
def label_map(name: str) -> dict[str, tuple[str, ...]]:
    """A model's own labels -> our codes for them (several where a language has several scripts), from langid_models/labels.toml.

    ValueError: there is no such table.
    """
    tables = tomllib.loads(bundled("langid_models", "labels.toml").read_text(encoding="utf-8"))
    if name not in tables:
        raise ValueError(f"label_map: there is no {name!r} in labels.toml; there are: {', '.join(tables)}")
    return {label: tuple(codes.split()) for label, codes in tables[name].items()}


# --- the file ----------------------------------------------------------------------------------------------------------------


def locate(place: str, sha256: str) -> Path:
    """The file on this machine, its digest verified. What a URL names is fetched into the user's cache folder, once for all processes.

    ValueError: the file has another digest (a fetched one is removed). OSError: it is not there, or cannot be fetched.
    """
    if "://" not in place:
        path = Path(place) if os.path.isabs(place) else bundled("langid_models", place)
        if (digest := _digest(path)) != sha256:
            raise ValueError(f"{path} has sha256 {digest}, expected {sha256}: restore the file, or correct its entry")
        return path
    path = cache_folder() / "models" / sha256
    path.parent.mkdir(exist_ok=True)
    if not _holds(path, sha256):
        with _locked(path.with_suffix(".lock")):
            if not _holds(path, sha256):  # nobody fetched it while we waited
                part = path.with_suffix(".part")
                _fetch(place, part)
                if (digest := _digest(part)) != sha256:
                    part.unlink()
                    raise ValueError(f"{place} has sha256 {digest}, expected {sha256}: correct the model's entry")
                part.replace(path)
    return path


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _holds(path: Path, sha256: str) -> bool:
    return path.exists() and _digest(path) == sha256


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """One process at a time; the system opens the lock of a process that dies."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


_ATTEMPTS = 4  # in a row that bring nothing new
_BACKOFF_S = 1.0


def _fetch(url: str, part: Path) -> None:
    """Appends what `part` lacks of the URL's bytes. OSError after a few attempts; what has come by then stays for the next call."""
    from aiohttp import ClientError

    failures, most = 0, -1
    with _progress(url) as show:
        while True:
            had = part.stat().st_size if part.exists() else 0
            failures, most = (0, had) if had > most else (failures + 1, most)
            try:
                with _stream(url, had) as (source, start, size), part.open("ab") as sink:
                    sink.truncate(start)
                    while block := source.read(1 << 20):
                        sink.write(block)
                        show(sink.tell(), size)
                return
            except (FileNotFoundError, PermissionError):
                raise
            except (OSError, ClientError) as error:
                status = getattr(error, "status", 0)
                if status == 416:  # nothing beyond these bytes: whether they are right, the digest tells
                    return
                final = 400 <= status < 500 and status not in (408, 429)
                if final or failures + 1 >= _ATTEMPTS:
                    raise OSError(f"{url} cannot be fetched: {type(error).__name__}: {error}") from error
                time.sleep(_BACKOFF_S * 2**failures)


@contextmanager
def _stream(url: str, start: int) -> Iterator[tuple[Any, int, int | None]]:
    """(file to read on from, byte of the whole at which it stands, size of the whole): at `start`, or at 0 where a server knows no ranges."""
    fs, path = fsspec.core.url_to_fs(url)
    if not url.startswith(("http://", "https://")):
        with fs.open(path, "rb") as file:
            file.seek(start)
            yield file, start, fs.size(path)
        return
    from aiohttp import ClientTimeout

    # block_size=0: one request for all that is missing, not one a block, and its status says whether the range was heeded. size=1: no
    # request ahead of it for the size, as fsspec takes any failure of that for a missing file. No limit in all: models are large.
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={start}-"} if start else {})
    timeout = ClientTimeout(total=None, sock_connect=30, sock_read=60)
    with fs.open(path, "rb", block_size=0, size=1, headers=headers, timeout=timeout) as file:
        start = start if file.r.status == 206 else 0
        length = file.r.headers.get("Content-Length")
        yield file, start, start + int(length) if length else None


@contextmanager
def _progress(url: str) -> Iterator[Callable[[int, int | None], None]]:
    """A function to be told of (bytes there, bytes in all), which moves a bar on standard error; on a terminal only."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bars:
        bar = bars.add_task(url.rsplit("/", 1)[-1])
        yield lambda done, size: bars.update(bar, completed=done, total=size)


# --- fastText ----------------------------------------------------------------------------------------------------------------


class Predictor(Protocol):
    """The slice of fastText's low-level object that we use: the wrapper's `predict` fails on numpy 2, and is slower."""

    def predict(self, text: str, k: int, threshold: float, on_unicode_error: str) -> list[tuple[float, str]]: ...
    def getLabels(self, on_unicode_error: str) -> tuple[list[str], list[int]]: ...  # noqa: N802


def read(place: str, sha256: str) -> Predictor:
    """The fastText model. Errors as `locate`; ValueError: no fastText model."""
    import fasttext

    model = fasttext.FastText._FastText(model_path=str(locate(place, sha256)))
    if not hasattr(getattr(model, "f", None), "predict"):
        raise ImportError(
            "the installed `fasttext` is not the one that euro_curate names; reinstall fasttext-numpy2-wheel alone"
        )
    predictor: Predictor = model.f
    return predictor


load = cache(read)  # once per process


def main(names: Sequence[str]) -> None:
    """Fetches the language models of these names, of models.toml; without names, says which there are. SystemExit: one is refused."""
    try:
        for name in names:
            model = entry(name, "langid")
            print(f"{name}: {locate(model.place, model.sha256)}")
    except (ValueError, OSError) as error:
        raise SystemExit(f"error: {error}") from error
    if not names:
        shipped = tomllib.loads(bundled("langid_models", "models.toml").read_text(encoding="utf-8"))
        for name, table in shipped.items():
            if "url" in table:
                large = f"{size(table['bytes'])}, " if "bytes" in table else ""
                print(f"{name}: {large}{table['licence']}, {table['url']}")


if __name__ == "__main__":
    main(sys.argv[1:])
