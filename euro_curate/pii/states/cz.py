"""Czechia: birth number, with its check digit since 1954, without before."""

from stdnum.cz import rc

from euro_curate.pii.kind import Kind

RC = Kind(
    "cz_rc",
    ("9999999999", "999999999"),
    rc.is_valid,
    "850214/123?",
    "python-stdnum cz.rc",
    "CZ",
    ("rodn* čísl*", "rodn* č.", "r.č."),
)

KINDS = (RC,)
