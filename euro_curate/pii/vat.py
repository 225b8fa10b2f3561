"""VAT numbers of the 27 states and Northern Ireland, for sole traders, whose numbers are personal data. By option: most are companies'."""

import re

from stdnum.eu import vat

from euro_curate.pii.kind import Kind

_PREFIXES = "AT|BE|BG|CY|CZ|DE|DK|EE|EL|ES|FI|FR|HR|HU|IE|IT|LT|LU|LV|MT|NL|PL|PT|RO|SE|SI|SK|XI"


def _vat(code: str) -> bool:
    """
    >>> VAT.check(VAT.example()), VAT.check("SI12345670")
    (True, False)
    """
    return re.match(_PREFIXES, code) is not None and vat.is_valid(code)


# From the longest to the shortest, so that no number is taken for the head of another.
VAT = Kind(
    "vat",
    tuple("AA" + "X" * n for n in (12, 11, 10, 9, 8)),
    _vat,
    "SI1234567?",
    "python-stdnum eu.vat",
    usual=tuple(form for n in (12, 11, 10, 9, 8) for form in ("AA" + "X" * n, "AA " + "X" * n)),
    trigger=rb"(?:" + _PREFIXES.encode() + rb") ?[0-9A-Z][0-9]",
    tag="vat",
    default=False,
)
