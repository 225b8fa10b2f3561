"""Personal data: found by one linear scan, confirmed by each kind's own check, replaced by a tag.

One module per kind, all of the same shape: `PATTERN` (RE2 over UTF-8: \\pL, \\x{a0} are code points; the candidates) and
`confirm(candidate, before, after, countries) -> (start, end) | None` (offsets within the candidate, or None for a false alarm).
Values never leave this package: only kinds, counts and offsets do.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from euro_curate import text as words_of
from euro_curate.languages import languages
from euro_curate.pii import email, iban, ip, phone
from euro_curate.schema import CLEAN
from euro_curate.stage import stage

_MODULES = {"email": email, "iban": iban, "ip": ip, "phone": phone}  # where two match at one place, the first wins
KINDS = tuple(sorted(_MODULES))
_DIGITS = re.compile(rb"[+(]?[0-9]+")
_CONTEXT = 24  # bytes before and after a candidate that a check may look at


@dataclass(frozen=True)
class Redaction:
    """Parameters of `redact`."""

    kinds: tuple[str, ...] = KINDS  # kinds to replace
    seed: int = 1  # of the dataset's shuffle: redact() also gives each page its place in it

    def __post_init__(self) -> None:
        unknown = set(self.kinds) - set(KINDS)
        if unknown:
            raise ValueError(f"pii.kinds: unknown {', '.join(sorted(unknown))}; choices: {', '.join(KINDS)}")


@dataclass(frozen=True)
class Span:
    """One finding: code-point offsets in the text."""

    kind: str
    start: int
    end: int


@cache
def _scanner() -> tuple[Any, tuple[str, ...]]:
    import re2

    kinds = tuple(_MODULES)
    return re2.compile(b"|".join(b"(" + _MODULES[kind].PATTERN + b")" for kind in kinds)), kinds


def find(text: str, countries: Sequence[str] = (), kinds: Sequence[str] = KINDS) -> list[Span]:
    """All findings, in order, without overlap. `countries`: regions whose national phone formats may be meant."""
    scanner, names = _scanner()
    data = text.encode("utf-8", "replace")
    ascii_only = len(data) == len(text)
    spans: list[Span] = []
    chars = done = 0  # code points before byte `done`
    pos = numbers = 0  # where to read on; up to where digits belong to a run that is no phone number
    while (match := scanner.search(data, pos)) is not None:
        kind = names[match.lastindex - 1]
        at, pos = match.span()
        inner = None
        if kind in kinds and (kind != "phone" or at >= numbers):
            before, after = data[max(0, at - _CONTEXT) : at], data[pos : pos + _CONTEXT]
            candidate = data[at:pos].decode("utf-8", "replace")
            inner = _MODULES[kind].confirm(
                candidate, before.decode("utf-8", "ignore"), after.decode("utf-8", "ignore"), countries
            )
        if inner is None:
            if kind == "phone":  # an address may stand behind the first of these digits
                numbers = max(numbers, pos)
                digits = _DIGITS.match(data, at, pos)
                pos = at + (len(digits[0]) if digits else 1)
            continue
        pos = at + len(candidate[: inner[1]].encode())
        if ascii_only:
            first = at
        else:
            chars += len(data[done:at].decode("utf-8", "replace"))
            done = at
            first = chars
        spans.append(Span(kind, first + inner[0], first + inner[1]))
    return spans


def redact_text(text: str, countries: Sequence[str] = (), kinds: Sequence[str] = KINDS) -> tuple[str, list[Span]]:
    """(text with every finding replaced by `<kind-pii>`, findings in the input's offsets). Redacting again changes nothing.

    A tag can uncover what stood against its finding (an e-mail address glued to a phone number), so the result is looked through
    until nothing more is found; no tag is ever part of a finding.
    """
    spans: list[Span] = []
    clean, fresh = text, find(text, countries, kinds)
    while fresh:
        spans = sorted([*spans, *(_in_input(span, spans) for span in fresh)], key=lambda span: span.start)
        pieces, last = [], 0
        for span in spans:
            pieces += [text[last : span.start], f"<{span.kind}-pii>"]
            last = span.end
        clean = "".join([*pieces, text[last:]])
        fresh = find(clean, countries, kinds)
    return clean, spans


def _in_input(span: Span, done: Sequence[Span]) -> Span:
    """A finding in the text whose `done` findings are replaced -> the same in the input's offsets."""
    shift = 0
    for earlier in done:
        if earlier.start > span.start + shift:
            break
        shift += earlier.end - earlier.start - len(f"<{earlier.kind}-pii>")
    return Span(span.kind, span.start + shift, span.end + shift)


@stage(out=CLEAN, version=4, rows="subset")
def redact(
    documents: pa.Table, languages_table: pa.Table, qualities: pa.Table, verdicts: pa.Table, params: Redaction
) -> pa.Table:
    """DOCUMENTS, LANGUAGES, QUALITIES, VERDICTS (n each) -> CLEAN: the kept pages only, in order, with personal data replaced."""
    keep = pc.equal(verdicts["verdict"], "kept")
    docs, langs, sizes, marks = (table.filter(keep) for table in (documents, languages_table, qualities, verdicts))
    bodies, counts = [], []
    for body, code in zip(docs["text"].to_pylist(), langs["language"].to_pylist(), strict=True):
        known = languages().get(code)
        clean, spans = redact_text(body, known.countries if known else (), params.kinds)
        bodies.append(clean)
        counts.append(len(spans))
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
        "redactions": pa.array(counts, pa.int32()),
        "licence": docs["licence"],
        "licence_id": docs["licence_id"],
        "title": docs["title"],
        "published": docs["published"],
    }
    return pa.table(list(columns.values()), schema=CLEAN)
