"""What several commands need: exit codes, the refusal, the recipe with the command line's changes."""

from typing import Any

import click

STOPPED, REFUSED, MISSING, INTERRUPTED = 1, 2, 3, 130


class Refused(click.ClickException):
    """Nothing was started: one clear line."""

    exit_code = REFUSED


def load_recipe(
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


def bundled_input(pattern: str) -> str:
    """`bundled:sample` in a recipe is the sample crawl: built on first use into the user's cache folder."""
    if not pattern.startswith("bundled:"):
        return pattern
    from euro_curate.sample import sample_crawl

    return sample_crawl(pattern.removeprefix("bundled:"))
