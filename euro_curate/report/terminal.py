"""outcome(): a finished run on a terminal, as a table that fits `width` columns."""

from rich import box
from rich.console import Console
from rich.table import Table

from euro_curate.report.figures import Figures, language_name
from euro_curate.report.words import FAMILIES, family, percent, short

_BAR = 10  # columns
_EIGHTHS = " ▏▎▍▌▋▊▉"


def outcome(f: Figures, width: int) -> Table:
    """Per language: pages seen and passed, words that passed and words taken, and what most of the others were dropped for.
    Without bars where the terminal is narrower than 100 columns."""
    h, sizes = f.headline, f.summary["languages"]
    rows = []
    for group in f.funnel:
        families, size = group["families"], sizes.get(group["language"], {})
        passed = families.get("kept", 0) + families.get("budget", 0)
        words = [size.get(name, 0) for name in ("available_words", "dataset_words")]
        rows.append(_row(language_name(group["language"]), group["seen"], passed, words, families))
    rows.append(_row("all", h["seen"], h["passed"], [h["available_words"], h["dataset_words"]], _all(f)))
    table = Table(box=box.SIMPLE_HEAD, show_footer=True, pad_edge=False, footer_style="bold")
    for i, head in enumerate(("language", "seen", "passed", "share", "", "words", "taken", "most dropped for")):
        if not head and width < 100:
            continue  # the bar
        *cells, foot = (row[i] for row in rows)
        table.add_column(
            head,
            foot,
            justify="left" if i in (0, 4, 7) else "right",
            style={4: "blue", 7: "dim"}.get(i, ""),
            no_wrap=True,
            # figures are never cut; reasons are, on a narrow terminal
            min_width=None if i == 7 else max(len(head), len(foot), *map(len, cells)),
        )
    for row in rows[:-1]:
        table.add_row(*(cell for i, cell in enumerate(row) if i != 4 or width >= 100))
    return table


def show(f: Figures, console: Console) -> None:
    """Prints outcome(); nothing if the run has no tables to tell from."""
    if f.funnel:
        console.print(outcome(f, console.width))


def _row(name: str, seen: int, passed: int, words: list[int], families: dict[str, int]) -> tuple[str, ...]:
    told = [short(n) if n else "–" for n in words]
    return (
        name,
        f"{seen:,}",
        f"{passed:,}",
        percent(passed, seen),
        _bar(passed, seen),
        *told,
        _reasons(families),
    )


def _all(f: Figures) -> dict[str, int]:
    out: dict[str, int] = {}
    for row in f.verdicts:
        out[family(row["verdict"])] = out.get(family(row["verdict"]), 0) + row["pages"]
    return out


def _reasons(families: dict[str, int]) -> str:
    """The two families that dropped most, the budget apart."""
    dropped = [(pages, name) for name, pages in families.items() if name not in ("kept", "budget") and pages]
    best = sorted(dropped, key=lambda item: (-item[0], item[1]))[:2]
    return ", ".join(f"{FAMILIES[name].name if name in FAMILIES else name} {pages:,}" for pages, name in best)


def _bar(part: float, whole: float) -> str:
    eighths = round(8 * _BAR * part / whole) if whole else 0
    return ("█" * (eighths // 8) + _EIGHTHS[eighths % 8].strip()).ljust(_BAR)
