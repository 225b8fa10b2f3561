"""`euro-curate report`: the same bytes again from the small tables alone, and one clear line for what cannot be told."""

import shutil
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from euro_curate.cli import main


def invoke(*args: str) -> Any:
    return CliRunner().invoke(main, ["report", *args])


def test_rendering_again_gives_the_same_bytes_without_the_stage_tables(finished: Path, tmp_path: Path) -> None:
    shutil.copytree(finished, tmp_path / "out", ignore=shutil.ignore_patterns("work", "verdicts", "dataset"))
    page = tmp_path / "out" / "report" / "index.html"
    first = page.read_bytes()
    page.unlink()
    done = invoke(str(tmp_path / "out"))
    assert done.exit_code == 0 and done.stdout.strip() == str(page)
    assert page.read_bytes() == first and len(first) < 3_000_000
    assert invoke(str(tmp_path / "out"), "--to", str(tmp_path / "else.html")).exit_code == 0
    assert (tmp_path / "else.html").read_bytes() == first


def test_a_comparison_lies_beside_the_second_report(finished: Path, tmp_path: Path) -> None:
    for name in ("a", "b"):
        shutil.copytree(finished, tmp_path / name, ignore=shutil.ignore_patterns("work", "verdicts", "dataset"))
    done = invoke(str(tmp_path / "a"), str(tmp_path / "b"))
    assert done.stdout.strip() == str(tmp_path / "b" / "report" / "compared.html")
    first = (tmp_path / "b" / "report" / "compared.html").read_bytes()
    assert b"Both read the same input." in first
    invoke(str(tmp_path / "a"), str(tmp_path / "b"))
    assert (tmp_path / "b" / "report" / "compared.html").read_bytes() == first


@pytest.mark.parametrize(
    ("make", "args", "told"),
    [
        (None, ("nowhere",), "no finished run in nowhere"),
        (None, ("a", "b", "c"), "one run, or two to compare, not 3"),
        ("tables", ("out",), "out has no tables under report/"),
        ("run.json", ("out",), "no finished run in out"),
    ],
)
def test_what_cannot_be_told_is_refused(
    finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make: str | None, args: tuple[str, ...], told: str
) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copytree(finished, "out", ignore=shutil.ignore_patterns("work", "verdicts", "dataset"))
    if make == "tables":
        shutil.rmtree("out/report")
    elif make:
        Path("out", make).unlink()
    done = invoke(*args)
    assert done.exit_code == 2 and told in done.stderr and len(done.stderr.strip().splitlines()) == 1
