"""Many pages through one worker's sandbox, with poison among them: only the poison is lost, and memory stays flat.

    .venv/bin/python tests/bench/soak.py [FOLDER_WITH_WARCS] [--pages 100000] [--every 5000] [--cpu N]

Without a folder the bundled sample's pages are repeated, each time a little different, so that no page is recognised from before. The poison is
real: pages nested 100,000 deep and pages of 200,000 unclosed tables, which must come out as rows; and three kinds that do to the process
what a bug in a library would (hang, crash, eat memory), by a marker that only this file's handler knows. Exit code 1 if a good page was lost,
or poison was not named for what it did.
"""

import argparse
import ctypes
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))  # the sandbox's process imports this file by its name

from euro_curate.ingest.page import Ingest, Row, page_row
from euro_curate.ingest.records import HashedFile, Reading, Record, container, read_records
from euro_curate.ingest.sandbox import Sandbox

MARK = b"<!--poison "
PARAMS = Ingest(page_timeout_s=10.0, page_memory_bytes=3 << 30)
DEEP = b"<html><body>" + b"<div>" * 100_000 + b"<p>Un texte au fond du puits, assez long pour compter." * 9
TABLES = b"<html><body>" + b"<table><tr><td>une cellule" * 60_000
POISON = {  # body -> verdicts that it may get
    b"hang": ("extract:timeout",),
    b"segfault": ("extract:crash",),
    b"hog": ("extract:memory", "extract:crash"),
    b"deep": None,
    b"tables": None,
}


def handle(record: Record, p: Ingest) -> Row:
    """page_row, but for marked pages."""
    if record.body.startswith(MARK):
        action = record.body[len(MARK) :].split(b"-->")[0]
        if action == b"hang":
            time.sleep(600)
        if action == b"segfault":
            ctypes.string_at(0)
        if action == b"hog":
            assert bytearray(8 << 30)
    return page_row(record, p)


def pages_of(folder: Path | None) -> list[Record]:
    """The crawl's records, or the sample's pages."""
    found: list[Record] = []
    if folder is not None:
        for path in sorted(folder.glob("*.warc*")):
            with path.open("rb") as stream:
                hashed = HashedFile(stream)
                kind, _ = container(hashed)
                found += read_records(hashed, kind, Reading())
        return found
    sample = Path(__file__).parents[2] / "pipelines" / "sample" / "pages"
    for number, path in enumerate(sorted(sample.glob("??/*.html"))):
        body = path.read_bytes().split(b"-->", 1)[1].replace(b"{{charset}}", b"utf-8")
        found.append(Record(None, f"https://sample.example/{number}", None, number, "response", 200, [("Content-Type", "text/html; charset=utf-8")], body))  # fmt: skip
    return found


def sequence(pages: list[Record], every: int) -> Iterator[tuple[Record, str]]:
    """(record, name of its poison or "") without end."""
    kinds = list(POISON)
    for n in count(1):
        if n % every == 0:
            name = kinds[n // every % len(kinds)]
            body = {b"deep": DEEP, b"tables": TABLES}.get(name, MARK + name + b"-->" + b"<p>poison</p>" * 50)
            yield replace(pages[0], body=body), name.decode()
        else:
            page = pages[n % len(pages)]
            yield replace(page, body=marked(page, n)), ""


def marked(page: Record, n: int) -> bytes:
    """The body with a number behind it; bodies that are packed, in pieces, or in two-byte characters stay as they are."""
    packed = any(name.lower() in ("content-encoding", "transfer-encoding") for name, _ in page.headers)
    return page.body if packed or not page.body or b"\x00" in page.body[:999] else page.body + b"<!-- %d -->" % n


def resident_mb(pid: int) -> int:
    """Resident memory of a process, MiB."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") >> 20


def main() -> None:
    import soak  # not __main__: the child must find the handler

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--pages", type=int, default=100_000)
    parser.add_argument("--every", type=int, default=5_000)
    parser.add_argument("--cpu", type=int, default=0)
    given = parser.parse_args()
    os.sched_setaffinity(0, {given.cpu})
    os.environ["PYTHONPATH"] = os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")])
    pages = pages_of(given.folder)
    box = Sandbox(soak.handle)
    first = [page_row(page, PARAMS) for page in pages]  # what each page comes to, in a process that saw no poison
    verdicts: Counter[str] = Counter()
    lost, misnamed, peak, started = 0, 0, 0, time.monotonic()
    for n, (record, poison) in zip(range(1, given.pages + 1), sequence(pages, given.every)):
        row = box.row(record, PARAMS)
        if poison:
            allowed = POISON[poison.encode()]
            bad = allowed is not None and row["stop"] not in allowed
            misnamed += bad
            print(
                f"{n:>9} poison {poison}: {row['stop']}, {len(row['text'])} characters{'  WRONG' if bad else ''}",
                flush=True,
            )
        else:
            verdicts[row["stop"] or "text"] += 1
            lost += (row["stop"], row["text"]) != (first[n % len(pages)]["stop"], first[n % len(pages)]["text"])
        child = box._child
        peak = max(peak, resident_mb(child.pid) if child and n % 100 == 0 else 0)
        if n % 10_000 == 0 or n == given.pages:
            took = time.monotonic() - started
            print(f"{n:>9} pages, {n / took:.0f}/s, worker {resident_mb(os.getpid())} MiB, its page process up to {peak} MiB, {box.restarts} restarts, {lost} good pages changed", flush=True)  # fmt: skip
            peak = 0
    box.close()
    print(dict(verdicts.most_common()))
    sys.exit(bool(lost or misnamed))


if __name__ == "__main__":
    main()
