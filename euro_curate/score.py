"""score -> bin_scores -> cut_scores: an optional fastText classifier's opinion of each page, and the score that a share of a language reaches.

Off unless the recipe names a model for a language. The score is one more measure; verdict.py holds it against the cut. A classifier gets
a text as such classifiers are trained (FineWeb, DCLM): one line, otherwise as it is.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
import pyarrow as pa

from euro_curate.models import Model, Predictor, load, read
from euro_curate.schema import CUTS, SCORE_BINS, SCORES
from euro_curate.stage import stage

BINS = 4096  # of the score, 0 to 1: a power of two, so that a score is at or above a bin's edge exactly when its bin is


@dataclass(frozen=True)
class Scoring:
    """Parameters of `score`."""

    models: tuple[tuple[str, Model], ...] = ()  # language -> its classifier; no other language is scored


@dataclass(frozen=True)
class Binning:
    """Parameters of `bin_scores`: none."""


@dataclass(frozen=True)
class Cutting:
    """Parameters of `cut_scores`: the share of a language's scored pages that stays, best first."""

    keep_share: float = 1.0
    keep_shares: tuple[tuple[str, float], ...] = ()  # language -> its own

    def __post_init__(self) -> None:
        for share in (self.keep_share, *dict(self.keep_shares).values()):
            if not 0 < share <= 1:
                raise ValueError(f"quality: keep_share and keep_shares must be above 0 and at most 1, not {share}")


def check(params: Scoring) -> None:
    """Fetches every classifier and tries it, so that a wrong entry shows before a run starts. Errors as models.read and score_texts."""
    for _, model in params.models:
        _knowing(
            model, read(model.place, model.sha256)
        )  # not kept: this process may only be the one that hands out work


def score_texts(texts: Sequence[str], languages: Sequence[str], params: Scoring) -> list[float | None]:
    """Probability of the classifier's label for each text; None for an empty one or in a language without a classifier.

    ValueError: the classifier does not know the label.
    """
    ready = {
        code: (_knowing(model, load(model.place, model.sha256)), model.label)
        for code, model in params.models
        if code in languages
    }
    return [
        _score(body, *ready[language]) if body and language in ready else None
        for body, language in zip(texts, languages, strict=True)
    ]


def _knowing(model: Model, predictor: Predictor) -> Predictor:
    """The classifier, if it knows the model's label."""
    labels, _ = predictor.getLabels("strict")
    if model.label not in labels:
        raise ValueError(f"models.{model.name}.label: no label {model.label!r}; there are: {', '.join(sorted(labels))}")
    return predictor


def _score(body: str, predictor: Predictor, label: str) -> float:
    """All labels are asked for (-1): the one that counts may be the least likely. A tree of labels leaves out those near 0."""
    found = predictor.predict(body.replace("\n", " ") + "\n", -1, 0.0, "strict")
    return next((min(float(score), 1.0) for score, name in found if name == label), 0.0)


@stage(out=SCORES, version=1)
def score(documents: pa.Table, languages: pa.Table, params: Scoring) -> pa.Table:
    """DOCUMENTS (n), LANGUAGES (n) -> SCORES (n): null without text, or in a language without a classifier. Drops nothing."""
    scores = score_texts(documents["text"].to_pylist(), languages["language"].to_pylist(), params)
    return pa.table([documents["id"], pa.array(scores, pa.float64())], schema=SCORES)


@stage(out=SCORE_BINS, version=1, rows="free")
def bin_scores(scores: pa.Table, languages: pa.Table, params: Binning) -> pa.Table:
    """SCORES, LANGUAGES (columns id, language) of a batch of parts -> SCORE_BINS: scored pages by language and bin."""
    frame = pl.DataFrame({"language": pl.Series(languages["language"]), "score": pl.Series(scores["quality_score"])})
    counts = (
        frame.drop_nulls("score")
        .with_columns(bin=(pl.col("score") * BINS).floor().clip(0, BINS - 1).cast(pl.Int32))
        .group_by("language", "bin")
        .agg(pages=pl.len().cast(pl.Int64))
        .sort("language", "bin")
    )
    return counts.to_arrow(compat_level=pl.CompatLevel.oldest()).cast(SCORE_BINS)


@stage(out=CUTS, version=1, rows="free")
def cut_scores(bins: pa.Table, params: Cutting) -> pa.Table:
    """SCORE_BINS of all batches -> CUTS by language: the highest edge of a bin that leaves at least the share asked for.

    Pages of one bin stay or go together: ties and the bin's width keep more than the share, never fewer.
    """
    frame = pl.from_arrow(bins)
    assert isinstance(frame, pl.DataFrame)
    counts = frame.group_by("language", "bin").agg(pl.col("pages").sum()).sort("bin", descending=True)
    shares = dict(params.keep_shares)
    rows = []
    for code in counts["language"].unique().sort():
        best_first = counts.filter(pl.col("language") == code)
        kept = np.cumsum(best_first["pages"].to_numpy())
        last = int(np.argmax(kept / kept[-1] >= shares.get(code, params.keep_share)))
        threshold = int(best_first["bin"][last]) / BINS
        rows.append({"language": code, "threshold": threshold, "pages": int(kept[-1]), "kept": int(kept[last])})
    return pa.Table.from_pylist(rows, schema=CUTS)
