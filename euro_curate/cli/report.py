"""`euro-curate report`."""

import click

from euro_curate.cli.shared import Refused


@click.command()
@click.argument("outputs", nargs=-1, required=True, metavar="OUTPUT [OTHER]")
@click.option("--to", metavar="FILE", help="Write there. Default: report/index.html, or report/compared.html of OTHER.")
def report(outputs: tuple[str, ...], to: str | None) -> None:
    """Write the report of a finished run again, or one page that compares two runs. Prints where it is.

    It is made from run.json and the small tables under report/: seconds, whatever the crawl's size, and the same bytes each time.

    \b
    Examples:
      euro-curate report out
      euro-curate report before after
      euro-curate report s3://bucket/out --to out.html
    """
    from euro_curate.report import compare, read_figures, render
    from euro_curate.shards import join, replace

    if len(outputs) > 2:
        raise Refused(f"one run, or two to compare, not {len(outputs)}")
    try:
        runs = [read_figures(output) for output in outputs]
        for output, figures in zip(outputs, runs, strict=True):
            if figures.headline["seen"] and not figures.verdicts:
                raise Refused(f"{output} has no tables under report/: the command that made it makes them now")
        if len(runs) == 1:
            page, place = render(runs[0]), to or join(outputs[0], "report", "index.html")
        else:
            page = compare(runs[0], runs[1], outputs[0], outputs[1])
            place = to or join(outputs[1], "report", "compared.html")
        replace(place, page.encode())
    except (OSError, ValueError, ImportError) as error:
        raise Refused(str(error)) from error
    click.echo(place)
