"""Where tasks run: in this process, or on Ray. The only importer of ray.

Both give a failed task a number of further attempts by the kind of its failure, then set it aside with its history: a run never hangs
on one input, never stops for one, and never drops one silently.
"""

from euro_curate.executors.attempts import BUDGETS, Stopped
from euro_curate.executors.onray import CannotStart, OnRay, elsewhere, is_remote
from euro_curate.executors.serial import Serial

__all__ = ["BUDGETS", "CannotStart", "OnRay", "Serial", "Stopped", "elsewhere", "is_remote"]
