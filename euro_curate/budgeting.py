"""The plan from a run's small tables: in the run itself, and as a dry run on a run that has come so far (`euro-curate budget`).

`work/sizes.json` names the parts that the last run's plan rests on: written as soon as these are there, so a plan can be tried while shards
are still to be made, or after `--clean` took the text away.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from fractions import Fraction
from typing import Any

from euro_curate.balance import (
    Balance,
    Packing,
    Selection,
    Tokenizer,
    allocate,
    border,
    count_tokens,
    cut,
    weigh,
)
from euro_curate.run import Run, Slice, merged
from euro_curate.schema import ALLOTMENTS, BORDERS, CLEAN, SIZES, TOKENS, WEIGHTS
from euro_curate.shards import Part, Shards, join, read_bytes, read_part
from euro_curate.shards import replace as overwrite

MANIFEST = "sizes.json"


class NoPlan(ValueError):
    """There is nothing to plan with; the message says what is missing."""


@dataclass(frozen=True)
class Planning:
    """What a plan depends on, beside the tables."""

    balance: Balance = field(default_factory=Balance)
    selection: Selection = field(default_factory=Selection)
    packing: Packing = field(default_factory=Packing)
    tokenizer: Tokenizer | None = None
    merge_parts: int = 256


def budgeted(run: Run, sizes: Shards, tokens: Shards, p: Planning) -> Shards:
    """SIZES and TOKENS -> one part, BUDGET: the plan, exact to the page."""
    batches = {
        key: [(Slice(sizes.only(keys).parts), SIZES), (Slice(tokens.only(keys).parts), TOKENS)]
        for key, keys in merged(sizes, p.merge_parts).items()
    }
    aligned = 2 if tokens.parts else 1
    weights = run.gather(weigh, batches, p.selection, aligned)
    allotments = run.gather(allocate, {"allotments": [(Slice(weights.parts), WEIGHTS)]}, p.balance)
    tail = (Slice(allotments.parts), ALLOTMENTS)
    borders = run.gather(border, {key: [*parts, tail] for key, parts in batches.items()}, p.selection, aligned)
    return run.gather(cut, {"budget": [tail, (Slice(borders.parts), BORDERS)]}, p.packing)


def note_sizes(run: Run, clean: Shards, sizes: Shards, p: Planning) -> None:
    """Writes work/sizes.json, if it says anything new."""

    def told(shards: Shards) -> list[dict[str, Any]]:
        named = ("key", "digest", "rows", "bytes")  # a part just made knows more than one found again
        return [
            {name: getattr(part, name) for name in named} | {"path": part.path.removeprefix(run.output + "/")}
            for part in shards.parts
        ]

    data = json.dumps({"clean": told(clean), "sizes": told(sizes), "planning": asdict(p)}, indent=1).encode()
    if read_bytes(join(run.work, MANIFEST)) != data:
        overwrite(join(run.work, MANIFEST), data)


def recall(run: Run) -> tuple[Shards, Shards, Planning]:
    """work/sizes.json -> (CLEAN, SIZES, what the last run planned with). NoPlan if no run has come so far."""
    data = read_bytes(join(run.work, MANIFEST))
    if data is None:
        raise NoPlan(
            f"no run in {run.output} has got as far as the sizes of its kept pages: work/{MANIFEST} is missing"
        )
    found = json.loads(data)
    clean, sizes = (
        Shards(tuple(Part(**part | {"path": join(run.output, part["path"])}) for part in found[name]))
        for name in ("clean", "sizes")
    )
    given = found["planning"]
    p = Planning(
        Balance(**{k: _tuples(v) for k, v in given["balance"].items()}),
        Selection(**{k: _tuples(v) for k, v in given["selection"].items()}),
        Packing(**given["packing"]),
        Tokenizer(**given["tokenizer"]) if given["tokenizer"] else None,
        given["merge_parts"],
    )
    return clean, sizes, p


def _tuples(value: Any) -> Any:
    return tuple(_tuples(one) for one in value) if isinstance(value, list) else value


def try_plan(
    run: Run, changes: Mapping[str, Any], selection: Mapping[str, Any], tokenizer: Tokenizer | None, budget: str = ""
) -> tuple[list[dict[str, Any]], Balance]:
    """A dry run: (rows of BUDGET, what was planned with). `changes` and `selection` replace fields of the last run's Balance and Selection;
    `budget` is a number, or a share of all there is (`25%`).

    Verdicts and dataset stay as they are. NoPlan, or ValueError for a plan that makes no sense.
    """
    clean, sizes, p = recall(run)
    changes, chosen = dict(changes), replace(p.selection, **selection)
    if chosen.by == "score" and p.selection.by != "score" and not _scored(sizes):
        raise NoPlan("balance.select: 'score' needs a classifier's scores, which this run has not")
    tokenizer = tokenizer or p.tokenizer
    tokens = Shards(())
    if tokenizer:
        tokens = run.map(count_tokens, [(clean, CLEAN)], tokenizer, columns=("id", "text"))
        if len(tokens.parts) < len(clean.parts):
            why = run.set_aside[-1].history[-1]
            gone = "`--clean` removed the text: run again with this tokenizer" if "FileNotFoundError" in why else why
            raise NoPlan(f"tokens could not be counted: {gone}")
    unit = changes.get("unit", p.balance.unit)
    if unit == "tokens" and not tokenizer:
        raise NoPlan("tokens need a tokenizer: give --tokenizer tokenizer.json")
    plan = replace(p, selection=chosen)
    if budget:
        changes["budget"] = _amount(
            budget, lambda: _epoch(run, sizes, tokens, replace(plan, balance=Balance(unit=unit)))
        )
    balance = replace(p.balance, **changes)
    table = read_part(budgeted(run, sizes, tokens, replace(plan, balance=balance))["budget"])
    return table.to_pylist(), balance


def _epoch(run: Run, sizes: Shards, tokens: Shards, p: Planning) -> int:
    return sum(read_part(budgeted(run, sizes, tokens, p)["budget"])["epoch"].to_pylist())


_SUFFIXES = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "b": 10**9, "t": 10**12}


def _amount(text: str, whole: Any) -> int:
    """`5_000_000`, `5M`, `1.5B` or `25%` -> units. ValueError on anything else."""
    number = text.strip().replace("_", "").replace(",", "")
    try:
        if number.endswith("%"):
            return int(whole() * Fraction(number[:-1]) / 100)
        suffix = number[-1:].lower() if number[-1:].isalpha() else ""
        return int(Fraction(number[: len(number) - len(suffix)]) * _SUFFIXES[suffix])
    except (ValueError, KeyError, ZeroDivisionError):
        raise ValueError(f"--budget {text}: expected a number such as 5_000_000, 1.5B or 25%") from None


def _scored(sizes: Shards) -> bool:
    return any(read_part(part, ["quality_score"])["quality_score"].null_count < part.rows for part in sizes.parts)


def fragment(p: Balance, s: Selection, tokenizer: Tokenizer | None) -> str:
    """The plan as a recipe's section."""
    lines = ["[balance]", f'strategy = "{p.strategy}"', f"budget = {p.budget:_}", f'unit = "{p.unit}"']
    lines += [f"max_epochs = {float(p.max_epochs)}"] if p.strategy != "anchors" else []
    lines += [f"alpha = {float(p.alpha)}"] if p.strategy == "temperature" else []
    lines += ["fixed = { " + ", ".join(f"{code} = {amount}" for code, amount in p.fixed) + " }"] if p.fixed else []
    lines += [f"anchors = {json.dumps(p.anchors)}"] if p.strategy == "anchors" else []
    lines += [f"tokenizer = {json.dumps(tokenizer.place)}"] if tokenizer else []
    lines += [f'select = "{s.by}"'] if s.by != "hash" else []
    lines += [f"rehydrate = {json.dumps(s.rehydration)}"] if s.rehydration else []
    return "\n".join(lines) + "\n"
