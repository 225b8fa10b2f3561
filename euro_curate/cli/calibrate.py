"""`euro-curate calibrate`."""

import click

from euro_curate.cli.shared import Refused


@click.command()
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
