"""`euro-curate explain`."""

import json

import click

from euro_curate.cli.shared import Refused


@click.command()
@click.argument("output")
@click.option("--id", "page_id", help="Page id (32 hex digits, or urn:uuid:...).")
@click.option("--url", help="The page's URL, as in verdicts/.")
def explain(output: str, page_id: str | None, url: str | None) -> None:
    """Tell a page's whole story: every measure, rule, threshold, cluster and verdict, as JSON (one object per occurrence).

    \b
    Examples:
      euro-curate explain out --url https://example.org/page
      euro-curate explain out --id 0515df9711e2573eababd61ac574453e
    """
    from euro_curate.explain import story

    if (page_id is None) == (url is None):
        raise Refused("give either --id or --url")
    try:
        found = story(output, page_id, url)
    except (FileNotFoundError, ValueError) as error:
        raise Refused(str(error)) from error
    if not found:
        raise Refused(f"no page with that {'id' if page_id else 'URL'} in {output}/verdicts")
    for page in found:
        click.echo(json.dumps(page, indent=2, ensure_ascii=False, default=str))
