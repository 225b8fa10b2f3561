"""`make trainers` hands over exports of a real run, made by the project's own environment: this one has none of it."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def exports() -> Path:
    """Folder with run.json's dataset/ and export/<format>/ of a run on the sample."""
    folder = os.environ.get("EURO_CURATE_EXPORTS", "")
    if not folder:
        pytest.skip("needs the exports that `make trainers` makes")
    return Path(folder)
