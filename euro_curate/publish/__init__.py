"""The dataset: shards that trainers read as they are, and the card that says what is in them."""

from euro_curate.publish.card import card, croissant
from euro_curate.publish.shard import Publish, Sorting, plan, shard, sort_clean

__all__ = ["Publish", "Sorting", "card", "croissant", "plan", "shard", "sort_clean"]
