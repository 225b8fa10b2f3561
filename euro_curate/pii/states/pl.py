"""Poland: PESEL, tax number (NIP), identity card."""

from stdnum.pl import nip, pesel

from euro_curate.pii.kind import Kind


def identity_card(code: str) -> bool:
    """Three letters, check digit, five digits; weights 7, 3, 1, mod 10, letters counting from 10.

    >>> DOWOD.check(DOWOD.example().replace(" ", "")), identity_card("ABA300001")
    (True, False)
    """
    values = [int(c, 36) for c in code]
    return sum(v * w for v, w in zip(values, (7, 3, 1, 9, 7, 3, 1, 7, 3), strict=True)) % 10 == 0


PESEL = Kind("pl_pesel", ("99999999999",), pesel.is_valid, "8502141234?", "python-stdnum pl.pesel", "PL", ("PESEL*",))
NIP = Kind("pl_nip", ("9999999999",), nip.is_valid, "123-45-6?-789", "python-stdnum pl.nip", "PL", ("NIP*",))
DOWOD = Kind(
    "pl_dowod",
    ("AAA999999",),
    identity_card,
    "ABA ?00123",
    "python implementations of the rule of the Polish interior ministry: weights 7, 3, 1",
    "PL",
    ("dowod* osobist*", "dowód osobisty"),
    trigger=rb"[A-Za-z]{3} ?[0-9]{6}",
)

KINDS = (PESEL, NIP, DOWOD)
