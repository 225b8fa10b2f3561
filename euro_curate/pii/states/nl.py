"""Netherlands: citizen service number (BSN)."""

from stdnum.nl import bsn

from euro_curate.pii.kind import Kind

BSN = Kind(
    "nl_bsn",
    ("999999999",),
    bsn.is_valid,
    "12345678?",
    "python-stdnum nl.bsn",
    "NL",
    (
        "BSN*",
        "burgerservicenummer*",
        "burger service nummer*",
        "burgerservicenr*",
        "sofinummer*",
        "sofi-nummer*",
        "sofi-nr*",
        "sofinr*",
    ),
)

KINDS = (BSN,)
