"""story(): everything that the tables of a finished run say about one page."""

import json
import uuid
from typing import Any

import pyarrow.compute as pc
import pyarrow.parquet as pq

from euro_curate.shards import Part, filesystem, join, list_files, read_bytes, read_part

_TABLES = ("ingest", "identify", "measure", "screen", "score", "decide", "elect", "redact")
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
            stages = _stage_rows(output, part.key, verdict)
            if not summary["config"].get("screening", {}).get("filters"):
                stages.pop("screen", None)  # an earlier recipe's
            page |= {name: row for name, row in stages.items() if row}
            if verdict["language"] in dict(summary["config"]["scoring"]["models"]):
                page["cut"] = _cut(output, verdict["language"])
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


def _stage_rows(output: str, key: str, verdict: dict[str, Any]) -> dict[str, Any]:
    """The page's row in each stage table of its part; of several versions in work/, the newest."""
    rows: dict[str, Any] = {}
    for stage in _TABLES:
        paths = [
            p for p in list_files(join(output, "work", stage)) if stage == "elect" or p.endswith(f"/{key}.parquet")
        ]
        for path in sorted(paths, key=_age):
            condition = pc.field("id") == verdict["id"]
            if stage == "elect":
                condition = (
                    condition & (pc.field("source") == verdict["source"]) & (pc.field("offset") == verdict["offset"])
                )
            for row in read_part(_part(path), where=condition).to_pylist():
                rows[stage] = {name: value for name, value in row.items() if name not in _HIDDEN and name != "id"}
    return rows


def _cut(output: str, language: str) -> dict[str, Any] | None:
    """The row of a language in the newest CUTS; None if none of its pages was scored."""
    newest = max(list_files(join(output, "work", "cut_scores")), key=_age)
    return next(iter(read_part(_part(newest), where=pc.field("language") == language).to_pylist()), None)


def _age(path: str) -> float:
    fs, where = filesystem(path)
    info = fs.info(where)
    moment = info.get("mtime") or info.get("LastModified") or 0
    return float(moment.timestamp() if hasattr(moment, "timestamp") else moment)


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
