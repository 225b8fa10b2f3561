"""Slovenia: EMŠO and tax number."""

from stdnum.si import ddv, emso

from euro_curate.pii.kind import Kind

EMSO = Kind(
    "si_emso",
    ("9999999999999",),
    emso.is_valid,
    "140298550123?",
    "python-stdnum si.emso",
    "SI",
    ("EMŠO*",),
    usual=("9999999999999",),
)
DAVCNA = Kind(
    "si_davcna",
    ("99999999",),
    ddv.is_valid,
    "1234567?",
    "python-stdnum si.ddv",
    "SI",
    ("davčn* štev*", "davčn* št", "DŠ"),
)

KINDS = (EMSO, DAVCNA)
