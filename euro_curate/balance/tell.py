"""plan_text(): the plan as a table for the terminal."""

from collections.abc import Mapping, Sequence
from typing import Any

from euro_curate.balance.share import Balance
from euro_curate.languages import languages


def plan_text(rows: Sequence[Mapping[str, Any]], p: Balance, width: int = 100) -> str:
    """Rows of BUDGET -> a table: what each language has, what it gets, how often that goes over it, and what whole pages come to."""
    import io

    from rich.console import Console
    from rich.table import Table

    table = Table(title=f"{p.strategy}, in {p.unit}", title_justify="left", box=None, pad_edge=False)
    columns = ("language", "pages", "available", "quota", "epochs", "taken", "pages taken", "share")
    for name in columns:
        table.add_column(name, justify="left" if name == "language" else "right", no_wrap=True)
    total = sum(row[f"total_{p.unit}"] for row in rows) or 1
    for row in sorted(rows, key=lambda row: (-row[p.unit], row["language"])):
        known = languages().get(row["language"])
        table.add_row(
            known.name if known else row["language"],
            *(f"{row[name]:,}" for name in ("pages", p.unit, "quota")),
            f"{row['epochs']:.3f}",
            *(f"{row[name]:,}" for name in (f"total_{p.unit}", "taken_pages")),
            f"{100 * row[f'total_{p.unit}'] / total:.1f} %",
        )
    sums = {
        name: sum(row[name] for row in rows) for name in ("pages", p.unit, "quota", f"total_{p.unit}", "taken_pages")
    }
    table.add_section()
    table.add_row(
        "all",
        *(f"{sums[name]:,}" for name in ("pages", p.unit, "quota")),
        f"{sums[f'total_{p.unit}'] / sum(row['epoch'] for row in rows):.3f}" if sums[p.unit] else "",
        *(f"{sums[name]:,}" for name in (f"total_{p.unit}", "taken_pages")),
        "",
    )
    console = Console(file=io.StringIO(), width=width, force_terminal=False)
    console.print(table)
    if p.budget and sums["quota"] < p.budget:
        console.print(f"The budget of {p.budget:,} {p.unit} exceeds what the caps on epochs allow.")
    out = console.file
    assert isinstance(out, io.StringIO)
    return out.getvalue()
