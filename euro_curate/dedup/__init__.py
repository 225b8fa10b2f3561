"""Deduplication: sign -> sort_keys -> pair -> connect -> register -> enrol -> elect -> deal. Exact copies by hash, near copies by MinHash
LSH, within each language; optionally pages of one address, and lines that a site repeats. duplicates.py runs it in tasks of bounded size."""

from euro_curate.dedup.elect import SHOWN, Election, Registering, deal, elect, enrol, register
from euro_curate.dedup.lines import Lines, count_lines, deal_lines, drop_lines, find_common_lines
from euro_curate.dedup.pair import Pairing, compose, connect, hook, label, pair, sort_keys
from euro_curate.dedup.sign import MinHash, derive, meeting, sign
from euro_curate.dedup.urls import Addresses, canonical, elect_urls, sort_urls

__all__ = [
    "SHOWN",
    "Addresses",
    "Election",
    "Lines",
    "MinHash",
    "Pairing",
    "Registering",
    "canonical",
    "compose",
    "connect",
    "count_lines",
    "deal",
    "deal_lines",
    "derive",
    "drop_lines",
    "elect",
    "elect_urls",
    "enrol",
    "find_common_lines",
    "hook",
    "label",
    "meeting",
    "pair",
    "register",
    "sign",
    "sort_keys",
    "sort_urls",
]
