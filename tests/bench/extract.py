"""Main-text extraction on gold pages: ours beside trafilatura, resiliparse and jusText, quality and speed in the same run.

    .venv/bin/python tests/bench/extract.py GOLD.jsonl.gz [--cpu N] [--rounds 3] [--pages N]

A line of GOLD is {html, gold_text, lang?}. Every extractor gets the same strings in memory, in this process, pinned to one core, in turns; the time is this
process's CPU time, and of several rounds the median counts. Quality: precision, recall and F1 of the bag of `\\w+` tokens of each page, averaged over pages.
Ours is what `euro-curate extract` does, title included. Trafilatura's comments are switched off: gold texts have none.
"""

import argparse
import gzip
import json
import logging
import os
import re
import statistics
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

_WORD = re.compile(r"\w+")
Scores = tuple[float, float, float]  # precision, recall, F1


def scores(text: str, gold: str) -> Scores:
    """Of the two bags of tokens."""
    found, wanted = Counter(_WORD.findall(text)), Counter(_WORD.findall(gold))
    shared = (found & wanted).total()
    precision, recall = shared / max(1, found.total()), shared / max(1, wanted.total())
    return precision, recall, 2 * precision * recall / (precision + recall) if shared else 0.0


def extractors() -> dict[str, Callable[[str], str]]:
    """Name -> HTML to text."""
    import justext
    import trafilatura
    from resiliparse.extract.html2text import extract_plain_text

    from euro_curate.ingest import extract_page

    def ours(extractor: str) -> Callable[[str], str]:
        return lambda html: extract_page(html, extractor)[0]

    def trafilaturas(**settings: Any) -> Callable[[str], str]:
        return lambda html: trafilatura.extract(html, include_comments=False, **settings) or ""

    stop_words = frozenset().union(*map(justext.get_stoplist, justext.get_stoplists()))  # it wants to know the language

    def justexts(html: str) -> str:
        return "\n".join(p.text for p in justext.justext(html, stop_words) if not p.is_boilerplate)

    return {
        "ours (blocks)": ours("blocks"),
        "ours (trafilatura)": ours("trafilatura"),
        "trafilatura default": trafilaturas(),
        "trafilatura precision": trafilaturas(favor_precision=True),
        "trafilatura recall": trafilaturas(favor_recall=True),
        "trafilatura fast": trafilaturas(fast=True),
        "resiliparse main content": lambda html: extract_plain_text(html, main_content=True),
        "jusText": justexts,
    }


def timed(extract: Callable[[str], str], pages: list[str]) -> tuple[list[str], float]:
    """(texts, CPU seconds). A page on which an extractor fails has no text."""
    texts = []
    started = time.process_time()
    for page in pages:
        try:
            texts.append(extract(page))
        except Exception:
            texts.append("")
    return texts, time.process_time() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("gold", type=Path)
    parser.add_argument("--cpu", type=int, default=0)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--pages", type=int, default=0, help="evenly spaced; 0 = all")
    given = parser.parse_args()
    os.sched_setaffinity(0, {given.cpu})
    logging.disable(logging.CRITICAL)
    with gzip.open(given.gold, "rt", encoding="utf-8") as lines:
        rows = [row for row in map(json.loads, lines) if row.get("gold_text", "").strip()]
    if given.pages:
        rows = rows[:: max(1, len(rows) // given.pages)][: given.pages]
    pages = [row["html"] for row in rows]
    languages = [name for name, _ in Counter(row.get("lang") or "?" for row in rows).most_common(6)]
    seconds: dict[str, list[float]] = defaultdict(list)
    texts: dict[str, list[str]] = {}
    competitors = extractors()
    for extract in competitors.values():
        timed(extract, pages[:3])  # imports, compiled code
    for _ in range(given.rounds):
        for name, extract in competitors.items():
            texts[name], took = timed(extract, pages)
            seconds[name].append(took)
    base = statistics.median(seconds["trafilatura default"])
    print(f"{len(rows)} pages, {sum(map(len, pages)) / len(pages) / 1000:.0f} kB on average, {given.rounds} rounds")
    print(f"{'':26}     F1  precision  recall   pages/s  x default   F1 by language")
    for name in competitors:
        found = [scores(text, row["gold_text"]) for text, row in zip(texts[name], rows)]
        p, r, f1 = (statistics.fmean(values) for values in zip(*found))
        took = statistics.median(seconds[name])
        by = {
            language: statistics.fmean(s[2] for s, row in zip(found, rows) if (row.get("lang") or "?") == language)
            for language in languages
        }
        print(
            f"{name:26} {f1:.4f}     {p:.4f}  {r:.4f}  {len(rows) / took:8.1f}  {base / took:9.2f}   "
            + "  ".join(f"{language} {value:.3f}" for language, value in by.items())
        )


if __name__ == "__main__":
    main()
