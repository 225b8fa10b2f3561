"""Two runs beside each other: what came out, the languages and verdicts that changed, and the settings that differ."""

import json
from html import escape
from typing import Any

from euro_curate.languages import languages
from euro_curate.report.charts import stack
from euro_curate.report.figures import Figures, language_name
from euro_curate.report.markup import number, section, table
from euro_curate.report.words import family, percent, short
from euro_curate.units import duration

Parts = list[tuple[str, str, str]]


def comparison(a: Figures, b: Figures, name_a: str, name_b: str) -> tuple[str, Parts]:
    """(opening, [(key, name, section)]) of the page that compares run A with run B."""
    one, two = escape(name_a), escape(name_b)
    return _opening(a, b, one, two), [
        (key, name, body)
        for key, name, body in (
            ("languages", "Languages", _languages(a, b)),
            ("verdicts", "Verdicts", _verdicts(a, b)),
            ("settings", "Settings", _settings(a, b)),
            ("stages", "Time", _stages(a, b)),
        )
        if body
    ]


def signed(value: float) -> str:
    return f"{value:+,.0f}".replace("-", "−") if value else "<span class=none>±0</span>"


def points(before: float, after: float) -> str:
    """A difference of two shares, in percentage points."""
    change = 100 * (after - before)
    return f"{change:+.1f}".replace("-", "−") if abs(change) >= 0.05 else "<span class=none>±0</span>"


def _opening(a: Figures, b: Figures, one: str, two: str) -> str:
    x, y = a.headline, b.headline
    facts = [
        ("pages seen", short(x["seen"]), short(y["seen"]), signed(y["seen"] - x["seen"])),
        (
            "passed every rule",
            percent(x["passed"], x["seen"]),
            percent(y["passed"], y["seen"]),
            signed(y["passed"] - x["passed"]) + " pages",
        ),
        ("in the dataset", short(x["kept"]), short(y["kept"]), signed(y["kept"] - x["kept"])),
        (
            "words in the dataset",
            short(x["dataset_words"]),
            short(y["dataset_words"]),
            signed(y["dataset_words"] - x["dataset_words"]),
        ),
        ("languages", str(x["languages"]), str(y["languages"]), signed(y["languages"] - x["languages"])),
    ]
    same = x["seen"] == y["seen"] and _digests(a) == _digests(b)
    said = "Both read the same input." if same else "Their input differs, so shares say more than counts."
    return (
        f"<p class=over>euro_curate {escape(str(b.summary['versions']['euro_curate']))}</p><h1>Two runs</h1>"
        f"<p class=lead><b>A</b> is <code>{one}</code>, <b>B</b> is <code>{two}</code>. {said}</p><dl class=facts>"
        + "".join(
            f"<div><dt>{name}</dt><dd><span class=pair>{before} <span aria-label=to>→</span> {after}</span><small>{change}</small></dd></div>"
            for name, before, after, change in facts
        )
        + "</dl>"
    )


def _digests(f: Figures) -> list[Any]:
    return sorted(str(entry.get("digest", entry["name"])) for entry in f.summary["inputs"])


def _languages(a: Figures, b: Figures) -> str:
    x, y = ({row["language"]: row for row in f.funnel} for f in (a, b))
    words = [{code: row.get("dataset_words", 0) for code, row in f.summary["languages"].items()} for f in (a, b)]
    rows = []
    for code in (*languages(), "other"):
        if code not in x and code not in y:
            continue
        seen = [side[code]["seen"] if code in side else 0 for side in (x, y)]
        passed = [_passed(side[code]) if code in side else 0 for side in (x, y)]
        shares = [n / m if m else 0.0 for n, m in zip(passed, seen, strict=True)]
        bars = "".join(
            stack([(css, share)], f"{name}: {percent(share, 1)} passed", 1.0)
            for name, css, share in zip("AB", ("f-rest", "f-kept"), shares, strict=True)
        )
        rows.append(
            [
                language_name(code),
                bars,
                number(seen[0]),
                number(seen[1]),
                percent(passed[0], seen[0]),
                percent(passed[1], seen[1]),
                points(*shares),
                number(words[0].get(code, 0)),
                number(words[1].get(code, 0)),
                signed(words[1].get(code, 0) - words[0].get(code, 0)),
            ]
        )
    head = [
        "language",
        "passed: A above, B below",
        "seen A",
        "seen B",
        "passed A",
        "passed B",
        "points",
        "words A",
        "words B",
        "change",
    ]
    return section(
        "languages",
        "Languages",
        "Pages that passed every rule, the budget apart, as a share of those seen; and words in the dataset.",
        table(head, rows, "Languages of both runs", wide=1),
    )


def _passed(row: dict[str, Any]) -> int:
    return int(row["families"].get("kept", 0) + row["families"].get("budget", 0))


def _verdicts(a: Figures, b: Figures) -> str:
    sides = [{row["verdict"]: row["pages"] for row in f.rules} for f in (a, b)]
    seen = [f.headline["seen"] or 1 for f in (a, b)]
    rows = []
    changes = {
        verdict: sides[1].get(verdict, 0) / seen[1] - sides[0].get(verdict, 0) / seen[0]
        for verdict in {*sides[0], *sides[1]}
    }
    most = max((abs(change) for change in changes.values()), default=0.0) or 1.0
    for verdict in sorted(changes, key=lambda v: (-abs(changes[v]), v)):
        before, after = (side.get(verdict, 0) for side in sides)
        rows.append(
            [
                f"<code>{escape(verdict)}</code>",
                stack([(f"f-{family(verdict)}", abs(changes[verdict]))], f"{changes[verdict]:+.2%}", most),
                number(before),
                number(after),
                signed(after - before),
                percent(before, seen[0]),
                percent(after, seen[1]),
                points(before / seen[0], after / seen[1]),
            ]
        )
    return section(
        "verdicts",
        "Verdicts",
        "Largest changes of share first; the bar is the size of the change.",
        table(
            ["verdict", "", "pages A", "pages B", "change", "share A", "share B", "points"],
            rows,
            "Verdicts of both runs",
            wide=1,
        ),
    )


def _flat(value: Any, path: str = "") -> dict[str, str]:
    """Nested settings -> dotted name: value. Pairs (name, ...) count as named."""
    if isinstance(value, dict):
        return {
            k: v for key, inner in value.items() for k, v in _flat(inner, f"{path}.{key}" if path else str(key)).items()
        }
    if (
        isinstance(value, list)
        and value
        and all(isinstance(i, list) and len(i) == 2 and isinstance(i[0], str) for i in value)
    ):
        return {k: v for key, inner in value for k, v in _flat(inner, f"{path}.{key}").items()}
    return {path: value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)}


def _settings(a: Figures, b: Figures) -> str:
    sides = [
        _flat({"versions": f.summary["versions"], "models": f.summary.get("models", {}), **f.summary.get("config", {})})
        for f in (a, b)
    ]
    rows = [
        [f"<code>{escape(name)}</code>", *(escape(side.get(name, "–"))[:200] for side in sides)]
        for name in dict.fromkeys([*sides[0], *sides[1]])
        if sides[0].get(name) != sides[1].get(name)
    ]
    if not rows:
        return section("settings", "Settings", "The settings, versions and models of both runs are the same.")
    shown = rows[:200]
    more = f" The first {len(shown)} of {len(rows)} are shown." if len(rows) > len(shown) else ""
    return section(
        "settings",
        "Settings",
        f"What differs in settings, versions and models.{more}",
        table(["setting", "A", "B"], shown, "Settings that differ", left=(0, 1, 2)),
    )


def _stages(a: Figures, b: Figures) -> str:
    sides = [{row["name"]: row["core_seconds"] for row in f.stages} for f in (a, b)]
    rows = [
        [
            f"<code>{escape(name)}</code>",
            *(f"{side.get(name, 0.0):,.1f}" for side in sides),
            f"{sides[1].get(name, 0.0) - sides[0].get(name, 0.0):+,.1f}".replace("-", "−"),
        ]
        for name in dict.fromkeys([*sides[0], *sides[1]])
    ]
    times = [duration(f.headline["elapsed_s"]) for f in (a, b)]
    return section(
        "stages", "Time and cost", f"Core-seconds of the last run of each command, which took {times[0]} and {times[1]}. Parts that were reused cost nothing: compare first runs.",
        table(["stage", "A", "B", "change"], rows, "Time by stage"),
    )  # fmt: skip
