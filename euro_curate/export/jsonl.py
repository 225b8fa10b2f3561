"""OpenEuroLLM's layout (github.com/OpenEuroLLM/training-data-collection): release/<part>/*.jsonl.zst, counts/<part>/release.json, md5/.

A part is a language. Held-out splits lie beside `release/`, under their own names, as `release/` is what is trained on.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

LEVEL = 3  # of zstd: as the shards
TOP = {"train": "release", "validation": "validation", "test": "test"}


def write_jsonl(pages: Iterable[Mapping[str, Any]], path: Path, tokenizer: Any = None) -> dict[str, Any]:
    """One .jsonl.zst file, an object a line: `id` and `text`, then what else the dataset has; nulls are left out, all but ASCII is escaped.
    Returns its counts: documents, segments (lines), characters, tokens, and how often each key occurs."""
    import zstandard

    keys: Counter[str] = Counter()
    counts: Counter[str] = Counter()
    with path.open("wb") as raw, zstandard.ZstdCompressor(level=LEVEL).stream_writer(raw) as out:
        for page in pages:
            row = {"id": page["id"], "text": page["text"]} | {k: v for k, v in page.items() if v is not None}
            out.write(json.dumps(row).encode() + b"\n")
            keys.update(row.keys())
            counts["documents"] += 1
            counts["segments"] += sum(1 for line in page["text"].split("\n") if line.strip())
            counts["characters"] += len(page["text"])
            if tokenizer:
                counts["tokens"] += len(tokenizer.encode(page["text"], add_special_tokens=False).ids)
            else:
                counts["tokens"] += page.get("token_count") or 0
    return dict(counts) | {"bytes": path.stat().st_size, "keys": dict(keys)}


def part_counts(files: Iterable[Mapping[str, Any]], tokenizer: str | None) -> dict[str, Any]:
    """Counts of a part's files -> its counts JSON. `tokenizer` names it; None = tokens were not counted."""
    files = list(files)
    total: Counter[str] = Counter()
    keys: Counter[str] = Counter()
    for one in files:
        total.update({name: n for name, n in one.items() if isinstance(n, int)})
        keys.update(one["keys"])
    return {
        "files": len(files),
        **{name: total[name] for name in ("bytes", "documents", "segments")},
        "tokens": total["tokens"] if tokenizer else None,
        "characters": total["characters"],
        "errors": 0,
        "tokenizer": tokenizer,
        "keys": {
            "required": sorted(name for name, n in keys.items() if n == total["documents"]),
            "optional": sorted(name for name, n in keys.items() if n < total["documents"]),
        },
    }
