"""Latvia: personal code, with the birth date or, since 2017, without (32...)."""

from stdnum.lv import pvn

from euro_curate.pii.kind import Kind

PK = Kind(
    "lv_pk",
    ("99999999999",),
    lambda code: code[0] <= "3" and pvn.is_valid(code),
    "140285-1123?",
    "python-stdnum lv.pvn",
    "LV",
    ("personas kod*", "pers. kod*", "p.k."),
)

KINDS = (PK,)
