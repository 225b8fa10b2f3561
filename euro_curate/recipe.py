"""Recipes: TOML files that say what a run does. Every key is checked before anything starts."""

import difflib
import hashlib
import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, is_dataclass, replace
from pathlib import Path
from typing import Any, get_args

from pydantic import ConfigDict, TypeAdapter, ValidationError

from euro_curate.balance import ANCHORS, Balance, Packing, Selection, Tokenizer
from euro_curate.contamination import Benchmark, Decontamination
from euro_curate.dedup import Addresses, Election, Lines, MinHash, derive
from euro_curate.duplicates import Tasks
from euro_curate.earlier import Building
from euro_curate.ingest import CRAWL_PREFIX, Ingest, UrlRules, list_of
from euro_curate.langid import LangId, Trimming, default_scores, identifier
from euro_curate.languages import resolve, select
from euro_curate.models import Model, entry
from euro_curate.optout import OptOut
from euro_curate.pii import GROUPS, Redaction, Spotting, Style, chosen_kinds, fingerprint, secret, source_hash
from euro_curate.publish import Card, Publish
from euro_curate.report import Drawing
from euro_curate.resources import bundled
from euro_curate.score import Cutting, Scoring
from euro_curate.screening import Screening, resolve_filters
from euro_curate.shards import read_bytes
from euro_curate.verdict import Rules, resolve_thresholds

_STRICT = ConfigDict(extra="forbid", strict=True)


class RecipeError(ValueError):
    """A recipe that cannot be run; the message names the key."""


@dataclass(frozen=True)
class RunSection:
    """[run]"""

    __pydantic_config__ = _STRICT
    inputs: tuple[str, ...] = ()  # paths, globs or URLs of crawl or text files; lists of them; cc://CRAWL
    crawl_prefix: str = CRAWL_PREFIX  # what cc:// and the lines of lists are relative to
    output: str = ""  # folder or URL
    languages: tuple[str, ...] = ()  # any spelling of the 24; none = all
    seed: int = 1  # of the dataset's shuffle
    merge_parts: int = 256  # parts combined before a gather reads ranges of them
    site_ranges: int = (
        16  # tasks in which pages meet their sites' robots.txt: more for more sites than one machine's memory holds
    )
    task_timeout_s: float = 7200.0  # for one part of one stage


@dataclass(frozen=True)
class IngestSection:
    """[ingest]: see ingest/page.py"""

    __pydantic_config__ = _STRICT
    gate: bool = Ingest.gate
    min_bytes: int = Ingest.min_bytes
    max_bytes: int = Ingest.max_bytes
    min_plain_chars: int = Ingest.min_plain_chars
    opt_out: tuple[str, ...] = Ingest.opt_out
    agents: tuple[str, ...] = Ingest.agents
    max_tags: int = Ingest.max_tags
    extractor: str = Ingest.extractor
    fast: bool = Ingest.fast
    precision: bool = Ingest.precision
    tables: bool = Ingest.tables
    page_timeout_s: float = Ingest.page_timeout_s
    page_memory_bytes: int = Ingest.page_memory_bytes


@dataclass(frozen=True)
class BlocklistSection:
    """[urls.blocklists.<name>]: see ingest/urls.py"""

    __pydantic_config__ = _STRICT
    file: str = ""  # local file, or folder in UT1's layout, the same on every machine; or else ...
    url: str = ""  # ... where each machine fetches it from
    sha256: str = ""  # of the file; none = that of a local one's present content
    category: str = ""  # of the verdict, url:<category>; none = the list's name


@dataclass(frozen=True)
class UrlsSection:
    """[urls]: see ingest/urls.py"""

    __pydantic_config__ = _STRICT
    blocklists: dict[str, BlocklistSection] = field(default_factory=dict)
    block: tuple[str, ...] = ()
    allow: tuple[str, ...] = ()


@dataclass(frozen=True)
class LangIdSection:
    """[langid]: see langid.py"""

    __pydantic_config__ = _STRICT
    model: str = LangId.model
    agree: str = ""  # a second model, which must give a page the same label
    trim: bool = False  # take lines that are clearly in another language out of a page's text
    neighbour_score: float = LangId.neighbour_score
    min_line_share: float = Rules.min_line_share
    min_line_share_doubted: float = Rules.min_line_share_doubted
    min_score: dict[str, float] = field(default_factory=dict)  # language -> threshold


@dataclass(frozen=True)
class DedupSection:
    """[dedup]: see dedup.py"""

    __pydantic_config__ = _STRICT
    shingle_words: int = MinHash.shingle_words
    bands: int = MinHash.bands
    rows: int = MinHash.rows
    similarity: float = 0.0  # instead of bands and rows: the similarity of which nine of ten pairs are to be found
    elect: tuple[str, ...] = Election.elect
    verify: float = Election.verify
    urls: str = Addresses.keep
    lines: int = Lines.max_pages
    earlier: tuple[str, ...] = Building.outputs
    mode: str = Building.mode
    task_bytes: int = Tasks.task_bytes


@dataclass(frozen=True)
class QualitySection:
    """[quality]: rule -> threshold for all languages, [quality.languages.<language>] for one; see verdict.py"""

    __pydantic_config__ = _STRICT
    thresholds: dict[str, float] = field(default_factory=dict)
    languages: dict[str, dict[str, float]] = field(default_factory=dict)
    models: dict[str, str] = field(default_factory=dict)  # language -> its classifier; see score.py
    keep_share: float = Cutting.keep_share
    keep_shares: dict[str, float] = field(default_factory=dict)  # language -> its own


@dataclass(frozen=True)
class ModelSection:
    """[models.<name>]: see models.py"""

    __pydantic_config__ = _STRICT
    sha256: str
    file: str = ""  # local path, the same on every machine; or else ...
    url: str = ""  # ... where each machine fetches it from
    licence: str = ""  # for the record
    kind: str = Model.kind  # langid | quality
    label: str = ""  # of a quality classifier: the label whose probability is the score
    normalisation: str = ""  # of a language model: 1 (default), squeeze or clean; see FORMS in langid.py
    label_map: str = ""  # of a language model: a table of langid_models/labels.toml; none = its labels are ours


@dataclass(frozen=True)
class FilterSection:
    """[filter.datatrove]: filter -> keyword arguments, in the order tried; see screening.py"""

    __pydantic_config__ = _STRICT
    datatrove: dict[str, dict[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class PiiSection:
    """[pii]: see pii/"""

    __pydantic_config__ = _STRICT
    kinds: tuple[str, ...] = (*GROUPS, "national")
    style: str = Style.style
    tag: str = Style.tag
    key_env: str = ""  # environment variable with the secret of style "pseudonym"
    max_per_100_words: float = Rules.max_pii_per_100_words
    few: int = Rules.few_pii
    ner: str = ""  # package.module:function that finds names; see pii/names.py


@dataclass(frozen=True)
class BenchmarkSection:
    """[decontamination.benchmarks.<name>]: see contamination.py"""

    __pydantic_config__ = _STRICT
    sha256: str
    file: str = ""  # local path, the same on every machine; or else ...
    url: str = ""  # ... where each machine fetches it from
    fields: tuple[str, ...] = Benchmark.fields


@dataclass(frozen=True)
class DecontaminationSection:
    """[decontamination]: see contamination.py"""

    __pydantic_config__ = _STRICT
    ngram: int = Decontamination.ngram
    min_ngrams: int = Decontamination.min_ngrams
    benchmarks: dict[str, BenchmarkSection] = field(default_factory=dict)


@dataclass(frozen=True)
class BalanceSection:
    """[balance]: see balance/"""

    __pydantic_config__ = _STRICT
    strategy: str = Balance.strategy
    budget: int = Balance.budget
    unit: str = Balance.unit
    max_epochs: float = Balance.max_epochs
    alpha: float = Balance.alpha
    fixed: dict[str, float] = field(default_factory=dict)  # language -> amount, or proportion of the budget
    anchors: tuple[tuple[float, float, float], ...] = ANCHORS
    tokenizer: str = ""  # a tokenizer.json: local path, or URL
    tokenizer_sha256: str = ""  # needed for a URL
    select: str = Selection.by
    rehydrate: tuple[tuple[int, int], ...] = Selection.rehydration


@dataclass(frozen=True)
class PublishSection:
    """[publish]: see publish/"""

    __pydantic_config__ = _STRICT
    dump: str = Publish.dump
    shard_bytes: int = Packing.shard_bytes
    repeats: str = Publish.repeats
    validation: float = Selection.validation
    test: float = Selection.test
    title: str = Card.title
    licence: str = Card.licence
    creator: str = Card.creator
    url: str = Card.url
    version: str = Card.version
    date: str = Card.date
    citation: str = Card.citation


@dataclass(frozen=True)
class ReportSection:
    """[report]: see report/draw.py"""

    __pydantic_config__ = _STRICT
    samples: int = Drawing.samples


@dataclass(frozen=True)
class Recipe:
    """The file as written."""

    __pydantic_config__ = _STRICT
    run: RunSection = field(default_factory=RunSection)
    ingest: IngestSection = field(default_factory=IngestSection)
    urls: UrlsSection = field(default_factory=UrlsSection)
    langid: LangIdSection = field(default_factory=LangIdSection)
    dedup: DedupSection = field(default_factory=DedupSection)
    quality: QualitySection = field(default_factory=QualitySection)
    filter: FilterSection = field(default_factory=FilterSection)
    pii: PiiSection = field(default_factory=PiiSection)
    decontamination: DecontaminationSection = field(default_factory=DecontaminationSection)
    balance: BalanceSection = field(default_factory=BalanceSection)
    publish: PublishSection = field(default_factory=PublishSection)
    report: ReportSection = field(default_factory=ReportSection)
    models: dict[str, ModelSection] = field(default_factory=dict)


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


def find_recipe(name: str) -> bytes:
    """A recipe's bytes: a path or URL, or the name of a bundled one (`web`, `web.toml`, `pipelines/web.toml`)."""
    try:
        data = read_bytes(name)
    except (IsADirectoryError, PermissionError, ImportError, ValueError) as error:
        raise RecipeError(f"recipe {name!r} cannot be read: {error}") from error
    if data is not None:
        return data
    base = name.removeprefix("pipelines/").removesuffix(".toml")
    bundle = sorted(path.stem for path in bundled("pipelines").glob("*.toml"))
    if base in bundle:
        return bundled("pipelines", f"{base}.toml").read_bytes()
    raise RecipeError(f"no recipe {name!r}; bundled recipes: {', '.join(bundle)}")


def load(name: str, settings: Mapping[str, Any] | None = None) -> Config:
    """Recipe file plus settings ("section.key" -> value, which win) -> Config. RecipeError names the wrong key and the closest right one."""
    try:
        raw = tomllib.loads(find_recipe(name).decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RecipeError(f"{name} is not valid TOML: {error}") from error
    for dotted, value in (settings or {}).items():
        place = raw
        *path, last = dotted.split(".")
        for step in path:
            place = place.setdefault(step, {})
            if not isinstance(place, dict):
                raise RecipeError(f"--set {dotted}: {step!r} is not a section")
        place[last] = value
    return configure(raw)


def parse_setting(text: str) -> tuple[str, Any]:
    """`section.key=value` -> (key, value). The value is TOML; what is no TOML value is taken as a string."""
    key, equals, value = text.partition("=")
    if not equals or "." not in key:
        raise RecipeError(f"--set {text!r}: expected section.key=value, such as balance.budget=1000000")
    try:
        return key.strip(), tomllib.loads(f"value = {value.strip()}")["value"]
    except tomllib.TOMLDecodeError:
        return key.strip(), value.strip()


def configure(raw: Mapping[str, Any]) -> Config:
    """The recipe's tables -> Config."""
    try:
        recipe = TypeAdapter(Recipe).validate_json(json.dumps(raw, default=str), strict=True)
    except ValidationError as error:
        raise RecipeError("; ".join(_explain(dict(problem)) for problem in error.errors()[:5])) from None
    try:
        return _config(recipe)
    except ValueError as error:
        raise RecipeError(str(error)) from None


def _config(r: Recipe) -> Config:
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
        **balanced(r, bool(classifiers)),
    )


def balanced(r: Recipe, scored: bool) -> dict[str, Any]:
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


def _explain(problem: dict[str, Any]) -> str:
    """One validation problem in a user's words."""
    where = ".".join(str(step) for step in problem["loc"])
    if problem["type"] in ("unexpected_keyword_argument", "extra_forbidden"):
        section: Any = Recipe
        for step in problem["loc"][:-1]:
            if is_dataclass(section):
                section = next((f.type for f in fields(section) if f.name == step), None)
            else:  # a table of tables: its values' type
                section = get_args(section)[-1]
        names = [f.name for f in fields(section)] if section is not None and is_dataclass(section) else []
        close = difflib.get_close_matches(str(problem["loc"][-1]), names, n=1, cutoff=0.4)
        hint = f"did you mean {close[0]!r}? " if close else ""
        return f"unknown key {where!r}: {hint}Keys here: {', '.join(names)}"
    return f"{where}: {problem['msg'][0].lower()}{problem['msg'][1:]}, not {problem['input']!r}"
