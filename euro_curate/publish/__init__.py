"""The dataset: shards that trainers read as they are, and the card that says what is in them."""

from euro_curate.publish.card import Card, card, croissant
from euro_curate.publish.shard import Publish, Shard, Sorting, plan, ranges, shard, sort_clean

__all__ = ["Card", "Publish", "Shard", "Sorting", "card", "croissant", "plan", "ranges", "shard", "sort_clean"]
