"""Real consumers of the exports, in an environment of their own (`make trainers`): what they read is what the dataset holds, and a
small language model learns from it."""

import json
import struct
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the environment of `make trainers`")

LANGUAGES = ("deu_Latn", "bul_Cyrl", "mlt_Latn")


def shown(exports: Path, code: str) -> Counter[str]:
    """Texts of a language's training split, as often as the plan shows each."""
    import pyarrow.parquet as pq

    out: Counter[str] = Counter()
    for path in sorted((exports / "dataset/data" / code / "train").glob("*.parquet")):
        for row in pq.read_table(path, columns=["text", "repeats"]).to_pylist():
            out[row["text"]] += row["repeats"]
    assert out
    return out


@pytest.fixture(scope="session")
def tokenizer(exports: Path) -> Any:
    from tokenizers import Tokenizer

    return Tokenizer.from_file(str(exports / "tokenizer.json"))


@pytest.mark.parametrize("code", LANGUAGES)
def test_mosaics_streaming_dataset(exports: Path, code: str) -> None:
    from streaming import StreamingDataset
    from streaming.base.util import clean_stale_shared_memory

    clean_stale_shared_memory()
    local = exports / "export/mosaic" / code / "train"
    found = StreamingDataset(local=str(local), shuffle=True, shuffle_seed=3, batch_size=1, validate_hash="sha1")
    rows = [found[i] for i in range(len(found))]
    assert Counter(row["text"] for row in rows) == shown(exports, code)
    assert Counter(row["text"] for row in found) == shown(exports, code), "iterated, as a trainer does"


def test_mosaics_mixture_of_streams(exports: Path) -> None:
    from streaming import Stream, StreamingDataset
    from streaming.base.util import clean_stale_shared_memory

    clean_stale_shared_memory()
    streams = [Stream(local=str(exports / "export/mosaic" / code / "train"), proportion=1 / 3) for code in LANGUAGES]
    mixed = StreamingDataset(streams=streams, epoch_size=12, shuffle=True, batch_size=1)
    texts = {code: set(shown(exports, code)) for code in LANGUAGES}
    seen = Counter(next(code for code in LANGUAGES if row["text"] in texts[code]) for row in mixed)
    assert sum(seen.values()) == 12 and set(seen) == set(LANGUAGES)


@pytest.mark.parametrize("code", LANGUAGES)
def test_datatroves_folder_dataset_which_nanotron_uses(exports: Path, code: str, tokenizer: Any) -> None:
    from datatrove.utils.dataset import DatatroveFolderDataset

    folder = exports / "export/nanotron" / code / "train"
    length = 32
    found = DatatroveFolderDataset(
        str(folder), seq_len=length, filename_pattern="*.ds", token_size=2, return_positions=True
    )
    flat = np.concatenate([np.fromfile(path, "<u2") for path in sorted(folder.glob("*.ds"))])
    windows = [np.fromfile(path, "<u2") for path in sorted(folder.glob("*.ds"))]
    expected = [w[i * (length + 1) : (i + 1) * (length + 1)] for w in windows for i in range(len(w) // (length + 1))]
    assert len(found) == len(expected) > 3
    for i, window in enumerate(expected):
        assert found[i]["input_ids"].tolist() == window.tolist()
    end = tokenizer.token_to_id("<|endoftext|>")
    texts = [tokenizer.decode(ids.tolist()) for ids in np.split(flat, np.flatnonzero(flat == end) + 1) if len(ids)]
    assert Counter(text.removesuffix("<|endoftext|>") for text in texts) == shown(exports, code)


class Indexed:
    """Megatron-LM's indexed_dataset.py, said again from its layout: magic, version, code of the dtype, counts, lengths, pointers, documents."""

    def __init__(self, stem: Path) -> None:
        data = stem.with_suffix(".idx").read_bytes()
        assert data[:9] == b"MMIDIDX\x00\x00"
        version, code, sequences, documents = struct.unpack_from("<QBQQ", data, 9)
        assert version == 1
        self.dtype = {4: np.int32, 8: np.uint16}[code]
        at = 9 + 8 + 1 + 8 + 8
        self.lengths = np.frombuffer(data, np.int32, sequences, at)
        self.pointers = np.frombuffer(data, np.int64, sequences, at + 4 * sequences)
        self.documents = np.frombuffer(data, np.int64, documents, at + 12 * sequences)
        assert len(data) == at + 12 * sequences + 8 * documents
        self.tokens = np.memmap(stem.with_suffix(".bin"), self.dtype, "r")

    def __len__(self) -> int:
        return len(self.lengths)

    def __getitem__(self, i: int) -> Any:
        start = int(self.pointers[i]) // self.tokens.itemsize
        return torch.from_numpy(self.tokens[start : start + self.lengths[i]].astype(np.int64))


@pytest.mark.parametrize("code", LANGUAGES)
def test_a_megatron_index_reader(exports: Path, code: str, tokenizer: Any) -> None:
    stems = sorted(path.with_suffix("") for path in (exports / "export/megatron" / code / "train").glob("*.idx"))
    texts: Counter[str] = Counter()
    for stem in stems:
        index = Indexed(stem)
        assert index.documents.tolist() == list(range(len(index) + 1))
        texts.update(tokenizer.decode(index[i].tolist()) for i in range(len(index)))
    assert texts == shown(exports, code)
    told = dict(line.split()[::-1] for line in (exports / "export/megatron/data-path.txt").read_text().splitlines())
    for stem in stems:
        assert int(told[f"{code}/train/{stem.name}"]) == Indexed(stem).lengths.sum()


def test_datatroves_jsonl_reader(exports: Path) -> None:
    from datatrove.pipeline.readers import JsonlReader

    for code in LANGUAGES:
        reader = JsonlReader(str(exports / "export/jsonl-zst/release" / code), compression="zstd")
        assert Counter(document.text for document in reader()) == shown(exports, code)
        counts = json.loads((exports / f"export/jsonl-zst/counts/{code}/release.json").read_text())
        assert counts["documents"] == shown(exports, code).total()


def test_a_tokenizer_and_a_language_model_learn_from_a_streamed_mixture(exports: Path) -> None:
    """The published folder streamed with `datasets`, interleaved; a tokenizer trained on it, and a tiny model whose loss falls."""
    from datasets import interleave_datasets, load_dataset
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    streams = [load_dataset(str(exports / "dataset"), code, split="train", streaming=True) for code in LANGUAGES]
    mixture = interleave_datasets(streams, seed=1, stopping_strategy="all_exhausted").shuffle(seed=1, buffer_size=20)
    texts = [row["text"] for row in mixture]
    assert {row["language"] for row in mixture} == {"deu", "bul", "mlt"}
    own = Tokenizer(models.BPE())
    own.pre_tokenizer = pre_tokenizers.ByteLevel()
    own.train_from_iterator(texts, trainers.BpeTrainer(vocab_size=400, show_progress=False))
    ids = torch.tensor([token for text in texts for token in own.encode(text).ids])

    torch.manual_seed(0)
    size, length = own.get_vocab_size(), 64
    embed, out = torch.nn.Embedding(size, 64), torch.nn.Linear(64, size)
    body = torch.nn.TransformerEncoderLayer(64, 4, 128, batch_first=True, dropout=0.0)
    learner = torch.optim.AdamW([*embed.parameters(), *body.parameters(), *out.parameters()], lr=3e-3)
    mask = torch.nn.Transformer.generate_square_subsequent_mask(length)
    losses = []
    for _ in range(60):
        at = torch.randint(0, len(ids) - length - 1, (8,))
        window = torch.stack([ids[i : i + length + 1] for i in at])
        scores = out(body(embed(window[:, :-1]), src_mask=mask, is_causal=True))
        loss = torch.nn.functional.cross_entropy(scores.reshape(-1, size), window[:, 1:].reshape(-1))
        learner.zero_grad()
        loss.backward()
        learner.step()
        losses.append(loss.item())
    assert sum(losses[-10:]) / 10 < 0.8 * losses[0], losses
