"""A run on the sample crawl and its exports, for the loaders of `make trainers`: python make_exports.py FOLDER"""

import subprocess
import sys
from pathlib import Path


def main(folder: Path) -> None:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    def command(*words: str) -> None:
        subprocess.run([sys.executable, "-m", "euro_curate.cli", *words], check=True)

    small = ["--set", "publish.shard_bytes=20000", "--set", "balance.budget=60000", "--set", "publish.validation=0.2"]
    command("run", "demo", "--output", str(folder), "--engine", "serial", "--quiet", "--languages", "de,bg,mt", *small)
    pages = sorted((Path(__file__).parents[2] / "pipelines/sample/pages").rglob("*.html"))
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=1000,
        special_tokens=["<|endoftext|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    made.train([str(page) for page in pages], trainer)
    made.save(str(folder / "tokenizer.json"))
    for to in ("jsonl-zst", "megatron", "nanotron", "mosaic"):
        command("export", str(folder), "--to", to, "--tokenizer", str(folder / "tokenizer.json"))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
