"""Malta: identity card, up to seven digits and a letter, also the tax number of the Maltese. No check digit: words alone decide."""

from euro_curate.pii.kind import Kind


def identity_card(code: str) -> bool:
    """The letter says where and when a birth was registered.

    >>> identity_card("0123485M"), identity_card("0123485K")
    (True, False)
    """
    return code[-1] in "MGAPLHBZ"


ID = Kind(
    "mt_id",
    tuple(digits + gap for digits in ("9999999", "999999", "99999") for gap in ("A", " A", "(A)", " (A)", "-A")),
    identity_card,
    "0123485?",
    "Identity Card and other Identity Documents Act; no check digit exists",
    "MT",
    (
        "karta tal-identità",
        "karti tal-identità",
        "karta ta' identità",
        "numru tal-ID",
        "K.I.",
        "I.D. card",
        "identity card*",
        "ID card*",
    ),
    tight=True,
    trigger=rb"[0-9]{5,7}[ \-]?\(?[MGAPLHBZ]",
)

KINDS = (ID,)
