"""Runs of the whole pipeline on small crawls, for the laws."""

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl
from conftest import SAMPLE_PAGES, Page, write_warc

from euro_curate.executors import Serial
from euro_curate.ingest import expand
from euro_curate.pipeline import curate
from euro_curate.recipe import configure
from euro_curate.run import Executor, Run

Settings = dict[str, dict[str, Any]]

# The stages that come after `decide`, the report's tables among them: what a changed rule may make anew.
AFTER_DECIDE = frozenset(
    "register enrol elect deal settle redact sort_clean size weigh allocate border cut close shard "
    "count total count_hosts total_hosts top_hosts draw redraw choose excerpt collect".split()
)


def run(
    inputs: Sequence[str | Path], output: Path, settings: Settings | None = None, executor: Executor | None = None
) -> dict[str, Any]:
    """curate() in this process; returns what run.json holds."""
    raw: Settings = {"run": {"inputs": [str(i) for i in inputs], "output": str(output)}}
    for section, values in (settings or {}).items():
        raw.setdefault(section, {}).update(values)
    config = configure(raw)
    return curate(Run(str(output), executor or Serial()), expand(config.run.inputs, config.run.crawl_prefix), config)


def verdicts(output: Path) -> pl.DataFrame:
    """The contract's table of a finished run."""
    return pl.read_parquet(sorted((output / "verdicts").rglob("*.parquet")))


def dataset(output: Path) -> pl.DataFrame:
    """All shards of a finished run."""
    files = sorted((output / "dataset" / "data").rglob("*.parquet"))
    return pl.read_parquet(files)


def pages(codes: Sequence[str] = ("it", "fi", "bg"), seed: int = 1) -> list[Page]:
    """Honest pages of some languages from the sample's sources, each with an exact and a near copy elsewhere, plus pages to be dropped."""
    rng = random.Random(seed)
    out = []
    for code in codes:
        for source in sorted((SAMPLE_PAGES / code).glob("*.html")):
            body = source.read_text(encoding="utf-8").split("-->", 1)[1].replace("{{charset}}", "utf-8")
            name = f"{code}-{source.stem}"
            out.append(_page(rng, body, f"https://{name}.example/"))
            out.append(_page(rng, body, f"https://copy.example/{name}"))
            out.append(_page(rng, body.replace("</h1>", " 2024</h1>"), f"https://near.example/{name}"))
    out.append(_page(rng, "<html><body>gone</body></html>", "https://gone.example/", status="404 Not Found"))
    out.append(_page(rng, "<html><body><p>thin</p></body></html>", "https://thin.example/"))
    out.append(_page(rng, b"%PDF-1.7 x", "https://paper.example/a.pdf", content_type="application/pdf"))
    rng.shuffle(out)
    return out


def _page(rng: random.Random, body: str | bytes, url: str, **rest: Any) -> Page:
    digits = f"{rng.getrandbits(128):032x}"
    page_id = f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
    return Page(body, url, id=page_id, date=f"2024-03-{rng.randint(1, 28):02d}T12:00:00Z", **rest)


def robots(
    site: str, body: str = "User-agent: GPTBot\nDisallow: /\n", date: str = "2024-05-01T00:00:00Z", **rest: Any
) -> Page:
    """A capture of a site's robots.txt."""
    return Page(body, f"{site}/robots.txt", content_type="text/plain", date=date, **rest)


def split(crawl: Sequence[Page], folder: Path, files: int, seed: int = 0) -> Path:
    """The pages, in an order and over files that depend on the seed."""
    rng = random.Random(seed)
    crawl = list(crawl)
    rng.shuffle(crawl)
    for number in range(files):
        write_warc(folder / f"part-{number:02d}.warc.gz", crawl[number::files])
    return folder
