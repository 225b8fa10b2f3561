"""`measure` beside datatrove's three quality filters, on the same text, on one core, in one run.

    python tests/bench/measure.py TEXTS... [--cpu N] [--documents 400] [--rounds 3] [--datatrove-python .venv-bench/bin/python]

TEXTS: finished runs of ours (folders with work/), or JSONL files of {text, language}. Both sides get the same documents, already in memory, and
do all their measuring: the filters' thresholds are set so that none stops early (a filter that drops a page saves itself the rest), and each
is called as datatrove's pipelines call it, with the tokenizer that datatrove assigns to the language. Sides take turns, `--rounds` times.
Prints MB/s, documents/s, the ratio, and our memory while the same text is measured again and again.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sides import run_side

HERE = Path(__file__).parent
ROOT = HERE.parent.parent


def documents(sources: list[str]) -> Iterator[dict[str, str]]:
    """{text, language} of every text in one of the 24 languages."""
    import pyarrow.parquet as pq

    from euro_curate.languages import languages

    for source in map(Path, sources):
        if source.is_dir():
            labels = {path.name: path for path in source.glob("work/identify/*/*.parquet")}
            for path in sorted(source.glob("work/ingest/*/*.parquet"), key=lambda p: p.name):
                texts = pq.read_table(path, columns=["text"])["text"].to_pylist()
                codes = pq.read_table(labels[path.name], columns=["language"])["language"].to_pylist()
                yield from (
                    {"text": t, "language": c} for t, c in zip(texts, codes, strict=True) if t and c in languages()
                )
        else:
            with source.open(encoding="utf-8") as lines:
                yield from map(json.loads, lines)


def ours(path: Path, rounds: int) -> dict[str, Any]:
    """Times measure_texts over the file; and its memory over ten times as much text."""
    import resource

    import pyarrow as pa

    from euro_curate.quality import measure_texts

    rows = [json.loads(line) for line in path.open(encoding="utf-8")]
    column, codes = pa.array([row["text"] for row in rows], pa.large_string()), [row["language"] for row in rows]

    def once() -> float:
        start = time.perf_counter()
        measure_texts(column, codes)
        return time.perf_counter() - start

    def peak() -> int:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024

    first = once()
    seconds = [once() for _ in range(rounds)]
    memory = [peak()]
    for _ in range(2):
        for _ in range(10):
            once()
        memory.append(peak())
    return {"first_s": first, "seconds": seconds, "peak_mib": memory}


def theirs(path: Path, rounds: int) -> dict[str, Any]:
    """Times datatrove's three filters over the file. Runs under the interpreter that has datatrove and its tokenizers."""
    import datatrove_side
    from datatrove.data import Document
    from datatrove.pipeline.filters import FineWebQualityFilter, GopherQualityFilter, GopherRepetitionFilter

    never = 1e9
    rows = [json.loads(line) for line in path.open(encoding="utf-8")]
    filters, fallbacks = {}, {}
    for code in sorted({row["language"] for row in rows}):
        short = code[:3]
        if other := datatrove_side.tokenizer_for(short):
            fallbacks[code] = other
        filters[code] = {
            "gopher repetition": GopherRepetitionFilter(
                never,
                never,
                never,
                never,
                tuple((n, never) for n in (2, 3, 4)),
                tuple((n, never) for n in range(5, 11)),
                language=short,
            ),
            "gopher quality": GopherQualityFilter(
                1, 10**9, 1e-9, never, never, never, never, 1e-9, 1, ["no", "such"], language=short
            ),
            "fineweb quality": FineWebQualityFilter(None, 1e-9, True, None, never, 30, never, never, language=short),
        }
    seconds: list[dict[str, float]] = []
    for _ in range(rounds):
        spent = {"gopher repetition": 0.0, "gopher quality": 0.0, "fineweb quality": 0.0}
        for row in rows:
            for name, step in filters[row["language"]].items():
                start = time.perf_counter()
                step.filter(Document(text=row["text"], id=""))
                spent[name] += time.perf_counter() - start
        seconds.append(spent)
    return {"seconds": seconds, "fallbacks": fallbacks}


def main() -> None:
    """The command of the module's docstring."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("texts", nargs="*")
    parser.add_argument("--cpu", type=int, help="pin everything to this core")
    parser.add_argument("--documents", type=int, default=400, help="taken evenly from the texts")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--datatrove-python", default=str(ROOT / ".venv-bench/bin/python"))
    parser.add_argument("--side", nargs=2, metavar=("NAME", "FILE"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.side:
        name, path = given.side
        print(json.dumps((ours if name == "ours" else theirs)(Path(path), 3 if name == "ours" else 1)))
        return
    if given.cpu is not None:
        os.sched_setaffinity(0, {given.cpu})
    every = list(documents(given.texts))
    rows = every[:: max(1, len(every) // given.documents)][: given.documents]
    size = sum(len(row["text"].encode()) for row in rows)
    print(f"{len(rows)} documents in {len({row['language'] for row in rows})} languages, {size / 1e6:.2f} MB of text")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "texts.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        ratios = []
        for number in range(given.rounds):
            a, b = (
                run_side(str(python), __file__, "--side", name, str(path))
                for python, name in ((sys.executable, "ours"), (given.datatrove_python, "theirs"))
            )
            mine, other = min(a["seconds"]), sum(b["seconds"][0].values())
            ratios.append(other / mine)
            steps = ", ".join(f"{name} {1e3 * s / len(rows):.1f} ms" for name, s in b["seconds"][0].items())
            print(
                f"round {number + 1}: measure {size / 1e6 / mine:.1f} MB/s, {1e6 * mine / len(rows):.0f} us a document; "
                f"datatrove {size / 1e6 / other:.3f} MB/s ({steps}); ratio {other / mine:.0f}"
            )
            print(f"  our peak memory after 1, 11 and 21 passes: {a['peak_mib']} MiB; first pass {a['first_s']:.2f} s")
        print(f"tokenizers that could not be had: {b['fallbacks'] or 'none'}")
        print(f"ratio: {min(ratios):.0f} to {max(ratios):.0f}")


if __name__ == "__main__":
    main()
