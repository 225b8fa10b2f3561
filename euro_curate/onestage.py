"""One stage on lines of JSON or text, line by line: what `euro-curate extract|identify|measure|redact` do."""

import gzip
import io
import json
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

import zstandard

Object = dict[str, Any]
_BATCH = 64


class BadInput(ValueError):
    """Input that is not what the command reads; the message names the line."""


def read_lines(name: str) -> Iterator[tuple[int, str]]:
    """(line number, line) of a file, as it is, gzip or zstd by content; `-` is standard input. Lines end at \\n alone."""
    try:
        raw: Any = sys.stdin.buffer if name == "-" else Path(name).open("rb")
    except OSError as error:
        raise BadInput(f"{name}: {error.strerror or error}") from error
    with raw:
        buffered = io.BufferedReader(raw) if not isinstance(raw, io.BufferedReader) else raw
        magic = buffered.peek(4)[:4]
        stream: Any = buffered
        if magic.startswith(b"\x1f\x8b"):
            stream = gzip.GzipFile(fileobj=buffered)
        elif magic == b"\x28\xb5\x2f\xfd":
            stream = io.BufferedReader(zstandard.ZstdDecompressor().stream_reader(buffered, read_across_frames=True))
        for number, line in enumerate(stream, 1):
            yield number, line.decode("utf-8", "replace")


def answers(command: str, lines: Iterator[tuple[int, str]], workers: int, plain: bool = False) -> Iterator[str]:
    """One JSON line per input line, in order. Blank ones do not count, unless `plain`: then a line is a text, and its number the id.

    BadInput names the first line that cannot be used.
    """
    batches = _batched(lines, _BATCH)
    if workers == 1:
        for items in batches:
            yield from _answer(command, items, plain)
        return
    with ProcessPoolExecutor(workers) as pool:
        window = []
        for items in batches:
            window.append(pool.submit(_answer, command, items, plain))
            if len(window) >= 2 * workers:
                yield from window.pop(0).result()
        for future in window:
            yield from future.result()


def _answer(command: str, items: tuple[tuple[int, str], ...], plain: bool) -> list[str]:
    if plain:
        batch = [(number, {"id": number, "text": line.removesuffix("\n")}) for number, line in items]
    else:
        batch = [(number, _object(number, line)) for number, line in items if line.strip()]
    if command in _BATCH_HANDLERS:
        found = _BATCH_HANDLERS[command](batch)
    else:
        found = [_HANDLERS[command](given, number) for number, given in batch]
    return [json.dumps({"id": given["id"], **answer}) + "\n" for (_, given), answer in zip(batch, found, strict=True)]


def _object(number: int, line: str) -> Object:
    try:
        given = json.loads(line)
    except json.JSONDecodeError as error:
        raise BadInput(f"line {number} is not JSON: {error.msg}") from error
    if not isinstance(given, dict) or "id" not in given:
        raise BadInput(f"line {number} is not an object with an `id`")
    return given


def _text(given: Object, number: int, key: str = "text") -> str:
    value = given.get(key)
    if not isinstance(value, str):
        raise BadInput(f"line {number} has no `{key}`")
    return value


def _extract(given: Object, number: int) -> Object:
    from euro_curate.ingest import extract_page

    text, title, stop = extract_page(_text(given, number, "html"))
    return {"text": text, "title": title, "stop": stop}


def _identify(batch: list[tuple[int, Object]]) -> list[Object]:
    from euro_curate.langid import guess_documents

    found = guess_documents([_text(given, number) for number, given in batch], _identifier())
    return [
        {"language": g.language, "score": g.score, "second": g.second, "second_score": g.second_score} for g in found
    ]


@cache
def _identifier() -> Any:
    from euro_curate.langid import LangId

    return LangId()


def _measure(batch: list[tuple[int, Object]]) -> list[Object]:
    from euro_curate.quality import measure_rows

    return measure_rows(
        [_text(given, number) for number, given in batch], [_language(given, number) for number, given in batch]
    )


def _redact(given: Object, number: int) -> Object:
    from euro_curate.pii import redact_text

    text, spans = redact_text(_text(given, number), _language(given, number))
    return {"text": text, "found": [{"kind": s.kind, "start": s.start, "end": s.end} for s in spans]}


def _language(given: Object, number: int) -> str:
    """The code of the language given by any name; one outside the 24 stays as it is, and has no rules of its own."""
    from euro_curate.languages import resolve

    value = given.get("language")
    if not isinstance(value, str):
        raise BadInput(f"line {number} has no `language`")
    try:
        return resolve(value).code
    except ValueError:
        return value


_HANDLERS: dict[str, Callable[[Object, int], Object]] = {
    "extract": _extract,
    "redact": _redact,
}
# All at once: a call of the kernels costs as much as a page.
_BATCH_HANDLERS: dict[str, Callable[[list[tuple[int, Object]]], list[Object]]] = {
    "identify": _identify,
    "measure": _measure,
}


def _batched(items: Iterator[tuple[int, str]], size: int) -> Iterator[tuple[tuple[int, str], ...]]:
    while batch := tuple(islice(items, size)):
        yield batch
