"""Luxembourg: national identification number (matricule), thirteen digits since 2014."""

from stdnum import verhoeff

from euro_curate.pii.kind import Kind, born, luhn


def matricule(code: str) -> bool:
    """Date, serial, then Luhn's and Verhoeff's check digits of the first eleven.

    >>> MATRICULE.check(MATRICULE.example().replace(" ", "")), matricule("1985021412300")
    (True, False)
    """
    dated = born(code[6:8], code[4:6], code[:4])
    return dated and luhn(code[:12]) and verhoeff.is_valid(code[:11] + code[12])


MATRICULE = Kind(
    "lu_matricule",
    ("9999999999999",),
    matricule,
    "1985 02 14 123 ??",
    "loophp/tin; règlement grand-ducal du 28 novembre 2013",
    "LU",
    ("matricule*",),
    usual=("9999999999999", "9999 99 99 999 99", "9999 9999 99999", "99999999 99999"),
)

KINDS = (MATRICULE,)
