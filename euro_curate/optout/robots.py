"""Site-wide statements: robots.txt (RFC 9309 through Protego, with the rules on uses that others have added to it) and tdmrep.json."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote

from euro_curate.optout.signals import denies_training, item

MOST_BYTES = 500 << 10  # of a robots.txt: RFC 9309 asks for at least so much

_MOST_USAGES = 500  # rules on uses: each is tried on each page of the site
_AGENT_FIELDS = ("user-agent", "useragent", "user agent")
_SITE_FIELDS = ("sitemap", "host", "license")  # of the whole file, in no agent's group
_USAGE_FIELDS = ("content-usage", "content-signal")


@dataclass(frozen=True)
class _Usage:
    """A rule on uses."""

    agents: tuple[str, ...]  # lower-case tokens of its group; ("*",) before any group
    signal: str
    pattern: str
    value: str


class RobotsTxt:
    """One robots.txt. What is no rule is passed over, as everybody does: an error page that came with status 200 says nothing."""

    def __init__(self, body: str) -> None:
        from protego import Protego

        self._usages: list[_Usage] = []
        self._licences: list[str] = []
        group: list[str] = []
        lines: list[str] = []
        tokens: set[str] = set()
        last = ""
        for line in body.removeprefix("\ufeff").splitlines():
            name, colon, value = line.partition("#")[0].partition(":")
            field, value = name.strip().lower(), value.strip()
            if field in _AGENT_FIELDS:
                if last not in _AGENT_FIELDS:
                    group = []
                token = value.partition("/")[0].strip().lower()  # CCBot/2.0 is CCBot
                group.append(token)
                tokens.update((token, token.replace("*", "")))
                lines.append(f"User-agent: {token}")
            elif field in _USAGE_FIELDS and value and len(self._usages) < _MOST_USAGES:
                path, _, rest = value.partition(" ") if value.startswith("/") else ("/", "", value)
                self._usages.append(_Usage(tuple(group) or ("*",), field, path, rest.strip()))
            elif field == "license" and value and value not in self._licences:
                self._licences.append(value)
            if colon and field not in _SITE_FIELDS:
                last = field
            if field not in _AGENT_FIELDS:
                lines.append(line)
        self._tokens = frozenset(tokens)
        self._rules = Protego.parse("\n".join(lines))

    def statements(self, path: str, agents: Sequence[str]) -> list[str]:
        """What it says of a path (with its query), as evidence; `agents` are those that stand for training, in any case."""
        address = f"https://site.example{path}"
        named = [agent for agent in agents if agent.lower() in self._tokens]
        barred = [agent for agent in named if not self._rules.can_fetch(address, agent)]
        found = [item("robots", _ROBOTS, ", ".join(barred))] if barred else []
        if not self._rules.can_fetch(address, "*"):
            found.append(item("robots-all", _ROBOTS, "*"))
        for signal in _USAGE_FIELDS if self._usages else ():
            said = [value for agent in ("*", *named) for value in self._usage(signal, agent.lower(), path)]
            if said:  # the most restrictive statement is the one that counts (AIPREF vocabulary, 5.1)
                found.append(item(signal, _ROBOTS, next(filter(denies_training, said), said[0])))
        return found + [item("rsl", _ROBOTS, licence) for licence in self._licences]

    def _usage(self, signal: str, agent: str, path: str) -> list[str]:
        """The values of an agent's longest matching rules: several, if equally long."""
        rules = [u for u in self._usages if u.signal == signal and agent in u.agents and matches(u.pattern, path)]
        longest = max((len(u.pattern) for u in rules), default=0)
        return [u.value for u in rules if len(u.pattern) == longest]


_ROBOTS, _TDMREP = "robots.txt", "tdmrep.json"


class TdmRep:
    """One /.well-known/tdmrep.json: rules in order, the first that matches counts. A file that is no such thing says nothing."""

    def __init__(self, body: str) -> None:
        try:
            given = json.loads(body.removeprefix("\ufeff"))
        except (ValueError, RecursionError):
            given = []
        self._rules: list[tuple[str, str, str]] = []
        for rule in given if isinstance(given, list) else [given]:
            if isinstance(rule, dict) and isinstance(rule.get("location"), str):
                location, policy = rule["location"], rule.get("tdm-policy")
                location = location if location.startswith(("/", "*")) else f"/{location}"
                reservation = str(rule.get("tdm-reservation")).strip()
                self._rules.append((location, reservation, policy if isinstance(policy, str) else ""))

    def statements(self, path: str, agents: Sequence[str] = ()) -> list[str]:
        """What it says of a path, as evidence: to all agents alike."""
        for location, reservation, policy in self._rules:
            if matches(location, path):
                found = [item("tdm-reservation", _TDMREP, reservation)] if reservation in ("0", "1") else []
                return found + ([item("tdm-policy", _TDMREP, policy)] if found and policy else [])
        return []


def matches(pattern: str, path: str) -> bool:
    """RFC 9309's path patterns: a prefix, in which `*` is anything, and `$` at the end is the end. Linear in the path for each `*`."""
    exact = pattern.endswith("$")
    first, *rest = _plain(pattern[:-1] if exact else pattern).split("*")
    path = _plain(path)
    if not path.startswith(first):
        return False
    at = len(first)
    for i, part in enumerate(rest):
        if exact and i == len(rest) - 1:
            return len(path) - len(part) >= at and path.endswith(part)
        found = path.find(part, at)
        if found < 0:
            return False
        at = found + len(part)
    return not exact or at == len(path)


_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})")
_UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")


def _plain(path: str) -> str:
    """One spelling: escapes of unreserved characters undone, other escapes in upper case, other letters escaped."""
    if "%" in path:
        path = _ESCAPE.sub(lambda e: c if (c := chr(int(e[1], 16))) in _UNRESERVED else e[0].upper(), path)
    return path if path.isascii() else quote(path, safe="".join(map(chr, range(128))), errors="replace")
