"""Greece: tax number (ΑΦΜ), social-security number (ΑΜΚΑ), identity card (no check digit: words alone decide)."""

from stdnum.gr import amka, vat

from euro_curate.pii.kind import Kind

AFM = Kind("gr_afm", ("999999999",), vat.is_valid, "12345678?", "python-stdnum gr.vat", "GR", ("ΑΦΜ", "Α.Φ.Μ.", "AFM"))
AMKA = Kind(
    "gr_amka",
    ("99999999999",),
    amka.is_valid,
    "1402851234?",
    "python-stdnum gr.amka",
    "GR",
    ("ΑΜΚΑ", "Α.Μ.Κ.Α.", "AMKA"),
    usual=("99999999999", "999999 99999"),
)

ADT = Kind(
    "gr_adt",
    ("ΓΓ999999", "ΓΓ 999999", "ΓΓ-999999"),
    str.isalnum,
    "AB01234?",
    "no check digit exists",
    "GR",
    tight=True,
    trigger=rb"(?:\xce[\x91-\xa9]){1,2} ?-?[0-9]{6}|[A-Z]{2}[ \-]?[0-9]{6}",
)

KINDS = (AFM, AMKA, ADT)
