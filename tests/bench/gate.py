"""What the language gate before extraction loses: pages that are in a wanted language, and are refused unread.

    python tests/bench/gate.py CRAWL

CRAWL: a folder of WARC files with truth.jsonl.gz, one object a page: {record_id, url, lang3, kind}. Only the gate runs, on the plain text of each
distinct page: with all 24 languages wanted, with the page's own alone, and, for control, with another one alone. Prints the shares refused, and
the pages that should not have been.
"""

import argparse
import gzip
import json
from pathlib import Path
from typing import Any

from euro_curate.ingest import page
from euro_curate.ingest.archive import read_archive
from euro_curate.ingest.records import HashedFile, Reading
from euro_curate.langid import Guess, LangId, gate
from euro_curate.languages import languages

ALIAS = {"est": "ekk", "lav": "lvs"}


CASES = ("all 24 wanted", "its own language alone", "another language alone (must be nearly all)")


def main() -> None:
    """The command of the module's docstring."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("crawl", type=Path)
    crawl = parser.parse_args().crawl
    with gzip.open(crawl / "truth.jsonl.gz", "rt", encoding="utf-8") as rows:
        truth = {row["record_id"].strip("<>"): row for row in map(json.loads, rows)}
    codes = {code[:3]: code for code in languages()}
    p, plain, seen = LangId(), [""], 0
    lost: dict[str, list[str]] = {case: [] for case in CASES}

    def stop(text: str, *_: Any) -> tuple[Guess, bool]:
        plain[0] = text
        return Guess("und", "und", None), False

    page.language_gate = stop  # type: ignore[attr-defined]
    for path in sorted(crawl.glob("*.warc.gz")):
        with path.open("rb") as file:
            for record in read_archive(HashedFile(file), "warc", Reading()):
                language = truth.get((record.id or "").strip("<>"), {}).get("lang3")
                code = codes.get(ALIAS.get(language, language or ""))
                plain[0] = ""
                if code and page.page_row(record, page.Ingest())["stop"] == "language:und" and plain[0]:
                    seen += 1
                    other = "mlt_Latn" if code != "mlt_Latn" else "fin_Latn"
                    for case, wanted in zip(CASES, (tuple(languages()), (code,), (other,)), strict=True):
                        found, passes = gate(plain[0], wanted, p)
                        if not passes:
                            lost[case].append(
                                f"  {code} as {found.label} {found.score or 0:.2f}, "
                                f"{found.second} {found.second_score or 0:.2f}  {record.url}"
                            )
    for case, pages in lost.items():
        print(f"{case}: {len(pages)} of {seen:,} pages refused, {len(pages) / seen:.3%}")
        print("\n".join(pages[:50]) if case != CASES[-1] else "")


if __name__ == "__main__":
    main()
