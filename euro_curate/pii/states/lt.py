"""Lithuania: personal code (asmens kodas)."""

from stdnum.lt import asmens

from euro_curate.pii.kind import Kind

AK = Kind(
    "lt_ak",
    ("99999999999",),
    asmens.is_valid,
    "3850214123?",
    "python-stdnum lt.asmens",
    "LT",
    ("asmens kod*", "a. k.", "a/k"),
)

KINDS = (AK,)
