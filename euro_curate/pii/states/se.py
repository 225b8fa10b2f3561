"""Sweden: personal number, and the coordination number of those not registered (day + 60)."""

from euro_curate.pii.kind import Kind, born, luhn


def personal_number(code: str) -> bool:
    """Date of birth, serial, Luhn over the last ten; twelve digits with the century.

    >>> PNR.check(PNR.example().replace("-", "")), personal_number("8502311230")
    (True, False)
    """
    year, rest = code[:-8], code[-8:]
    day = int(rest[2:4])
    dated = born(str(day - 60 if day > 60 else day), rest[:2], year)
    return dated and (len(year) == 2 or year[:2] in ("18", "19", "20")) and luhn(code[-10:])


PNR = Kind(
    "se_pnr",
    ("999999999999", "9999999999", "999999+9999"),
    personal_number,
    "850214-123?",
    "Skatteverket: Luhn; formula of python-stdnum se.personnummer, without its look at the clock",
    "SE",
    ("personnummer*", "personnumr*", "personnr*", "samordningsnummer*", "samordningsnumr*", "pers. nr"),
    usual=("999999-9999", "999999+9999", "99999999-9999"),
)

KINDS = (PNR,)
