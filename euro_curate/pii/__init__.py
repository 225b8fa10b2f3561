"""Personal data: found by one linear scan, confirmed by each kind's own check, replaced as the recipe says.

A file a kind (email, iban, ip, card, phone, mac, vat, wallet, secret) and a file a state (states/). Values never leave this package: only
kinds, counts and offsets do.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from euro_curate import text as words_of
from euro_curate.languages import languages
from euro_curate.pii.names import recognise, source_hash
from euro_curate.pii.scan import EVERY, MARK, OPTIONAL, TAGS, TRIGGERS, Finder, code_points, finder
from euro_curate.pii.states import NATIONAL
from euro_curate.pii.styles import STYLES, Style, fingerprint, secret, stand_ins
from euro_curate.schema import CLEAN, SPOTS
from euro_curate.stage import stage

__all__ = [
    "CHOICES",
    "EVERY",
    "GROUPS",
    "KINDS",
    "NATIONAL",
    "STYLES",
    "TAGS",
    "Redaction",
    "Span",
    "Spotting",
    "Style",
    "chosen_kinds",
    "find",
    "fingerprint",
    "redact",
    "redact_text",
    "secret",
    "source_hash",
    "spot",
]

GROUPS = tuple(name for name in TRIGGERS if name not in {kind.name for kind in NATIONAL} | {*OPTIONAL})
CHOICES = (*GROUPS, "national", *OPTIONAL)  # what a recipe may name, besides single national kinds
KINDS = tuple(name for name in TRIGGERS if name not in OPTIONAL)  # looked for by default


def chosen_kinds(names: Iterable[str]) -> tuple[str, ...]:
    """Kinds by name, `national` standing for those of all states -> kinds in the order in which they are tried. ValueError on others."""
    wanted = set(names)
    if unknown := sorted(wanted - set(TRIGGERS) - {"national"}):
        raise ValueError(
            f"pii.kinds: unknown {', '.join(unknown)}; choices: {', '.join(CHOICES)}, or of `national` alone: "
            f"{', '.join(kind.name for kind in NATIONAL)}"
        )
    if "national" in wanted:
        wanted |= {kind.name for kind in NATIONAL}
    return tuple(name for name in TRIGGERS if name in wanted)


@dataclass(frozen=True)
class Span:
    """One finding: code-point offsets in the text."""

    kind: str
    start: int
    end: int


@dataclass(frozen=True)
class Spotting:
    """Parameters of `spot`."""

    kinds: tuple[str, ...] = KINDS
    ner: str = ""  # package.module:function that finds names; see names.py
    ner_source: str = ""  # hash of its file


@dataclass(frozen=True)
class Redaction:
    """Parameters of `redact`."""

    style: Style = field(default_factory=Style)
    seed: int = 1  # of the dataset's shuffle: redact() also gives each page its place in it


def find(
    text: str, language: str = "", kinds: Sequence[str] = KINDS, names: Sequence[tuple[str, int, int]] = ()
) -> list[Span]:
    """All findings, in order, without overlap; what already stands in place of one is none. `language`: a code of the 24, or anything else.

    `names`: further findings (kind, start, end), which give way to our own.
    """
    seeker = finder(language, tuple(kinds))
    if not names and not seeker.stops(text.encode("utf-8", "replace")):
        return []
    taken = stand_ins(text)
    spans = _found(seeker, text, taken)
    if not names:
        return spans
    free = _free(names, [*taken, *((span.start, span.end) for span in spans)])
    spans = _found(seeker, text, sorted([*taken, *((span.start, span.end) for span in free)]))
    return sorted([*spans, *free], key=lambda span: span.start)


def _found(seeker: Finder, text: str, taken: Sequence[tuple[int, int]]) -> list[Span]:
    """Findings in the text, each of the pieces `taken` (in order) read as a MARK."""
    data = (_marked(text, taken) if taken else text).encode("utf-8", "replace")
    spans = seeker.find(data)
    places: Iterable[int] = [place for _, *span in spans for place in span]
    if len(data) > len(text) or taken:
        places = code_points(data, places)
    out, i, shift = [], 0, 0
    for place in places:
        while i < len(taken) and taken[i][0] < place + shift:
            shift += taken[i][1] - taken[i][0] - 1
            i += 1
        out.append(place + shift)
    return [Span(kind, start, end) for (kind, _, _), start, end in zip(spans, out[::2], out[1::2], strict=True)]


def _marked(text: str, taken: Sequence[tuple[int, int]]) -> str:
    ends = [0, *(end for _, end in taken)]
    starts = [*(start for start, _ in taken), len(text)]
    return MARK.join(text[end:start] for end, start in zip(ends, starts, strict=True))


def _free(names: Sequence[tuple[str, int, int]], taken: list[tuple[int, int]]) -> list[Span]:
    """Findings of a model where nothing else is; of two the first."""
    out = []
    for kind, start, end in names:
        if all(end <= low or start >= high for low, high in taken):
            out.append(Span(kind, start, end))
            taken.append((start, end))
    return out


def redact_text(
    text: str, language: str = "", kinds: Sequence[str] = KINDS, style: Style | None = None, page: str = ""
) -> tuple[str, list[Span]]:
    """(text with every finding replaced, findings in the input's offsets). Redacting again changes nothing. `page`: see Style."""
    spans = find(text, language, kinds)
    return _replaced(text, spans, style or Style(), page), spans


def _replaced(text: str, spans: Sequence[Span], style: Style, page: str) -> str:
    pieces, last = [], 0
    for span in spans:
        pieces += [text[last : span.start], style.replacement(span.kind, text[span.start : span.end], page)]
        last = span.end
    return "".join([*pieces, text[last:]])


@stage(out=SPOTS, version=3)
def spot(documents: pa.Table, langs: pa.Table, params: Spotting) -> pa.Table:
    """DOCUMENTS, LANGUAGES (n each) -> SPOTS (n): where personal data is. Pages in other languages than the 24 are not looked at."""
    texts, codes = documents["text"].to_pylist(), langs["language"].to_pylist()
    names = _names(texts, codes, params)
    found = [
        [(span.kind, span.start, span.end) for span in find(text, code, params.kinds, names[i])]
        if code in languages()
        else []
        for i, (text, code) in enumerate(zip(texts, codes, strict=True))
    ]
    spans = [[{"kind": kind, "start": start, "end": end} for kind, start, end in page] for page in found]
    return pa.table([documents["id"], pa.array(spans, SPOTS.field("found").type)], schema=SPOTS)


def _names(texts: list[str], codes: list[str], params: Spotting) -> dict[int, list[tuple[str, int, int]]]:
    """What the recipe's model finds, by row."""
    out: dict[int, list[tuple[str, int, int]]] = defaultdict(list)
    for code in sorted(set(codes) & set(languages())) if params.ner else ():
        rows = [i for i, (text, label) in enumerate(zip(texts, codes, strict=True)) if text and label == code]
        out |= dict(zip(rows, recognise(params.ner, [texts[i] for i in rows], code), strict=True))
    return out


@stage(out=CLEAN, version=5, rows="subset")
def redact(
    documents: pa.Table,
    languages_table: pa.Table,
    qualities: pa.Table,
    spots: pa.Table,
    verdicts: pa.Table,
    params: Redaction,
) -> pa.Table:
    """DOCUMENTS, LANGUAGES, QUALITIES, SPOTS, VERDICTS (n each) -> CLEAN: the kept pages only, in order, with personal data replaced."""
    keep = pc.equal(verdicts["verdict"], "kept")
    docs, langs, sizes, found, marks = (
        t.filter(keep) for t in (documents, languages_table, qualities, spots, verdicts)
    )
    bodies, kinds = [], []
    for page, body, spans in zip(
        docs["id"].to_pylist(), docs["text"].to_pylist(), found["found"].to_pylist(), strict=True
    ):
        bodies.append(_replaced(body, [Span(**span) for span in spans], params.style, page))
        kinds.append(Counter(span["kind"] for span in spans))
    columns = {
        "id": docs["id"],
        "order": pa.array([words_of.order_hash(i, params.seed) for i in docs["id"].to_pylist()], pa.uint64()),
        "language": langs["language"],
        "text": pa.array(bodies, pa.large_string()),
        "url": docs["url"],
        "crawled_at": docs["crawled_at"],
        "source": docs["source"],
        "language_score": langs["score"],
        "second": langs["second"],
        "second_score": langs["second_score"],
        "cluster_size": marks["cluster_size"],
        "words": sizes["words"].cast(pa.int64()),
        "chars": pa.array([len(b) for b in bodies], pa.int64()),
        "bytes": pa.array([len(b.encode()) for b in bodies], pa.int64()),
        "redactions": pa.array([count.total() for count in kinds], pa.int32()),
        "pii": pa.array([json.dumps(dict(sorted(c.items()))) if c else None for c in kinds], pa.string()),
        "licence": docs["licence"],
        "licence_id": docs["licence_id"],
        "title": docs["title"],
        "published": docs["published"],
    }
    return pa.table([columns[name] for name in CLEAN.names], schema=CLEAN)
