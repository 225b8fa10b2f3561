"""What a run's clusters are worth: recall and wrong merges against the true Jaccard similarity of all pairs of its extracted texts.

    python tests/bench/dedup_truth.py RUN... [--data FOLDER] [--leave-out lilypond-doc]

RUN: finished runs of ours with their work/ folders. Similarity is that of the sets of 5-word runs of the extracted (and trimmed) texts, words by a regular
expression of this script and not by the tokeniser under test; pairs are of one language, as the run labelled it. FOLDER: a crawl's
`truth.jsonl.gz`, for the sources to leave out: pages that share a side bar rather than a text. Texts of fewer than five words count
among exact copies only.
"""

import argparse
import gzip
import json
import re
from collections import Counter, defaultdict
from itertools import combinations
from pathlib import Path
from typing import Any

import polars as pl

WORD = re.compile(r"\w+")
NAMES = [(0.9, "J >= 0.9"), (0.8, "0.8 to 0.9"), (0.7, "0.7 to 0.8"), (0.5, "0.5 to 0.7")]
EXACT, BELOW = "the same words", "below 0.5"


def shingles(words: tuple[str, ...]) -> frozenset[int]:
    """Hashes of the runs of five words."""
    return frozenset(hash(words[i : i + 5]) for i in range(len(words) - 4))


def pages(run: Path, left_out: set[str]) -> list[dict[str, Any]]:
    """Pages with text, of sources that are not left out: language, text, and the cluster that the run put them in."""
    tables = json.loads((run / "work" / "tables.json").read_text())["tables"]
    paths = {name: {row[0]: run / row[1] for row in tables[name]} for name in ("texts", "identify", "verdicts")}
    out = []
    for key, path in paths["texts"].items():
        rows = pl.read_parquet(path, columns=["id", "text"])
        label = pl.read_parquet(paths["identify"][key], columns=["id", "language"])
        verdict = pl.read_parquet(paths["verdicts"][key], columns=["id", "duplicate_of", "verdict"])
        assert rows["id"].equals(label["id"]) and rows["id"].equals(verdict["id"]), "row-aligned"
        table = rows.with_columns(label["language"], cluster=verdict["duplicate_of"].fill_null(verdict["id"]))
        out += table.filter(pl.col("text") != "", ~pl.col("id").is_in(list(left_out))).to_dicts()
    return out


def sources_of(data: Path, names: list[str]) -> set[str]:
    """Ids of the pages of these sources, by the crawl's truth."""
    rows = map(json.loads, gzip.open(data / "truth.jsonl.gz", "rt", encoding="utf-8"))
    return {re.sub(r"urn:uuid:|[<>-]", "", row["record_id"]).lower() for row in rows if row.get("source") in names}


def compare(found: list[dict[str, Any]]) -> tuple[Counter[str], Counter[str], list[tuple[float, str, str]]]:
    """Pairs by similarity, those of them in one cluster, and the merged ones below the lowest bin."""
    groups: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for page in found:
        groups[page["language"]].append(page)
    pairs, merged, wrong = Counter[str](), Counter[str](), []
    for group in groups.values():
        for page in group:
            page["words"] = tuple(WORD.findall(page["text"].casefold()))
            page["shingles"] = shingles(page["words"])
        for one, other in combinations(group, 2):
            same = one["cluster"] == other["cluster"]
            if one["words"] and one["words"] == other["words"]:
                name = EXACT
            else:
                a, b = one["shingles"], other["shingles"]
                both = (
                    len(a & b) if (a and b and min(len(a), len(b)) >= NAMES[-1][0] * max(len(a), len(b))) or same else 0
                )
                jaccard = both / max(1, len(a) + len(b) - both)
                name = next((label for low, label in NAMES if jaccard >= low), BELOW)
                if same and name == BELOW:
                    wrong.append((jaccard, one["id"], other["id"]))
            pairs[name] += 1
            merged[name] += same
    return pairs, merged, wrong


def main() -> None:
    """The command of the module's docstring."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("runs", nargs="+", type=Path)
    parser.add_argument("--data", type=Path, help="folder with the crawl's truth.jsonl.gz")
    parser.add_argument("--leave-out", nargs="*", default=[], metavar="SOURCE")
    given = parser.parse_args()
    left_out = sources_of(given.data, given.leave_out) if given.data else set()
    for run in given.runs:
        found = pages(run, left_out)
        pairs, merged, wrong = compare(found)
        print(f"{run}: {len(found):,} texts")
        for name in (EXACT, *(label for _, label in NAMES), BELOW):
            share = f"{100 * merged[name] / pairs[name]:.2f} %" if pairs[name] else "-"
            print(f"  {name:14} {pairs[name]:>10,} pairs, {merged[name]:>8,} in one cluster: {share}")
        high = [EXACT, NAMES[0][1], NAMES[1][1]]
        print(
            f"  J >= 0.8, exact copies too: {_share(merged, pairs, high)}; without: {_share(merged, pairs, high[1:])}"
        )
        print(f"  of all merged pairs below 0.5: {100 * merged[BELOW] / max(1, merged.total()):.3f} %")
        for jaccard, one, other in sorted(wrong)[:5]:
            print(f"    {jaccard:.2f} {one} {other}")


def _share(merged: Counter[str], pairs: Counter[str], names: list[str]) -> str:
    total = sum(pairs[name] for name in names)
    return f"{100 * sum(merged[name] for name in names) / total:.2f} %" if total else "-"


if __name__ == "__main__":
    main()
