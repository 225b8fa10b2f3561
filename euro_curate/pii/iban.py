"""International bank account numbers (ISO 13616): country, length, structure and mod 97, by python-stdnum's registry."""

import re
from functools import cache
from string import ascii_uppercase

from stdnum import numdb

from euro_curate.pii.kind import joined

_GAP = rb"(?:[ .\-]|\xc2\xa0|\xe2\x80\xaf)"
TRIGGER = rb"[A-Za-z]{2}[0-9]{2}(?:" + _GAP + rb"{0,2}[0-9A-Za-z]){11}"  # the shortest is Norway's, 15 characters
_RUN = re.compile(rb"[A-Za-z]{2}[0-9]{2}(?:" + _GAP + rb"{0,2}[0-9A-Za-z]){11,30}")
_CLASSES = {"n": "0-9", "a": "A-Z", "c": "0-9A-Z"}
_GAPS = bytes(i for i in range(256) if not chr(i).isascii() or not chr(i).isalnum())
_CHARACTER = re.compile(rb"[0-9A-Za-z]")


def locate(data: bytes, at: int) -> tuple[int, int] | None:
    """(start, end) of the account number that begins at byte `at`, or None. The pattern may run on into the next word."""
    structure = _structures().get(data[at : at + 2].upper())
    if structure is None or (joined(data, at) and data[max(0, at - 4) : at].upper() != b"IBAN"):
        return None
    length, form = structure
    found = _RUN.match(data, at)
    places = [m.end() for m in _CHARACTER.finditer(data, at, found.end())] if found else []
    if len(places) < length:
        return None
    end = places[length - 1]
    text = data[at:end]
    if joined(data, end) or (text[:2].islower() and b" " in text):
        return None
    code = text.translate(None, _GAPS).upper()
    # national check digits inside are not asked for: a bank's number is personal however its own check is made
    if not form.fullmatch(code) or int("".join(str(int(chr(c), 36)) for c in code[4:] + code[:4])) % 97 != 1:
        return None
    return at, end


@cache
def _structures() -> dict[bytes, tuple[int, re.Pattern[bytes]]]:
    """Country -> (characters of its numbers, their form), from python-stdnum's copy of the registry."""
    out = {}
    for first in ascii_uppercase:
        for second in ascii_uppercase:
            entry = numdb.get("iban").info(first + second)[0][1]
            if "bban" in entry:
                fields = re.findall(r"(\d+)!([nac])", entry["bban"])
                form = "".join(f"[{_CLASSES[kind]}]{{{n}}}" for n, kind in fields)
                out[(first + second).encode()] = (
                    4 + sum(int(n) for n, _ in fields),
                    re.compile(b"[A-Z]{2}[0-9]{2}" + form.encode()),
                )
    return out
