"""The dataset's card (README.md with Hugging Face metadata) and its Croissant description, from the run's own figures."""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from euro_curate.balance import SPLITS
from euro_curate.languages import languages
from euro_curate.schema import DATASET
from euro_curate.units import size

Rows = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Card:
    """What only the publisher knows; all may be left out."""

    title: str = "Web text in the official EU languages"
    licence: str = "other"  # of the collection: an identifier that the Hub knows (odc-by, cc0-1.0 ...), or other
    creator: str = ""
    url: str = ""  # where the dataset is found
    version: str = "1.0.0"
    date: str = ""  # of publication, YYYY-MM-DD
    citation: str = ""  # how to cite it


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

_ABOUT = {
    "token_count": "in the tokenizer that the recipe names, null without one",
    "quality_score": "of the recipe's classifier for the language, null without one",
    "minhash_cluster_size": "pages of the crawl with the same or nearly the same text, this one included",
    "repeats": "how often a trainer should show this row in one pass over the files",
    "licence": "licence that the page names, as found",
    "licence_id": "its short form, where it is one of Creative Commons",
    "published": "day of publication as the page states it, YYYY-MM-DD",
    "redactions": "places where personal data was replaced",
}


def published(budget: Rows) -> list[tuple[str, list[str]]]:
    """Rows of BUDGET -> (language, its splits that have shards), for the languages that have any."""
    found = [(row["language"], [split for split in SPLITS if row[f"{split}_shards"]]) for row in budget]
    return [(code, splits) for code, splits in found if splits]


def card(
    budget: Rows, counts: Rows, families: Sequence[str], summary: Mapping[str, Any], about: Card, version: str
) -> str:
    """README.md of the dataset. `budget`: rows of BUDGET; `counts`: pages by (language, verdict); `families` of verdicts in the order in
    which they decide; `summary`: run.json's inputs and models."""
    taken = published(budget)
    rows = {row["language"]: row for row in budget}
    pages = sum(row["taken_pages"] for row in budget)
    lines = [
        "---",
        "language:",
        *(f'- "{languages()[code].iso1}"' for code, _ in taken),  # quoted: `no` would be a truth value
        f"pretty_name: {json.dumps(about.title)}",
        f"license: {json.dumps(about.licence)}",
        "multilinguality: multilingual",
        "task_categories:",
        "- text-generation",
        f"size_categories:\n- {next((name for limit, name in _BINS if pages < limit), 'n>1T')}",
        "configs:" if taken else "configs: []",
    ]
    for code, splits in taken:
        lines += [f"- config_name: {code}", "  data_files:"]
        for split in splits:
            lines += [f"  - split: {split}", f"    path: data/{code}/{split}/*.parquet"]
    lines += ["---", "", f"# {about.title}", ""]
    lines += [
        f"{pages:,} pages in {len(taken)} languages, made from web crawls by euro_curate {version}. Every page that was seen, kept or not, has "
        "one row with its reason in the run's `verdicts/`; `run.json` holds inputs, versions and settings.",
        "",
        "```python",
        "from datasets import load_dataset",
        f'pages = load_dataset("path/to/this/folder", "{taken[0][0] if taken else "mlt_Latn"}", split="train", streaming=True)',
        "```",
        "",
        *_sizes(taken, rows),
        "## Columns",
        "",
        *(f"- `{f.name}` ({f.type})" + (f": {_ABOUT[f.name]}" if f.name in _ABOUT else "") for f in DATASET),
        "",
        *_funnel(counts, families),
        *_provenance(summary),
        "## Personal data",
        "",
        "E-mail addresses, phone numbers, public IP addresses, IBANs, payment cards, hardware addresses, and the identity, tax and "
        "social-security numbers of the 27 states are replaced, as far as the recipe in `run.json` asks for them; `pii` counts them by "
        "kind. Names, postal addresses and other personal data in running text are not replaced.",
        "",
        "## Rights",
        "",
        "The texts belong to their authors; the licence above is that of the collection. Pages with a machine-readable reservation "
        "that the recipe honours are left out; the `licence` column holds the licence that a page named, as found, and `licence_id` its "
        "short form where it is one of Creative Commons: evidence, no statement that it holds.",
        "",
    ]
    return "\n".join(lines)


def _sizes(taken: Sequence[tuple[str, list[str]]], rows: Mapping[str, Mapping[str, Any]]) -> list[str]:
    tokens = any(row["tokens"] for row in rows.values())
    head = ["language", "code", "pages", "words", *(["tokens"] if tokens else []), "MB", "validation", "test"]
    head += ["available pages", "available words", "epochs"]
    lines = ["## Sizes", "", "| " + " | ".join(head) + " |", "|---|---|" + "--:|" * (len(head) - 2)]
    for code, _ in taken:
        row = rows[code]
        cells = [languages()[code].name, code, f"{row['taken_pages']:,}", f"{row['taken_words']:,}"]
        cells += [f"{row['taken_tokens']:,}"] if tokens else []
        cells += [f"{row['taken_bytes'] / 1e6:,.1f}", f"{row['validation_pages']:,}", f"{row['test_pages']:,}"]
        cells += [f"{row['pages']:,}", f"{row['words']:,}", f"{row['epochs']:.2f}"]
        lines.append("| " + " | ".join(cells) + " |")
    return [
        *lines,
        "",
        "Pages, words and MB (of UTF-8 text) are those of the training split, each page once; `epochs` is how often the plan goes over what "
        "was available for it. Validation and test pages share no near-duplicate cluster with the training split.",
        "",
    ]


def _funnel(counts: Rows, order: Sequence[str]) -> list[str]:
    """What was kept and dropped: by language and family, then by verdict."""
    by_language: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    by_verdict: dict[str, int] = defaultdict(int)
    for row in counts:
        known = languages().get(row["language"])
        family = row["verdict"].split(":")[0]
        by_language[known.name if known else "other or none"][family] += row["pages"]
        by_verdict[row["verdict"]] += row["pages"]
    families = [f for f in ("kept", *order) if any(f in found for found in by_language.values())]
    lines = ["## What was kept and dropped", "", "| language | seen | " + " | ".join(families) + " |"]
    lines.append("|---|" + "--:|" * (len(families) + 1))
    names = [language.name for language in languages().values()] + ["other or none"]
    for name in (n for n in names if n in by_language):
        found = by_language[name]
        cells = [f"{sum(found.values()):,}", *(f"{found.get(f, 0):,}" for f in families)]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    lines += ["", "The first family that applies decides. Pages stopped before their language was known have none.", ""]
    lines += ["| verdict | pages |", "|---|--:|"]
    lines += [f"| {v} | {n:,} |" for v, n in sorted(by_verdict.items(), key=lambda item: (-item[1], item[0]))]
    return [*lines, ""]


def _provenance(summary: Mapping[str, Any]) -> list[str]:
    inputs = summary.get("inputs", ())
    lines = [
        "## Provenance",
        "",
        f"{len(inputs)} input files, {size(sum(entry['size'] for entry in inputs))}, read by ",
    ]
    lines[-1] += "euro_curate; their names, sizes and digests are in `run.json`. Models, by the digest of their files:"
    lines += ["", *(f"- {name}: `{digest}`" for name, digest in sorted(summary.get("models", {}).items())), ""]
    return lines


# --- Croissant ---------------------------------------------------------------------------------------------------------------

# The vocabulary's own context (Croissant 1.1, appendix): terms that a reader must find here under these names.
_TERMS = (
    "arrayShape citeAs column containedIn equivalentProperty extract field fileProperty fileObject fileSet format includes "
    "isArray isLiveDataset jsonPath key md5 parentField path recordSet references regex repeated replace samplingRate separator "
    "source subField transform"
).split()
_CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "sc": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "dct": "http://purl.org/dc/terms/",
    "prov": "http://www.w3.org/ns/prov#",
    "conformsTo": "dct:conformsTo",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "name": {"@container": "@language"},
    "description": {"@container": "@language"},
    **{term: f"cr:{term}" for term in _TERMS},
}
_KINDS = {"string": "sc:Text", "double": "cr:Float64", "int64": "cr:Int64", "int32": "cr:Int32"}


def croissant(budget: Rows, about: Card, version: str) -> str:
    """croissant.json (Croissant 1.1): one file set and one record set per language."""
    taken = [code for code, _ in published(budget)]
    creator = {"@type": "sc:Organization", "name": about.creator} if about.creator else None
    given = {"creator": creator, "url": about.url, "datePublished": about.date, "citeAs": about.citation}
    description = {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.1",
        "name": "euro_curate-dataset",
        "alternateName": about.title,
        "description": f"{about.title}, made from web crawls by euro_curate {version}.",
        "license": about.licence,
        "version": about.version,
        **{key: value for key, value in given.items() if value},
        "inLanguage": [languages()[code].iso1 for code in taken],
        "isLiveDataset": False,
        "rai:dataCollection": "Web crawl files; names, sizes and digests are in run.json.",
        "rai:dataPreprocessingProtocol": [
            "Main text extracted, language identified, quality rules applied, exact and near duplicates left out, personal data replaced."
        ],
        "rai:personalSensitiveInformation": [
            "E-mail addresses, phone numbers, public IP addresses and IBANs are replaced by tags; names are not."
        ],
        "prov:wasGeneratedBy": {
            "@type": "prov:Activity",
            "prov:label": "Web crawl, curated by euro_curate",
            "prov:wasAssociatedWith": {"@type": "prov:SoftwareAgent", "prov:label": f"euro_curate {version}"},
        },
        "distribution": [
            {
                "@type": "cr:FileSet",
                "@id": f"{code}-files",
                "name": f"{code}-files",
                "encodingFormat": "application/x-parquet",
                "includes": f"data/{code}/*/*.parquet",
            }
            for code in taken
        ],
        "recordSet": [
            {
                "@type": "cr:RecordSet",
                "@id": code,
                "name": code,
                "description": f"{languages()[code].name} pages.",
                "field": [_split_of(code), *(_field(code, f.name, str(f.type)) for f in DATASET)],
            }
            for code in taken
        ],
    }
    return json.dumps(description, indent=1, ensure_ascii=False) + "\n"


def _field(code: str, name: str, kind: str) -> dict[str, Any]:
    return {
        "@type": "cr:Field",
        "@id": f"{code}/{name}",
        "name": f"{code}/{name}",
        "dataType": _KINDS[kind],
        "source": {"fileSet": {"@id": f"{code}-files"}, "extract": {"column": name}},
    }


def _split_of(code: str) -> dict[str, Any]:
    """The split is told by the folder."""
    source = {"fileSet": {"@id": f"{code}-files"}, "extract": {"fileProperty": "fullpath"}}
    return {
        "@type": "cr:Field",
        "@id": f"{code}/split",
        "name": f"{code}/split",
        "dataType": "sc:Text",
        "source": source | {"transform": {"regex": f"data/{code}/([a-z]+)/.+$"}},
    }
