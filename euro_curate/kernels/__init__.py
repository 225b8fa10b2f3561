"""Compiled loops over pages, text and hashes: blocks of a page, the single pass over text, the measures, classifiers, MinHash, union-find. Pure.

Importing this package compiles them (some seconds), once per machine: machine code is kept in the user's cache folder, or under
NUMBA_CACHE_DIR, and one process compiles while the others wait. The folder's name holds a hash of these sources, because numba itself
does not notice when a helper in another file changes. Apart from text.py because importing numba takes longer than handling a
hundred pages, which not every command needs.
"""

import fcntl
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numba
import xxhash

from euro_curate.resources import cache_folder


def _machine_code() -> Path:
    """Folder of the compiled code of just these sources."""
    hasher = xxhash.xxh3_64(f"{numba.__version__} {sys.version}".encode())
    for source in (*sorted(Path(__file__).parent.glob("*.py")), Path(__file__).parent.parent / "chars.py"):
        hasher.update(source.read_bytes())
    base = Path(os.environ["NUMBA_CACHE_DIR"]) if os.environ.get("NUMBA_CACHE_DIR") else cache_folder()
    return base / f"kernels-{hasher.hexdigest()}"


@contextmanager
def _one_compiles() -> Iterator[None]:
    """Points numba to our folder; the first process of a machine does the work while others wait for it."""
    folder, before = _machine_code(), numba.config.CACHE_DIR
    folder.mkdir(parents=True, exist_ok=True)
    done = folder / "done"
    numba.config.CACHE_DIR = str(folder)
    try:
        if done.exists():
            yield
            return
        with (folder / "lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX)
            except OSError:  # a file system without locks: each compiles for itself
                pass
            yield
            done.touch()
    finally:
        numba.config.CACHE_DIR = before


with _one_compiles():
    from euro_curate.kernels.blocks import grow
    from euro_curate.kernels.classifying import classify, learn
    from euro_curate.kernels.describing import DESCRIBED, SMOOTHED, describe, smooth
    from euro_curate.kernels.duplicates import components, hash_strings, minhash, split_clusters, star_edges
    from euro_curate.kernels.measuring import FILLER, JAVASCRIPT, MEASURES, NO_LANGUAGE, tally
    from euro_curate.kernels.pages import scan
    from euro_curate.kernels.reading import COUNTS, read

__all__ = [
    "COUNTS",
    "DESCRIBED",
    "FILLER",
    "JAVASCRIPT",
    "MEASURES",
    "NO_LANGUAGE",
    "SMOOTHED",
    "classify",
    "components",
    "describe",
    "grow",
    "hash_strings",
    "learn",
    "minhash",
    "read",
    "scan",
    "smooth",
    "split_clusters",
    "star_edges",
    "tally",
]
