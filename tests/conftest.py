"""What every test gets: no network but loopback, one thread in polars, and builders for small crawls."""

import gzip
import io
import os
import socket
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

os.environ.setdefault("POLARS_MAX_THREADS", "2")
os.environ.setdefault("RAY_AUTH_MODE", "disabled")
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
os.environ.setdefault("RAY_ENABLE_UV_RUN_RUNTIME_ENV", "0")

import pytest

ROOT = Path(__file__).parent.parent
SAMPLE_PAGES = ROOT / "pipelines" / "sample" / "pages"


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test that reaches for the internet fails at once."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> Any:
        if self.family in (socket.AF_INET, socket.AF_INET6) and not str(address[0]).startswith(
            ("127.", "::1", "localhost")
        ):
            own = {info[4][0] for info in socket.getaddrinfo(socket.gethostname(), None)}
            if address[0] not in own:
                raise OSError(f"tests have no network: {address}")
        return connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)


@dataclass
class Page:
    """One capture for `warc_bytes`."""

    body: bytes | str
    url: str = "https://site.example/page"
    status: str = "200 OK"
    content_type: str = "text/html; charset=utf-8"
    headers: Sequence[tuple[str, str]] = ()
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    kind: str = "response"
    date: str = "2024-03-01T12:00:00Z"


def warc_record(page: Page) -> bytes:
    """One WARC/1.0 record, uncompressed."""
    body = page.body.encode() if isinstance(page.body, str) else page.body
    if page.kind in ("response", "request"):
        lines = [f"HTTP/1.1 {page.status}", f"Content-Type: {page.content_type}", f"Content-Length: {len(body)}"]
        lines += [f"{name}: {value}" for name, value in page.headers]
        block, content_type = "\r\n".join(lines).encode() + b"\r\n\r\n" + body, f"application/http; msgtype={page.kind}"
    else:
        block, content_type = body, page.content_type
    head = (
        f"WARC/1.0\r\nWARC-Type: {page.kind}\r\nWARC-Record-ID: <urn:uuid:{page.id}>\r\nWARC-Target-URI: {page.url}\r\n"
        f"WARC-Date: {page.date}\r\nContent-Type: {content_type}\r\nContent-Length: {len(block)}\r\n\r\n"
    )
    return head.encode() + block + b"\r\n\r\n"


def warc_bytes(pages: Sequence[Page], packed: bool = True) -> bytes:
    """A WARC of the pages, one gzip member a record."""
    out = io.BytesIO()
    for page in pages:
        record = warc_record(page)
        out.write(gzip.compress(record, mtime=0) if packed else record)
    return out.getvalue()


def write_warc(path: Path, pages: Sequence[Page]) -> Path:
    """A .warc.gz (or .warc) file of the pages."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(warc_bytes(pages, packed=path.suffix == ".gz"))
    return path


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Folder with the WARC files of the bundled sample crawl."""
    import importlib.util

    spec = importlib.util.spec_from_file_location("sample_build", ROOT / "pipelines" / "sample" / "build.py")
    assert spec is not None and spec.loader is not None
    builder = importlib.util.module_from_spec(spec)
    import sys

    sys.modules["sample_build"] = builder
    spec.loader.exec_module(builder)
    folder = tmp_path_factory.mktemp("sample")
    builder.build(SAMPLE_PAGES, folder)
    yield folder


@pytest.fixture(scope="session")
def finished(sample: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Output folder of a run of the demo's recipe over the sample crawl. Read it, copy it, do not write into it."""
    import crawls

    output = tmp_path_factory.mktemp("finished") / "out"
    crawls.run(sorted(sample.glob("*.warc.gz")), output, {"balance": {"strategy": "unimax", "budget": 37_000}})
    return output


def tree(folder: Path) -> dict[str, bytes]:
    """Every file under a folder, by relative path."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
