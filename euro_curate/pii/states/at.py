"""Austria: social-security number (serial, check digit, date of birth) and tax number."""

from stdnum.at import tin, vnr

from euro_curate.pii.kind import Kind


def social_security(code: str) -> bool:
    """Weighted mod 11 in the fourth digit; months 13 to 15 continue a full day's serials.

    >>> SVNR.check(SVNR.example().replace(" ", "")), social_security("1230010180")
    (True, False)
    """
    return vnr.is_valid(code) and 1 <= int(code[4:6]) <= 31 and 1 <= int(code[6:8]) <= 15


SVNR = Kind(
    "at_svnr",
    ("9999999999",),
    social_security,
    "23?7 140285",
    "python-stdnum at.vnr",
    "AT",
    ("svnr", "SV-Nr", "VSNR", "SV-Nummer*"),
)
TIN = Kind(
    "at_tin", ("999999999",), tin.is_valid, "03 124/567?", "python-stdnum at.tin", "AT", ("abgabenkontonummer*",)
)

KINDS = (SVNR, TIN)
