"""models.py: names and digests, files that are fetched whole or not at all, and what of a model is its identity."""

import hashlib
import re
import subprocess
import sys
import threading
import tomllib
from collections.abc import Iterator
from contextlib import nullcontext
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from euro_curate import models
from euro_curate.langid import FORMS, LangId
from euro_curate.languages import languages
from euro_curate.models import Model, entry, label_map, load, locate
from euro_curate.resources import bundled, cache_folder
from euro_curate.stage import params_of

BODY = bytes(range(256)) * 4000
SHA = hashlib.sha256(BODY).hexdigest()


class Server(ThreadingHTTPServer):
    """BODY at any path. `cuts`: bytes after which the next answers break off; `status`: sent instead; `asked`: each request's range."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.ranges, self.cuts, self.status = True, list[int](), 200
        self.asked: list[str | None] = []
        self.go = threading.Event()
        self.go.set()
        self.got, self.news = 0, threading.Condition()

    def show(self, done: int, size: int | None) -> None:
        """Told by the client of the bytes that it has: an answer breaks off when they are there, as what is on its way may be lost."""
        assert size == len(BODY)
        with self.news:
            self.got = done
            self.news.notify_all()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/model.bin"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self.server.asked.append(self.headers["Range"])
        self.server.go.wait(30)
        start = int(self.headers["Range"][6:-1]) if self.headers["Range"] and self.server.ranges else 0
        status = (
            self.server.status if self.server.status != 200 else 416 if start >= len(BODY) else 206 if start else 200
        )
        rest = BODY[start:] if status < 300 else b""
        self.send_response(status)
        self.send_header("Content-Length", str(len(rest)))
        self.end_headers()
        if self.server.cuts:
            rest = rest[: self.server.cuts.pop(0)]
            self.wfile.write(rest)
            with self.server.news:
                self.server.news.wait_for(lambda: self.server.got >= start + len(rest), 30)
        else:
            self.wfile.write(rest)
        self.close_connection = True

    def log_message(self, *_: Any) -> None: ...


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Server]:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(models, "_BACKOFF_S", 0.0)
    with Server() as made:
        monkeypatch.setattr(models, "_progress", lambda url: nullcontext(made.show))
        thread = threading.Thread(target=made.serve_forever, args=(0.01,))
        thread.start()
        yield made
        made.shutdown()
        thread.join()


def cached() -> set[str]:
    return {path.name for path in (cache_folder() / "models").iterdir() if path.suffix != ".lock"}


def put(name: str, data: bytes) -> None:
    folder = cache_folder() / "models"
    folder.mkdir()
    (folder / name).write_bytes(data)


# --- fetching ----------------------------------------------------------------------------------------------------------------


def test_a_url_is_fetched_once_and_then_needs_no_network(server: Server) -> None:
    path = locate(server.url, SHA)
    assert path.read_bytes() == BODY and server.asked == [None]
    assert locate(server.url, SHA) == path and len(server.asked) == 1
    assert cached() == {SHA}


def test_models_are_fetched_by_name(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = "0" * 64
    (tmp_path / "models.toml").write_text(
        f'[one]\nurl = "{server.url}"\nsha256 = "{SHA}"\nlicence = "MIT"\nbytes = 1_000_000\n'
        f'[two]\nurl = "{server.url}"\nsha256 = "{wrong}"\nlicence = "MIT"\n[ours]\nfile = "m.bin"\nsha256 = "{SHA}"\n'
    )
    monkeypatch.setattr(models, "bundled", lambda *parts: tmp_path / parts[-1])
    models.main([])
    assert capsys.readouterr().out == f"one: 1 MB, MIT, {server.url}\ntwo: MIT, {server.url}\n" and not server.asked
    models.main(["one"])
    assert capsys.readouterr().out == f"one: {cache_folder() / 'models' / SHA}\n" and cached() == {SHA}
    for name, told in (("three", "no langid model 'three'; there are: one, ours, two"), ("two", f"expected {wrong}")):
        with pytest.raises(SystemExit, match=f"error: .*{told}"):
            models.main([name])


def test_a_cut_connection_is_taken_up_where_it_broke(server: Server) -> None:
    server.cuts = [300_000, 200_000]
    assert locate(server.url, SHA).read_bytes() == BODY
    assert server.asked == [None, "bytes=300000-", "bytes=500000-"]


def test_a_server_without_ranges_is_read_from_the_start(server: Server) -> None:
    server.ranges, server.cuts = False, [300_000]
    assert locate(server.url, SHA).read_bytes() == BODY
    assert server.asked == [None, "bytes=300000-"]


@pytest.mark.parametrize("there", [1, len(BODY)])
def test_what_an_ended_process_left_is_used(server: Server, there: int) -> None:
    put(f"{SHA}.part", BODY[:there])
    assert locate(server.url, SHA).read_bytes() == BODY
    assert server.asked == [f"bytes={there}-"] and cached() == {SHA}


def test_connections_that_bring_nothing_are_given_up_and_what_came_stays(server: Server) -> None:
    server.cuts = [1000, 0, 0, 0, 0]
    with pytest.raises(OSError, match=r"model\.bin cannot be fetched"):
        locate(server.url, SHA)
    assert server.asked == [None, *["bytes=1000-"] * models._ATTEMPTS]
    assert cached() == {f"{SHA}.part"}


def test_ever_new_bytes_are_never_given_up(server: Server) -> None:
    server.cuts = [50_000] * 12
    assert locate(server.url, SHA).read_bytes() == BODY and len(server.asked) == 13


def test_another_digest_is_refused_and_removed(server: Server) -> None:
    wrong = "0" * 64
    with pytest.raises(ValueError, match=rf"model\.bin has sha256 {SHA}, expected {wrong}"):
        locate(server.url, wrong)
    assert cached() == set()


def test_a_damaged_file_in_the_cache_is_fetched_again(server: Server) -> None:
    put(SHA, BODY[:-1] + b"x")
    assert locate(server.url, SHA).read_bytes() == BODY


@pytest.mark.parametrize(("status", "attempts"), [(404, 1), (403, 1), (429, 4), (503, 4)])
def test_only_what_may_pass_is_tried_again(server: Server, status: int, attempts: int) -> None:
    server.status = status
    with pytest.raises(OSError, match=r"model\.bin"):
        locate(server.url, SHA)
    assert len(server.asked) == attempts


def test_processes_that_fetch_at_once_fetch_once(server: Server) -> None:
    server.go.clear()  # the first answer waits until all processes are about to ask
    script = "import sys; from euro_curate.models import locate; print(flush=True); print(locate(*sys.argv[1:]))"
    command = [sys.executable, "-c", script, server.url, SHA]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    for process in processes:
        assert process.stdout is not None and process.stdout.readline() == "\n"
    server.go.set()
    assert {process.communicate(timeout=60)[0].strip() for process in processes} == {str(locate(server.url, SHA))}
    assert server.asked == [None] and cached() == {SHA}


def test_other_stores_are_read_through_the_same_cache(server: Server, tmp_path: Path) -> None:
    (tmp_path / "model.bin").write_bytes(BODY)
    put(f"{SHA}.part", BODY[:1000])
    assert locate(f"file://{tmp_path}/model.bin", SHA).read_bytes() == BODY
    assert cached() == {SHA}


def test_a_local_file_stays_where_it_is_even_if_it_is_the_wrong_one(tmp_path: Path) -> None:
    path = tmp_path / "model.bin"
    path.write_bytes(BODY)
    assert locate(str(path), SHA) == path
    with pytest.raises(ValueError, match=rf"{SHA}, expected {'1' * 64}"):
        locate(str(path), "1" * 64)
    assert path.exists()
    with pytest.raises(FileNotFoundError):
        locate(str(tmp_path / "none.bin"), SHA)


# --- names -------------------------------------------------------------------------------------------------------------------

GOOD = {"url": "https://e.example/m.bin", "sha256": SHA, "kind": "quality", "label": "__label__hq"}


def test_a_recipes_own_model_wins_over_a_bundled_one() -> None:
    assert entry("eu24-v2", "langid").place == "eu24-v2.bin"
    own = {"eu24-v2": {"file": "mine.bin", "sha256": SHA}, "hq": GOOD}
    assert entry("eu24-v2", "langid", own) == Model("eu24-v2", SHA, place=str(Path.cwd() / "mine.bin"))
    assert entry("hq", "quality", own) == Model("hq", SHA, "__label__hq", "quality", GOOD["url"])


@pytest.mark.parametrize(
    ("name", "kind", "own", "told"),
    [
        ("other", "langid", {}, r"langid\.model: .*'other'.*eu24-v2"),
        ("hq", "langid", {"hq": GOOD}, r"'hq'; there are: eu24-v2, "),
        ("eu24-v2", "quality", {}, r"quality\.models: .*there are: none"),
        ("eu24-v2", "quality", {"hq": GOOD}, r"there are: hq$"),
        ("hq", "quality", {"hq": GOOD | {"sha256": "../x"}}, r"models\.hq\.sha256"),
        ("hq", "quality", {"hq": GOOD | {"label": ""}}, r"models\.hq\.label"),
        ("hq", "quality", {"hq": GOOD | {"kind": "speed"}}, r"models\.hq\.kind: 'speed'.*langid, quality"),
        ("hq", "quality", {"hq": GOOD | {"file": "m.bin"}}, r"models\.hq: give either"),
        ("hq", "quality", {"hq": GOOD | {"url": ""}}, r"models\.hq: give either"),
        ("hq", "quality", {"hq": GOOD | {"url": "m.bin"}}, r"models\.hq: give either"),
        ("hq", "quality", {"hq": GOOD | {"url": "", "file": "s3://b/m.bin"}}, r"models\.hq: give either"),
        ("openlid-v2", "langid", {}, r"digest of 'openlid-v2' is not on record\. Download https://.*GPL-3.*sha256 ="),
        ("openlid-v2", "langid", {"openlid-v2": {"sha256": "x"}}, r"models\.openlid-v2\.sha256"),
    ],
)
def test_entries_that_make_no_sense_are_refused(name: str, kind: str, own: Any, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        entry(name, kind, own)


def test_a_digest_is_all_that_a_known_model_needs() -> None:
    found = entry("openlid-v2", "langid", {"openlid-v2": {"sha256": SHA, "url": ""}})
    assert found.sha256 == SHA and found.place.startswith("https://")
    assert (found.normalisation, found.label_map) == ("clean", "openlid")
    mine = entry("openlid-v2", "langid", {"openlid-v2": {"sha256": SHA, "file": "/m.bin"}})
    assert (mine.place, mine.label_map) == ("/m.bin", "openlid"), "one's own copy of it"


def test_every_shipped_entry_is_complete() -> None:
    shipped = tomllib.loads(bundled("langid_models", "models.toml").read_text())
    assert {"eu24-v2", "glotlid-v3", "openlid-v2", "openlid-v3", "lid176", "lid176-ftz"} <= set(shipped)
    for name, table in shipped.items():
        own = {} if "sha256" in table else {name: {"sha256": SHA}}
        found = entry(name, table.get("kind", "langid"), own)
        assert ("url" in table) != ("file" in table) and table["licence"] and found.normalisation in FORMS
        assert not found.label_map or label_map(found.label_map)
    with pytest.raises(ValueError, match=r"no 'klingon' in labels\.toml; there are: openlid, iso639-1"):
        label_map("klingon")


def test_label_maps_give_our_codes_each_once_and_reach_all_24() -> None:
    codes = [code for found in label_map("iso639-1").values() for code in found]
    assert all(re.fullmatch("[a-z]{3}_(Latn|Grek|Cyrl)", code) for code in codes)
    assert len(codes) == len(set(codes)) and set(languages()) <= set(codes)
    assert label_map("openlid") == {"est_Latn": ("ekk_Latn",), "lav_Latn": ("lvs_Latn",)}


def test_the_place_of_a_file_is_no_part_of_its_identity() -> None:
    assert params_of(entry("hq", "quality", {"hq": GOOD})) == {"name": "hq", "sha256": SHA, "label": "__label__hq"}
    here, there = LangId(place="/a/m.bin", sha256=SHA), LangId(place="s3://b/m.bin", sha256=SHA)
    assert params_of(here) == params_of(there) != params_of(LangId())
    assert "place" not in params_of(here)


def test_a_model_is_read_once_a_process() -> None:
    p = LangId()
    assert load(p.place, p.sha256) is load(p.place, p.sha256)
    with pytest.raises(ValueError, match=r"eu24-v2\.bin has sha256"):
        load(p.place, "2" * 64)
    with pytest.raises(ValueError, match="wrong file format"):
        path = bundled("langid_models", "models.toml")
        load(str(path), hashlib.sha256(path.read_bytes()).hexdigest())


@pytest.mark.parametrize("terminal", ["0", "1"])
def test_the_bar_is_for_terminals(
    terminal: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TTY_COMPATIBLE", terminal)
    with models._progress("https://e.example/m.bin") as show:
        show(10, 20)
    assert ("m.bin" in capsys.readouterr().err) == (terminal == "1")
