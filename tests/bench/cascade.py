"""What each step of a page's cascade stops, costs and saves, on a crawl.

    .venv/bin/python tests/bench/cascade.py FOLDER_WITH_WARCS [--cpu N] [--pages N]

Two passes over the same records, in this process: one as the pipeline does it, one with every step timed by a profile of page.py's own functions.
Seconds are CPU seconds. "saved" is what the pages that a step stopped would have cost in the steps behind it, at the mean cost of the pages that went through those.
"""

import argparse
import os
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

from soak import pages_of

from euro_curate.ingest import page
from euro_curate.ingest.page import Ingest, page_row

# step -> (the function that is timed, verdicts that end it); in the order of the cascade
STEPS: dict[str, tuple[str | None, tuple[str, ...]]] = {
    "status": (None, ("http:",)),
    "unpack": ("unpack", ("size:empty", "encoding:body")),
    "type": ("mime_of", ("mime:",)),
    "size": (None, ("size:large",)),
    "characters": ("decode", ("encoding:charset",)),
    "head, opt-outs, URL": ("read_head", ("opt_out:", "url:", "forgotten:")),
    "blocks": ("read_page", ("extract:large", "extract:short")),
    "language": ("language_gate", ("language:",)),
    "links": (None, ("extract:links",)),
    "main text": ("_main_text", ("extract:",)),
}
_seconds: dict[str, float] = defaultdict(float)
_calls: Counter[str] = Counter()


def timed(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(function)
    def run(*given: Any, **named: Any) -> Any:
        started = time.process_time()
        try:
            return function(*given, **named)
        finally:
            _seconds[name] += time.process_time() - started
            _calls[name] += 1

    return run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--cpu", type=int, default=0)
    parser.add_argument("--pages", type=int, default=0, help="evenly spaced; 0 = all")
    given = parser.parse_args()
    os.sched_setaffinity(0, {given.cpu})
    records = pages_of(given.folder)
    if given.pages:
        records = records[:: max(1, len(records) // given.pages)][: given.pages]
    p = Ingest()
    for record in records[:50]:  # models, compiled code
        page_row(record, p)
    page._seen.clear()
    started = time.process_time()
    stops = Counter(page_row(record, p)["stop"] or "" for record in records)
    whole = time.process_time() - started
    page._seen.clear()
    for function, _ in STEPS.values():
        if function and hasattr(page, function):
            setattr(page, function, timed(function, getattr(page, function)))
    for record in records:
        page_row(record, p)
    print(f"{len(records)} records, {whole / len(records) * 1e6:.0f} microseconds each; texts: {stops['']}")
    print(f"{'step':22} {'reached':>8} {'stopped':>8} {'us a page':>10} {'seconds':>8} {'seconds saved':>14}")
    rest = Counter(stops)
    del rest[""]
    reached = len(records)
    costs = {name: _seconds[f] / max(1, _calls[f]) if f else 0.0 for name, (f, _) in STEPS.items()}
    names = list(STEPS)
    for number, (name, (function, verdicts)) in enumerate(STEPS.items()):
        mine = [stop for stop in rest if stop.startswith(verdicts)]
        stopped = sum(rest.pop(stop) for stop in mine)
        saved = stopped * sum(costs[later] for later in names[number + 1 :])
        seconds = _seconds[function] if function else 0.0
        print(f"{name:22} {reached:8} {stopped:8} {costs[name] * 1e6:10.0f} {seconds:8.1f} {saved:14.1f}")
        reached -= stopped


if __name__ == "__main__":
    main()
