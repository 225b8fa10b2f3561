"""Words beside a number: patterns with open ends that read a text's bytes in any case, with or without accents."""

import re
import unicodedata
from functools import cache

_SMALL = bytes(  # ASCII letters small, digits as they are, all other ASCII a space; bytes of other letters untouched
    i if i >= 0x80 or chr(i).isdigit() else ord(chr(i).lower()) if chr(i).isalpha() else 0x20 for i in range(256)
)
_GAP = rb"(?: |\xc2[\x80-\xbf]|\xe2[\x80-\x84][\x80-\xbf])+"  # also no-break spaces, quotation marks, dashes, № and the like
_REST = rb"[^ ]*"


def plain(data: bytes) -> bytes:
    """What pattern() reads: small ASCII letters, spaces for punctuation, a space at both ends.

    >>> plain("C.F.: <Číslo".encode()).decode()
    ' c f    Číslo '
    """
    return b" " + data.translate(_SMALL) + b" "


@cache
def pattern(words: str) -> bytes:
    """Words with `*` for any characters of a word, dots in abbreviations -> pattern over plain() text. Accents may be missing there.

    >>> found = lambda words, text: bool(re.search(pattern(words), plain(text.encode())))
    >>> [found("rodn* čísl*", text) for text in ("RODNÉ ČÍSLO:", "rodným cislom", "rodinné číslo", "nerodné čísla")]
    [True, True, False, False]
    >>> found("codic* fiscal*", "codiceFiscale=")
    True
    >>> [found("α.φ.μ.", text) for text in ("ΑΦΜ", "«Α.Φ.Μ.:", "ΑΦΜΟ")], found("c.f.", "CF 1")
    ([True, True, False], True)
    """
    if re.fullmatch(r"(?:\w\.)+", words):
        gap = b"(?:" + _GAP + b")?"
        return _GAP + gap.join(_letter(c) for c in words if c != ".") + _GAP
    tokens = re.sub(r"[^\w*]+", " ", words.casefold()).split()
    out = _GAP
    for token, following in zip(tokens, [*tokens[1:], ""], strict=True):
        out += b"".join(_REST if c == "*" else _letter(c) for c in token) + _GAP
        if following and len(token.strip("*")) > 2 and ("*" not in token or len(following.strip("*")) > 3):
            out = out[: -len(_GAP)] + b"(?:" + _GAP + b")?"  # codiceFiscale, as fields are called
    return out


@cache
def _letter(character: str) -> bytes:
    """A letter of a pattern -> the bytes that may stand for it: capital, decomposed, without its accent; of Greek ones also with one."""
    small = character.lower()
    base = _bare(small)
    forms = {
        small,
        small.upper(),
        base,
        base.upper(),
        *(unicodedata.normalize("NFD", c) for c in (small, small.upper())),
    }
    if "\u0370" <= base <= "\u03ff":
        forms |= {chr(i) for i in range(0x370, 0x400) if _bare(chr(i).lower()) == base}
    encoded = sorted({form.encode().translate(_SMALL) for form in forms}, key=lambda form: (-len(form), form))
    return encoded[0] if len(encoded) == 1 else b"(?:" + b"|".join(encoded) + b")"


def _bare(small: str) -> str:
    kept = "".join(c for c in unicodedata.normalize("NFKD", small) if not unicodedata.combining(c))
    return (kept or small).replace("ς", "σ")
