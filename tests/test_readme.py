"""README's commands work as written, and the wheel needs nothing but itself."""

import os
import re
import shlex
import shutil
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest
from conftest import ROOT

README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"```\n(.*?)```", README, re.DOTALL)
COMMANDS = [line for block in BLOCKS for line in block.splitlines() if line.startswith((".venv/bin/", "make "))]


def test_readme_names_the_two_commands_first() -> None:
    assert BLOCKS[0].split("\n")[:2] == ["make demo", "make test"]
    assert len(COMMANDS) >= 10


@pytest.mark.parametrize("command", [c for c in COMMANDS if c.startswith("make ")])
def test_make_targets_exist(command: str) -> None:
    done = subprocess.run(
        ["make", "--dry-run", *command.split()[1:]], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_make_help_lists_every_target() -> None:
    said = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for target in (
        "demo",
        "test",
        "check",
        "slow",
        "bench",
        "trainers",
        "eu24",
        *"bg cs da de el en es et fi fr ga hr hu it lt lv mt nl pl pt ro sk sl sv".split(),
    ):
        assert re.search(rf"\b{target}\b", said), target


def test_any_language_is_one_pattern_rule() -> None:
    """One rule for the 24: the recipe of `make mt` is that of `make bg` with another code."""
    said = {}
    for code in ("bg", "mt"):
        dry = ["make", "--dry-run", code, "INPUT=x", "OUTPUT=y"]
        lines = subprocess.run(dry, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
        said[code] = next(line for line in lines if "euro-curate run" in line)
    assert said["mt"] == said["bg"].replace("--languages bg", "--languages mt")
    assert "--languages bg" in said["bg"] and "--input 'x'" in said["bg"] and "--output 'y'" in said["bg"]


def test_readme_commands_on_the_demo(finished: Path, tmp_path: Path) -> None:
    """The run, explain and one-stage commands, on the demo's output and small files; cluster and cloud lines are not for here."""
    shutil.copytree(finished, tmp_path / "demo_output")
    run = next(c for c in COMMANDS if "run web --input 'crawl" in c)
    explain = next(c for c in COMMANDS if " explain " in c)
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}

    def do(command: str) -> subprocess.CompletedProcess[str]:
        words = shlex.split(command.replace(".venv/bin/", ""), comments=True)
        return subprocess.run(words, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)

    told = do(explain)
    assert told.returncode == 0 and '"verdict"' in told.stdout, told.stderr
    again = do(next(c for c in COMMANDS if "euro-curate report demo_output" in c))
    assert again.stdout.strip() == "demo_output/report/index.html", again.stderr
    fitted = do(next(c for c in COMMANDS if "calibrate demo_output" in c))
    assert fitted.returncode == 0 and "clean dropped" in fitted.stdout, fitted.stderr
    for word, said in (
        ("--strategy unimax", "Maltese"),
        ("--strategy temperature", 'unit = "bytes"'),
        ("export demo_output --to jsonl-zst", "export/jsonl-zst"),
        ("export demo_output --to mosaic", "export/mosaic"),
        ("push demo_output", "nothing was uploaded"),
    ):
        done = do(next(c for c in COMMANDS if word in c))
        assert done.returncode == 0 and said in done.stdout + done.stderr, done.stderr
    (tmp_path / "pages.jsonl").write_text('{"id": 1, "html": "<p>x</p>"}\n')
    (tmp_path / "texts.jsonl").write_text('{"id": 1, "text": "Guten Morgen", "language": "de"}\n')
    for name in ("extract", "identify", "measure", "redact"):
        one = do(next(c for c in COMMANDS if f"euro-curate {name} " in c))
        assert one.returncode == 0 and one.stdout.startswith('{"id": 1'), one.stderr
    assert do(run).returncode == 2, "there is no folder `crawl` here"


def test_the_wheel_runs_the_demo_outside_the_checkout(tmp_path: Path) -> None:
    """Models, recipes and sample travel in the wheel: cluster nodes need nothing but the package."""
    uv = Path(sys.executable).parent / "uv"
    if not uv.exists():
        pytest.skip("uv is not installed in this environment")
    built = subprocess.run(
        [str(uv), "build", "--wheel", "--out-dir", str(tmp_path), str(ROOT)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stderr[-500:]
    wheel = next(tmp_path.glob("*.whl"))
    venv.create(tmp_path / "env", with_pip=False)
    site = next((tmp_path / "env" / "lib").glob("python3*/site-packages"))
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    own = next(Path(path) for path in sys.path if path.endswith("site-packages"))
    (site / "dependencies.pth").write_text(
        f"{own}\n"
    )  # the dependencies of this environment, after the wheel's own files
    script = (
        "import euro_curate, sys; assert 'env' in euro_curate.__file__, euro_curate.__file__\n"
        "from euro_curate.cli import main; main(['run', 'demo', '--engine', 'serial', '--quiet'])"
    )
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"} | {
        "XDG_CACHE_HOME": str(tmp_path / "cache")
    }
    done = subprocess.run(
        [str(tmp_path / "env" / "bin" / "python"), "-c", script],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-800:]
    assert "24 languages in the dataset" in done.stderr
    assert (tmp_path / "demo_output" / "report" / "index.html").exists()
