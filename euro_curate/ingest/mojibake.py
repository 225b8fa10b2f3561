"""UTF-8 that was once read as a one-byte charset and saved again (`Ã©` for `é`): undone where the bytes prove it, and only there."""

import codecs
import re
from functools import cache

CODECS = ("cp1252", "cp1250", "cp1251", "cp1253", "cp1257")
_LEADS = b"\xc2\xc3\xc4\xc5\xce\xcf\xd0\xd1\xe2"  # first bytes of the letters and quotes of our languages in UTF-8
_ROUNDS = 3  # how often a text may have gone through it


@cache
def _alphabet(codec: str) -> dict[int, int]:
    """Character -> byte. The C1 controls too: what browsers make of bytes that a charset leaves undefined, and what ISO-8859 makes of all of them."""
    out = {byte: byte for byte in range(0xA0)}
    for byte in range(256):
        if char := bytes([byte]).decode(codec, "ignore"):
            out[ord(char)] = byte
    return out


def _suspicious() -> re.Pattern[str]:
    """A character that such a lead byte becomes, then one that a following byte becomes; or a C1 control."""
    leads, followers = set(), set()
    for codec in CODECS:
        leads |= {chr(code) for code, byte in _alphabet(codec).items() if byte in _LEADS}
        followers |= {chr(code) for code, byte in _alphabet(codec).items() if 0x80 <= byte < 0xC0}
    lead, follower = (re.escape("".join(sorted(chars))) for chars in (leads, followers))
    return re.compile(f"[{lead}][{follower}]|[\x80-\x9f]")


_SUSPICIOUS = _suspicious()
_ASCII = bytes(range(128))


def suspicious(body: bytes, text: str) -> bool:
    """Cheap test whether `repair` has anything to do. `body` is the text's UTF-8: without its ASCII, little is left to look at."""
    return (
        _SUSPICIOUS.search(body.translate(None, _ASCII).decode()) is not None and _SUSPICIOUS.search(text) is not None
    )


_PIECES = re.compile(r"[^<>]+")  # text between tags, and the inside of tags
_C1 = re.compile("[\x80-\x9f]")
_C1_MEANT = {code: bytes([code]).decode("cp1252", "ignore") or None for code in range(0x80, 0xA0)}


def repair(text: str) -> tuple[str, str]:
    """(text, the charset that it was once read in, "" if nothing is proven). Text between tags is repaired piece by piece.

    A piece is proven when all of it, taken back to bytes, is valid UTF-8, with enough characters to be no accident; ftfy's idea
    (Speer 2019, doi:10.5281/zenodo.2591652), without its guesses. C1 controls become the signs that windows-1252 has there, as in browsers.
    """
    used = ""
    for _ in range(_ROUNDS):
        tries = [(_evidence(text, codec), -n, codec) for n, codec in enumerate(CODECS)]
        (_, pieces), _, codec = max(tries, key=lambda each: (each[0][0], each[1]))
        if not pieces:
            break
        text = _PIECES.sub(lambda found, pieces=pieces: pieces.get(found.group(), found.group()), text)  # type: ignore[misc]
        used = used or codec
    if _C1.search(text):
        text, used = text.translate(_C1_MEANT), used or "cp1252"
    return text, used


_ENOUGH_HERE, _ENOUGH_ON_PAGE = (
    3,
    6,
)  # sequences: one or two happen by chance (a capital letter before a quotation mark)


def _evidence(text: str, codec: str) -> tuple[int, dict[str, str]]:
    """(sequences proven, piece -> its repaired form) under one charset."""
    alphabet = _alphabet(codec)
    whole: dict[str, str] = {}
    weights: dict[str, int] = {}
    seen: set[str] = set()
    for piece in set(_PIECES.findall(text)):
        if piece.isascii() or not _SUSPICIOUS.search(piece):
            continue
        try:
            made = codecs.charmap_encode(piece, "strict", alphabet)[0].decode("utf-8")  # type: ignore[arg-type]
        except (UnicodeEncodeError, UnicodeDecodeError):
            continue
        beyond = [char for char in made if char > "\x7f"]
        if not all(
            char.isprintable() or char in "\u00a0\u00ad\u200b\u200c\u200d\u2028\ufeff" or "\x80" <= char <= "\x9f"
            for char in beyond
        ):
            continue
        # three bytes that fit are stronger evidence than two
        whole[piece], weights[piece] = made, sum(2 if char > "\u07ff" else 1 for char in beyond)
        seen.update(beyond)
    total = sum(weights.values())
    on_page = total >= _ENOUGH_ON_PAGE and len(seen) > 2
    proven = {
        piece: made
        for piece, made in whole.items()
        if on_page or (weights[piece] >= _ENOUGH_HERE and len(set(made) - set(map(chr, range(128)))) > 1)
    }
    return sum(weights[piece] for piece in proven), proven
