"""Measure models side by side: labelled TSVs in, the tables of the model card out, as Markdown.

usage: python langid_models/evaluate.py MODELS FILE.tsv[.gz]... [--join 1,8] [--pool] [--sources a,b] [--details]

MODELS: names of models.toml, `name=file` for a copy of one that lies here, or files of models in our own form and labels; several
with spaces or commas between them in one argument; "" is the default model. Rows are `language TAB text [TAB genre TAB source]`, the
language as ISO 639-1, 639-3 or a code like `deu_Latn`. Everything goes through euro_curate.langid, as in the pipeline.

Macro-F1 is over the 24 official EU languages; the leak is the share of texts in other languages that end up in one of them (Bosnian
called Croatian, say). The best label counts whatever its score; "thresholds": an answer under its language's threshold is `und`.
"""

import argparse
import gzip
import hashlib
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from euro_curate.langid import DEFAULT_MODEL, LangId, guess_documents, identifier
from euro_curate.languages import languages
from euro_curate.models import Model, entry, label_map

EU24 = tuple(code[:3] for code in languages())
ALIAS = {"est": "ekk", "lav": "lvs", "sqi": "als"}


@dataclass(frozen=True, slots=True)
class Row:
    """One text with its true language, the best label's language, whether its score reached the threshold, and the score."""

    true: str
    guess: str
    accepted: bool
    score: float


def parameters(model: str) -> LangId:
    """What stands for a model of the command line. ValueError, OSError: there is none."""
    name, _, file = model.partition("=")
    if not file and not Path(model).is_file():
        return identifier(entry(model, "langid"))
    digest = hashlib.sha256(Path(file or model).read_bytes()).hexdigest()
    if not file:
        return identifier(Model(Path(model).name, digest, place=str(Path(model).resolve())))
    return identifier(entry(name, "langid", {name: {"file": file, "sha256": digest}}))


def language_of(cell: str) -> str:
    """A language column's ISO 639-3 code."""
    code = label_map("iso639-1").get(cell, (cell,))[0].partition("_")[0]
    return ALIAS.get(code, code)


def read(file: Path, sources: frozenset[str]) -> Iterator[tuple[str, str]]:
    """(language, text) of every row with text; only those of the named sources if any are named."""
    open_text = gzip.open if file.suffix == ".gz" else open
    with open_text(file, "rt", encoding="utf-8", newline="\n") as rows:
        for row in rows:
            cells = row.rstrip("\n").split("\t")
            if len(cells) > 1 and cells[1].strip() and (not sources or cells[-1] in sources):
                yield language_of(cells[0]), cells[1]


def join(rows: Sequence[tuple[str, str]], size: int) -> list[tuple[str, str]]:
    """Documents of `size` consecutive texts of one language; what is left over at the end is dropped."""
    texts: defaultdict[str, list[str]] = defaultdict(list)
    for language, text in rows:
        texts[language].append(text)
    starts = ((k, i) for k, v in texts.items() for i in range(0, len(v) - size + 1, size))
    return [(k, " ".join(texts[k][i : i + size])) for k, i in starts]


def predict(rows: Sequence[tuple[str, str]], p: LangId) -> list[Row]:
    """The model's answer to each text."""
    found = guess_documents([text for _, text in rows], p)
    told = zip(rows, found, strict=True)
    return [Row(true, g.label.partition("_")[0], g.language == g.label, g.score or 0.0) for (true, _), g in told]


@dataclass(frozen=True, slots=True)
class Figures:
    """Per EU language (precision, recall, F1); the leak; confusions (true, guess) -> texts."""

    languages: dict[str, tuple[float, float, float]]
    leak: float
    confusions: Counter[tuple[str, str]]

    def macro_f1(self, *without: str) -> float:
        """Mean F1 of the languages; nan if there are none."""
        scores = [f1 for language, (_, _, f1) in self.languages.items() if language not in without]
        return float(np.mean(scores)) if scores else float("nan")


def measure(answers: Sequence[Row], thresholds: bool) -> Figures:
    """Rows -> figures; with thresholds, what is not accepted counts as `und`."""
    right: Counter[str] = Counter()
    given: Counter[str] = Counter()
    wanted: Counter[str] = Counter()
    confusions: Counter[tuple[str, str]] = Counter()
    for row in answers:
        guess = row.guess if row.accepted or not thresholds else "und"
        wanted[row.true] += 1
        given[guess] += 1
        if guess == row.true:
            right[guess] += 1
        else:
            confusions[row.true, guess] += 1
    figures = {
        k: (right[k] / max(1, given[k]), right[k] / wanted[k], 2 * right[k] / (given[k] + wanted[k]))
        for k in EU24
        if wanted[k]
    }
    others = sum(n for k, n in wanted.items() if k not in EU24)
    leaked = sum(n for (true, guess), n in confusions.items() if true not in EU24 and guess in EU24)
    return Figures(figures, leaked / others if others else float("nan"), confusions)


def propose_thresholds(answers: Sequence[Row]) -> dict[str, float]:
    """FineWeb-2's formula per language: clip(median - deviation, 0.3, 0.9) of the correct texts' scores."""
    scores: defaultdict[str, list[float]] = defaultdict(list)
    for row in answers:
        if row.guess == row.true:
            scores[row.true].append(row.score)
    edges = {k: float(np.median(v) - np.std(v)) for k, v in sorted(scores.items())}
    return {k: round(min(max(edge, 0.3), 0.9), 2) for k, edge in edges.items()}


def tables(title: str, answers: dict[str, list[Row]], rates: dict[str, float], details: bool) -> Iterator[str]:
    """The lines of one set's tables: a row per model, then per language, then each model's confusions."""
    figures = {name: measure(rows, thresholds=False) for name, rows in answers.items()}
    yield f"## {title}\n"
    yield "| model | texts | macro-F1 | without Croatian | leak | macro-F1, thresholds | leak, thresholds | texts/s |"
    yield "|---|--:|--:|--:|--:|--:|--:|--:|"
    for name, found in figures.items():
        strict = measure(answers[name], thresholds=True)
        cells = [found.macro_f1(), found.macro_f1("hrv"), found.leak, strict.macro_f1(), strict.leak]
        told = " | ".join("-" if np.isnan(x) else f"{x:.4f}" for x in cells)
        yield f"| {name} | {len(answers[name]):,} | {told} | {rates[name]:,.0f} |"
    yield "\n| language | " + " | ".join(f"{name}: P | R | F1" for name in figures) + " |"
    yield "|---|" + "--:|" * 3 * len(figures)
    for k in next(iter(figures.values())).languages:
        yield f"| {k} | " + " | ".join(f"{x:.3f}" for found in figures.values() for x in found.languages[k]) + " |"
    yield ""
    for name, found in figures.items():
        most = found.confusions.most_common(40 if details else 12)
        yield f"- {name}, true as answer: " + ", ".join(f"{true} as {guess} {n}" for (true, guess), n in most)
        if details:
            told = ", ".join(f"{k} {v:.2f}" for k, v in propose_thresholds(answers[name]).items())
            yield f"- {name}, thresholds by FineWeb-2's formula: {told}"
    yield ""


def main(arguments: list[str] | None = None) -> None:
    """The command of the module's docstring."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    add = parser.add_argument
    add("models")
    add("files", type=Path, nargs="+")
    add("--sources", default="", help="comma-separated; only these (of training files: the held-out ones)")
    add("--join", default="1,8", help="texts of a language to join into one document; several: one set of tables each")
    add("--pool", action="store_true", help="measure all files together instead of one by one")
    add("--details", action="store_true", help="more confusions, and thresholds that the set proposes")
    options = parser.parse_args(arguments)
    try:
        models = {name: parameters(name) for name in options.models.replace(",", " ").split() or [DEFAULT_MODEL]}
        sources = frozenset(filter(None, options.sources.split(",")))
        for files in [options.files] if options.pool else [[file] for file in options.files]:
            rows = [row for file in files for row in read(file, sources)]
            for size in map(int, options.join.split(",")):
                texts = rows if size == 1 else join(rows, size)
                answers, rates = {}, {}
                for p in models.values():
                    predict(texts[:1], p)  # loads the model
                    start = time.perf_counter()
                    answers[p.model] = predict(texts, p)
                    rates[p.model] = len(texts) / (time.perf_counter() - start)
                kind = "sentences" if size == 1 else f"documents of {size} sentences"
                for line in tables(f"{', '.join(f.name for f in files)}: {kind}", answers, rates, options.details):
                    print(line)
    except (ValueError, OSError) as error:
        raise SystemExit(f"error: {error}") from error


if __name__ == "__main__":
    main()
