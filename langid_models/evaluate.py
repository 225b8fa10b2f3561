"""Measure a model: labelled TSVs in, the figures of the model card out.

usage: python langid_models/evaluate.py MODEL FILE.tsv.gz... [--pool] [--sources a,b] [--join 8] [--details]

Rows are `iso639_3 TAB text [TAB genre TAB source]`. Macro-F1 is over the 24 official EU languages; the leak
is the share of texts in other languages that end up in one of them (Bosnian called Croatian, say). The best
label counts whatever its score, unless --threshold is given.
"""

import argparse
import gzip
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fasttext
import numpy as np

from euro_curate.langid import normalise

EU24 = (
    "bul",
    "hrv",
    "ces",
    "dan",
    "nld",
    "eng",
    "ekk",
    "fin",
    "fra",
    "deu",
    "ell",
    "hun",
    "gle",
    "ita",
    "lvs",
    "lit",
    "mlt",
    "pol",
    "por",
    "ron",
    "slk",
    "slv",
    "spa",
    "swe",
)
ALIAS = {"est": "ekk", "lav": "lvs", "sqi": "als"}


@dataclass(frozen=True, slots=True)
class Row:
    """One text with its true language, the best label's language and its probability."""

    true: str
    guess: str
    score: float


def read(file: Path, sources: frozenset[str]) -> Iterator[tuple[str, str]]:
    """(language, text) of every row with text; only those of the named sources if any are named."""
    with gzip.open(file, "rt", encoding="utf-8", newline="\n") as rows:
        for row in rows:
            cells = row.rstrip("\n").split("\t")
            if len(cells) > 1 and cells[1].strip() and (not sources or cells[-1] in sources):
                yield ALIAS.get(cells[0], cells[0]), cells[1]


def join(rows: Sequence[tuple[str, str]], size: int) -> list[tuple[str, str]]:
    """Documents of `size` consecutive texts of one language; what is left over at the end is dropped."""
    texts: defaultdict[str, list[str]] = defaultdict(list)
    for language, text in rows:
        texts[language].append(text)
    starts = ((k, i) for k, v in texts.items() for i in range(0, len(v) - size + 1, size))
    return [(k, " ".join(texts[k][i : i + size])) for k, i in starts]


def predict(model: Any, rows: Sequence[tuple[str, str]]) -> list[Row]:
    """The best label of each text; `und` with score 0 when nothing is left after normalisation."""
    answers = []
    for language, text in rows:
        found = model.f.predict(normalise(text) + "\n", 1, 0.0, "strict")
        score, label = found[0] if found else (0.0, "__label__und")
        answers.append(Row(language, label.removeprefix("__label__").partition("_")[0], min(score, 1.0)))
    return answers


@dataclass(frozen=True, slots=True)
class Figures:
    """Per EU language (precision, recall, F1); macro-F1; the leak; confusions (true, guess) -> texts."""

    languages: dict[str, tuple[float, float, float]]
    macro_f1: float
    leak: float
    confusions: Counter[tuple[str, str]]


def measure(answers: Sequence[Row], thresholds: dict[str, float]) -> Figures:
    """Rows -> figures. An answer under its language's threshold (default 0) counts as `und`."""
    right, given, wanted, confusions = (Counter[Any]() for _ in range(4))
    for row in answers:
        guess = row.guess if row.score >= thresholds.get(row.guess, 0.0) else "und"
        wanted[row.true] += 1
        given[guess] += 1
        if guess == row.true:
            right[guess] += 1
        else:
            confusions[row.true, guess] += 1
    languages = {}
    for k in EU24:
        if wanted[k]:
            precision, recall = right[k] / max(1, given[k]), right[k] / wanted[k]
            languages[k] = (precision, recall, 2 * right[k] / (given[k] + wanted[k]))
    others = sum(n for k, n in wanted.items() if k not in EU24)
    leaked = sum(n for (true, guess), n in confusions.items() if true not in EU24 and guess in EU24)
    macro = float(np.mean([f1 for _, _, f1 in languages.values()])) if languages else float("nan")
    return Figures(languages, macro, leaked / max(1, others), confusions)


def propose_thresholds(answers: Sequence[Row]) -> dict[str, float]:
    """FineWeb-2's formula per language: clip(median - deviation, 0.3, 0.9) of the correct texts' scores."""
    scores: defaultdict[str, list[float]] = defaultdict(list)
    for row in answers:
        if row.guess == row.true:
            scores[row.true].append(row.score)
    edges = {k: float(np.median(v) - np.std(v)) for k, v in sorted(scores.items())}
    return {k: round(min(max(edge, 0.3), 0.9), 2) for k, edge in edges.items()}


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    add = parser.add_argument
    add("model", type=Path)
    add("files", type=Path, nargs="+")
    add("--sources", default="", help="comma-separated; only these (of training files: the held-out ones)")
    add("--join", type=int, default=1, help="texts of a language to join into one document")
    add("--threshold", type=float, default=0.0, help="answers under it count as und")
    add("--pool", action="store_true", help="measure all files together instead of one by one")
    add("--details", action="store_true", help="table per language with proposed thresholds, more confusions")
    options = parser.parse_args(arguments)
    model = fasttext.load_model(str(options.model))
    sources = frozenset(filter(None, options.sources.split(",")))
    groups = [options.files] if options.pool else [[file] for file in options.files]
    for files in groups:
        rows = [row for file in files for row in read(file, sources)]
        rows = rows if options.join == 1 else join(rows, options.join)
        start = time.perf_counter()
        answers = predict(model, rows)
        rate = len(rows) / (time.perf_counter() - start)
        figures = measure(answers, dict.fromkeys(EU24, options.threshold))
        worst = sorted(figures.languages.items(), key=lambda item: item[1][2])[:5]
        confusions = figures.confusions.most_common(40 if options.details else 8)
        print(f"{files[0].name} x{options.join}: {len(rows):,} texts, {rate:,.0f}/s, ", end="")
        print(f"macro-F1 {figures.macro_f1:.4f}, leak {figures.leak:.4f};", end=" ")
        print(" ".join(f"{k}:{f1:.3f}" for k, (_, _, f1) in worst), end=" | ")
        print(" ".join(f"{true}>{guess}:{n}" for (true, guess), n in confusions))
        if options.details:
            thresholds = propose_thresholds(answers)
            for k, (precision, recall, f1) in figures.languages.items():
                cells = f"{precision:.3f} | {recall:.3f} | {f1:.3f} | {thresholds.get(k, float('nan')):.2f}"
                print(f"| {k} | {cells} |")
            print({k: v for k, v in thresholds.items() if k not in EU24})


if __name__ == "__main__":
    main()
