"""count_tokens(): how long each page is in the user's tokenizer. Counted once for each page and tokenizer, whatever the budget."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import pyarrow as pa

from euro_curate.models import locate
from euro_curate.schema import TOKENS
from euro_curate.stage import stage

BATCH_CHARS = 1 << 20  # of text at a time: the encodings of a batch take some 50 times its memory


@dataclass(frozen=True)
class Tokenizer:
    """Parameters of `count_tokens`: a tokenizer.json, known by its digest."""

    sha256: str
    place: str = field(default="", metadata={"identity": False})  # absolute path, the same on every machine, or URL


@stage(out=TOKENS, version=1)
def count_tokens(clean: pa.Table, params: Tokenizer) -> pa.Table:
    """CLEAN (columns id, text; n) -> TOKENS (n): tokens of the redacted text, without those that a tokenizer puts around it."""
    tokenizer = load_tokenizer(params.place, params.sha256)
    counts: list[int] = []
    for texts in batches(clean["text"]):
        counts += [len(found.ids) for found in tokenizer.encode_batch_fast(texts, add_special_tokens=False)]
    return pa.table([clean["id"], pa.array(counts, pa.int64())], schema=TOKENS)


@cache
def load_tokenizer(place: str, sha256: str) -> Any:
    """The tokenizer. ValueError: another digest, or no tokenizer.json; OSError: it is not there."""
    import os

    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")  # one task, one core
    from tokenizers import Tokenizer as Reader

    path = locate(place, sha256)
    try:
        tokenizer = Reader.from_file(str(path))
    except Exception as error:  # the package raises Exception itself
        raise ValueError(f"{place} is no tokenizer.json that the `tokenizers` package can read: {error}") from error
    tokenizer.no_truncation()  # files may carry what a trainer had set
    tokenizer.no_padding()
    return tokenizer


def batches(texts: pa.ChunkedArray) -> Iterator[list[str]]:
    """The texts in order, about BATCH_CHARS at a time, a longer one alone."""
    batch: list[str] = []
    size = 0
    for chunk in texts.chunks:
        for scalar in chunk:
            value = scalar.as_py()
            if batch and size + len(value) > BATCH_CHARS:
                yield batch
                batch, size = [], 0
            batch.append(value)
            size += len(value)
    if batch:
        yield batch
