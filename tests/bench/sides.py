"""One side of a benchmark in a process of its own, with one thread."""

import json
import os
import subprocess
from typing import Any

ONE_THREAD = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "ARROW_NUM_THREADS", "POLARS_MAX_THREADS"), "1"
)


def run_side(python: str, script: str, *arguments: str, cpu: int | None = None) -> dict[str, Any]:
    """What `script` prints last, as JSON, run by that Python (on that core, if one is given). SystemExit with its errors if it fails."""
    done = subprocess.run(
        [python, script, *arguments],
        env=os.environ | ONE_THREAD,
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=None if cpu is None else lambda: os.sched_setaffinity(0, {cpu}),
    )
    if done.returncode:
        raise SystemExit(f"{' '.join(arguments)} failed:\n{done.stderr[-2000:]}")
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer
