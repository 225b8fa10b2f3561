"""A crawl of which a given share of pages is in other languages than the 24, made of one that has few: for `end_to_end.py`.

    python tests/bench/foreign.py CRAWL OUTPUT FILE.tsv[.gz]... [--share 0.6]

Markup, headers and addresses stay; the text of the pages chosen (by a hash of their address) is replaced, node by node, by as much text of one language of
the TSV files (rows of `language TAB text`), so that extraction has as much to do there as before. Languages take turns; what is not HTML stays.
"""

import argparse
import gzip
import io
import itertools
import sys
import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

from lxml import etree, html
from warcio.archiveiterator import ArchiveIterator
from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

TEXTLESS = {"script", "style", "code", "template"}
REWRITTEN = {"content-encoding", "content-length", "content-language", "content-type", "transfer-encoding"}


def texts(files: Iterable[Path]) -> dict[str, Iterator[str]]:
    """Rows of TSV files -> by language, their texts without end."""
    rows: dict[str, list[str]] = defaultdict(list)
    for file in files:
        with gzip.open(file, "rt", encoding="utf-8") if file.suffix == ".gz" else file.open(encoding="utf-8") as lines:
            for line in lines:
                language, text = line.rstrip("\n").split("\t")[:2]
                rows[language].append(text)
    return {language: itertools.cycle(lines) for language, lines in sorted(rows.items())}


def retold(page: bytes, source: Iterator[str]) -> bytes | None:
    """An HTML page with its texts replaced by others of about their length, as UTF-8; None for what is no HTML."""
    try:
        tree = html.document_fromstring(page)
    except (etree.ParserError, etree.XMLSyntaxError, ValueError):
        return None

    def other(text: str | None) -> str | None:
        if not text or sum(map(str.isalpha, text)) < 2:
            return text
        out = ""
        while len(out) < len(text):
            out += next(source) + " "
        return out[: len(text)]

    for node in tree.iter():
        if isinstance(node.tag, str) and node.tag not in TEXTLESS:
            node.text = other(node.text)
        node.tail = other(node.tail)
        for name in ("lang", "{http://www.w3.org/XML/1998/namespace}lang"):
            node.attrib.pop(name, None)
    out: bytes = etree.tostring(tree, encoding="utf-8", method="html", doctype="<!DOCTYPE html>")
    return out


def rewrite(source: Path, target: Path, share: float, voices: Iterator[Iterator[str]]) -> tuple[int, int]:
    """One WARC file -> (HTML pages, of these retold)."""
    pages = changed = 0
    with source.open("rb") as stream, target.open("wb") as out:
        writer = WARCWriter(out, gzip=True)
        for record in ArchiveIterator(stream):
            sent = record.http_headers
            if record.rec_type != "response" or "html" not in (sent.get_header("Content-Type") or ""):
                writer.write_record(record)
                continue
            pages += 1
            url = record.rec_headers.get_header("WARC-Target-URI")
            plain = (sent.get_header("Content-Encoding") or "gzip").lower() in ("gzip", "identity")
            if not plain or zlib.crc32(url.encode()) >= share * (1 << 32):
                writer.write_record(record)
                continue
            changed += 1
            old = record.content_stream().read()
            body = retold(old, next(voices)) or old
            fields = [(k, v) for k, v in sent.headers if k.lower() not in REWRITTEN]
            fields.append(("Content-Type", "text/html; charset=utf-8"))
            fields.append(("Content-Length", str(len(body))))
            head = StatusAndHeaders(sent.statusline, fields, protocol=sent.protocol)
            kept = {k: v for k, v in record.rec_headers.headers if k in ("WARC-Record-ID", "WARC-Date")}
            writer.write_record(
                writer.create_warc_record(
                    url, "response", payload=io.BytesIO(body), http_headers=head, warc_headers_dict=kept
                )
            )
    return pages, changed


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("crawl", type=Path, help="folder with *.warc.gz files")
    parser.add_argument("output", type=Path, help="folder to write to")
    parser.add_argument(
        "texts", type=Path, nargs="+", help="rows of `language TAB text`, of languages that are not wanted"
    )
    parser.add_argument("--share", type=float, default=0.6, help="of the HTML pages (default 0.6)")
    chosen = parser.parse_args()
    chosen.output.mkdir(parents=True, exist_ok=True)
    voices = itertools.cycle(texts(chosen.texts).values())
    files = sorted(chosen.crawl.glob("*.warc.gz"))
    if not files:
        sys.exit(f"no *.warc.gz in {chosen.crawl}")
    for file in files:
        pages, changed = rewrite(file, chosen.output / file.name, chosen.share, voices)
        print(f"{file.name}: {pages:,} HTML pages, {changed:,} in other languages now")


if __name__ == "__main__":
    main()
