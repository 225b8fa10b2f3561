"""Spain: citizens' (DNI) and foreigners' (NIE) numbers, also their tax number (NIF), and the social-security number."""

from stdnum.es import dni, nie

from euro_curate.pii.kind import Kind


def social_security(code: str) -> bool:
    """Province, number, two check digits: the rest mod 97, a number below ten million without its leading zero.

    >>> NSS.check(NSS.example().replace("/", "")), social_security("281234567841")
    (True, False)
    """
    province, number = int(code[:2]), int(code[2:10])
    return (province * 10**7 + number if number < 10**7 else int(code[:10])) % 97 == int(code[10:])


DNI = Kind(
    "es_dni",
    ("99999999A",),
    dni.is_valid,
    "12345678?",
    "python-stdnum es.dni",
    "ES",
    ("DNI", "D.N.I.", "NIF", "N.I.F."),
)
NIE = Kind(
    "es_nie",
    ("A9999999A",),
    nie.is_valid,
    "X1234567?",
    "python-stdnum es.nie",
    "ES",
    ("NIE", "N.I.E.", "NIF", "N.I.F."),
    trigger=rb"[XYZxyz][ .\-]?[0-9][0-9.]{2}[0-9]{3}",
)
NSS = Kind(
    "es_nss", ("999999999999",), social_security, "28/12345678/??", "Tesorería General: mod 97", "ES", ("NUSS", "NAF")
)

KINDS = (DNI, NIE, NSS)
