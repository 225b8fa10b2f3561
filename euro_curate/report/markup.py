"""What every section of the report is built from: its frame, its tables, and how figures and links are written."""

from collections.abc import Iterable, Sequence
from html import escape

from euro_curate.report.words import FAMILIES


def section(key: str, title: str, says: str, *body: str) -> str:
    """One section; `says` is a sentence or two in plain words (HTML)."""
    return f"<section id={key} aria-labelledby={key}-title><h2 id={key}-title>{title}</h2><p class=says>{says}</p>{''.join(body)}</section>"


def table(
    head: Sequence[str], rows: Iterable[Sequence[str]], label: str, left: Sequence[int] = (0,), wide: int = -1
) -> str:
    """A table in its own scroll box. Cells are HTML; columns in `left` are text, `wide` holds charts; header cells sort where they are text."""

    def kind(i: int) -> str:
        return " class=wide" if i == wide else " class=left" if i in left else ""

    heads = "".join(
        f"<th scope=col{kind(i)}>{name if i == wide or not name else f'<button type=button>{name}</button>'}</th>"
        for i, name in enumerate(head)
    )
    body = "".join(
        "<tr>"
        + "".join(
            f"<th scope=row class=left>{cell}</th>" if i == 0 else f"<td{kind(i)}>{cell}</td>"
            for i, cell in enumerate(row)
        )
        + "</tr>"
        for row in rows
    )
    return (
        f"<div class=scroll tabindex=0 role=region aria-label='{escape(label, quote=True)}'><table><thead><tr>{heads}</tr></thead>"
        f"<tbody>{body}</tbody></table></div>"
    )


def number(value: float) -> str:
    return f"{value:,.0f}" if value else "<span class=none>·</span>"


def to_samples(text: str, language: str = "", verdict: str = "", label: str = "") -> str:
    """A link that sets the filters of the sampled pages."""
    more = f" aria-label='{escape(label, quote=True)}'" if label else ""
    return f"<a href=#pages data-language='{escape(language, quote=True)}' data-verdict='{escape(verdict, quote=True)}'{more}>{text}</a>"


def legend(names: Iterable[str]) -> str:
    return (
        "<ul class=legend>"
        + "".join(
            f"<li><svg class=swatch aria-hidden=true viewBox='0 0 10 10'><rect class='f-{n}' width=10 height=10 /></svg>{FAMILIES[n].name}</li>"
            for n in names
        )
        + "</ul>"
    )


def plural(count: float, thing: str) -> str:
    return f"{count:,.0f} {thing}{'' if count == 1 else 's'}"
