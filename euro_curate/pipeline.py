"""curate(): the whole flow on one screen. Each line finds its parts made already, or makes them."""

import json
import platform
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import polars as pl
import pyarrow as pa

from euro_curate import __version__
from euro_curate.balance import SIZED, Sizing, close, count_tokens, plan_text, size
from euro_curate.budgeting import Planning, budgeted, merged, note_sizes
from euro_curate.contamination import overlap
from euro_curate.dedup import OTHER, Pairing, connect, elect, pair, sign, sort_signatures
from euro_curate.ingest import Ingest, Source, distinct, ingest
from euro_curate.ingest.crawl import VERSION as INGEST_VERSION
from euro_curate.langid import identify, trim
from euro_curate.languages import languages
from euro_curate.pii import redact
from euro_curate.publish import Sorting, card, croissant, plan, ranges, shard, sort_clean
from euro_curate.quality import Measure, measure
from euro_curate.recipe import Config
from euro_curate.report import render
from euro_curate.run import Run, Slice, Task
from euro_curate.schema import (
    BUDGET,
    CLEAN,
    CLUSTERS,
    CUTS,
    DOCUMENTS,
    EDGES,
    ELECTIONS,
    LANGUAGES,
    OVERLAPS,
    QUALITIES,
    RULINGS,
    SCORE_BINS,
    SCORES,
    SCREENS,
    SHUFFLED,
    SIGNATURES,
    SIZES,
    SORTED_SIGNATURES,
    TOKENS,
    VERDICTS,
)
from euro_curate.score import Binning, bin_scores, cut_scores, score
from euro_curate.screening import screen
from euro_curate.shards import Part, Shards, join, list_files, read_bytes, read_part, remove, replace
from euro_curate.stage import params_of
from euro_curate.verdict import FAMILIES, Settling, decide, settle


@dataclass(frozen=True)
class IngestFile:
    """The work of one ingest task."""

    source: Source
    params: Ingest

    def __call__(self) -> tuple[pa.Table, dict[str, Any]]:
        return ingest(self.source, self.params)


def curate(run: Run, sources: Sequence[Source], config: Config, allow_missing: bool = False) -> dict[str, Any]:
    """Crawl files -> verdicts/, dataset/, report/ and run.json in run.output. Returns what run.json holds."""
    started = time.monotonic()
    sources, copies = distinct(sources)
    c = config

    documents = run.read("ingest", INGEST_VERSION, sources, c.ingest, IngestFile)
    langs = run.map(identify, [(documents, DOCUMENTS)], c.langid)
    texts = documents
    if c.trimming:
        texts = run.map(trim, [(documents, DOCUMENTS), (langs, LANGUAGES)], c.trimming)
    signatures = run.map(sign, [(texts, DOCUMENTS)], c.minhash)
    qualities = run.map(measure, [(texts, DOCUMENTS), (langs, LANGUAGES)], Measure())

    # Duplicates, one group per language. Merges first: a gather reads ranges of few files, never every part.
    batches = merged(langs, c.run.merge_parts)
    ordered = run.gather(
        sort_signatures,
        {
            key: [(Slice(signatures.only(keys).parts), SIGNATURES), (Slice(langs.only(keys).parts), LANGUAGES)]
            for key, keys in batches.items()
        },
        Pairing(),
        aligned=2,
    )
    groups = (*languages(), OTHER)
    edges = run.gather(pair, {g: [(of_group(ordered.parts, g), SORTED_SIGNATURES)] for g in groups}, Pairing())
    clusters = run.gather(connect, {g: [(Slice((edges[g],)), EDGES)] for g in groups}, Pairing())

    # Verdicts: by the page alone, then the best copy of each cluster, then the rest of its cluster.
    # Further opinions, where the recipe asks for them: a part that lacks one is set aside, not passed.
    judged = texts
    screens, scores, cuts, overlaps = Shards(()), Shards(()), Shards(()), Shards(())
    if c.screening.filters:
        screens = run.map(screen, [(texts, DOCUMENTS), (langs, LANGUAGES)], c.screening)
        judged = judged.only(screens.keys)
    if c.scoring.models:
        scores, cuts = scored(run, texts, langs, c)
        judged = judged.only(scores.keys)
    if c.decontamination.benchmarks:
        overlaps = run.map(overlap, [(texts, DOCUMENTS)], c.decontamination)
        judged = judged.only(overlaps.keys)
    screen_of, score_of, overlap_of = (
        {part.key: (part,) for part in shards.parts} for shards in (screens, scores, overlaps)
    )
    rulings = run.map(
        decide,
        [(judged, DOCUMENTS), (langs, LANGUAGES), (qualities, QUALITIES)],
        c.rules,
        lookup=lambda key: [
            (Slice(screen_of.get(key, ())), SCREENS),
            (Slice(score_of.get(key, ())), SCORES),
            (Slice(cuts.parts), CUTS),
            (Slice(overlap_of.get(key, ())), OVERLAPS),
        ],
    )
    elections = run.gather(
        elect,
        {g: [(of_group(rulings.parts, g), RULINGS), (Slice((clusters[g],)), CLUSTERS)] for g in groups},
        c.election,
    )
    names = {source.key: source.name for source in sources}
    settled = run.map(
        settle,
        [(rulings, RULINGS)],
        Settling(),
        lookup=lambda key: [(Slice(elections.parts, equal=("source", (names[key],))), ELECTIONS)],
    )

    # The dataset: kept pages, redacted, sized, shared out, shuffled.
    clean = run.map(
        redact, [(texts, DOCUMENTS), (langs, LANGUAGES), (qualities, QUALITIES), (settled, VERDICTS)], c.redaction
    )
    tokens = run.map(count_tokens, [(clean, CLEAN)], c.tokenizer, columns=("id", "text")) if c.tokenizer else Shards(())
    sizes = run.map(
        size,
        [(clean, CLEAN)],
        Sizing(c.run.seed),
        columns=SIZED,
        lookup=lambda key: [
            (Slice(elections.parts, ("id", "kind", "cluster"), equal=("source", (names[key],))), ELECTIONS),
            (Slice(score_of.get(key, ())), SCORES),
        ],
    )
    planning = Planning(c.balance, c.selection, c.packing, c.tokenizer, c.run.merge_parts)
    note_sizes(run, clean, sizes, planning)
    budget = budgeted(run, sizes, tokens, planning)
    table = read_part(budget["budget"])
    if c.balance.budget:
        run.progress.note(plan_text(table.to_pylist(), c.balance))

    size_of = {part.key: (part,) for part in sizes.parts}
    closing = run.plan_map(
        close,
        [(settled, VERDICTS)],
        c.selection,
        lookup=lambda key: [(Slice(size_of.get(key, ())), SIZES), (Slice(budget.parts), BUDGET)],
        into=lambda key: join(run.output, "verdicts", f"{key}.parquet"),
    )
    shards = sharded(run, clean, sizes, tokens, table, config)
    publishable = allow_missing or not run.set_aside
    published = run.publish({"verdicts": closing, "dataset/data": shards if publishable else []})
    return conclude(
        run,
        sources,
        copies,
        config,
        documents,
        published["verdicts"],
        published["dataset/data"],
        table.to_pylist() if publishable else [],
        time.monotonic() - started,
    )


def scored(run: Run, texts: Shards, langs: Shards, c: Config) -> tuple[Shards, Shards]:
    """The classifiers' SCORES, and their CUTS over the whole crawl."""
    scores = run.map(score, [(texts, DOCUMENTS), (langs, LANGUAGES)], c.scoring)
    bins = run.gather(
        bin_scores,
        {
            key: [(Slice(scores.only(keys).parts), SCORES), (Slice(langs.only(keys).parts), LANGUAGES)]
            for key, keys in merged(scores, c.run.merge_parts).items()
        },
        Binning(),
        aligned=2,
    )
    return scores, run.gather(cut_scores, {"cuts": [(Slice(bins.parts), SCORE_BINS)]}, c.cutting)


MERGE_BYTES = 128 << 20  # of parts with text, as stored: sorting a batch takes some ten times as much memory


def sharded(run: Run, clean: Shards, sizes: Shards, tokens: Shards, budget: pa.Table, c: Config) -> list[Task]:
    """CLEAN, SIZES, TOKENS -> the tasks that make the dataset's files. The shuffle itself is done when this returns."""
    shuffled = run.gather(
        sort_clean,
        {
            key: [
                (Slice(clean.only(keys).parts), CLEAN),
                (Slice(sizes.only(keys).parts), SIZES),
                (Slice(tokens.only(keys).parts), TOKENS),
            ]
            for key, keys in merged(clean, c.run.merge_parts, MERGE_BYTES).items()
        },
        Sorting(c.selection.validation, c.selection.test),
        aligned=3 if c.tokenizer else 2,
    )
    return [
        task
        for path, one in plan(budget, c.publish, c.selection).items()
        for task in run.plan_gather(
            shard,
            {
                path: [
                    (
                        Slice(shuffled.parts, equal=("folder", (folder_of(path),)), between=("order", low, high)),
                        SHUFFLED,
                    )
                    for low, high in ranges(one)
                ]
            },
            one,
            into=lambda path: join(run.output, "dataset", path),
        )
    ]


def folder_of(path: str) -> str:
    """data/<language>/<split>/<file> -> <language>/<split>"""
    return "/".join(path.split("/")[1:3])


def of_group(parts: tuple[Part, ...], group: str) -> Slice:
    """The rows of one language; the group OTHER is every label outside the 24."""
    known = tuple(languages())
    return Slice(parts, unequal=("language", known)) if group == OTHER else Slice(parts, equal=("language", (group,)))


def conclude(
    run: Run,
    sources: Sequence[Source],
    copies: dict[str, str],
    config: Config,
    documents: Shards,
    verdicts: Shards,
    dataset: Shards,
    budget: list[dict[str, Any]],
    elapsed_s: float,
) -> dict[str, Any]:
    """Writes the card, the report and, last, run.json. A run that made nothing new leaves them as they are."""
    path = join(run.output, "run.json")
    idle = all(count.parts == count.reused for count in run.counts) and not run.set_aside
    old = read_bytes(path)
    if idle and old is not None:
        summary: dict[str, Any] = json.loads(old)
        if summary["config"] == params_of(config):
            return summary | {"idle": True}
    counts = tally(verdicts)
    seen = int(counts["pages"].sum())
    kept = int(counts.filter(pl.col("verdict") == "kept")["pages"].sum())
    notes = {part.key: part.notes for part in documents.parts}
    failed = {failure.key: failure for failure in run.set_aside}
    inputs = []
    for source in sources:
        entry: dict[str, Any] = {"path": source.url, "name": source.name, "size": source.size} | notes.get(
            source.key, {}
        )
        if source.key in failed:
            entry["set_aside"] = {"stage": failed[source.key].stage, "history": list(failed[source.key].history)}
        inputs.append(entry)
    summary = {
        "complete": not run.set_aside,
        "inputs": inputs,
        "identical_inputs": copies,
        "versions": {"euro_curate": __version__, "python": platform.python_version()} | _versions(),
        "models": {model.model: model.sha256 for model in (config.langid, config.langid.agree) if model}
        | {model.name: model.sha256 for _, model in config.scoring.models},
        "config": params_of(config),
        "stages": [asdict(count) | {"name": count.name} for count in run.counts],
        "pages": {
            "seen": seen,
            "documents": documents.rows,
            "kept": kept,
            "dropped": seen - kept,
            "dataset": dataset.rows,
        },
        "verdicts": {
            row["verdict"]: row["pages"]
            for row in counts.group_by("verdict").agg(pl.col("pages").sum()).sort("verdict").to_dicts()
        },
        "languages": languages_of(counts, budget),
        "budget": budget,
        "warnings": sorted(run.warned),
        "elapsed_s": round(elapsed_s, 3),
    }
    if budget:
        text = card(budget, counts.to_dicts(), FAMILIES, summary, config.card, __version__)
        replace(join(run.output, "dataset", "README.md"), text.encode())
        replace(join(run.output, "dataset", "croissant.json"), croissant(budget, config.card, __version__).encode())
    else:
        for name in ("README.md", "croissant.json"):
            remove(join(run.output, "dataset", name))
    replace(join(run.output, "report", "index.html"), render(summary, counts.to_dicts()).encode())
    replace(path, (json.dumps(summary, indent=1, ensure_ascii=True) + "\n").encode())
    return summary


def tally(verdicts: Shards) -> pl.DataFrame:
    """Pages by (language, verdict), part by part: memory does not grow with the crawl."""
    total = pl.DataFrame(schema={"language": pl.String, "verdict": pl.String, "pages": pl.Int64})
    for part in verdicts.parts:
        frame = pl.from_arrow(read_part(part, columns=("language", "verdict")))
        assert isinstance(frame, pl.DataFrame)
        counted = frame.group_by("language", "verdict").agg(pl.len().cast(pl.Int64).alias("pages"))
        total = pl.concat([total, counted]).group_by("language", "verdict").agg(pl.col("pages").sum())
    return total.sort("language", "verdict")


def languages_of(counts: pl.DataFrame, budget: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Per language of the 24: pages seen and kept, words before and after balancing."""
    sizes = {row["language"]: row for row in budget}
    out: dict[str, dict[str, Any]] = {}
    for code in languages():
        rows = counts.filter(pl.col("language") == code)
        size = sizes.get(code, {})
        out[code] = {
            "seen": int(rows["pages"].sum()),
            "kept": int(rows.filter(pl.col("verdict") == "kept")["pages"].sum()),
            "available_pages": size.get("pages", 0),
            "available_words": size.get("words", 0),
            "dataset_pages": size.get("taken_pages", 0),
            "dataset_words": size.get("taken_words", 0),
            "quota": size.get("quota", 0),
            "epochs": size.get("epochs", 0.0),
        }
    return out


def _versions() -> dict[str, str]:
    out = {}
    for name in (
        "trafilatura",
        "fastwarc",
        "resiliparse",
        "pyarrow",
        "polars",
        "numba",
        "ray",
        "datatrove",
        "phonenumbers",
    ):
        try:
            out[name] = version(name)
        except PackageNotFoundError:
            continue
    return out


def clean_work(output: str) -> int:
    """Removes the tables that hold unredacted or full text (ingest, trim, redact, sort_clean) from work/. Returns the number of files."""
    gone = 0
    for stage_name in ("ingest", "trim", "redact", "sort_clean"):
        for path in list_files(join(output, "work", stage_name)):
            remove(path)
            gone += 1
    return gone
