"""What a kind of personal data is: how it is written, how it is checked, and the words that give it away."""

import datetime
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import product

# What may stand between the digits of one number: space, . - / _, no-break, thin and narrow space, hyphens and dashes.
SEPARATOR = rb"(?:[ .\-/_]|\xc2\xa0|\xe2\x80[\x89\x90-\x93\xaf])"
GAP = SEPARATOR + rb"{0,3}"
NUMBER = rb"[0-9](?:(?:[()]|" + SEPARATOR + rb"){0,3}[0-9]){7}"  # eight digits: what most numbers are found by

_CLASSES = {"9": rb"[0-9]", "A": rb"[A-Za-z]", "X": rb"[0-9A-Za-z]", "Γ": rb"(?:[A-Z]|\xce[\x91-\xa9])"}
_PREFIXES = {"EL": "GR"}  # of tax numbers, where it is not the state's code
_NOT_ALNUM = re.compile(rb"[^0-9A-Za-z]+")


@dataclass(frozen=True)
class Kind:
    """A kind of number or code that is confirmed by its own characters.

    `shape`: 9 is a digit, A a letter, X either, Γ a Greek or Latin capital, anything else itself; gaps may be anywhere unless `tight`.
    A number of that shape needs a word beside it, of `names` or of that kind in the document's language (languages/*.toml). `usual`: shapes
    with gaps only where written, that need no word in the languages of the `country`. `check` gets letters and digits only, in upper case.
    """

    name: str
    shape: tuple[str, ...]
    check: Callable[[str], bool]
    stem: str  # an example, but for what stands in for `?`: example() fills that in
    source: str  # where the check comes from
    country: str = ""  # ISO 3166 code of the state that gives it
    names: tuple[str, ...] = ()  # words for it in any language; `*` stands for any ending, dots for abbreviations
    usual: tuple[str, ...] = ()
    trigger: bytes = NUMBER
    tight: bool = False  # no check digit: only as written in `shape`
    tag: str = "id"
    default: bool = True  # looked for unless the recipe says otherwise

    @cached_property
    def digits(self) -> int:
        """The fewest digits before a first letter."""
        return min(re.split("[AXΓ]", shape)[0].count("9") for shape in self.shape)

    @cached_property
    def lettered(self) -> bool:
        """Whether it begins with a letter."""
        return self.shape[0][0] in "AΓ"

    @cached_property
    def _loose(self) -> list[re.Pattern[bytes]]:
        return [re.compile(b"".join(_spread(shape, self.tight))) for shape in self.shape] + self._usual

    @cached_property
    def _usual(self) -> list[re.Pattern[bytes]]:
        return [re.compile(b"".join(map(_written, shape))) for shape in self.usual]

    def form(self, named: bool) -> bytes:
        """A pattern of all its shapes, or of those that need no word: what locate() would look at closer."""
        return b"|".join(pattern.pattern for pattern in (self._loose if named else self._usual))

    def locate(self, data: bytes, at: int, named: bool) -> tuple[int, int] | None:
        """(start, end) of this kind at a place where a number or code begins, or None. `named`: a word for it is near."""
        for pattern in self._loose if named else self._usual:
            if (found := pattern.match(data, at)) and (place := self._confirmed(data, *found.span(), named)):
                return place
        return None

    def _confirmed(self, data: bytes, at: int, end: int, named: bool) -> tuple[int, int] | None:
        start, sign = at, data[at - 2 : at].upper().decode("latin-1")
        if named and sign and _PREFIXES.get(sign, sign) == self.country and not joined(data, at - 2):
            start = at - 2  # PL 123 ...: as on an invoice
        if joined(data, start) or joined(data, end) or _DATE.match(data, at, end):
            return None
        midst = _MIDST.search(data, max(0, start - 4), start)
        if midst and midst[1] in data[at:end]:  # 12 345 678 901: not without what stands before
            return None
        code = _NOT_ALNUM.sub(b"", data[at:end]).decode("ascii").upper()
        return (start, end) if len(set(code)) > 2 and self.check(code) else None

    def example(self) -> str:
        """A value that the check accepts. None such is ever written down: it may be a real person's."""
        digits, letters = "0123456789", "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
        blanks = self.stem.count("?")
        for choice in (*product(digits, repeat=blanks), *product(letters, repeat=blanks if blanks == 1 else 0)):
            fill = iter(choice)
            made = "".join(next(fill) if c == "?" else c for c in self.stem)
            if self.check(re.sub(r"[^0-9A-Z]", "", made)):
                return made
        raise ValueError(f"{self.name}: nothing completes {self.stem}")


_MIDST = re.compile(rb"[0-9](" + SEPARATOR + rb")\Z")
_DATE = re.compile(
    rb"(?:(?:[0-9]{1,2}[. \-/]{1,2}){2}(?:1[89]|20)[0-9]{2}|(?:1[89]|20)[0-9]{2}[.\-/][0-9]{2}[.\-/][0-9]{2})(?![0-9])"
)


def _spread(shape: str, tight: bool) -> Iterator[bytes]:
    """The characters of a shape with gaps between them, but not between two letters: the second may begin the next word."""
    for before, character in zip(f" {shape}", shape, strict=False):
        if before != " " and not tight and (before, character) != ("A", "A"):
            yield GAP
        yield _written(character)


def _written(character: str) -> bytes:
    if character == " ":
        return rb"(?: |\xc2\xa0|\xe2\x80\xaf)"
    if character == "-":
        return rb"(?:-|\xe2\x80[\x90-\x93])"
    return _CLASSES.get(character) or re.escape(character.encode())


_APART = frozenset(i for i in range(0x80) if not chr(i).isalnum())


def joined(data: bytes, at: int) -> bool:
    """Whether the characters before and after byte `at` are both letters or digits: a cut there would split a word."""
    if not 0 < at < len(data) or data[at - 1] in _APART or data[at] in _APART:
        return False
    before, after = data[max(0, at - 4) : at].decode("utf-8", "ignore"), data[at : at + 4].decode("utf-8", "ignore")
    return before[-1:].isalnum() and after[:1].isalnum()


def born(day: str, month: str, year: str) -> bool:
    """Whether three strings of digits are a date. Years of two digits may be of any century."""
    years = [int(year)] if len(year) == 4 else [1900 + int(year), 2000 + int(year)]
    for candidate in years:
        try:
            datetime.date(candidate, int(month), int(day))
        except ValueError:
            continue
        return True
    return False


_TWICE = str.maketrans("0123456789", "0246813579")


def luhn(code: str) -> bool:
    """Luhn's check (ISO/IEC 7812): from the end, every second digit counts twice, as the sum of its digits.

    >>> luhn("79927398713"), luhn("79927398710")
    (True, False)
    """
    return (sum(map(int, code[::-2])) + sum(map(int, code[-2::-2].translate(_TWICE)))) % 10 == 0


def weighted(code: str, weights: tuple[int, ...]) -> int:
    """Sum of digit times weight, over as many as there are weights."""
    return sum(int(digit) * weight for digit, weight in zip(code, weights, strict=False))
