"""What the two sides of `end_to_end.py` left behind, read into one shape, and how far their pages agree.

Tolerant on purpose: what a run does not report is 0 or left out; nobody wants to lose minutes of work to it.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
import pyarrow.parquet as pq

_LANGUAGES: dict[str, Any] = json.loads(Path(__file__).with_name("fineweb2_eu24.json").read_text(encoding="utf-8"))[
    "languages"
]
LABELS = {row["label"]: code for code, row in _LANGUAGES.items()}  # of lid.176 -> ours
# verdict families of pages that were stopped before there was any extracted text
NOT_EXTRACTED = frozenset({"http", "mime", "size", "encoding", "url", "forgotten", "opt_out", "extract"})


class CannotRun(Exception):
    """A side that could not be run or whose output is not there: what to tell the user."""


@dataclass
class Stage:
    """What one stage or step says of itself; `rows` went in (or came out, where it reads files)."""

    name: str
    seconds: float
    rows: int


@dataclass
class Side:
    """What one side made of the crawl. `pages`: id -> (url, "" if extracted and EU-24, else why not)."""

    records: int = 0
    extracted: int = 0
    eu24: int = 0
    kept: int = 0
    chars_kept: int = 0
    own_clock_s: float | None = None
    notes: list[str] = field(default_factory=list)
    stages: list[Stage] = field(default_factory=list)
    by_language: dict[str, int] = field(default_factory=dict)
    pages: dict[str, tuple[str, str]] = field(default_factory=dict, repr=False)


def page_id(text: str) -> str:
    """A WARC-Record-ID as datatrove writes it (<urn:uuid:...>) or as we do -> 32 hex digits."""
    return re.sub(r"urn:uuid:|[<>-]", "", text).lower()


def page_url(text: str | None) -> str:
    """A target URI without what readers are known to change: angle brackets; blanks that warcio escapes."""
    return (text or "").strip("<>").replace(" ", "%20")


def rows_of(folder: Path, pattern: str, columns: list[str]) -> Iterator[dict[str, Any]]:
    """Rows of every Parquet file under a folder; a column that a file lacks is None."""
    for path in sorted(folder.glob(pattern)):
        with pq.ParquetFile(path) as file:
            there = [name for name in columns if name in file.schema_arrow.names]
            for batch in file.iter_batches(columns=there):
                for row in batch.to_pylist():
                    yield dict.fromkeys(columns) | row


def text_in(folder: Path, pattern: str) -> tuple[int, int]:
    """(documents, characters) of the `text` columns of a side's published Parquet files."""
    documents = characters = 0
    for path in sorted(folder.glob(pattern)):
        column = pq.read_table(path, columns=["text"])["text"]
        documents += len(column)
        characters += pc.sum(pc.utf8_length(column)).as_py() or 0
    return documents, characters


def read_ours(output: Path) -> Side:
    """OUTPUT of `euro-curate run` -> what it did. Stages with one name (parts or levels) are added up."""
    if not (output / "run.json").exists():
        raise CannotRun(f"no run.json in {output}: the run did not finish")
    report: dict[str, Any] = json.loads((output / "run.json").read_text(encoding="utf-8"))
    side = Side(own_clock_s=report.get("elapsed_s"))
    stages: dict[str, Stage] = {}
    for entry in report.get("stages") or []:
        name = str(entry.get("name"))
        stage = stages.setdefault(name, Stage(name, 0.0, 0))
        stage.seconds += float(entry.get("seconds") or 0.0)
        stage.rows += int(entry.get("rows_in") or entry.get("rows_out") or 0)
    side.stages = list(stages.values())
    languages: Counter[str] = Counter()
    for row in rows_of(output / "verdicts", "**/*.parquet", ["id", "url", "language", "verdict"]):
        verdict = str(row["verdict"])
        family = verdict.split(":", 1)[0]
        done = family not in NOT_EXTRACTED
        ours = done and row["language"] in _LANGUAGES
        side.records += 1
        side.extracted += done
        side.kept += verdict == "kept"
        if ours:
            languages[row["language"]] += 1
        why = "" if ours else f"language {row['language']}, {verdict}" if done else verdict
        side.pages[page_id(str(row["id"]))] = (page_url(row["url"]), why)
    side.by_language = dict(languages)
    side.eu24 = sum(languages.values())
    published, side.chars_kept = text_in(output / "dataset" / "data", "*/train/*.parquet")
    if published != side.kept:
        side.notes.append(f"{published:,} documents published for {side.kept:,} pages with verdict kept")
    return side


def read_datatrove(output: Path) -> Side:
    """OUTPUT of datatrove_side.py -> what it did. Its EU-24 pages are the documents that its MinHash read."""
    report: dict[str, Any] = json.loads((output / "report.json").read_text(encoding="utf-8"))
    side = Side(
        records=report["records"],
        extracted=report["extracted"],
        kept=report["kept"],
        own_clock_s=report["elapsed_s"],
    )
    for name, row in report["steps"].items():
        rows = row.get("total") or row.get("documents") or report["eu24"]
        side.stages.append(Stage(name, row["seconds"], int(rows)))
    for path in sorted((output / "languages").glob("*/*.jsonl")):
        code = LABELS[path.parent.name]
        with path.open(encoding="utf-8") as lines:
            for line in lines:
                document = json.loads(line)
                url = page_url(document["metadata"].get("url"))
                side.pages[page_id(document["id"])] = (url, "")
                side.eu24 += 1
                side.by_language[code] = side.by_language.get(code, 0) + 1
    side.chars_kept = text_in(output / "output", "*/*.parquet")[1]
    side.notes.append(f"its own start-up clock: {report['start_up_s']:.1f} s (imports, lists, model, tokenizers)")
    side.notes.append(f"extraction timeouts (its default, 1 s): {report['timeouts']}")
    side.notes += [f"tokenizer fallback {code}: {what}" for code, what in report["fallbacks"].items()]
    return side


def covered(ours: Side, theirs: Side) -> tuple[float, list[tuple[str, int]]]:
    """Share of datatrove's EU-24 pages (same id, same URL) that ours has as EU-24; why not the others."""
    missing: Counter[str] = Counter()
    for key, (url, _) in theirs.pages.items():
        found = ours.pages.get(key)
        if found is None:
            missing["no such record"] += 1
        elif found[1]:
            missing[found[1]] += 1
        elif found[0] and found[0] != url:
            missing["another URL"] += 1
    share = 1 - missing.total() / len(theirs.pages) if theirs.pages else 1.0
    return share, missing.most_common()
