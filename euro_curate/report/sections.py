"""The first sections of the report, what came in and what came out: figures -> HTML. Strings of a crawl go through `escape`."""

from html import escape

from euro_curate.report.charts import LogAxis, stack
from euro_curate.report.figures import Figures, language_name
from euro_curate.report.markup import legend, number, plural, section, table, to_samples
from euro_curate.report.words import FAMILIES, family, percent, short
from euro_curate.units import duration, size


def opening(f: Figures) -> str:
    """Title, what happened in a sentence or two, and the figures that people quote."""
    h = f.headline
    passed, kept, seen = h["passed"], h["kept"], h["seen"]
    said = [
        f"<b>{plural(kept, 'page')}</b> in <b>{plural(h['languages'], 'language')}</b> went into the dataset: {short(h['dataset_words'])} words."
    ]
    if passed > kept:
        said.append(
            f"{percent(passed, seen)} of all pages passed every rule; {passed - kept:,} of these are beyond the share of their language."
        )
    elif seen:
        said.append(f"That is {percent(kept, seen)} of all pages seen.")
    reasons = [(FAMILIES[n].how, pages) for n, pages in h["reasons"] if n in FAMILIES and n != "budget"][:2]
    if reasons:
        said.append("Most others were dropped " + " or ".join(f"{how} ({pages:,})" for how, pages in reasons) + ".")
    facts = [
        ("pages seen", short(seen), f"{size(h['bytes'])} in {plural(h['inputs'], 'file')}"),
        ("passed every rule", short(passed), f"{percent(passed, seen)} of all seen"),
        ("in the dataset", short(kept), f"{percent(kept, seen)} of all seen"),
        ("words in the dataset", short(h["dataset_words"]), f"of {short(h['available_words'])} that passed"),
        ("languages", str(h["languages"]), "of the 24 official EU languages"),
        ("time", duration(h["elapsed_s"]), "of the last run of the command"),
    ]
    version = escape(str(f.summary["versions"]["euro_curate"]))
    return (
        f"<p class=over>euro_curate {version}</p><h1>What became of {plural(seen, 'page')}</h1>"
        f"<p class=lead>{' '.join(said)}</p><dl class=facts>"
        + "".join(f"<div><dt>{name}</dt><dd>{value}<small>{more}</small></dd></div>" for name, value, more in facts)
        + "</dl>"
        + trouble(f)
    )


def trouble(f: Figures) -> str:
    out = []
    aside = [entry for entry in f.summary["inputs"] if "set_aside" in entry]
    if aside:
        names = ", ".join(escape(entry["name"]) for entry in aside)
        out.append(
            f"<b>{plural(len(aside), 'input')} set aside</b> after repeated failures: {names}. Their pages have no verdict."
        )
    if f.summary["warnings"]:
        out.append("Parts made by older code were reused for: " + escape(", ".join(f.summary["warnings"])) + ".")
    return "".join(f"<p class=warn role=note>{line}</p>" for line in out)


def way(f: Figures) -> str:
    """The funnel of all pages: what each family stopped."""
    seen = f.headline["seen"]
    if not f.steps:
        return ""
    rows = [["All pages", stack([("f-kept", seen)], f"{seen:,} pages", seen), "", f"{seen:,}", "100.0 %"]]
    for step in f.steps:
        name, stopped, left = step["family"], step["stopped"], step["left"]
        rows.append(
            [
                to_samples(FAMILIES[name].name, "", name) + f"<small>{FAMILIES[name].says}</small>",
                stack([("f-rest", left), (f"f-{name}", stopped)], f"{stopped:,} stopped, {left:,} left", seen),
                f"−{stopped:,}",
                f"{left:,}",
                percent(left, seen),
            ]
        )
    rows[-1][1] = rows[-1][1].replace("f-rest", "f-kept")
    return section(
        "way",
        "The way through",
        "Rules are asked in this order, and the first that applies decides. What is left at the end is the dataset.",
        table(
            ["asked for", "stopped, and what is left", "stopped", "left", "of all"],
            rows,
            "What each family of rules stopped",
            wide=1,
        ).replace("<table>", "<table class=steps>"),
    )


NO_PAGE = ("http", "mime", "size", "encoding")  # what has no language yet: one column in the table of languages


def by_language(f: Figures) -> str:
    """The funnel of each language."""
    shown = [name for name in FAMILIES if any(row["families"].get(name) for row in f.funnel)]
    columns = [name for name in shown if name not in NO_PAGE]
    if not shown:
        return ""
    rows = []
    for row in f.funnel:
        code, name, pages = row["language"], language_name(row["language"]), row["families"]
        told = ", ".join(f"{FAMILIES[n].name} {pages[n]:,}" for n in shown if pages.get(n))
        rows.append(
            [
                to_samples(escape(name), code),
                stack([(f"f-{n}", pages.get(n, 0)) for n in shown], f"{name}: {told}"),
                f"{row['seen']:,}",
                percent(pages.get("kept", 0), row["seen"]),
                number(sum(pages.get(n, 0) for n in NO_PAGE)),
                *(
                    to_samples(f"{pages[n]:,}", code, n, f"{pages[n]:,} pages: {name}, {FAMILIES[n].name}")
                    if pages.get(n)
                    else number(0)
                    for n in columns
                ),
            ]
        )
    return section(
        "languages",
        "Language by language",
        "Each bar is all pages of one language. A figure leads to sampled pages of its kind. Pages that were stopped before "
        "their language was known are in the last row.",
        legend(shown),
        table(
            [
                "language",
                "what became of its pages",
                "seen",
                "share kept",
                "no page",
                *(FAMILIES[n].name for n in columns),
            ],
            rows,
            "Verdicts by language",
            wide=1,
        ),
    )


def balance(f: Figures) -> str:
    """Shares of words before and after balancing, as a trainer would see them."""
    rows = f.balance
    if not rows:
        return ""
    whole = sum(row["available_words"] for row in rows)
    weighed = {row["language"]: row["dataset_words"] * max(1.0, row["epochs"]) for row in rows}
    taken = sum(weighed.values()) or 1.0
    before = {row["language"]: row["available_words"] / whole for row in rows}
    after = {code: words / taken for code, words in weighed.items()}
    axis = LogAxis([*before.values(), *(share for share in after.values() if share), 1 / len(rows)])
    cells = []
    for row in sorted(rows, key=lambda r: (-r["available_words"], r["language"])):
        code = row["language"]
        told = f"{language_name(code)}: {percent(before[code], 1)} before, {percent(after[code], 1)} after"
        cells.append(
            [
                language_name(code),
                axis.dumbbell(before[code], after[code], 1 / len(rows), told),
                percent(before[code], 1),
                percent(after[code], 1),
                f"{row['available_words']:,}",
                number(row["dataset_words"]),
                f"{row['epochs']:.2f}",
            ]
        )
    ends = sorted(rows, key=lambda r: r["available_words"])
    spread = ""
    present = [v for v in weighed.values() if v]
    if len(rows) > 1 and present:
        spread = (
            f" {language_name(ends[-1]['language'])} outweighed {language_name(ends[0]['language'])} "
            f"{ends[-1]['available_words'] / ends[0]['available_words']:,.0f} to 1; the largest share in the dataset is now "
            f"{max(present) / min(present):,.1f} times the smallest."
        )
    return section(
        "balance",
        "Before and after balancing",
        "Shares of all words, on a logarithmic scale: a ring before, a dot after, repeats counted; the line is an even share."
        + spread,
        table(
            ["language", axis.labels(), "before", "after", "words before", "words in the dataset", "epochs"],
            cells,
            "Shares of words",
            wide=1,
        ),
    )


def rules(f: Figures) -> str:
    """Every verdict, most frequent first."""
    if not f.rules:
        return ""
    seen, most = f.headline["seen"] or 1, f.rules[0]["pages"]
    rows = [
        [
            to_samples(f"<code>{escape(row['verdict'])}</code>", "", row["verdict"]),
            stack([(f"f-{family(row['verdict'])}", row["pages"])], f"{row['pages']:,} pages", most),
            f"{row['pages']:,}",
            percent(row["pages"], seen),
            f"{escape(language_name(row['worst']))} <small>{percent(row['worst_share'], 1)} of its pages, {row['worst_pages']:,}</small>"
            if row["verdict"] != "kept"
            else "",
        ]
        for row in f.rules
    ]
    return section(
        "rules",
        "Every verdict",
        "Which rule decided, how often, and the language in which it takes the largest share: a rule that is far harder on one language than on "
        "the others wants a look.",
        table(["verdict", "", "pages", "of all", "hardest on"], rows, "Pages by verdict", left=(0, 4), wide=1),
    )
