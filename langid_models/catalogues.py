"""Text for languages that are only told apart: message catalogues of unpacked Debian packages in, labelled TSVs out.

usage: python langid_models/catalogues.py PACKAGES_DIR OUT_DIR

PACKAGES_DIR holds one folder per package (`dpkg-deb -x`). Read are gettext's .mo, MediaWiki's JSON and Firefox's language packs. OUT_DIR gets
`<label>.tsv.gz` files as train.py reads them. The language is that of the file's path, never a classifier's answer.
"""

import argparse
import gzip
import json
import re
import struct
import zipfile
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

# Locale in Debian's and MediaWiki's file names -> label. Large languages in Latin or Cyrillic script, and small ones beside the 24.
LABELS = {
    # the world's
    **{"az": "aze", "id": "ind", "ms": "zsm", "jv": "jav", "su": "sun", "tl": "fil", "fil": "fil", "ceb": "ceb", "ilo": "ilo", "vi": "vie"},
    **{"sw": "swh", "so": "som", "zu": "zul", "xh": "xho", "st": "sot", "tn": "tsn", "ha": "hau", "yo": "yor", "ig": "ibo", "rw": "kin"},
    **{"mg": "plt", "om": "gaz", "wo": "wol", "ln": "lin", "sn": "sna", "uz": "uzn", "tk": "tuk", "crh": "crh", "crh-latn": "crh"},
    **{"ku-latn": "kmr", "ku": "kmr", "qu": "quz", "ht": "hat", "kk": "kaz_Cyrl", "kk-cyrl": "kaz_Cyrl", "ky": "kir_Cyrl"},
    **{"tt": "tat_Cyrl", "tt-cyrl": "tat_Cyrl", "tg": "tgk_Cyrl", "tg-cyrl": "tgk_Cyrl", "mn": "khk_Cyrl", "uz@cyrillic": "uzn_Cyrl"},
    # near the 24, and constructed ones that look like them
    **{"ltg": "ltg", "vro": "vro", "olo": "olo", "vep": "vep", "se": "sme", "rue": "rue_Cyrl", "wa": "wln", "frp": "frp", "pms": "pms"},
    **{"lij": "lij", "nap": "nap", "roa-tara": "nap", "mwl": "mwl", "ext": "ext", "bar": "bar", "ksh": "ksh", "stq": "stq", "vls": "vls"},
    **{"ia": "ina", "io": "ido"},
}  # fmt: skip
LEAST = 150  # lines: a label with fewer learns nothing
_MARKUP = re.compile(
    r"<[^>]*>|\{\{[^}]*\}\}|\{[^}]*\}|\[\[[^]|]*\||[][]|%[-#0-9.]*[a-zA-Z(]\w*\)?s?|\$\d|&\w+;|_(?=\w)|''+|\\[nt]"
)


def plain(message: str) -> Iterator[str]:
    """A message -> its lines without markup, placeholders and access keys."""
    for line in message.split("\n"):
        if text := " ".join(_MARKUP.sub(" ", line).split()):
            yield text


def catalogue(data: bytes) -> Iterator[tuple[str, str]]:
    """(source, translation) of a .mo file; of plurals the last form. gettext's own reader stops at some headers that are not standard."""
    order = "<" if data[:4] == b"\xde\x12\x04\x95" else ">"
    _, count, sources, targets = struct.unpack_from(order + "4I", data, 4)

    def text(table: int, i: int) -> bytes:
        size, start = struct.unpack_from(order + "2I", data, table + 8 * i)
        return data[start : start + size]

    for i in range(count):
        source, target = text(sources, i).rpartition(b"\x04")[2].split(b"\0")[-1], text(targets, i).split(b"\0")[-1]
        yield source.decode("utf-8", "replace"), target.decode("utf-8", "replace")


def messages(package: Path) -> Iterator[tuple[str, str]]:
    """(locale, message) of everything that is translated in an unpacked package."""
    for file in sorted(package.rglob("*.mo")):
        locale = file.parent.parent.name if file.parent.name == "LC_MESSAGES" else re.split("[-.]", file.name)[-2]
        if locale.split("_")[0] not in LABELS and locale not in LABELS:
            continue  # most are not wanted
        yield from ((locale, target) for source, target in catalogue(file.read_bytes()) if source and target != source)
    for file in sorted(package.glob("usr/share/**/i18n/*.json")):
        if file.stem in LABELS:
            content = json.loads(file.read_text(encoding="utf-8"))
            yield from ((file.stem, text) for text in content.values() if isinstance(text, str))
    for pack in sorted(package.rglob("langpack-*.xpi")):
        with zipfile.ZipFile(pack) as files:
            for name in files.namelist():
                if name.endswith((".ftl", ".properties", ".dtd")):
                    text = files.read(name).decode("utf-8", "replace")
                    for found in re.findall(
                        r'^(?!#)[-.\w ]*=[ ]*(.+)$|^[ ]+([^.#\[*{}].+)$|^<!ENTITY \S+ "(.+)">', text, re.M
                    ):
                        yield pack.name.removeprefix("langpack-").split("@")[0], "".join(found)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("packages", type=Path)
    parser.add_argument("out", type=Path)
    options = parser.parse_args(arguments)
    rows: defaultdict[str, dict[str, str]] = defaultdict(dict)
    for package in sorted(options.packages.iterdir()):
        for locale, message in messages(package):
            if label := LABELS.get(locale) or LABELS.get(locale.split("_")[0]):
                for text in plain(message):
                    rows[label].setdefault(text, package.name)
    options.out.mkdir(exist_ok=True)
    for label, texts in sorted(rows.items()):
        if len(texts) >= LEAST:
            with gzip.open(options.out / f"{label}.tsv.gz", "wt", encoding="utf-8", newline="\n") as sink:
                sink.writelines(f"{label}\t{text}\tui-software\t{source}\n" for text, source in texts.items())
            print(f"{label} {len(texts):,}")


if __name__ == "__main__":
    main()
