"""shards.py: parts are published whole, once, and carry their own receipt."""

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
import xxhash

from euro_curate import shards
from euro_curate.schema import DATASET
from euro_curate.shards import Part, Shards, StorageRefused, find_part, put_if_absent, read_part, read_range, write_part

TABLE = pa.table(
    {
        "id": [f"{i:04d}" for i in range(20_000)],
        "language": ["bul_Cyrl"] * 9000 + ["mlt_Latn"] * 11_000,
        "n": list(range(20_000)),
    }
)
RECIPE = {"stage": "x", "version": 1, "params": {"b": [1, None], "a": "ü"}}


@pytest.mark.parametrize("racers", [8])
def test_the_first_of_racing_writers_wins_and_leaves_no_scraps(tmp_path: Path, racers: int) -> None:
    path, start = tmp_path / "deep" / "part", threading.Barrier(racers)
    won: list[int] = []

    def race(i: int) -> None:
        start.wait()
        if put_if_absent(str(path), bytes([i]) * 100_000):
            won.append(i)

    threads = [threading.Thread(target=race, args=(i,)) for i in range(racers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1
    assert path.read_bytes() == bytes(won) * 100_000
    assert os.listdir(path.parent) == ["part"]


def test_replace_overwrites_and_remove_forgives(tmp_path: Path) -> None:
    path = str(tmp_path / "a" / "run.json")
    assert shards.read_bytes(path) is None
    shards.replace(path, b"1")
    shards.replace(path, b"22")
    assert shards.read_bytes(path) == b"22"
    assert shards.list_files(str(tmp_path)) == [path]
    shards.remove(path)
    shards.remove(path)
    assert shards.list_files(str(tmp_path)) == shards.list_files(str(tmp_path / "none")) == []


def test_a_part_comes_back_as_it_was_written(tmp_path: Path) -> None:
    path = str(tmp_path / "p-1.parquet")
    made = write_part(path, TABLE, RECIPE, "source", {"records": 3})
    assert (made.key, made.rows, made.bytes, made.notes) == ("p-1", 20_000, os.path.getsize(path), {"records": 3})
    assert find_part(path, RECIPE) == made
    assert read_part(made).equals(TABLE)
    some = read_part(made, columns=("n",), where=pc.field("language") == "mlt_Latn")
    assert some["n"].to_pylist() == list(range(9000, 20_000))


def test_the_same_table_gives_the_same_bytes(tmp_path: Path) -> None:
    one, other = (tmp_path / name / "p.parquet" for name in "ab")
    write_part(str(one), TABLE, RECIPE, "s", {})
    chunked = pa.concat_tables([TABLE.slice(0, 7), TABLE.slice(7)])  # the same rows, in other chunks
    write_part(str(other), chunked, RECIPE, "s", {})
    assert one.read_bytes() == other.read_bytes()


def test_pieces_of_row_groups_give_the_same_bytes_as_the_whole(tmp_path: Path) -> None:
    one, other = (tmp_path / name / "p.parquet" for name in "ab")
    write_part(str(one), TABLE, RECIPE, "s", {})
    pieces = (TABLE.slice(start, shards.ROW_GROUP) for start in range(0, len(TABLE), shards.ROW_GROUP))
    part = write_part(str(other), pieces, RECIPE, "s", {})
    assert one.read_bytes() == other.read_bytes() and part.rows == len(TABLE)


def test_the_digest_is_of_the_content_not_of_the_recipe(tmp_path: Path) -> None:
    def digest(name: str, table: pa.Table, version: int) -> str:
        return write_part(str(tmp_path / name), table, RECIPE | {"version": version}, name, {"n": name}).digest

    assert digest("a", TABLE, 1) == digest("b", TABLE, 2)
    assert digest("c", TABLE.slice(1), 1) != digest("d", TABLE, 1)


def test_a_second_writer_gets_the_part_that_is_there(tmp_path: Path) -> None:
    path = tmp_path / "p.parquet"
    first = write_part(str(path), TABLE, RECIPE, "s", {"attempt": 1})
    before = path.read_bytes()
    assert write_part(str(path), TABLE, RECIPE, "s", {"attempt": 2}) == first
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("error", "told"),
    [(PermissionError("Access Denied"), StorageRefused), (OSError("Forbidden: b/o\nno right"), StorageRefused), (OSError("cut off"), OSError)],
)  # fmt: skip
def test_storage_that_refuses_is_told_apart(
    error: OSError, told: type[OSError], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """s3fs raises PermissionError; gcsfs an OSError that says so."""

    def fail(path: str, data: bytes) -> bool:
        raise error

    monkeypatch.setattr(shards, "put_if_absent", fail)
    with pytest.raises(OSError) as raised:
        write_part(str(tmp_path / "a.parquet"), TABLE, RECIPE, "", {})
    assert type(raised.value) is told


def test_nothing_of_what_a_table_was_read_from_is_written(tmp_path: Path) -> None:
    paths = [tmp_path / name / "a.parquet" for name in "12"]
    for path, table in zip(
        paths, (TABLE, TABLE.replace_schema_metadata({"euro_curate.receipt": "another's"})), strict=True
    ):
        write_part(str(path), table, RECIPE, "", {})
    assert paths[0].read_bytes() == paths[1].read_bytes()


def test_another_recipe_at_the_same_path_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "p.parquet"
    write_part(str(path), TABLE, RECIPE, "s", {})
    before = path.read_bytes()
    with pytest.raises(FileExistsError, match="made by another recipe"):
        write_part(str(path), TABLE, RECIPE | {"version": 2}, "s", {})
    assert path.read_bytes() == before
    assert find_part(str(path), RECIPE | {"version": 2}) is None


@pytest.mark.parametrize("damage", ["missing", "empty", "cut", "foreign", "text"])
def test_what_is_no_whole_part_is_not_found(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "p.parquet"
    write_part(str(path), TABLE, RECIPE, "s", {})
    whole = path.read_bytes()
    path.unlink()
    if damage == "foreign":
        pq.write_table(TABLE, path)
    elif damage != "missing":
        path.write_bytes({"empty": b"", "cut": whole[: len(whole) // 2], "text": b"PAR1 or so " * 9}[damage])
    assert find_part(str(path), RECIPE) is None


def test_empty_tables_make_parts_with_their_schema(tmp_path: Path) -> None:
    part = write_part(str(tmp_path / "p.parquet"), DATASET.empty_table(), RECIPE, "", {})
    assert part.rows == 0
    assert read_part(part).schema == DATASET


def test_row_groups_pages_and_compression_are_what_trainers_need(tmp_path: Path) -> None:
    n = 2500
    table = pa.table(
        [pa.array(["x"] * n if f.type == pa.string() else [1] * n, f.type) for f in DATASET], schema=DATASET
    )
    part = write_part(str(tmp_path / "p.parquet"), table, RECIPE, "", {})
    metadata = pq.read_metadata(part.path)
    assert [metadata.row_group(i).num_rows for i in range(metadata.num_row_groups)] == [1000, 1000, 500]
    text = metadata.row_group(0).column(0)
    assert text.compression == "ZSTD"
    assert text.has_offset_index


def test_shards_are_found_by_key() -> None:
    parts = tuple(Part(key, f"/{key}", "d", rows, 0) for key, rows in (("a", 1), ("b", 2), ("c", 4)))
    table = Shards(parts)
    assert (table.keys, table.rows, table["b"]) == (("a", "b", "c"), 7, parts[1])
    assert table.only(["c", "a", "zz"]).keys == ("a", "c")
    with pytest.raises(KeyError):
        table["zz"]


def test_a_missing_protocol_names_the_extra_to_install() -> None:
    with pytest.raises((ImportError, ValueError), match="nosuch"):
        shards.filesystem("nosuch://bucket/key")


# --- S3 ----------------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def bucket() -> Iterator[str]:
    """A bucket of an S3 server on loopback."""
    import s3fs

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    url = f"http://127.0.0.1:{port}"
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    assert server.stderr is not None
    seen: list[str] = []
    for line in server.stderr:  # it names its address once it listens
        seen.append(line)
        if url in line:
            break
    assert server.poll() is None, "".join(seen)
    drain = threading.Thread(target=server.stderr.read, daemon=True)
    drain.start()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {
            "AWS_ACCESS_KEY_ID": "x",
            "AWS_SECRET_ACCESS_KEY": "x",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": url,
        }.items():
            patch.setenv(name, value)
        s3fs.S3FileSystem.clear_instance_cache()
        s3fs.S3FileSystem().mkdir("crawl")
        yield "s3://crawl"
        s3fs.S3FileSystem.clear_instance_cache()
    server.terminate()
    server.wait(10)


def test_s3_first_put_wins(bucket: str) -> None:
    path = f"{bucket}/a/b.bin"
    assert put_if_absent(path, b"first")
    assert not put_if_absent(path, b"second")
    assert shards.read_bytes(path) == b"first"
    shards.replace(path, b"third")
    assert shards.read_bytes(path) == b"third"
    assert shards.list_files(f"{bucket}/a") == [path]
    shards.remove(path)
    assert shards.read_bytes(path) is None


def test_s3_racing_writers_have_one_winner(bucket: str) -> None:
    won: list[int] = []

    def race(i: int) -> None:
        if put_if_absent(f"{bucket}/race", b"%d" % i):
            won.append(i)

    threads = [threading.Thread(target=race, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1
    assert shards.read_bytes(f"{bucket}/race") == b"%d" % won[0]


def test_s3_holds_the_same_bytes_as_a_disk(bucket: str, tmp_path: Path) -> None:
    far = write_part(f"{bucket}/w/p.parquet", TABLE, RECIPE, "s", {})
    near = write_part(str(tmp_path / "p.parquet"), TABLE, RECIPE, "s", {})
    data = shards.read_bytes(far.path)
    assert data is not None
    assert xxhash.xxh3_64(data).digest() == xxhash.xxh3_64(Path(near.path).read_bytes()).digest()
    assert find_part(far.path, RECIPE) == far
    assert read_part(far, columns=["n"], where=pc.field("language") == "mlt_Latn").num_rows == 11_000
    assert find_part(f"{bucket}/w/none.parquet", RECIPE) is None


@pytest.mark.parametrize("rows", [0, 1, 3000])
def test_a_range_of_a_sorted_part_is_what_a_filter_finds(tmp_path: Path, rows: int) -> None:
    rng = np.random.default_rng(3)
    order = rng.integers(0, 1 << 64, rows, np.uint64, endpoint=False)
    folders = rng.choice(["a/test", "a/train", "b/train"], rows, p=[0.02, 0.9, 0.08])
    columns = {"text": [f"t{i}" for i in range(rows)], "order": order, "folder": folders}
    table = pa.table(
        columns, schema=pa.schema([("text", pa.large_string()), ("order", pa.uint64()), ("folder", pa.string())])
    )
    table = table.sort_by([("folder", "ascending"), ("order", "ascending")])
    part = write_part(str(tmp_path / "p.parquet"), table, RECIPE, "", {})
    cuts = [0, 1, *(int(x) for x in sorted(rng.choice(order, 3))), (1 << 64) - 1] if rows else [0, 5]
    for folder in ("a/test", "a/train", "b/train", "a/none", "z"):
        for low in cuts:
            for high in (*cuts, None):
                wanted = (pc.field("folder") == folder) & (pc.field("order") >= pa.scalar(low, pa.uint64()))
                wanted &= pc.field("order") < pa.scalar(high, pa.uint64()) if high is not None else pc.scalar(True)
                expected = table.filter(wanted)
                assert read_range(part, None, ("folder", folder), ("order", low, high)).equals(expected)
                some = read_range(part, ["text"], ("folder", folder), ("order", low, high))
                assert some.equals(expected.select(["text"]))
