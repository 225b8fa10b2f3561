"""optout/: what pages and sites say of uses, read as their specifications do, and which of it excludes."""

import json
import tomllib
from datetime import UTC, date, datetime
from importlib.resources import files
from typing import Any

import pyarrow as pa
import pytest

from euro_curate.optout import (
    DEFAULT,
    SIGNALS,
    BySite,
    OptOut,
    excluded,
    policy_row,
    reserve,
    sort_addresses,
    sort_policies,
    training_agents,
)
from euro_curate.optout.robots import RobotsTxt, TdmRep, matches
from euro_curate.optout.signals import denies_training
from euro_curate.schema import DOCUMENTS, POLICIES

AGENTS = ("GPTBot", "CCBot", "Google-Extended")


def said(robots: str, path: str = "/page") -> list[str]:
    return RobotsTxt(robots).statements(path, AGENTS)


# --- the list ----------------------------------------------------------------------------------------------------------------


def test_the_list_of_agents_is_dated_and_says_what_each_is_for() -> None:
    listed = tomllib.loads(files("euro_curate.optout").joinpath("agents.toml").read_text(encoding="utf-8"))
    names = [agent["name"].lower() for agent in listed["agents"]]
    assert len(set(names)) == len(names) > 30
    assert {agent["purpose"] for agent in listed["agents"]} == {"training", "search", "user", "images"}
    for agent in listed["agents"]:
        assert agent["company"] and (agent["source"] == "list" or agent["source"].startswith("https://"))
        assert date.fromisoformat(agent["date"]) <= date.fromisoformat(listed["date"])
    assert {"GPTBot", "CCBot", "Google-Extended", "ClaudeBot"} <= set(training_agents())
    assert not {"PerplexityBot", "ChatGPT-User", "OAI-SearchBot"} & set(training_agents())


def test_explicit_reservations_exclude_by_default_and_the_rest_is_for_the_recipe() -> None:
    assert set(SIGNALS) - set(DEFAULT) == {"rsl", "noimageai", "noindex"}
    assert OptOut().agents == training_agents() and OptOut(agents=("X",)).agents == ("X",)
    with pytest.raises(ValueError, match="unknown no-ai; choices: noai, "):
        OptOut(("no-ai",))


def test_the_first_signal_of_the_order_is_the_verdict() -> None:
    found = "noindex=meta; robots=robots.txt:GPTBot; content-signal=header:ai-train=no"
    assert excluded(found, DEFAULT, AGENTS) == "content-signal"
    assert excluded(found, ("noindex",), AGENTS) == "noindex"
    assert excluded(found, (), AGENTS) is None and excluded(None, SIGNALS, AGENTS) is None


# --- preferences -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("preferences", "denied"),
    [
        ("train-ai=n", True),
        ("search=y,  train-ai=n", True),
        ("train-ai=y", False),
        ("train-ai=y, train-ai=n", True),
        ("train-ai=n, train-ai=y", False),
        ("search=n, ai-use=n", False),
        ("train-ai", False),
        ("train-ai=maybe", False),
        ("bots=n", True),
        ("bots=n, train-ai=y", False),
        ("train-ai=n, train-genai=y", False),
        ("ai-train=no, search=yes", True),
        ("AI-Train=No", True),
        ("ai-input=no", False),
        ("", False),
    ],
)
def test_preferences_on_training(preferences: str, denied: bool) -> None:
    assert denies_training(preferences) is denied


# --- robots.txt --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("robots", "found"),
    [
        ("User-agent: GPTBot\nDisallow: /", ["robots=robots.txt:GPTBot"]),
        ("user-agent: gptbot\nUSER-AGENT: CCBot/2.0\n\ndisallow: /", ["robots=robots.txt:GPTBot, CCBot"]),
        ("\ufeffUser-agent: google-extended # Gemini\nDisallow: /", ["robots=robots.txt:Google-Extended"]),
        ("User-agent: GPTBot\nDisallow: /private", []),
        ("User-agent: GPTBot\nDisallow: /\nAllow: /page", []),
        ("User-agent: GPTBot\nDisallow:", []),
        ("User-agent: PerplexityBot\nUser-agent: Google\nDisallow: /", []),
        ("User-agent: *\nDisallow: /", ["robots-all=robots.txt:*"]),
        ("User-agent: *\nDisallow: /\n\nUser-agent: GPTBot\nAllow: /", ["robots-all=robots.txt:*"]),
        ("User-agent: *\nAllow: /\nUser-agent: CCBot\nDisallow: /p*e$", ["robots=robots.txt:CCBot"]),
        ("User-agent: *\nDisallow: /admin\nSitemap: https://a.example/s.xml", []),
        ("<!doctype html><title>Not found</title>", []),
        ("", []),
        ("Disallow: /", []),
    ],
)
def test_who_may_not_come(robots: str, found: list[str]) -> None:
    assert said(robots) == found


@pytest.mark.parametrize(
    ("robots", "found"),
    [
        ("User-Agent: *\nContent-Signal: search=yes,ai-train=no\nAllow: /", ["content-signal=robots.txt:search=yes,ai-train=no"]),
        ("User-Agent: *\nContent-Usage: train-ai=n", ["content-usage=robots.txt:train-ai=n"]),
        ("User-Agent: *\nContent-Usage: / train-ai=n\nContent-Usage: /page train-ai=y", ["content-usage=robots.txt:train-ai=y"]),
        ("User-Agent: *\nContent-Usage: / train-ai=y\nContent-Usage: / train-ai=n", ["content-usage=robots.txt:train-ai=n"]),
        ("User-Agent: *\nContent-Usage: /other train-ai=n", []),
        ("User-Agent: Foo\nContent-Usage: train-ai=n", []),
        ("User-Agent: GPTBot\nContent-Signal: ai-train=no", ["content-signal=robots.txt:ai-train=no"]),
        ("Content-Signal: ai-train=no", ["content-signal=robots.txt:ai-train=no"]),
        ("License: https://a.example/l.xml\nUser-agent: x\nDisallow: /\nLicense: https://a.example/l.xml",
         ["rsl=robots.txt:https://a.example/l.xml"]),
    ],
)  # fmt: skip
def test_rules_on_uses(robots: str, found: list[str]) -> None:
    assert said(robots) == found


def test_a_rule_on_uses_ends_the_list_of_agents() -> None:
    robots = "User-agent: GPTBot\nContent-Signal: ai-train=no\nUser-agent: Foo\nDisallow: /"
    assert said(robots) == ["content-signal=robots.txt:ai-train=no"], "the Disallow is Foo's alone"


@pytest.mark.parametrize(
    ("pattern", "path", "expected"),
    [
        ("/", "/a", True),
        ("/a", "/ab?c", True),
        ("/A", "/a", False),
        ("/a$", "/ab", False),
        ("/a$", "/a", True),
        ("/*.pdf$", "/x/y.pdf", True),
        ("/*.pdf$", "/x/y.pdf?z", False),
        ("/*.pdf", "/x/y.pdf?z", True),
        ("/a*b*c", "/a1b2c3", True),
        ("/a*b*c", "/a1c2b3", False),
        ("/a*", "/a", True),
        ("/*$", "/anything", True),
        ("/a*a$", "/a", False),
        ("/%7Ejoe", "/~joe", True),
        ("/path/foo-%24", "/path/foo-%24", True),
        ("/%c3%A9t%C3%A9", "/été", True),
        ("/été", "/%C3%A9t%c3%a9/x", True),
    ],
)
def test_path_patterns(pattern: str, path: str, expected: bool) -> None:
    assert matches(pattern, path) is expected


# --- tdmrep.json -------------------------------------------------------------------------------------------------------------

RULES = [
    {"location": "/free/*.jpg", "tdm-reservation": 0},
    {"location": "/free/", "tdm-reservation": 1, "tdm-policy": "https://a.example/p.json"},
    {"location": "/page", "tdm-reservation": "1"},
    {"location": "/page", "tdm-reservation": 0},
    {"location": "/odd", "tdm-reservation": 7},
]


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("/free/a.jpg", ["tdm-reservation=tdmrep.json:0"]),
        ("/free/a.html", ["tdm-reservation=tdmrep.json:1", "tdm-policy=tdmrep.json:https://a.example/p.json"]),
        ("/page", ["tdm-reservation=tdmrep.json:1"]),
        ("/odd", []),
        ("/else", []),
    ],
)
def test_the_first_rule_that_matches_counts(path: str, found: list[str]) -> None:
    assert TdmRep(json.dumps(RULES)).statements(path) == found


@pytest.mark.parametrize("body", ["", "<html>", "[", "null", "[1, null, {}]", '[{"location": 3}]', "[" * 100_000])
def test_a_file_that_is_none_says_nothing(body: str) -> None:
    assert TdmRep(body).statements("/") == []


# --- pages meet policies -----------------------------------------------------------------------------------------------------


def policy(url: str, body: str, day: int = 1, status: int | None = 200, offset: int = 0) -> dict[str, Any] | None:
    return policy_row(url, datetime(2024, 5, day, tzinfo=UTC), status, body.encode(), "r.warc.gz", offset)


def met(
    policies: list[dict[str, Any] | None], *urls: str, opt_out: str | None = None, p: OptOut | None = None
) -> dict[str, Any]:
    """url -> (signal, found, policy) of the pages that something is said of."""
    rows = [{"id": str(n), "source": "c", "offset": n, "url": url, "opt_out": opt_out} for n, url in enumerate(urls)]
    columns = ["id", "source", "offset", "url", "opt_out"]
    documents = pa.Table.from_pylist(rows, schema=pa.schema([DOCUMENTS.field(name) for name in columns]))
    table = sort_policies(pa.Table.from_pylist([row for row in policies if row], schema=POLICIES), BySite())
    out = reserve(sort_addresses(documents, BySite()), table, p or OptOut())
    return {urls[row["offset"]]: (row["signal"], row["found"], row["policy"]) for row in out.to_pylist()}


CLOSED, OPEN = "User-agent: GPTBot\nDisallow: /", "User-agent: *\nAllow: /"
ROBOTS = "https://a.example/robots.txt"


def test_a_policy_is_of_its_host_and_port_in_any_spelling() -> None:
    found = met([policy("http://Bücher.example:80/robots.txt", CLOSED)],
                "https://xn--bcher-kva.example/x", "http://BÜCHER.example./y", "https://bücher.example:8443/z",
                "https://www.bücher.example/", "https://cher.example/", "mailto:x@bücher.example", "https://[bad/")  # fmt: skip
    assert set(found) == {"https://xn--bcher-kva.example/x", "http://BÜCHER.example./y"}
    assert found["https://xn--bcher-kva.example/x"] == (
        "robots", "robots=robots.txt:GPTBot", "robots.txt of 2024-05-01 in r.warc.gz at 0")  # fmt: skip


@pytest.mark.parametrize(
    ("policies", "signal"),
    [
        ([policy(ROBOTS, CLOSED, 1), policy(ROBOTS, OPEN, 2)], None),
        ([policy(ROBOTS, CLOSED, 2), policy(ROBOTS, OPEN, 1)], "robots"),
        ([policy(ROBOTS, CLOSED, 1), policy(ROBOTS, "gone", 2, status=404)], None),
        ([policy(ROBOTS, CLOSED, 1), policy(ROBOTS, "down", 2, status=503)], "robots"),
        ([policy(ROBOTS, CLOSED, 1), policy(ROBOTS, "slow down", 2, status=429)], "robots"),
        ([policy(ROBOTS, CLOSED, 1), policy(ROBOTS, "moved", 2, status=301)], "robots"),
        ([policy(ROBOTS, CLOSED, 1, status=None)], "robots"),
        ([policy(ROBOTS, CLOSED, 1, status=403)], None),
        ([policy_row(ROBOTS, None, 200, OPEN.encode(), "r", 0), policy(ROBOTS, CLOSED, 1)], "robots"),
        ([policy(ROBOTS, OPEN, 1, offset=1), policy(ROBOTS, CLOSED, 1, offset=2)], "robots"),
    ],
)
def test_the_newest_known_policy_counts(policies: list[dict[str, Any] | None], signal: str | None) -> None:
    for given in (policies, policies[::-1]):
        found = met(given, "https://a.example/x")
        assert (found["https://a.example/x"][0] if found else None) == signal


def test_two_kinds_of_policies_add_up_and_the_pages_own_word_overrules_the_file() -> None:
    tdm = policy("https://a.example/.well-known/tdmrep.json", '[{"location": "/", "tdm-reservation": 1}]', 3)
    robots = policy(ROBOTS, "License: https://a.example/l.xml", 1)
    (signal, found, told) = met([tdm, robots], "https://a.example/x")["https://a.example/x"]
    assert (signal, found) == (
        "tdm-reservation",
        "rsl=robots.txt:https://a.example/l.xml; tdm-reservation=tdmrep.json:1",
    )
    assert told == "robots.txt of 2024-05-01 in r.warc.gz at 0; tdmrep.json of 2024-05-03 in r.warc.gz at 0"
    (signal, found, _) = met([tdm, robots], "https://a.example/x", opt_out="tdm-reservation=header:0")[
        "https://a.example/x"
    ]
    assert (signal, found) == (None, "rsl=robots.txt:https://a.example/l.xml")


def test_the_recipe_decides_what_excludes_and_whose_names_count() -> None:
    policies = [policy(ROBOTS, "User-agent: MyBot\nDisallow: /\nLicense: https://a.example/l.xml")]
    url = "https://a.example/x"
    assert met(policies, url)[url][0] is None
    assert met(policies, url, p=OptOut(("rsl",)))[url][0] == "rsl"
    assert met(policies, url, p=OptOut(agents=("mybot",)))[url][:2] == (
        "robots", "robots=robots.txt:mybot; rsl=robots.txt:https://a.example/l.xml")  # fmt: skip


@pytest.mark.parametrize(
    ("unit", "signal"),
    [
        ("User-agent: a\n", None),
        ("Disallow: /*a*b*c*d*e*f$\n", None),
        ("Content-Usage: /*a*b* train-ai=n\n", "content-usage"),
        ("User-agent:*", None),
        ("%", None),
        ("# ", None),
    ],
)
def test_files_built_to_be_slow_are_read_to_their_end(unit: str, signal: str | None) -> None:
    body, url = "User-agent: *\n" + unit * (100_000 // len(unit)), f"https://a.example/{'ab' * 5000}"
    found = met([policy_row(ROBOTS, None, 200, body.encode(), "r", 0)], url)
    assert (found[url][0] if found else None) == signal


def test_addresses_that_are_none_have_no_policy() -> None:
    for url in ("https://\ud800.example/robots.txt", "https://[bad/robots.txt", "/robots.txt", "", None):
        assert policy_row(url or "", None, 200, b"", "r", 0) is None


def test_only_so_much_of_a_file_is_kept_and_other_files_are_no_policies() -> None:
    big = policy(ROBOTS, "#" * (1 << 20))
    assert big is not None and len(big["body"]) == 500 << 10
    assert policy("https://a.example/.well-known/security.txt", "x") is None
    assert policy("https://a.example/dir/robots.txt", "x") is None
