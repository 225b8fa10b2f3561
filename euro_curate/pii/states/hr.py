"""Croatia: OIB, and the JMBG that it replaced."""

from stdnum.hr import oib
from stdnum.si import emso

from euro_curate.pii.kind import Kind

OIB = Kind("hr_oib", ("99999999999",), oib.is_valid, "1234567890?", "python-stdnum hr.oib", "HR", ("OIB*", "O.I.B."))
JMBG = Kind(
    "hr_jmbg",
    ("9999999999999",),
    emso.is_valid,
    "140298533123?",
    "python-stdnum si.emso: one formula in all of former Yugoslavia",
    "HR",
    ("JMBG*", "J.M.B.G.", "matičn* broj* građan*"),
    usual=("9999999999999",),
)

KINDS = (OIB, JMBG)
