"""A hook for a model that finds names and addresses: none ships, and none is used unless the recipe names it.

`pii.ner = "package.module:function"`, importable on every machine of the run. The function gets texts of one language and its code, and
answers for each a list of (kind, start, end): small letters, code-point offsets. It must answer the same for the same text, always.
"""

import importlib
import inspect
import re
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

import xxhash

Recogniser = Callable[[list[str], str], Sequence[Sequence[tuple[str, int, int]]]]
_KIND = re.compile(r"[a-z]{2,16}(?:_[a-z]{2,16}){0,2}")


@cache
def recogniser(name: str) -> Recogniser:
    """The function that a recipe names. ValueError: there is none."""
    module, _, function = name.partition(":")
    try:
        found = getattr(importlib.import_module(module), function)
    except Exception as error:
        raise ValueError(
            f"pii.ner: {name!r} cannot be imported: {type(error).__name__}: {error}; expected package.module:function"
        ) from error
    if not callable(found):
        raise ValueError(f"pii.ner: {name!r} is not a function")
    chosen: Recogniser = found
    return chosen


def source_hash(name: str) -> str:
    """Of the file that the function is in: another version may find other names."""
    path = inspect.getsourcefile(recogniser(name)) if name else None
    return xxhash.xxh3_64_hexdigest(Path(path).read_bytes()) if path else ""


def recognise(name: str, texts: list[str], language: str) -> list[list[tuple[str, int, int]]]:
    """The function's answers, in order and checked. ValueError: an answer that is no span of its text."""
    answers = recogniser(name)(texts, language)
    out = []
    for text, answer in zip(texts, answers, strict=True):
        spans = sorted((str(kind), int(start), int(end)) for kind, start, end in answer)
        for kind, start, end in spans:
            if not _KIND.fullmatch(kind) or not 0 <= start < end <= len(text):
                raise ValueError(
                    f"pii.ner: {name} answered ({kind!r}, {start}, {end}) for a text of {len(text)} characters"
                )
        out.append(sorted(spans, key=lambda span: span[1:]))
    return out
