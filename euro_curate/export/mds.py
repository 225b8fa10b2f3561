"""MDS, the format of mosaicml-streaming (docs.mosaicml.com/projects/streaming: version 2), written here.

Its package brings torch, three clouds' SDKs, and numpy and huggingface_hub of years ago; its format is a page of code. Tests hold ours against the
specification byte by byte, and `make trainers` reads it with StreamingDataset itself.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

COLUMNS = ("id", "text")  # in alphabetical order, as the format wants them
SIZE_LIMIT = 1 << 26  # bytes of a shard, unpacked: the package's default
LEVEL = 3  # of zstd

_CONFIG = {
    "column_encodings": ["str"] * len(COLUMNS),
    "column_names": list(COLUMNS),
    "column_sizes": [None] * len(COLUMNS),
    "compression": f"zstd:{LEVEL}",
    "format": "mds",
    "hashes": ["sha1"],
    "size_limit": SIZE_LIMIT,
    "version": 2,
}


def write_mds(pages: Iterable[Mapping[str, Any]], folder: Path) -> dict[str, Any]:
    """shard.NNNNN.mds.zstd and index.json of the pages' id and text."""
    header = json.dumps(_CONFIG, sort_keys=True).encode()
    shards: list[dict[str, Any]] = []
    samples: list[bytes] = []
    size = start = 4 + 4 + len(header)
    documents = 0
    for page in pages:
        sample = _sample(page)
        if samples and size + len(sample) + 4 > SIZE_LIMIT:
            shards.append(_shard(samples, header, folder, len(shards)))
            samples, size = [], start
        samples.append(sample)
        size += len(sample) + 4
        documents += 1
    if samples:
        shards.append(_shard(samples, header, folder, len(shards)))
    (folder / "index.json").write_text(json.dumps({"shards": shards, "version": 2}, sort_keys=True))
    return {"documents": documents}


def _sample(page: Mapping[str, Any]) -> bytes:
    """uint32 size of each column, then their bytes."""
    values = [page[name].encode() for name in COLUMNS]
    return np.array([len(value) for value in values], "<u4").tobytes() + b"".join(values)


def _shard(samples: list[bytes], header: bytes, folder: Path, number: int) -> dict[str, Any]:
    """uint32 count, uint32 offset of each sample and of the end, the header, the samples. Returns its entry of the index."""
    import zstandard

    before = 4 + 4 * (len(samples) + 1) + len(header)
    offsets = before + np.cumsum([0, *map(len, samples)])
    raw = b"".join([np.uint32(len(samples)).astype("<u4").tobytes(), offsets.astype("<u4").tobytes(), header, *samples])
    packed = zstandard.ZstdCompressor(level=LEVEL).compress(raw)
    name = f"shard.{number:05d}.mds"
    (folder / f"{name}.zstd").write_bytes(packed)
    entry = {"raw_data": _file(name, raw), "zip_data": _file(f"{name}.zstd", packed), "samples": len(samples)}
    return entry | _CONFIG


def _file(name: str, data: bytes) -> dict[str, Any]:
    return {"basename": name, "bytes": len(data), "hashes": {"sha1": hashlib.sha1(data).hexdigest()}}
