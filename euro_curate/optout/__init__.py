"""Reservations of rights that machines can read: in a page, and in its site's robots.txt and tdmrep.json. Policy, not law: the recipe decides."""

from euro_curate.optout.signals import DEFAULT, SIGNALS, OptOut, check_signals, excluded, statements, training_agents
from euro_curate.optout.sites import BySite, policy_kind, policy_row, reserve, sort_addresses, sort_policies

__all__ = [
    "DEFAULT",
    "SIGNALS",
    "BySite",
    "OptOut",
    "check_signals",
    "excluded",
    "policy_kind",
    "policy_row",
    "reserve",
    "sort_addresses",
    "sort_policies",
    "statements",
    "training_agents",
]
