"""Seeing a run from elsewhere: a small file in the output (`euro-curate status`), Prometheus metrics, a line of JSON per part.

Each is told of every stage and part by the driver; none of them touches what the run makes.
"""

import json
import logging
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, TextIO

from euro_curate.run import Failure, StageCount, Task
from euro_curate.shards import Part, join, read_bytes, replace

log = logging.getLogger("euro_curate")

STATUS = "work/status.json"
_EVERY_S = 10.0  # between two writes of the status file: on an object store each is a request
SILENT_S = 60.0  # a status older than this: its driver is gone, or cut off


class StatusFile:
    """Keeps OUTPUT/work/status.json: the stages so far, and when it was last written."""

    def __init__(self, output: str) -> None:
        self._path = join(output, STATUS)
        self._stages: list[dict[str, Any]] = []
        self._started, self._written = _now(), 0.0

    def begin(self, stage: str, parts: int, reused: int) -> None:
        """A stage starts: its row, with what is there already."""
        row = {"stage": stage, "parts": parts, "done": reused, "reused": reused, "set_aside": 0, "rows": 0, "bytes": 0}
        self._stages.append(row | {"core_seconds": 0.0, "since": time.time(), "seconds": None})
        self._write(force=parts > reused)

    def part(self, task: Task, result: Part | Failure) -> None:
        """A part is done, or set aside."""
        row = self._stages[-1]
        if isinstance(result, Failure):
            row["set_aside"] += 1
        else:
            row["done"] += 1
            row["rows"] += result.rows
            row["bytes"] += result.bytes
            row["core_seconds"] = round(row["core_seconds"] + result.seconds, 3)
        self._write()

    def end(self, count: StageCount) -> None:
        """A stage is over."""
        self._stages[-1]["seconds"] = count.seconds
        self._write()

    def close(self, how: str) -> None:
        """The run is over: finished, interrupted, or why it stopped."""
        self._write(force=True, how=how)

    def _write(self, force: bool = False, how: str = "running") -> None:
        if not force and time.monotonic() - self._written < _EVERY_S:
            return
        self._written = time.monotonic()
        status = {"state": how, "started": self._started, "updated": _now(), "now": time.time(), "stages": self._stages}
        try:
            replace(self._path, json.dumps(status, indent=1).encode())
        except OSError as error:  # a convenience: the storage's own errors are the tasks' business
            log.warning("status not written: %s", error)


class Metrics:
    """Prometheus metrics of the driver, under http://<this machine>:port/metrics."""

    def __init__(self, port: int) -> None:
        from prometheus_client import CollectorRegistry, Counter, Gauge, start_http_server

        registry = CollectorRegistry()

        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(f"euro_curate_{name}", text, labels, registry=registry)

        self._parts = counter("parts", "Parts by stage and outcome", "stage", "outcome")
        self._rows = counter("rows", "Rows written; of `ingest`: pages seen", "stage")
        self._bytes = counter("bytes", "Bytes of Parquet written", "stage")
        self._seconds = counter("task_seconds", "Seconds that tasks took, together", "stage")
        self._pages = counter("pages", "Pages by language and verdict", "language", "verdict")
        self._wanted = Gauge("euro_curate_stage_parts", "Parts of the stage", ("stage",), registry=registry)
        self._server, _ = start_http_server(port, registry=registry)
        self.port = self._server.server_port

    def begin(self, stage: str, parts: int, reused: int) -> None:
        """A stage starts."""
        self._wanted.labels(stage).set(parts)
        self._parts.labels(stage, "reused").inc(reused)

    def part(self, task: Task, result: Part | Failure) -> None:
        """A part is done, or set aside."""
        if isinstance(result, Failure):
            self._parts.labels(task.stage, "set_aside").inc()
            return
        self._parts.labels(task.stage, "done").inc()
        self._rows.labels(task.stage).inc(result.rows)
        self._bytes.labels(task.stage).inc(result.bytes)
        self._seconds.labels(task.stage).inc(result.seconds)
        if task.stage == "close":
            for language, verdicts in result.notes.get("verdicts", {}).items():
                for verdict, pages in verdicts.items():
                    self._pages.labels(language, verdict).inc(pages)

    def end(self, count: StageCount) -> None:
        """Nothing more to tell."""

    def close(self, how: str) -> None:
        """Gives the port back."""
        self._server.shutdown()
        self._server.server_close()


class JsonLines:
    """One JSON object a line: every part with its stage, name, size and seconds, every failure with its history."""

    def __init__(self, out: TextIO | None = None) -> None:
        self._out = out or sys.stderr

    def begin(self, stage: str, parts: int, reused: int) -> None:
        """A stage starts."""
        self._say("stage", stage=stage, parts=parts, reused=reused)

    def part(self, task: Task, result: Part | Failure) -> None:
        """A part is done, or set aside."""
        if isinstance(result, Failure):
            self._say("set aside", stage=task.stage, part=task.key, history=list(result.history))
        else:
            seconds = round(result.seconds, 3)
            self._say("part", stage=task.stage, part=task.key, rows=result.rows, bytes=result.bytes, seconds=seconds)

    def end(self, count: StageCount) -> None:
        """A stage is over."""
        self._say("stage done", **asdict(count))

    def close(self, how: str) -> None:
        """The run is over."""
        self._say("run", state=how)

    def _say(self, event: str, **what: Any) -> None:
        print(json.dumps({"time": _now(), "event": event} | what), file=self._out, flush=True)


@dataclass(frozen=True)
class Status:
    """What OUTPUT says about its run. `state`: finished | running | silent (no word from its driver for a minute) | interrupted | ..."""

    state: str
    updated: str
    stages: tuple[Mapping[str, Any], ...]
    finished: Mapping[str, Any] | None  # run.json


def read_status(output: str, now: float) -> Status:
    """The state of the run in a folder, from the folder alone. `now`: seconds since 1970. FileNotFoundError if no run was ever there."""
    raw, finished = read_bytes(join(output, STATUS)), read_bytes(join(output, "run.json"))
    if raw is None and finished is None:
        raise FileNotFoundError(f"{output} holds no run: neither run.json nor {STATUS}")
    status: dict[str, Any] = json.loads(raw) if raw else {"state": "finished", "updated": "", "now": now, "stages": []}
    state = status["state"]
    if state == "running" and now - status["now"] > SILENT_S:
        state = "silent"
    summary = json.loads(finished) if finished is not None and state != "running" else None
    return Status("finished" if summary else state, status["updated"], tuple(status["stages"]), summary)


def cost(stages: list[Mapping[str, Any]], pages: int) -> str:
    """`core-hours 0.031 (6.4 per million pages): ingest 78 %, identify 5 %, ...`, from run.json's stages; "" if nothing ran."""
    total = sum(stage["core_seconds"] for stage in stages)
    if total <= 0 or pages <= 0:
        return ""
    by_stage: dict[str, float] = {}
    for stage in stages:
        by_stage[stage["name"]] = by_stage.get(stage["name"], 0.0) + stage["core_seconds"]
    most = sorted(by_stage.items(), key=lambda pair: -pair[1])[:5]
    shares = ", ".join(f"{name} {seconds / total:.0%}" for name, seconds in most)
    return f"core-hours {total / 3600:.3g} ({total / 3600 / pages * 1e6:.3g} per million pages): {shares}"


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
