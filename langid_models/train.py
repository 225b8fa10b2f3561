"""Train the language identifier: labelled sentences in, one fastText model out.

usage: python langid_models/train.py DATA_DIR... [--out FILE] [--seed 1] [--holdout-sources a,b]

DATA_DIR holds one `<language>.tsv.gz` per label (iso639_3, text, genre, source). The same data, seed and
fastText build give the same bytes: fastText trains in one thread, because several threads race on the weights
and never give the same model twice.
"""

import argparse
import ctypes
import gzip
import hashlib
import random
import re
import sys
import tempfile
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import fasttext

from euro_curate.langid import normalise
from euro_curate.languages import languages

EU24 = (
    "bul_Cyrl",
    "hrv_Latn",
    "ces_Latn",
    "dan_Latn",
    "nld_Latn",
    "eng_Latn",
    "ekk_Latn",
    "fin_Latn",
    "fra_Latn",
    "deu_Latn",
    "ell_Grek",
    "hun_Latn",
    "gle_Latn",
    "ita_Latn",
    "lvs_Latn",
    "lit_Latn",
    "mlt_Latn",
    "pol_Latn",
    "por_Latn",
    "ron_Latn",
    "slk_Latn",
    "slv_Latn",
    "spa_Latn",
    "swe_Latn",
)
FINEWEB_CODE = {"est": "ekk", "lav": "lvs", "sqi": "als"}  # FineWeb-2 names languages, not macrolanguages
CYRILLIC = {"bel", "bul", "mkd", "rus", "ukr"}
SCRIPTS = {
    "Latn": re.compile(r"[A-Za-zªºÀ-ÖØ-öø-ɏḀ-ỿ]"),
    "Grek": re.compile(r"[Ͱ-Ͽἀ-῿]"),
    "Cyrl": re.compile(r"[Ѐ-ӿ]"),
}
ENGLISH = {
    "the",
    "of",
    "and",
    "is",
    "are",
    "was",
    "were",
    "this",
    "that",
    "with",
    "from",
    "which",
    "you",
    "your",
    "not",
    "cannot",
    "be",
    "been",
    "has",
    "have",
    "for",
    "it",
}
KIN = frozenset(label for language in languages().values() for label in language.confusable)
DOMAINS = ("com", "org", "net", "eu", "info")
M_PERTURB = -6  # glibc's malloc.h


@dataclass(frozen=True, slots=True)
class Settings:
    """All that shapes the model besides the data; chosen on lid_dev and held-out sources, see README.md."""

    per_language: int = 30_000  # training units of an EU language, and at most of one that is easily taken for it
    others: int = 12_000  # at most of any other: enough to catch it
    floor: int = 2_000  # units of the smallest languages, by repetition ...
    repeats: int = 4  # ... but no line more often than this
    min_letters: int = 8  # shorter lines ("OK", "Menu") belong to no language in particular
    truncated: float = 0.50  # share of units cut to 2-6 words: short text is the hard part ...
    joined: float = 0.10  # 2-6 lines of one source: as long as sentences of news and fiction
    upper: float = 0.03  # share in capitals (ß becomes ss, Greek loses its accents)
    stripped: float = 0.03  # share without diacritics
    noisy: float = 0.03  # share with a web address in it
    minn: int = 2
    maxn: int = 5
    dim: int = 32  # 32 beat 16 and 24 at the same size, 48 was slower and no better
    bucket: int = 143_000  # n-gram rows; rows * dim * 4 bytes is the file: under 20 MB
    min_count: int = 200  # keeps some 6,000 whole words
    epoch: int = 8
    lr: float = 0.8


@dataclass(frozen=True, slots=True)
class Line:
    text: str
    source: str


def label_of(name: str) -> str:
    """File name stem (`est`, `srp_Cyrl`) -> FineWeb-2 label (`ekk_Latn`, `srp_Cyrl`)."""
    code, _, script = name.partition("_")
    script = script or ("Cyrl" if code in CYRILLIC else "Grek" if code == "ell" else "Latn")
    return f"{FINEWEB_CODE.get(code, code)}_{script}"


def read(data_dirs: list[Path], holdout: frozenset[str]) -> dict[str, list[Line]]:
    """Label -> its lines in file order, without held-out sources. FileNotFoundError on an empty folder."""
    lines: defaultdict[str, list[Line]] = defaultdict(list)
    for file in (file for folder in data_dirs for file in files_of(folder)):
        with gzip.open(file, "rt", encoding="utf-8", newline="\n") as rows:
            cells = (row.rstrip("\n").split("\t") for row in rows)
            label = label_of(file.name.removesuffix(".tsv.gz"))
            lines[label] += [Line(c[1], c[3]) for c in cells if len(c) == 4 and c[3] not in holdout]
    return lines


def files_of(folder: Path) -> list[Path]:
    """The TSVs of a folder, in order."""
    if not (files := sorted(folder.glob("*.tsv.gz"))):
        raise FileNotFoundError(f"no *.tsv.gz in {folder}")
    return files


def is_usable(text: str, label: str, min_letters: int) -> bool:
    """Whether a line is long enough, mostly text, in the label's script, and not English by mistake."""
    letters = sum(map(str.isalpha, text))
    if letters < max(min_letters, 0.6 * len(text.replace(" ", ""))):
        return False
    language, _, script = label.partition("_")
    if len(SCRIPTS[script].findall(text)) < 0.7 * letters:
        return False
    words = normalise(text).split(" ")
    if len(words) < 2:
        return False
    # Untranslated messages. Scots really has these words.
    english = sum(word in ENGLISH for word in words)
    return language in {"eng", "sco"} or english < max(2, 0.2 * len(words))


def clean(lines: dict[str, list[Line]], min_letters: int) -> dict[str, list[Line]]:
    """The usable lines, each once per label. Except from English, lines are dropped that the English set has
    too (untranslated) or that stand under more than 3 labels (names, formulas)."""
    kept: dict[str, dict[str, Line]] = {}
    for label, rows in lines.items():
        unique: dict[str, Line] = {}
        for row in rows:
            if is_usable(row.text, label, min_letters):
                unique.setdefault(normalise(row.text), row)
        kept[label] = unique
    labels = Counter(key for unique in kept.values() for key in unique)
    shared = kept.get("eng_Latn", {}).keys() | {key for key, count in labels.items() if count > 3}
    return {
        label: [row for key, row in unique.items() if label == "eng_Latn" or key not in shared]
        for label, unique in kept.items()
    }


_SERBIAN = dict(zip("абвгдђежзијклмнопрстћуфхцчш", "abvgdđežzijklmnoprstćufhcčš", strict=True))
_SERBIAN |= {"љ": "lj", "њ": "nj", "џ": "dž"}
_SERBIAN |= {cyrillic.upper(): latin.capitalize() for cyrillic, latin in _SERBIAN.items()}


def add_transliterated(lines: dict[str, list[Line]]) -> None:
    """Add the Cyrillic Serbian lines to the Latin ones, letter for letter: the scripts write one language,
    and Latin Serbian has to be told from Croatian and Bosnian."""
    table = str.maketrans(_SERBIAN)
    if "srp_Latn" in lines:
        cyrillic = lines.get("srp_Cyrl", [])
        lines["srp_Latn"] += [Line(row.text.translate(table), row.source) for row in cyrillic]


def quotas(sizes: dict[str, int], total: int, repeats: int) -> dict[str, int]:
    """Source -> units to draw: proportional to the square root of its size, so that no catalogue drowns the
    rest; at most repeats * size. Small sources go first: what they lack goes to the larger ones."""
    quota: dict[str, int] = {}
    left, weight = total, sum(size**0.5 for size in sizes.values())
    for source, size in sorted(sizes.items(), key=lambda item: (item[1], item[0])):
        quota[source] = min(repeats * size, round(left * size**0.5 / weight))
        left, weight = left - quota[source], weight - size**0.5
    return quota


def strip_diacritics(text: str) -> str:
    """Text as typed without its marks: č -> c, ł -> l, ά -> α."""
    bare = "".join(c for c in unicodedata.normalize("NFD", text) if not unicodedata.combining(c))
    return bare.translate(str.maketrans("łŁđĐøØħĦı", "lLdDoOhHi"))


def vary(text: str, label: str, rng: random.Random, settings: Settings) -> str:
    """One unit as the web might have written it; see Settings for the shares."""
    if rng.random() < settings.upper:
        text = text.upper()
        if label == "ell_Grek":
            text = strip_diacritics(text)
    if label.endswith("Latn") and rng.random() < settings.stripped:
        text = strip_diacritics(text)
    if rng.random() < settings.noisy:
        words = text.split()
        host, page = (rng.choice(words).lower() for _ in range(2))
        words.insert(
            rng.randint(0, len(words)), f"https://www.{strip_diacritics(host)}.{rng.choice(DOMAINS)}/{page}.html"
        )
        text = " ".join(words)
    if label == "ron_Latn" and rng.random() < 0.3:  # the cedilla letters of older pages
        text = text.translate(str.maketrans("șȘțȚ", "şŞţŢ"))
    return text


def units(label: str, rows: list[Line], rng: random.Random, settings: Settings) -> Iterator[str]:
    """Training units of one language: whole, cut or joined lines by source quota, varied, normalised."""
    by_source: defaultdict[str, list[str]] = defaultdict(list)
    for row in rows:
        by_source[row.source].append(row.text)
    full = settings.per_language
    if label not in EU24:
        full = min(full if label in KIN else settings.others, len(rows))
    total = min(max(full, settings.floor), settings.repeats * len(rows))
    quota = quotas({source: len(texts) for source, texts in by_source.items()}, total, settings.repeats)
    for source in sorted(by_source):
        texts, size = by_source[source], len(by_source[source])
        order = [i for _ in range(-(-quota[source] // size)) for i in rng.sample(range(size), size)]
        for i in order[: quota[source]]:
            text, shape = texts[i], rng.random()
            if shape < settings.truncated:
                words = text.split()
                length = rng.randint(2, 6)
                start = rng.randrange(max(1, len(words) - length + 1))
                text = " ".join(words[start : start + length])
            elif shape < settings.truncated + settings.joined:
                text = " ".join(texts[(i + k) % size] for k in range(rng.randint(2, 6)))
            if unit := normalise(vary(text, label, rng, settings)):
                yield unit


def training_text(lines: dict[str, list[Line]], seed: int, settings: Settings) -> list[str]:
    """`__label__<label> <unit>` rows, shuffled. Each label has its own stream of chance: adding a language
    changes none of the others' units."""
    rows = [
        f"__label__{label} {unit}"
        for label in sorted(lines)
        for unit in units(label, lines[label], random.Random(f"{seed}:{label}"), settings)
    ]
    random.Random(seed).shuffle(rows)
    return rows


def fit(rows: list[str], out: Path, seed: int, settings: Settings) -> None:
    """Train fastText on the rows and write the model, not quantised (quantised ones predict ~7 times slower).

    With one thread, fastText 0.9.2 initialises only the first tenth of the input matrix
    (DenseMatrix::uniform) and leaves the rest as malloc gave it: "Encountered NaN", or another model each
    time, when that is used memory. So glibc is told to hand out zeros: one and the same model, and n-grams
    that were never seen in training weigh nothing.
    """
    if ctypes.CDLL(None).mallopt(M_PERTURB, 0xFF) != 1:  # glibc fills with the complement: 0x00
        raise RuntimeError("cannot set malloc's fill byte: training needs Linux with glibc")
    with tempfile.TemporaryDirectory() as folder:
        text = Path(folder, "train.txt")
        text.write_text("\n".join(rows) + "\n", encoding="utf-8")
        model = fasttext.train_supervised(
            input=str(text),
            loss="softmax",
            thread=1,
            seed=seed,
            wordNgrams=1,
            minCount=settings.min_count,
            minn=settings.minn,
            maxn=settings.maxn,
            dim=settings.dim,
            bucket=settings.bucket,
            epoch=settings.epoch,
            lr=settings.lr,
            verbose=1,
        )
    model.save_model(str(out))


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data_dirs", type=Path, nargs="+", metavar="DATA_DIR")
    parser.add_argument("--out", type=Path, default=Path("langid_models/eu24-v2.bin"))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--holdout-sources", default="", help="comma-separated; left out, for evaluation")
    options = parser.parse_args(arguments)
    settings = Settings()
    raw = read(options.data_dirs, frozenset(filter(None, options.holdout_sources.split(","))))
    add_transliterated(raw)
    lines = clean(raw, settings.min_letters)
    lines = {label: rows for label, rows in lines.items() if rows}
    before, after = (sum(map(len, table.values())) for table in (raw, lines))
    print(f"{before:,} lines read, {after:,} kept, {len(lines)} labels", file=sys.stderr)
    rows = training_text(lines, options.seed, settings)
    print(f"{len(rows):,} units, {sum(row.count(' ') for row in rows):,} words", file=sys.stderr)
    fit(rows, options.out, options.seed, settings)
    data = options.out.read_bytes()
    print(f"{options.out}: {len(data):,} bytes, sha256 {hashlib.sha256(data).hexdigest()}")


if __name__ == "__main__":
    main()
