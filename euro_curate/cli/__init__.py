"""The command line: a file for each command, named like it. Heavy imports happen inside the commands: `--help` answers at once."""

import click

from euro_curate import __version__
from euro_curate.cli import budget, calibrate, explain, export, onestage, plan, push, report, run, status


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="euro-curate")
def main() -> None:
    """Web crawls in, balanced training data for the 24 official EU languages out, with a reason on record for every page.

    \b
    Examples:
      euro-curate run web --input 'crawl/*.warc.gz' --output out
      euro-curate run web --input s3://bucket/crawl/ --output s3://bucket/out --languages mt,ga
      euro-curate explain out --url https://example.org/page
      euro-curate identify texts.jsonl
    """


for _command in (
    run.run,
    plan.plan,
    status.status,
    explain.explain,
    budget.budget,
    export.export,
    push.push,
    calibrate.calibrate,
    report.report,
    *onestage.COMMANDS,
):
    main.add_command(_command)
