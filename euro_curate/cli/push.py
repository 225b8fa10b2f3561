"""`euro-curate push`."""

import sys

import click

from euro_curate.cli.shared import STOPPED, Refused


@click.command()
@click.argument("output")
@click.option("--to", "to", required=True, metavar="URL", help="hf://datasets/ORG/NAME[@REVISION]")
@click.option("--yes", is_flag=True, help="Upload. Without it, only what would be uploaded is shown.")
@click.option("--private", is_flag=True, help="If the repository is made new, make it private.")
def push(output: str, to: str, yes: bool, private: bool) -> None:
    """Upload the dataset of OUTPUT, a finished run, to the Hugging Face Hub, in one commit. Verdicts and work tables stay here.

    A dry run without --yes. Log in first with `hf auth login`, or set HF_TOKEN.

    \b
    Examples:
      euro-curate push out --to hf://datasets/my-org/web-eu24
      euro-curate push out --to hf://datasets/my-org/web-eu24 --yes
    """
    from euro_curate import export as e

    try:
        where, upload = e.destination(to), e.upload_of(output)
    except (ValueError, OSError) as error:
        raise Refused(str(error)) from error
    for name, size in upload.files:
        click.echo(f"{size:>14,}  {name}")
    click.echo(f"{upload.bytes:>14,}  bytes in {len(upload.files)} files, to {where.repo}", err=True)
    if not yes:
        click.echo("nothing was uploaded: give --yes to do it", err=True)
        return
    try:
        click.echo(e.push(upload, where, private))
    except Exception as error:  # network, login, rights: the Hub's client has many kinds
        click.echo(f"error: {type(error).__name__}: {error}", err=True)
        sys.exit(STOPPED)
