"""What the pipeline takes: a recipe's sections, checked against each other, as one frozen dataclass for each stage."""

import hashlib
import re
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from euro_curate.balance import Balance, Packing, Selection, Tokenizer
from euro_curate.contamination import Benchmark, Decontamination
from euro_curate.dedup import Addresses, Election, Lines, MinHash, derive
from euro_curate.duplicates import Tasks
from euro_curate.earlier import Building
from euro_curate.ingest import CRAWL_PREFIX, Ingest, UrlRules, list_of
from euro_curate.langid import LangId, Trimming, default_scores, identifier
from euro_curate.languages import resolve, select
from euro_curate.models import entry
from euro_curate.optout import OptOut
from euro_curate.pii import Redaction, Spotting, Style, chosen_kinds, fingerprint, secret, source_hash
from euro_curate.publish import Card, Publish
from euro_curate.recipe.sections import DecontaminationSection, PiiSection, Recipe, RunSection
from euro_curate.report import Drawing
from euro_curate.score import Cutting, Scoring
from euro_curate.screening import Screening, resolve_filters
from euro_curate.verdict import Rules, resolve_thresholds


@dataclass(frozen=True)
class Config:
    """What the pipeline takes: one frozen dataclass per stage."""

    run: RunSection
    ingest: Ingest
    langid: LangId
    trimming: Trimming | None
    minhash: MinHash
    tasks: Tasks
    election: Election
    addresses: Addresses
    building: Building
    lines: Lines
    reserving: OptOut
    scoring: Scoring
    cutting: Cutting
    rules: Rules
    screening: Screening
    spotting: Spotting
    redaction: Redaction
    decontamination: Decontamination
    balance: Balance
    tokenizer: Tokenizer | None
    selection: Selection
    packing: Packing
    publish: Publish
    card: Card
    drawing: Drawing


def config_of(r: Recipe) -> Config:
    """The sections, checked. ValueError names the key."""
    codes = select(r.run.languages)
    scores = tuple(
        sorted((dict(default_scores()) | {resolve(k).code: v for k, v in r.langid.min_score.items()}).items())
    )
    models = {name: asdict(section) for name, section in r.models.items()}
    scored = {"min_scores": scores, "neighbour_score": r.langid.neighbour_score}
    other = identifier(entry(r.langid.agree, "langid", models, "langid.agree")) if r.langid.agree else None
    single = identifier(entry(r.langid.model, "langid", models), **scored)
    langid = replace(single, agree=other)
    classifiers = {resolve(name).code: entry(model, "quality", models) for name, model in r.quality.models.items()}
    keep_shares = {resolve(name).code: share for name, share in r.quality.keep_shares.items()}
    if alone := sorted(set(keep_shares) - set(classifiers)):
        raise ValueError(f"quality.keep_shares: {alone[0]} has no classifier under quality.models")
    by_language = {resolve(name).code: values for name, values in r.quality.languages.items()}
    blocklists = tuple(list_of(name, **_fields(section)) for name, section in r.urls.blocklists.items())
    if not r.run.crawl_prefix:
        raise ValueError(f"run.crawl_prefix must be a URL or folder, such as {CRAWL_PREFIX!r} or 's3://commoncrawl/'")
    if r.run.merge_parts < 1 or r.run.site_ranges < 1 or r.run.task_timeout_s <= 0:
        raise ValueError("run: merge_parts, site_ranges and task_timeout_s must be above 0")
    if r.dedup.task_bytes < 1:
        raise ValueError("dedup.task_bytes must be above 0")
    bands, rows = r.dedup.bands, r.dedup.rows
    if r.dedup.similarity:
        if (bands, rows) != (MinHash.bands, MinHash.rows):
            raise ValueError("dedup: give either similarity, or bands and rows")
        bands, rows = derive(r.dedup.similarity)
    return Config(
        run=replace(r.run, languages=codes),
        ingest=Ingest(
            languages=codes, langid=single, urls=UrlRules(blocklists, r.urls.block, r.urls.allow), **_fields(r.ingest)
        ),
        langid=langid,
        trimming=Trimming(single) if r.langid.trim else None,
        minhash=MinHash(r.dedup.shingle_words, bands, rows, sketch=r.dedup.verify > 0),
        tasks=Tasks(r.dedup.task_bytes, r.run.merge_parts),
        election=Election(r.dedup.elect, r.dedup.verify),
        addresses=Addresses(r.dedup.urls),
        lines=Lines(r.dedup.lines),
        building=Building(r.dedup.earlier, r.dedup.mode),
        reserving=OptOut(r.ingest.opt_out, r.ingest.agents),
        scoring=Scoring(tuple(sorted((code, model) for code, model in classifiers.items() if code in codes))),
        cutting=Cutting(r.quality.keep_share, tuple(sorted(keep_shares.items()))),
        rules=Rules(
            codes,
            r.langid.min_line_share,
            r.langid.min_line_share_doubted,
            resolve_thresholds(r.quality.thresholds, by_language),
            r.decontamination.min_ngrams,
            r.pii.max_per_100_words,
            r.pii.few,
        ),
        screening=resolve_filters(r.filter.datatrove, codes),
        spotting=Spotting(chosen_kinds(r.pii.kinds), r.pii.ner, source_hash(r.pii.ner)),
        redaction=Redaction(_style(r.pii), r.run.seed),
        decontamination=_decontamination(r.decontamination),
        card=Card(**{f.name: getattr(r.publish, f.name) for f in fields(Card)}),
        drawing=Drawing(r.report.samples, seed=r.run.seed),
        **_balanced(r, bool(classifiers)),
    )


def _balanced(r: Recipe, scored: bool) -> dict[str, Any]:
    """[balance] and [publish] -> the part of Config that the dataset is made by. `scored`: the pages have classifiers' scores."""
    b, p = r.balance, r.publish
    fixed = {resolve(name).code: amount for name, amount in b.fixed.items()}
    if b.select == "score" and not scored:
        raise ValueError("balance.select: 'score' needs a classifier: name one under [quality] models")
    if b.unit == "tokens" and not b.tokenizer:
        raise ValueError("balance.unit: 'tokens' needs the path of a tokenizer.json as balance.tokenizer")
    return {
        "balance": Balance(
            b.strategy, b.budget, b.unit, b.max_epochs, b.alpha, tuple(sorted(fixed.items())), b.anchors
        ),
        "tokenizer": local_tokenizer(b.tokenizer, b.tokenizer_sha256) if b.tokenizer else None,
        "selection": Selection(b.select, b.rehydrate, p.validation, p.test),
        "packing": Packing(p.shard_bytes, p.repeats == "physical"),
        "publish": Publish(p.dump, p.repeats),
    }


def local_tokenizer(place: str, sha256: str = "") -> Tokenizer:
    """A tokenizer.json, known by its digest, which a local file tells itself. ValueError: it is not there, or a URL without one."""
    if "://" in place:
        if not sha256:
            raise ValueError("balance.tokenizer_sha256: a tokenizer that is fetched from a URL needs its digest")
        return Tokenizer(sha256, place)
    path = Path(place).expanduser().resolve()
    if not path.is_file():
        raise ValueError(f"balance.tokenizer: there is no file {place!r}")
    return Tokenizer(sha256 or hashlib.sha256(path.read_bytes()).hexdigest(), str(path))


def _decontamination(section: DecontaminationSection) -> Decontamination:
    benchmarks = []
    for name, one in sorted(section.benchmarks.items()):
        where = f"decontamination.benchmarks.{name}"
        if bool(one.file) == bool(one.url) or (one.url and "://" not in one.url) or "://" in one.file:
            raise ValueError(f"{where}: give either `file`, a local path, or `url`")
        if not re.fullmatch("[0-9a-f]{64}", one.sha256):
            raise ValueError(f"{where}.sha256: {one.sha256!r} is not a digest of 64 hex digits")
        if not re.fullmatch(r"[\w.-]+", name):
            raise ValueError(f"{where}: a name is of letters, digits, and . _ -, as it is part of verdicts")
        place = one.url or str(Path(one.file).expanduser().resolve())
        benchmarks.append(Benchmark(name, one.sha256, one.fields, place))
    return Decontamination(tuple(benchmarks), section.ngram, section.min_ngrams)


def _style(p: PiiSection) -> Style:
    """With the fingerprint of the secret, which shows that it is there."""
    style = Style(p.style, p.tag, p.key_env)
    return replace(style, key=fingerprint(secret(style))) if p.key_env else style


def _fields(section: Any) -> dict[str, Any]:
    return {f.name: getattr(section, f.name) for f in fields(section)}
