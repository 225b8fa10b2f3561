"""ingest/sources.py: which files an input means, and names that do not depend on where they lie."""

import os
from pathlib import Path

import pytest
import xxhash

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
