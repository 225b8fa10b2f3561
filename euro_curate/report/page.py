"""render(): figures -> one HTML file that needs no network. compare(): two runs beside each other.

Style and script are files of this package, inlined. The page's own policy forbids any request and any script but this one, so that a
crawled title that finds a way in still runs nothing.
"""

import base64
import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from euro_curate.languages import languages
from euro_curate.report import details, sections
from euro_curate.report.comparison import comparison
from euro_curate.report.figures import Figures
from euro_curate.report.markup import section
from euro_curate.report.words import FAMILIES, MEASURES

SECTIONS: tuple[tuple[str, str, Callable[[Figures], str]], ...] = (
    ("way", "Funnel", sections.way),
    ("languages", "Languages", sections.by_language),
    ("balance", "Balance", sections.balance),
    ("rules", "Verdicts", sections.rules),
    ("pages", "Pages", lambda f: _pages() if f.samples else ""),
    ("measures", "Measures", lambda f: _measures() if f.measures else ""),
    ("confusable", "Confusions", details.confusable),
    ("duplicates", "Duplicates", details.duplicates),
    ("personal", "Privacy", details.personal),
    ("opt-outs", "Opt-outs", details.opt_outs),
    ("hosts", "Hosts", details.hosts),
    ("stages", "Time", details.stages),
    ("inputs", "Inputs", details.inputs),
    ("settings", "Settings", details.settings),
)


def render(figures: Figures) -> str:
    """A run's figures -> index.html. A section whose figures the run lacks is left out."""
    parts = [(key, name, make(figures)) for key, name, make in SECTIONS]
    data: dict[str, Any] = {
        "languages": {code: [language.name, language.iso1] for code, language in languages().items()},
        "families": {key: list(one) for key, one in FAMILIES.items()},
        "says": MEASURES,
    }
    if figures.samples:
        data["samples"] = [{k: v for k, v in sample.items() if v is not None} for sample in figures.samples]
    if figures.measures:
        data["measures"] = figures.measures
    return _document("euro_curate report", sections.opening(figures), [part for part in parts if part[2]], data)


def compare(a: Figures, b: Figures, name_a: str, name_b: str) -> str:
    """Two runs' figures, and what to call them -> one HTML file: what is different in B."""
    return _document("euro_curate: two runs", *comparison(a, b, name_a, name_b), {})


def _pages() -> str:
    return section(
        "pages",
        "Read the pages",
        "A few pages of each verdict in each language, drawn by a hash. Personal data is replaced before anything is shown, in titles and addresses "
        "too; pages that were taken out on request are never drawn.",
        "<form class=filters id=filters><label>Language <select id=by-language></select></label><label>Verdict <select id=by-verdict></select></label>"
        "<label>Contains <input id=by-text type=search autocomplete=off spellcheck=false></label></form>"
        "<p id=found role=status></p>"
        "<div class=reader><nav aria-label='Sampled pages'><ol id=list></ol></nav><article id=reading tabindex=-1 aria-live=off></article></div>"
        "<noscript><p class=warn>The sampled pages and the measures need JavaScript.</p></noscript>",
    )


def _measures() -> str:
    return section(
        "measures",
        "What was measured",
        "Pages by measure: upwards <b class=passed-key>those that passed every rule</b>, downwards <b class=dropped-key>those that were dropped</b>, "
        "for whatever reason. A dashed line is a threshold; its shaded side breaks the rule. Heights are square roots, so that the few can be seen beside "
        "the many.",
        "<form class=filters><label>Language <select id=measure-language></select></label><label>Measure <select id=measure-name></select></label></form>"
        "<div id=plots class=plots></div>",
    )


def _document(title: str, top: str, parts: Sequence[tuple[str, str, str]], data: dict[str, Any]) -> str:
    script = (Path(__file__).parent / "report.js").read_text(encoding="utf-8")
    style = (Path(__file__).parent / "report.css").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    nav = "".join(f"<li><a href=#{key}>{name}</a></li>" for key, name, _ in parts)
    body = "\n".join(section for *_, section in parts)
    return (
        "<!DOCTYPE html>\n<html lang=en><head><meta charset=utf-8><meta name=viewport content='width=device-width,initial-scale=1'>"
        f'<meta http-equiv=Content-Security-Policy content="{policy}"><meta name=referrer content=no-referrer>'
        f"<title>{title}</title><style>{style}</style></head><body>\n<a class=skip href=#main>Skip to the content</a>"
        "<header><button type=button id=theme >Theme: auto</button></header>\n"
        f"<main id=main tabindex=-1><div class=top>{top}</div>\n<nav class=contents aria-label=Sections><ul>{nav}</ul></nav>\n{body}\n</main>\n"
        f"<footer>Every page seen has one verdict, in <code>verdicts/</code>; <code>euro-curate explain</code> tells any page's whole story.</footer>\n"
        f"<script type=application/json id=data>{_json(data)}</script><script>{script}</script></body></html>\n"
    )


def _json(value: Any) -> str:
    """JSON that cannot end its script element, whatever its strings hold."""
    told = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return (
        told.replace("<", "\\u003c")
        .replace(">", "\\u003e")
        .replace("&", "\\u0026")
        .replace("\u2028", "\\u2028")
        .replace("\u2029", "\\u2029")
    )
