"""Byte patterns run by RE2 in linear time, or by `re` where google-re2 is missing: slower, same results.

Patterns mean bytes, never characters (Latin-1 to RE2), and stay within what both engines read alike: no look-around, no \\w, no flags.
"""

import re
from collections.abc import Sequence
from functools import cache
from types import ModuleType
from typing import Any


@cache
def re2() -> ModuleType | None:
    """The google-re2 module, or None."""
    try:
        import re2
    except ImportError:
        return None
    found: ModuleType = re2
    return found


@cache
def compiled(pattern: bytes) -> Any:
    """A pattern with search(data, pos) -> match with span(), leftmost first."""
    engine = re2()
    return engine.compile(pattern, _options(engine)) if engine else re.compile(pattern)


class AnyOf:
    """Many patterns at once: which of them occur in some bytes."""

    def __init__(self, patterns: Sequence[bytes]) -> None:
        engine = re2()
        self._set: Any = None
        self._each: list[re.Pattern[bytes]] = []
        if engine and patterns:
            self._set = engine.Set.SearchSet(_options(engine))
            for pattern in patterns:
                self._set.Add(pattern)
            self._set.Compile()
        else:
            self._each = [re.compile(pattern) for pattern in patterns]

    def __call__(self, data: bytes) -> list[int]:
        """Positions of the patterns that occur, in no order."""
        if self._set is not None:
            found: list[int] = self._set.Match(data) or []
            return found
        return [i for i, pattern in enumerate(self._each) if pattern.search(data)]


def _options(engine: ModuleType) -> Any:
    options = engine.Options()
    options.encoding = engine.Options.Encoding.LATIN1
    options.max_mem = (
        64 << 20
    )  # bytes of states that are kept: with RE2's default of 8 MB this scan makes them anew all the time
    return options
