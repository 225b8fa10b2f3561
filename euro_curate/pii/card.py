"""Payment cards (ISO/IEC 7812): an issuer's range, its lengths, and Luhn's check digit."""

import re

from euro_curate.pii.kind import joined, luhn

_GAP = rb"(?:[ \-]|\xc2\xa0|\xe2\x80[\xaf\x91])"
# Written as on the card, or in one piece. Nineteen digits are tried before sixteen: the shorter may be the longer's head.
_FORMS = tuple(
    re.compile(rb"(?:" + rb"|".join(_GAP.join(rb"[0-9]{%d}" % n for n in groups) for groups in forms) + rb")(?![0-9])")
    for forms in (((4, 4, 4, 4, 3),), ((4, 4, 4, 4), (4, 6, 5), (4, 6, 4), (6, 13), (4, 4, 5)))
)
_PIECE = re.compile(rb"[0-9]{12,19}(?![0-9])")
_COLUMNS_BEFORE, _COLUMN_AFTER = (
    re.compile(rb"[0-9A-Z]{4}[ \-]\Z"),
    re.compile(rb"[ \-][0-9]{4}(?![0-9])"),
)  # a table, an IBAN
# Issuer ranges (ranges of the first digits, lengths): Visa, Mastercard, Amex, Diners, Discover, JCB, UnionPay, Maestro, Dankort, Mir.
_ISSUERS = (
    (((4, 4),), (13, 16, 19)),
    (((51, 55), (2221, 2720)), (16,)),
    (((34, 34), (37, 37)), (15,)),
    (((300, 305), (309, 309), (36, 36), (38, 39)), (14, 16)),
    (((6011, 6011), (644, 649), (65, 65)), (16, 19)),
    (((3528, 3589),), (16, 19)),
    (((62, 62), (81, 81)), (16, 17, 18, 19)),
    (((5018, 5018), (5020, 5020), (5038, 5038), (5893, 5893), (6304, 6304), (6390, 6390), (6759, 6759), (6761, 6763), (6799, 6799), (676770, 676774)),
     (12, 13, 14, 15, 16, 17, 18, 19)),
    (((5019, 5019), (4571, 4571)), (16,)),
    (((2200, 2204),), (16, 19)),
)  # fmt: skip
_FIRST = b"23456789"
_GAPS = bytes(i for i in range(256) if not 0x30 <= i <= 0x39)
_ALONE = 15  # digits in one piece from which no word is needed: shorter ones are mostly article numbers (EAN)


def locate(data: bytes, at: int, named: bool) -> tuple[int, int] | None:
    """(start, end) of the card number whose first group begins at byte `at`, or None. `named`: a word for it is near."""
    if data[at] not in _FIRST:
        return None
    pieces = [_PIECE.match(data, at)] if data[at + 4 : at + 5].isdigit() else [form.match(data, at) for form in _FORMS]
    for found in pieces:
        if found is None or not _accepted(found[0].translate(None, _GAPS).decode()):
            continue
        if joined(data, at) or joined(data, found.end()):
            continue
        if named or _stands_alone(data, *found.span()):
            return found.span()
    return None


def _stands_alone(data: bytes, start: int, end: int) -> bool:
    """Whether this is no part of something longer, and no article number."""
    if start and data[start - 1] in b".,_=/#":
        return False
    if data[start:end].isdigit():
        return end - start >= _ALONE
    return not (_COLUMNS_BEFORE.search(data, max(0, start - 5), start) or _COLUMN_AFTER.match(data, end))


def _accepted(code: str) -> bool:
    return _issued(code) and len(set(code)) > 2 and luhn(code)


def _issued(code: str) -> bool:
    for low, high, lengths in _BY_FIRST.get(code[0], ()):
        if len(code) in lengths and low <= int(code[: len(str(low))]) <= high:
            return True
    return False


_BY_FIRST: dict[str, list[tuple[int, int, tuple[int, ...]]]] = {}
for _ranges, _lengths in _ISSUERS:
    for _low, _high in _ranges:
        for _digit in range(int(str(_low)[0]), int(str(_high)[0]) + 1):
            _BY_FIRST.setdefault(str(_digit), []).append((_low, _high, _lengths))
