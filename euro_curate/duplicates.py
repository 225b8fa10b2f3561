"""find_duplicates(): the dedup part of the flow, in tasks of bounded size. Which tasks there are follows from row counts and the recipe."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from euro_curate.dedup import (
    SHOWN,
    Addresses,
    Election,
    Lines,
    Pairing,
    Registering,
    compose,
    connect,
    count_lines,
    deal,
    deal_lines,
    drop_lines,
    elect,
    elect_urls,
    enrol,
    find_common_lines,
    hook,
    label,
    pair,
    register,
    sort_keys,
    sort_urls,
)
from euro_curate.run import Run, Slice, hash_ranges, merged
from euro_curate.schema import (
    CANDIDATES,
    CLUSTERS,
    COMMON_LINES,
    DOCUMENTS,
    ELECTIONS,
    KEYS,
    LANGUAGES,
    LINES,
    LINKS,
    MEMBERS,
    RULINGS,
    SIGNATURES,
    URL_KEYS,
    URL_LOSERS,
    VERDICTS,
)
from euro_curate.shards import Shards
from euro_curate.stage import Stage

# Bytes of working memory a row of its main input costs each stage at its peak, input and output included; tests/bench/dedup.py measures them.
ROW_BYTES = {
    "count_lines": 8000,  # a page: its text, and 30 lines
    "find_common_lines": 150,  # a line
    "sort_keys": 1700,  # a page: 15 keys
    "pair": 75,  # a key
    "connect": 160,  # a link
    "label": 110,  # a node in a batch; hook is like it
    "compose": 110,  # a node
    "register": 650,  # a page
    "sort_urls": 400,  # a candidate
    "enrol": 700,  # a candidate
    "elect": 2100,  # a member
}


PROCESS_BYTES = 400 << 20  # a process with all its libraries, before it reads anything

Plan = dict[str, list[tuple[Slice, pa.Schema]]]


@dataclass(frozen=True)
class Tasks:
    """How large a task of the gathers may be."""

    task_bytes: int = 1 << 30  # of working memory; the process itself takes PROCESS_BYTES more
    merge_parts: int = 256  # parts a merge reads at most

    def rows(self, stage: str) -> int:
        """Rows of input that a task of that stage may have."""
        return max(1, self.task_bytes // ROW_BYTES[stage])

    def ranges(self, stage: str, rows: int) -> dict[str, tuple[int, int | None]]:
        """So many rows' hashes, cut into equal ranges of which each fits a task: name -> (low, high or None)."""
        return hash_ranges(-(-rows // self.rows(stage)) or 1)

    def cut(self, stage: str, rows: int, *tables: tuple[Shards, pa.Schema, str]) -> Plan:
        """A task for each of those ranges: what tables (each with its schema) have in it by the column named."""
        return {
            name: [(Slice(table.parts, between=(column, *bounds)), schema) for table, schema, column in tables]
            for name, bounds in self.ranges(stage, rows).items()
        }

    def batches(self, stage: str, shards: Shards) -> dict[str, list[str]]:
        """Parts in key order, as many together as fit a task: name -> part keys. A part that is too large comes alone."""
        return merged(shards, self.merge_parts, self.rows(stage), lambda part: part.rows)

    def gather(self, run: Run, stage: Stage, keys: Plan, params: Any, aligned: int = 1) -> Shards:
        """run.gather, with the memory that these tasks are cut for."""
        return run.gather(stage, keys, params, aligned, self.task_bytes + PROCESS_BYTES)


def of_files(
    shards: Shards, schema: pa.Schema, batches: Mapping[str, Sequence[str]], sources: Mapping[str, str]
) -> Plan:
    """The rows of each batch of crawl files (`sources`: part key -> name of the crawl file)."""
    return {
        name: [(Slice(shards.parts, equal=("source", tuple(sorted(sources[key] for key in keys)))), schema)]
        for name, keys in batches.items()
    }


NOTHING = Shards(())


@dataclass(frozen=True)
class Found:
    """Elections by batch of crawl files, and what the report says of clusters."""

    elections: dict[str, Shards] = field(hash=False)  # crawl file's key -> the part with its elections
    largest: list[dict[str, Any]] = field(hash=False)


def without_common_lines(run: Run, texts: Shards, sources: Mapping[str, str], tasks: Tasks, lines: Lines) -> Shards:
    """DOCUMENTS (`sources`: part key -> name of the crawl file) -> SHORTENED, by what the whole run has of each line."""
    columns = ("source", "host", "text")
    batches = tasks.batches("count_lines", texts)
    counted = tasks.gather(
        run,
        count_lines,
        {name: [(Slice(texts.only(keys).parts, columns=columns), DOCUMENTS)] for name, keys in batches.items()},
        lines,
    )
    common = tasks.gather(
        run,
        find_common_lines,
        tasks.cut("find_common_lines", counted.rows, (counted, LINES, "key")),
        lines,
    )
    dealt = tasks.gather(
        run,
        deal_lines,
        of_files(common, COMMON_LINES, batches, sources),
        lines,
    )
    batch_of = {key: dealt.only([name]).parts for name, keys in batches.items() for key in keys}
    return run.map(
        drop_lines,
        [(texts, DOCUMENTS)],
        lines,
        lookup=lambda key: [(Slice(batch_of[key], equal=("source", (sources[key],))), COMMON_LINES)],
    )


def sorted_keys(run: Run, signatures: Shards, langs: Shards, tasks: Tasks) -> Shards:
    """SIGNATURES, LANGUAGES -> KEYS in sorted files, of which the gathers read ranges."""
    return tasks.gather(
        run,
        sort_keys,
        {
            name: [
                (Slice(signatures.only(keys).parts), SIGNATURES),
                (Slice(langs.only(keys).parts, columns=("id", "language")), LANGUAGES),
            ]
            for name, keys in tasks.batches("sort_keys", signatures).items()
        },
        Pairing(),
        aligned=2,
    )


def connected(run: Run, links: Shards, tasks: Tasks) -> Shards:
    """LINKS -> CLUSTERS of all of them, in parts of which ranges can be read: in one task if they fit it, else by rounds of contraction."""
    if links.rows <= tasks.rows("connect"):
        return tasks.gather(run, connect, {"all": [(Slice(links.parts), LINKS)]}, Pairing())
    local = tasks.gather(
        run,
        connect,
        {name: [(Slice(links.only(keys).parts), LINKS)] for name, keys in tasks.batches("connect", links).items()},
        Pairing(),
    )
    by_node = tasks.cut("label", local.rows, (local, CLUSTERS, "node"))
    labels = tasks.gather(run, label, by_node, Pairing())
    hooks = tasks.gather(run, hook, by_node, Pairing())
    upper = connected(run, hooks, tasks) if hooks.rows else NOTHING
    return tasks.gather(
        run,
        compose,
        tasks.cut("compose", labels.rows, (labels, CLUSTERS, "cluster"), (upper, CLUSTERS, "node")),
        Pairing(),
    )


def find_duplicates(
    run: Run,
    tables: Mapping[str, Shards],
    sources: Mapping[str, str],
    tasks: Tasks,
    election: Election,
    addresses: Addresses,
    earlier: Mapping[str, Shards],
) -> Found:
    """The tables `sort_keys`, `sign` and `decide` of this run (`sources`: part key -> name of the crawl file), of earlier ones also
    `verdicts` -> who is a copy of whom."""
    keys = Shards((*earlier["sort_keys"].parts, *tables["sort_keys"].parts))
    links = tasks.gather(
        run,
        pair,
        tasks.cut("pair", keys.rows, (keys, KEYS, "key")),
        Pairing(),
    )
    clusters = connected(run, links, tasks)

    candidates = Shards(
        (
            *registered(run, tables, "", tasks).parts,
            *registered(run, earlier, "earlier-", tasks).parts,
        )
    )
    losers = url_losers(run, candidates, tasks, addresses)
    members = tasks.gather(
        run,
        enrol,
        tasks.cut(
            "enrol",
            candidates.rows,
            (candidates, CANDIDATES, "node"),
            (clusters, CLUSTERS, "node"),
            (losers, URL_LOSERS, "node"),
        ),
        Registering(),
    )
    elections = tasks.gather(
        run,
        elect,
        tasks.cut("elect", members.rows, (members, MEMBERS, "cluster")),
        election,
    )
    batches = tasks.batches("register", tables["decide"])
    dealt = tasks.gather(
        run,
        deal,
        of_files(elections, ELECTIONS, batches, sources),
        Registering(),
    )
    rows = [row for part in elections.parts for row in part.notes["largest"]]
    return Found(
        {key: dealt.only([name]) for name, keys in batches.items() for key in keys},
        sorted(rows, key=lambda row: (-row["cluster_size"], row["id"]))[:SHOWN],
    )


def registered(run: Run, tables: Mapping[str, Shards], prefix: str, tasks: Tasks) -> Shards:
    """The tables `decide`, `sign` and, of earlier runs, `verdicts` -> CANDIDATES in sorted files."""
    rulings, signatures, verdicts = (tables.get(name, NOTHING) for name in ("decide", "sign", "verdicts"))
    return tasks.gather(
        run,
        register,
        {
            prefix + name: [
                (Slice(rulings.only(keys).parts), RULINGS),
                (Slice(signatures.only(keys).parts, columns=("id", "exact", "sketch", "url_hash")), SIGNATURES),
                (Slice(verdicts.only(keys).parts, columns=("id", "verdict")), VERDICTS),
            ]
            for name, keys in tasks.batches("register", rulings).items()
        },
        Registering(),
        aligned=2,
    )


def url_losers(run: Run, candidates: Shards, tasks: Tasks, addresses: Addresses) -> Shards:
    """CANDIDATES -> URL_LOSERS; nothing where the recipe does not ask for it."""
    if not addresses.keep:
        return NOTHING
    by_url = tasks.gather(
        run,
        sort_urls,
        {
            name: [(Slice(candidates.only(keys).parts), CANDIDATES)]
            for name, keys in tasks.batches("sort_urls", candidates).items()
        },
        addresses,
    )
    return tasks.gather(
        run,
        elect_urls,
        tasks.cut("sort_urls", by_url.rows, (by_url, URL_KEYS, "url_hash")),
        addresses,
    )
