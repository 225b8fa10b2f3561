"""The command line. Heavy imports happen inside the commands: `--help` answers at once."""

import json
import logging
import sys
from typing import Any

import click

from euro_curate import __version__

STOPPED, REFUSED, MISSING, INTERRUPTED = 1, 2, 3, 130


class Refused(click.ClickException):
    """Nothing was started: one clear line."""

    exit_code = REFUSED


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


# --- run ---------------------------------------------------------------------------------------------------------------------


@main.command()
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
    config = _load(recipe, inputs, output, languages, settings)
    local = [] if shared_filesystem else _local_paths([*config.run.inputs, config.run.output])
    if address and local:
        from euro_curate.executors import elsewhere, is_remote

        if is_remote(address):
            raise Refused(elsewhere(local))
    from euro_curate.executors import OnRay, Serial

    executor = Serial() if engine == "serial" else OnRay(address, workers, config.run.task_timeout_s, local)
    sys.exit(_execute(config, executor, metrics_port, allow_missing, clean, quiet, log_format == "json"))


def _load(
    recipe: str, inputs: tuple[str, ...], output: str | None, languages: str | None, settings: tuple[str, ...]
) -> Any:
    """The recipe with what the command line says instead."""
    from euro_curate.recipe import RecipeError, load, parse_setting

    try:
        overrides = dict(parse_setting(setting) for setting in settings)
        if inputs:
            overrides["run.inputs"] = list(inputs)
        if output:
            overrides["run.output"] = output
        if languages:
            overrides["run.languages"] = [name for name in languages.split(",") if name.strip()]
        return load(recipe, overrides)
    except RecipeError as error:
        raise Refused(str(error)) from error


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
        sources = expand([_bundled_input(pattern) for pattern in config.run.inputs], config.run.crawl_prefix)
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


def _bundled_input(pattern: str) -> str:
    """`bundled:sample` in a recipe is the sample crawl: built on first use into the user's cache folder."""
    if not pattern.startswith("bundled:"):
        return pattern
    from euro_curate.sample import sample_crawl

    return sample_crawl(pattern.removeprefix("bundled:"))


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


# --- plan --------------------------------------------------------------------------------------------------------------------


@main.command()
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

    config = _load(recipe, inputs, None, languages, settings)
    memory = int(memory_gb * 1e9) if memory_gb else os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    machines = f.Machines(nodes, cpus or len(os.sched_getaffinity(0)), memory)

    def once(crawl: str, output: str) -> None:
        curate(Run(output, Serial()), expand([crawl]), config)

    try:
        sources = expand([_bundled_input(pattern) for pattern in config.run.inputs], config.run.crawl_prefix)
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


# --- status ------------------------------------------------------------------------------------------------------------------


@main.command()
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


# --- explain -----------------------------------------------------------------------------------------------------------------


@main.command()
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


# --- budget ------------------------------------------------------------------------------------------------------------------


@main.command()
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


# --- export and push ---------------------------------------------------------------------------------------------------------


@main.command()
@click.argument("output")
@click.option("--to", "to", type=click.Choice(["jsonl-zst", "megatron", "nanotron", "mosaic"]), required=True)
@click.option("--dest", metavar="URI", help="Where to; an empty folder. Default: OUTPUT/export/<format>.")
@click.option("--tokenizer", metavar="FILE", help="tokenizer.json: needed for token files, optional for the counts.")
@click.option("--eos", default="", metavar="TOKEN", help="Ends each document of a token file; none = nothing does.")
@click.option("--once", is_flag=True, help="Write each page once, even if the plan shows it more often.")
@click.option("--workers", type=click.IntRange(min=1), default=1, show_default=True, help="Processes.")
def export(output: str, to: str, dest: str | None, tokenizer: str | None, eos: str, once: bool, workers: int) -> None:
    """Write the dataset of OUTPUT, a finished run, in a layout that a trainer takes as it is.

    \b
    jsonl-zst  release/<language>/*.jsonl.zst with id and text, counts/ and md5/, as OpenEuroLLM keeps its collection
    megatron   <language>/<split>/*_text_document.bin and .idx, and data-path.txt with each file's tokens as its weight
    nanotron   <language>/<split>/*.ds, .ds.index, .ds.metadata, as datatrove's and nanotron's loaders read them
    mosaic     <language>/<split>/ with index.json and *.mds.zstd, for mosaicml-streaming's StreamingDataset

    \b
    Examples:
      euro-curate export out --to jsonl-zst
      euro-curate export out --to megatron --tokenizer tokenizer.json --dest s3://bucket/tokens --workers 8
    """
    from euro_curate import export as e
    from euro_curate.progress import counting
    from euro_curate.recipe import local_tokenizer

    try:
        own = local_tokenizer(tokenizer) if tokenizer else None
        with counting("documents") as counted:
            made = e.export(output, to, dest or "", own, eos, once, workers, counted)
    except (ValueError, OSError, ImportError) as error:
        raise Refused(str(error)) from error
    size = sum(file["bytes"] for file in made["files"].values())
    click.echo(f"{made['documents']:,} documents, {len(made['files']):,} files, {size / 1e6:,.1f} MB", err=True)
    click.echo(made["dest"])


@main.command()
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
        sys.exit(1)


# --- calibrate ---------------------------------------------------------------------------------------------------------------


@main.command()
@click.argument("documents", nargs=-1, required=True, metavar="DOCUMENTS...")
@click.option(
    "--reference", multiple=True, metavar="PLACE", help="Clean text, of the same kinds as DOCUMENTS. May be repeated."
)
@click.option(
    "--name", default="", metavar="TEXT", help="What the reference is, for the note beside written thresholds."
)
@click.option(
    "--method",
    "methods",
    multiple=True,
    metavar="RULE=METHOD",
    help="fixed, mean_std, tail:SHARE, quantile or median_ratio for one rule; or fineweb2 alone. May be repeated.",
)
@click.option("--rule", "rules", multiple=True, metavar="RULE", help="Only this rule. May be repeated.")
@click.option(
    "--max-drop",
    type=click.FloatRange(0, 1),
    default=0.01,
    show_default=True,
    help="Share of a language's clean text that a rule may drop; thresholds beyond are loosened. 1 = never.",
)
@click.option(
    "--min-pages", type=click.IntRange(min=2), default=30, show_default=True, help="Of clean text, per language."
)
@click.option(
    "--sample",
    type=click.IntRange(min=100),
    default=100_000,
    show_default=True,
    help="Documents per language, at most.",
)
@click.option("--all", "show_all", is_flag=True, help="Show thresholds that do not change, too.")
@click.option(
    "--write",
    metavar="PATH",
    help="A folder of language files (euro_curate/languages), whose thresholds are set; or a new .toml to paste into a recipe.",
)
def calibrate(
    documents: tuple[str, ...],
    reference: tuple[str, ...],
    name: str,
    methods: tuple[str, ...],
    rules: tuple[str, ...],
    max_drop: float,
    min_pages: int,
    sample: int,
    show_all: bool,
    write: str | None,
) -> None:
    """Fit the quality rules' thresholds to each language, and show what the old and the new ones drop.

    DOCUMENTS are finished runs (their folders), or files of {text, language?} as JSONL or Parquet; so is the reference. Without a
    reference, the documents take its place, junk included. Nothing is changed without --write.

    \b
    Examples:
      euro-curate calibrate out
      euro-curate calibrate out --reference clean.jsonl.zst --write my_thresholds.toml
      euro-curate calibrate out --reference wiki.jsonl --method fineweb2 --max-drop 1
      euro-curate calibrate out --reference wiki.jsonl --rule stop_word_share --method stop_word_share=tail:0.02
    """
    from pathlib import Path

    from euro_curate import calibrate as c
    from euro_curate.progress import counting

    chosen: dict[str, str] = {}
    for given in methods:
        rule, equals, method = given.partition("=")
        if given == "fineweb2":
            chosen |= c.FINEWEB2
        elif equals:
            chosen[rule] = method
        else:
            raise Refused(f"--method {given}: expected RULE=METHOD, or fineweb2")
    folder = Path(write) if write and Path(write).is_dir() else None
    if write and not folder and (not write.endswith(".toml") or Path(write).exists()):
        raise Refused(f"--write {write}: expected a folder of language files, or a .toml that does not exist yet")
    try:
        with counting("documents") as counted:
            mine = c.read_measures(documents, sample, counted)
        with counting("reference") as counted:
            clean = c.read_measures(reference, sample, counted) if reference else mine
        if mine.is_empty() or clean.is_empty():
            raise c.CannotCalibrate("there is no text in any of the 24 languages")
        found = c.calibrate(mine, clean, c.Plan(chosen, rules, max_drop, min_pages))
        click.echo(c.tables(found, show_all), nl=False)
        if not reference:
            click.echo("note: no --reference: fitted to the documents themselves", err=True)
        for warning in found.warnings:
            click.echo(f"warning: {warning}", err=True)
        note = f"calibrated: {name or ', '.join(reference or documents)}"
        if folder:
            changed = c.write_languages(found, folder, note)
            click.echo(f"{write}: {', '.join(changed) or 'nothing to change'}", err=True)
        elif write:
            Path(write).write_text(c.toml_sections(found, note), encoding="utf-8")
            click.echo(write, err=True)
    except (c.CannotCalibrate, OSError) as error:
        raise Refused(str(error)) from error


# --- report ------------------------------------------------------------------------------------------------------------------


@main.command()
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


# --- one stage on JSONL ------------------------------------------------------------------------------------------------------


def _one_stage(name: str, help_text: str) -> None:
    @main.command(name, help=help_text)
    @click.argument("file", default="-")
    @click.option("--workers", type=click.IntRange(min=1), default=1, show_default=True, help="Processes.")
    def command(file: str, workers: int, plain: bool = False) -> None:
        from euro_curate import onestage

        try:
            lines = onestage.read_lines(file)
            sys.stdout.writelines(onestage.answers(name, lines, workers, plain))
            sys.stdout.flush()
        except onestage.BadInput as error:
            sys.stdout.flush()
            raise Refused(str(error)) from error
        except BrokenPipeError:
            sys.stderr.close()

    if name == "identify":
        click.option("--plain", is_flag=True, help="One text a line instead of JSONL; its id is the line's number.")(
            command
        )


_EXAMPLE = "\n\n\b\nFILE is JSONL, plain, .gz or .zst; - is standard input. Results keep the input's order.\nExample: euro-curate {0} pages.jsonl > {0}.jsonl\n"
_one_stage(
    "extract", "Main text of HTML pages: {id, html, url?} -> {id, text, title, stop}." + _EXAMPLE.format("extract")
)
_one_stage(
    "identify",
    "Language of texts: {id, text} -> {id, language, score, second, second_score}." + _EXAMPLE.format("identify"),
)
_one_stage(
    "measure", "Quality measures of texts: {id, text, language} -> {id, <every measure>}." + _EXAMPLE.format("measure")
)
_one_stage(
    "redact",
    "Personal data replaced: {id, text, language} -> {id, text, found: [{kind, start, end}]}."
    + _EXAMPLE.format("redact"),
)


if __name__ == "__main__":
    main()
