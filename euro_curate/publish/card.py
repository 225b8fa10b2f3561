"""The dataset's card (README.md with Hugging Face metadata) and its Croissant description, from the run's own figures."""

import json
from collections.abc import Sequence
from typing import Any

from euro_curate.languages import languages
from euro_curate.schema import DATASET

_BINS = (
    (10**3, "n<1K"),
    (10**4, "1K<n<10K"),
    (10**5, "10K<n<100K"),
    (10**6, "100K<n<1M"),
    (10**7, "1M<n<10M"),
    (10**8, "10M<n<100M"),
    (10**9, "100M<n<1B"),
    (10**10, "1B<n<10B"),
    (10**11, "10B<n<100B"),
    (10**12, "100B<n<1T"),
)


def card(budget: Sequence[dict[str, Any]], counts: dict[str, int], version: str) -> str:
    """README.md of the dataset. `budget`: rows of BUDGET; `counts`: pages by verdict."""
    taken = [row for row in budget if row["taken_pages"]]
    pages = sum(row["taken_pages"] for row in taken)
    size = next((name for limit, name in _BINS if pages < limit), "n>1T")
    lines = [
        "---",
        "language:",
        *(f"- {languages()[row['language']].iso1}" for row in taken),
        "multilinguality: multilingual",
        "task_categories:",
        "- text-generation",
        f"size_categories:\n- {size}",
        "configs:",
    ]
    for row in taken:
        lines += [
            f"- config_name: {row['language']}",
            "  data_files:",
            "  - split: train",
            f"    path: data/{row['language']}/train/*.parquet",
        ]
    lines += [
        "---",
        "",
        "# Web text in the official EU languages",
        "",
        f"{pages:,} pages in {len(taken)} languages, made from web crawls by euro_curate {version}. Every page that was seen, kept or not, has "
        "one row with its reason in the run's `verdicts/`; `run.json` holds inputs, versions and settings.",
        "",
        "| language | code | pages | words | available pages | available words | epochs |",
        "|---|---|--:|--:|--:|--:|--:|",
    ]
    for row in taken:
        lines.append(
            f"| {languages()[row['language']].name} | {row['language']} | {row['taken_pages']:,} | {row['taken_words']:,} "
            f"| {row['pages']:,} | {row['words']:,} | {row['epochs']:.2f} |"
        )
    lines += [
        "",
        "`epochs` is how often a trainer would repeat the language to fill its quota.",
        "",
        "## Columns",
        "",
        *(f"- `{f.name}`: {f.type}" for f in DATASET),
        "",
        "## What was dropped",
        "",
        "| verdict | pages |",
        "|---|--:|",
        *(f"| {verdict} | {n:,} |" for verdict, n in sorted(counts.items(), key=lambda item: (-item[1], item[0]))),
        "",
        "## Personal data",
        "",
        "E-mail addresses, phone numbers, public IP addresses, IBANs, payment cards, hardware addresses, and the identity, tax and "
        "social-security numbers of the 27 states are replaced, as far as the recipe in `run.json` asks for them; `pii` counts them by "
        "kind. Names, postal addresses and other personal data in running text are not replaced.",
        "",
        "## Rights",
        "",
        "The texts belong to their authors. Pages with a machine-readable reservation that the recipe honours are left "
        "out; the `licence` column holds the licence that a page named, as found, and `licence_id` its short form where it is "
        "one of Creative Commons: evidence, no statement that it holds.",
        "",
    ]
    return "\n".join(lines)


def croissant(budget: Sequence[dict[str, Any]], version: str) -> str:
    """croissant.json (Croissant 1.0): one file set and one record set per language."""
    taken = [row["language"] for row in budget if row["taken_pages"]]
    kinds = {"string": "sc:Text", "double": "sc:Float", "int64": "sc:Integer", "int32": "sc:Integer"}
    description = {
        "@context": {
            "@language": "en",
            "@vocab": "https://schema.org/",
            "sc": "https://schema.org/",
            "cr": "http://mlcommons.org/croissant/",
            "dct": "http://purl.org/dc/terms/",
            "conformsTo": "dct:conformsTo",
        },
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        "name": "euro_curate-dataset",
        "description": f"Web text in official EU languages, made by euro_curate {version}.",
        "inLanguage": [languages()[c].iso1 for c in taken],
        "distribution": [
            {
                "@type": "cr:FileSet",
                "@id": code,
                "name": code,
                "encodingFormat": "application/x-parquet",
                "includes": f"data/{code}/train/*.parquet",
            }
            for code in taken
        ],
        "recordSet": [
            {
                "@type": "cr:RecordSet",
                "@id": f"{code}-rows",
                "name": f"{code}-rows",
                "field": [
                    {
                        "@type": "cr:Field",
                        "@id": f"{code}-rows/{f.name}",
                        "name": f.name,
                        "dataType": kinds[str(f.type)],
                        "source": {"fileSet": {"@id": code}, "extract": {"column": f.name}},
                    }
                    for f in DATASET
                ],
            }
            for code in taken
        ],
    }
    return json.dumps(description, indent=1, ensure_ascii=False) + "\n"
