"""What calibrate() found, for people and for TOML files."""

from collections.abc import Sequence
from pathlib import Path

from euro_curate.calibrate.fit import Calibration, Proposal
from euro_curate.calibrate.read import SCORE, CannotCalibrate
from euro_curate.languages import Language, languages
from euro_curate.verdict import RULES


def tables(found: Calibration, show_all: bool = False) -> str:
    """Two plain tables: every threshold that changes (or every one), and what all rules but those on length drop, by language."""
    rows = [
        (
            p.rule,
            languages()[p.language].iso1,
            p.method,
            _told(p.old),
            _told(p.new),
            f"{p.drops_old:.1%}",
            f"{p.drops_new:.1%}",
        )
        for p in found.proposals
        if show_all or p.old != p.new
    ]
    head = ("rule", "lang", "method", "old", "new", "drops old", "drops new")
    totals = [
        (
            languages()[code].iso1,
            *(f"{n:,}" for n in found.pages[code]),
            *(f"{share:.1%}" for share in found.documents_drop.get(code, (0.0, 0.0))),
            *(f"{share:.1%}" for share in found.clean_drop.get(code, (0.0, 0.0))),
        )
        for code in languages()
        if any(found.pages[code])
    ]
    below = ("lang", "documents", "clean", "documents dropped, old", "new", "clean dropped, old", "new")
    changes = _aligned([head, *rows], 3) if rows else "no threshold changes\n"
    return f"{changes}\n{_aligned([below, *totals], 1)}"


def _told(value: float | None) -> str:
    return "off" if value is None else f"{value:.10g}"


def _aligned(rows: Sequence[Sequence[str]], left: int) -> str:
    """Columns of equal width; the first `left` of them to the left."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    cells = (
        [c.ljust(w) if i < left else c.rjust(w) for i, (c, w) in enumerate(zip(row, widths, strict=True))]
        for row in rows
    )
    return "".join("  ".join(line).rstrip() + "\n" for line in cells)


def toml_sections(found: Calibration, note: str) -> str:
    """A recipe's [quality.languages] and [langid] tables with every calibrated threshold that is not in force already.

    One that goes back to the rule's default is written too: without it, the language file's would hold.
    """
    lines = [f"# {note}", ""]
    scores = {languages()[p.language].iso1: p.new for p in found.proposals if p.rule == SCORE}
    if scores:
        lines += ["[langid.min_score]", *(f"{iso} = {value:g}" for iso, value in sorted(scores.items())), ""]
    for code, language in languages().items():
        mine = [p for p in found.proposals if p.language == code and p.rule != SCORE]
        values = [(p.rule, p.new) for p in mine if p.new != p.old]
        if values:
            lines += [f"[quality.languages.{language.iso1}]", *(f"{rule} = {value:.10g}" for rule, value in values), ""]
    return "\n".join(lines)


def _differing(found: Calibration, code: str) -> list[tuple[str, float]]:
    """What a language file has to say: it holds only what differs from the rule's default."""
    defaults = {rule.name: rule.default for rule in RULES}
    mine = [p for p in found.proposals if p.language == code and p.rule != SCORE]
    return [(p.rule, p.new) for p in mine if p.new != defaults[p.rule]]


def write_languages(found: Calibration, folder: Path, note: str) -> list[str]:
    """Writes the thresholds into the language files (<iso1>.toml) of a folder; what is not calibrated stays. Returns the files changed."""
    changed = []
    for code, language in languages().items():
        mine = [p for p in found.proposals if p.language == code]
        if mine:
            path = folder / f"{language.iso1}.toml"
            before = path.read_text(encoding="utf-8")
            text = _with_thresholds(before, language, found, mine, note)
            if text != before:
                path.write_text(text, encoding="utf-8")
                changed.append(path.name)
    return changed


def _with_thresholds(text: str, language: Language, found: Calibration, mine: list[Proposal], note: str) -> str:
    """A language file with other thresholds: its last section is made anew, in the order of the rules."""
    head, mark, _ = text.partition("[thresholds]")
    if not mark:
        raise CannotCalibrate(f"{language.iso1}.toml has no [thresholds] section")
    done = {p.rule for p in mine}
    values = {rule: v for rule, v in language.thresholds if rule not in done} | dict(_differing(found, language.code))
    lines = [f"{rule.name} = {values[rule.name]:.10g}" for rule in RULES if rule.name in values]
    for p in mine:
        if p.rule == SCORE:
            head = "".join(
                f"min_language_score = {p.new:g}   # below: `und`. {note}\n"
                if line.startswith("min_language_score")
                else line
                for line in head.splitlines(keepends=True)
            )
    comment = "               # rule = value, where it differs from the default in verdict.py\n"
    return "\n".join([f"{head}[thresholds]{comment}# {note}", *lines]).rstrip() + "\n"
