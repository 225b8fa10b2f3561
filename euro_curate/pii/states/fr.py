"""France: social-security number (NIR), Corsica's departments with their letter, and the tax number of persons (SPI)."""

from stdnum.fr import nif, nir

from euro_curate.pii.kind import Kind


def social_security(code: str) -> bool:
    """Sex, year, month (20 and more where it is unknown), place, serial; key: 97 minus the rest mod 97.

    >>> NIR.check(NIR.example().replace(" ", "")), social_security("185027512345600")
    (True, False)
    """
    return code[0] in "123478" and (int(code[3:5]) <= 12 or int(code[3:5]) >= 20) and nir.is_valid(code)


NIR = Kind(
    "fr_nir",
    ("999999999999999", "999999A99999999"),
    social_security,
    "1 85 02 75 123 456 ??",
    "python-stdnum fr.nir",
    "FR",
    ("NIR", "N.I.R.", "INSEE", "sécurité sociale", "numéro* sécu"),
    usual=("9 99 99 99 999 999 99", "9 99 99 9A 999 999 99", "999999999999999", "999999A99999999", "9999999999999 99"),
    trigger=rb"[12] ?[0-9]{2} ?[0-9]{2} ?2[ABab]",
)
SPI = Kind(
    "fr_spi",
    ("9999999999999",),
    nif.is_valid,
    "01 23 456 789 ???",
    "python-stdnum fr.nif",
    "FR",
    ("SPI", "numéro* fiscal*", "numéro* fiscaux"),
)

KINDS = (NIR, SPI)
