"""Belgium: national register number, and the BIS number of those who are not in the register (month + 20 or + 40)."""

from euro_curate.pii.kind import Kind


def national_number(code: str) -> bool:
    """Two check digits, mod 97, with a 2 in front for those born from 2000 on: either may be meant, whatever today's year is.

    >>> NN.check(NN.example()), national_number("85021400196")
    (True, False)
    """
    first, check = int(code[:9]), int(code[9:])
    dated = int(code[2:4]) % 20 <= 12 and int(code[2:4]) <= 52 and int(code[4:6]) <= 31
    return dated and check in (97 - first % 97, 97 - (2_000_000_000 + first) % 97)


NN = Kind(
    "be_nn",
    ("99999999999",),
    national_number,
    "850214123??",
    "formula of python-stdnum be.nn and be.bis, without its look at the clock",
    "BE",
    (
        "rijksregisternummer*",
        "rijksregisternr*",
        "registre national",
        "INSZ",
        "NISS",
        "BIS-nummer*",
        "NN-nummer*",
        "ENSS",
    ),
    usual=("99.99.99-999.99", "999999-999.99", "999999-999-99", "99999999999"),
)

KINDS = (NN,)
