"""One pass over a text's bytes for everything that may be personal data, then each kind's own check.

The scan stops at *triggers*: eight digits, an @, the beginning of an IBAN. At each, and at each further group of digits, the kinds
try in turn. A kind whose check lets too much pass asks for a word beside the number, and words are looked for only then.

Redacting again changes nothing, because the scan reads the text that redaction makes. What a trigger yields depends on a window of the text
around it and on nothing else. A finding becomes a MARK at once; no pattern matches a MARK, whatever will stand there. Then the scan steps back
to the first trigger whose window reaches the finding. So at the end every trigger was refused with the MARKs as they are: a scan of the
redacted text, whose stand-ins are read as MARKs, makes the same steps and finds nothing. Going back never takes more steps than there
are triggers in a window, and a finding is never looked at again: time grows with the text and with nothing else.
"""

import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property, lru_cache

from euro_curate.languages import languages
from euro_curate.pii import card, email, iban, ip, mac, phone, secret, wallet
from euro_curate.pii.engine import AnyOf, compiled
from euro_curate.pii.kind import GAP, NUMBER, Kind, joined
from euro_curate.pii.states import NATIONAL
from euro_curate.pii.vat import VAT
from euro_curate.pii.words import pattern, plain

CODED: tuple[Kind, ...] = (*NATIONAL, VAT)  # kinds that a file describes and kind.py locates
TRIGGERS: dict[str, tuple[bytes, ...]] = {
    "email": (email.TRIGGER,),
    "iban": (iban.TRIGGER,),
    "ip": (ip.TRIGGER,),
    "mac": (mac.TRIGGER,),
    "secret": (secret.TRIGGER,),
    "wallet": (wallet.TRIGGER,),
    "card": (NUMBER,),
    "phone": (NUMBER, rb"[0-9]{3}[ \-][0-9]{4}"),
    **{kind.name: (NUMBER, kind.trigger) for kind in CODED},
}
TAGS = {name: name for name in TRIGGERS} | {kind.name: kind.tag for kind in CODED}
OPTIONAL = ("secret", "wallet", *(kind.name for kind in CODED if not kind.default))
_NAMES = {"phone": phone.NAMES, **{kind.name: kind.names for kind in CODED}}

_BEFORE, _AFTER, _NEAR = 120, 80, 40  # characters in which a word for a number is looked for; _NEAR: just before it
_BEHIND, _AHEAD = 256, 400  # bytes before and behind a trigger that are looked at
_LONGEST = 160  # bytes of digits and gaps read at once
_UNDECIDED = 64  # at their end, a number may go on in the next piece

_CLUSTER = re.compile(rb"[0-9]+(?:(?:[()]|" + GAP[: -len(b"{0,3}")] + rb"){1,3}[0-9]+)*")
_GROUP = re.compile(rb"[0-9]+")
_DAY, _MONTH, _YEAR = rb"(?:0?[1-9]|[12][0-9]|3[01])", rb"(?:0?[1-9]|1[0-2])", rb"(?:1[5-9]|20)[0-9]{2}"
_DATE = rb"(?:%b(?:\. ?%b\. ?|/%b/|-%b-)(?:%b|[0-9]{2})|%b %b %b|%b[.\-/]%b[.\-/]%b|%b)" % (
    (_DAY, _MONTH, _MONTH, _MONTH, _YEAR, _DAY, _MONTH, _YEAR, _YEAR, _MONTH, _DAY, _YEAR)
)
_TIME = rb"(?:[ .\-]{1,3}[0-9]{1,2}(?:[.][0-9]{2})?)?"
_DASH = rb"(?: ?(?:[\-/]|\xe2\x80[\x90-\x93]) ?| )"
_DATES = _DATE + _TIME + rb"(?:" + _DASH + _DATE + _TIME + rb"){0,9}+"
_THOUSANDS = rb"[1-9][0-9]{0,2}(?:(?:[ .]|\xc2\xa0|\xe2\x80[\xaf\x89])[0-9]{3}){2,6}"
_MONEY = rb"(?:,[0-9]{1,3}(?![0-9])|(?: |\xc2\xa0)?(?:%|\xe2\x82\xac|\$|EUR\b|USD\b|K\xc4\x8d|z\xc5\x82|Ft\b|kr\b|lei\b|\xd0\xbb\xd0\xb2))"
_ENDS = rb"(?!" + GAP + rb"[0-9]|[0-9A-Za-z])"
# Digits that are a date, several, or an amount of money, and end there; of many dates the first ten.
_NOBODYS = re.compile(rb"%b(?:%b|(?=%b%b))|%b(?=%b)%b" % (_DATES, _ENDS, _DASH, _DATE, _THOUSANDS, _MONEY, _ENDS))
# What makes the digits behind it something else, and is read with them: books, articles of law and of shops, sums.
_LABELS = (
    rb"(?:IS[BSM]N|doi:|DOI:? |doi\.org/|arXiv:|EAN|GTIN|UPC|CELEX|Celex|ECLI:|PMID|OCLC|ASIN|IMEI)[^0-9A-Za-z\x01]{0,4}(?:1[03][^0-9A-Za-z\x01]{1,4})?[0-9A-Za-z]|"
    rb"(?:\$|\xe2\x82\xac|\xc2\xa3|EUR|USD|CZK|PLN|HUF|CHF|GBP) ?[0-9]"
)
_LABELLED = re.compile(rb"(?:" + _LABELS + rb")[0-9A-Za-z.:/()]{0,80}(?:(?:[ \-]|\xc2\xa0)[0-9.,:/]{1,16}X?){0,12}")
_ADDRESS = re.compile(rb"[0-9A-Za-z._%+\-\x80-\xff]{0,64}@[0-9A-Za-z\x80-\xff]")

_FRONT = re.compile(rb"IBAN\Z|(?:%b)\Z" % "|".join({kind.country for kind in NATIONAL}).encode(), re.IGNORECASE)
_GOES_ON = tuple(bytes([c]) for c in b":ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
_DIGITS, _PLUS = b"0123456789", ord("+")
_GAPS = bytes(i for i in range(256) if not 0x30 <= i <= 0x39)

MARK = "\x01"  # stands for what stands in place of a finding: in no word, in no number, and a byte long
_MARK = MARK.encode()

Found = tuple[str, int, int]  # kind, first byte, end


EVERY = "*"  # in place of a language: the words and states of all 24, more false alarms


@lru_cache(maxsize=256)
def finder(language: str, kinds: tuple[str, ...]) -> "Finder":
    """The finder for a language (a code of the 24, or anything else) and a choice of kinds."""
    return Finder(language, kinds)


class Finder:
    """What is looked for in one language."""

    def __init__(self, language: str, kinds: Sequence[str]) -> None:
        spoken = (
            list(languages().values())
            if language == EVERY
            else [languages()[language]]
            if language in languages()
            else []
        )
        self.regions = tuple(dict.fromkeys(country for known in spoken for country in known.countries))
        self._wide = 2 if any(known.script != "Latin" for known in spoken) else 1  # bytes a letter
        self._on = frozenset(kinds)
        self._coded = {kind.name: kind for kind in CODED if kind.name in self._on}
        free = [
            kind for kind in self._coded.values() if kind.usual and (not kind.country or kind.country in self.regions)
        ]
        self._free_letters = [kind for kind in free if kind.lettered]
        self._free_digits = [kind for kind in free if not kind.lettered]
        self._fewest = min((kind.digits for kind in self._free_digits), default=_LONGEST)
        self._free_form = re.compile(b"|".join(kind.form(named=False) for kind in self._free_digits) or b"\\Z.")
        self._letter_form = re.compile(
            b"|".join(kind.form(named=True) for kind in self._coded.values() if kind.lettered) or b"\\Z."
        )
        own: dict[str, list[str]] = {}
        for known in spoken:
            for name, words in known.pii:
                own.setdefault(name, []).extend(words)
        # Kinds of the language's own states first: two states may have one form of number and one name for it.
        order = sorted(self._on & set(TRIGGERS), key=lambda name: (self._foreign(name), list(TRIGGERS).index(name)))
        self._words = [
            (name, pattern(w)) for name in order for w in dict.fromkeys((*_NAMES.get(name, ()), *own.get(name, ())))
        ]
        self._phones = "phone" in self._on
        self._keys = "secret" in self._on
        self._extra = [(name, _SPECIAL[name]) for name in ("wallet", "secret") if name in self._on]

    def _foreign(self, name: str) -> bool:
        return name in self._coded and self._coded[name].country not in self.regions

    @cached_property
    def _scan(self) -> Callable[[bytes, int, int], Iterator[re.Match[bytes]]]:
        triggers = dict.fromkeys(trigger for name in TRIGGERS if name in self._on for trigger in TRIGGERS[name])
        scan: Callable[[bytes, int, int], Iterator[re.Match[bytes]]]
        scan = compiled(b"|".join((_LABELS, *triggers))).finditer
        return scan

    @cached_property
    def _any_word(self) -> AnyOf:
        return AnyOf([words for _, words in self._words])

    def stops(self, data: bytes) -> bool:
        """Whether there is any trigger in UTF-8 bytes. Without one there is none either with MARKs in them."""
        return bool(self._on) and next(self._scan(data, 0, len(data)), None) is not None

    def find(self, data: bytes) -> list[Found]:
        """Everything found in UTF-8 bytes, in order, without overlap."""
        done: list[Found] = []
        ahead: list[Found] = []  # findings behind the place that is read, the nearest last
        steps: deque[tuple[int, int]] = deque()  # (place read from, how far was looked up to here) of the last triggers
        pos = 0
        matches = self._scan(data, 0, len(data)) if self._on else iter([])
        while (match := next(matches, None)) is not None or ahead:
            if match is None:
                done.append(ahead.pop())
                pos = done[-1][2]
                matches = self._rest(data, pos, ahead)
                continue
            at, end = match.span()
            if at < pos:
                if end > pos:
                    matches = self._rest(data, pos, ahead)
                continue
            window, here, high = self._window(data, at, done, ahead)
            found, skip, seen = self._look(window, here, end - at + here)
            if seen:
                high = _place(seen + at - here, ahead, high)
            steps.append((pos, max(high, steps[-1][1]) if steps else high))
            while steps[0][1] <= at - _BEHIND:  # no finding begins so far back
                steps.popleft()
            if found is None:
                pos = at + skip - here
                if pos < end:  # the trigger's tail may be one by itself
                    matches = self._rest(data, pos, ahead)
                continue
            kind, start, last = found
            start += at - here
            while steps and steps[-1][1] > start:
                pos = steps.pop()[0]
            ahead.append((kind, start, last + at - here))
            while done and done[-1][1] >= pos:
                ahead.append(done.pop())
            matches = self._rest(data, pos, ahead)
        return done

    def _rest(self, data: bytes, pos: int, ahead: Sequence[Found]) -> Iterator[re.Match[bytes]]:
        """Triggers from a place on, up to the next finding."""
        return self._scan(data, pos, ahead[-1][1] if ahead else len(data))

    def _window(self, data: bytes, at: int, done: Sequence[Found], ahead: Sequence[Found]) -> tuple[bytes, int, int]:
        """(bytes around a trigger, with findings as MARKs; where it is in them; up to where in the data they go)."""
        left, low, room = [], at, _BEHIND
        for _, start, end in reversed(done):
            if low - end >= room:
                break
            left += [data[end:low], _MARK]
            room -= low - end + 1
            low = start
        left.append(data[max(0, low - room) : low])
        behind = b"".join(reversed(left))
        before, high = _upto(data, at, ahead, _AHEAD)
        for sign, size in secret.LONG.items() if self._keys else ():
            if data.startswith(sign, at):
                before, _ = _upto(data, at, ahead, size)
        return behind + before, len(behind), high

    def _look(self, data: bytes, at: int, end: int) -> tuple[Found | None, int, int]:
        """(what the trigger data[at:end] yields, where to read on if nothing, how far was looked; 0: not known)."""
        first = data[at]
        if first in _DIGITS:
            if (skip := _NOBODYS.match(data, at)) and not (at and data[at - 1] == _PLUS):
                return None, skip.end(), 0
            return *self._cluster(data, at, end), 0
        if first in b"@[({ ":
            end = at + 1 if data[at : at + 1] == b"@" else end
            place = email.locate(data, at, end)
            return ("email", *place) if place else None, end, email.seen(data, end)
        if label := _LABELLED.match(data, at):
            return None, label.end(), 0
        return self._letters(data, at, end), at + 1, 0

    def _letters(self, data: bytes, at: int, end: int) -> Found | None:
        """What begins with the letter at byte `at`; the scan matched up to `end`."""
        if joined(data, at) and not _FRONT.search(data, max(0, at - 4), at):
            return None
        if (data[end - 1] in b":-" or b"::" in data[at:end]) and (found := self._hex(data, at)):
            return found
        if "iban" in self._on and (place := iban.locate(data, at)):
            return ("iban", *place)
        for name, locate in self._extra:
            if place := locate(data, at):
                return (name, *place)
        for kind in self._free_letters:
            if place := kind.locate(data, at, False):
                return (kind.name, *place)
        if not self._letter_form.match(data, at):
            return None
        for word in self.around(data, at, at + 16):
            told = self._coded.get(word)
            if told and told.lettered and (place := told.locate(data, at, True)):
                return (word, *place)
        return None

    def _hex(self, data: bytes, at: int) -> Found | None:
        """An IPv6 or hardware address."""
        if "ip" in self._on and (place := ip.locate(data, at)):
            return ("ip", *place)
        if "mac" in self._on and (place := mac.locate(data, at)):
            return ("mac", *place)
        return None

    def _cluster(self, data: bytes, at: int, end: int) -> tuple[Found | None, int]:
        """(the first thing that begins at one of the groups of digits from byte `at` on, where to read on if there is none)."""
        if (data[end - 1] in b":-" or b"::" in data[at:end]) and (found := self._hex(data, at)):
            return found, found[2]
        for name, locate in self._extra:
            if place := locate(data, at):
                return (name, *place), place[1]
        cluster = _CLUSTER.match(data, at, at + _LONGEST)
        assert cluster is not None
        end = cluster.end()
        cut = end == at + _LONGEST
        run = cluster[0]
        if dotted := run.count(b".") > 2 and "ip" in self._on:
            if place := ip.locate(data, at):
                return ("ip", *place), place[1]
            if ip.FORM.fullmatch(run):
                return None, end
        digits = len(run.translate(None, _GAPS))
        hyphened = run.count(b"-") > 4 and "mac" in self._on
        abroad = self._phones and (b"00" in run or b"+" in data[max(0, at - 3) : at])
        cards = digits > 11 and "card" in self._on
        free = digits >= self._fewest
        words = self.around(data, at, end)
        named = [
            kind for name in words if (kind := self._coded.get(name)) and not kind.lettered and digits >= kind.digits
        ]
        ring = self._phones and "phone" in words
        if not (hyphened or abroad or cards or free or named or ring or dotted or data[end : end + 1] in _GOES_ON):
            return None, end
        for group in _GROUP.finditer(data, at, end):
            start = group.start()
            if cut and start > max(at, end - _UNDECIDED):
                return None, start
            one = None
            if dotted and (place := ip.locate(data, start)):
                one = ("ip", *place)
            elif hyphened and (place := mac.locate(data, start)):
                one = ("mac", *place)
            elif abroad and (place := phone.locate(data, start, (), False)):
                one = ("phone", *place)
            elif cards and (place := card.locate(data, start, "card" in words)):
                one = ("card", *place)
            elif named or ring or (free and self._free_form.match(data, start)):
                one = self._national(data, start, named, ring)
            if one and not _ADDRESS.match(data, one[2]):
                return one, end
        if cut:
            rest = _GROUP.match(data, end)
            return None, rest.end() if rest else end
        if start > at and data[end : end + 1] in _GOES_ON:
            return None, start  # what begins with the last group is not only digits
        return None, end

    def _national(self, data: bytes, at: int, named: Sequence[Kind], ring: bool) -> Found | None:
        """A number of a state, or a phone number as written inside a state, that begins at byte `at`."""
        if self._free_form.match(data, at):
            for kind in self._free_digits:
                if place := kind.locate(data, at, False):
                    return (kind.name, *place)
        near = self._near(data, at) if ring else set()
        if "phone" not in near or any(
            kind.name in near for kind in named
        ):  # else it is that phone's, whatever else is around
            for kind in named:
                if place := kind.locate(data, at, True):
                    return (kind.name, *place)
        if "phone" in near and (place := phone.locate(data, at, self.regions, True)):
            return ("phone", *place)
        return None

    def _near(self, data: bytes, at: int) -> set[str]:
        text = plain(data[max(0, at - self._wide * _NEAR) : at])
        return {self._words[i][0] for i in self._any_word(text)}

    def around(self, data: bytes, start: int, end: int) -> list[str]:
        """Kinds of which a word stands around two bytes, the language's own first."""
        hits = self._any_word(plain(data[max(0, start - self._wide * _BEFORE) : end + self._wide * _AFTER]))
        return list(dict.fromkeys(self._words[i][0] for i in sorted(hits))) if hits else []


def _place(place: int, ahead: Sequence[Found], high: int) -> int:
    """A place in the text with findings as MARKs -> in the data, `high` at most."""
    for _, start, end in reversed(ahead):
        if place <= start or start >= high:
            break
        place += end - start - 1
    return min(place, high)


def _upto(data: bytes, at: int, ahead: Sequence[Found], room: int) -> tuple[bytes, int]:
    """(so many bytes from a place on, with the findings there as MARKs; up to where in the data they go)."""
    pieces = []
    for _, start, end in reversed(ahead):
        if start - at >= room:
            break
        pieces += [data[at:start], _MARK]
        room -= start - at + 1
        at = end
    return b"".join([*pieces, data[at : at + room]]), at + room


_SPECIAL: dict[str, Callable[[bytes, int], tuple[int, int] | None]] = {
    "ip": ip.locate,
    "mac": mac.locate,
    "iban": iban.locate,
    "wallet": wallet.locate,
    "secret": secret.locate,
}


def code_points(data: bytes, places: Iterable[int]) -> Iterator[int]:
    """Byte offsets in rising order -> code-point offsets."""
    done = chars = 0
    for place in places:
        chars += len(data[done:place].decode("utf-8", "replace"))
        done = place
        yield chars
