"""overlap(): how many of its word n-grams a page shares with benchmarks that a trained model is to be tested on.

A benchmark is a file that the recipe names with its digest. Words are those of text.py, folded: case, punctuation and spacing hide
nothing. Thirteen words are GPT-3's choice (Brown et al. 2020, arXiv 2005.14165, appendix C). An item shorter than that has no n-gram.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from euro_curate import text
from euro_curate.models import locate
from euro_curate.schema import OVERLAPS
from euro_curate.stage import stage

U64 = npt.NDArray[np.uint64]
_ODD = np.uint64(0x9E3779B97F4A7C15)
_SIEVE_BITS = 22  # of a hash: a table of 4 MB answers for nearly all n-grams that no benchmark has


@dataclass(frozen=True)
class Benchmark:
    """One file: .jsonl with an object a line, or text with an item a line."""

    name: str
    sha256: str
    fields: tuple[str, ...] = ("text",)  # of JSONL: each value is an item of its own
    place: str = field(default="", metadata={"identity": False})  # absolute path, the same on every machine, or URL


@dataclass(frozen=True)
class Decontamination:
    """Parameters of `overlap` and of the rule."""

    benchmarks: tuple[Benchmark, ...] = ()
    ngram: int = 13
    min_ngrams: int = 1  # distinct ones that a page shares with one benchmark; from so many on it is contaminated

    def __post_init__(self) -> None:
        if self.ngram < 1 or self.min_ngrams < 1:
            raise ValueError("decontamination: ngram and min_ngrams must be at least 1")


class _Grams(NamedTuple):
    """The n-grams of all benchmarks."""

    hashes: U64  # sorted, distinct
    members: npt.NDArray[np.bool_]  # (hashes, benchmarks)
    sieve: npt.NDArray[np.bool_]


@stage(out=OVERLAPS, version=1)
def overlap(documents: pa.Table, params: Decontamination) -> pa.Table:
    """DOCUMENTS (n) -> OVERLAPS (n): the benchmark with which each page shares most (the first named of equals), null = with none."""
    known = _load(params)
    names: list[str | None] = []
    shared: list[int] = []
    for found in text.scans(documents["text"]):
        grams = ngrams(found.words[: found.word_at[-1]], params.ngram)
        for low, high in pairwise(found.word_at.tolist()):
            counts = _shared(grams[low : max(low, high - params.ngram + 1)], known)
            best = int(counts.argmax()) if counts.any() else None
            names.append(None if best is None else params.benchmarks[best].name)
            shared.append(0 if best is None else int(counts[best]))
    return pa.table([documents["id"], pa.array(names, pa.string()), pa.array(shared, pa.int32())], schema=OVERLAPS)


def ngrams(words: U64, size: int) -> U64:
    """Hash of every run of `size` words, over the borders of documents too: those of one document are a stretch of it."""
    count = max(0, len(words) - size + 1)
    out = np.full(count, size, np.uint64)
    for i in range(size):
        out = (out ^ words[i : i + count]) * _ODD
        out ^= out >> np.uint64(29)
    return out


def _shared(grams: U64, known: _Grams) -> npt.NDArray[np.int64]:
    """n-grams of a page -> (benchmarks,) how many distinct ones it shares with each."""
    likely = np.unique(grams[known.sieve[grams & np.uint64((1 << _SIEVE_BITS) - 1)]]) if len(grams) else grams
    at = np.searchsorted(known.hashes, likely)
    at[at == len(known.hashes)] = 0
    hits = at[known.hashes[at] == likely] if len(known.hashes) else at[:0]
    counts: npt.NDArray[np.int64] = known.members[hits].sum(axis=0, dtype=np.int64)
    return counts


@cache
def _load(params: Decontamination) -> _Grams:
    """Once per process. ValueError: a file with another digest, or without the fields named."""
    found = [_ngrams(benchmark, params.ngram) for benchmark in params.benchmarks]
    hashes = np.unique(np.concatenate(found)) if found else np.empty(0, np.uint64)
    members = np.zeros((len(hashes), len(found)), np.bool_)
    for column, grams in enumerate(found):
        members[np.searchsorted(hashes, grams), column] = True
    sieve = np.zeros(1 << _SIEVE_BITS, np.bool_)
    sieve[hashes & np.uint64((1 << _SIEVE_BITS) - 1)] = True
    return _Grams(hashes, members, sieve)


def _ngrams(benchmark: Benchmark, size: int) -> U64:
    items = pa.array(text.utf8(_items(benchmark)), pa.large_string())
    found = [np.empty(0, np.uint64)]
    for scan in text.scans(items):
        grams = ngrams(scan.words[: scan.word_at[-1]], size)
        found += [grams[low : max(low, high - size + 1)] for low, high in pairwise(scan.word_at.tolist())]
    return np.unique(np.concatenate(found))


def _items(benchmark: Benchmark) -> Iterator[str]:
    path = locate(benchmark.place, benchmark.sha256)
    jsonl = benchmark.place.rstrip("/").endswith((".jsonl", ".json"))
    for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), 1):
        if not line.strip():
            continue
        if not jsonl:
            yield line
            continue
        row = _row(line, path, number)
        if not any(name in row for name in benchmark.fields):
            raise ValueError(
                f"decontamination.benchmarks.{benchmark.name}: line {number} of {path.name} has none of the fields "
                f"{', '.join(benchmark.fields)}; it has {', '.join(map(str, row))}: name them in `fields`"
            )
        for name in benchmark.fields:
            yield from _strings(row.get(name))


def _row(line: str, path: Path, number: int) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except ValueError as error:
        raise ValueError(f"{path.name}, line {number}, is not JSON: {error}") from error
    if not isinstance(row, dict):
        raise ValueError(f"{path.name}, line {number}: expected a JSON object")
    return row


def _strings(value: Any) -> Iterator[str]:
    """The texts in a value: itself, or those in a list (of answers, say)."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for one in value:
            yield from _strings(one)


def check(params: Decontamination) -> None:
    """Every benchmark is there and readable. ValueError or OSError says which is not."""
    if params.benchmarks:
        _load(params)
