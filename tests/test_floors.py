"""DESIGN section 3 as a test: who may import whom, who alone imports what, and what a bare import costs."""

import ast
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

import euro_curate

PACKAGE = Path(euro_curate.__file__).parent

FLOORS = (
    "schema languages chars hosts kernels text units stage shards resources models network",
    "kinship langid score dedup quality pii verdict balance contamination screening publish optout",
    "run executors ingest sample progress watch forecast",
    "duplicates earlier budgeting",
    "recipe onestage explain calibrate report dataset export",
    "pipeline",
    "cli",
)
FLOOR = {name: floor for floor, names in enumerate(FLOORS) for name in names.split()}
NEIGHBOURS = {  # the allowed imports within a floor
    ("executors", "run"),
    ("recipe", "report"),
    ("progress", "run"),
    ("progress", "watch"),
    ("progress", "forecast"),
    ("forecast", "ingest"),
    ("watch", "run"),
    ("models", "resources"),
    ("models", "units"),
    ("network", "kernels"),
    ("network", "models"),
    ("langid", "kinship"),
    ("publish", "balance"),
    ("dataset", "recipe"),
    ("kernels", "resources"),
    ("kernels", "chars"),
    ("text", "chars"),
    ("text", "kernels"),
}
SOLE_IMPORTER = {"ray": "executors", "fasttext": "models", "numba": "kernels"}
HEAVY = ("pyarrow", "polars", "numba", "ray", "trafilatura", "fasttext", "datatrove")


def imports(source: str, path: str) -> Iterator[str]:
    """Dotted names that a file imports, anywhere in it; `from p import m` counts as p.m."""
    package = ["euro_curate", *Path(path).parts[:-1]]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) + 1 - node.level] if node.level else []
            stem = ".".join([*base, *([node.module] if node.module else [])])
            yield from (f"{stem}.{alias.name}" for alias in node.names)


def unit(path: str) -> str:
    """The file or sub-folder right under the package."""
    return Path(path).parts[0].removesuffix(".py")


def breaches(files: Mapping[str, str]) -> list[str]:
    """Every breach of the floors in files (path relative to the package -> source)."""
    out = []
    for path, source in files.items():
        own = unit(path)
        if own == "__init__":
            out += [f"{path} imports {name}" for name in imports(source, path)]
            continue
        if own not in FLOOR:
            out.append(f"{path} is on no floor")
            continue
        for name in imports(source, path):
            top, *rest = name.split(".")
            if top in SOLE_IMPORTER and own != SOLE_IMPORTER[top]:
                out.append(f"{path} imports {top}, which is {SOLE_IMPORTER[top]}.py's")
            if top != "euro_curate" or rest == ["__version__"]:
                continue
            other = rest[0] if rest else "__init__"
            if other == own and Path(path).parts[0] == own:  # inside one sub-folder
                continue
            if other not in FLOOR:
                out.append(f"{path} imports {name}, which is on no floor")
            elif FLOOR[other] >= FLOOR[own] and (own, other) not in NEIGHBOURS:
                out.append(f"{path} (floor {FLOOR[own]}) imports {name} (floor {FLOOR[other]})")
            elif (PACKAGE / other).is_dir() and len(rest) > 2 and (PACKAGE / other / f"{rest[1]}.py").exists():
                # a sub-folder has one face: from outside, names come from its __init__
                if (path, f"{other}.{rest[1]}") not in BEHIND_THE_FACE:
                    out.append(f"{path} reaches behind the face of {other}/: {name}")
    return out


BEHIND_THE_FACE = {("pipeline.py", "ingest.crawl")}  # the stage's version


def sources() -> dict[str, str]:
    return {str(p.relative_to(PACKAGE)): p.read_text("utf-8") for p in sorted(PACKAGE.rglob("*.py"))}


def test_the_package_keeps_its_floors() -> None:
    files = sources()
    assert len(files) > 30
    assert breaches(files) == []


def test_every_name_on_a_floor_exists_and_each_heavy_import_has_its_importer() -> None:
    files = sources()
    assert {unit(path) for path in files} - {"__init__"} == set(FLOOR)
    for package, owner in SOLE_IMPORTER.items():
        own = [path for path in files if unit(path) == owner]
        assert any(name.split(".")[0] == package for path in own for name in imports(files[path], path))


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("text.py", "from euro_curate import stage"),
        ("stage.py", "import euro_curate.dedup"),
        ("dedup.py", "def f():\n    from euro_curate.quality import measure"),
        ("quality.py", "from .verdict import decide"),
        ("quality.py", "from . import verdict"),
        ("pii/phone.py", "from ..balance import quotas"),
        ("pii/phone.py", "from euro_curate.report import render"),
        ("run.py", "from euro_curate.executors import Serial"),
        ("sample.py", "from euro_curate.run import Run"),
        ("ingest/page.py", "from euro_curate.recipe import load"),
        ("pipeline.py", "from euro_curate.cli import main"),
        ("explain.py", "from euro_curate.recipe import load"),
        ("run.py", "if True:\n    import ray"),
        ("executors.py", "from ray import util\nfrom euro_curate.sample import sample_crawl"),
        ("ingest/page.py", "import fasttext.FastText"),
        ("dedup.py", "from numba import njit"),
        ("gadget.py", ""),
        ("dedup.py", "from euro_curate.gadget import f"),
        ("dedup.py", "import euro_curate"),
        ("recipe.py", "from euro_curate.ingest.page import Ingest"),
        ("__init__.py", "import pyarrow"),
    ],
)
def test_a_breach_is_caught(path: str, source: str) -> None:
    assert len(breaches({path: source})) == 1


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("executors.py", "import ray\nfrom euro_curate.run import Task"),
        ("pii/__init__.py", "from euro_curate.pii import phone\nfrom . import ip\nfrom euro_curate import text"),
        ("cli/run.py", "from euro_curate import __version__, onestage\nfrom euro_curate.pipeline import curate"),
    ],
)
def test_what_is_allowed_passes(path: str, source: str) -> None:
    assert breaches({path: source}) == []


@pytest.mark.parametrize(
    "script",
    [
        "import euro_curate",
        "import sys; sys.argv = ['euro-curate', '--help']\nfrom euro_curate.cli import main\ntry: main()\nexcept SystemExit: pass",
    ],
    ids=["import", "help"],
)
def test_nothing_heavy_is_loaded_before_it_is_needed(script: str) -> None:
    probe = f"{script}\nimport sys\nprint('LOADED', *sorted({{m.split('.')[0] for m in sys.modules}}))"
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    loaded = done.stdout.rsplit("LOADED", 1)[1].split()
    assert "euro_curate" in loaded
    assert [name for name in HEAVY if name in loaded] == []


def test_the_probe_sees_what_is_loaded() -> None:
    probe = "import sys, euro_curate.schema\nprint(*{m.split('.')[0] for m in sys.modules})"
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert "pyarrow" in done.stdout.split()
