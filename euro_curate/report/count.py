"""What the report counts: map stages that make small tables of each part, and gathers that add them up.

COUNTS by topic (`pages` is a count of pages everywhere; `language` is the page's label, or one of the 24 and `other` where marked *):

| topic | name | bin | amount | further |
|---|---|---|---|---|
| verdict | the verdict | | words | bytes as stored in the crawl |
| measure | the measure; the 24 languages only | scales.py | | |
| second | the runner-up label; the 24 languages only | | sum of scores, in millionths | sum of the runner-up's, in millionths |
| clusters * | `representative` | log2 of the cluster's size | pages in these clusters | |
| opt_out * | the signal and where it stood, `noai=meta` | | | |
| pii * | the kind | | findings | |
"""

from dataclasses import dataclass

import numpy as np
import polars as pl
import pyarrow as pa
import xxhash

from euro_curate.languages import OTHER, languages
from euro_curate.pii import redact_text
from euro_curate.report.scales import BINS, bins
from euro_curate.schema import COUNTS, HOSTS, QUALITIES
from euro_curate.stage import stage

DOCUMENT_COLUMNS = ("id", "bytes_in", "opt_out")
RESERVATION_COLUMNS = ("id", "found")
HOST_COLUMNS = ("id", "url", "host")
VERDICT_COLUMNS = ("id", "language", "verdict", "cluster_size", "duplicate_of")
HOST_RANGES = 16  # gathers that each add up a sixteenth of the hosts
TOP_HOSTS = 30  # of those with most pages that passed, and of those with most dropped ones

_KEYS = ("topic", "language", "name", "passed", "bin")
_SUMS = ("pages", "amount", "further")


@dataclass(frozen=True)
class Counting:
    """Parameters of `count`: none."""


@dataclass(frozen=True)
class Totalling:
    """Parameters of the sums: none."""


@stage(out=COUNTS, version=2, rows="free")
def count(
    verdicts: pa.Table,
    documents: pa.Table,
    langs: pa.Table,
    qualities: pa.Table,
    spots: pa.Table,
    reservations: pa.Table,
    params: Counting,
) -> pa.Table:
    """VERDICTS, DOCUMENTS, LANGUAGES, QUALITIES, SPOTS of the same pages (n, without texts), the RESERVATIONS of their sites -> COUNTS.

    ValueError if the tables are of different pages.
    """
    for table in (documents, langs, qualities, spots):
        if not table["id"].equals(verdicts["id"]):
            raise ValueError("count: the tables are of different pages")
    known = list(languages())
    pages = pl.concat(
        [
            _frame(verdicts).select(VERDICT_COLUMNS),
            _frame(documents).select("bytes_in", "opt_out"),
            _frame(langs).select("score", "second", "second_score"),
            _frame(qualities).select("words"),
        ],
        how="horizontal",
    ).with_columns(passed=_passed(), ours=pl.col("language").is_in(known))
    pages = pages.with_columns(group=pl.when("ours").then("language").otherwise(pl.lit(OTHER)))
    millionths = [(pl.col(name) * 1e6).round().cast(pl.Int64) for name in ("score", "second_score")]
    by_site = _frame(reservations).select("id", "found").unique("id", keep="first", maintain_order=True)
    said = pl.concat_str("opt_out", "found", separator="; ", ignore_nulls=True)
    signals = (
        pages.join(by_site, on="id", how="left")
        .filter(said.ne(""))
        .with_columns(signal=said.str.split("; ").list.eval(pl.element().str.split(":").list.first()).list.unique())
    )
    parts = [
        _long(pages, "verdict", pl.col("verdict"), amount=pl.col("words"), further=pl.col("bytes_in")),
        _long(
            pages.filter(pl.col("ours") & pl.col("second").is_not_null()),
            "second",
            pl.col("second"),
            amount=millionths[0],
            further=millionths[1],
        ),
        _long(
            pages.filter((pl.col("cluster_size") > 1) & pl.col("duplicate_of").is_null()),
            "clusters",
            pl.lit("representative"),
            language=pl.col("group"),
            bin=pl.col("cluster_size").log(2).floor(),
            amount=pl.col("cluster_size"),
        ),
        _long(signals.explode("signal"), "opt_out", pl.col("signal"), language=pl.col("group")),
        *_histograms(pages, qualities, known),
        _kinds(pages, spots),
    ]
    return _arrow(_summed(pl.concat(parts)), COUNTS)


def _passed() -> pl.Expr:
    return pl.col("verdict").eq("kept") | pl.col("verdict").str.starts_with("budget:")


def _long(
    pages: pl.DataFrame,
    topic: str,
    name: pl.Expr,
    language: pl.Expr | None = None,
    bin: pl.Expr | None = None,
    amount: pl.Expr | None = None,
    further: pl.Expr | None = None,
) -> pl.DataFrame:
    zero = pl.lit(0)
    rows = pages.select(
        topic=pl.lit(topic),
        language=pl.col("language") if language is None else language,
        name=name,
        passed="passed",
        bin=(zero if bin is None else bin).cast(pl.Int32),
        pages=pl.lit(1, pl.Int64),
        amount=(zero if amount is None else amount).cast(pl.Int64).fill_null(0),
        further=(zero if further is None else further).cast(pl.Int64).fill_null(0),
    )
    return _summed(rows)


def _histograms(pages: pl.DataFrame, qualities: pa.Table, known: list[str]) -> list[pl.DataFrame]:
    """Every measure of the pages that have text and are in one of the 24 languages: one integer names language, fate and bin."""
    with_text = pages["ours"].to_numpy() & pages["words"].is_not_null().to_numpy()
    if not with_text.any():
        return []
    number = {code: i for i, code in enumerate(known)}
    rows = pages.filter(pl.Series(with_text))
    cell = (np.array([number[code] for code in rows["language"]]) * 2 + rows["passed"].to_numpy()) * BINS
    out = []
    for name in QUALITIES.names[1:]:
        values = qualities[name].cast(pa.float64()).to_numpy(zero_copy_only=False)[with_text]
        counted = np.bincount(cell + bins(name, values), minlength=len(known) * 2 * BINS)
        at = np.flatnonzero(counted)
        out.append(
            pl.DataFrame(
                {
                    "topic": "measure",
                    "language": [known[i] for i in at // (2 * BINS)],
                    "name": name,
                    "passed": at // BINS % 2 == 1,
                    "bin": (at % BINS).astype(np.int32),
                    "pages": counted[at],
                    "amount": np.zeros(len(at), np.int64),
                    "further": np.zeros(len(at), np.int64),
                }
            )
        )
    return out


def _kinds(pages: pl.DataFrame, spots: pa.Table) -> pl.DataFrame:
    """Findings by kind, one row a page and kind."""
    found = pages.select("id", "group", "passed").with_columns(_frame(spots)["found"])
    found = found.explode("found").filter(pl.col("found").is_not_null()).unnest("found")
    each = found.group_by("id", "group", "passed", "kind").agg(findings=pl.len())
    return _long(each, "pii", pl.col("kind"), language=pl.col("group"), amount=pl.col("findings"))


@stage(out=COUNTS, version=1, rows="free")
def total(counts: pa.Table, params: Totalling) -> pa.Table:
    """COUNTS of some parts -> their sum, sorted."""
    return _arrow(_summed(_frame(counts)), COUNTS)


@stage(out=HOSTS, version=1, rows="free")
def count_hosts(verdicts: pa.Table, documents: pa.Table, params: Totalling) -> pa.Table:
    """VERDICTS, DOCUMENTS (n, without texts) -> HOSTS. Pages without a URL, forgotten ones among them, are left out."""
    pages = _frame(verdicts).select("verdict").hstack(_frame(documents).select("url", "host"))
    pages = pages.with_columns(passed=_passed())
    pages = pages.filter(
        pl.col("url").is_not_null() & pl.col("host").is_not_null() & ~pl.col("verdict").str.starts_with("forgotten:")
    )
    sums = pages.group_by("host").agg(pl.col("passed").sum(), dropped=(~pl.col("passed")).sum()).sort("host")
    order = [xxhash.xxh3_64_intdigest(host) for host in sums["host"]]
    return _sorted_hosts(sums.with_columns(order=pl.Series(order, dtype=pl.UInt64)))


@stage(out=HOSTS, version=1, rows="free")
def total_hosts(hosts: pa.Table, params: Totalling) -> pa.Table:
    """HOSTS of some parts -> their sum."""
    return _sorted_hosts(_frame(hosts).group_by("host", "order").agg(pl.col("passed", "dropped").sum()))


@stage(out=HOSTS, version=1, rows="free")
def top_hosts(hosts: pa.Table, params: Totalling) -> pa.Table:
    """HOSTS of whole ranges of the order -> the few with the most pages that passed, and with the most dropped ones. An address that is
    personal data (an IP address) is replaced, and its hash with it."""
    sums = _frame(hosts).group_by("host", "order").agg(pl.col("passed", "dropped").sum())
    most = [
        sums.sort([name, "host"], descending=[True, False]).filter(pl.col(name) > 0).head(TOP_HOSTS)
        for name in ("passed", "dropped")
    ]
    best = pl.concat(most).unique()
    shown = pl.Series("host", [redact_text(host)[0] for host in best["host"]], dtype=pl.String)
    best = best.with_columns(shown, order=pl.when(shown.eq(best["host"])).then("order").otherwise(pl.lit(0, pl.UInt64)))
    return _sorted_hosts(best.group_by("host", "order").agg(pl.col("passed", "dropped").sum()))


def _sorted_hosts(frame: pl.DataFrame) -> pa.Table:
    return _arrow(frame.sort("order", "host"), HOSTS)


def _summed(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.group_by(_KEYS).agg(pl.col(_SUMS).sum()).sort(_KEYS)


def _frame(table: pa.Table) -> pl.DataFrame:
    frame = pl.from_arrow(table)
    assert isinstance(frame, pl.DataFrame)
    return frame


def _arrow(frame: pl.DataFrame, schema: pa.Schema) -> pa.Table:
    return frame.select(schema.names).to_arrow(compat_level=pl.CompatLevel.oldest()).cast(schema)
