"""Finland: personal identity code (henkilötunnus), with the separators in use since 2023."""

from stdnum.fi import hetu

from euro_curate.pii.kind import Kind

_FORM = "999999{}999X"


def identity_code(code: str) -> bool:
    """Ten characters: the separator was a - or +; eleven: it is a letter.

    >>> HETU.check(HETU.example().replace("-", "")), identity_code("131052308U")
    (True, False)
    """
    whole = f"{code[:6]}-{code[6:]}" if len(code) == 10 else code
    return hetu.is_valid(whole, allow_temporary=True)


HETU = Kind(
    "fi_hetu",
    (_FORM.format("-"), _FORM.format("+"), _FORM.format("A")),
    identity_code,
    "131052-308?",
    "python-stdnum fi.hetu",
    "FI",
    ("hetu*", "henkilötunnu*", "sosiaaliturvatunnu*", "personbeteckning*"),
    usual=(_FORM.format("-"), _FORM.format("+"), _FORM.format("A")),
    trigger=rb"[0-9]{6}[A-FU-Ya-fu-y+\-][0-9]{3}[0-9A-Za-z]",
)

KINDS = (HETU,)
