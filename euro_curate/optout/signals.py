"""What a page's own headers and markup say of uses, as evidence: `signal=where[:value]; ...`; and which of it reserves training.

The words, with their sources:

    noai, noimageai     X-Robots-Tag and meta robots; DeviantArt's convention of 2022
    notrain             the same places, no specification
    noindex             the same places (also `none`): about search engines, no reservation of training
    agent               such a word for one agent by name: <meta name="GPTBot" content="noindex">, X-Robots-Tag: gptbot: noai
    tdm-reservation     TDMRep (W3C community group): header, then meta, which overrules it, and both /.well-known/tdmrep.json; 1 or 0
    tdm-policy          its companion: where a licence can be asked for
    content-usage       IETF AIPREF, draft-ietf-aipref-vocab and -attach: header, and a rule of robots.txt
    content-signal      Cloudflare's contentsignals.org: a rule of robots.txt, and a header
    rsl                 Really Simple Licensing 1.0: where its terms are; they are not fetched
    robots, robots-all  robots.txt (RFC 9309): an agent that trains models may not come, by name; nobody may who has no rules of their own
"""

import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Protocol

# In the order in which they are tried. What is recorded is never less than this, whatever excludes.
SIGNALS = (
    "noai",
    "notrain",
    "agent",
    "tdm-reservation",
    "content-usage",
    "content-signal",
    "robots",
    "robots-all",
    "rsl",
    "noimageai",
    "noindex",
)
# Reservations that are explicit, machine-readable and of text and training (DSM Directive, article 4(3)), and robots.txt as an agent without
# rules of its own must read it. Not: noindex, which is about search; noimageai, as we take no images; rsl, whose terms may allow it.
DEFAULT = SIGNALS[: SIGNALS.index("rsl")]


@dataclass(frozen=True)
class OptOut:
    """Which signals exclude a page (parameters of `reserve`). ValueError on unknown ones."""

    exclude: tuple[str, ...] = DEFAULT
    agents: tuple[str, ...] = ()  # product tokens of agents that stand for training; () = those of agents.toml

    def __post_init__(self) -> None:
        check_signals(self.exclude)
        if not self.agents:
            object.__setattr__(self, "agents", training_agents())


def check_signals(exclude: Sequence[str]) -> None:
    """ValueError names the signals that do not exist, and those that do."""
    if unknown := sorted(set(exclude) - set(SIGNALS)):
        raise ValueError(f"ingest.opt_out: unknown {', '.join(unknown)}; choices: {', '.join(SIGNALS)}")


@cache
def training_agents() -> tuple[str, ...]:
    """The product tokens in agents.toml whose purpose is training, in its order."""
    listed = tomllib.loads(files("euro_curate.optout").joinpath("agents.toml").read_text(encoding="utf-8"))
    return tuple(agent["name"] for agent in listed["agents"] if agent["purpose"] == "training")


class LinkLike(Protocol):
    """A link of a page or its headers: see ingest/head.py."""

    @property
    def rel(self) -> tuple[str, ...]: ...
    @property
    def href(self) -> str: ...
    @property
    def type(self) -> str: ...
    @property
    def where(self) -> str: ...


def statements(
    headers: Sequence[tuple[str, str]], metas: Sequence[tuple[str, str]], links: Sequence[LinkLike] = ()
) -> str | None:
    """HTTP headers, meta elements (lower-case name, content) and links -> what they say, `signal=where[:value]; ...`; None if nothing."""
    found: list[str] = []
    tdm: dict[str, tuple[str, str]] = {}  # name -> where, value: the last place wins
    usage: dict[str, list[str]] = {}
    for key, value in headers:
        name = key.lower()
        if name == "x-robots-tag":
            found += _robots("header", value)
        elif name in ("tdm-reservation", "tdm-policy"):
            tdm[name] = "header", value
        elif name in ("content-usage", "content-signal"):
            usage.setdefault(name, []).append(value)
    for name, content in metas:
        if name in ("robots", "x-robots-tag"):
            found += _robots("meta", content)
        elif name in ("tdm-reservation", "tdm-policy"):
            tdm[name] = "meta", content
        elif _AGENT_NAME.fullmatch(name):
            found += _robots("meta", f"{name}: {content}")
    if "tdm-reservation" in tdm and tdm["tdm-reservation"][1].strip() not in ("0", "1"):
        del tdm["tdm-reservation"]  # other values count as none
    found += [item(name, where, value) for name, (where, value) in tdm.items()]
    found += [item(name, "header", ", ".join(values)) for name, values in usage.items()]
    found += [item("rsl", link.where, link.href) for link in links if link.type == RSL and "license" in link.rel]
    return "; ".join(dict.fromkeys(found)) or None


RSL = "application/rsl+xml"


def item(signal: str, where: str, value: str = "") -> str:
    """One piece of evidence."""
    told = " ".join(value.replace(";", ",").split())[:500]
    return f"{signal}={where}:{told}" if told else f"{signal}={where}"


# An agent's name as a meta element's: others may hold the same words by chance (description, keywords).
_AGENT_NAME = re.compile(r"[a-z0-9_.\-]{0,40}(?:bot|bots|spider|crawler|agent|fetcher|extended|[\-.]ai)")
_SCOPE = re.compile(r"\s*([a-z*][^\s:]*)\s*:(.*)", re.DOTALL)
_VALUED = ("max-snippet", "max-image-preview", "max-video-preview", "unavailable_after")  # with a colon of their own
_WORDS = {"noai": "noai", "notrain": "notrain", "noimageai": "noimageai", "noindex": "noindex", "none": "noindex"}


def _robots(where: str, value: str) -> list[str]:
    """The words of a robots directive list: for everybody, or for one agent (`otherbot: noindex, nofollow`)."""
    said: dict[str, list[str]] = {}
    agent = "*"
    for part in value[:4096].lower().split(","):
        scoped = _SCOPE.fullmatch(part)
        if scoped and scoped.group(1) not in _VALUED:
            agent = scoped.group(1)
        word = _WORDS.get((scoped.group(2) if scoped else part).strip())
        if word and word not in said.setdefault(agent, []):
            said[agent].append(word)
    return [
        found
        for name, words in said.items()
        if words
        for found in (
            [item(word, where) for word in words] if name == "*" else [item("agent", where, " ".join([name, *words]))]
        )
    ]


def excluded(found: str | None, exclude: Sequence[str], agents: Sequence[str]) -> str | None:
    """Evidence -> the first signal (in the order of SIGNALS) of `exclude` by which it reserves training; None if by none."""
    if not found:
        return None
    said: dict[str, list[str]] = {}
    for piece in found.split("; "):
        signal, _, rest = piece.partition("=")
        said.setdefault(signal, []).append(rest.partition(":")[2])
    for signal in SIGNALS:
        if signal in exclude and any(_reserves(signal, value, agents) for value in said.get(signal, ())):
            return signal
    return None


def _reserves(signal: str, value: str, agents: Sequence[str]) -> bool:
    if signal == "tdm-reservation":
        return value.startswith("1")
    if signal in ("content-usage", "content-signal"):
        return denies_training(value)
    if signal == "agent":
        name, *words = value.split()
        return name in {agent.lower() for agent in agents} and words != ["noimageai"]
    return True


# Narrow uses before wide ones: the narrowest that is stated decides. train-ai is the draft's of August 2026; train-genai, bots (any automated
# processing) and the names without `train` are those of earlier drafts; ai-train is Content Signals'.
_TRAINING = ("train-genai", "genai", "train-ai", "ai-train", "ai", "tdm", "bots")


def denies_training(preferences: str) -> bool:
    """Whether `key=value, ...` says no to training: `train-ai=n`, `ai-train=no`. Of a key that comes twice, the last counts (RFC 9651)."""
    said = {}
    for preference in preferences.lower().split(","):
        key, _, value = preference.partition("=")
        said[key.strip()] = value.strip().split(" ")[0]
    stated = next((said[key] for key in _TRAINING if said.get(key) in ("y", "n", "yes", "no")), "")
    return stated.startswith("n")
