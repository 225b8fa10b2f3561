"""calibrate(): thresholds for each language from documents and clean text, and what they would drop.

The methods are FineWeb-2's (arXiv 2506.20920, section 4.4), named in verdict.RULES for each rule and overridable:

- `fixed`: the rule's own default, for every language.
- `mean_std`: t = mean + n std, where n is how many standard deviations the default lies from the English mean. On the documents.
- `tail:S` (10Tail is `tail:0.1`): the share S of the clean text lies beyond t.
- `quantile`: t is the quantile of the clean text that the default is of the English one.
- `median_ratio`: t = default x median / English median. On the clean text. (Also HPLT 2's.)
- language_score: median - std of the documents' scores, between 0.3 and 0.9.

FineWeb-2's thresholds, computed so, delete most Maltese: a threshold that drops more than `max_drop` of a language's clean text is loosened
until it does not, whatever its method. Thresholds are rounded to three digits, to the loose side.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from euro_curate.calibrate.read import SCORE, CannotCalibrate
from euro_curate.languages import languages
from euro_curate.verdict import RULES, Rule, Thresholds, first_broken, resolve_thresholds

METHODS = ("fixed", "mean_std", "tail:SHARE", "quantile", "median_ratio")
ENGLISH = "eng_Latn"
SCORE_FLOOR, SCORE_CEILING = 0.3, 0.9

# What FineWeb-2 chose (its section 4.4), for `--method fineweb2`.
FINEWEB2 = {
    **dict.fromkeys(("duplicate_lines", "top_2gram", "top_3gram", "top_4gram"), "mean_std"),
    **{f"duplicate_{n}gram": "mean_std" for n in range(5, 11)},
    **dict.fromkeys(("punctuated_lines", "newlines_per_word"), "tail:0.1"),
    **dict.fromkeys(("min_mean_word_length", "max_mean_word_length", "alpha_words"), "quantile"),
    SCORE: "median-std",
}

Values = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Plan:
    """How to calibrate."""

    methods: Mapping[str, str] = field(default_factory=dict)  # rule -> method, where it is not the rule's own
    # only these; none = all that are on, and those that `methods` names. SCORE only if it is named
    rules: Sequence[str] = ()
    max_drop: float = 0.01  # share of a language's clean text that one rule may drop
    min_pages: int = 30  # of clean text; a language with fewer keeps its thresholds


class Proposal(NamedTuple):
    """One threshold of one language, as it is and as calibrated, and the share of the documents beyond each."""

    rule: str
    language: str
    method: str
    old: float | None  # None = the rule is off
    new: float
    drops_old: float
    drops_new: float


@dataclass(frozen=True)
class Calibration:
    """What calibrate() found."""

    proposals: list[Proposal]
    pages: dict[str, tuple[int, int]]  # language -> (documents, pages of clean text)
    documents_drop: dict[str, tuple[float, float]]  # language -> share of documents dropped by all rules: old, new
    clean_drop: dict[str, tuple[float, float]]  # the same for the clean text
    warnings: list[str]


def threshold(
    rule: Rule, method: str, documents: Mapping[str, Values], clean: Mapping[str, Values]
) -> dict[str, float]:
    """One rule's threshold by language, by one method, before any loosening. `documents`, `clean`: the measure's values by language.

    A rule that is off gets thresholds from `tail` alone, as the others start from its default. CannotCalibrate: no such method, no English.
    """
    name, _, argument = method.partition(":")
    if name == "tail":
        share = float(argument or 0.1)
        return {code: float(np.quantile(v, share if rule.low else 1 - share)) for code, v in clean.items()}
    if name not in ("fixed", "mean_std", "quantile", "median_ratio") or argument:
        raise CannotCalibrate(f"no method {method!r}; choices: {', '.join(METHODS)}, or fineweb2 for all rules")
    if rule.default is None:
        raise CannotCalibrate(
            f"{rule.name} is off: it has no default that {method!r} could carry over from English; use tail:SHARE"
        )
    start = rule.default
    if name == "fixed":
        return dict.fromkeys(clean, start)
    values = documents if name == "mean_std" else clean
    english = values.get(ENGLISH)
    if english is None or not len(english):
        raise CannotCalibrate(
            f"{method} of {rule.name} starts from English, and there is no English text of enough lines"
        )
    if name == "mean_std":
        steps = (start - english.mean()) / (english.std() or 1.0)
        return {code: float(v.mean() + steps * v.std()) for code, v in values.items() if len(v)}
    if name == "quantile":
        place = float(np.mean(english < start if rule.low else english <= start))
        return {code: float(np.quantile(v, place)) for code, v in values.items() if len(v)}
    middle = float(np.median(english)) or 1.0
    return {code: start * float(np.median(v)) / middle for code, v in values.items() if len(v)}


def loosened(rule: Rule, limit: float, clean: Values, pages: int, max_drop: float) -> float:
    """`limit`, moved until at most `max_drop` of the clean pages lie beyond it, and rounded to three digits on the loose side.

    `clean`: the values of the pages that the rule is tried on; `pages`: all of them, which the share is of.
    """
    allowed = int(max_drop * pages)
    ordered = np.sort(clean) if rule.low else -np.sort(-clean)
    if allowed < len(ordered):
        edge = float(ordered[allowed])  # the first value that has to pass
        limit = min(limit, edge) if rule.low else max(limit, edge)
    scale = 10.0 ** (2 - int(np.floor(np.log10(max(abs(limit), 1e-4)))))  # three digits, and no more than six decimals
    scaled = float(f"{limit * scale:.6f}")  # 0.15 * 1000 is not 150: rounding must not move a round figure
    return float(np.floor(scaled) if rule.low else np.ceil(scaled)) / scale


def calibrate(documents: pl.DataFrame, clean: pl.DataFrame, plan: Plan) -> Calibration:
    """read_measures of the user's documents, and of clean text (the same frame if there is none) -> thresholds and what they drop."""
    old = resolve_thresholds({}, {})
    now = {code: dict(values) for code, values in old}
    methods = {rule.name: plan.methods.get(rule.name, rule.method) for rule in RULES}
    chosen = [rule for rule in RULES if _chosen(rule, plan)]
    unknown = sorted({*plan.rules, *plan.methods} - {rule.name for rule in RULES} - {SCORE})
    if unknown:
        raise CannotCalibrate(f"no rule {unknown[0]!r}; choices: {', '.join([*(rule.name for rule in RULES), SCORE])}")
    of_documents, of_clean = _by_language(documents), _by_language(clean)
    ready = [code for code in languages() if code in of_clean and len(of_clean[code]) >= plan.min_pages]
    warnings = [
        f"{languages()[code].name}: {len(of_clean.get(code, ())):,} pages of clean text, {plan.min_pages} needed: its thresholds stay"
        for code in languages()
        if code not in ready and code in of_documents
    ]
    proposals: list[Proposal] = []
    for rule in chosen:
        values = {code: _values(of_clean[code], rule) for code in ready}
        crawl = {code: _values(of_documents[code], rule) for code in ready if code in of_documents}
        if rule.min_lines:  # languages with next to no page of so many lines
            values = {code: v for code, v in values.items() if len(v) >= plan.min_pages}
        for code, limit in threshold(rule, methods[rule.name], crawl, values).items():
            if code in values:
                new = loosened(rule, limit, values[code], len(of_clean[code]), plan.max_drop)
                before = now[code].get(rule.name)
                shares = [_share(of_documents.get(code), rule, t) for t in (before, new)]
                proposals.append(Proposal(rule.name, code, methods[rule.name], before, new, *shares))
    proposals += _scores(of_documents, plan)
    after = {code: dict(values) for code, values in now.items()}
    for found in proposals:
        if found.rule != SCORE:
            after[found.language][found.rule] = found.new
    proposed = tuple((code, tuple(sorted(values.items()))) for code, values in after.items())
    drops, clean_drops = (
        {code: (_dropped(frame, code, old), _dropped(frame, code, proposed)) for code, frame in frames.items()}
        for frames in (of_documents, of_clean)
    )
    warnings += _unfair(drops)
    pages = {code: (len(of_documents.get(code, ())), len(of_clean.get(code, ()))) for code in languages()}
    return Calibration(proposals, pages, drops, clean_drops, warnings)


def _chosen(rule: Rule, plan: Plan) -> bool:
    if plan.rules:
        return rule.name in plan.rules
    return rule.name in plan.methods or (rule.default is not None and rule.measure not in ("words", "longest_word"))


def _by_language(frame: pl.DataFrame) -> dict[str, pl.DataFrame]:
    return {str(key[0]): part for key, part in frame.partition_by("language", as_dict=True).items()}


def _values(frame: pl.DataFrame, rule: Rule) -> Values:
    """The measure on the pages that the rule is tried on."""
    return frame.filter(pl.col("lines") >= rule.min_lines)[rule.measure].cast(pl.Float64).to_numpy()


def _share(frame: pl.DataFrame | None, rule: Rule, limit: float | None) -> float:
    """Share of the pages beyond a threshold."""
    if frame is None or limit is None or not len(frame):
        return 0.0
    values = _values(frame, rule)
    return float(np.sum(values < limit if rule.low else values > limit)) / len(frame)


def _dropped(frame: pl.DataFrame, code: str, thresholds: Thresholds) -> float:
    """Share of the pages that break any rule but those on length."""
    length = {rule.name for rule in RULES if rule.measure == "words"}
    free = tuple((c, tuple(t for t in values if t[0] not in length)) for c, values in thresholds)
    return float(np.mean(first_broken(frame.to_arrow(), [code] * len(frame), free) >= 0))


def _scores(documents: Mapping[str, pl.DataFrame], plan: Plan) -> list[Proposal]:
    """min_language_score: median - std, clipped, on the documents that have a score."""
    if SCORE not in (*plan.rules, *plan.methods):
        return []
    out = []
    for code, frame in documents.items():
        values = frame[SCORE].drop_nulls().to_numpy()
        if len(values) < plan.min_pages:
            continue
        new = float(np.clip(np.median(values) - values.std(), SCORE_FLOOR, SCORE_CEILING))
        new, old = float(np.floor(new * 1000) / 1000), languages()[code].min_language_score
        out.append(
            Proposal(SCORE, code, "median-std", old, new, float(np.mean(values < old)), float(np.mean(values < new)))
        )
    return out


def _unfair(drops: Mapping[str, tuple[float, float]]) -> list[str]:
    """Languages that would lose more than twice what the median language does; and those of which most would go."""
    if not drops:
        return []
    median = float(np.median([new for _, new in drops.values()]))
    out = []
    for code, (_, new) in drops.items():
        name = languages()[code].name
        if new > 0.75:
            out.append(
                f"{name}: {new:.1%} of the documents would go; FineWeb-2 rejects thresholds that remove over 75 %"
            )
        elif new > 2 * median and new > 0.01:
            out.append(
                f"{name}: {new:.1%} of the documents would go, more than twice the median language's {median:.1%}"
            )
    return out
