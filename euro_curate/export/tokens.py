"""Token files, through datatrove's writers: Megatron-LM's .bin/.idx, and .ds for nanotron."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

_ENDS = ("<|endoftext|>", "</s>", "<eos>", "<|end_of_text|>", "[EOS]")  # of tokenizers in use
_BATCH = 256  # documents encoded at a time


def end_token(tokenizer: Any, given: str = "") -> int | None:
    """Id of the token that ends a document: the one given, `none` for none, else the only usual one that the tokenizer has. ValueError."""
    if given == "none":
        return None
    found = [token for token in ([given] if given else _ENDS) if tokenizer.token_to_id(token) is not None]
    if len(found) != 1:
        said = (
            f"the tokenizer has no token {given!r}"
            if given
            else f"it has {' and '.join(found) or 'none of the usual ones'}"
        )
        raise ValueError(f"--eos: which token ends a document? {said}; give --eos TOKEN, or --eos none")
    token: int = tokenizer.token_to_id(found[0])
    return token


def token_bytes(tokenizer: Any) -> int:
    """Bytes a token takes in the files: 2 where every id fits."""
    return 2 if max(tokenizer.get_vocab(with_added_tokens=True).values()) < 1 << 16 else 4


def encoded(pages: Iterable[Mapping[str, Any]], tokenizer: Any, end: int | None) -> Iterator[list[int]]:
    """Token ids of each page, its end included."""
    batch: list[str] = []
    closing = [] if end is None else [end]
    for page in pages:
        batch.append(page["text"])
        if len(batch) == _BATCH:
            yield from _ids(batch, tokenizer, closing)
            batch = []
    yield from _ids(batch, tokenizer, closing)


def _ids(batch: list[str], tokenizer: Any, closing: list[int]) -> Iterator[list[int]]:
    for found in tokenizer.encode_batch_fast(batch, add_special_tokens=False):
        yield found.ids + closing


def write_megatron(documents: Iterable[list[int]], stem: Path, size: int) -> dict[str, Any]:
    """`<stem>.bin`: the tokens one after another, little-endian uint16 or int32. `<stem>.idx`: a header, then lengths, places and documents."""
    from datatrove.pipeline.tokens.megatron_tokenizer import MegatronTokenizedFile

    file = MegatronTokenizedFile(str(stem.parent), stem.name, token_size=size)
    count = sum(1 for ids in documents if file.write(ids) is None)
    file.close()
    return {"documents": count, "tokens": len(file)}


def write_nanotron(documents: Iterable[list[int]], path: Path, size: int, tokenizer: str) -> dict[str, Any]:
    """`<path>`: the tokens; `.index`: where each document ends, in tokens, uint64; `.metadata`: tokenizer and bytes a token, tokens."""
    from datatrove.pipeline.tokens.tokenizer import TokenizedFile

    file = TokenizedFile(
        str(path.parent), path.name, tokenizer_name_or_path=tokenizer, save_final_metadata=True, token_size=size
    )
    kind = np.dtype("<u2" if size == 2 else "<u4")
    count = 0
    for ids in documents:
        file.write_bytes(np.asarray(ids, kind).tobytes())
        count += 1
    file.close()
    return {"documents": count, "tokens": len(file)}
