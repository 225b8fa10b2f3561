"""render(): what happened, as one HTML file that needs no network: funnel per language and rule, sizes before and after balancing."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from euro_curate.languages import languages

# Families in the order in which they decide; a colour each, the same all over the page.
FAMILIES = {
    "kept": "#2f7d4f",
    "http": "#8b8f97",
    "mime": "#a5a9b1",
    "size": "#bfc2c8",
    "encoding": "#c9b28f",
    "url": "#d3c4a3",
    "forgotten": "#55407a",
    "opt_out": "#7a4b9d",
    "extract": "#c98a2b",
    "language": "#3f6fb5",
    "quality": "#c2504a",
    "pii": "#92304f",
    "decontamination": "#5b3a66",
    "duplicate": "#4a9aa8",
    "budget": "#6f8f3f",
}

_STYLE = """
:root { color-scheme: light dark; --ink: #1d2530; --paper: #fbfbf9; --line: #dcdfe4; --soft: #5d6673; --bar: #e9ebee }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e7ec; --paper: #15191f; --line: #333a44; --soft: #9aa3b0; --bar: #262c35 } }
* { box-sizing: border-box } body { margin: 0 auto; max-width: 1180px; padding: 2rem 1.25rem 4rem; font: 15px/1.5 system-ui, sans-serif;
color: var(--ink); background: var(--paper) } h1 { font-size: 1.6rem; margin: 0 0 .3rem } h2 { font-size: 1.1rem; margin: 2.4rem 0 .6rem }
p { margin: .3rem 0; max-width: 75ch } .soft { color: var(--soft) } table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums }
th, td { text-align: right; padding: .28rem .55rem; border-bottom: 1px solid var(--line); white-space: nowrap } th { font-weight: 600; color: var(--soft) }
th:first-child, td:first-child, td.left, th.left { text-align: left } td.bar { width: 38%; min-width: 14rem } .scroll { overflow-x: auto }
.stack { display: flex; height: 14px; background: var(--bar); border-radius: 3px; overflow: hidden } .stack i { display: block; height: 100% }
.facts { display: flex; flex-wrap: wrap; gap: .6rem 2.2rem; margin: 1.2rem 0 } .facts div { min-width: 7rem } .facts b { display: block; font-size: 1.5rem; font-weight: 650 }
.key { display: flex; flex-wrap: wrap; gap: .25rem 1rem; font-size: .85rem; margin: .5rem 0 1rem } .key i { display: inline-block; width: .75rem; height: .75rem; border-radius: 2px;
margin-right: .35rem } .warn { border-left: 3px solid #c2504a; padding: .4rem .9rem; margin: 1rem 0 } code { font-size: .9em }
"""


def render(summary: Mapping[str, Any], counts: Sequence[Mapping[str, Any]]) -> str:
    """run.json's content and pages by (language, verdict) -> index.html."""
    pages = summary["pages"]
    body = [
        "<h1>What became of every page</h1>",
        f"<p class=soft>euro_curate {escape(summary['versions']['euro_curate'])}, {len(summary['inputs'])} input files. Each page seen has one verdict, "
        "in <code>verdicts/</code>; <code>euro-curate explain</code> tells any page's whole story.</p>",
        _facts(
            {
                "pages seen": pages["seen"],
                "kept": pages["kept"],
                "dropped": pages["dropped"],
                "languages in the dataset": sum(1 for v in summary["languages"].values() if v["dataset_pages"]),
            }
        ),
        _trouble(summary),
        _funnel(counts),
        _sizes(summary["languages"]),
        _rules(counts),
        _clusters(summary["duplicates"]["largest"]),
        _stages(summary["stages"]),
        _inputs(summary["inputs"]),
    ]
    return (
        "<!DOCTYPE html>\n<html lang=en><head><meta charset=utf-8><meta name=viewport content='width=device-width,initial-scale=1'>"
        f"<title>euro_curate report</title><style>{_STYLE}</style></head><body>\n"
        + "\n".join(part for part in body if part)
        + "\n</body></html>\n"
    )


def _facts(facts: Mapping[str, int]) -> str:
    return (
        "<div class=facts>"
        + "".join(f"<div><b>{value:,}</b>{escape(name)}</div>" for name, value in facts.items())
        + "</div>"
    )


def _trouble(summary: Mapping[str, Any]) -> str:
    out = []
    aside = [entry for entry in summary["inputs"] if "set_aside" in entry]
    if aside:
        out.append(
            f"<div class=warn><b>{len(aside)} inputs were set aside</b> after repeated failures: "
            + ", ".join(escape(entry["name"]) for entry in aside)
            + ". Their pages have no verdict.</div>"
        )
    if summary["warnings"]:
        out.append(
            "<div class=warn>Parts made by older code were reused for: "
            + escape(", ".join(summary["warnings"]))
            + ".</div>"
        )
    return "".join(out)


def _family(verdict: str) -> str:
    return verdict.split(":", maxsplit=1)[0]


def _name(code: str) -> str:
    known = languages().get(code)
    return known.name if known else code


def _stack(parts: Mapping[str, int]) -> str:
    total = sum(parts.values()) or 1
    pieces = "".join(
        f"<i style='width:{100 * parts[f] / total:.2f}%;background:{colour}' title='{f}: {parts[f]:,}'></i>"
        for f, colour in FAMILIES.items()
        if parts.get(f)
    )
    return f"<div class=stack>{pieces}</div>"


def _funnel(counts: Sequence[Mapping[str, Any]]) -> str:
    by_language: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for row in counts:
        group = row["language"] if row["language"] in languages() else "other languages, or none found"
        by_language[group][_family(row["verdict"])] += row["pages"]
    families = [f for f in FAMILIES if any(f in parts for parts in by_language.values())]
    key = (
        "<div class=key>"
        + "".join(f"<span><i style='background:{FAMILIES[f]}'></i>{f}</span>" for f in families)
        + "</div>"
    )
    rows = []
    for group in [*languages(), *(g for g in by_language if g not in languages())]:
        parts = by_language.get(group)
        if parts:
            cells = "".join(f"<td>{parts[f]:,}</td>" if parts.get(f) else "<td class=soft>·</td>" for f in families)
            rows.append(
                f"<tr><td>{escape(_name(group))}</td><td class=bar>{_stack(parts)}</td><td>{sum(parts.values()):,}</td>{cells}</tr>"
            )
    head = (
        "<tr><th>language</th><th class=left>share</th><th>seen</th>"
        + "".join(f"<th>{f}</th>" for f in families)
        + "</tr>"
    )
    return (
        "<h2>Funnel by language</h2><p class=soft>The first family that applies decides. A page stopped before its language was known is counted under "
        f"none.</p>{key}<div class=scroll><table>{head}{''.join(rows)}</table></div>"
    )


def _sizes(sizes: Mapping[str, Mapping[str, Any]]) -> str:
    most = max((v["available_words"] for v in sizes.values()), default=0) or 1
    rows = []
    for code, v in sizes.items():
        before, after = 100 * v["available_words"] / most, 100 * v["dataset_words"] / most
        bars = (
            f"<div class=stack><i style='width:{before:.2f}%;background:#8b8f97'></i></div>"
            f"<div class=stack style='margin-top:2px'><i style='width:{after:.2f}%;background:#2f7d4f'></i></div>"
        )
        rows.append(
            f"<tr><td>{escape(_name(code))}</td><td class=bar>{bars}</td><td>{v['available_pages']:,}</td><td>{v['available_words']:,}</td>"
            f"<td>{v['dataset_pages']:,}</td><td>{v['dataset_words']:,}</td><td>{v['epochs']:.2f}</td></tr>"
        )
    head = (
        "<tr><th>language</th><th class=left>words before (grey) and after (green)</th><th>pages before</th><th>words before</th><th>pages after</th>"
        "<th>words after</th><th>epochs</th></tr>"
    )
    return f"<h2>Sizes before and after balancing</h2><div class=scroll><table>{head}{''.join(rows)}</table></div>"


def _rules(counts: Sequence[Mapping[str, Any]]) -> str:
    by_rule: dict[str, int] = defaultdict(int)
    worst: dict[str, tuple[int, str]] = {}
    for row in counts:
        by_rule[row["verdict"]] += row["pages"]
        worst[row["verdict"]] = max(worst.get(row["verdict"], (0, "")), (row["pages"], _name(row["language"])))
    total = sum(by_rule.values()) or 1
    ordered = sorted(by_rule, key=lambda v: (-by_rule[v], v))
    rows = "".join(
        f"<tr><td>{escape(v)}</td><td class=bar><div class=stack><i style='width:{100 * by_rule[v] / total:.2f}%;"
        f"background:{FAMILIES.get(_family(v), '#8b8f97')}'></i></div></td><td>{by_rule[v]:,}</td><td>{100 * by_rule[v] / total:.1f} %</td>"
        f"<td class=left>{escape(worst[v][1])} ({worst[v][0]:,})</td></tr>"
        for v in ordered
    )
    return (
        "<h2>Verdicts by rule</h2><div class=scroll><table><tr><th>verdict</th><th class=left>share</th><th>pages</th><th>of all</th>"
        f"<th class=left>most in</th></tr>{rows}</table></div>"
    )


def _clusters(largest: Sequence[Mapping[str, Any]]) -> str:
    if not largest:
        return ""
    rows = "".join(
        f"<tr><td><code>{escape(row['id'])}</code></td><td>{row['cluster_size']:,}</td><td>{row['exact']:,}</td></tr>"
        for row in largest
    )
    return (
        "<h2>Largest clusters of duplicates</h2><p class=soft>A cluster that is far larger than the others is often no text that somebody copied, but "
        "what a site or a programme writes on every page: <code>euro-curate explain --id</code> shows it.</p><div class=scroll><table>"
        "<tr><th>representative</th><th>pages</th><th>of these with the same words as it</th></tr>"
        f"{rows}</table></div>"
    )


def _stages(stages: Sequence[Mapping[str, Any]]) -> str:
    rows = "".join(
        f"<tr><td>{escape(s['name'])}</td><td>{s['parts']:,}</td><td>{s['reused']:,}</td><td>{s['rows_in']:,}</td><td>{s['rows_out']:,}</td>"
        f"<td>{s['seconds']:.1f}</td><td>{s['peak_bytes'] / 2**20:,.0f}</td></tr>"
        for s in stages
    )
    return (
        "<h2>Stages</h2><div class=scroll><table><tr><th>stage</th><th>parts</th><th>reused</th><th>rows in</th><th>rows out</th><th>seconds</th>"
        "<th>peak memory, MiB</th></tr>"
        f"{rows}</table></div>"
    )


def _inputs(inputs: Sequence[Mapping[str, Any]]) -> str:
    hurt = [e for e in inputs if e.get("errors") or e.get("bytes_skipped") or "set_aside" in e]
    if not hurt:
        return f"<h2>Inputs</h2><p>All {len(inputs)} files were read to their end.</p>"
    rows = "".join(
        f"<tr><td>{escape(e['name'])}</td><td>{e['size']:,}</td><td>{e.get('records', 0):,}</td><td>{e.get('bytes_skipped', 0):,}</td>"
        f"<td class=left>{escape(_damage(e))}</td></tr>"
        for e in hurt
    )
    return (
        f"<h2>Inputs</h2><p>{len(inputs) - len(hurt)} of {len(inputs)} files were read to their end; these were not:</p><div class=scroll><table>"
        f"<tr><th>file</th><th>bytes</th><th>records read</th><th>bytes skipped</th><th class=left>what happened</th></tr>{rows}</table></div>"
    )


def _damage(entry: Mapping[str, Any]) -> str:
    return "; ".join([*(["set aside"] if "set_aside" in entry else []), *entry.get("errors", [])])[:160]
