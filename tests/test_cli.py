"""The command line: contract of the six commands, exit codes, one clear line for what is refused."""

import gzip
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import crawls
import polars as pl
import pytest
import zstandard
from click.testing import CliRunner
from conftest import Page, write_warc

from euro_curate.cli import main

TEXTS = {
    "mt": "Il-bieraħ filgħodu morna nimxu ħdejn il-baħar u rajna d-dgħajjes żgħar deħlin fil-port.",
    "fi": "Eilen aamulla kävelimme rannalla ja katselimme, kuinka pienet veneet palasivat satamaan.",
    "el": "Χθες το πρωί περπατήσαμε δίπλα στη θάλασσα και είδαμε τις μικρές βάρκες να γυρίζουν στο λιμάνι.",
    "nb": "I går morges gikk vi en tur langs sjøen, og da så vi at de små båtene kom inn til havna igjen etter natta.",
    "ja": "昨日の朝、海辺を歩いて、小さな船が港に戻るのを見ました。",
}


def invoke(*args: str, given: str | bytes | None = None) -> Any:
    return CliRunner().invoke(main, args, input=given)


def lines(objects: list[dict[str, Any]]) -> str:
    return "".join(json.dumps(o) + "\n" for o in objects)


def answers(result: Any) -> list[dict[str, Any]]:
    assert result.exit_code == 0, result.output
    assert result.stdout.isascii(), "JSONL is ASCII-escaped: no raw U+2028 for anybody to trip over"
    return [json.loads(line) for line in result.stdout.split("\n") if line]


# --- one stage on JSONL --------------------------------------------------------------------------------------------


def test_identify_answers_every_line_in_order() -> None:
    given = [{"id": code, "text": text} for code, text in TEXTS.items()] + [{"id": 7, "text": ""}]
    found = answers(invoke("identify", given=lines(given)))
    assert [row["id"] for row in found] == ["mt", "fi", "el", "nb", "ja", 7]
    assert [row["language"] for row in found] == ["mlt_Latn", "fin_Latn", "ell_Grek", "nob_Latn", "und", "und"]
    assert set(found[0]) == {"id", "language", "score", "second", "second_score"}
    assert found[0]["score"] > 0.9 and found[5]["score"] is None


def test_identify_reads_plain_lines_each_by_its_number() -> None:
    texts = [*TEXTS.values(), "", '{"id": 9, "text": "x"}', "yksi\u2028kaksi", "l'últim vers sense final de línia"]
    given = "\n".join(texts)
    found = answers(invoke("identify", "--plain", given=given))
    assert [row["id"] for row in found] == list(range(1, len(texts) + 1))
    as_json = lines([{"id": i, "text": text} for i, text in enumerate(texts, 1)])
    assert found == answers(invoke("identify", given=as_json))
    assert found == answers(invoke("identify", "--plain", "--workers", "2", given=given))
    assert (found[5]["language"], found[5]["score"]) == ("und", None), "a blank line is a text without letters"
    assert invoke("measure", "--plain", given=given).exit_code == 2, "the others need more than a text"


def test_identify_tells_the_score_even_when_it_is_too_low() -> None:
    found = answers(invoke("identify", given=lines([{"id": 1, "text": "la"}])))[0]
    assert found["language"] == "und" and found["score"] is not None


def test_measure_gives_every_measure() -> None:
    from euro_curate.schema import QUALITIES

    found = answers(invoke("measure", given=lines([{"id": "a", "text": TEXTS["fi"], "language": "Finnish"}])))[0]
    assert set(found) == set(QUALITIES.names)
    assert (found["words"], found["lines"]) == (11, 1)


def test_redact_offsets_are_code_points_of_the_input() -> None:
    text = "Γράψε 😀 στο nikos@taverna.example σήμερα"
    found = answers(invoke("redact", given=lines([{"id": "a", "text": text, "language": "el"}])))[0]
    spans = [(s["kind"], text[s["start"] : s["end"]]) for s in found["found"]]
    assert spans == [("email", "nikos@taverna.example")]
    assert found["text"] == "Γράψε 😀 στο <email-pii> σήμερα"


def test_extract_gives_text_title_and_stop() -> None:
    page = crawls.pages(["fi"])[0]
    html = next(p.body for p in crawls.pages(["fi"]) if "fi-" in p.url)
    assert isinstance(html, str) and page
    found = answers(
        invoke("extract", given=lines([{"id": 1, "html": html}, {"id": 2, "html": "", "url": "https://x.example/"}]))
    )
    assert found[0]["stop"] is None and len(found[0]["text"]) > 1000 and found[0]["title"]
    assert "<p>" not in found[0]["text"]
    assert (found[1]["text"], found[1]["stop"]) == ("", "extract:empty")


@pytest.mark.parametrize("pack", [bytes, gzip.compress, zstandard.ZstdCompressor().compress])
def test_files_may_be_packed_and_lines_may_hold_odd_separators(tmp_path: Path, pack: Any) -> None:
    rows = '{"id": 1, "text": "yksi\u2028kaksi\u0085kolme"}\n{"id": 2, "text": "neljä"}\n'
    (tmp_path / "rows").write_bytes(pack(rows.encode()))
    assert [row["id"] for row in answers(invoke("identify", str(tmp_path / "rows")))] == [1, 2]


def test_workers_change_nothing(tmp_path: Path) -> None:
    rows = lines([{"id": i, "text": text} for i, text in enumerate([*TEXTS.values()] * 60)])
    (tmp_path / "rows.jsonl").write_text(rows)
    one = invoke("identify", str(tmp_path / "rows.jsonl"))
    two = invoke("identify", str(tmp_path / "rows.jsonl"), "--workers", "2")
    assert one.exit_code == two.exit_code == 0
    assert one.stdout == two.stdout and one.stdout.count("\n") == 300


@pytest.mark.parametrize(
    ("command", "row", "told"),
    [
        ("identify", "not json", "line 1 is not JSON"),
        ("identify", '{"text": "x"}', "line 1 is not an object with an `id`"),
        ("identify", '{"id": 1}', "line 1 has no `text`"),
        ("extract", '{"id": 1, "text": "x"}', "line 1 has no `html`"),
        ("measure", '{"id": 1, "text": "x"}', "line 1 has no `language`"),
        ("redact", "[1]", "line 1 is not an object"),
    ],
)
def test_bad_lines_are_named(command: str, row: str, told: str) -> None:
    result = invoke(command, given=row + "\n")
    assert result.exit_code == 2 and told in result.output


def test_missing_file_is_refused() -> None:
    result = invoke("identify", "nowhere.jsonl")
    assert result.exit_code == 2 and "nowhere.jsonl" in result.output


# --- run and explain -----------------------------------------------------------------------------------------------

CLASSIFIER = [
    "--set",
    "quality.models.mt=hq",
    "--set",
    "models.hq.file={file}",
    "--set",
    f"models.hq.sha256={'a' * 64}",
]
CLASSIFIER += ["--set", "models.hq.kind=quality", "--set", "models.hq.label=__label__hq"]

SECOND_MODEL = ["--set", "langid.agree=second", "--set", "models.second.file={file}"]
SECOND_MODEL += ["--set", f"models.second.sha256={'b' * 64}"]


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (["run", "nowhere.toml"], "no recipe 'nowhere.toml'"),
        (["run", "web", "--output", "{out}"], "no input"),
        (["run", "web", "--input", "{in}"], "no output"),
        (["run", "web", "--input", "{in}/*.nothing", "--output", "{out}"], "matches no file"),
        (["run", "web", "--input", "{in}", "--output", "{file}"], "cannot be written"),
        (["run", "web", "--input", "{in}", "--output", "{out}", "--languages", "mt,xx"], "'xx'"),
        (["run", "web", "--input", "{in}", "--output", "{out}", "--set", "ingest.tabels=true"], "'tables'"),
        (["run", "web", "--input", "ftp9://x/y", "--output", "{out}"], "ftp9"),
        (["run", "web", "--input", "bundled:other", "--output", "{out}"], "bundled:sample"),
        (["run", "web", "--input", "{in}", "--output", "{out}", "--engine", "spark"], "spark"),
        (
            ["run", "web", "--input", "{in}", "--output", "{out}", "--address", "127.0.0.1:1"],
            "cannot join the Ray cluster",
        ),
        (["run", "web", "--input", "{in}", "--output", "{out}", *CLASSIFIER], f"expected {'a' * 64}"),
        (["run", "web", "--input", "{in}", "--output", "{out}", *SECOND_MODEL], f"expected {'b' * 64}"),
        (["explain", "{out}", "--id", "x"], "no finished run"),
        (["explain", "{out}"], "--id or --url"),
    ],
)
def test_refused_with_one_line_and_nothing_started(tmp_path: Path, args: list[str], told: str) -> None:
    write_warc(tmp_path / "in" / "a.warc.gz", [Page("x")])
    (tmp_path / "file").write_text("in the way")
    places = {"in": tmp_path / "in", "out": tmp_path / "out", "file": tmp_path / "file"}
    result = (
        invoke(*(arg.format(**places) for arg in args), "--quiet")
        if args[0] == "run"
        else invoke(*(arg.format(**places) for arg in args))
    )
    assert result.exit_code == 2, result.output
    assert told in result.output
    assert "Traceback" not in result.output
    assert not list((tmp_path / "out").rglob("*.parquet"))


def test_run_then_explain(tmp_path: Path) -> None:
    crawl = crawls.split(crawls.pages(["bg"]), tmp_path / "in", 2)
    out = str(tmp_path / "out")
    (tmp_path / "out").mkdir()
    result = invoke(
        "run", "web", "--input", str(crawl), "--output", out, "--engine", "serial", "--languages", "Bulgarian"
    )
    assert result.exit_code == 0, result.output
    assert f"{out}/report/index.html" in result.output
    dropped = crawls.pl.col("verdict").str.starts_with("duplicate:")
    copy = crawls.verdicts(tmp_path / "out").filter(dropped)[0].to_dicts()[0]
    story = json.loads(invoke("explain", out, "--url", copy["url"]).stdout)
    assert story["verdict"]["verdict"] == copy["verdict"]
    assert story["measure"]["words"] > 100 and story["thresholds"]["min_words"] == 50
    assert story["cluster"][0]["id"] == copy["duplicate_of"] and len(story["cluster"]) == 3
    assert "text" not in story["ingest"], "explain tells about a page, it does not publish it"
    by_id = json.loads(invoke("explain", out, "--id", f"urn:uuid:{copy['id']}").stdout)
    assert by_id["verdict"] == story["verdict"]
    again = invoke("run", "web", "--input", str(crawl), "--output", out, "--engine", "serial", "--languages", "bul")
    assert again.exit_code == 0 and "nothing to do" in again.output
    assert invoke("explain", out, "--url", "https://never.example/").exit_code == 2


def test_explain_tells_of_the_tables_that_the_verdict_rests_on(tmp_path: Path) -> None:
    """Not of the newest: a setting that was tried and taken back leaves its tables in work/."""
    crawl = crawls.split(crawls.pages(["it"]), tmp_path / "in", 1)
    out = tmp_path / "out"
    for threshold in (50.0, 100_000.0, 50.0):
        crawls.run([crawl], out, {"quality": {"thresholds": {"min_words": threshold}}})
    kept = crawls.verdicts(out).filter(pl.col("verdict") == "kept")["id"][0]
    story = json.loads(invoke("explain", str(out), "--id", kept).stdout)
    assert story["verdict"]["verdict"] == "kept" and story["thresholds"]["min_words"] == 50
    assert story["decide"]["verdict"] is None
    assert story["redact"]["words"] > 0


def test_clean_removes_text_and_keeps_what_explain_needs(tmp_path: Path) -> None:
    crawl = crawls.split(crawls.pages(["bg"]), tmp_path / "in", 1)
    out = tmp_path / "out"
    args = ["run", "web", "--input", str(crawl), "--output", str(out), "--engine", "serial", "--quiet", "--clean"]
    assert invoke(*args).exit_code == 0
    work = {path.relative_to(out / "work").parts[0] for path in (out / "work").rglob("*.parquet")}
    assert work & {"ingest", "redact", "sort_clean"} == set()
    assert {"identify", "sign", "measure", "connect"} <= work
    page = crawls.verdicts(out)[0].to_dicts()[0]
    assert json.loads(invoke("explain", str(out), "--id", page["id"]).stdout)["verdict"]["id"] == page["id"]


def test_input_set_aside_is_exit_3_and_the_dataset_waits_for_permission(tmp_path: Path) -> None:
    """A part that a stage fails on for good: here, because something else lies where it must be written."""
    crawl = crawls.split(crawls.pages(["bg", "fi"]), tmp_path / "in", 2)
    args = ["run", "web", "--input", str(crawl), "--output", str(tmp_path / "out"), "--engine", "serial", "--quiet"]
    assert invoke(*args).exit_code == 0
    victim = next((tmp_path / "out" / "work" / "measure").rglob("part-00*.parquet"))
    victim.write_bytes(b"not a table")
    result = invoke(*args)
    assert result.exit_code == 3, result.output
    summary = json.loads((tmp_path / "out" / "run.json").read_text())
    aside = [entry for entry in summary["inputs"] if "set_aside" in entry]
    assert [entry["name"] for entry in aside] == ["part-00.warc.gz"] and not summary["complete"]
    assert aside[0]["set_aside"]["stage"] == "measure" and aside[0]["set_aside"]["history"]
    assert "set aside: part-00.warc.gz" in result.output and "--allow-missing" in result.output
    assert not list((tmp_path / "out" / "dataset").rglob("*.parquet")), "not published"
    assert invoke(*args, "--allow-missing").exit_code == 3
    assert len(crawls.dataset(tmp_path / "out")) > 0


def test_unreadable_and_damaged_files_do_not_fail_a_run(tmp_path: Path) -> None:
    write_warc(tmp_path / "in" / "good.warc.gz", crawls.pages(["bg"]))
    (tmp_path / "in" / "empty.warc.gz").write_bytes(b"")
    (tmp_path / "in" / "picture.warc.gz").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(100))
    (tmp_path / "in" / "lost.warc.gz").symlink_to(tmp_path / "in" / "good.warc.gz")
    out = tmp_path / "out"
    result = invoke(
        "run", "web", "--input", str(tmp_path / "in"), "--output", str(out), "--engine", "serial", "--quiet"
    )
    assert result.exit_code == 0, result.output
    inputs = {entry["name"]: entry for entry in json.loads((out / "run.json").read_text())["inputs"]}
    assert inputs["picture.warc.gz"]["errors"] and inputs["picture.warc.gz"]["bytes_skipped"] == 108
    assert inputs["empty.warc.gz"]["records"] == 0 and not inputs["empty.warc.gz"]["errors"]


@pytest.mark.parametrize("command", [[], ["run"], ["explain"], ["extract"], ["identify"], ["measure"], ["redact"]])
def test_help_has_examples(command: list[str]) -> None:
    said = invoke(*command, "--help").output
    assert "Example" in said and "euro-curate" in said


def test_module_and_script_are_the_same_command() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "euro_curate.cli", "--version"],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ,
    )
    from euro_curate import __version__

    assert __version__ in done.stdout
