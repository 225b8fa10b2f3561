"""screen(): datatrove's filters, and your own of its kind, as further rules: the first that objects to a page, and its reason.

A recipe names them under [filter.datatrove]. Only their decision counts: each is shown the page as it was extracted, and what it changes
in its document is forgotten. Instances live for one part, so what a filter remembers never depends on what else its process has done.
"""

import difflib
import importlib
import inspect
import json
import textwrap
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pyarrow as pa
import xxhash

from euro_curate.languages import languages
from euro_curate.schema import SCREENS
from euro_curate.stage import stage

# Whole sentences on long lines: filters that look at lines first get as far as their tokenizer.
_TRIAL = "\n".join(
    (
        "The ferry to the island leaves from the old harbour every morning at half past seven.",
        "In winter there are fewer boats, and those who live there plan their weeks around the weather.",
        "A small shop beside the school sells bread, newspapers and whatever the last boat has brought.",
        "Visitors who stay longer than a day are usually asked to help with something before they go.",
    )
)


@dataclass(frozen=True)
class Screening:
    """Parameters of `screen`, made by resolve_filters()."""

    filters: tuple[tuple[str, str], ...] = ()  # name in the recipe, its arguments as JSON; in the order tried
    languages: tuple[str, ...] = ()  # codes whose pages are screened
    datatrove: str = ""  # its version: another may decide otherwise
    sources: tuple[str, ...] = ()  # hash of the file that each filter is in, for the same reason


def resolve_filters(named: Mapping[str, Mapping[str, Any]], codes: tuple[str, ...]) -> Screening:
    """Filter -> keyword arguments, as in the recipe -> parameters. Each filter is tried on a small page in every language.

    ValueError names the filter that is unknown, takes other arguments, or cannot work here, and why.
    """
    if not named:
        return Screening()
    for name, arguments in named.items():
        _prove(name, arguments, codes)
    filters = tuple((name, json.dumps(arguments, sort_keys=True)) for name, arguments in named.items())
    return Screening(filters, codes, version("datatrove"), tuple(_source_hash(_find(name)) for name in named))


@stage(out=SCREENS, version=1)
def screen(documents: pa.Table, langs: pa.Table, params: Screening) -> pa.Table:
    """DOCUMENTS, LANGUAGES (n each) -> SCREENS (n): nulls for pages that no filter objects to, that have no text or another language."""
    makers = []
    for name, arguments in params.filters:
        kind = _find(name)
        makers.append((kind.__name__, _maker(kind, json.loads(arguments))))
    pages = documents.select(["id", "url", "crawled_at", "source", "text"]).to_pylist()
    labels = langs.select(["language", "score"]).to_pylist()
    found: list[tuple[str | None, str | None]] = []
    for page, label in zip(pages, labels, strict=True):
        due = page["text"] and label["language"] in params.languages
        found.append(_objection(makers, page | label) if due else (None, None))
    columns = (pa.array([finding[i] for finding in found], pa.string()) for i in (0, 1))
    return pa.table([documents["id"], *columns], schema=SCREENS)


def _objection(makers: list[tuple[str, Callable[[str], Any]]], page: dict[str, Any]) -> tuple[str | None, str | None]:
    """(class name, reason) of the first filter that drops the page; its class name is the reason where it gives none."""
    for name, make in makers:
        try:
            reason = _reason(name, make, page)
        except Exception as error:
            # If the machine is to blame, this raises as well: the part is set aside, and its pages are not dropped.
            _try(make, page["language"])
            reason = f"error:{type(error).__name__}"
        if reason is not None:
            return name, reason
    return None, None


def _reason(name: str, make: Callable[[str], Any], page: dict[str, Any]) -> str | None:
    """Why the filter drops the page; None = it keeps it."""
    from datatrove.data import Document
    from datatrove.pipeline.filters.base_filter import get_filter_result

    known = languages()[page["language"]]
    metadata = {
        "url": page["url"],
        "date": page["crawled_at"].isoformat() if page["crawled_at"] else None,
        "file_path": page["source"],
        "language": known.iso1,  # what datatrove's own filters look up
        "language_script": known.code[4:],
        "language_score": page["score"],
    }
    document = Document(text=page["text"], id=page["id"], metadata=metadata)
    kept, reason = get_filter_result(make(known.code).filter_batch([document])[0])
    return None if kept else str(reason or name).encode("utf-8", "replace").decode()


def _try(make: Callable[[str], Any], code: str) -> None:
    """Raises what a harmless page in that language makes the filter raise."""
    harmless = {"id": "trial", "url": "https://trial.example/", "crawled_at": None, "source": "trial", "text": _TRIAL}
    _reason("trial", make, harmless | {"language": code, "score": 1.0})


def _maker(kind: type, arguments: Mapping[str, Any]) -> Callable[[str], Any]:
    """Language code -> filter, made when first needed: one for all languages, or one each if `language` is an argument left open."""
    if "language" in _takes(kind) and "language" not in arguments:
        return cache(lambda code: kind(**arguments, language=code))
    single = cache(lambda: kind(**arguments))
    return lambda code: single()


def _takes(kind: Any) -> dict[str, inspect.Parameter]:
    """The constructor's parameters by name. Of __init__, as datatrove's __new__ takes anything."""
    return dict(list(inspect.signature(kind.__init__).parameters.items())[1:])


def _source_hash(kind: type) -> str:
    path = inspect.getsourcefile(kind)
    return xxhash.xxh3_64_hexdigest(Path(path).read_bytes()) if path else ""


def _find(name: str) -> type:
    """The class that a name in the recipe means. ValueError with the closest match, or what is wrong with its module."""
    from datatrove.pipeline import filters
    from datatrove.pipeline.filters.base_filter import BaseFilter
    from datatrove.utils.logging import logger

    logger.disable("datatrove")  # it reports at every step
    path, _, last = name.rpartition(":")
    try:
        module = importlib.import_module(path) if path else filters
    except Exception as error:
        raise ValueError(f"filter.datatrove: {path!r} cannot be imported: {_told(error)}") from error
    found = getattr(module, last, None)
    if isinstance(found, type) and issubclass(found, BaseFilter):
        return found
    classes = [n for n, value in vars(module).items() if isinstance(value, type) and issubclass(value, BaseFilter)]
    problem = "is unknown" if found is None else "is no subclass of datatrove's BaseFilter"
    raise ValueError(f"filter.datatrove: {name!r} {problem}: {_choices(last, classes)}")


def _prove(name: str, arguments: Mapping[str, Any], codes: tuple[str, ...]) -> None:
    """ValueError on arguments that the filter does not take, and on a filter that fails on a harmless page in one of the languages."""
    kind = _find(name)
    if problem := _misfit(_takes(kind), arguments):
        raise ValueError(f"filter.datatrove.{name}: {problem}")
    make = _maker(kind, arguments)
    for code in codes:
        try:
            _try(make, code)
        except Exception as error:
            lacks = isinstance(error, ImportError | OSError)
            fix = ". Install what it lacks on every machine of the run, or leave it out" if lacks else ""
            where = f"pages in {languages()[code].name}"
            raise ValueError(f"filter.datatrove: {name!r} cannot work on {where}: {_told(error)}{fix}") from error


def _told(error: Exception) -> str:
    """In one line."""
    return textwrap.shorten(f"{type(error).__name__}: {error}", 300).rstrip(".")


def _misfit(takes: Mapping[str, inspect.Parameter], arguments: Mapping[str, Any]) -> str:
    """What is wrong with the arguments; "" = nothing."""
    if "exclusion_writer" in arguments:
        return "exclusion_writer is not accepted: verdicts/ tells of every page that is dropped"
    if "seed" in takes and arguments.get("seed") is None:
        return "needs a `seed`: a run must be repeatable"
    if any(p.kind is inspect.Parameter.VAR_KEYWORD for p in takes.values()):
        return ""  # its constructor will tell
    own = [n for n, p in takes.items() if n != "exclusion_writer" and p.kind is not inspect.Parameter.VAR_POSITIONAL]
    for name in arguments:
        if name not in own:
            return f"unknown argument {name!r}: {_choices(name, own)}"
    for name in own:
        if takes[name].default is inspect.Parameter.empty and name not in (*arguments, "language"):
            return f"needs the argument {name!r}"
    return ""


def _choices(name: str, choices: list[str]) -> str:
    close = difflib.get_close_matches(name, choices, n=1, cutoff=0.4)
    hint = f"did you mean {close[0]!r}? " if close else ""
    return f"{hint}Choices: {', '.join(sorted(choices)) or 'none'}"
