"""Parts, resume, checks and publication: the two verbs `map` and `gather`, and nothing that a stage could notice.

`map` makes one part from the parts of the same key; `gather` makes one part from ranges of many. Each output has a recipe (stage, version,
parameters, digests of what it reads), the recipe's hash is in its path, and a part that is there already is not made again. Tasks are
paths in, paths out: the executor moves no documents.
"""

from euro_curate.run.engine import (
    Executor,
    GatherFailed,
    Progress,
    Run,
    Silent,
    SourceLike,
    StageCount,
    Watcher,
    hash_ranges,
    merged,
)
from euro_curate.run.task import Earlier, Failure, MakeStage, Slice, Task, checked

__all__ = [
    "Earlier",
    "Executor",
    "Failure",
    "GatherFailed",
    "MakeStage",
    "Progress",
    "Run",
    "Silent",
    "Slice",
    "SourceLike",
    "StageCount",
    "Task",
    "Watcher",
    "checked",
    "hash_ranges",
    "merged",
]
