"""Trains the models of ingest/blocks.py: euro_curate/ingest/blocks.npz.

    .venv-bench/bin/pip install lightgbm
    PYTHONPATH=. .venv-bench/bin/python tests/bench/train_blocks.py GOLD.jsonl.gz [--crawl PAGES.jsonl.gz] [--write euro_curate/ingest/blocks.npz]

GOLD: lines of {html, gold_text, url, lang?}. PAGES (optional): lines of {html, url, source}, pages without gold whose texts by trafilatura stand in for it, at
a lower weight: so that manuals and laws in all languages, which gold pages lack, count too. A block's label is the share of its tokens that an
alignment finds in the gold text. The first model sees describe() of kernels/describing.py, the second also smooth() of the first one's probabilities for
pages that it did not see. Prints token F1 by five-fold cross-validation: all pages of a site are in one fold, of a source of PAGES too.
Deterministic, on one thread. Run time: some ten minutes for 2,000 pages.
"""

import argparse
import gzip
import html
import json
import re
from collections import Counter
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import lightgbm
import numba
import numpy as np

from euro_curate.ingest.blocks import THRESHOLD, describe_page, read_page, smooth_page
from euro_curate.ingest.page import extract_page
from euro_curate.kernels import DESCRIBED
from euro_curate.kernels import pages as k

WORD = re.compile(r"\w+")
FOLDS = 5
TEACHER_WEIGHT = 0.4
SETTINGS = {
    "objective": "cross_entropy",  # labels are shares
    "learning_rate": 0.12,
    "max_bin": 63,
    "min_data_in_leaf": 40,
    "feature_fraction": 0.5,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "lambda_l2": 5,
    "seed": 1,
    "num_threads": 1,
    "deterministic": True,
    "verbose": -1,
}
FIRST, SECOND = {"num_leaves": 12, "rounds": 120}, {"num_leaves": 8, "rounds": 70}


@numba.njit
def aligned(found: Any, gold: Any) -> Any:
    """1 for each token of `found` that the best alignment with `gold` matches; runs of matches count three times as much as single ones."""
    n, m = len(found), len(gold)
    best = np.zeros((n + 1, m + 1), np.int32)
    ending = np.zeros((n + 1, m + 1), np.int32)  # with a match of just these two
    for i in range(1, n + 1):
        for j in range(1, m + 1):
            score = 0
            if found[i - 1] == gold[j - 1]:
                score = max(best[i - 1, j - 1] + 1, ending[i - 1, j - 1] + 3 if ending[i - 1, j - 1] else 0)
            ending[i, j] = score
            best[i, j] = max(best[i - 1, j], best[i, j - 1], score)
    hit = np.zeros(n, np.uint8)
    i, j = n, m
    while i > 0 and j > 0:
        if best[i, j] == best[i - 1, j]:
            i -= 1
        elif best[i, j] == best[i, j - 1]:
            j -= 1
        else:
            run = True
            while run and i > 0 and j > 0 and ending[i, j]:
                hit[i - 1] = 1
                run = ending[i - 1, j - 1] > 0 and ending[i, j] == ending[i - 1, j - 1] + 3
                i, j = i - 1, j - 1
    return hit


MOST_CELLS = 400_000_000  # of an alignment's table; longer pages are left out


class Example:
    """A page with a label for each block."""

    def __init__(self, row: dict[str, Any], gold: str, group: str, teacher: bool) -> None:
        self.group, self.teacher = group, teacher
        page = read_page(row["html"])
        self.read = page
        self.described = describe_page(page) if len(page.blocks) else None
        text = page.out.tobytes()
        spans = page.blocks[:, [k.B_START, k.B_END]].tolist()
        self.tokens = [WORD.findall(html.unescape(text[a:b].decode("utf-8", "replace"))) for a, b in spans]
        self.gold = WORD.findall(gold)
        self.counts = np.array([len(tokens) for tokens in self.tokens], np.int64)
        self.usable = 0 < int(self.counts.sum()) * len(self.gold) < MOST_CELLS
        if self.usable:
            numbers: dict[str, int] = {}
            wanted = np.array([numbers.setdefault(token, len(numbers)) for token in self.gold], np.int32)
            found = np.array([numbers.get(token, -1) for tokens in self.tokens for token in tokens], np.int32)
            sums = np.concatenate(([0], np.cumsum(aligned(found, wanted))))
            ends = np.cumsum(self.counts)
            self.hits = sums[ends] - sums[ends - self.counts]

    def scores(self, chosen: Any) -> tuple[float, float, float]:
        """(precision, recall, F1) of the chosen blocks' bag of tokens."""
        bag: Counter[str] = Counter()
        for number in np.flatnonzero(chosen):
            bag.update(self.tokens[number])
        gold = Counter(self.gold)
        shared = (bag & gold).total()
        p, r = shared / max(1, bag.total()), shared / max(1, gold.total())
        return p, r, 2 * p * r / (p + r) if shared else 0.0


def lines(path: Path) -> list[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") as stream:
        return [json.loads(line) for line in stream]


def examples(gold: Path, crawl: Path | None) -> list[Example]:
    found = [
        Example(row, row["gold_text"], urlsplit(row.get("url") or "").hostname or str(number), False)
        for number, row in enumerate(lines(gold))
    ]
    for row in lines(crawl) if crawl else ():
        if text := extract_page(row["html"], "trafilatura")[0]:
            found.append(Example(row, text, row["source"], True))
    return [example for example in found if example.usable]


class Training:
    """The rows of all examples, and how models are fitted on them."""

    def __init__(self, found: list[Example]) -> None:
        self.found = found
        sizes = [len(example.counts) for example in found]
        self.ends = np.cumsum(sizes)
        self.page = np.repeat(np.arange(len(found)), sizes)
        hits, counts = (np.concatenate([getattr(e, name) for e in found]) for name in ("hits", "counts"))
        self.label = hits / np.maximum(counts, 1)
        total = np.bincount(self.page, weights=hits, minlength=len(found))
        weight = (
            np.minimum(counts / np.maximum(total[self.page], 50), 1.0) ** 0.75
        )  # a page's text weighs the same however long
        weight *= np.where([found[n].teacher for n in self.page], TEACHER_WEIGHT, 1.0)
        self.weight = weight * len(weight) / weight.sum()
        self.counted = counts > 0
        groups = sorted({example.group for example in found})
        fold_of = dict(zip(groups, np.random.default_rng(0).integers(0, FOLDS, len(groups))))
        self.fold = np.array([fold_of[found[n].group] for n in self.page])

    def fit(self, rows: Any, chosen: Any, rounds: int, **settings: Any) -> lightgbm.Booster:
        chosen = chosen & self.counted
        data = lightgbm.Dataset(rows[chosen], self.label[chosen], weight=self.weight[chosen])
        return lightgbm.train(SETTINGS | settings, data, rounds)

    def unseen(self, rows: Any, **settings: Any) -> Any:
        """Probabilities of each row by a model that saw no page of its fold."""
        likely = np.zeros(len(rows))
        for fold in range(FOLDS):
            held = self.fold == fold
            likely[held] = self.fit(rows, ~held, **settings).predict(rows[held], num_threads=1)
        return likely

    def smoothed(self, likely: Any) -> Any:
        parts = np.split(likely.astype(np.float32), self.ends[:-1])
        for example, part in zip(self.found, parts):
            smooth_page(example.read, example.described, part)
        return np.concatenate([example.described.features[:, DESCRIBED:] for example in self.found])

    def report(self, name: str, likely: Any) -> None:
        parts = np.split(likely, self.ends[:-1])
        for threshold in (0.3, THRESHOLD, 0.5):
            for teacher in (False, True):
                all_scores = [e.scores(p >= threshold) for e, p in zip(self.found, parts) if e.teacher == teacher]
                if all_scores:
                    p, r, f1 = np.mean(all_scores, axis=0)
                    print(f"{name} model, {'teacher' if teacher else 'gold'} pages, threshold {threshold}: F1 {f1:.4f}, precision {p:.4f}, recall {r:.4f}", flush=True)  # fmt: skip


def flattened(model: lightgbm.Booster) -> dict[str, Any]:
    """The trees as kernels/blocks.py reads them."""
    columns: list[int] = []
    values: list[Any] = []
    children: list[list[int]] = []

    def add(node: dict[str, Any]) -> int:
        place = len(columns)
        columns.append(node.get("split_feature", -1))
        values.append(np.float32(node.get("leaf_value", 0.0)))
        children.append([0, 0])
        if "split_feature" in node:
            limit = np.float32(
                node["threshold"]
            )  # rounded down: features are float32 too, so the question stays the same
            values[place] = np.nextafter(limit, np.float32(-np.inf)) if limit > node["threshold"] else limit
            children[place] = [add(node["left_child"]), add(node["right_child"])]
        return place

    roots = [add(tree["tree_structure"]) for tree in model.dump_model()["tree_info"]]
    return {
        "columns": np.array(columns, np.int16),
        "values": np.array(values, np.float32),
        "children": np.array(children, np.int16),
        "roots": np.array(roots, np.int32),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("gold", type=Path)
    parser.add_argument("--crawl", type=Path)
    parser.add_argument("--write", type=Path)
    given = parser.parse_args()
    training = Training(examples(given.gold, given.crawl))
    rows = np.concatenate([example.described.features[:, :DESCRIBED] for example in training.found])
    first = training.unseen(rows, **FIRST)
    training.report("first", first)
    both = np.concatenate((rows, training.smoothed(first)), axis=1)
    training.report("second", training.unseen(both, **SECOND))
    if given.write:
        every = np.ones(len(rows), bool)
        models = {"first": training.fit(rows, every, **FIRST), "second": training.fit(both, every, **SECOND)}
        np.savez_compressed(
            given.write,
            allow_pickle=False,
            **{f"{which}_{name}": array for which, model in models.items() for name, array in flattened(model).items()},
        )


if __name__ == "__main__":
    main()
