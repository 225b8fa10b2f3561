"""ingest/remote.py: storage that throttles and loses connections, on loopback. Nothing waits: the pauses are recorded."""

import errno
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import crawls
import pytest
from conftest import tree
from unsteady import Fault, server

from euro_curate.ingest import expand, ingest, remote
from euro_curate.ingest.page import Ingest
from euro_curate.ingest.remote import PAUSES_S, GaveUp, RemoteFile, passing, patiently

DATA = random.Random(1).randbytes(3_000_000)


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses that would have been made."""
    made: list[float] = []
    monkeypatch.setattr(remote, "pause", made.append)
    return made


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "a.warc.gz").write_bytes(DATA)
    return tmp_path


def read(url: str, step: int = 100_000) -> bytes:
    with RemoteFile(url) as file:
        return b"".join(iter(lambda: file.read(step), b""))


def test_sound_storage_is_read_without_a_pause(folder: Path, pauses: list[float]) -> None:
    assert read(str(folder / "a.warc.gz")) == DATA
    with server(folder, lambda n, method: None) as at:
        assert read(f"{at.url}/a.warc.gz") == DATA
    assert pauses == []


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_busy_server_is_asked_again(folder: Path, pauses: list[float], status: int) -> None:
    with server(folder, lambda n, method: ("status", status) if n in (0, 1, 2, 3, 6) else None) as at:
        assert read(f"{at.url}/a.warc.gz") == DATA
    assert len(pauses) >= 2
    assert min(pauses) == 3.0, "as long as Retry-After asks"


@pytest.mark.parametrize("ranges", [True, False])
def test_a_lost_connection_is_resumed(folder: Path, pauses: list[float], ranges: bool) -> None:
    """Every answer but each fourth ends after 700,000 bytes."""

    def fault(number: int, method: str) -> Fault:
        return ("cut", 700_000) if method == "GET" and number % 4 != 3 else None

    with server(folder, fault, ranges) as at:
        assert read(f"{at.url}/a.warc.gz") == DATA
    assert pauses and max(pauses) <= max(PAUSES_S)
    starts = [first for method, _, first, _ in at.requests if method == "GET"]
    if ranges:
        assert sum(sent for _, _, _, sent in at.requests) < 2 * len(DATA), "what was read is not fetched again"
        assert max(starts) > 0


def test_a_connection_that_never_carries_much_is_used_in_small_steps(folder: Path, pauses: list[float]) -> None:
    cut = server(folder, lambda n, method: ("cut", 90_000) if method == "GET" else None)
    with cut as at, RemoteFile(f"{at.url}/a.warc.gz") as file:
        file.seek(1_000_000)
        assert file.read(500_000) == DATA[1_000_000:1_500_000]
    assert 0 < len(pauses) <= len(PAUSES_S)


def test_patience_ends_and_says_where(folder: Path, pauses: list[float]) -> None:
    def fault(number: int, method: str) -> Fault:
        return ("status", 503) if broken else None

    broken = False
    with server(folder, fault) as at, RemoteFile(f"{at.url}/a.warc.gz") as file:
        file.read(10)
        broken = True
        file.seek(0, 2)
        file.seek(2_999_000)
        with pytest.raises(
            GaveUp, match=r"a\.warc\.gz: given up at byte 2,999,000 after 7 failures in a row: .*503"
        ) as told:
            file._drop()
            file.read(10)
    assert len(pauses) == len(PAUSES_S)
    assert isinstance(told.value, OSError), "the task is tried again, then set aside with this in its history"


def test_what_is_not_there_is_said_at_once(folder: Path, pauses: list[float]) -> None:
    with server(folder, lambda n, method: None) as at, pytest.raises(FileNotFoundError):
        RemoteFile(f"{at.url}/no.warc.gz")
    with pytest.raises(FileNotFoundError):
        RemoteFile(str(folder / "no.warc.gz"))
    assert pauses == []


class Told(Exception):
    def __init__(self, **about: Any) -> None:
        self.__dict__.update(about)


@pytest.mark.parametrize(
    ("error", "passes"),
    [
        (ConnectionResetError("reset"), True),
        (TimeoutError(), True),
        (OSError(errno.EBUSY, "SlowDown"), True),
        (Told(status=503), True),
        (Told(code="429"), True),
        (Told(response={"Error": {"Code": "SlowDown"}, "ResponseMetadata": {"HTTPStatusCode": 200}}), True),
        (Told(response={"Error": {"Code": "503"}, "ResponseMetadata": {"HTTPStatusCode": 503}}), True),
        (Told(response={"Error": {"Code": "NoSuchKey"}, "ResponseMetadata": {"HTTPStatusCode": 404}}), False),
        (Told(status=403), False),
        (FileNotFoundError("x"), False),
        (PermissionError("x"), False),
        (ValueError("x"), False),
    ],
)
def test_failures_that_pass_are_known_also_inside_others(error: Exception, passes: bool) -> None:
    assert passing(error) is passes
    try:
        raise FileNotFoundError("wrapped") from error
    except FileNotFoundError as wrapped:
        assert passing(wrapped) is passes


def test_pauses_grow_without_chance(pauses: list[float]) -> None:
    def fails() -> None:
        raise ConnectionResetError("again")

    for _ in range(2):
        with pytest.raises(GaveUp, match=r"the list: given up after 7 failures in a row: ConnectionResetError: again"):
            patiently("the list", fails)
    assert pauses == [*PAUSES_S, *PAUSES_S]


FAULTS: dict[str, Callable[[int, str], Fault]] = {
    "throttled": lambda n, method: ("status", 503) if n % 3 == 0 else None,
    "cut": lambda n, method: ("cut", 2_000) if method == "GET" and n % 5 == 2 else None,
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_run_over_an_unsteady_server_gives_the_bytes_of_the_disk(
    tmp_path: Path, pauses: list[float], name: str
) -> None:
    crawl = crawls.split(crawls.pages(["fi"]), tmp_path / "in", 1)
    local = crawls.run([crawl], tmp_path / "disk")
    with server(crawl, FAULTS[name]) as at:
        far = crawls.run([f"{at.url}/part-00.warc.gz"], tmp_path / "http")
    assert tree(tmp_path / "http" / "dataset") == tree(tmp_path / "disk" / "dataset")
    assert far["inputs"][0]["digest"] == local["inputs"][0]["digest"]
    assert far["inputs"][0]["errors"] == []
    assert pauses


def test_storage_that_keeps_failing_is_no_receipt(folder: Path, pauses: list[float]) -> None:
    """No part is made of what was read until then: the next run tries again."""
    with server(folder, lambda n, method: None) as at:
        (source,) = expand([f"{at.url}/a.warc.gz"])
    with server(folder, lambda n, method: ("status", 503)) as gone, pytest.raises(GaveUp, match="503"):
        ingest(replace(source, url=f"{gone.url}/a.warc.gz"), Ingest())
