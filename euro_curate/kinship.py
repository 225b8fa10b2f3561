"""Croatian, Bosnian and Latin Serbian: one grammar, told apart by telling words. The second look at texts that the model gives to one of them.

Evidence adds up over the different words of a text. What each kind of word weighs was set by hand from what grammars say, so that it holds for any
genre; the words are in langid_models/hrv-bos-srp.txt (our own list) and in hashes of dictionary forms (see langid_models/train_kinship.py).
"""

import math
import struct
from functools import cache, lru_cache
from zlib import crc32

from euro_curate.models import entry, locate

KINDRED = ("hrv_Latn", "bos_Latn", "srp_Latn")
TABLE = "hrv-bos-srp-v2"  # an entry of langid_models/models.toml
RECORD = struct.Struct("<IB")  # crc32 of a form, or of a beginning and `*`; its section

# Section -> log-odds (Bosnian, Serbian) against Croatian of a text with such a word. `h` Croatian, `b` Bosnian, `s` Serbian, two letters: both; `-`: rather.
SECTIONS = {
    "h": (-2.2, -3.5),
    "h-": (-0.7, -1.2),
    "b": (2.5, 0.8),
    "b-": (1.0, 0.3),
    "s": (0.7, 3.3),  # the e of lepo, mleko: never Croatian, seldom Bosnian
    "s-": (0.3, 1.0),
    "bs": (2.8, 3.0),
    "bs-": (0.3, 0.4),
    "hb": (0.0, -2.0),  # the ije of lijepo, mlijeko; Montenegrin Serbian has it too
    "ekavian": (0.7, 3.3),  # dictionary forms whose ije-form is in the Croatian dictionary
    "not croatian": (2.0, 2.4),  # forms that only the Croatian dictionary lacks
    "modal": (0.0, 0.0),  # `moram da radim` is Serbian, `moram raditi` the others'
}
_WEIGHTS = tuple(SECTIONS.values())
_MODAL = tuple(SECTIONS).index("modal")
# Turn of phrase -> the same. Croatian has the long form of `s tobom` before s, š, z, ž alone, Bosnian both, Serbian the long one.
TURNS = {
    "mora da": (1.2, 2.5),
    "mora raditi": (0.0, -1.5),
    "radit će": (0.0, -2.5),
    "s": (0.0, -1.6),
    "sa": (1.6, 1.8),
    "da li": (1.5, 1.8),
    "je li": (-0.3, -1.8),
    "kako bi": (0.0, -0.8),
}
_FIRST = (-0.3, -0.5)  # without any evidence: most of what the web has is Croatian
_TRUST = 0.4  # weight of the model's own log-odds ...
_LEAST = 1e-3  # ... which never are beyond this probability
_SHARPNESS = 0.6  # words of one text are no independent witnesses
_SHORTEST, _LONGEST = 3, 10  # letters of a beginning


@cache
def _table() -> dict[int, int]:
    model = entry(TABLE, "kinship")
    return dict(RECORD.iter_unpack(locate(model.place, model.sha256).read_bytes()))


@lru_cache(1 << 16)
def _section(word: str) -> int | None:
    """The section of a word, or of the longest beginning of it that has one."""
    table = _table()
    found = table.get(crc32(word.encode()))
    size = min(len(word), _LONGEST)
    while found is None and size >= _SHORTEST:
        found = table.get(crc32(f"{word[:size]}*".encode()))
        size -= 1
    return found


def evidence(line: str) -> tuple[float, float]:
    """Normalised text (see langid.normalise) -> log-odds of Bosnian and of Serbian against Croatian, from its words alone."""
    words = line.split(" ")
    seen = {word: _section(word) for word in words}
    turns = set()
    for word, following in zip(words, words[1:], strict=False):
        if seen[word] == _MODAL:
            if following == "da":
                turns.add("mora da")
            elif len(following) > 3 and following.endswith(("ti", "ći")):
                turns.add("mora raditi")
        elif following in _FUTURES and len(word) > 3 and word.endswith("t"):
            turns.add("radit će")
        elif word in ("s", "sa") and not following.startswith(("s", "š", "z", "ž", "mnom")):
            turns.add(word)
        elif (turn := f"{word} {following}") in TURNS:
            turns.add(turn)
    weights = [_WEIGHTS[section] for section in seen.values() if section is not None]
    weights += [TURNS[turn] for turn in sorted(turns)]
    return tuple(math.fsum(column) for column in zip((0.0, 0.0), *weights, strict=True))  # type: ignore[return-value]


_FUTURES = frozenset(("ću", "ćeš", "će", "ćemo", "ćete"))


def tell(line: str, ranked: list[tuple[str, float]]) -> list[tuple[str, float]]:
    """(label, probability) pairs, best first -> the same with what the three have in common shared out anew, if one of them is best."""
    if ranked[0][0] not in KINDRED:
        return ranked
    model = dict(ranked)
    before = [math.log(model.get(label, 0.0) + _LEAST) for label in KINDRED]
    shares = [1.0]
    for first, found, log in zip(_FIRST, evidence(line), before[1:], strict=True):
        shares.append(math.exp(_SHARPNESS * (first + found + _TRUST * (log - before[0]))))
    mass = sum(model.pop(label, 0.0) for label in KINDRED) / sum(shares)
    model |= {label: mass * share for label, share in zip(KINDRED, shares, strict=True)}
    return sorted(model.items(), key=lambda item: -item[1])
