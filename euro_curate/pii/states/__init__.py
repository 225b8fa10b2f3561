"""National numbers of the 27 member states, one file a state: identity, tax and social-security numbers of persons."""

from euro_curate.pii.kind import Kind
from euro_curate.pii.states import (
    at,
    be,
    bg,
    cy,
    cz,
    de,
    dk,
    ee,
    es,
    fi,
    fr,
    gr,
    hr,
    hu,
    ie,
    it,
    lt,
    lu,
    lv,
    mt,
    nl,
    pl,
    pt,
    ro,
    se,
    si,
    sk,
)  # fmt: skip

_STATES = (
    at, be, bg, cy, cz, de, dk, ee, es, fi, fr, gr, hr, hu, ie, it, lt, lu, lv, mt, nl, pl, pt, ro, se, si, sk,
)  # fmt: skip

NATIONAL: tuple[Kind, ...] = tuple(kind for state in _STATES for kind in state.KINDS)
