"""Heads of records and of HTTP responses: bytes -> status and named fields."""

import re

BLANK_LINE = re.compile(rb"\r*\n\r*\n")
STATUS_LINE = re.compile(
    rb"[\r\n \t]{0,64}((?:HTTP[A-Z]?|ICY)\b[/ \t])", re.IGNORECASE
)  # some crawlers write HTTPX; ICY is a streaming server's
_STATUS = re.compile(rb"[A-Z]+(?:[ \t]*/\S*)?[ \t]+(\d+)", re.IGNORECASE)


def http(block: bytes) -> tuple[int | None, list[tuple[str, str]], bytes]:
    """(status, headers, body) of an HTTP response of any version. What comes before the last head is passed over: 1xx answers, and
    a proxy's head without fields."""
    while True:
        end = BLANK_LINE.search(block)
        head, body = (block[: end.start()], block[end.end() :]) if end else (block, b"")
        found = _STATUS.match(head)
        status = int(found.group(1)) if found else None
        named = fields(head)
        interim = status is not None and (100 <= status < 200 or not named)
        if not (interim and STATUS_LINE.match(body)):
            return status, named, body
        block = body.lstrip()


def fields(head: bytes) -> list[tuple[str, str]]:
    """`Name: value` lines behind the first line, folded ones joined."""
    lines = re.split(rb"\r*\n", re.sub(rb"\r*\n[ \t]+", b" ", head))[1:]
    return [(word(name), word(value)) for name, colon, value in (line.partition(b":") for line in lines) if colon]


def word(raw: bytes) -> str:
    """Header text: UTF-8, else Latin-1."""
    try:
        return raw.strip().decode()
    except UnicodeDecodeError:
        return raw.strip().decode("latin-1")
