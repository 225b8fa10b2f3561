"""`euro-curate plan`."""

import click

from euro_curate.cli.shared import Refused, bundled_input, load_recipe


@click.command()
@click.argument("recipe")
@click.option("--input", "inputs", multiple=True, metavar="URI", help="As for `run`. May be repeated.")
@click.option("--languages", metavar="LIST", help="As for `run`.")
@click.option("--nodes", type=click.IntRange(min=1), default=1, show_default=True, help="Machines.")
@click.option("--cpus", type=click.IntRange(min=1), help="CPUs of each. Default: this machine's.")
@click.option("--memory-gb", type=click.FloatRange(min=0.1), help="Memory of each. Default: this machine's.")
@click.option(
    "--sample", is_flag=True, help="Measure rates on the beginnings of a few of the inputs, in a minute or two, here."
)
@click.option("--price", type=click.FloatRange(min=0), help="Of a core-hour, in any currency: the run's price is told.")
@click.option("--set", "settings", multiple=True, metavar="SECTION.KEY=VALUE", help="As for `run`. May be repeated.")
def plan(
    recipe: str,
    inputs: tuple[str, ...],
    languages: str | None,
    nodes: int,
    cpus: int | None,
    memory_gb: float | None,
    sample: bool,
    price: float | None,
    settings: tuple[str, ...],
) -> None:
    """Tell what running RECIPE would take: tasks, bytes, memory, core-hours and time per stage. Only sizes are read.

    Rates are those of our own measurements, on slow cores; with --sample they are measured on your inputs and this machine.

    \b
    Examples:
      euro-curate plan web --input 'crawl/*.warc.gz' --nodes 1 --cpus 8 --sample
      euro-curate plan web --input s3://bucket/crawl/ --nodes 40 --cpus 16 --memory-gb 64 --price 0.03
    """
    import os

    from euro_curate import forecast as f
    from euro_curate.executors import Serial
    from euro_curate.ingest import expand
    from euro_curate.pipeline import curate
    from euro_curate.progress import forecast_table
    from euro_curate.run import Run

    config = load_recipe(recipe, inputs, None, languages, settings)
    memory = int(memory_gb * 1e9) if memory_gb else os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    machines = f.Machines(nodes, cpus or len(os.sched_getaffinity(0)), memory)

    def once(crawl: str, output: str) -> None:
        curate(Run(output, Serial()), expand([crawl]), config)

    try:
        sources = expand([bundled_input(pattern) for pattern in config.run.inputs], config.run.crawl_prefix)
        sizes, warnings = f.sizes_of(sources)
        if sample:
            click.echo("running the recipe on a sample, twice ...", err=True)
            rates = f.measure_rates(sources, once)
        else:
            rates = f.shipped_rates()
        found = f.forecast(
            sizes, rates, machines, config.run.merge_parts, config.packing.shard_bytes, warnings=warnings
        )
    except (ValueError, OSError, ImportError, f.CannotSample) as error:
        raise Refused(str(error)) from error
    click.echo(forecast_table(found, machines, price), nl=False)
