"""`euro-curate export`."""

import click

from euro_curate.cli.shared import Refused


@click.command()
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
    from euro_curate.units import size

    try:
        own = local_tokenizer(tokenizer) if tokenizer else None
        with counting("documents") as counted:
            made = e.export(output, to, dest or "", own, eos, once, workers, counted)
    except (ValueError, OSError, ImportError) as error:
        raise Refused(str(error)) from error
    written = sum(file["bytes"] for file in made["files"].values())
    click.echo(f"{made['documents']:,} documents, {len(made['files']):,} files, {size(written)}", err=True)
    click.echo(made["dest"])
