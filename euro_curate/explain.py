"""story(): everything that the tables of a finished run say about one page."""

import json
import uuid
from typing import Any

import pyarrow.compute as pc
import pyarrow.parquet as pq

from euro_curate.shards import Part, filesystem, join, list_files, read_bytes, read_part, read_receipt

_TABLES = (
    "ingest",
    "identify",
    "trim",
    "drop_lines",
    "measure",
    "spot",
    "screen",
    "score",
    "overlap",
    "decide",
    "redact",
    "size",
)  # a part a crawl file
_GATHERED = ("reserve", "deal", "cut_scores")  # parts of many
_HIDDEN = {
    "text"
}  # explain tells of a page; its text is in the dataset, or in work/ for those with the right to see it


def story(output: str, page_id: str | None, url: str | None) -> list[dict[str, Any]]:
    """One object per occurrence of the page: verdict, then each stage's row, and the thresholds it was held against.

    FileNotFoundError if there is no finished run.
    """
    summary_bytes = read_bytes(join(output, "run.json"))
    if summary_bytes is None:
        raise FileNotFoundError(f"no finished run in {output}: run.json is missing")
    summary = json.loads(summary_bytes)
    key = _short(page_id) if page_id else None
    condition = pc.field("id") == key if key else pc.field("url") == url
    out = []
    for path in list_files(join(output, "verdicts")):
        part = _part(path)
        for verdict in read_part(part, where=condition).to_pylist():
            page: dict[str, Any] = {"verdict": verdict}
            stages = _stage_rows(output, path, part.key, verdict)
            if not summary["config"]["screening"]["filters"]:
                stages.pop("screen", None)  # of another recipe that came to the same rulings
            if not summary["config"]["decontamination"]["benchmarks"]:
                stages.pop("overlap", None)
            if not summary["config"]["trimming"]:
                stages.pop("trim", None)
            if not summary["config"]["lines"]["max_pages"]:
                stages.pop("drop_lines", None)
            page |= {name: stages[name] for name in (*_TABLES, *_GATHERED) if stages.get(name)}
            thresholds = dict(summary["config"]["rules"]["thresholds"]).get(verdict["language"])
            if thresholds and stages.get("measure"):
                page["thresholds"] = dict(thresholds)
            if verdict["cluster_size"] > 1:
                page["cluster"] = _cluster(output, verdict)
            out.append(page)
    return out


def _short(page_id: str) -> str:
    try:
        return uuid.UUID(page_id.strip("<>").removeprefix("urn:uuid:")).hex
    except ValueError:
        return page_id


def _part(path: str) -> Part:
    return Part(path.rsplit("/", 1)[-1].removesuffix(".parquet"), path, "", 0, 0)


def _stage_rows(output: str, verdicts: str, key: str, verdict: dict[str, Any]) -> dict[str, Any]:
    """The page's row in each stage table that its verdict was made from, and in what was made of it."""
    rows: dict[str, Any] = {}
    for stage, path in _ancestors(output, verdicts, key):
        condition = pc.field("id") == verdict["id"]
        if stage in ("reserve", "deal"):
            condition &= (pc.field("source") == verdict["source"]) & (pc.field("offset") == verdict["offset"])
        if stage == "cut_scores":
            condition = pc.field("language") == verdict["language"]
        for row in read_part(_part(path), where=condition).to_pylist():
            told = {name: value for name, value in row.items() if name not in _HIDDEN and name != "id"}
            # these repeat what ingest says of the page: only what they took out is news
            news = {"trim": "trimmed_", "drop_lines": "common_"}.get(stage, "")
            rows[stage] = {k: v for k, v in told.items() if k.startswith(news)}
    return rows


def _ancestors(output: str, verdicts: str, key: str) -> list[tuple[str, str]]:
    """(stage, path) of every part that a file of verdicts/ rests on, by the digests in their recipes: work/ may hold other versions, made
    with other settings, and the newest need not be the right one. With them, what `redact` made of these."""
    found: dict[str, tuple[str, str, set[str]]] = {}  # digest -> stage, path, digests of its inputs
    for stage in (*_TABLES, "settle", *_GATHERED):
        for path in list_files(join(output, "work", stage)):
            if stage in _GATHERED or path.endswith(f"/{key}.parquet"):
                digest, inputs = read_receipt(path)
                # Gathers rest on every part, and empty ones have one digest in all languages and versions: the path ends there.
                found[digest] = (stage, path, set() if stage in _GATHERED else inputs)
    known: set[str] = set()
    wanted = read_receipt(verdicts)[1]
    while wanted:
        known |= wanted
        wanted = {digest for one in wanted if one in found for digest in found[one][2]} - known
    settled = {digest for digest in known if digest in found and found[digest][0] == "settle"}
    rests_on = {digest for digest in known if digest in found}
    made_of_it = {digest for digest, (stage, _, inputs) in found.items() if stage == "redact" and inputs & settled}
    return [(found[digest][0], found[digest][1]) for digest in sorted(rests_on | made_of_it, key=lambda d: found[d][1])]


def _cluster(output: str, verdict: dict[str, Any]) -> list[dict[str, Any]]:
    """Up to 50 members of the page's cluster, the representative first."""
    head = verdict["duplicate_of"] or verdict["id"]
    members: list[dict[str, Any]] = []
    for path in list_files(join(output, "verdicts")):
        if pq.read_metadata(filesystem(path)[0].open(filesystem(path)[1], "rb")).num_rows:
            condition = (pc.field("id") == head) | (pc.field("duplicate_of") == head)
            members += read_part(
                _part(path), columns=("id", "url", "verdict", "source", "offset"), where=condition
            ).to_pylist()
    return sorted(members, key=lambda m: (m["id"] != head, m["id"], m["source"], m["offset"]))[:50]
