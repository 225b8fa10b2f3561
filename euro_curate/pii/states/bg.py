"""Bulgaria: citizens' number (ЕГН) and foreigners' number (ЛНЧ)."""

from stdnum.bg import egn, pnf

from euro_curate.pii.kind import Kind

EGN = Kind("bg_egn", ("9999999999",), egn.is_valid, "850214123?", "python-stdnum bg.egn", "BG", ("ЕГН*", "EGN"))
LNCH = Kind("bg_lnch", ("9999999999",), pnf.is_valid, "700123456?", "python-stdnum bg.pnf", "BG", ("ЛНЧ*", "LNCH"))

KINDS = (EGN, LNCH)
