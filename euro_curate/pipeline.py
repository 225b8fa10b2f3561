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
from euro_curate.balance import HEADS, close
from euro_curate.contamination import overlap
from euro_curate.dataset import planned, sharded
from euro_curate.dedup import sign
from euro_curate.duplicates import find_duplicates, sorted_keys, without_common_lines
from euro_curate.earlier import Past, build_on, joined, record
from euro_curate.ingest import LATE, Ingest, Source, distinct, ingest
from euro_curate.ingest.crawl import VERSION as INGEST_VERSION
from euro_curate.langid import identify, trim
from euro_curate.languages import languages
from euro_curate.optout import BySite, reserve, sort_addresses, sort_policies
from euro_curate.pii import redact, spot
from euro_curate.publish import card, croissant
from euro_curate.quality import Measure, measure
from euro_curate.recipe import Config
from euro_curate.report import Counting, Seen, observe, read_figures, render
from euro_curate.run import Earlier, Run, Slice, hash_ranges, merged
from euro_curate.schema import (
    ADDRESSES,
    BUDGET,
    CUTS,
    DOCUMENTS,
    ELECTIONS,
    LANGUAGES,
    OVERLAPS,
    POLICIES,
    QUALITIES,
    RESERVATIONS,
    RULINGS,
    SCORE_BINS,
    SCORES,
    SCREENS,
    SIZES,
    SPOTS,
    VERDICTS,
)
from euro_curate.score import Binning, bin_scores, cut_scores, score
from euro_curate.screening import screen
from euro_curate.shards import Shards, join, list_files, read_bytes, read_part, remove, replace
from euro_curate.stage import params_of
from euro_curate.verdict import FAMILIES, Settling, decide, settle


@dataclass(frozen=True)
class IngestFile:
    """The work of one ingest task."""

    source: Source
    params: Ingest
    earlier: Earlier

    def __call__(self) -> tuple[pa.Table, dict[str, Any]]:
        return ingest(self.source, self.params, self.earlier.table())


def curate(run: Run, sources: Sequence[Source], config: Config, allow_missing: bool = False) -> dict[str, Any]:
    """Crawl files -> verdicts/, dataset/, report/ and run.json in run.output. Returns what run.json holds. EarlierError, before anything is
    done, if the recipe names an earlier run that cannot be built on."""
    started = time.monotonic()
    sources, copies = distinct(sources)
    c = config
    names = {source.key: source.name for source in sources}
    past = build_on(c.building, c.minhash, run.output, list(names.values()))

    documents = run.read("ingest", INGEST_VERSION, sources, c.ingest, IngestFile, LATE)
    langs = run.map(identify, [(documents, DOCUMENTS)], c.langid)
    texts = documents
    if c.trimming:
        texts = run.map(trim, [(documents, DOCUMENTS), (langs, LANGUAGES)], c.trimming)
    if c.lines.max_pages:
        texts = without_common_lines(run, texts, names, c.tasks, c.lines)
    signatures = run.map(sign, [(texts, DOCUMENTS)], c.minhash)
    qualities = run.map(measure, [(texts, DOCUMENTS), (langs, LANGUAGES)], Measure())

    tables = {
        "ingest": documents,
        "policies": run.beside(documents, "policies"),
        "texts": texts,
        "identify": langs,
        "sign": signatures,
        "sort_keys": sorted_keys(run, signatures.only(langs.keys), langs, c.tasks),
        "measure": qualities,
    }
    # Pages of earlier runs: in `merge` they are this run's from here on; in `extend` they only take part in elections.
    if c.building.mode == "merge":
        tables = {name: joined(own, past.tables[name]) for name, own in tables.items()}
        names |= past.sources
        past = Past()
    documents, texts, langs, qualities = (tables[name] for name in ("ingest", "texts", "identify", "measure"))
    spots = run.map(spot, [(texts, DOCUMENTS), (langs, LANGUAGES)], c.spotting)

    # Verdicts: by the page alone, then the best copy of each cluster, then the rest of its cluster.
    # Further opinions, where the recipe asks for them: a part that lacks one is set aside, not passed.
    judged = texts.only(tables["sign"].keys)
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
    reserved = reservations(run, documents, tables["policies"], c)
    screen_of, score_of, overlap_of = (
        {part.key: (part,) for part in shards.parts} for shards in (screens, scores, overlaps)
    )
    tables["decide"] = run.map(
        decide,
        [(judged, DOCUMENTS), (langs, LANGUAGES), (qualities, QUALITIES), (spots, SPOTS)],
        c.rules,
        lookup=lambda key: [
            (Slice(screen_of.get(key, ())), SCREENS),
            (Slice(score_of.get(key, ())), SCORES),
            (Slice(cuts.parts), CUTS),
            (Slice(overlap_of.get(key, ())), OVERLAPS),
            (Slice(reserved.parts, equal=("source", (names[key],))), RESERVATIONS),
        ],
    )
    found = find_duplicates(run, tables, names, c.tasks, c.election, c.addresses, past.tables)
    settled = run.map(
        settle,
        [(tables["decide"], RULINGS)],
        Settling(),
        lookup=lambda key: [(Slice(found.elections[key].parts, equal=("source", (names[key],))), ELECTIONS)],
    )

    # The dataset: kept pages, redacted, sized, shared out, shuffled.
    clean = run.map(
        redact,
        [(texts, DOCUMENTS), (langs, LANGUAGES), (qualities, QUALITIES), (spots, SPOTS), (settled, VERDICTS)],
        c.redaction,
    )
    sizes, tokens, budget = planned(
        run, clean, lambda key: Slice(found.elections[key].parts, HEADS, equal=("source", (names[key],))), scores, c
    )
    shares = read_part(budget["budget"])
    size_of = {part.key: (part,) for part in sizes.parts}
    closing = run.plan_map(
        close,
        [(settled, VERDICTS)],
        c.selection,
        lookup=lambda key: [(Slice(size_of.get(key, ())), SIZES), (Slice(budget.parts), BUDGET)],
        into=lambda key: join(run.output, "verdicts", f"{key}.parquet"),
    )
    shards = sharded(run, clean, sizes, tokens, shares, config)
    publishable = allow_missing or not run.set_aside
    published = run.publish({"verdicts": closing, "dataset/data": shards if publishable else []})
    record(run.output, tables | {"verdicts": published["verdicts"]}, names, c.minhash)
    seen = Seen(documents, texts, langs, qualities, published["verdicts"], spots, reserved)
    observe(run, seen, Counting(), c.drawing, names, c.run.merge_parts)
    return conclude(
        run,
        sources,
        copies,
        config,
        documents,
        published["verdicts"],
        published["dataset/data"],
        shares.to_pylist() if publishable else [],
        found.largest,
        past.pages,
        time.monotonic() - started,
    )


def reservations(run: Run, documents: Shards, policies: Shards, c: Config) -> Shards:
    """RESERVATIONS of the pages whose sites' policies the inputs hold, a part for each range of the sites' hashes. None without policies."""
    if not policies.parts:
        return Shards(())
    sites = run.gather(
        sort_policies,
        {
            key: [(Slice(policies.only(keys).parts), POLICIES)]
            for key, keys in merged(policies, c.run.merge_parts).items()
        },
        BySite(),
    )
    columns = ("id", "source", "offset", "url", "opt_out")
    addresses = run.gather(
        sort_addresses,
        {
            key: [(Slice(documents.only(keys).parts, columns), DOCUMENTS)]
            for key, keys in merged(documents, c.run.merge_parts).items()
        },
        BySite(),
    )
    return run.gather(
        reserve,
        {
            name: [
                (Slice(addresses.parts, between=("site_hash", *bounds)), ADDRESSES),
                (Slice(sites.parts, between=("site_hash", *bounds)), POLICIES),
            ]
            for name, bounds in hash_ranges(c.run.site_ranges).items()
        },
        c.reserving,
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


def conclude(
    run: Run,
    sources: Sequence[Source],
    copies: dict[str, str],
    config: Config,
    documents: Shards,
    verdicts: Shards,
    dataset: Shards,
    budget: list[dict[str, Any]],
    largest: list[dict[str, Any]],
    past_pages: int,
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
        "duplicates": {"task_bytes": config.tasks.task_bytes, "earlier_pages": past_pages, "largest": largest},
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
    replace(join(run.output, "report", "index.html"), render(read_figures(run.output, summary)).encode())
    replace(path, (json.dumps(summary, indent=1, ensure_ascii=True) + "\n").encode())
    return summary


def tally(verdicts: Shards) -> pl.DataFrame:
    """Pages by (language, verdict), from the parts' receipts."""
    rows = [
        (language, verdict, pages)
        for part in verdicts.parts
        for language, counts in part.notes["verdicts"].items()
        for verdict, pages in counts.items()
    ]
    frame = pl.DataFrame(rows, {"language": pl.String, "verdict": pl.String, "pages": pl.Int64}, orient="row")
    return frame.group_by("language", "verdict").agg(pl.col("pages").sum()).sort("language", "verdict")


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
    """Removes the tables that hold unredacted or full text (ingest, trim, drop_lines, redact, sort_clean) from work/. Returns the number of files."""
    gone = 0
    for stage_name in ("ingest", "trim", "drop_lines", "redact", "sort_clean"):
        for path in list_files(join(output, "work", stage_name)):
            remove(path)
            gone += 1
    return gone
