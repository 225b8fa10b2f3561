"""Recipes: TOML files that say what a run does. Every key is checked before anything starts."""

from euro_curate.recipe.configs import Config, local_tokenizer
from euro_curate.recipe.reading import RecipeError, configure, find_recipe, load, parse_setting
from euro_curate.recipe.sections import Recipe

__all__ = ["Config", "Recipe", "RecipeError", "configure", "find_recipe", "load", "local_tokenizer", "parse_setting"]
