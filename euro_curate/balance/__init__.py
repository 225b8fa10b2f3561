"""Balance: how much of each language goes into the dataset, which pages, and how often."""

from euro_curate.balance.draw import FINEWEB2, SPLITS, Selection, copies, ranks, repeats, splits
from euro_curate.balance.plan import HEADS, SIZED, Packing, Sizing, allocate, border, close, cut, size, weigh
from euro_curate.balance.share import ANCHORS, STRATEGIES, UNITS, Balance, exact, quotas
from euro_curate.balance.tell import plan_text
from euro_curate.balance.tokens import Tokenizer, count_tokens, load_tokenizer

__all__ = [
    "ANCHORS",
    "FINEWEB2",
    "HEADS",
    "SIZED",
    "SPLITS",
    "STRATEGIES",
    "UNITS",
    "Balance",
    "Packing",
    "Selection",
    "Sizing",
    "Tokenizer",
    "allocate",
    "border",
    "close",
    "copies",
    "count_tokens",
    "cut",
    "exact",
    "load_tokenizer",
    "plan_text",
    "quotas",
    "ranks",
    "repeats",
    "size",
    "splits",
    "weigh",
]
