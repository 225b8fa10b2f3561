"""Disk, S3 and HTTP give the same bytes. S3 is moto's server on loopback: a real HTTP API with conditional puts."""

import http.server
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import crawls
import fsspec
import pytest
from click.testing import CliRunner
from conftest import tree
from faulty import Faults, proxy

from euro_curate.cli import main

MIDST = 400  # requests before the refusals: some parts are there, most are not


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def s3_port(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """An S3 server on loopback, with its address and credentials in the environment."""
    port = free_port()
    server = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    settings = {
        "AWS_ACCESS_KEY_ID": "x",
        "AWS_SECRET_ACCESS_KEY": "y",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    for name, value in (settings | {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}"}).items():
        monkeypatch.setenv(name, value)
    for name in ("AWS_CA_BUNDLE", "HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.delenv(name, raising=False)
    until = time.monotonic() + 30
    while time.monotonic() < until:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                break
        time.sleep(0.05)
    yield port
    server.kill()
    server.wait()


@pytest.fixture
def bucket(s3_port: int) -> Iterator[fsspec.AbstractFileSystem]:
    """An S3 file system with an empty bucket `crawl`."""
    fsspec.get_filesystem_class("s3").clear_instance_cache()
    files = fsspec.filesystem("s3")
    files.mkdir("crawl")
    yield files
    fsspec.get_filesystem_class("s3").clear_instance_cache()


def test_s3_in_and_out_gives_the_bytes_of_the_disk(tmp_path: Path, bucket: fsspec.AbstractFileSystem) -> None:
    crawl = crawls.split(crawls.pages(["fi", "bg"]), tmp_path / "in", 3)
    crawls.run([crawl], tmp_path / "out")
    bucket.put(str(crawl) + "/", "crawl/in/", recursive=True)
    summary = crawls.run(["s3://crawl/in/*.warc.gz"], "s3://crawl/out")  # type: ignore[arg-type]
    bucket.invalidate_cache()
    bucket.get("crawl/out/", str(tmp_path / "copy") + "/", recursive=True)
    for folder in ("dataset", "verdicts"):
        assert tree(tmp_path / "copy" / folder) == tree(tmp_path / "out" / folder)
        assert tree(tmp_path / "copy" / folder)
    assert [entry["name"] for entry in summary["inputs"]] == [f"part-{n:02d}.warc.gz" for n in range(3)]
    assert crawls.run(["s3://crawl/in/*.warc.gz"], "s3://crawl/out")["idle"]  # type: ignore[arg-type]
    changed = crawls.run(["s3://crawl/in/"], "s3://crawl/out", {"run": {"languages": ["fi"]}})  # type: ignore[arg-type]
    bucket.invalidate_cache()
    assert [path.split("/")[3] for path in bucket.find("crawl/out/dataset/data")] == ["fin_Latn"] == [
        path.split("/")[3] for path in bucket.ls("crawl/out/dataset/data", detail=False)
    ] or changed["languages"]["bul_Cyrl"]["dataset_pages"] == 0


@pytest.fixture
def faults(
    bucket: fsspec.AbstractFileSystem, s3_port: int, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Faults, fsspec.AbstractFileSystem]]:
    """The same server behind one that misbehaves: everything but `bucket` goes through it."""
    made = Faults()
    server = proxy(s3_port, made)
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_address[1]}")
    fsspec.get_filesystem_class("s3").clear_instance_cache()
    yield made, bucket
    server.shutdown()
    server.server_close()


@pytest.mark.slow
def test_a_storage_that_throttles_dawdles_and_cuts_answers_short_changes_nothing(
    tmp_path: Path, faults: tuple[Faults, fsspec.AbstractFileSystem]
) -> None:
    bad, bucket = faults
    crawl = crawls.split(crawls.pages(["fi"]), tmp_path / "in", 2)
    crawls.run([crawl], tmp_path / "out")
    bucket.put(str(crawl) + "/", "crawl/in/", recursive=True)
    bad.throttle_every, bad.slow_every, bad.cut_every = 7, 31, 11
    crawls.run(["s3://crawl/in/*.warc.gz"], "s3://crawl/out")  # type: ignore[arg-type]
    bucket.invalidate_cache()
    bucket.get("crawl/out/", str(tmp_path / "copy") + "/", recursive=True)
    for folder in ("dataset", "verdicts"):
        assert tree(tmp_path / "copy" / folder) == tree(tmp_path / "out" / folder)
        assert tree(tmp_path / "copy" / folder)
    assert min(bad.met[name] for name in ("throttled", "slow", "cut")) > 0, bad.met


@pytest.mark.parametrize("at", [pytest.param(8, marks=pytest.mark.slow), 40, pytest.param(90, marks=pytest.mark.slow)])
def test_credentials_that_fail_midway_stop_the_run_and_cost_nothing_done(
    tmp_path: Path, faults: tuple[Faults, fsspec.AbstractFileSystem], at: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad, bucket = faults
    monkeypatch.setattr("euro_curate.executors.attempts._BACKOFF_S", 0.01)
    crawl = crawls.split(crawls.pages(["fi"]), tmp_path / "in", 2)
    crawls.run([crawl], tmp_path / "out")
    bucket.put(str(crawl) + "/", "crawl/in/", recursive=True)
    bad.refuse = (at, 1 << 30)
    given = [
        "run",
        "web",
        "--input",
        "s3://crawl/in/*.warc.gz",
        "--output",
        "s3://crawl/out",
        "--engine",
        "serial",
        "--quiet",
    ]
    told = CliRunner().invoke(main, given)
    assert told.exit_code in (1, 2), told.output  # 2: refused before anything started
    assert "Traceback" not in told.output and told.stderr.count("\n") <= 3
    assert bad.met["refused"] > 0
    bucket.invalidate_cache()
    assert not bucket.exists("crawl/out/run.json")
    bad.refuse = (0, 0)
    fsspec.get_filesystem_class("s3").clear_instance_cache()
    again = CliRunner().invoke(main, given)
    assert again.exit_code == 0, again.output
    bucket.invalidate_cache()
    bucket.get("crawl/out/", str(tmp_path / "copy") + "/", recursive=True)
    for folder in ("dataset", "verdicts"):
        assert tree(tmp_path / "copy" / folder) == tree(tmp_path / "out" / folder)


@pytest.mark.slow
@pytest.mark.ray
def test_the_demo_on_ray_with_a_storage_that_fails_in_every_way_and_then_refuses(
    tmp_path: Path, sample: Path, faults: tuple[Faults, fsspec.AbstractFileSystem]
) -> None:
    """Two worker processes; the driver and both of them meet the faults. Credentials end in the midst, and come back."""
    bad, bucket = faults
    here = [
        "run",
        "demo",
        "--input",
        str(sample / "*.warc.gz"),
        "--output",
        str(tmp_path / "out"),
        "--engine",
        "serial",
    ]
    assert CliRunner().invoke(main, [*here, "--quiet"]).exit_code == 0
    bucket.put(str(sample) + "/", "crawl/in/", recursive=True)
    there = ["run", "demo", "--input", "s3://crawl/in/*.warc.gz", "--output", "s3://crawl/out", "--workers", "2"]
    bad.throttle_every, bad.slow_every, bad.cut_every = 7, 31, 11
    bad.refuse = (MIDST, 1 << 30)
    told = CliRunner().invoke(main, [*there, "--quiet"])
    assert told.exit_code == 1, told.output
    assert "the storage refuses access" in told.stderr and "Give back the permission or the credentials" in told.stderr
    assert "Traceback" not in told.output and told.stderr.count("\n") <= 3
    bucket.invalidate_cache()
    made = [path for path in bucket.find("crawl/out/work") if path.endswith(".parquet")]
    assert made and not bucket.exists("crawl/out/run.json")
    bad.refuse = (0, 0)
    fsspec.get_filesystem_class("s3").clear_instance_cache()
    again = CliRunner().invoke(main, [*there, "--quiet"])
    assert again.exit_code == 0, again.output
    bucket.invalidate_cache()
    assert set(made) <= set(bucket.find("crawl/out/work"))
    summary = json.loads(bucket.cat("crawl/out/run.json"))
    assert sum(count["reused"] for count in summary["stages"]) >= len(made) / 2, "what was done is not done again"
    bucket.get("crawl/out/", str(tmp_path / "copy") + "/", recursive=True)
    for folder in ("dataset", "verdicts"):
        assert tree(tmp_path / "copy" / folder) == tree(tmp_path / "out" / folder)
        assert tree(tmp_path / "copy" / folder)
    assert min(bad.met.values()) > 0, bad.met


@pytest.mark.parametrize("damaged", [False, True])
def test_http_input_even_without_ranges(tmp_path: Path, damaged: bool) -> None:
    """Python's own web server knows no ranges: the file is spooled, as reading past damage needs to seek."""
    crawl = crawls.split(crawls.pages(["fi"]), tmp_path / "in", 1)
    name = "part-00.warc.gz"
    if damaged:
        data = (crawl / name).read_bytes()
        (crawl / name).write_bytes(data[: len(data) // 2] + os.urandom(50) + data[len(data) // 2 :])
    handler = partial(http.server.SimpleHTTPRequestHandler, directory=str(crawl))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        remote = crawls.run([f"http://127.0.0.1:{server.server_address[1]}/{name}"], tmp_path / "http")
        server.shutdown()
    local = crawls.run([crawl], tmp_path / "disk")
    assert tree(tmp_path / "http" / "dataset") == tree(tmp_path / "disk" / "dataset")
    assert bool(remote["inputs"][0]["errors"]) is damaged
    assert remote["inputs"][0]["digest"] == local["inputs"][0]["digest"]
