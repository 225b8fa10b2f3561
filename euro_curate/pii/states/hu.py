"""Hungary: personal identifier, social-security number (TAJ), tax identifier of persons."""

from euro_curate.pii.kind import Kind, born, weighted


def taj(code: str) -> bool:
    """Weights 3 and 7 in turn, mod 10.

    >>> TAJ.check(TAJ.example().replace(" ", "")), taj("123456789")
    (True, False)
    """
    return weighted(code, (3, 7) * 4) % 10 == int(code[8])


def tax(code: str) -> bool:
    """Starts with 8; place times digit, mod 11.

    >>> ADO.check(ADO.example()), tax("8123456780")
    (True, False)
    """
    return code[0] == "8" and weighted(code, tuple(range(1, 10))) % 11 == int(code[9])


def personal(code: str) -> bool:
    """Sex and century, date of birth, serial; mod 11 with rising weights for those born before 1997, falling ones after.

    >>> SZEMELYI.check(SZEMELYI.example().replace("-", "")), personal("18502141231")
    (True, False)
    """
    if code[0] not in "12345678" or not born(code[5:7], code[3:5], code[1:3]):
        return False
    rising = tuple(range(1, 11))
    sums = {"rising": weighted(code, rising) % 11, "falling": weighted(code, rising[::-1]) % 11}
    if code[0] in "1234":  # 1, 2: born before 2000; others do not tell the century
        del sums["rising" if code[0] in "34" or code[1:3] >= "97" else "falling"]
    return int(code[10]) in sums.values()


TAJ = Kind(
    "hu_taj",
    ("999999999",),
    taj,
    "123 456 78?",
    "1996. évi XX. törvény",
    "HU",
    ("TAJ*", "T.A.J.", "társadalombiztosítási azonosító*"),
)
ADO = Kind("hu_ado", ("9999999999",), tax, "812345678?", "1996. évi XX. törvény; loophp/tin", "HU", ("adóazonosító*",))
SZEMELYI = Kind(
    "hu_szemelyi",
    ("99999999999",),
    personal,
    "1-850214-123?",
    "1996. évi XX. törvény",
    "HU",
    ("személyi szám*", "személyi azonosító*"),
    usual=("9-999999-9999", "9 999999 9999"),
)

KINDS = (TAJ, ADO, SZEMELYI)
