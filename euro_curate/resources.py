"""Where the files are that travel with the code, `langid_models/` and `pipelines/`, and where made or fetched ones are kept.

In an installed wheel they lie inside the package (`euro_curate/_bundled/`, see pyproject.toml); in a checkout, beside it.
"""

import os
import tempfile
from importlib.resources import files
from pathlib import Path


def bundled(*parts: str) -> Path:
    """Path of a bundled file or folder, e.g. `bundled("langid_models", "models.toml")`. FileNotFoundError if it is not there."""
    package = Path(str(files("euro_curate")))
    candidates = [package / "_bundled", package.parent]
    for base in candidates:
        path = base.joinpath(*parts)
        if path.exists():
            return path
    raise FileNotFoundError(
        f"{'/'.join(parts)} is not part of this installation (looked in {', '.join(map(str, candidates))})"
    )


def cache_folder() -> Path:
    """The user's cache folder (XDG_CACHE_HOME), made if need be; one under the system's temporary folder where there can be none."""
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "euro_curate"
    try:
        base.mkdir(parents=True, exist_ok=True)
    except OSError:
        base = Path(tempfile.gettempdir()) / f"euro_curate-{os.getuid()}"
        base.mkdir(parents=True, exist_ok=True)
    return base
