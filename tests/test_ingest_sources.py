"""ingest/sources.py: which files an input means, and names that do not depend on where they lie."""

import gzip
import os
from pathlib import Path

import crawls
import pytest
import xxhash
from conftest import tree
from unsteady import server

from euro_curate.ingest.sources import Source, digest, distinct, expand, looks_like_input


@pytest.fixture
def crawl(tmp_path: Path) -> Path:
    for name in (
        "2024/a.warc.gz",
        "2024/b.arc",
        "2025/a.warc.gz",
        "2025/deep/er/c.jsonl.zst",
        "notes.txt",
        "x.parquet",
    ):
        path = tmp_path / "crawl" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return tmp_path / "crawl"


def names(*inputs: str | Path) -> list[str]:
    return [source.name for source in expand([str(item) for item in inputs])]


def test_a_folder_means_its_crawl_files(crawl: Path) -> None:
    expected = ["2024/a.warc.gz", "2024/b.arc", "2025/a.warc.gz", "2025/deep/er/c.jsonl.zst", "x.parquet"]
    assert names(crawl) == names(f"{crawl}/") == names(f"file://{crawl}") == expected


def test_a_glob_is_taken_at_its_word(crawl: Path) -> None:
    assert names(crawl / "*") == ["notes.txt", "x.parquet"]
    assert names(crawl / "*" / "a.*") == ["2024/a.warc.gz", "2025/a.warc.gz"]
    assert names(crawl / "**" / "*.zst") == ["2025/deep/er/c.jsonl.zst"]
    assert names(crawl / "2024" / "?.arc") == ["b.arc"]
    assert names(crawl / "202[45]" / "b.arc") == ["2024/b.arc"]


def test_a_file_is_itself_whatever_its_name(crawl: Path) -> None:
    assert names(crawl / "notes.txt") == ["notes.txt"]
    (source,) = expand([str(crawl / "2024" / "b.arc")])
    assert source == Source("b.arc", str(crawl / "2024" / "b.arc"), 10, source.tag)
    assert source.tag == f"mtime:{os.stat(source.url).st_mtime_ns}"


def test_the_order_of_inputs_does_not_matter_and_repeats_are_one(crawl: Path) -> None:
    both = [str(crawl / "2024" / "b.arc"), str(crawl / "2024" / "*.gz")]
    assert expand(both) == expand(both[::-1]) == expand([*both, *both])


def test_one_name_for_two_files_is_refused(crawl: Path) -> None:
    with pytest.raises(ValueError, match=r"both named 'a\.warc\.gz'.*2024.*2025"):
        expand([str(crawl / "2024" / "a.warc.gz"), str(crawl / "2025" / "a.warc.gz")])


@pytest.mark.parametrize("missing", ["nowhere.warc", "*.nothing", "2024/*.zst"])
def test_an_input_without_files_is_refused(crawl: Path, missing: str) -> None:
    with pytest.raises(ValueError, match="matches no file"):
        expand([str(crawl), str(crawl / missing)])


def test_other_bad_inputs_are_refused() -> None:
    with pytest.raises(ValueError, match="no input"):
        expand([])
    with pytest.raises(ValueError, match="no-such-scheme"):
        expand(["no-such-scheme://x/y.warc"])


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("A.WARC.GZ", True),
        ("a.warc.wet.gz", True),
        ("a.warc.lz4", True),
        ("a.wacz", True),
        ("a.jsonl", True),
        ("a.warc.gz.part", False),
        ("a.csv", False),
        ("warc", False),
        ("a.gz", False),
    ],
)
def test_names_in_a_folder(name: str, meant: bool) -> None:
    assert looks_like_input(f"/crawl/{name}") is meant


def test_keys_are_file_names_that_differ(crawl: Path) -> None:
    made = [
        Source(name, "", 0, "").key for name in ("a/b.warc", "a_b.warc", "ä b.warc", "x" * 300, "y" * 300 + "x" * 120)
    ]
    assert len(set(made)) == 5
    assert all("/" not in key and " " not in key and len(key) < 200 for key in made)
    assert Source("a/b.warc", "/here/a/b.warc", 5, "t").key == Source("a/b.warc", "s3://there/a/b.warc", 6, "u").key


def test_identical_files_are_read_once(tmp_path: Path) -> None:
    for name, content in {
        "a": b"one",
        "b": b"two",
        "c": b"one",
        "d": b"longer",
        "e": b"",
        "f": b"",
        "g": b"one",
    }.items():
        (tmp_path / f"{name}.warc").write_bytes(content)
    sources = expand([str(tmp_path)])
    read, same = distinct(sources)
    assert [source.name[0] for source in read] == ["a", "b", "d", "e", "f"]
    assert same == {"c.warc": "a.warc", "g.warc": "a.warc"}
    assert digest(sources[0]) == xxhash.xxh3_128_hexdigest(b"one")


# --- lists of paths ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def prefix(tmp_path: Path) -> Path:
    """A folder like data.commoncrawl.org, with one crawl of six WARC and two WET files."""
    for kind, count in (("warc", 6), ("wet", 2)):
        lines = [f"crawl-data/CC-MAIN-2025-30/segments/1/{kind}/CC-MAIN-2025-{n:05d}.{kind}.gz" for n in range(count)]
        for line in lines:
            path = tmp_path / "cc" / line
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(gzip.compress(line.encode(), mtime=0))
        listed = gzip.compress("".join(f"{line}\n" for line in lines).encode(), mtime=0)
        (tmp_path / "cc" / "crawl-data" / "CC-MAIN-2025-30" / f"{kind}.paths.gz").write_bytes(listed)
    return tmp_path / "cc"


@pytest.mark.parametrize(
    ("asked", "kind", "numbers"),
    [
        ("cc://CC-MAIN-2025-30", "warc", range(6)),
        ("cc://CC-MAIN-2025-30/", "warc", range(6)),
        ("cc://CC-MAIN-2025-30/warc[0:2]", "warc", range(2)),
        ("cc://CC-MAIN-2025-30[4:]", "warc", range(4, 6)),
        ("cc://CC-MAIN-2025-30/wet", "wet", range(2)),
        ("cc://CC-MAIN-2025-30/wet[:1]", "wet", range(1)),
    ],
)
def test_a_crawl_is_its_list(prefix: Path, asked: str, kind: str, numbers: range) -> None:
    found = expand([asked], str(prefix))
    expected = [f"crawl-data/CC-MAIN-2025-30/segments/1/{kind}/CC-MAIN-2025-{n:05d}.{kind}.gz" for n in numbers]
    assert [source.name for source in found] == expected
    assert [source.url for source in found] == [str(prefix / name) for name in expected]
    assert all(source.size and source.tag.startswith("mtime:") for source in found)


def test_disk_and_web_name_listed_files_alike_and_only_the_list_is_fetched(prefix: Path) -> None:
    near = expand(["cc://CC-MAIN-2025-30"], str(prefix))
    with server(prefix, lambda n, method: None) as at:
        far = expand(["cc://CC-MAIN-2025-30"], f"{at.url}/")
        by_list = expand([f"{at.url}/crawl-data/CC-MAIN-2025-30/warc.paths.gz[0:3]"], at.url)
        assert {path for _, path, _, _ in at.requests} == {"/crawl-data/CC-MAIN-2025-30/warc.paths.gz"}
        assert digest(far[0]) == digest(near[0])
    assert [source.name for source in far] == [source.name for source in near]
    assert [source.key for source in far] == [source.key for source in near]
    assert {(source.size, source.tag) for source in far} == {(0, "listed")}
    assert by_list == far[:3]
    assert far[0].url == f"{at.url}/{far[0].name}"
    assert distinct(far) == (far, {}), "nothing is read to tell whether files of unknown size are equal"


def test_a_list_of_ones_own(prefix: Path, tmp_path: Path) -> None:
    """Plain text, blank lines, repeats, whole addresses."""
    line = "crawl-data/CC-MAIN-2025-30/segments/1/wet/CC-MAIN-2025-00000.wet.gz"
    own = tmp_path / "mine.paths"
    own.write_text(
        f"\n{line}\r\n  {line}\nhttps://else.example/x/y.warc.gz\n{prefix}/{line.replace('0.wet.gz', '1.wet.gz')}\n"
    )
    found = expand([str(own)], str(prefix))
    assert [source.name for source in found] == [line, line.replace("0.wet.gz", "1.wet.gz"), "x/y.warc.gz"]
    assert found[2] == Source("x/y.warc.gz", "https://else.example/x/y.warc.gz", 0, "listed")


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ("cc://CC-MAIN-2025-31", "no list of paths at"),
        ("cc://CC-MAIN-2025-30/wat", "kinds: warc, wet, robotstxt"),
        ("cc://CC-MAIN-2025-30/warc[1]", "expected cc://"),
        ("cc://", "expected cc://"),
        ("nowhere.paths.gz", "no list of paths at"),
        ("cc://CC-MAIN-2025-30[6:]", "matches no file"),
    ],
)
def test_a_list_that_cannot_be_had_is_refused(prefix: Path, asked: str, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        expand([asked], str(prefix))


def test_a_list_that_names_what_is_not_there_is_refused_on_a_disk(prefix: Path, tmp_path: Path) -> None:
    (tmp_path / "a.paths").write_text("crawl-data/none.warc.gz\n")
    with pytest.raises(ValueError, match=r"none\.warc\.gz"):
        expand([str(tmp_path / "a.paths")], str(prefix))
    (tmp_path / "b.paths.gz").write_bytes(gzip.compress(b"x\n" * 1000)[:-9])
    with pytest.raises(ValueError, match="EOFError"):
        expand([str(tmp_path / "b.paths.gz")], str(prefix))


def test_a_run_over_a_crawl_on_the_web_gives_the_bytes_of_the_disk(tmp_path: Path) -> None:
    folder = tmp_path / "cc" / "crawl-data" / "CC-MAIN-2025-30"
    crawl = crawls.split(crawls.pages(["fi"]), folder / "segments", 2)
    lines = [f"crawl-data/CC-MAIN-2025-30/segments/{path.name}\n" for path in sorted(crawl.glob("*"))]
    (folder / "warc.paths.gz").write_bytes(gzip.compress("".join([*lines, "crawl-data/gone.warc.gz\n"]).encode()))
    near = crawls.run([tmp_path / "cc" / "crawl-data" / "CC-MAIN-2025-30" / "segments" / "*"], tmp_path / "plain")
    with server(tmp_path / "cc", lambda n, method: None) as at:
        settings = {"run": {"crawl_prefix": f"{at.url}/"}}
        far = crawls.run(["cc://CC-MAIN-2025-30"], tmp_path / "far", settings)  # type: ignore[list-item]
    (folder / "warc.paths.gz").write_bytes(gzip.compress("".join(lines).encode()))
    disk = crawls.run(["cc://CC-MAIN-2025-30"], tmp_path / "disk", {"run": {"crawl_prefix": str(tmp_path / "cc")}})  # type: ignore[list-item]
    data = {
        name: tree(tmp_path / name / "dataset" / "data") for name in ("far", "disk")
    }  # the card counts the missing file
    assert data["far"] == data["disk"] and data["far"]
    read_there = [entry for entry in far["inputs"] if entry["format"] != "unreadable"]
    assert [entry["size"] for entry in read_there] == [entry["size"] for entry in disk["inputs"]], (
        "known once it is read"
    )
    assert [entry["digest"] for entry in read_there] == [entry["digest"] for entry in near["inputs"]]
    (gone,) = (entry for entry in far["inputs"] if entry["format"] == "unreadable")
    assert gone["name"] == "crawl-data/gone.warc.gz" and "FileNotFoundError" in gone["errors"][0]
