"""Cyprus: tax identification code (eight digits, check letter) and identity card (no check digit: words alone decide)."""

from stdnum.cy import vat

from euro_curate.pii.kind import Kind

TIC = Kind(
    "cy_tic",
    ("99999999A",),
    vat.is_valid,
    "00123456?",
    "python-stdnum cy.vat: one series for persons and companies",
    "CY",
)
ID = Kind(
    "cy_id",
    ("99999999", "9999999"),
    str.isdigit,
    "01234567",
    "no check digit exists",
    "CY",
    tight=True,
    trigger=rb"[0-9]{7}",
)

KINDS = (TIC, ID)
