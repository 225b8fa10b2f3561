"""Recipe files and settings -> Config. Every key is checked before anything starts."""

import difflib
import json
import tomllib
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any, get_args

from pydantic import TypeAdapter, ValidationError

from euro_curate.recipe.configs import Config, config_of
from euro_curate.recipe.sections import Recipe
from euro_curate.resources import bundled
from euro_curate.shards import read_bytes


class RecipeError(ValueError):
    """A recipe that cannot be run; the message names the key."""


def find_recipe(name: str) -> bytes:
    """A recipe's bytes: a path or URL, or the name of a bundled one (`web`, `web.toml`, `pipelines/web.toml`)."""
    try:
        data = read_bytes(name)
    except (IsADirectoryError, PermissionError, ImportError, ValueError) as error:
        raise RecipeError(f"recipe {name!r} cannot be read: {error}") from error
    if data is not None:
        return data
    base = name.removeprefix("pipelines/").removesuffix(".toml")
    bundle = sorted(path.stem for path in bundled("pipelines").glob("*.toml"))
    if base in bundle:
        return bundled("pipelines", f"{base}.toml").read_bytes()
    raise RecipeError(f"no recipe {name!r}; bundled recipes: {', '.join(bundle)}")


def load(name: str, settings: Mapping[str, Any] | None = None) -> Config:
    """Recipe file plus settings ("section.key" -> value, which win) -> Config. RecipeError names the wrong key and the closest right one."""
    try:
        raw = tomllib.loads(find_recipe(name).decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RecipeError(f"{name} is not valid TOML: {error}") from error
    for dotted, value in (settings or {}).items():
        place = raw
        *path, last = dotted.split(".")
        for step in path:
            place = place.setdefault(step, {})
            if not isinstance(place, dict):
                raise RecipeError(f"--set {dotted}: {step!r} is not a section")
        place[last] = value
    return configure(raw)


def parse_setting(text: str) -> tuple[str, Any]:
    """`section.key=value` -> (key, value). The value is TOML; what is no TOML value is taken as a string."""
    key, equals, value = text.partition("=")
    if not equals or "." not in key:
        raise RecipeError(f"--set {text!r}: expected section.key=value, such as balance.budget=1000000")
    try:
        return key.strip(), tomllib.loads(f"value = {value.strip()}")["value"]
    except tomllib.TOMLDecodeError:
        return key.strip(), value.strip()


def configure(raw: Mapping[str, Any]) -> Config:
    """The recipe's tables -> Config."""
    try:
        recipe = TypeAdapter(Recipe).validate_json(json.dumps(raw, default=str), strict=True)
    except ValidationError as error:
        raise RecipeError("; ".join(_explain(dict(problem)) for problem in error.errors()[:5])) from None
    try:
        return config_of(recipe)
    except ValueError as error:
        raise RecipeError(str(error)) from None


def _explain(problem: dict[str, Any]) -> str:
    """One validation problem in a user's words."""
    where = ".".join(str(step) for step in problem["loc"])
    if problem["type"] in ("unexpected_keyword_argument", "extra_forbidden"):
        section: Any = Recipe
        for step in problem["loc"][:-1]:
            if is_dataclass(section):
                section = next((f.type for f in fields(section) if f.name == step), None)
            else:  # a table of tables: its values' type
                section = get_args(section)[-1]
        names = [f.name for f in fields(section)] if section is not None and is_dataclass(section) else []
        close = difflib.get_close_matches(str(problem["loc"][-1]), names, n=1, cutoff=0.4)
        hint = f"did you mean {close[0]!r}? " if close else ""
        return f"unknown key {where!r}: {hint}Keys here: {', '.join(names)}"
    return f"{where}: {problem['msg'][0].lower()}{problem['msg'][1:]}, not {problem['input']!r}"
