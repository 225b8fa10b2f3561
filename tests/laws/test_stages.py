"""Every stage, on no row, one row and many: the schema that it promises, its input's ids, inputs left alone, and it pickles."""

import copy
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import benchmarks
import classifiers
import crawls
import pyarrow as pa
import pytest

from euro_curate import (
    balance,
    contamination,
    dedup,
    langid,
    models,
    optout,
    pii,
    publish,
    quality,
    schema,
    score,
    screening,
    verdict,
)
from euro_curate.recipe import configure
from euro_curate.report import count as counting
from euro_curate.report import draw as drawing
from euro_curate.run import Run, checked
from euro_curate.shards import read_part
from euro_curate.stage import Stage

SETTINGS: dict[str, dict[str, Any]] = {
    "langid": {"trim": True},
    "dedup": {"urls": "newest", "lines": 1},
    "filter": {"datatrove": {"RegexFilter": {"regex_exp": "[Тт]ермос"}}},
    "models": {"hq": classifiers.trained()},
    "quality": {"models": {"bg": "hq"}},
    "balance": {"strategy": "unimax", "budget": 300, "tokenizer": benchmarks.tokenizer()},
    "decontamination": {"benchmarks": {"quiz": benchmarks.quiz("Термос стои на масата " * 5)}},
}


def scoring() -> score.Scoring:
    return score.Scoring((("bul_Cyrl", models.entry("hq", "quality", SETTINGS["models"])),))


# stage -> (its parameters, schemas of its inputs)
STAGES: dict[Stage, tuple[Callable[[], Any], tuple[pa.Schema, ...]]] = {
    langid.identify: (langid.LangId, (schema.DOCUMENTS,)),
    langid.trim: (langid.Trimming, (schema.DOCUMENTS, schema.LANGUAGES)),
    dedup.sign: (dedup.MinHash, (schema.DOCUMENTS,)),
    quality.measure: (quality.Measure, (schema.DOCUMENTS, schema.LANGUAGES)),
    screening.screen: (
        lambda: screening.resolve_filters(SETTINGS["filter"]["datatrove"], ("bul_Cyrl",)),
        (schema.DOCUMENTS, schema.LANGUAGES),
    ),
    dedup.count_lines: (lambda: dedup.Lines(1), (schema.DOCUMENTS,)),
    dedup.find_common_lines: (lambda: dedup.Lines(1), (schema.LINES,)),
    dedup.deal_lines: (lambda: dedup.Lines(1), (schema.COMMON_LINES,)),
    dedup.drop_lines: (lambda: dedup.Lines(1), (schema.DOCUMENTS, schema.COMMON_LINES)),
    dedup.sort_keys: (dedup.Pairing, (schema.SIGNATURES, schema.LANGUAGES)),
    dedup.pair: (dedup.Pairing, (schema.KEYS,)),
    dedup.connect: (dedup.Pairing, (schema.LINKS,)),
    dedup.label: (dedup.Pairing, (schema.CLUSTERS,)),
    dedup.hook: (dedup.Pairing, (schema.CLUSTERS,)),
    dedup.compose: (dedup.Pairing, (schema.CLUSTERS, schema.CLUSTERS)),
    dedup.register: (dedup.Registering, (schema.RULINGS, schema.SIGNATURES, schema.VERDICTS)),
    dedup.sort_urls: (dedup.Addresses, (schema.CANDIDATES,)),
    dedup.elect_urls: (lambda: dedup.Addresses("newest"), (schema.URL_KEYS,)),
    dedup.enrol: (dedup.Registering, (schema.CANDIDATES, schema.CLUSTERS, schema.URL_LOSERS)),
    dedup.elect: (dedup.Election, (schema.MEMBERS,)),
    dedup.deal: (dedup.Registering, (schema.ELECTIONS,)),
    score.score: (scoring, (schema.DOCUMENTS, schema.LANGUAGES)),
    score.bin_scores: (score.Binning, (schema.SCORES, schema.LANGUAGES)),
    score.cut_scores: (score.Cutting, (schema.SCORE_BINS,)),
    contamination.overlap: (lambda: configure(SETTINGS).decontamination, (schema.DOCUMENTS,)),
    optout.sort_policies: (optout.BySite, (schema.POLICIES,)),
    optout.sort_addresses: (optout.BySite, (schema.DOCUMENTS,)),
    optout.reserve: (optout.OptOut, (schema.ADDRESSES, schema.POLICIES)),
    pii.spot: (pii.Spotting, (schema.DOCUMENTS, schema.LANGUAGES)),
    verdict.decide: (
        verdict.Rules,
        (
            schema.DOCUMENTS,
            schema.LANGUAGES,
            schema.QUALITIES,
            schema.SPOTS,
            schema.SCREENS,
            schema.SCORES,
            schema.CUTS,
            schema.OVERLAPS,
            schema.RESERVATIONS,
        ),
    ),
    verdict.settle: (verdict.Settling, (schema.RULINGS, schema.ELECTIONS)),
    pii.redact: (pii.Redaction, (schema.DOCUMENTS, schema.LANGUAGES, schema.QUALITIES, schema.SPOTS, schema.VERDICTS)),
    publish.sort_clean: (publish.Sorting, (schema.CLEAN, schema.SIZES, schema.TOKENS)),
    balance.count_tokens: (lambda: configure(SETTINGS).tokenizer, (schema.CLEAN,)),
    balance.size: (balance.Sizing, (schema.CLEAN, schema.ELECTIONS, schema.SCORES)),
    balance.weigh: (balance.Selection, (schema.SIZES, schema.TOKENS)),
    balance.allocate: (balance.Balance, (schema.WEIGHTS,)),
    balance.border: (balance.Selection, (schema.SIZES, schema.TOKENS, schema.ALLOTMENTS)),
    balance.cut: (balance.Packing, (schema.ALLOTMENTS, schema.BORDERS)),
    balance.close: (balance.Selection, (schema.VERDICTS, schema.SIZES, schema.BUDGET)),
    publish.shard: (publish.Shard, (schema.SHUFFLED,)),
    counting.count: (
        counting.Counting,
        (
            schema.VERDICTS,
            schema.DOCUMENTS,
            schema.LANGUAGES,
            schema.QUALITIES,
            schema.SPOTS,
            schema.RESERVATIONS,
        ),
    ),
    counting.total: (counting.Totalling, (schema.COUNTS,)),
    counting.count_hosts: (counting.Totalling, (schema.VERDICTS, schema.DOCUMENTS)),
    counting.total_hosts: (counting.Totalling, (schema.HOSTS,)),
    counting.top_hosts: (counting.Totalling, (schema.HOSTS,)),
    drawing.draw: (drawing.Drawing, (schema.VERDICTS,)),
    drawing.redraw: (drawing.Drawing, (schema.DRAWS,)),
    drawing.choose: (drawing.Drawing, (schema.DRAWS,)),
    drawing.excerpt: (
        drawing.Excerpting,
        (schema.DRAWS, schema.DOCUMENTS, schema.LANGUAGES, schema.QUALITIES, schema.VERDICTS),
    ),
    drawing.collect: (drawing.Excerpting, (schema.SAMPLES,)),
}
every_stage = pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.name)


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> dict[str, pa.Table]:
    """Real tables of one run, by the name of the stage that made them: a single part each."""
    folder = tmp_path_factory.mktemp("stages")
    parts: dict[str, pa.Table] = {}
    make = Run.make

    def watched(self: Run, tasks: Any, *rest: Any, **named: Any) -> Any:
        shards = make(self, tasks, *rest, **named)
        for part in shards.parts:
            table = read_part(part)
            if part.key in ("bul_Cyrl", "budget", "allotments") or (
                not part.key.count("_Latn") and part.key not in ("other", "ell_Grek")
            ):
                parts[tasks[0].stage] = table
        return shards

    patch = pytest.MonkeyPatch()
    patch.setattr(Run, "make", watched)
    crawl = crawls.pages(["bg", "it"])
    for page in crawl:
        if "copy.example" in page.url:  # lines that the site has on every page
            lines = (
                "<p>Пишете ни, ако искате да получавате новините на сайта.</p><p>Нашата редакция чете всяко писмо.</p>"
            )
            page.body = str(page.body).replace("</p>", "</p>" + lines)
    sites = [crawls.robots("https://copy.example"), crawls.robots("https://near.example")]
    settings = {**SETTINGS, "run": {"site_ranges": 1}}
    crawls.run([crawls.split([*crawl, *sites], folder / "in", 1)], Path(folder / "out"), settings)
    patch.undo()
    return parts


MADE_BY = {
    id(schema.DOCUMENTS): "ingest", id(schema.LANGUAGES): "identify", id(schema.SIGNATURES): "sign", id(schema.QUALITIES): "measure",
    id(schema.LINES): "count_lines", id(schema.COMMON_LINES): "find_common_lines", id(schema.KEYS): "sort_keys", id(schema.LINKS): "pair", id(schema.CLUSTERS): "connect", id(schema.CANDIDATES): "register",
    id(schema.URL_KEYS): "sort_urls", id(schema.URL_LOSERS): "elect_urls", id(schema.MEMBERS): "enrol", id(schema.RULINGS): "decide",
    id(schema.ELECTIONS): "elect", id(schema.VERDICTS): "settle", id(schema.CLEAN): "redact", id(schema.WEIGHTS): "weigh",
    id(schema.TOKENS): "count_tokens", id(schema.SIZES): "size", id(schema.ALLOTMENTS): "allocate", id(schema.BORDERS): "border",
    id(schema.BUDGET): "cut", id(schema.SHUFFLED): "sort_clean", id(schema.OVERLAPS): "overlap", id(schema.SCREENS): "screen", id(schema.SPOTS): "spot",
    id(schema.SCORES): "score", id(schema.SCORE_BINS): "bin_scores", id(schema.CUTS): "cut_scores",
    id(schema.POLICIES): "sort_policies", id(schema.ADDRESSES): "sort_addresses", id(schema.RESERVATIONS): "reserve",
    id(schema.COUNTS): "count", id(schema.HOSTS): "count_hosts", id(schema.DRAWS): "draw", id(schema.SAMPLES): "excerpt",
}  # fmt: skip


def whole(made: Any) -> pa.Table:
    """A stage's table, which may come in pieces."""
    return made if isinstance(made, pa.Table) else pa.concat_tables(made)


@every_stage
@pytest.mark.parametrize("rows", [0, 1, None], ids=["none", "one", "many"])
def test_a_stage_keeps_its_promise(stage: Stage, rows: int | None, tables: dict[str, pa.Table]) -> None:
    make, schemas = STAGES[stage]
    inputs = [tables[MADE_BY[id(s)]].slice(0, rows) if rows is not None else tables[MADE_BY[id(s)]] for s in schemas]
    assert rows is not None or any(len(table) > 1 for table in inputs), "many means many"
    before = [copy.deepcopy(table.to_pylist()) for table in inputs]
    out = whole(stage(*inputs, make()))
    assert checked(stage, out, inputs[0]).schema == stage.out
    assert [table.to_pylist() for table in inputs] == before, "inputs are not touched"
    assert whole(stage(*inputs, make())).equals(out), "the same again"
    assert pickle.loads(pickle.dumps(stage)) is stage


def test_no_stage_is_forgotten() -> None:
    modules = (
        langid,
        dedup,
        quality,
        score,
        screening,
        contamination,
        optout,
        verdict,
        pii,
        publish,
        balance,
        counting,
        drawing,
    )
    found = {value for module in modules for value in vars(module).values() if isinstance(value, Stage)}
    assert found == set(STAGES)
