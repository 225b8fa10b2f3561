"""A child process that handles pages, so that a page which hangs, crashes or eats all memory costs itself and nothing else.

One child serves many pages (no process per page). The parent knows which page is being handled, so the culprit is known at once: it is
tried once more, alone in a fresh child and with twice the time, and only then gets `extract:timeout` or `extract:crash`.
"""

import atexit
import contextlib
import ctypes
import fcntl
import os
import pickle
import resource
import select
import signal
import struct
import subprocess
import sys
from collections.abc import Callable
from typing import IO, Any

from euro_curate.ingest.page import Ingest, Row, blank_row, page_row
from euro_curate.ingest.records import Record

RECYCLE_PAGES = 5000  # a fresh child after so many pages: whatever libraries leak stays bounded

Handler = Callable[[Record, Ingest], Row]


class Died(Exception):
    """The child ended, or was ended, before it answered. args[0]: timeout | crash"""


class Sandbox:
    """`row(record, params)` is `page_row` in a child process."""

    def __init__(self, handler: Handler = page_row) -> None:
        self._handler = handler
        self._child: subprocess.Popen[bytes] | None = None
        self._told: Ingest | None = None  # the parameters that the child has: they travel only when they change
        self._pages = 0
        self.restarts = 0
        atexit.register(self.close)

    def row(self, record: Record, p: Ingest) -> Row:
        """The page's row; `stop` = extract:timeout or extract:crash if it killed the child twice."""
        try:
            return self._ask(record, p, p.page_timeout_s)
        except Died:
            self.restarts += 1
        try:
            return self._ask(record, p, 2 * p.page_timeout_s)
        except Died as death:
            self.restarts += 1
            return blank_row(record) | {
                "stop": f"extract:{death}",
                "evidence": f"twice; limit {p.page_timeout_s:g} s, then twice that",
            }

    def close(self) -> None:
        """Ends the child."""
        if self._child is not None:
            self._child.kill()
            self._child.wait()
            for pipe in (self._child.stdin, self._child.stdout):
                if pipe:
                    try:
                        pipe.close()
                    except BrokenPipeError:
                        pass
            self._child = None

    def _ask(self, record: Record, p: Ingest, limit_s: float) -> Row:
        if self._child is None or self._pages >= RECYCLE_PAGES:
            self.close()
            self._start(p)
        child = self._child
        assert child is not None and child.stdin is not None and child.stdout is not None
        self._pages += 1
        try:
            _send(child.stdin, (record, None if p == self._told else p))
            self._told = p
            if not select.select([child.stdout], [], [], limit_s)[0]:
                raise Died("timeout")
            row: Row = _receive(child.stdout)
        except (Died, OSError, EOFError) as error:
            self.close()
            raise error if isinstance(error, Died) else Died("crash") from error
        except BaseException:  # Ctrl-C between question and answer: the pipe's state is unknown
            self.close()
            raise
        return row

    def _start(self, p: Ingest) -> None:
        command = [sys.executable, "-c", _CHILD, str(p.page_memory_bytes)]
        self._child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True)
        self._told = None
        self._pages = 0
        assert self._child.stdin is not None and self._child.stdout is not None
        for pipe in (self._child.stdin, self._child.stdout):
            _widen(pipe)
        try:
            _send(self._child.stdin, self._handler)
            _receive(self._child.stdout)  # "ready": start-up is not charged to the first page
        except (EOFError, BrokenPipeError) as error:
            self.close()
            raise RuntimeError("the page process did not start; its error is on stderr") from error


_CHILD = "from euro_curate.ingest.sandbox import serve; serve()"
_LENGTH = struct.Struct("<Q")


def _widen(pipe: IO[bytes]) -> None:
    """A pipe that takes a whole page at once: with Linux's 64 KiB the two processes take turns several times a page."""
    if hasattr(fcntl, "F_SETPIPE_SZ"):
        with contextlib.suppress(OSError):  # the system's limit for this user is lower
            fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, 1 << 20)


def _send(pipe: IO[bytes], value: Any) -> None:
    data = pickle.dumps(value, protocol=pickle.HIGHEST_PROTOCOL)
    pipe.write(_LENGTH.pack(len(data)))
    pipe.write(data)
    pipe.flush()


def _receive(pipe: IO[bytes]) -> Any:
    return pickle.loads(_exactly(pipe, _LENGTH.unpack(_exactly(pipe, _LENGTH.size))[0]))


def _exactly(pipe: IO[bytes], size: int) -> bytes:
    data = pipe.read(size)
    if len(data) < size:
        raise EOFError
    return data


def serve() -> None:
    """The child: answers questions from stdin on stdout until stdin ends. Dies with its parent; data segment limited."""
    if sys.platform == "linux":
        parent_death_signal = 1
        ctypes.CDLL(None).prctl(parent_death_signal, signal.SIGKILL)
    limit = int(sys.argv[1])
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    questions, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever a library prints must not get between the answers
    try:
        handler: Handler = _receive(questions)
        params = Ingest()
        _send(answers, "ready")
        while True:
            record, changed = _receive(questions)
            params = changed or params
            try:
                row = handler(record, params)
            except MemoryError:  # page_row answers for itself, but may have no room left to
                row = blank_row(record) | {"stop": "extract:memory"}
            _send(answers, row)
    except (EOFError, BrokenPipeError):
        pass
