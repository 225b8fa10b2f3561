"""The further sections of the report, each about one thing: figures -> HTML. Strings of a crawl go through `escape`."""

import json
from html import escape

from euro_curate.languages import languages
from euro_curate.report.charts import stack
from euro_curate.report.figures import Figures, language_name
from euro_curate.report.markup import number, plural, section, table
from euro_curate.report.words import percent
from euro_curate.units import duration


def confusable(f: Figures) -> str:
    """Which languages the model was in doubt between."""
    if not f.confusable:
        return ""
    most = max(row["second_score"] for row in f.confusable) or 1.0
    rows = [
        [
            language_name(row["language"]),
            escape(language_name(row["second"])),
            f"{row['pages']:,}",
            percent(row["share"], 1),
            f"{row['score']:.3f}",
            f"{row['second_score']:.3f}",
            stack([("f-language", row["second_score"])], f"{row['second_score']:.3f}", most),
        ]
        for row in f.confusable
    ]
    head = ["language", "runner-up", "pages", "of its pages", "score", "runner-up's", "doubt: the runner-up's score"]
    few, rest = rows[:15], rows[15:]
    more = (
        f"<details><summary>{len(rest)} more pairs</summary>{table(head, rest, 'More confusable languages', left=(0, 1), wide=6)}</details>"
        if rest
        else ""
    )
    return section(
        "confusable",
        "Languages that are easily confused",
        "The label that each page got, and the one that came second; the pairs with most doubt first. Scores are means over the pages of the pair.",
        table(head, few, "Confusable languages", left=(0, 1), wide=6),
        more,
    )


def duplicates(f: Figures) -> str:
    """Cluster sizes and the largest clusters."""
    c = f.clusters
    if not c["sizes"]:
        return ""
    most = max(row["pages"] for row in c["sizes"])
    sizes = [
        [
            f"{row['from']:,} – {row['to']:,}" if row["to"] > 3 else "2 or 3",
            stack([("f-duplicate", row["pages"])], f"{row['pages']:,} pages", most),
            f"{row['clusters']:,}",
            f"{row['pages']:,}",
        ]
        for row in c["sizes"]
    ]
    largest = [
        [
            escape(s["title"] or s["url"] or s["id"]) + f"<small>{escape(s['url'] or '')}</small>",
            escape(language_name(s["language"] or "und")),
            f"{s['cluster_size']:,}",
            f"<code>{escape(s['verdict'])}</code>",
        ]
        for s in c["largest"]
    ]
    pages = sum(row["pages"] for row in c["sizes"])
    clusters = sum(row["clusters"] for row in c["sizes"])
    return section(
        "duplicates",
        "Duplicates",
        f"{plural(pages, 'page')} lie in {plural(clusters, 'cluster')} of exact or near copies; one page of each can be kept.",
        table(["pages in a cluster", "pages", "clusters", "pages"], sizes, "Clusters by size", wide=1),
        (
            "<h3>Largest clusters</h3>"
            + table(
                ["the copy that stands for it", "language", "pages", "verdict"],
                largest,
                "Largest clusters",
                left=(0, 1, 3),
            )
        )
        if largest
        else "",
    )


def personal(f: Figures) -> str:
    """Personal data that was replaced, by kind and language."""
    p = f.personal
    if not f.verdicts:
        return ""
    if not p["kinds"]:
        return section("personal", "Personal data", "None was found.")
    order = [*languages(), *sorted(set(p["languages"]) - set(languages()))]
    rows = [
        [
            language_name(code),
            *(number(p["languages"][code].get(kind, (0, 0))[0]) for kind in p["kinds"]),
            f"{sum(found for found, _ in p['languages'][code].values()):,}",
        ]
        for code in order
        if code in p["languages"]
    ]
    whole = sum(found for kinds in p["languages"].values() for found, _ in kinds.values())
    return section(
        "personal",
        "Personal data",
        f"{plural(whole, 'finding')} in the pages that have text, kept or not; in the dataset each is replaced as the recipe says. Only kinds and counts are recorded.",
        table(["language", *(escape(kind) for kind in p["kinds"]), "all"], rows, "Personal data by kind and language"),
    )


def opt_outs(f: Figures) -> str:
    """Machine-readable reservations."""
    if not f.verdicts:
        return ""
    if not f.opt_outs:
        return section("opt-outs", "Opt-outs", "No machine-readable reservation of rights was found.")
    rows = [
        [
            f"<code>{escape(s['signal'])}</code>",
            escape(s["where"]),
            f"{s['pages']:,}",
            f"{s['left_out']:,}",
            percent(s["left_out"], s["pages"]),
        ]
        for s in f.opt_outs
    ]
    return section(
        "opt-outs",
        "Opt-outs",
        "Pages that a machine-readable reservation is on record for, by signal and by where it stood; one page can carry several. Which signals exclude a page is set in the recipe.",
        table(["signal", "where", "pages", "left out", "share"], rows, "Opt-outs by signal", left=(0, 1)),
    )


def hosts(f: Figures) -> str:
    """The hosts with most pages that passed, and with most dropped ones."""
    rows = f.hosts.to_dicts()
    if not rows:
        return ""

    def half(name: str, css: str, title: str) -> str:
        best = sorted((r for r in rows if r[name]), key=lambda r: (-r[name], r["host"]))[:15]
        most = best[0][name] if best else 1
        cells = [
            [
                escape(r["host"]),
                stack([(css, r[name])], f"{r[name]:,} pages", most),
                f"{r[name]:,}",
                percent(r["passed"], r["passed"] + r["dropped"]),
            ]
            for r in best
        ]
        return f"<div><h3>{title}</h3>{table(['host', '', 'pages', 'passed'], cells, title, wide=1)}</div>"

    return section(
        "hosts",
        "Hosts",
        "Where most of the pages come from, and where most of the dropped ones. The last column is the share of the host's pages that passed every rule.",
        f"<div class=halves>{half('passed', 'f-kept', 'Most pages that passed')}{half('dropped', 'f-quality', 'Most dropped pages')}</div>",
    )


def stages(f: Figures) -> str:
    """Time and cost by stage."""
    rows, seen = f.stages, f.headline["seen"]
    if not rows:
        return ""
    spent, most = sum(s["core_seconds"] for s in rows), max(s["core_seconds"] for s in rows)
    cells = []
    for s in rows:
        ran = s["parts"] > s["reused"]
        cells.append(
            [
                f"<code>{escape(s['name'])}</code>",
                stack([("f-kept", s["core_seconds"])], f"{s['core_seconds']:.1f} core-seconds", most or 1.0),
                f"{s['core_seconds']:,.1f}" if ran else "–",
                percent(s["core_seconds"], spent) if ran else "–",
                f"{s['seconds']:,.1f}" if ran else "–",
                f"{s['rows_in'] / s['core_seconds']:,.0f}" if ran and s["core_seconds"] else "–",
                f"{s['parts']:,}",
                number(s["reused"]),
                f"{s['rows_out']:,}",
            ]
        )
    made = sum(s["parts"] - s["reused"] for s in rows)
    cost = (
        f" A million pages cost {spent / 3600 / seen * 1e6:,.1f} core-hours."
        if seen and not any(s["reused"] for s in rows)
        else ""
    )
    return section(
        "stages",
        "Time and cost",
        f"The last run of the command took {duration(f.headline['elapsed_s'])} and {duration(spent)} of cores, and made {plural(made, 'part')}; parts "
        f"that were there already cost nothing.{cost}",
        table(
            ["stage", "", "core-seconds", "share", "seconds", "rows a core-second", "parts", "reused", "rows out"],
            cells,
            "Time by stage",
            wide=1,
        ),
    )


def inputs(f: Figures) -> str:
    """What could not be read."""
    given = f.summary["inputs"]
    hurt = [e for e in given if e.get("errors") or e.get("bytes_skipped") or "set_aside" in e]
    if not hurt:
        return section(
            "inputs",
            "Inputs",
            f"{'The one file was' if len(given) == 1 else f'All {len(given):,} files were'} read to the end.",
        )
    rows = [
        [
            escape(e["name"]),
            f"{e['size']:,}",
            f"{e.get('records', 0):,}",
            f"{e.get('bytes_skipped', 0):,}",
            escape("; ".join([*(["set aside"] if "set_aside" in e else []), *e.get("errors", [])])[:160]),
        ]
        for e in hurt[:200]
    ]
    more = f" The first {len(rows)} are shown; run.json has all." if len(hurt) > len(rows) else ""
    return section(
        "inputs",
        "Inputs",
        f"{len(given) - len(hurt):,} of {plural(len(given), 'file')} were read to the end; these were not:{more}",
        table(["file", "bytes", "records read", "bytes skipped", "what happened"], rows, "Damaged inputs", left=(0, 4)),
    )


def settings(f: Figures) -> str:
    """Versions and the whole recipe, for the record."""
    config = dict(f.summary.get("config", {}))
    if "rules" in config:  # 24 lists of 40 thresholds: the measures draw them
        config["rules"] = {k: v for k, v in config["rules"].items() if k != "thresholds"}
    told = {"versions": f.summary["versions"], "models": f.summary.get("models", {}), "settings": config}
    return section(
        "settings",
        "Settings and versions",
        "What this run was made with. <code>run.json</code> has all of it, thresholds and input digests included.",
        f"<details><summary>Show them</summary><pre class=scroll tabindex=0>{escape(json.dumps(told, indent=1, ensure_ascii=False))}</pre></details>",
    )
