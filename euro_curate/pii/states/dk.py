"""Denmark: CPR number. Its check digit has not been kept up since 2007, so the date and a word decide."""

from euro_curate.pii.kind import Kind, born


def cpr(code: str) -> bool:
    """Day, month, year, serial.

    >>> CPR.check("3102850000"), CPR.check("1402850000")
    (False, True)
    """
    return born(code[:2], code[2:4], code[4:6])


CPR = Kind(
    "dk_cpr",
    ("9999999999", "999999-9999", "999999 9999", "999999 - 9999", "999999/9999"),
    cpr,
    "140285-123?",
    "CPR-kontoret: numbers without mod-11 check since 2007",
    "DK",
    tight=True,
    names=("cpr", "cpr-nr*", "cpr-n*", "cprnr*", "cprnummer*", "cpr*"),
)

KINDS = (CPR,)
