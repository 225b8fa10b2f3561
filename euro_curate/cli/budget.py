"""`euro-curate budget`."""

import json
from typing import Any

import click

from euro_curate.cli.shared import Refused


@click.command()
@click.argument("output")
@click.option(
    "--strategy", type=click.Choice(["natural", "temperature", "unimax", "fixed", "anchors"]), help="How to share out."
)
@click.option("--budget", metavar="N", help="5_000_000, 20M, 1.5B, or a share of all there is: 25%, 400%.")
@click.option("--unit", type=click.Choice(["words", "bytes", "tokens"]), help="Of the budget.")
@click.option("--tokenizer", metavar="FILE", help="tokenizer.json; tokens are counted once, and kept.")
@click.option("--max-epochs", type=float, help="How often a language may be gone over, at most.")
@click.option("--alpha", type=click.FloatRange(0, 1), help="temperature: shares ~ size ** alpha.")
@click.option("--fixed", metavar="LIST", help="fixed: mt=3,de=1 (proportions of the budget; amounts without one).")
@click.option(
    "--anchor", "anchors", multiple=True, metavar="SIZE:MOST[:LEAST]", help="anchors: a band. May be repeated."
)
@click.option("--select", type=click.Choice(["hash", "score"]), help="Which pages of a language come first.")
@click.option("--rehydrate", is_flag=True, help="Pages count by their number of copies, with FineWeb-2's weights.")
@click.option("--json", "as_json", is_flag=True, help="The plan's rows as JSON instead of a table.")
def budget(
    output: str,
    strategy: str | None,
    budget: str | None,
    unit: str | None,
    tokenizer: str | None,
    max_epochs: float | None,
    alpha: float | None,
    fixed: str | None,
    anchors: tuple[str, ...],
    select: str | None,
    rehydrate: bool,
    as_json: bool,
) -> None:
    """Try a budget on OUTPUT, a run that has got as far as its kept pages: seconds, and nothing published changes.

    What is not given is as in the run's recipe. The plan is exact to the page; below it stands the recipe's section that makes it so.

    \b
    Examples:
      euro-curate budget out --strategy unimax --budget 25%
      euro-curate budget out --strategy temperature --alpha 0.3 --budget 100B --unit tokens --tokenizer tokenizer.json
      euro-curate budget out --strategy anchors --anchor 15e9:4:1 --anchor 100e9:4 --anchor 500e9:1 --budget 2T --unit tokens
    """
    from dataclasses import replace

    from euro_curate import budgeting
    from euro_curate.balance import FINEWEB2, plan_text
    from euro_curate.executors import Serial
    from euro_curate.languages import resolve
    from euro_curate.recipe import local_tokenizer
    from euro_curate.run import GatherFailed, Run

    given = {"strategy": strategy, "unit": unit, "max_epochs": max_epochs, "alpha": alpha}
    changes: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    chosen: dict[str, Any] = ({"by": select} if select else {}) | ({"rehydration": FINEWEB2} if rehydrate else {})
    try:
        if strategy:
            changes["fixed"] = ()  # the recipe's belong to its own strategy
        if fixed:
            pairs = (pair.partition("=") for pair in fixed.split(",") if pair.strip())
            changes["fixed"] = tuple(sorted((resolve(name.strip()).code, float(n)) for name, _, n in pairs))
        if anchors:
            changes["anchors"] = tuple(_anchor(band) for band in anchors)
        run = Run(output, Serial())
        own = local_tokenizer(tokenizer) if tokenizer else None
        rows, balance = budgeting.try_plan(run, changes, chosen, own, budget or "")
        _, _, planned = budgeting.recall(run)
    except (ValueError, OSError, ImportError, GatherFailed) as error:
        raise Refused(str(error)) from error
    if as_json:
        click.echo(json.dumps(rows, indent=1))
        return
    click.echo(plan_text(rows, balance), nl=False)
    click.echo()
    click.echo(budgeting.fragment(balance, replace(planned.selection, **chosen), own or planned.tokenizer), nl=False)


def _anchor(band: str) -> tuple[float, float, float]:
    size, _, epochs = band.partition(":")
    most, _, least = epochs.partition(":")
    try:
        return float(size), float(most), float(least or 0)
    except ValueError:
        raise ValueError(f"--anchor {band}: expected SIZE:MOST[:LEAST], such as 15e9:4:1") from None
