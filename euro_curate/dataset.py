"""The last third of the flow: kept pages are sized and shared out by a plan, then shuffled and cut into the dataset's files."""

from collections.abc import Callable

import pyarrow as pa

from euro_curate.balance import SIZED, Sizing, count_tokens, plan_text, size
from euro_curate.budgeting import Planning, budgeted, note_sizes
from euro_curate.publish import Sorting, plan, ranges, shard, sort_clean
from euro_curate.recipe import Config
from euro_curate.run import Run, Slice, Task, merged
from euro_curate.schema import CLEAN, ELECTIONS, SCORES, SHUFFLED, SIZES, TOKENS
from euro_curate.shards import Shards, join, read_part


def planned(
    run: Run, clean: Shards, elections: Callable[[str], Slice], scores: Shards, c: Config
) -> tuple[Shards, Shards, Shards]:
    """CLEAN, what elections say of a key's pages, SCORES -> SIZES, TOKENS (none without a tokenizer), BUDGET. A plan with a budget is shown
    before anything is done by it."""
    tokens = run.map(count_tokens, [(clean, CLEAN)], c.tokenizer, columns=("id", "text")) if c.tokenizer else Shards(())
    score_of = {part.key: (part,) for part in scores.parts}
    sizes = run.map(
        size,
        [(clean, CLEAN)],
        Sizing(c.run.seed),
        columns=SIZED,
        lookup=lambda key: [
            (elections(key), ELECTIONS),
            (Slice(score_of.get(key, ())), SCORES),
        ],
    )
    planning = Planning(c.balance, c.selection, c.packing, c.tokenizer, c.run.merge_parts)
    note_sizes(run, clean, sizes, planning)
    budget = budgeted(run, sizes, tokens, planning)
    if c.balance.budget:
        run.progress.note(plan_text(read_part(budget["budget"]).to_pylist(), c.balance))
    return sizes, tokens, budget


MERGE_BYTES = 128 << 20  # of parts with text, as stored: sorting a batch takes some ten times as much memory


def sharded(run: Run, clean: Shards, sizes: Shards, tokens: Shards, budget: pa.Table, c: Config) -> list[Task]:
    """CLEAN, SIZES, TOKENS -> the tasks that make the dataset's files. The shuffle itself is done when this returns."""
    shuffled = run.gather(
        sort_clean,
        {
            key: [
                (Slice(clean.only(keys).parts), CLEAN),
                (Slice(sizes.only(keys).parts), SIZES),
                (Slice(tokens.only(keys).parts), TOKENS),
            ]
            for key, keys in merged(clean, c.run.merge_parts, MERGE_BYTES).items()
        },
        Sorting(c.selection.validation, c.selection.test),
        aligned=3 if c.tokenizer else 2,
    )
    return [
        task
        for path, one in plan(budget, c.publish, c.selection).items()
        for task in run.plan_gather(
            shard,
            {
                path: [
                    (
                        Slice(shuffled.parts, equal=("folder", (folder_of(path),)), between=("order", low, high)),
                        SHUFFLED,
                    )
                    for low, high in ranges(one)
                ]
            },
            one,
            into=lambda path: join(run.output, "dataset", path),
        )
    ]


def folder_of(path: str) -> str:
    """data/<language>/<split>/<file> -> <language>/<split>"""
    return "/".join(path.split("/")[1:3])
