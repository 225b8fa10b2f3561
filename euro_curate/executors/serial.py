"""Tasks one after another, in this process."""

import time
from collections.abc import Sequence
from dataclasses import replace

from euro_curate.executors.attempts import Attempts, Done, Guard, Stopped, describe, refuse_to_go_on
from euro_curate.run import Task


class Serial:
    """Tasks one after another in this process."""

    def run(self, tasks: Sequence[Task], done: Done) -> None:
        """Runs every task to its end. Raises Stopped for what every task would meet."""
        done = Guard(done)
        for task in tasks:
            attempts = Attempts(task)
            while True:
                try:
                    started = time.monotonic()
                    part = replace(task(), seconds=time.monotonic() - started)
                except Exception as error:
                    kind, what = describe(error)
                    if kind == "node":  # there is no other machine
                        raise Stopped(f"{what}. Make room and give the same command again") from error
                    if attempts.failed(kind, what):
                        time.sleep(max(0.0, attempts.not_before - time.monotonic()))
                        continue
                    refuse_to_go_on(error, attempts.history)
                    done(task, attempts.failure())
                else:
                    done(task, part)
                break

    def close(self) -> None:
        """Nothing to end."""
