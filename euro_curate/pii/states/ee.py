"""Estonia: personal code (isikukood)."""

from stdnum.ee import ik

from euro_curate.pii.kind import Kind

IK = Kind(
    "ee_ik",
    ("99999999999",),
    ik.is_valid,
    "3850214123?",
    "python-stdnum ee.ik",
    "EE",
    ("isikukood*",),
    usual=("99999999999",),
)

KINDS = (IK,)
