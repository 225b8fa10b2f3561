"""UTF-8 that was once read as a one-byte charset and saved again (`Ã©` for `é`): undone where the bytes prove it, and only there."""

import codecs
import re
from functools import cache, partial

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
    pairs = set(_SUSPICIOUS.findall(body.translate(None, _ASCII).decode()))
    return any(pair in text for pair in pairs)


_PIECE = re.compile(r"[^<>]+")
C1 = re.compile("[\x80-\x9f]")
C1_MEANT = {code: bytes([code]).decode("cp1252", "ignore") or None for code in range(0x80, 0xA0)}


def repair(text: str) -> tuple[str, str]:
    """(text, the charset that it was once read in, "" if nothing is proven). Text between tags is repaired piece by piece.

    A piece is proven when all of it, taken back to bytes, is valid UTF-8, with enough characters to be no accident; ftfy's idea
    (Speer 2019, doi:10.5281/zenodo.2591652), without its guesses. C1 controls become the signs that windows-1252 has there, as in browsers.
    """
    used = ""
    for _ in range(_ROUNDS):
        pieces = _pieces(text)
        tries = [(*_proven(pieces, codec), codec) for codec in CODECS]
        weight, repaired, codec = max(tries, key=lambda each: each[0])  # the first of equals
        if not weight:
            break
        text = _PIECE.sub(partial(_replaced, repaired), text)
        used = used or codec
    if C1.search(text):
        text, used = text.translate(C1_MEANT), used or "cp1252"
    return text, used


def _pieces(text: str) -> set[str]:
    """What lies between tags, or in one, and holds something suspicious."""
    out, end = set(), 0
    for found in _SUSPICIOUS.finditer(text):
        if found.start() >= end:
            start = max(text.rfind("<", 0, found.start()), text.rfind(">", 0, found.start())) + 1
            piece = _PIECE.match(text, start)
            assert piece is not None
            end = piece.end()
            out.add(piece.group())
    return out


def _replaced(repaired: dict[str, str], found: re.Match[str]) -> str:
    return repaired.get(found.group(), found.group())


_ENOUGH_HERE, _ENOUGH_ON_PAGE = (
    3,
    6,
)  # sequences: one or two happen by chance (a capital letter before a quotation mark)


def _proven(pieces: set[str], codec: str) -> tuple[int, dict[str, str]]:
    """(how many sequences are proven, piece -> its repaired form) under one charset."""
    alphabet = _alphabet(codec)
    whole: dict[str, tuple[str, int]] = {}
    seen: set[str] = set()
    for piece in pieces:
        try:
            made = codecs.charmap_encode(piece, "strict", alphabet)[0].decode("utf-8")
        except (UnicodeEncodeError, UnicodeDecodeError):
            continue
        beyond = [char for char in made if char > "\x7f"]
        if all(char.isprintable() or char in _INVISIBLE or C1.match(char) for char in beyond):
            # three bytes that fit are stronger evidence than two
            whole[piece] = made, sum(2 if char > "\u07ff" else 1 for char in beyond)
            seen.update(beyond)
    on_page = sum(weight for _, weight in whole.values()) >= _ENOUGH_ON_PAGE and len(seen) > 2
    proven = {
        piece: made
        for piece, (made, weight) in whole.items()
        if on_page or (weight >= _ENOUGH_HERE and len(set(made) - _ASCII_CHARS) > 1)
    }
    return sum(whole[piece][1] for piece in proven), proven


_INVISIBLE = "\u00a0\u00ad\u200b\u200c\u200d\u2028\ufeff"
_ASCII_CHARS = set(map(chr, range(128)))
