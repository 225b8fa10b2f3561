"""export/push.py and the command: nothing leaves without --yes; then one commit, which also removes what the dataset no longer has."""

import inspect
from pathlib import Path
from typing import Any

import crawls
import pytest
from click.testing import CliRunner
from huggingface_hub import HfApi

from euro_curate.cli import main
from euro_curate.export import Destination, destination, push, upload_of


class Hub:
    """Takes what HfApi takes, by HfApi's own signatures, and does what the Hub would: keeps files by repository."""

    def __init__(self, files: dict[str, bytes] | None = None) -> None:
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.files = dict(files or {})

    def _called(self, name: str, *args: Any, **kwargs: Any) -> dict[str, Any]:
        given = inspect.signature(getattr(HfApi, name)).bind(self, *args, **kwargs).arguments
        given.pop("self")
        self.calls.append((name, dict(given)))
        return dict(given)

    def create_repo(self, *args: Any, **kwargs: Any) -> None:
        self._called("create_repo", *args, **kwargs)

    def create_branch(self, *args: Any, **kwargs: Any) -> None:
        self._called("create_branch", *args, **kwargs)

    def upload_folder(self, *args: Any, **kwargs: Any) -> str:
        from huggingface_hub.utils import filter_repo_objects

        given = self._called("upload_folder", *args, **kwargs)
        for name in list(filter_repo_objects(self.files, allow_patterns=given["delete_patterns"])):
            del self.files[name]
        folder = Path(given["folder_path"])
        names = [path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()]
        for name in filter_repo_objects(names, allow_patterns=given["allow_patterns"]):
            self.files[name] = (folder / name).read_bytes()
        return f"https://hub.example/datasets/{given['repo_id']}/commit/1"


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("push")
    crawls.run([crawls.split(crawls.pages(["it"]), folder / "in", 1)], folder / "out")
    return folder / "out"


def test_one_commit_replaces_the_dataset_and_leaves_other_files(output: Path) -> None:
    hub = Hub({"data/mlt_Latn/train/000_00000.parquet": b"old", ".gitattributes": b"x", "notes.md": b"y"})
    upload = upload_of(str(output))
    url = push(upload, Destination("org/name"), private=True, api=hub)
    assert url.endswith("org/name/commit/1")
    dataset = {p.relative_to(output / "dataset").as_posix() for p in (output / "dataset").rglob("*") if p.is_file()}
    assert set(hub.files) == dataset | {".gitattributes", "notes.md"}
    assert {"README.md", "croissant.json", "data/ita_Latn/train/000_00000.parquet"} <= dataset
    assert [name for name, _ in hub.calls] == ["create_repo", "upload_folder"]
    assert hub.calls[0][1] == {"repo_id": "org/name", "repo_type": "dataset", "private": True, "exist_ok": True}


def test_a_revision_is_a_branch(output: Path) -> None:
    hub = Hub()
    push(upload_of(str(output)), destination("hf://datasets/org/name@v2"), api=hub)
    assert hub.calls[1] == (
        "create_branch",
        {"repo_id": "org/name", "branch": "v2", "repo_type": "dataset", "exist_ok": True},
    )
    assert hub.calls[2][1]["revision"] == "v2"


def test_the_command_is_a_dry_run_unless_told(output: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hub = Hub()
    monkeypatch.setattr("huggingface_hub.HfApi", lambda **_: hub)
    command = ["push", str(output), "--to", "hf://datasets/org/name"]
    dry = CliRunner().invoke(main, command)
    assert (
        dry.exit_code == 0
        and "nothing was uploaded" in dry.output
        and "data/ita_Latn/train/000_00000.parquet" in dry.output
    )
    assert "verdicts" not in dry.output and hub.calls == []
    done = CliRunner().invoke(main, [*command, "--yes"])
    assert done.exit_code == 0 and "commit/1" in done.output and "README.md" in hub.files


def test_what_the_hub_says_against_it_is_told(output: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**_: Any) -> None:
        raise ConnectionError("no route to the Hub")

    monkeypatch.setattr("huggingface_hub.HfApi", refuse)
    done = CliRunner().invoke(main, ["push", str(output), "--to", "hf://datasets/org/name", "--yes"])
    assert done.exit_code == 1 and "no route to the Hub" in done.output


@pytest.mark.parametrize("url", ["org/name", "hf://org/name", "hf://datasets/name", "hf://datasets/a/b/c", "s3://b/x"])
def test_other_places_are_refused(url: str, output: Path) -> None:
    with pytest.raises(ValueError, match="hf://datasets/ORG/NAME"):
        destination(url)
    assert CliRunner().invoke(main, ["push", str(output), "--to", url]).exit_code == 2


def test_a_run_that_is_not_finished_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"run.json is missing"):
        upload_of(str(tmp_path))
    (tmp_path / "run.json").write_text("{}")
    with pytest.raises(ValueError, match="no dataset"):
        upload_of(str(tmp_path))
    assert CliRunner().invoke(main, ["push", str(tmp_path), "--to", "hf://datasets/o/n"]).exit_code == 2
