"""Phone numbers: those written with +, 00, a leading 0 or an opening bracket, that a numbering plan accepts (phonenumbers).

Digits without such a start are left alone: the plans of Luxembourg, Denmark or Latvia accept almost any number, dates included.
"""

import re
from collections.abc import Sequence
from functools import lru_cache

import phonenumbers

_GAP = rb"(?:[ ()./\-]|\xc2\xa0){0,3}"
PATTERN = rb"(?:\+|\()?[0-9](?:" + _GAP + rb"[0-9]){6,15}"

_DATE = re.compile(r"\d{1,2}[./-]\d{1,2}[./-]\d{2,4}|\d{4}[./-]\d{1,2}[./-]\d{1,2}")


def confirm(candidate: str, before: str, after: str, countries: Sequence[str]) -> tuple[int, int] | None:
    """Needs a start that marks a phone number and a valid number of one of the countries (any country after + or 00)."""
    if before[-1:].isalnum() or (before[-1:] in "./,:-_#=+" and before) or after[:1].isalnum() or after[:1] in "%€$":
        return None
    if not candidate.startswith(("+", "00", "0", "(0")) or _DATE.match(candidate):
        return None
    international = "+" + candidate[2:] if candidate.startswith("00") else candidate
    regions = (None,) if international.startswith("+") else tuple(countries)
    if any(_valid(international, region) for region in regions):
        return 0, len(candidate)
    return None


@lru_cache(maxsize=4096)
def _valid(number: str, region: str | None) -> bool:
    try:
        return phonenumbers.is_valid_number(phonenumbers.parse(number, region))
    except phonenumbers.NumberParseException:
        return False
