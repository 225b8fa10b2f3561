"""Portugal: tax number (NIF), citizen card, social-security number (NISS)."""

from stdnum.pt import cc, nif

from euro_curate.pii.kind import Kind, weighted


def social_security(code: str) -> bool:
    """Starts with 1 or 2; primes from 29 down as weights, mod 10, from 9.

    >>> NISS.check(NISS.example()), social_security("12345678900")
    (True, False)
    """
    return code[0] in "12" and 9 - weighted(code, (29, 23, 19, 17, 13, 11, 7, 5, 3, 2)) % 10 == int(code[10])


NIF = Kind("pt_nif", ("999999999",), nif.is_valid, "12345678?", "python-stdnum pt.nif", "PT", ("NIF", "N.I.F.", "NIPC"))
CC = Kind("pt_cc", ("999999999AA9", "999999999A99"), cc.is_valid, "12345678 9 ZZ?", "python-stdnum pt.cc", "PT")
NISS = Kind(
    "pt_niss",
    ("99999999999",),
    social_security,
    "1234567890?",
    "Segurança Social: weights of primes",
    "PT",
    ("NISS", "N.I.S.S."),
)

KINDS = (NIF, CC, NISS)
