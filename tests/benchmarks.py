"""Small files that a recipe can name, made on first use: a tokenizer, and benchmarks."""

import hashlib
import json
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

from conftest import SAMPLE_PAGES

_FOLDER = tempfile.TemporaryDirectory(prefix="euro-curate-tests-")


@cache
def tokenizer(vocabulary: int = 600) -> str:
    """Path of a tokenizer.json: byte-level BPE, trained on pages of the sample, with <|endoftext|> as its first token."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    texts = [page.read_text("utf-8") for page in sorted(SAMPLE_PAGES.rglob("*.html"))[:40]]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary, special_tokens=["<|endoftext|>"], initial_alphabet=alphabet, show_progress=False
    )
    made.train_from_iterator(texts, trainer)
    path = Path(_FOLDER.name) / f"tokenizer-{vocabulary}.json"
    made.save(str(path))
    return str(path)


def benchmark(name: str, content: str, **more: Any) -> dict[str, Any]:
    """A recipe's table for a file of that content."""
    path = Path(_FOLDER.name) / name
    path.write_text(content, "utf-8")
    return {"file": str(path), "sha256": hashlib.sha256(content.encode()).hexdigest(), **more}


def quiz(*texts: str) -> dict[str, Any]:
    """A JSONL benchmark of these texts."""
    lines = [json.dumps({"text": text}) for text in texts]
    return benchmark(f"quiz-{hashlib.sha256(repr(texts).encode()).hexdigest()[:8]}.jsonl", "\n".join(lines))
