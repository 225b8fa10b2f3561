"""Handlers for the sandbox's tests that do to their process what bad pages do. In a module of their own, so that the child can import them."""

import ctypes
import os
import signal
import sys
import time
from pathlib import Path

from euro_curate.ingest.page import Ingest, Row, blank_row
from euro_curate.ingest.records import Record

_handled = 0


def handle(record: Record, p: Ingest) -> Row:
    """Does what the body says; otherwise the row's text is the body, and its evidence how many pages this process has seen."""
    global _handled
    _handled += 1
    action, _, rest = record.body.decode().partition(" ")
    if action == "hang":
        time.sleep(600)
    if action == "hang-in-c":
        ctypes.PyDLL(None).sleep(600)  # holds the GIL
    if action == "exit":
        os._exit(0)
    if action == "segfault":
        ctypes.string_at(0)
    if action == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if action == "hog":
        assert bytearray(8 << 30)
    if action == "print":
        os.write(1, b"library noise " * 1000)
        sys.stdout.flush()
    if action == "once" and not Path(rest).exists():
        Path(rest).touch()
        os._exit(1)
    return blank_row(record) | {
        "text": record.body.decode(),
        "evidence": str(os.getpid() if action == "pid" else _handled),
    }
