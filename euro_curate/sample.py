"""The bundled sample crawl: readable HTML sources that travel with the package, made into WARC files on first use."""

import importlib.util
import os
import tempfile
from pathlib import Path

import xxhash

from euro_curate.resources import bundled, cache_folder


def sample_crawl(name: str) -> str:
    """Folder with the WARC files of the sample, built into the user's cache (XDG_CACHE_HOME) unless they are there. ValueError: no such sample."""
    if name != "sample":
        raise ValueError(f"no bundled input {name!r}; there is: bundled:sample")
    folder = bundled("pipelines", "sample")
    sources = sorted((folder / "pages").rglob("*.html"))
    hasher = xxhash.xxh3_64((folder / "build.py").read_bytes())
    for source in sources:
        hasher.update(source.read_bytes())
    target = cache_folder() / f"sample-{hasher.hexdigest()}"
    if not target.exists():
        spec = importlib.util.spec_from_file_location("euro_curate_sample_build", folder / "build.py")
        assert spec is not None and spec.loader is not None
        builder = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(builder)
        with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
            builder.build(folder / "pages", Path(scratch) / "crawl")
            try:
                os.rename(Path(scratch) / "crawl", target)
            except OSError:
                if not target.exists():  # another process was faster, or something is wrong
                    raise
    return str(target)
