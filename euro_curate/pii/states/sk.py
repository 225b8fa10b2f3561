"""Slovakia: birth number, as in Czechia."""

from stdnum.sk import rc

from euro_curate.pii.kind import Kind

RC = Kind(
    "sk_rc",
    ("9999999999", "999999999"),
    rc.is_valid,
    "850214/123?",
    "python-stdnum sk.rc",
    "SK",
    ("rodn* čísl*", "rodn* č.", "r.č."),
)

KINDS = (RC,)
