"""export(): a finished run's dataset, written again in another layout."""

import hashlib
import json
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from euro_curate.balance import Tokenizer, load_tokenizer
from euro_curate.export.jsonl import TOP, part_counts, write_jsonl
from euro_curate.export.mds import write_mds
from euro_curate.export.rows import rows
from euro_curate.export.tokens import encoded, end_token, token_bytes, write_megatron, write_nanotron
from euro_curate.shards import filesystem, join, list_files, put_if_absent, read_bytes

FORMATS = ("jsonl-zst", "megatron", "nanotron", "mosaic")
MANIFEST = "export.json"


class CannotExport(ValueError):
    """The message says what is missing."""


@dataclass(frozen=True)
class Job:
    """What one process writes: some shards of one language and split -> files under one folder."""

    to: str
    folder: str  # under dest
    name: str  # of the files, without their endings; "" where the format names them
    shards: tuple[str, ...]
    tokenizer: Tokenizer | None
    eos: str
    once: bool
    language: str
    split: str

    def __call__(self, dest: str) -> dict[str, Any]:
        """Writes here, then moves what was written to its place. Returns counts, and size and md5 of each file."""
        with tempfile.TemporaryDirectory(prefix="euro-curate-export-") as here:
            counts = self.write(Path(here))
            files = {}
            for path in sorted(Path(here).iterdir()):
                with path.open("rb") as file:
                    digest = hashlib.file_digest(file, "md5").hexdigest()
                place = f"{self.folder}/{path.name}"
                files[place] = {"bytes": path.stat().st_size, "md5": digest}
                _put(path, join(dest, place))
        return {"language": self.language, "split": self.split, "files": files} | counts

    def write(self, here: Path) -> dict[str, Any]:
        tokenizer = load_tokenizer(self.tokenizer.place, self.tokenizer.sha256) if self.tokenizer else None
        if self.to == "jsonl-zst":
            return write_jsonl(rows(self.shards, once=self.once), here / f"{self.name}.jsonl.zst", tokenizer)
        pages = rows(self.shards, ("id", "text"), self.once)
        if self.to == "mosaic":
            return write_mds(pages, here)
        assert self.tokenizer
        documents = encoded(pages, tokenizer, end_token(tokenizer, self.eos))
        size = token_bytes(tokenizer)
        if self.to == "megatron":
            return write_megatron(documents, here / f"{self.name}_text_document", size)
        return write_nanotron(documents, here / f"{self.name}.ds", size, f"sha256:{self.tokenizer.sha256}")


def export(
    output: str,
    to: str,
    dest: str = "",
    tokenizer: Tokenizer | None = None,
    eos: str = "",
    once: bool = False,
    workers: int = 1,
    done: Callable[[int], None] = lambda documents: None,
) -> dict[str, Any]:
    """The dataset of a finished run in OUTPUT -> files in `dest` (default OUTPUT/export/<format>), export.json last. Returns its content.

    Pages are written as often as the plan shows them, unless `once`. The same bytes for any number of workers. CannotExport: no finished run, a
    missing tokenizer, a place that is taken.
    """
    summary = read_bytes(join(output, "run.json"))
    if summary is None:
        raise CannotExport(f"no finished run in {output}: run.json is missing")
    if to in ("megatron", "nanotron"):
        if tokenizer is None:
            raise CannotExport(f"{to} files hold tokens: give --tokenizer tokenizer.json")
        end_token(load_tokenizer(tokenizer.place, tokenizer.sha256), eos)
    dest = (dest or join(output, "export", to)).rstrip("/")
    if list_files(dest):
        raise CannotExport(f"{dest} is not empty: remove what is there, or give another --dest")
    jobs = list(plan_jobs(output, to, tokenizer, eos, once))
    if not jobs:
        raise CannotExport(f"{output} has no dataset to export")
    made: list[dict[str, Any]] = []
    for one in _run(jobs, dest, workers):
        made.append(one)
        done(one["documents"])
    own = tokenizer.sha256 if tokenizer else (json.loads(summary)["config"].get("tokenizer") or {}).get("sha256")
    for path, text in sorted(_extras(to, made, own).items()):
        data = text.encode()
        put_if_absent(join(dest, path), data)
        made[0]["files"][path] = {"bytes": len(data), "md5": hashlib.md5(data).hexdigest()}
    content = {
        "format": to,
        "tokenizer": tokenizer.sha256 if tokenizer else None,
        "documents": sum(one["documents"] for one in made),
        "parts": _parts(made),
        "files": dict(sorted((path, told) for one in made for path, told in one["files"].items())),
    }
    put_if_absent(join(dest, MANIFEST), (json.dumps(content, indent=1) + "\n").encode())
    return content | {"dest": dest}


def plan_jobs(output: str, to: str, tokenizer: Tokenizer | None, eos: str, once: bool) -> Iterator[Job]:
    """One a shard; with mosaic one a language and split, as its index names all of these."""
    groups: dict[tuple[str, str], list[str]] = defaultdict(list)
    for path in list_files(join(output, "dataset", "data")):
        if path.endswith(".parquet"):
            language, split = path.split("/")[-3:-1]
            groups[language, split].append(path)
    for (language, split), shards in sorted(groups.items()):
        folder = f"{TOP[split]}/{language}" if to == "jsonl-zst" else f"{language}/{split}"
        if to == "mosaic":
            yield Job(to, folder, "", tuple(shards), tokenizer, eos, once, language, split)
            continue
        for shard in shards:
            name = shard.rsplit("/", 1)[-1].removesuffix(".parquet")
            yield Job(to, folder, name, (shard,), tokenizer, eos, once, language, split)


def _run(jobs: Sequence[Job], dest: str, workers: int) -> Iterator[dict[str, Any]]:
    """Results in the order of the jobs."""
    if workers == 1:
        yield from (job(dest) for job in jobs)
        return
    import multiprocessing

    with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool:
        yield from pool.map(_do, jobs, [dest] * len(jobs))


def _do(job: Job, dest: str) -> dict[str, Any]:
    return job(dest)


def _put(path: Path, place: str) -> None:
    fs, where = filesystem(place)
    fs.makedirs(where.rsplit("/", 1)[0], exist_ok=True)
    fs.put_file(str(path), where)


def _parts(made: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Documents and tokens by language and split."""
    sums: dict[tuple[str, str], dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for one in made:
        for name in ("documents", "tokens"):
            if name in one:
                sums[one["language"], one["split"]][name] += one[name]
    return [{"language": code, "split": split} | dict(counts) for (code, split), counts in sorted(sums.items())]


def _extras(to: str, made: Sequence[Mapping[str, Any]], tokenizer: str | None) -> dict[str, str]:
    """Small files beside: counts and md5 (OpenEuroLLM), the training split as `--data-path` takes it (Megatron)."""
    if to == "megatron":
        train = (one for one in made if one["split"] == "train" and one["tokens"])
        stems = [
            (one["tokens"], next(path.removesuffix(".bin") for path in one["files"] if path.endswith(".bin")))
            for one in train
        ]
        return {"data-path.txt": "".join(f"{tokens} {stem}\n" for tokens, stem in stems)}
    if to != "jsonl-zst":
        return {}
    parts: dict[tuple[str, str], list[Mapping[str, Any]]] = defaultdict(list)
    for one in made:
        parts[one["language"], TOP[one["split"]]].append(one)
    out = {}
    for (language, top), ones in parts.items():
        out[f"counts/{language}/{top}.json"] = json.dumps(part_counts(ones, tokenizer), indent=2) + "\n"
        lines = [f"{told['md5']}  {path}\n" for one in ones for path, told in one["files"].items()]
        out[f"md5/{language}/{top}.md5"] = "".join(lines)
    return out
