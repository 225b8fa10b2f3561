"""network.py: our kernel's answers beside those of fastText's own runtime."""

import re
from pathlib import Path
from typing import Any

import classifiers
import numpy as np
import pytest
from conftest import SAMPLE_PAGES

from euro_curate import models, network
from euro_curate.langid import LangId, guess, guesses, normalise

PAGES = [re.sub(r"<[^>]+>", " ", path.read_text("utf-8")) for path in sorted(SAMPLE_PAGES.glob("*/*.html"))[::4]]
ODD = [
    "",
    "a",
    "ж",
    "'",
    "</s>",
    "a\0b\rc\nd",
    "__label__deu_Latn",
    "a-b·c d'e",
    "ß" * 30_000,
    "𝒜ℬ ﬁ ǆ",
    "ab " * 3000,
    "\ud800x",
]
ROWS = [f"__label__{key} {row}" for key, words in classifiers.WORDS.items() for row in [words, words[:20], words[::-1]]]


def lines() -> list[str]:
    """Whole pages, stretches of every length, and odd ones, as models see them."""
    return [normalise(t) for page in PAGES for t in (page, page[500:800], *re.split(r"[.\n]", page)[:20])] + [
        normalise(odd) for odd in ODD
    ]


def compare(place: str, sha256: str, asked: list[str], best: int = 5) -> None:
    """Asserts that both give the same labels and scores, to rounding: which of two equal labels comes first is open."""
    ours, theirs = network.load(place, sha256), models.load(place, sha256)
    assert ours
    labels, scores = network.answers(ours, asked, best)
    for line, own_labels, own_scores in zip(asked, labels.tolist(), scores.tolist(), strict=True):
        found = {label: score for score, label in theirs.predict(line + "\n", -1, 0.0, "strict")}
        rounding = 2e-6 + 1e-9 * len(line)  # fastText's sum over a line is one long chain
        own = {ours.labels[i]: score for i, score in zip(own_labels, own_scores, strict=True) if i >= 0}
        assert list(own.values()) == sorted(own.values(), reverse=True)
        assert list(own.values()) == pytest.approx(sorted(found.values(), reverse=True)[:best], abs=rounding), line[:80]
        assert own == pytest.approx({label: found[label] for label in own}, abs=rounding), line[:80]


def test_the_shipped_model_answers_as_with_fasttext() -> None:
    asked = lines()
    assert len(asked) > 300 and max(map(len, asked)) > 25_000
    compare(LangId().place, LangId().sha256, asked)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"dim": 5, "minn": 1, "maxn": 6},
        {"minn": 0, "maxn": 0},
        {"minCount": 50},
        {"minn": 3, "maxn": 3, "bucket": 7},
    ],
)
def test_whatever_its_settings_a_model_answers_as_with_fasttext(settings: dict[str, Any]) -> None:
    found = classifiers.fit("any", ROWS, **settings)
    compare(
        found["file"], found["sha256"], [*lines()[:60], *classifiers.WORDS.values(), *(normalise(o) for o in ODD)], 9
    )


@pytest.mark.parametrize(
    "settings", [{"wordNgrams": 2}, {"loss": "hs"}, {"loss": "ova"}, {"quantised": True}], ids=lambda s: next(iter(s))
)
def test_other_kinds_of_models_are_fasttext_s(settings: dict[str, Any]) -> None:
    found = classifiers.fit("other", [row.replace("__label__", "__label__deu_") for row in ROWS], **settings)
    p = LangId(place=found["file"], sha256=found["sha256"], normalisation="1")
    assert network.load(p.place, p.sha256) is None
    assert guesses(list(classifiers.WORDS.values()), p) == [guess(text, p) for text in classifiers.WORDS.values()]


def test_a_file_that_is_no_model_is_left_to_fasttext(tmp_path: Path) -> None:
    whole = Path(classifiers.fit("whole", ROWS)["file"]).read_bytes()
    for size in (0, 10, 80, 200, len(whole) // 2, len(whole) - 1):
        (tmp_path / "part.bin").write_bytes(whole[:size])
        assert network.read(tmp_path / "part.bin") is None
    (tmp_path / "part.bin").write_bytes(whole)
    assert network.read(tmp_path / "part.bin") is not None


def test_an_answer_is_the_same_whatever_is_asked_with_it_and_before_it() -> None:
    model, asked = network.load(LangId().place, LangId().sha256), lines()[:200]
    assert model
    labels, scores = network.answers(model, asked, 5)
    alone = [network.answers(model, [line], 5) for line in reversed(asked)][::-1]
    assert np.array_equal(labels, np.concatenate([one for one, _ in alone]))
    assert np.array_equal(scores.view(np.uint32), np.concatenate([one for _, one in alone]).view(np.uint32))
    assert [a.shape for a in network.answers(model, [], 5)] == [(0, 5), (0, 5)]


def test_many_at_once_are_judged_as_each_alone() -> None:
    samples = [page[i : i + 200] for page in PAGES for i in range(0, 2000, 400)] + ODD
    assert max(found.score or 0.0 for found in guesses(samples, LangId())) == 1.0, "fastText's are a little above"
    for one, other in zip(guesses(samples, LangId()), map(guess, samples, [LangId()] * len(samples)), strict=True):
        assert (one.language, one.label) == (other.language, other.label)
        assert (one.score, one.second_score) == pytest.approx((other.score, other.second_score), abs=3e-5)
