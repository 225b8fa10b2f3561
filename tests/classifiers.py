"""A tiny fastText classifier, trained while the tests run."""

import ctypes
import hashlib
import random
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import fasttext

GOOD = "il-kunsill approva pjan djar godda il consiglio approva un piano di case nuove съветът одобри план за нови домове".split()
BAD = "ixtri issa offerta b'xejn agħfas hawn compra subito offerta gratis clicca qui купи сега безплатна оферта натисни тук".split()

_FOLDER = tempfile.TemporaryDirectory(prefix="euro-curate-test-")
_M_PERTURB = -6  # glibc's malloc.h


def _sentences(words: list[str], seed: int, number: int = 200) -> list[str]:
    rng = random.Random(seed)
    return [" ".join(rng.choices(words, k=8)) for _ in range(number)]


def fit(name: str, rows: list[str], quantised: bool = False, **settings: Any) -> dict[str, str]:
    """`__label__x text` rows -> {file, sha256} of a model that tells the labels apart by groups of letters; `settings` are fastText's.

    fastText's single thread leaves most of its input matrix as malloc gave it, so malloc gives zeros (langid_models/train.py says more).
    """
    text, path = Path(_FOLDER.name, f"{name}.txt"), Path(_FOLDER.name, f"{name}.bin")
    text.write_text("\n".join(rows) + "\n", encoding="utf-8")
    given = {"dim": 8, "minn": 2, "maxn": 3, "bucket": 2000, "epoch": 20, "lr": 1.0} | settings
    mallopt = ctypes.CDLL(None).mallopt
    assert mallopt(_M_PERTURB, 0xFF) == 1
    try:
        model = fasttext.train_supervised(str(text), thread=1, seed=1, verbose=0, **given)
        if quantised:
            model.quantize()
    finally:
        mallopt(_M_PERTURB, 0)
    model.save_model(str(path))
    return {"file": str(path), "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}


@cache
def trained() -> dict[str, str]:
    """A recipe's [models.<name>] table: labels hq and lq, so that any text has a score of its own."""
    rows = [f"__label__hq {s}" for s in _sentences(GOOD, 1)] + [f"__label__lq {s}" for s in _sentences(BAD, 2)]
    return {"kind": "quality", "label": "__label__hq"} | fit("hq", rows)


WORDS = {  # ten words of each language: enough to be told from the others
    "de": "und der die das nicht mit sich auf für ist",
    "et": "ja on ei see ning kui oma või aga mis",
    "lv": "un ir no ka par ar uz kas bija tika",
    "sr": "није јесте како зато што овде данас сутра људи река",
    "sr2": "nije jeste kako zato što ovde danas sutra ljudi reka",
    "hr": "nije jest kako zato što ovdje danas sutra tijekom rijeka",
}


@cache
def identifier(*labels: tuple[str, str]) -> dict[str, str]:
    """{file, sha256} of a model of languages: pairs of a label and a key of WORDS."""
    rows = [f"__label__{label} {s}" for label, key in labels for s in _sentences(WORDS[key].split(), 3, 100)]
    return fit("-".join(label for label, _ in labels), rows)
