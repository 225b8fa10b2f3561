"""push(): a finished run's dataset folder -> a dataset repository of the Hugging Face Hub, in one commit. Nothing leaves without being told to."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from euro_curate.shards import filesystem, join, read_bytes


@dataclass(frozen=True)
class Destination:
    """hf://datasets/<org>/<name>[@<revision>]"""

    repo: str
    revision: str | None = None


@dataclass(frozen=True)
class Upload:
    """What would be uploaded."""

    folder: Path
    files: tuple[tuple[str, int], ...]  # path in the repository, bytes

    @property
    def bytes(self) -> int:
        return sum(size for _, size in self.files)


def destination(url: str) -> Destination:
    """ValueError on anything that is no dataset of the Hub."""
    found = re.fullmatch(r"hf://datasets/([\w.-]+/[\w.-]+?)/?(?:@([\w./-]+))?", url)
    if not found:
        raise ValueError(f"--to {url}: expected hf://datasets/ORG/NAME, or hf://datasets/ORG/NAME@REVISION")
    return Destination(found[1], found[2])


def upload_of(output: str) -> Upload:
    """What is in OUTPUT/dataset: card, metadata and shards; verdicts and work tables stay. ValueError: nothing finished there, or not on this disk."""
    from fsspec.implementations.local import LocalFileSystem

    if read_bytes(join(output, "run.json")) is None:
        raise ValueError(f"no finished run in {output}: run.json is missing")
    fs, where = filesystem(join(output, "dataset"))
    if not isinstance(fs, LocalFileSystem):
        raise ValueError(f"push uploads from a local disk: copy {output}/dataset and {output}/run.json to one first")
    folder = Path(where)
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))
    files = tuple((path.relative_to(folder).as_posix(), path.stat().st_size) for path in paths)
    if not any(name.startswith("data/") for name, _ in files):
        raise ValueError(f"{output} has no dataset to push")
    return Upload(folder, files)


def push(upload: Upload, to: Destination, private: bool = False, api: Any = None) -> str:
    """Uploads, and removes shards of an earlier version, in one commit: readers see the old dataset or the new one. Returns the commit's URL.

    `api` is a huggingface_hub.HfApi; by default one with the user's own login.
    """
    if api is None:
        from huggingface_hub import HfApi

        api = HfApi(library_name="euro_curate")
    api.create_repo(to.repo, repo_type="dataset", private=private, exist_ok=True)
    if to.revision:
        api.create_branch(to.repo, branch=to.revision, repo_type="dataset", exist_ok=True)
    commit = api.upload_folder(
        repo_id=to.repo,
        repo_type="dataset",
        folder_path=upload.folder,
        revision=to.revision,
        commit_message="Dataset made by euro_curate",
        allow_patterns=[name for name, _ in upload.files],
        delete_patterns=["data/**"],
    )
    return str(commit)
