"""Germany: tax identification number, tax number, pension and health insurance numbers, identity card."""

import re

from stdnum.de import idnr, stnr

from euro_curate.pii.kind import Kind, born


def _doubled(digits: str, weights: str) -> int:
    """Sum of the digit sums of digit times weight."""
    return sum(sum(divmod(int(d) * int(w), 10)) for d, w in zip(digits, weights, strict=True))


def pension(code: str) -> bool:
    """VKVV section 4: area, birth date, letter, serial, check digit, the letter counting as its two-digit place in the alphabet.

    >>> RVNR.check(RVNR.example().replace(" ", "")), pension("15070649C104")
    (True, False)
    """
    if not re.fullmatch(r"[0-9]{8}[A-Z][0-9]{3}", code) or not born(code[2:4], code[4:6], code[6:8]):
        return False
    return _doubled(f"{code[:8]}{ord(code[8]) - 64:02d}{code[9:11]}", "212571212121") % 10 == int(code[11])


def health(code: str) -> bool:
    """SGB V section 290: letter, eight digits, check digit.

    >>> KVNR.check(KVNR.example()), health("A000500016")
    (True, False)
    """
    return _doubled(f"{ord(code[0]) - 64:02d}{code[1:9]}", "1212121212") % 10 == int(code[9])


def identity_card(code: str) -> bool:
    """ICAO 9303: nine characters, check digit with weights 7, 3, 1.

    >>> PA.check(PA.example())
    True
    """
    if not re.fullmatch(r"[CFGHJKLMNPRTVWXYZ][0-9CFGHJKLMNPRTVWXYZ]{8}[0-9]", code) or not any(
        c.isalpha() for c in code[1:9]
    ):
        return False
    return sum(int(c, 36) * (7, 3, 1)[i % 3] for i, c in enumerate(code[:9])) % 10 == int(code[9])


IDNR = Kind(
    "de_idnr",
    ("99999999999",),
    idnr.is_valid,
    "2395461877?",
    "python-stdnum de.idnr",
    "DE",
    (
        "steuer-id*",
        "steueridentifikationsnummer*",
        "steuerliche* identifikationsnummer*",
        "IdNr",
        "Steuer-IdNr",
        "steuer id nr",
    ),
    usual=("99 999 999 999", "99999999999"),
)
STNR = Kind(
    "de_stnr",
    ("99/999/99999", "999/999/99999", "999/9999/9999", "99 999 99999", "999 999 99999", "9999999999999"),
    stnr.is_valid,
    "21/815/08150",
    "python-stdnum de.stnr: the form only, no check digit that all states share",
    "DE",
    ("Steuernr", "St.-Nr."),
    tight=True,
)
RVNR = Kind(
    "de_rvnr",
    ("99999999A999",),
    pension,
    "15 070649 K 10?",
    "VKVV section 4",
    "DE",
    ("rentenversicherungsnummer*", "RVNR", "SV-Nr", "SVNR", "RV-Nummer*", "SV-Nummer*", "VSNR"),
    usual=("99 999999 A 999", "99999999A999"),
)
KVNR = Kind(
    "de_kvnr",
    ("A999999999",),
    health,
    "K12345678?",
    "SGB V section 290",
    "DE",
    ("KVNR", "krankenversichertennummer*", "krankenversicherungsnummer*"),
    trigger=rb"[A-Za-z] ?[0-9]{3} ?[0-9]{3} ?[0-9]{3}",
)
PA = Kind(
    "de_pa",
    ("AXXXXXXXX9",),
    identity_card,
    "L01X00T47?",
    "ICAO Doc 9303",
    "DE",
    ("personalausweis*", "ausweisnummer*"),
    trigger=rb"[CFGHJ-NPRTV-Z][0-9][0-9CFGHJ-NPRTV-Z]{7}[0-9]",
)

KINDS = (IDNR, STNR, RVNR, KVNR, PA)
