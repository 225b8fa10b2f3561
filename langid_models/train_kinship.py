"""Make the table that tells Croatian, Bosnian and Serbian apart (see euro_curate/kinship.py): word list and dictionaries in, hashes out.

usage: python langid_models/train_kinship.py HUNSPELL_DIR [--out FILE]

HUNSPELL_DIR holds hr_HR, bs_BA and sr_Latn_RS (.aff and .dic, from Debian's hunspell-hr, hunspell-bs, hunspell-sr). No chance is involved.
"""

import argparse
import hashlib
import itertools
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from zlib import crc32

from euro_curate.kinship import RECORD, SECTIONS

LIST = Path(__file__).with_name("hrv-bos-srp.txt")
BARE = str.maketrans("čćšž", "ccsz")


def forms(base: Path) -> set[str]:
    """The lower-case words of a Hunspell dictionary, with one suffix each; prefixes and compounds are left out."""
    rules: defaultdict[str, list[tuple[str, str, re.Pattern[str]]]] = defaultdict(list)
    aliases, kind, encoding = [], "", re.search(rb"SET (\S+)", base.with_suffix(".aff").read_bytes())[1].decode()  # type: ignore[index]
    for line in base.with_suffix(".aff").read_text(encoding, "replace").splitlines():
        cells = line.split()
        if cells[:1] == ["FLAG"]:
            kind = cells[1]
        elif cells[:1] == ["AF"]:
            aliases.append(cells[1])
        elif cells[:1] == ["SFX"] and len(cells) >= 4 and not (len(cells) == 4 and cells[3].isdigit()):
            strip, add = (cell.split("/")[0].replace("0", "") for cell in cells[2:4])
            rules[cells[1]].append((strip, add, re.compile((cells[4] if len(cells) > 4 else ".") + "$")))
    words = set()
    for line in base.with_suffix(".dic").read_text(encoding, "replace").splitlines()[1:]:
        word, _, flags = (line.split() or [""])[0].partition("/")
        word = word.lower()
        if aliases and flags.isdigit():
            flags = aliases[int(flags)]
        size = 2 if kind == "long" else 1
        for flag in flags.split(",") if kind == "num" else (flags[i : i + size] for i in range(0, len(flags), size)):
            words.update(
                word.removesuffix(strip) + add
                for strip, add, end in rules.get(flag, ())
                if word.endswith(strip) and end.search(word)
            )
        words.add(word)
    return {word for word in words if re.fullmatch("[a-zčćšžđ]{3,}", word)}


def ijekavian(word: str) -> Iterator[str]:
    """What a form with e may be elsewhere: mleko -> mlijeko, mljeko."""
    places = [i for i, letter in enumerate(word) if letter == "e"]
    for chosen in itertools.chain(itertools.combinations(places, 1), itertools.combinations(places, 2)):
        for vowels in itertools.product(("ije", "je"), repeat=len(chosen)):
            letters = list(word)
            for place, vowel in zip(chosen, vowels, strict=True):
                letters[place] = vowel
            yield "".join(letters)


def listed() -> dict[str, str]:
    """Entry of the word list -> section; also as written without marks, where that is no other entry."""
    entries, section = {}, ""
    for line in LIST.read_text("utf-8").splitlines():
        if line.startswith("["):
            section = line.strip("[]")
        elif not line.startswith("#"):
            entries |= dict.fromkeys(line.split(), section)
    bare = {entry.translate(BARE).replace("đ", "d"): section for entry, section in entries.items() if len(entry) > 5}
    return bare | entries


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("hunspell", type=Path)
    parser.add_argument("--out", type=Path, default=LIST.with_name("hrv-bos-srp-v2.bin"))
    options = parser.parse_args(arguments)
    croatian, bosnian, serbian = (forms(options.hunspell / name) for name in ("hr_HR", "bs_BA", "sr_Latn_RS"))
    table = {}
    for word in serbian - croatian:
        if any(form in croatian for form in ijekavian(word)):
            table[crc32(word.encode())] = "ekavian"
        elif word in bosnian:
            table[crc32(word.encode())] = "not croatian"
    table |= {crc32(entry.encode()): section for entry, section in listed().items()}
    order = list(SECTIONS)
    data = b"".join(RECORD.pack(key, order.index(section)) for key, section in sorted(table.items()))
    options.out.write_bytes(data)
    print(f"{options.out}: {len(table):,} entries, {len(data):,} bytes, sha256 {hashlib.sha256(data).hexdigest()}")


if __name__ == "__main__":
    main()
