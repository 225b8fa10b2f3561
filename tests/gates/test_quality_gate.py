"""Floors of the shipped rules, on texts of ours in all 24 languages: what is written to be read passes, what is not does not.

A floor may be raised here, never lowered: a change of rules, stop words or thresholds that breaks one makes some language worse.
"""

import random
import re
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import crawls
import polars as pl
import pyarrow as pa
import pytest

from euro_curate.kernels import MEASURES
from euro_curate.languages import languages
from euro_curate.quality import measure_texts
from euro_curate.schema import QUALITIES
from euro_curate.verdict import RULES, first_broken, resolve_thresholds

CODES = tuple(languages())
Maker = Callable[[random.Random, list[str]], str]

# What a page without prose is made of here: words of that language's own pages, stop words left out.
FILLER = (
    "Lorem ipsum dolor sit amet, consectetur adipiscing elit, sed do eiusmod tempor incididunt ut labore et dolore magna aliqua. "
    "Ut enim ad minim veniam, quis nostrud exercitation ullamco laboris nisi ut aliquip ex ea commodo consequat."
)
JUNK: dict[str, Maker] = {
    "keywords in one line": lambda rng, words: ", ".join(rng.choices(words, k=120)),
    "keywords in lines": lambda rng, words: "\n".join(" ".join(rng.choices(words, k=6)) for _ in range(20)),
    "the same ten keywords": lambda rng, words: " ".join(rng.choices(rng.sample(words, 10), k=150)),
    "a menu": lambda rng, words: "\n".join(" ".join(rng.sample(words, 2)).capitalize() for _ in range(40)),
    "filler text": lambda rng, words: f"{' '.join(rng.sample(words, 6))}\n{FILLER}\n{FILLER}",
    "one line again and again": lambda rng, words: "\n".join([" ".join(rng.sample(words, 8)) + "."] * 20),
    "figures": lambda rng, words: "\n".join(
        f"{rng.choice(words)} {rng.randint(1, 9999)} {rng.randint(1, 9999)}" for _ in range(40)
    ),
}


@pytest.fixture(scope="module")
def prose(sample: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """Language -> texts of the sample's honest pages, as the pipeline extracts them."""
    output = tmp_path_factory.mktemp("gate")
    crawls.run(sorted(sample.glob("*.warc.gz")), output)
    kept = pl.concat([pl.read_parquet(path) for path in sorted(output.rglob("work/redact/*/*.parquet"))])
    by_language = defaultdict(list)
    for code, body in kept.select("language", "text").iter_rows():
        by_language[code].append(body)
    return dict(by_language)


def broken(bodies: list[str], code: str) -> list[str | None]:
    """The first rule that each text breaks, those on length left out."""
    numbers = dict(
        zip(MEASURES, measure_texts(pa.array(bodies, pa.large_string()), [code] * len(bodies)).T, strict=True)
    )
    table = pa.table({"id": [""] * len(bodies), **{name: pa.array(numbers[name]) for name in QUALITIES.names[1:]}})
    free = tuple(
        (c, tuple(limit for limit in rules if limit[0] not in ("min_words", "max_words")))
        for c, rules in resolve_thresholds({}, {})
    )
    return [RULES[i].name if i >= 0 else None for i in first_broken(table, [code] * len(bodies), free)]


@pytest.mark.parametrize("code", CODES)
def test_prose_passes_in_every_language(code: str, prose: dict[str, list[str]]) -> None:
    assert len(prose[code]) >= 3
    assert set(broken(prose[code], code)) == {None}


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("kind", JUNK)
def test_what_is_no_prose_is_dropped_in_every_language(kind: str, code: str, prose: dict[str, list[str]]) -> None:
    stop_words = languages()[code].stop_words
    words = sorted({w for body in prose[code] for w in re.findall(r"\w{4,}", body.lower()) if w not in stop_words})
    rng = random.Random(7)
    found = broken([JUNK[kind](rng, words) for _ in range(20)], code)
    assert None not in found, f"{found.count(None)} of 20 pass"


def test_the_samples_bad_pages_are_dropped_by_the_rule_that_knows_them(sample: Path, tmp_path: Path) -> None:
    crawls.run(sorted(sample.glob("*.warc.gz")), tmp_path)
    verdict = dict(crawls.verdicts(tmp_path).select("url", "verdict").iter_rows())
    expected = {
        "https://schluesseldienst-guenstig-schnell.example/notdienst-24h": "quality:stop_words",
        "https://brzdekoland-kasyno-bonus.example/darmowe-spiny": "quality:top_",  # two words or four: which repeats most is the extractor's
        "https://lighthouse-logbook.example/all-pages-on-one": "quality:max_words",
        "https://wunderbar-lamps.example/": "quality:min_words",
        "https://nuovo-sito-prova.example/chi-siamo": "language:other",  # lorem ipsum, and nothing else
    }
    assert [url for url, rule in expected.items() if not verdict[url].startswith(rule)] == []
