"""budgeting.py and the budget command: a dry run is what the run itself would do, changes nothing published, and needs no text."""

import json
from pathlib import Path
from typing import Any

import benchmarks
import crawls
import pytest
from click.testing import CliRunner
from conftest import tree

from euro_curate import budgeting
from euro_curate.balance import FINEWEB2, Balance, Selection
from euro_curate.budgeting import NoPlan, fragment, try_plan
from euro_curate.cli import main
from euro_curate.executors import Serial
from euro_curate.pipeline import clean_work
from euro_curate.recipe import configure, local_tokenizer
from euro_curate.run import Run, merged
from euro_curate.shards import Part, Shards

CODES = ("it", "fi", "bg")


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("budget")
    crawls.run([crawls.split(crawls.pages(CODES), folder / "in", 3)], folder / "out")
    return folder / "out"


def plan(output: Path, budget: str = "", select: dict[str, Any] | None = None, **changes: Any) -> list[dict[str, Any]]:
    return try_plan(Run(str(output), Serial()), changes, select or {}, None, budget)[0]


def test_a_dry_run_is_what_the_run_does(output: Path, tmp_path: Path) -> None:
    tried = plan(output, "3000", {"rehydration": FINEWEB2}, strategy="unimax", unit="bytes")
    settings = {
        "balance": {"strategy": "unimax", "budget": 3000, "unit": "bytes", "rehydrate": [list(p) for p in FINEWEB2]}
    }
    assert crawls.run([output.parent / "in"], tmp_path / "out", settings)["budget"] == tried


def test_it_changes_nothing_published_and_makes_nothing_twice(output: Path) -> None:
    before = {name: data for name, data in tree(output).items() if not name.startswith("work/")}
    first = plan(output, "50%", strategy="temperature")
    files = set(tree(output))
    run = Run(str(output), Serial())
    again, balance = try_plan(run, {"strategy": "temperature"}, {}, None, "50%")
    assert again == first and set(tree(output)) == files
    assert all(count.reused == count.parts for count in run.counts)
    assert {name: data for name, data in tree(output).items() if not name.startswith("work/")} == before
    assert balance.budget == sum(row["words"] for row in first) * 50 // 100 == sum(row["quota"] for row in first)


def test_a_share_of_all_there_is_counts_copies_and_units(output: Path) -> None:
    whole = sum(row["bytes"] for row in plan(output))
    assert sum(row["quota"] for row in plan(output, "12.5%", unit="bytes")) == whole // 8
    more = plan(output, "100%", {"rehydration": FINEWEB2}, unit="bytes")
    assert sum(row["quota"] for row in more) == sum(row["epoch"] for row in more) > whole
    assert all(row["passes"] == 1 and row["epochs"] == 1 for row in more)


def test_without_the_text_everything_but_new_tokens_can_be_planned(output: Path, tmp_path: Path) -> None:
    import shutil

    shutil.copytree(output, tmp_path / "moved")
    (tmp_path / "moved" / "run.json").unlink()
    assert clean_work(str(tmp_path / "moved")) > 0
    assert plan(tmp_path / "moved", "2000", strategy="unimax") == plan(output, "2000", strategy="unimax")
    with pytest.raises(NoPlan, match="run again with this tokenizer"):
        try_plan(Run(str(tmp_path / "moved"), Serial()), {}, {}, local_tokenizer(benchmarks.tokenizer()))


def test_tokens_are_counted_once_for_each_tokenizer(output: Path) -> None:
    own = local_tokenizer(benchmarks.tokenizer())
    made = []
    for tokenizer in (own, own, local_tokenizer(benchmarks.tokenizer(300))):
        run = Run(str(output), Serial())
        rows, _ = try_plan(run, {"unit": "tokens", "strategy": "unimax"}, {}, tokenizer, "4000")
        (counted,) = [count for count in run.counts if count.name == "count_tokens"]
        made.append((counted.parts - counted.reused, sum(row["tokens"] for row in rows)))
        assert all(row["total_tokens"] <= row["quota"] for row in rows)
    assert [parts for parts, _ in made] == [3, 0, 3]
    assert made[0][1] == made[1][1] < made[2][1], "a smaller vocabulary needs more tokens"


def test_what_cannot_be_planned_is_refused(output: Path, tmp_path: Path) -> None:
    with pytest.raises(NoPlan, match=r"sizes\.json is missing"):
        plan(tmp_path)
    with pytest.raises(NoPlan, match="classifier"):
        plan(output, select={"by": "score"})
    with pytest.raises(NoPlan, match="--tokenizer"):
        plan(output, unit="tokens")
    with pytest.raises(ValueError, match=r"such as 5_000_000, 1\.5B or 25%"):
        plan(output, "a lot", strategy="unimax")
    with pytest.raises(ValueError, match="needs a budget"):
        plan(output, strategy="unimax")


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("5_000", 5000),
        ("1.5B", 1_500_000_000),
        ("2T", 2 * 10**12),
        ("3k", 3000),
        ("7,000", 7000),
        ("0.1%", 1),
        ("400%", 4000),
    ],
)
def test_budgets_are_read_as_people_write_them(text: str, amount: int) -> None:
    assert budgeting._amount(text, lambda: 1000) == amount


def test_batches_keep_to_their_number_and_bytes() -> None:
    shards = Shards(tuple(Part(str(i), "", "", 1, size) for i, size in enumerate([5, 5, 1, 9, 20, 1, 1])))
    assert list(merged(shards, 3).values()) == [["0", "1", "2"], ["3", "4", "5"], ["6"]]
    assert list(merged(shards, 3, 10).values()) == [["0", "1"], ["2", "3"], ["4"], ["5", "6"]]
    assert merged(Shards(()), 3) == {}


def test_the_fragment_is_a_recipe_that_says_the_same() -> None:
    import tomllib

    own = local_tokenizer(benchmarks.tokenizer())
    for p in (
        Balance("fixed", 100, "tokens", fixed=(("deu_Latn", 1.5), ("mlt_Latn", 3))),
        Balance("temperature", 5, alpha=0.7),
        Balance("anchors", 10**12, "bytes", anchors=((15e9, 4.0, 1.0), (500e9, 1.0, 0.001))),
    ):
        s = Selection(rehydration=FINEWEB2)
        c = configure(tomllib.loads(fragment(p, s, own)))
        assert (c.balance, c.selection, c.tokenizer) == (p, s, own)


def test_the_command_prints_a_table_and_a_recipe(output: Path) -> None:
    done = CliRunner().invoke(
        main, ["budget", str(output), "--strategy", "fixed", "--fixed", "mt=3,it=1", "--budget", "1k"]
    )
    assert done.exit_code == 0, done.output
    lines = [line.split() for line in done.output.splitlines()]
    (italian,) = [line for line in lines if line[:1] == ["Italian"]]
    assert italian[3] == "1,000", "there is no Maltese here: all goes to Italian"
    assert 'strategy = "fixed"' in done.output and "fixed = { ita_Latn = 1.0, mlt_Latn = 3.0 }" in done.output
    rows = json.loads(CliRunner().invoke(main, ["budget", str(output), "--json"]).output)
    assert {row["language"] for row in rows} == {"ita_Latn", "fin_Latn", "bul_Cyrl"} and all(
        r["epochs"] == 1 for r in rows
    )
    anchored = CliRunner().invoke(
        main,
        [
            "budget",
            str(output),
            "--strategy",
            "anchors",
            "--anchor",
            "600:2:1",
            "--anchor",
            "1e9:1",
            "--budget",
            "100%",
        ],
    )
    assert anchored.exit_code == 0 and "anchors = [[600.0, 2.0, 1.0], [1000000000.0, 1.0, 0.0]]" in anchored.output


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (["--strategy", "unimax"], "needs a budget"),
        (["--strategy", "fixed", "--fixed", "xx=1"], "xx"),
        (["--strategy", "fixed", "--fixed", "mt=much"], "much"),
        (["--strategy", "anchors", "--budget", "5", "--anchor", "large"], "SIZE:MOST"),
        (["--tokenizer", "nowhere.json"], "nowhere.json"),
    ],
)
def test_the_command_refuses_in_one_line(output: Path, more: list[str], told: str) -> None:
    done = CliRunner().invoke(main, ["budget", str(output), *more])
    assert done.exit_code == 2 and told in done.output and "Traceback" not in done.output


def test_a_larger_budgets_pages_are_a_superset_in_the_dataset(tmp_path: Path) -> None:
    crawl = crawls.split(crawls.pages(CODES), tmp_path / "in", 2)
    before: dict[str, int] = {}
    for budget in (1500, 3000, 6000, 20_000):
        settings = {"balance": {"strategy": "unimax", "budget": budget}, "publish": {"repeats": "physical"}}
        crawls.run([crawl], tmp_path / "out", settings)
        now = dict(crawls.dataset(tmp_path / "out")["id"].value_counts().iter_rows())
        assert all(now.get(page, 0) >= n for page, n in before.items())
        before = now
    assert max(before.values()) == 4, "max_epochs"
