"""Which legacy charset bytes are in: every candidate is judged by the letters and words that it makes of them.

A wrong charset gives letters that no language uses together, signs and capitals inside words, controls, and none of the function words.
What is counted per page are bytes and pairs of bytes, so that all candidates in all languages cost one matrix product.
"""

import re
import unicodedata
from collections import Counter
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from euro_curate.languages import languages

# Each language's letters beyond a-z, as its own words are written; then neighbours whose pages lie in the same crawls.
LETTERS = {
    "bg": "абвгдежзийклмнопрстуфхцчшщъьюя",
    "hr": "čćđšž",
    "cs": "áčďéěíňóřšťúůýž",
    "da": "æøåé",
    "nl": "éëïöüèêáó",
    "en": "éèêïöçñ",
    "et": "äöüõšž",
    "fi": "äöåšž",
    "fr": "àâæçèéêëîïôùûüÿœ",
    "de": "äöüß",
    "el": "αβγδεζηθικλμνξοπρστυφχψωςάέήίόύώϊϋΐΰ",
    "hu": "áéíóöőúüű",
    "ga": "áéíóúḃċḋḟġṁṗṡṫ",
    "it": "àèéìíîòóùú",
    "lv": "āčēģīķļņšūžōŗ",
    "lt": "ąčęėįšųūž",
    "mt": "ċġħżàèìòù",
    "pl": "ąćęłńóśźż",
    "pt": "áâãàçéêíóôõúü",
    "ro": "ăâîșțşţ",
    "sk": "áäčďéíĺľňóôŕšťúýž",
    "sl": "čšž",
    "es": "áéíñóúüªº¿¡",
    "sv": "åäöé",
    "ru": "абвгдежзийклмнопрстуфхцчшщъыьэюяё",
    "uk": "абвгдежзийклмнопрстуфхцчшщьюяіїєґ",
    "sr": "абвгдежзијклмнопрстуфхцчшђћљњџ",
    "mk": "абвгдежзијклмнопрстуфхцчшѓќљњџѕ",
    "tr": "çğıöşüâî",
    "is": "áðéíóúýþæö",
    "ca": "àçèéíïòóúü·",
}
# Python's names, the ones to prefer first: where two give the same characters, the first is meant.
CANDIDATES = (
    "cp1252", "cp1250", "cp1251", "cp1253", "cp1257", "iso8859-2", "iso8859-7", "iso8859-13", "iso8859-15", "iso8859-4", "iso8859-3", "koi8-r",
    "iso8859-5", "iso8859-16", "iso8859-10", "iso8859-14", "cp1254", "koi8-u", "mac-roman", "mac-cyrillic", "cp866",
)  # fmt: skip

# What a character is, in pairs.
_OTHER, _LOWER, _UPPER, _LOWER_FAR, _UPPER_FAR, _SIGN, _JOINER, _BAD = range(8)  # far: Greek, Cyrillic
_JOINERS = "’‘'-\u00ad"
_USUAL = "«»„“”‚‹›–—…€§©®°•·£²³™×\u00a0" + _JOINERS  # signs of ordinary pages; others are rare
_FAMILIAR = "áàâäãåæçéèêëíìîïñóòôöõøúùûüýßœšž"  # in names and loan words everywhere
_C1_SIGNS = "\x80\x82\x84\x85\x8b\x91\x92\x93\x94\x95\x96\x97\x99\x9b"  # windows' quotes and dashes, in pages that call themselves ISO

_STOP_WORD_WEIGHT = 3.0  # the share of function words (0.2 to 0.5 in prose) against costs per byte
_DECLARED, _DECLARED_PER_BYTE = 6.0, 0.03  # what a declaration is worth: much on a page with few such bytes
_LANGUAGE = 0.1  # what the page's lang attribute is worth, as a share of function words
_AT_ONCE = 0.02  # costs per byte: a declared charset that is so near the best is right, or makes the same letters
_OTHER_LANGUAGE = 0.15  # what it costs, as a share of function words, that the letters are not of the words' language
_SAMPLE, _MARKUP = 1 << 15, 1 << 18  # bytes of text that are looked at; of the page that they are taken from


@cache
def _tables() -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.float32]]:
    """(what each byte is, by candidate; what it costs, by candidate and language)."""
    classes = np.zeros((len(CANDIDATES), 256), np.uint8)
    costs = np.zeros((len(CANDIDATES), len(LETTERS), 256), np.float32)
    scripts = {code: _script(letters[0]) for code, letters in LETTERS.items()}
    for c, charset in enumerate(CANDIDATES):
        for byte in range(256):
            char = bytes([byte]).decode(charset, "replace")
            classes[c, byte] = _class_of(char)
            if byte < 128:
                continue
            for n, (code, letters) in enumerate(LETTERS.items()):
                costs[c, n, byte] = _cost(char, letters, scripts[code])
    return classes, costs


def _class_of(char: str) -> int:
    if char == "\ufffd" or "\x80" <= char <= "\x9f":
        return _BAD
    if char.isalpha() and char not in "ªº":
        near = _script(char) == "LATIN"
        return (_UPPER if near else _UPPER_FAR) if char.isupper() else _LOWER if near else _LOWER_FAR
    if char in _JOINERS and char not in "'-":
        return _JOINER
    return _OTHER if char.isascii() or char == "\u00a0" else _SIGN


def _script(char: str) -> str:
    return unicodedata.name(char, "").split(" ")[0]


def _cost(char: str, letters: str, script: str) -> float:
    """How unlikely a character is in a language."""
    lower = char.lower()
    if lower in letters:
        return 0.0
    kind = _class_of(char)
    if kind == _BAD:
        return 1.0 if char in _C1_SIGNS else 3.0
    if kind in _LETTERS:
        return 2.5 if _script(char) != script else 1.0 if lower in _FAMILIAR else 1.5
    return 0.0 if char in _USUAL else 0.8


_LETTERS = [_LOWER, _UPPER, _LOWER_FAR, _UPPER_FAR]
_PAIRS = np.zeros(
    (8, 8), np.float32
)  # what it costs that one class follows the other, where a byte beyond ASCII is in the pair
_PAIRS[_LOWER, _UPPER] = _PAIRS[_LOWER_FAR, _UPPER_FAR] = 2.0
_PAIRS[_UPPER, _UPPER] = _PAIRS[_UPPER_FAR, _UPPER_FAR] = 0.15
_PAIRS[np.ix_(_LETTERS[:2], _LETTERS[2:])] = _PAIRS[np.ix_(_LETTERS[2:], _LETTERS[:2])] = 2.0
_PAIRS[_OTHER, [_UPPER, _UPPER_FAR]] = 0.05
_PAIRS[_LETTERS, _SIGN] = _PAIRS[_SIGN, _LETTERS] = 0.7  # once at a quotation mark, twice inside a word
_PAIRS[_OTHER, _JOINER] = _PAIRS[_SIGN, _SIGN] = 0.3

_NO_TEXT = re.compile(rb"<(script|style)\b.*?</\1|<[^>]{0,2000}>|&#?\w{1,10};", re.IGNORECASE | re.DOTALL)
_WORDS = re.compile(rb"[A-Za-z\x80-\xff]+")
_LANG = re.compile(rb"<html\b[^>]{0,300}?\blang\s*=\s*[\"']?([A-Za-z]{2})", re.IGNORECASE)


@cache
def _stop_words() -> dict[str, list[int]]:
    """Function word -> rows of LETTERS."""
    rows = {code: n for n, code in enumerate(LETTERS)}
    out: dict[str, list[int]] = {}
    for language in languages().values():
        for word in language.stop_words:
            out.setdefault(word.rstrip("'-"), []).append(rows[language.iso1])
    return out


def judge(body: bytes, declared: dict[str, float]) -> tuple[str, float, float]:
    """(the most plausible candidate, its cost per byte beyond ASCII, the share of function words) of a page's bytes, markup and all.

    `declared`: charset -> how far it is believed beforehand, 1 for an ordinary declaration. One whose letters no other charset's surpass is
    taken at once, without a look at words.
    """
    letters, count = _letters(body[:_MARKUP])
    least = letters.min(axis=1)
    for charset in sorted(declared, key=lambda name: -declared[name]):
        if charset in CANDIDATES and least[CANDIDATES.index(charset)] <= least.min() + _AT_ONCE * declared[charset]:
            return charset, float(least.min()), 1.0
    text = _NO_TEXT.sub(b" ", body[:_MARKUP])[:_SAMPLE]
    letters, count = _letters(text)
    shares = _function_words(text, letters.min(axis=1))
    if (found := _LANG.search(body[:4096])) and (code := found.group(1).decode().lower()) in LETTERS:
        shares[:, list(LETTERS).index(code)] += _LANGUAGE
    # a page in one language may have its few letters beyond ASCII from another: names, menus
    total = letters - _STOP_WORD_WEIGHT * np.maximum(shares, shares.max(axis=1, keepdims=True) - _OTHER_LANGUAGE)
    for c, charset in enumerate(CANDIDATES):
        total[c] -= declared.get(charset, 0.0) * (_DECLARED / count + _DECLARED_PER_BYTE)
    best, language = np.unravel_index(int(total.argmin()), total.shape)
    return CANDIDATES[best], float(total[best, language]), float(shares[best, language])


def _letters(text: bytes) -> tuple[npt.NDArray[np.float32], int]:
    """(what the bytes beyond ASCII cost on average, by candidate and language, alone and as neighbours; their number)."""
    classes, costs = _tables()
    array = np.frombuffer(b" " + text + b" ", np.uint8)
    high = array >= 128
    count = max(1, int(np.count_nonzero(high)))
    histogram = np.bincount(array[high], minlength=256).astype(np.float32)
    total: npt.NDArray[np.float32] = costs @ histogram
    at = np.flatnonzero(high[:-1] | high[1:])
    seen = np.bincount(array[at].astype(np.uint16) << 8 | array[at + 1], minlength=1 << 16)
    pairs = np.flatnonzero(seen)
    first, second = classes[:, pairs >> 8], classes[:, pairs & 255]
    total += (_PAIRS[first, second] @ seen[pairs].astype(np.float32))[:, None]
    return total / np.float32(count), count


def _function_words(text: bytes, costs: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Share of function words, by candidate and language. Words beyond ASCII are looked up for candidates that are not hopeless."""
    words = Counter(_WORDS.findall(text))
    total = max(1, sum(words.values()))
    known = _stop_words()
    plain = [0] * len(LETTERS)
    beyond: list[tuple[bytes, int]] = []
    for word, times in words.most_common():
        if not word.isascii():
            beyond.append((word, times))
        elif len(word) < _LONG:
            for row in known.get(word.decode().lower(), ()):
                plain[row] += times
    del beyond[_LOOKED_UP:]
    joined = b"\n".join(word for word, _ in beyond)
    shares = np.tile(np.array(plain, np.float32), (len(CANDIDATES), 1))
    counted: dict[str, npt.NDArray[np.float32]] = {}  # candidates often agree on all words
    for c in np.flatnonzero(costs <= costs.min() + _HOPELESS):
        made: Any = joined.decode(CANDIDATES[c], "replace").lower()
        if made not in counted:
            rows = [0] * len(LETTERS)
            for word, (_, times) in zip(made.split("\n"), beyond, strict=False):
                for row in known.get(word, ()):
                    rows[row] += times
            counted[made] = np.array(rows, np.float32)
        shares[c] += counted[made]
    return shares / np.float32(total)


_LONG = 12  # letters: no function word has more in ASCII alone
_LOOKED_UP = 300  # words beyond ASCII, the most frequent first
_HOPELESS = 1.0  # in costs per byte
