"""`euro-curate status`."""

import json
import sys

import click

from euro_curate.cli.shared import STOPPED, Refused


@click.command()
@click.argument("output")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def status(output: str, as_json: bool) -> None:
    """Tell how far the run in OUTPUT is, from any machine that sees OUTPUT: stages, parts, rates, what was set aside.

    Exit codes: 0 finished or running; 1 stopped, interrupted, or no word from its driver for a minute; 2 there is no run.

    \b
    Examples:
      euro-curate status s3://bucket/out
      watch -n 30 euro-curate status out
    """
    import time

    from euro_curate.progress import status_table
    from euro_curate.watch import read_status

    try:
        found = read_status(output, time.time())
    except (OSError, ValueError, ImportError) as error:
        raise Refused(str(error)) from error
    if as_json:
        click.echo(json.dumps({"state": found.state, "updated": found.updated, "stages": list(found.stages)}))
    else:
        click.echo(status_table(found, time.time()), nl=False)
    sys.exit(0 if found.state in ("finished", "running") else STOPPED)
