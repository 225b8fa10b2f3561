"""observe(): the report's small tables, made part by part and added up, so that their size does not grow with the crawl.

They lie beside the report (`report/counts`, `report/hosts`, `report/samples`), hold no unredacted text, and are all that rendering reads.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from euro_curate.report.count import (
    DOCUMENT_COLUMNS,
    HOST_COLUMNS,
    HOST_RANGES,
    RESERVATION_COLUMNS,
    Counting,
    Totalling,
    count,
    count_hosts,
    top_hosts,
    total,
    total_hosts,
)
from euro_curate.report.draw import (
    TEXT_COLUMNS,
    Drawing,
    Excerpting,
    choose,
    collect,
    draw,
    excerpt,
    redraw,
    sources_of,
)
from euro_curate.run import Run, Slice, Task, hash_ranges, merged
from euro_curate.schema import (
    COUNTS,
    DOCUMENTS,
    DRAWS,
    HOSTS,
    LANGUAGES,
    QUALITIES,
    RESERVATIONS,
    SAMPLES,
    SPOTS,
    VERDICTS,
)
from euro_curate.shards import Shards, join, read_part
from euro_curate.stage import Stage

TABLES = ("counts", "hosts", "samples")


@dataclass(frozen=True)
class Seen:
    """The tables of a run that the report is made from."""

    documents: Shards
    texts: Shards  # documents, or what trimming left of them
    langs: Shards
    qualities: Shards
    verdicts: Shards
    spots: Shards
    reservations: Shards  # of all sources


_Lookup = Callable[[str], Slice]  # part key -> rows of another table


def observe(
    run: Run, seen: Seen, counting: Counting, drawing: Drawing, names: Mapping[str, str], merge_parts: int
) -> dict[str, Shards]:
    """The tables by name, one part each. `names`: part key -> the source's name; `merge_parts`: parts added up at once."""

    def same_part(shards: Shards, columns: Sequence[str]) -> _Lookup:
        part_of = {part.key: (part,) for part in shards.parts}
        return lambda key: Slice(part_of.get(key, ()), tuple(columns))

    def same_source(shards: Shards, columns: Sequence[str]) -> _Lookup:
        return lambda key: Slice(shards.parts, tuple(columns), equal=("source", (names[key],)))

    def each(stage: Stage, further: Sequence[tuple[_Lookup, pa.Schema]], params: Any) -> Shards:
        """One small table of each part of verdicts, with what belongs to it in further tables."""
        return run.map(
            stage,
            [(seen.verdicts, VERDICTS)],
            params,
            lookup=lambda key: [(of(key), schema) for of, schema in further],
        )

    def added_up(stage: Stage, shards: Shards, schema: pa.Schema, params: Any) -> Shards:
        """The small tables of many parts as a few."""
        batches = merged(shards, merge_parts)
        return run.gather(
            stage, {name: [(Slice(shards.only(keys).parts), schema)] for name, keys in batches.items()}, params
        )

    def last(table: str, stage: Stage, shards: Shards, schema: pa.Schema, params: Any) -> list[Task]:
        return run.plan_gather(
            stage,
            {table: [(Slice(shards.parts), schema)]},
            params,
            into=lambda key: join(run.output, "report", key, f"{key}.parquet"),
        )

    counts = each(
        count,
        [
            (same_part(seen.documents, DOCUMENT_COLUMNS), DOCUMENTS),
            (same_part(seen.langs, LANGUAGES.names), LANGUAGES),
            (same_part(seen.qualities, QUALITIES.names), QUALITIES),
            (same_part(seen.spots, ("id", "found")), SPOTS),
            (same_source(seen.reservations, RESERVATION_COLUMNS), RESERVATIONS),
        ],
        counting,
    )
    hosts = each(count_hosts, [(same_part(seen.documents, HOST_COLUMNS), DOCUMENTS)], Totalling())
    draws = each(draw, [], drawing)

    hosts = added_up(total_hosts, hosts, HOSTS, Totalling())
    ranges = {
        name: [(Slice(hosts.parts, between=("order", *bounds)), HOSTS)]
        for name, bounds in hash_ranges(HOST_RANGES).items()
    }
    hosts = run.gather(top_hosts, ranges, Totalling())

    chosen = run.gather(choose, {"draws": [(Slice(added_up(redraw, draws, DRAWS, drawing).parts), DRAWS)]}, drawing)
    ids = sources_of(read_part(chosen["draws"]))
    key_of = {name: key for key, name in names.items()}
    sampled = [
        ({part.key: part for part in shards.parts}, tuple(columns), schema)
        for shards, columns, schema in (
            (seen.texts, TEXT_COLUMNS, DOCUMENTS),
            (seen.langs, LANGUAGES.names, LANGUAGES),
            (seen.qualities, ("id", "words"), QUALITIES),
            (seen.verdicts, VERDICTS.names, VERDICTS),
        )
    ]
    samples = run.gather(
        excerpt,
        {
            key: [
                (Slice(chosen.parts, equal=("source", (source,))), DRAWS),
                *((Slice((part_of[key],), columns, ("id", wanted)), schema) for part_of, columns, schema in sampled),
            ]
            for source, wanted in ids.items()
            for key in (key_of[source],)
        },
        Excerpting(),
    )
    return run.publish(
        {
            "report/counts": last("counts", total, added_up(total, counts, COUNTS, Totalling()), COUNTS, Totalling()),
            "report/hosts": last("hosts", top_hosts, hosts, HOSTS, Totalling()),
            "report/samples": last("samples", collect, samples, SAMPLES, Excerpting()),
        }
    )
