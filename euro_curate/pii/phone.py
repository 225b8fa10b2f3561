"""Phone numbers: those written with +, 00, a leading 0 or an opening bracket, that a numbering plan accepts (phonenumbers).

Digits without such a start are left alone: the plans of Luxembourg, Denmark or Latvia accept almost any number, dates included.
"""

import re
from collections.abc import Sequence
from functools import lru_cache

import phonenumbers

_GAP = rb"[ ()./\-\x{a0}]{0,3}"
PATTERN = rb"(?:\+|\()?[0-9](?:" + _GAP + rb"[0-9]){6,15}"

_DATE = re.compile(r"\(?(?:\d{1,2}[./-]\d{1,2}[./-]\d{2,4}|\d{4}[./-]\d{1,2}[./-]\d{1,2})")
_HOURS = re.compile(r"\(?(?:[01]?\d|2[0-4])\.?[0-5]\d ?- ?(?:[01]\d|2[0-4])\.?[0-5]\d$")  # 08.15 - 17.30
_BOOK = re.compile(r"IS[BS]N(?:-1[03])?:? ?$", re.IGNORECASE)
_BREAK = re.compile(r"[ ()./\-\xa0]{2,3}|/")  # a number may end here: 030 ... / 030 ...


def confirm(candidate: str, before: str, after: str, countries: Sequence[str]) -> tuple[int, int] | None:
    """Needs a start that marks a phone number and a valid number of one of the countries (any country after + or 00).

    The longest valid prefix that ends at a break: the pattern runs on into the next number.
    """
    if before[-1:].isalnum() or (before[-1:] in "./,:-_#=+" and before) or _BOOK.search(before):
        return None
    if not candidate.startswith(("+", "00", "0", "(0")) or _DATE.match(candidate) or _HOURS.match(candidate):
        return None
    regions = (None,) if candidate.startswith(("+", "00")) else tuple(countries)
    for end in (len(candidate), *(found.start() for found in reversed([*_BREAK.finditer(candidate)]))):
        tail = (candidate + after)[end : end + 1]
        if tail.isalnum() or (tail and tail in "%€$"):
            continue
        number = "+" + candidate[2:end] if candidate.startswith("00") else candidate[:end]
        if any(_valid(number, region) for region in regions):
            return 0, end
    return None


@lru_cache(maxsize=4096)
def _valid(number: str, region: str | None) -> bool:
    try:
        return phonenumbers.is_valid_number(phonenumbers.parse(number, region))
    except phonenumbers.NumberParseException:
        return False
