"""export/: each format byte by byte against its specification, and read back by its consumers' own readers where they need no torch.

`make trainers` reads the same files with mosaicml-streaming, datatrove's loaders and a Megatron index reader, and trains on them.
"""

import hashlib
import io
import json
import struct
from collections import Counter
from pathlib import Path
from typing import Any

import benchmarks
import crawls
import fsspec
import numpy as np
import polars as pl
import pytest
import zstandard
from click.testing import CliRunner
from conftest import tree
from tokenizers import Tokenizer

from euro_curate.cli import main
from euro_curate.export import CannotExport, export
from euro_curate.export.mds import write_mds
from euro_curate.export.tokens import end_token, token_bytes
from euro_curate.recipe import local_tokenizer

SETTINGS: dict[str, dict[str, Any]] = {
    "balance": {"strategy": "unimax", "budget": 9000},
    "publish": {"validation": 0.2, "shard_bytes": 6000},
}


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run whose plan shows small languages more than once."""
    folder = tmp_path_factory.mktemp("export")
    crawls.run([crawls.split(crawls.pages(["it", "mt", "el"]), folder / "in", 2)], folder / "out", SETTINGS)
    assert crawls.dataset(folder / "out")["repeats"].max() > 1
    return folder / "out"


def tokenizer() -> Tokenizer:
    return Tokenizer.from_file(benchmarks.tokenizer())


def shards(output: Path) -> dict[tuple[str, str, str], list[dict[str, Any]]]:
    """(language, split, name) -> rows of a shard."""
    found = sorted((output / "dataset/data").rglob("*.parquet"))
    return {(p.parts[-3], p.parts[-2], p.stem): pl.read_parquet(p).to_dicts() for p in found}


def shown(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows as the plan shows them: all once, then those that come again, and so on."""
    most = max(row["repeats"] for row in rows)
    return [row for number in range(1, most + 1) for row in rows if row["repeats"] >= number]


# --- jsonl-zst ---------------------------------------------------------------------------------------------------------------


def lines(path: Path) -> list[dict[str, Any]]:
    with path.open("rb") as raw:
        text = io.TextIOWrapper(zstandard.ZstdDecompressor().stream_reader(raw), encoding="ascii")
        return [json.loads(line) for line in text.read().split("\n")[:-1]]


def test_jsonl_is_openeurollms_layout(output: Path, tmp_path: Path) -> None:
    made = export(str(output), "jsonl-zst", str(tmp_path / "x"))
    top = {"train": "release", "validation": "validation"}
    held = 0
    for (language, split, name), rows in shards(output).items():
        found = lines(tmp_path / "x" / top[split] / language / f"{name}.jsonl.zst")
        assert [list(row)[:2] for row in found] == [["id", "text"]] * len(found)
        expected = [{k: v for k, v in row.items() if v is not None and k != "repeats"} for row in shown(rows)]
        assert found == expected
        held += split != "train"
    assert held and made["documents"] == sum(len(shown(rows)) for rows in shards(output).values())
    assert json.loads((tmp_path / "x/export.json").read_text())["files"] == made["files"]


def test_counts_and_md5_are_those_of_the_files(output: Path, tmp_path: Path) -> None:
    own = local_tokenizer(benchmarks.tokenizer())
    export(str(output), "jsonl-zst", str(tmp_path), own)
    for code in ("ita_Latn", "mlt_Latn", "ell_Grek"):
        files = sorted((tmp_path / "release" / code).iterdir())
        rows = [row for path in files for row in lines(path)]
        counts = json.loads((tmp_path / f"counts/{code}/release.json").read_text())
        assert counts == {
            "files": len(files),
            "bytes": sum(path.stat().st_size for path in files),
            "documents": len(rows),
            "segments": sum(len([line for line in row["text"].splitlines() if line.strip()]) for row in rows),
            "tokens": sum(len(tokenizer().encode(row["text"]).ids) for row in rows),
            "characters": sum(len(row["text"]) for row in rows),
            "errors": 0,
            "tokenizer": own.sha256,
            "keys": counts["keys"],
        }
        every = Counter(key for row in rows for key in row)
        assert counts["keys"]["required"] == sorted(key for key, n in every.items() if n == len(rows))
        assert {"id", "text"} <= set(counts["keys"]["required"])
        sums = dict(line.split("  ")[::-1] for line in (tmp_path / f"md5/{code}/release.md5").read_text().splitlines())
        assert sums == {f"release/{code}/{path.name}": hashlib.md5(path.read_bytes()).hexdigest() for path in files}


def test_datasets_reads_the_jsonl(output: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import datasets

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    export(str(output), "jsonl-zst", str(tmp_path / "x"))
    files = str(tmp_path / "x/release/ell_Grek/*.jsonl.zst")
    expected = [
        row
        for (code, split, _), rows in shards(output).items()
        if (code, split) == ("ell_Grek", "train")
        for row in shown(rows)
    ]
    streamed = list(datasets.load_dataset("json", data_files=files, split="train", streaming=True))
    assert [(row["id"], row["text"]) for row in streamed] == [(row["id"], row["text"]) for row in expected]


def test_once_leaves_repeats_to_the_trainer(output: Path, tmp_path: Path) -> None:
    made = export(str(output), "jsonl-zst", str(tmp_path), once=True)
    rows = [row for path in sorted(tmp_path.rglob("*.jsonl.zst")) for row in lines(path)]
    assert made["documents"] == len(rows) == len(crawls.dataset(output))
    assert max(row["repeats"] for row in rows) > 1


# --- token files -------------------------------------------------------------------------------------------------------------


def test_megatron_files_are_as_megatron_core_defines_them(output: Path, tmp_path: Path) -> None:
    """indexed_dataset.py of Megatron-LM: magic, version, kind of number, counts, then lengths, pointers and document bounds."""
    made = export(str(output), "megatron", str(tmp_path), local_tokenizer(benchmarks.tokenizer()))
    end = tokenizer().token_to_id("<|endoftext|>")
    total = 0
    for (language, split, name), rows in shards(output).items():
        stem = tmp_path / language / split / f"{name}_text_document"
        ids = [[*tokenizer().encode(row["text"]).ids, end] for row in shown(rows)]
        flat = [token for one in ids for token in one]
        sizes = [len(one) for one in ids]
        assert stem.with_suffix(".bin").read_bytes() == struct.pack(f"<{len(flat)}H", *flat)
        n = len(ids)
        expected = b"MMIDIDX\x00\x00" + struct.pack("<QBQQ", 1, 8, n, n + 1) + struct.pack(f"<{n}i", *sizes)
        expected += struct.pack(f"<{n}q", *(2 * sum(sizes[:i]) for i in range(n)))
        expected += struct.pack(f"<{n + 1}q", *range(n + 1))
        assert stem.with_suffix(".idx").read_bytes() == expected
        total += len(flat)
    assert sum(part["tokens"] for part in made["parts"]) == total
    told = [line.split() for line in (tmp_path / "data-path.txt").read_text().splitlines()]
    assert all((tmp_path / f"{stem}.bin").stat().st_size == 2 * int(tokens) for tokens, stem in told)
    assert {stem.split("/")[1] for _, stem in told} == {"train"}


def test_nanotron_files_are_tokens_ends_and_metadata(output: Path, tmp_path: Path) -> None:
    own = local_tokenizer(benchmarks.tokenizer())
    export(str(output), "nanotron", str(tmp_path), own)
    end = tokenizer().token_to_id("<|endoftext|>")
    for (language, split, name), rows in shards(output).items():
        path = tmp_path / language / split / f"{name}.ds"
        ids = [[*tokenizer().encode(row["text"]).ids, end] for row in shown(rows)]
        flat = [token for one in ids for token in one]
        assert path.read_bytes() == struct.pack(f"<{len(flat)}H", *flat)
        ends = np.cumsum([len(one) for one in ids]).tolist()
        assert Path(f"{path}.index").read_bytes() == struct.pack(f"<{len(ends)}Q", *ends)
        kind, count, _ = Path(f"{path}.metadata").read_text().split("\n")
        assert (kind, count) == (f"sha256:{own.sha256}|2", str(len(flat)))


def test_no_end_is_written_where_none_is_wanted(output: Path, tmp_path: Path) -> None:
    own = local_tokenizer(benchmarks.tokenizer())
    parts = [
        export(str(output), "nanotron", str(tmp_path / eos), own, eos)["parts"] for eos in ("none", "<|endoftext|>")
    ]
    assert [b["tokens"] - a["tokens"] for a, b in zip(*parts, strict=True)] == [a["documents"] for a in parts[0]]


def test_ids_beyond_sixteen_bits_take_four_bytes(tmp_path: Path) -> None:
    from tokenizers import AddedToken, models

    large = Tokenizer(models.WordLevel({f"w{i}": i for i in range(70_000)}, unk_token="w0"))  # noqa: S106
    small = Tokenizer(models.WordLevel({f"w{i}": i for i in range(1 << 16)}, unk_token="w0"))  # noqa: S106
    assert (token_bytes(large), token_bytes(small)) == (4, 2)
    small.add_special_tokens([AddedToken("</s>")])
    assert token_bytes(small) == 4 and end_token(small) == 1 << 16


def test_which_token_ends_a_document_is_never_guessed() -> None:
    from tokenizers import models

    def of(*words: str) -> Tokenizer:
        return Tokenizer(models.WordLevel({word: i for i, word in enumerate(words)}, unk_token=words[0]))

    assert end_token(of("a", "</s>")) == 1 and end_token(of("a", "b"), "b") == 1 and end_token(of("a"), "none") is None
    for given, words, told in (
        ("", ("a", "b"), "none of the usual"),
        ("", ("</s>", "<eos>"), "</s> and <eos>"),
        ("x", ("a",), "'x'"),
    ):
        with pytest.raises(ValueError, match=told):
            end_token(of(*words), given)


# --- mosaic ------------------------------------------------------------------------------------------------------------------


def samples(folder: Path) -> list[dict[str, str]]:
    """MDS, read by its specification: count, offsets, header; each sample is the sizes of its columns, then their bytes."""
    index = json.loads((folder / "index.json").read_text())
    assert set(index) == {"shards", "version"} and index["version"] == 2
    out = []
    for number, shard in enumerate(index["shards"]):
        packed = (folder / shard["zip_data"]["basename"]).read_bytes()
        raw = zstandard.ZstdDecompressor().decompress(packed)
        for told, data in ((shard["zip_data"], packed), (shard["raw_data"], raw)):
            assert (told["bytes"], told["hashes"]["sha1"]) == (len(data), hashlib.sha1(data).hexdigest())
        assert shard["raw_data"]["basename"] == f"shard.{number:05d}.mds"
        (count,) = struct.unpack_from("<I", raw)
        offsets = struct.unpack_from(f"<{count + 1}I", raw, 4)
        assert count == shard["samples"] and offsets[-1] == len(raw)
        header = json.loads(raw[4 * (count + 2) : offsets[0]])
        keys = "column_encodings column_names column_sizes compression format hashes size_limit version"
        assert header == {key: shard[key] for key in keys.split()}
        for low, high in zip(offsets, offsets[1:], strict=False):
            first, second = struct.unpack_from("<II", raw, low)
            assert low + 8 + first + second == high
            out.append({"id": raw[low + 8 : low + 8 + first].decode(), "text": raw[high - second : high].decode()})
    return out


def test_mds_folders_hold_every_page_of_their_language_and_split(output: Path, tmp_path: Path) -> None:
    export(str(output), "mosaic", str(tmp_path))
    expected: dict[tuple[str, str], list[dict[str, str]]] = {}
    for (language, split, _), rows in shards(output).items():
        expected.setdefault((language, split), []).extend({"id": r["id"], "text": r["text"]} for r in shown(rows))
    assert {key: samples(tmp_path / key[0] / key[1]) for key in expected} == expected


def test_mds_shards_keep_to_their_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("euro_curate.export.mds.SIZE_LIMIT", 2000)
    pages = [{"id": str(i), "text": "ħ" * (37 * i % 700)} for i in range(40)] + [{"id": "x", "text": "y" * 5000}]
    assert write_mds(pages, tmp_path) == {"documents": 41}
    assert samples(tmp_path) == pages
    sizes = [s["raw_data"]["bytes"] for s in json.loads((tmp_path / "index.json").read_text())["shards"]]
    assert len(sizes) > 5 and max(sizes[:-1]) <= 2000 < sizes[-1], "one page alone may be larger"
    (tmp_path / "none").mkdir()
    assert write_mds([], tmp_path / "none") == {"documents": 0} and samples(tmp_path / "none") == []


# --- all ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("to", ["jsonl-zst", "megatron", "nanotron", "mosaic"])
def test_workers_and_places_do_not_change_a_byte(output: Path, tmp_path: Path, to: str) -> None:
    own = local_tokenizer(benchmarks.tokenizer())
    export(str(output), to, str(tmp_path / "one"), own)
    export(str(output), to, str(tmp_path / "two"), own, workers=2)
    assert tree(tmp_path / "one") == tree(tmp_path / "two") and tree(tmp_path / "one")
    memory = fsspec.filesystem("memory")
    export(str(output), to, f"memory://{tmp_path.name}-{to}", own)
    found = {
        path.split(f"{tmp_path.name}-{to}/")[1]: memory.cat_file(path) for path in memory.find(f"/{tmp_path.name}-{to}")
    }
    assert found == tree(tmp_path / "one")
    memory.rm(f"/{tmp_path.name}-{to}", recursive=True)


def test_what_cannot_be_exported_is_refused(output: Path, tmp_path: Path) -> None:
    with pytest.raises(CannotExport, match=r"run\.json is missing"):
        export(str(tmp_path), "jsonl-zst")
    with pytest.raises(CannotExport, match="--tokenizer"):
        export(str(output), "megatron", str(tmp_path / "x"))
    (tmp_path / "full").mkdir()
    (tmp_path / "full/file").touch()
    with pytest.raises(CannotExport, match="not empty"):
        export(str(output), "jsonl-zst", str(tmp_path / "full"))
    assert [path.name for path in tmp_path.iterdir()] == ["full"], "nothing was written"


def test_the_command_exports_and_refuses_in_one_line(output: Path, tmp_path: Path) -> None:
    command = ["export", str(output), "--to", "mosaic", "--dest", str(tmp_path / "x")]
    done = CliRunner().invoke(main, command)
    assert done.exit_code == 0 and str(tmp_path / "x") in done.output and " documents, " in done.output
    again = CliRunner().invoke(main, command)
    assert again.exit_code == 2 and "not empty" in again.output
    missing = CliRunner().invoke(main, [*command[:3], "nanotron", "--tokenizer", str(tmp_path / "none.json")])
    assert missing.exit_code == 2 and "no file" in missing.output
    (tmp_path / "bad.json").write_text("{}")
    bad = CliRunner().invoke(main, [*command[:3], "nanotron", "--tokenizer", str(tmp_path / "bad.json")])
    assert bad.exit_code == 2 and "no tokenizer.json" in bad.output
