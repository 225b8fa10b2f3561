"""A tiny fastText classifier, trained while the tests run."""

import ctypes
import hashlib
import random
import tempfile
from functools import cache
from pathlib import Path

import fasttext

GOOD = "il-kunsill approva pjan djar godda il consiglio approva un piano di case nuove съветът одобри план за нови домове".split()
BAD = "ixtri issa offerta b'xejn agħfas hawn compra subito offerta gratis clicca qui купи сега безплатна оферта натисни тук".split()

_FOLDER = tempfile.TemporaryDirectory(prefix="euro-curate-test-")
_M_PERTURB = -6  # glibc's malloc.h


def _sentences(words: list[str], seed: int, number: int = 200) -> list[str]:
    rng = random.Random(seed)
    return [" ".join(rng.choices(words, k=8)) for _ in range(number)]


@cache
def trained() -> dict[str, str]:
    """A recipe's [models.<name>] table: labels hq and lq, told apart by groups of letters, so that any text has a score of its own.

    fastText's single thread leaves most of its input matrix as malloc gave it, so malloc gives zeros (langid_models/train.py says more).
    """
    rows = [f"__label__hq {s}" for s in _sentences(GOOD, 1)] + [f"__label__lq {s}" for s in _sentences(BAD, 2)]
    text, path = Path(_FOLDER.name, "train.txt"), Path(_FOLDER.name, "hq.bin")
    text.write_text("\n".join(rows) + "\n", encoding="utf-8")
    mallopt = ctypes.CDLL(None).mallopt
    assert mallopt(_M_PERTURB, 0xFF) == 1
    try:
        model = fasttext.train_supervised(
            str(text), thread=1, seed=1, dim=8, minn=2, maxn=3, bucket=2000, epoch=20, lr=1.0, verbose=0
        )
    finally:
        mallopt(_M_PERTURB, 0)
    model.save_model(str(path))
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return {"kind": "quality", "file": str(path), "sha256": digest, "label": "__label__hq"}
