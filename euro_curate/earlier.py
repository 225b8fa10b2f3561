"""Earlier runs, as inputs of a new one: which of their tables it reads, by digest, and why it may not.

`extend`: the new run's OUTPUT holds its own pages only. What an earlier run published stays published, and its copies in the new crawl become
duplicates of it. Cost: the new data, and one pass over the earlier runs' keys and rulings.
`merge`: the new OUTPUT holds the pages of all runs, as if they had been one: judged by this recipe's rules, redacted and written once more, from
what the earlier runs extracted and measured; the best copy wins.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from dataclasses import replace as altered
from typing import Any

from euro_curate.dedup import MinHash, sign, sort_keys
from euro_curate.shards import Part, Shards, exists, join, read_bytes, replace
from euro_curate.stage import params_of

MODES = ("extend", "merge")
TABLES = ("ingest", "policies", "texts", "identify", "measure", "sign", "sort_keys", "decide", "verdicts")


class EarlierError(ValueError):
    """An earlier run that cannot be built on; the message says what to do."""


@dataclass(frozen=True)
class Building:
    """Which runs to build on, and how."""

    outputs: tuple[str, ...] = ()
    mode: str = "extend"

    def __post_init__(self) -> None:
        if self.mode not in MODES:
            raise ValueError(f"dedup.mode: {self.mode!r} is not one of {', '.join(MODES)}")
        if self.mode == "merge" and not self.outputs:
            raise ValueError('dedup.mode: "merge" needs the outputs of earlier runs under dedup.earlier')
        if len(set(self.outputs)) < len(self.outputs):
            raise ValueError("dedup.earlier: an output is named twice")


@dataclass(frozen=True)
class Past:
    """The tables of earlier runs together, in the order in which they are named."""

    tables: dict[str, Shards] = field(default_factory=lambda: dict.fromkeys(TABLES, Shards(())), hash=False)
    sources: dict[str, str] = field(default_factory=dict, hash=False)  # part key -> name of the crawl file

    @property
    def pages(self) -> int:
        return self.tables["decide"].rows


def record(output: str, tables: Mapping[str, Shards], sources: Mapping[str, str], minhash: MinHash) -> None:
    """Writes OUTPUT/work/tables.json: what a later run needs to build on this one. A file that says so already stays as it is."""
    prefix = output + "/"
    content = {
        "signing": _signing(minhash),
        "sources": dict(sources),
        "tables": {
            name: [[p.key, p.path.removeprefix(prefix), p.digest, p.rows, p.bytes] for p in tables[name].parts]
            for name in TABLES
        },
    }
    data = json.dumps(content, sort_keys=True, ensure_ascii=True, separators=(",", ":")).encode()
    path = join(output, "work", "tables.json")
    if read_bytes(path) != data:
        replace(path, data)


def build_on(building: Building, minhash: MinHash, output: str, names: Sequence[str]) -> Past:
    """The tables of the runs that a recipe names, for a run into `output` of the crawl files `names`. EarlierError says what does not fit."""
    tables: dict[str, list[Part]] = {name: [] for name in TABLES}
    sources: dict[str, str] = {}
    for number, place in enumerate(building.outputs):
        if place.rstrip("/") == output.rstrip("/"):
            raise EarlierError(f"dedup.earlier: {place} is this run's own output; give another --output")
        found = _read(place)
        _check_signing(place, found["signing"], _signing(minhash))
        merging = building.mode == "merge"
        if merging:
            _check_files(place, found["sources"].values(), [*names, *sources.values()])
        for name in TABLES:
            for key, path, digest, rows, size in found["tables"][name]:
                where = path if "://" in path or path.startswith("/") else join(place, path)
                # in `merge` the parts become this run's own; otherwise two runs may have crawl files of one name
                part = Part(key if merging else f"{number:03d}-{key}", where, digest, rows, size)
                tables[name].append(part)
        sources |= found["sources"] if merging else {}
        if merging and (gone := [p.path for name in ("ingest", "texts") for p in tables[name] if not exists(p.path)]):
            raise EarlierError(
                f'dedup.mode "merge" needs the texts of {place}, but {gone[0]} is gone (--clean removes them): use mode "extend"'
            )
    return Past({name: Shards(tuple(parts)) for name, parts in tables.items()}, sources)


def joined(own: Shards, past: Shards) -> Shards:
    """Parts of this run and of earlier ones, in key order, as one run of both would have them."""
    return Shards(tuple(sorted((*own.parts, *past.parts), key=lambda part: part.key)))


def _signing(minhash: MinHash) -> dict[str, Any]:
    """What signatures must agree in to be compared."""
    return {"sign": sign.version, "sort_keys": sort_keys.version, **params_of(altered(minhash, sketch=False))}


def _read(place: str) -> dict[str, Any]:
    if read_bytes(join(place, "run.json")) is None:
        raise EarlierError(f"dedup.earlier: no finished run in {place}: run.json is missing")
    data = read_bytes(join(place, "work", "tables.json"))
    if data is None:
        raise EarlierError(
            f"dedup.earlier: {place} has no work/tables.json: it was made by an older version, or work/ was removed; run it again"
        )
    found: dict[str, Any] = json.loads(data)
    return found


def _check_signing(place: str, theirs: dict[str, Any], ours: dict[str, Any]) -> None:
    wrong = [f"{key} {theirs.get(key)} there, {ours.get(key)} here" for key in ours if theirs.get(key) != ours[key]]
    if wrong:
        raise EarlierError(
            f"dedup.earlier: the signatures of {place} cannot be compared with this run's ({'; '.join(wrong)}): give both the same [dedup] "
            "keys, and run the earlier one again if its version is older"
        )


def _check_files(place: str, theirs: Any, taken: Sequence[str]) -> None:
    both = sorted(set(theirs) & set(taken))
    if both:
        raise EarlierError(
            f'dedup.mode "merge": {place} holds a crawl file {both[0]!r} already: take it out of the inputs, or rename it'
        )
