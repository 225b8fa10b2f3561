"""The 24 official EU languages, one TOML file each, so that a native speaker can improve theirs without reading Python."""

import difflib
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

UNKNOWN = "und"
OTHER = "other"  # the group of every label outside the 24, in counts and samples


@dataclass(frozen=True)
class Language:
    """What the pipeline knows of one language."""

    code: str  # FineWeb-2 code, e.g. "mlt_Latn"
    name: str  # English name
    native: str  # its own name
    iso1: str  # ISO 639-1, e.g. "mt"
    aliases: tuple[str, ...]  # further codes that mean it (ISO 639-3 macro codes and the like)
    script: str  # "Latin", "Greek" or "Cyrillic"
    countries: tuple[str, ...]  # EU states where it is official: regions for phone numbers and identifiers
    confusable: tuple[str, ...]  # neighbours that identifiers mix it up with
    stop_words: frozenset[str]  # function words, casefolded; `l'`, `il-`: heads of words
    sentence_ends: str  # characters that end a sentence
    min_language_score: float  # below: `und`
    pii: tuple[tuple[str, tuple[str, ...]], ...] = ()  # kind of personal data -> words beside it that say what it is
    thresholds: tuple[tuple[str, float], ...] = ()  # rule -> threshold, where it differs from verdict.py's default


def _parse(path: Path) -> Language:
    raw = tomllib.loads(path.read_text(encoding="utf-8"))
    return Language(
        code=raw["code"],
        name=raw["name"],
        native=raw["native"],
        iso1=raw["iso1"],
        aliases=tuple(raw["aliases"]),
        script=raw["script"],
        countries=tuple(raw["countries"]),
        confusable=tuple(raw["confusable"]),
        stop_words=frozenset(word.casefold() for word in raw["stop_words"]),
        sentence_ends=raw["sentence_ends"],
        min_language_score=raw["min_language_score"],
        pii=tuple((kind, tuple(words)) for kind, words in raw["pii"].items()),
        thresholds=tuple(sorted((k, float(v)) for k, v in raw.get("thresholds", {}).items())),
    )


@cache
def languages() -> dict[str, Language]:
    """All 24, by code, in code order. Read once per process."""
    every = [_parse(path) for path in Path(__file__).parent.glob("*.toml")]
    return {language.code: language for language in sorted(every, key=lambda language: language.code)}


@cache
def _names() -> dict[str, str]:
    table: dict[str, str] = {}
    for language in languages().values():
        for alias in (
            language.code,
            language.code[:3],
            language.iso1,
            language.name,
            language.native,
            *language.aliases,
        ):
            table[alias.casefold()] = language.code
    return table


def resolve(name: str) -> Language:
    """The language that `name` means: `bg`, `bul`, `bul_Cyrl` and `Bulgarian` are one. ValueError lists the choices."""
    code = _names().get(name.strip().casefold())
    if code:
        return languages()[code]
    close = difflib.get_close_matches(name.strip().casefold(), _names(), n=1)
    hint = f" (did you mean {close[0]!r}?)" if close else ""
    choices = ", ".join(f"{language.iso1} ({language.name})" for language in languages().values())
    raise ValueError(f"{name!r} is not one of the 24 official EU languages{hint}. Choices: {choices}")


def select(names: tuple[str, ...]) -> tuple[str, ...]:
    """Codes of the named languages in code order, without repeats; no names = all 24."""
    chosen = {resolve(name).code for name in names} if names else set(languages())
    return tuple(code for code in languages() if code in chosen)
