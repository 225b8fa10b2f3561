"""Phone numbers that a numbering plan accepts (phonenumbers): with + or 00 anywhere; as written inside a country of the document's
language only behind a word for a phone, because the plans of Luxembourg, Denmark or Latvia accept almost any digits, dates included.
"""

import re
from collections.abc import Sequence
from functools import lru_cache

import phonenumbers

NAMES = ("tel*", "telefon*", "fax*", "telefax*", "mob*", "gsm", "whatsapp", "phone*", "viber", "sms", "hotline")

_GAP = rb"(?:[ ()./\-_]|\xc2\xa0|\xe2\x80[\x89\x90-\x93\xaf])"
_RUN = re.compile(rb"[0-9](?:" + _GAP + rb"{0,3}[0-9]){4,18}")
_APART = re.compile(_GAP + rb"{2,}|/")  # here a number may end, if it is one already: 030 ... / 030 ...
_BREAK = re.compile(_GAP)  # ... and here, if no longer one is
_DATE = re.compile(rb"\(?(?:[0-9]{1,2}[./-][0-9]{1,2}[./-][0-9]{2,4}|[0-9]{4}[./-][0-9]{1,2}[./-][0-9]{1,2})(?![0-9])")
_HOURS = re.compile(
    rb"\(?(?:[01]?[0-9]|2[0-4])[.:]?[0-5][0-9] ?(?:-|\xe2\x80\x93) ?(?:[01][0-9]|2[0-4])[.:]?[0-5][0-9]"
)
_PLUS = re.compile(rb"\(?\+ ?\(?\Z|\(\Z")
_MIDST = re.compile(rb"[0-9](?:[ .\-]|\xc2\xa0)\Z")  # 2221 0049 ...: the middle of a number
_DIGIT = re.compile(rb"[^0-9+]+")


def prefixed(data: bytes, at: int) -> bool:
    """Whether the digits at byte `at` stand behind a + or begin with 00."""
    sign = _PLUS.search(data, max(0, at - 4), at)
    return (sign is not None and b"+" in sign[0]) or data[at : at + 2] == b"00"


def locate(data: bytes, at: int, regions: Sequence[str], named: bool) -> tuple[int, int] | None:
    """(start, end) of the number whose first group of digits is at byte `at`, or None. `named`: a word for a phone is just before.

    The digits may run on into the next number. `regions`: ISO 3166 codes of the states whose national forms count.
    """
    if data[max(0, at - 2) : at] == b"++":
        return None  # +++123/4567/89012+++: what a transfer is for, in Belgium
    sign = _PLUS.search(data, max(0, at - 4), at)
    plus = sign is not None and b"+" in sign[0]
    start = sign.start() if sign else at
    prefixed = plus or data[at : at + 2] == b"00"
    if not prefixed and not (named and regions):
        return None
    if not plus and not named and _MIDST.search(data, max(0, at - 4), at):
        return None
    if _outside(data, start) or (not plus and _DATE.match(data, at)):
        return None
    run = _RUN.match(data, at)
    if run is None:
        return None
    ends = [m.start() for m in _APART.finditer(data, at, run.end())]
    ends += [run.end(), *(m.start() for m in reversed([*_BREAK.finditer(data, at, run.end())]))]
    for end in ends:
        digits = _DIGIT.sub(b"", data[at:end]).decode()
        if len(digits) < 5 or _amount(data, end):
            continue
        if prefixed:
            number = "+" + (digits if plus else digits[2:])
            if _trunk(data[at:end]):
                number = "+" + _DIGIT.sub(b"", data[at:end].replace(b"(0)", b"")).decode()
            if _valid(number, None):
                return _closed(data, start, end)
        if not plus and named and not _HOURS.fullmatch(data, at, end):
            if any(_valid(digits, region) for region in regions):
                return _closed(data, start, end)
    return None


def _trunk(text: bytes) -> bool:
    return b"(0)" in text


def _closed(data: bytes, start: int, end: int) -> tuple[int, int]:
    """Without an opening bracket that is closed behind the number, or not at all."""
    text = data[start:end]
    return (start + 1, end) if text.startswith(b"(") and b")" not in text else (start, end)


def _outside(data: bytes, start: int) -> bool:
    """Whether what stands before makes this the tail of something else."""
    if not start:
        return False
    last = data[start - 1]
    return (
        chr(last).isalnum() if last < 0x80 else data[max(0, start - 4) : start].decode("utf-8", "ignore")[-1:].isalnum()
    )


def _amount(data: bytes, end: int) -> bool:
    tail = data[end : end + 4].decode("utf-8", "ignore")[:1]
    return tail.isalnum() or (tail in ("%", "€", "$", "°") and bool(tail))


@lru_cache(maxsize=1 << 14)
def _valid(number: str, region: str | None) -> bool:
    try:
        return phonenumbers.is_valid_number(phonenumbers.parse(number, region))
    except phonenumbers.NumberParseException:
        return False
