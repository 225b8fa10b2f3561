"""Romania: personal numeric code (CNP)."""

from stdnum.ro import cnp

from euro_curate.pii.kind import Kind

CNP = Kind(
    "ro_cnp",
    ("9999999999999",),
    cnp.is_valid,
    "185021440123?",
    "python-stdnum ro.cnp",
    "RO",
    ("CNP*", "C.N.P.", "cod* numeric* personal*"),
    usual=("9999999999999",),
)

KINDS = (CNP,)
