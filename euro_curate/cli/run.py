"""`euro-curate run`."""

import logging
import sys
from typing import Any

import click

from euro_curate.cli.shared import INTERRUPTED, MISSING, STOPPED, Refused, bundled_input, load_recipe


@click.command()
@click.argument("recipe")
@click.option(
    "--input",
    "inputs",
    multiple=True,
    metavar="URI",
    help="Crawl or text files: path, glob, folder or URL. May be repeated.",
)
@click.option("--output", metavar="URI", help="Folder for the results. An unfinished run in it is continued.")
@click.option("--languages", metavar="LIST", help="Only these, by any name: bg,ces,Danish. Default: all 24.")
@click.option(
    "--engine", type=click.Choice(["serial", "ray"]), default="ray", show_default=True, help="This process, or Ray."
)
@click.option(
    "--address",
    metavar="ADDR",
    help="Join this Ray cluster (e.g. auto, or ray://host:10001) instead of starting one here.",
)
@click.option(
    "--workers", type=click.IntRange(min=1), help="Worker processes of a Ray that is started here. Default: one a core."
)
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="SECTION.KEY=VALUE",
    help="Override a key of the recipe. May be repeated.",
)
@click.option(
    "--allow-missing", is_flag=True, help="Publish the dataset even if input was set aside after repeated failures."
)
@click.option("--clean", is_flag=True, help="Afterwards, remove the work tables that hold pages' text.")
@click.option(
    "--shared-filesystem",
    is_flag=True,
    help="Local paths are on a file system that every node of the cluster has mounted at the same place.",
)
@click.option("--metrics-port", type=click.IntRange(0, 65535), help="Serve Prometheus metrics of the run on this port.")
@click.option(
    "--log-format",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="json: a line on standard error for every part, with its stage, name, rows and seconds, instead of the display.",
)
@click.option("--quiet", is_flag=True, help="No progress display.")
def run(
    recipe: str,
    inputs: tuple[str, ...],
    output: str | None,
    languages: str | None,
    engine: str,
    address: str | None,
    workers: int | None,
    settings: tuple[str, ...],
    allow_missing: bool,
    clean: bool,
    shared_filesystem: bool,
    metrics_port: int | None,
    log_format: str,
    quiet: bool,
) -> None:
    """Run RECIPE (a TOML file, or the name of a bundled one: demo, web, texts, incremental).

    The same command continues an interrupted run, and does nothing when all is done. A changed setting remakes what depends on it.

    \b
    Exit codes: 0 finished; 1 stopped (storage refuses, disks full: mend it and give the same command); 2 refused, nothing started;
    3 finished, but input was set aside (see run.json); 130 interrupted.

    \b
    Examples:
      euro-curate run demo
      euro-curate run pipelines/web.toml --input 'crawl/*.warc.gz' --output out --languages mt
      euro-curate run web --input s3://b/crawl/ --output s3://b/out --address auto --set balance.strategy=unimax \\
          --set balance.budget=5_000_000_000
      euro-curate run incremental --input 'new/*.warc.gz' --output out-2 --set 'dedup.earlier=["out-1"]'
    """
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s: %(message)s")
    config = load_recipe(recipe, inputs, output, languages, settings)
    local = [] if shared_filesystem else _local_paths([*config.run.inputs, config.run.output])
    if address and local:
        from euro_curate.executors import elsewhere, is_remote

        if is_remote(address):
            raise Refused(elsewhere(local))
    from euro_curate.executors import OnRay, Serial

    executor = Serial() if engine == "serial" else OnRay(address, workers, config.run.task_timeout_s, local)
    sys.exit(_execute(config, executor, metrics_port, allow_missing, clean, quiet, log_format == "json"))


def _local_paths(patterns: list[str]) -> list[str]:
    """Those of the inputs and the output that lie on this machine's disks."""
    return [p for p in patterns if p and (p.startswith(("bundled:", "file:")) or "://" not in p)]


def _execute(
    config: Any, executor: Any, metrics_port: int | None, allow_missing: bool, clean: bool, quiet: bool, as_json: bool
) -> int:
    from euro_curate import contamination
    from euro_curate.balance import load_tokenizer
    from euro_curate.earlier import EarlierError
    from euro_curate.executors import CannotStart, Stopped
    from euro_curate.ingest import expand
    from euro_curate.models import locate
    from euro_curate.pipeline import clean_work, curate
    from euro_curate.progress import display
    from euro_curate.run import GatherFailed, Run
    from euro_curate.score import check
    from euro_curate.shards import StorageRefused
    from euro_curate.watch import JsonLines, Metrics, StatusFile

    try:
        for model in filter(None, (config.langid, config.langid.agree)):
            locate(model.place, model.sha256)
        check(config.scoring)
        contamination.check(config.decontamination)
        if config.tokenizer:
            load_tokenizer(config.tokenizer.place, config.tokenizer.sha256)
        sources = expand([bundled_input(pattern) for pattern in config.run.inputs], config.run.crawl_prefix)
        output = _writable(config.run.output)
    except (ValueError, OSError, ImportError) as error:
        raise Refused(str(error)) from error
    watchers: list[Any] = [StatusFile(output)]
    how = "stopped"
    try:
        if as_json:
            watchers.append(JsonLines())
        if metrics_port is not None:
            watchers.append(Metrics(metrics_port))
        with display(quiet or as_json) as progress:
            summary = curate(Run(output, executor, progress, watchers), sources, config, allow_missing)
        how = "finished"
    except KeyboardInterrupt:
        click.echo("interrupted: the same command continues from here", err=True)
        how = "interrupted"
        return INTERRUPTED
    except (CannotStart, EarlierError) as error:
        raise Refused(str(error)) from error
    except (GatherFailed, Stopped, StorageRefused) as error:
        click.echo(f"error: {error}", err=True)
        how = f"stopped: {error}"
        return STOPPED
    finally:
        for watcher in watchers:
            watcher.close(how)
        executor.close()
    _tell(summary, output, quiet)
    if clean:
        clean_work(output)
    return 0 if summary["complete"] else MISSING


def _writable(output: str) -> str:
    """The output folder, proven writable. OSError or ValueError says what is wrong."""
    import uuid

    from euro_curate.shards import join, put_if_absent, remove

    if not output:
        raise ValueError("no output: give --output, or `output` under [run] in the recipe")
    probe = join(output, f".probe-{uuid.uuid4().hex}")
    try:
        if not put_if_absent(probe, b"euro_curate"):
            raise OSError("cannot create files there")
        if put_if_absent(probe, b"again"):
            raise OSError("the store does not honour put-if-absent (If-None-Match), which safe publication needs")
        remove(probe)
    except Exception as error:
        raise OSError(f"output {output!r} cannot be written: {type(error).__name__}: {error}") from error
    return output


def _tell(summary: dict[str, Any], output: str, quiet: bool) -> None:
    from rich.console import Console

    from euro_curate.report import read_figures, show
    from euro_curate.watch import cost

    pages = summary["pages"]
    if not quiet:
        console = Console(stderr=True)
        show(read_figures(output, summary), console if console.is_terminal else Console(stderr=True, width=100))
    if summary.get("idle"):
        click.echo("nothing to do: everything is there already", err=True)
    languages = sum(1 for sizes in summary["languages"].values() if sizes["dataset_pages"])
    click.echo(
        f"{pages['seen']:,} pages seen, {pages['kept']:,} kept, {pages['dropped']:,} dropped; {languages} languages in the dataset",
        err=True,
    )
    for entry in summary["inputs"]:
        if "set_aside" in entry:
            click.echo(
                f"set aside: {entry['name']} ({entry['set_aside']['stage']}): {'; '.join(entry['set_aside']['history'])}",
                err=True,
            )
    if not summary["complete"]:
        published = (
            "published without them"
            if pages["dataset"]
            else "not published: give --allow-missing to publish it without them"
        )
        click.echo(f"input was set aside after repeated failures; the dataset was {published}", err=True)
    if spent := cost(summary["stages"], pages["seen"]):
        click.echo(spent, err=True)
    click.echo(f"{output.rstrip('/')}/report/index.html")
