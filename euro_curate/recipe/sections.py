"""A recipe as it is written: a dataclass for each section, whose defaults are those of the stages."""

from dataclasses import dataclass, field
from typing import Any

from pydantic import ConfigDict

from euro_curate.balance import ANCHORS, Balance, Packing, Selection
from euro_curate.contamination import Benchmark, Decontamination
from euro_curate.dedup import Addresses, Election, Lines, MinHash
from euro_curate.duplicates import Tasks
from euro_curate.earlier import Building
from euro_curate.ingest import CRAWL_PREFIX, Ingest
from euro_curate.langid import LangId
from euro_curate.models import Model
from euro_curate.pii import GROUPS, Style
from euro_curate.publish import Card, Publish
from euro_curate.report import Drawing
from euro_curate.score import Cutting
from euro_curate.verdict import Rules

_STRICT = ConfigDict(extra="forbid", strict=True)


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
