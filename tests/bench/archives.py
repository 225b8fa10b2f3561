"""Archive files read by ours, warcio and fastwarc: how many captures each finds, and whether they are the same bytes.

    python tests/bench/archives.py FOLDER [--all]

FOLDER: WARC, ARC and WACZ files, broken ones welcome. A capture is a response, resource or conversion record; two readers have the same one
if the digests of its body are equal: as it was sent, behind the HTTP head. Each reader is a process of its own, started again behind a file
that ends it. Prints, for each file in which the readers differ or something was lost (`--all`: for every file), the captures of each reader,
what ours says of it, and how many bodies another reader has and ours has not. The exit code is 1 if another reader found more captures.
"""

import argparse
import io
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import xxhash

CAPTURES = ("response", "resource", "conversion")
READERS = ("ours", "warcio", "fastwarc")
Capture = tuple[str, int]  # digest and bytes of the body


def _capture(body: bytes) -> Capture:
    return xxhash.xxh3_64_hexdigest(body), len(body)


def by_ours(data: bytes, notes: dict[str, object]) -> Iterator[Capture]:
    """What euro_curate reads."""
    from euro_curate.ingest.records import HashedFile, Reading, container, read_records

    stream, reading = HashedFile(io.BytesIO(data)), Reading()
    kind, _ = container(stream)
    try:
        if kind in ("warc", "arc", "wacz"):
            for record in read_records(stream, kind, reading):
                yield _capture(record.body)
    finally:
        notes |= {"skipped": reading.bytes_skipped, "gaps": reading.gaps, "cut": reading.cut, "errors": reading.errors}


def by_warcio(data: bytes, notes: dict[str, object]) -> Iterator[Capture]:
    """What warcio reads, up to what stops it."""
    from warcio.archiveiterator import ArchiveIterator

    for record in ArchiveIterator(io.BytesIO(data)):
        if record.rec_type in CAPTURES:
            yield _capture(record.raw_stream.read())


def by_fastwarc(data: bytes, notes: dict[str, object]) -> Iterator[Capture]:
    """What fastwarc reads."""
    from fastwarc.warc import ArchiveIterator, WarcRecordType

    kinds = WarcRecordType.response | WarcRecordType.resource | WarcRecordType.conversion
    for record in ArchiveIterator(io.BytesIO(data), record_types=kinds, auto_decode="none", quirks_mode=True):
        yield _capture(record.reader.read())


def serve(reader: str, paths: list[str]) -> None:
    """One line of JSON a file: its captures, and what ended the reading."""
    read = {"ours": by_ours, "warcio": by_warcio, "fastwarc": by_fastwarc}[reader]
    for path in paths:
        found: list[Capture] = []
        notes: dict[str, object] = {}
        try:
            found.extend(read(Path(path).read_bytes(), notes))
        except BaseException as error:  # fastwarc and warcio raise anything
            notes["raised"] = type(error).__name__
        print(json.dumps([path, found, notes]), flush=True)


Found = dict[str, tuple[list[Capture], dict[str, object]]]


def run(reader: str, paths: list[str]) -> Found:
    """Every file by one reader, in processes of their own."""
    out: Found = {}
    while todo := [path for path in paths if path not in out]:
        child = subprocess.run(
            [sys.executable, __file__, "--serve", reader, *todo],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            check=False,
        )
        for line in child.stdout.splitlines():
            path, found, notes = json.loads(line)
            out[path] = ([(digest, size) for digest, size in found], notes)
        if rest := [path for path in todo if path not in out]:
            out[rest[0]] = ([], {"raised": f"the process died: {child.returncode}"})
    return out


def main() -> int:
    """The command of the module's docstring."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", nargs="+")
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--serve", choices=READERS, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.serve:
        serve(asked.serve, asked.folder)
        return 0
    paths = [
        str(p) for folder in asked.folder for p in sorted(Path(folder).iterdir()) if p.is_file() and p.suffix != ".json"
    ]
    by = {reader: run(reader, paths) for reader in READERS}
    behind = 0
    print(f"{'file':60} {'ours':>6} {'warcio':>6} {'fastw.':>6} {'other bodies':>12}  gaps  cut     skipped")
    for path in paths:
        counts = {reader: len(by[reader][path][0]) for reader in READERS}
        bodies = {reader: Counter(digest for digest, _ in by[reader][path][0]) for reader in READERS}
        others = max(sum((bodies[reader] - bodies["ours"]).values()) for reader in READERS)
        notes = by["ours"][path][1]
        raised = {reader: by[reader][path][1].get("raised") for reader in READERS}
        behind += counts["ours"] < max(counts.values()) or raised["ours"] is not None
        if asked.all or others or notes.get("errors") or any(raised.values()) or len(set(counts.values())) > 1:
            about = "; ".join(f"{reader}: {what}" for reader, what in raised.items() if what)
            print(
                f"{Path(path).name[-60:]:60} {counts['ours']:6} {counts['warcio']:6} {counts['fastwarc']:6} {others:12}"
                f" {notes.get('gaps', 0):5} {notes.get('cut', 0):4} {notes.get('skipped', 0):11,}  {about}"
            )
    sums = {reader: sum(len(found) for found, _ in by[reader].values()) for reader in READERS}
    print(f"{len(paths)} files; captures: " + ", ".join(f"{reader} {count:,}" for reader, count in sums.items()))
    print(f"files in which another reader found more than ours: {behind}")
    return int(behind > 0)


if __name__ == "__main__":
    sys.exit(main())
