"""resources.py: bundled files are found, missing ones are an error that says where it looked."""

import pytest

from euro_curate.resources import bundled


def test_finds_files_and_folders_that_travel_with_the_code() -> None:
    assert bundled("pipelines", "web.toml").is_file()
    assert bundled("langid_models").is_dir()


def test_a_missing_file_is_named_with_the_places() -> None:
    with pytest.raises(FileNotFoundError, match=r"pipelines/nothing\.toml is not part of this installation .*_bundled"):
        bundled("pipelines", "nothing.toml")
