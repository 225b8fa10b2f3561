"""resources.py: bundled files are found, missing ones are an error that says where it looked."""

from pathlib import Path

import pytest

from euro_curate.resources import bundled, cache_folder


def test_finds_files_and_folders_that_travel_with_the_code() -> None:
    assert bundled("pipelines", "web.toml").is_file()
    assert bundled("langid_models").is_dir()


def test_a_missing_file_is_named_with_the_places() -> None:
    with pytest.raises(FileNotFoundError, match=r"pipelines/nothing\.toml is not part of this installation .*_bundled"):
        bundled("pipelines", "nothing.toml")


def test_the_cache_folder_is_the_users_or_else_a_temporary_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert cache_folder() == tmp_path / "cache" / "euro_curate" and cache_folder().is_dir()
    (tmp_path / "file").write_text("no folder can be made in a file")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert cache_folder().is_dir() and cache_folder().parent == tmp_path
