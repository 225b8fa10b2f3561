"""Files whose storage fails now and then: tried again from the byte reached, after pauses that grow, and given up with a clear error."""

import errno
import io
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, TypeVar

from fsspec.implementations.local import LocalFileSystem

from euro_curate.shards import filesystem

PAUSES_S = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0)  # between tries without progress; no chance in them, so that runs are alike
MAX_FAILURES = 200  # of one file, progress or not
MAX_ASKED_S = 60.0  # a server may ask for so long a pause (Retry-After)
_BLOCK, _MIN_BLOCK = (
    5 << 20,
    1 << 14,
)  # bytes asked for at a time; less after a failure: some connections end before so much has come

pause: Callable[[float], None] = time.sleep  # tests put another one here

_STATUSES = {408, 425, 429, 500, 502, 503, 504}
_CODES = {"SlowDown", "RequestTimeout", "InternalError", "ServiceUnavailable", "Throttling", "RequestLimitExceeded"}
_ERRNOS = {
    errno.EBUSY,
    errno.EIO,
    errno.ETIMEDOUT,
    errno.ECONNRESET,
    errno.ECONNABORTED,
    errno.EPIPE,
    errno.EAGAIN,
}  # s3fs: SlowDown is EBUSY
_KINDS = {"ClientConnectionError", "ClientPayloadError", "FSTimeoutError", "HTTPClientError", "IncompleteRead", "ConnectionError", "TimeoutError"}  # fmt: skip

T = TypeVar("T")


class GaveUp(OSError):
    """The storage kept failing."""


def passing(error: BaseException) -> bool:
    """Whether a failure may pass: throttling, a busy server, a lost connection. Libraries wrap them (fsspec says FileNotFoundError for HTTP
    503), so the causes are looked at too, by name: none of the libraries need be installed."""
    return any(_passes(each) for each in _causes(error))


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def _passes(error: BaseException) -> bool:
    names = {kind.__name__ for kind in type(error).__mro__}
    if "ClientConnectorDNSError" in names:
        return False  # a name that is written wrong
    answer: Any = getattr(error, "response", None)
    details = answer if isinstance(answer, dict) else {}
    status = getattr(error, "status", None) or getattr(error, "code", None)
    status = details.get("ResponseMetadata", {}).get("HTTPStatusCode", status)
    return (
        (str(status).isdecimal() and int(status) in _STATUSES)
        or details.get("Error", {}).get("Code") in _CODES
        or (isinstance(error, OSError) and error.errno in _ERRNOS)
        or bool(names & _KINDS)
    )


def _asked(error: BaseException) -> float:
    """Seconds that the server asks us to wait."""
    for each in _causes(error):
        headers: Any = getattr(each, "headers", None) or {}
        written = str(headers.get("Retry-After", "")) if hasattr(headers, "get") else ""
        if written.isdecimal():
            return min(float(written), MAX_ASKED_S)
    return 0.0


class _Patience:
    """Counts the failures of one thing, and waits."""

    def __init__(self, what: str) -> None:
        self.what, self.in_a_row, self.all = what, 0, 0

    def failed(self, error: Exception, at: int | None = None) -> None:
        """Waits before the next try. Raises the error if it will not pass, GaveUp if it did not."""
        if not passing(error):
            raise error
        self.in_a_row, self.all = self.in_a_row + 1, self.all + 1
        if self.in_a_row > len(PAUSES_S) or self.all > MAX_FAILURES:
            where = "" if at is None else f" at byte {at:,}"
            cause = next((each for each in _causes(error) if _passes(each)), error)
            about = f"{type(cause).__name__}: {' '.join(str(cause).split())[:200]}"
            raise GaveUp(f"{self.what}: given up{where} after {self.in_a_row} failures in a row: {about}") from error
        pause(max(PAUSES_S[self.in_a_row - 1], _asked(error)))


def patiently(what: str, call: Callable[[], T]) -> T:
    """The call's result, tried again while it fails for reasons that pass. `what` it is about, for the error."""
    patience = _Patience(what)
    while True:
        try:
            return call()
        except Exception as error:
            patience.failed(error)


class RemoteFile(io.RawIOBase):
    """A file of any storage, for reading. After a failure that may pass it is opened again and read on where it was.

    FileNotFoundError and the like at once; GaveUp when the storage keeps failing; both from the first byte on.
    """

    def __init__(self, url: str) -> None:
        self._fs, self._path = filesystem(url)
        self._local = isinstance(self._fs, LocalFileSystem)
        self._patience = _Patience(url)
        self._file: Any = None
        self._at, self._block = 0, _BLOCK
        self._size: int | None = None
        self._streamed: bool | None = None  # by a server that knows no ranges; None: not known yet
        self._seekable = self._try(_seekable)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return self._seekable

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = 0) -> int:
        if not self._seekable:
            raise io.UnsupportedOperation("the server knows no ranges")
        self._at = self._try(
            lambda file: int(file.seek(offset + (self._at if whence == 1 else 0), whence if whence == 2 else 0))
        )
        return self._at

    def read(self, size: int = -1) -> bytes:
        """All that is asked for, unless the file ends: those who read zips and Parquet count on it."""
        parts, left = [], size
        while left:
            step = self._block if left < 0 else min(left, self._block)
            data = self._try(partial(self._read, size=step))
            if not data:
                break
            self._at += len(data)
            self._patience.in_a_row = 0
            parts.append(data)
            left -= len(data) if left > 0 else 0
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def readinto(self, buffer: Any) -> int:
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        self._drop()
        super().close()

    def _read(self, file: Any, size: int) -> bytes:
        data: bytes = file.read(min(size, self._block))  # which a failure may have made smaller meanwhile
        if not data and size and self._size is not None and self._at < self._size:
            raise ConnectionError(f"the stream ends at byte {self._at:,} of {self._size:,}")
        return data

    def _try(self, call: Callable[[Any], T]) -> T:
        while True:
            try:
                if self._file is None:
                    self._open()
                return call(self._file)
            except Exception as error:
                self._drop()
                self._block = max(_MIN_BLOCK, self._block // 8)
                self._patience.failed(error, self._at)

    def _open(self) -> None:
        options: dict[str, Any] = {} if self._local else {"block_size": 0 if self._streamed else self._block}
        file = self._fs.open(self._path, "rb", **options)
        if self._streamed is None:
            self._streamed = not _ranged(file)
            if self._streamed:
                file.close()
                file = self._fs.open(self._path, "rb", block_size=0)
        if self._size is None and (size := getattr(file, "size", None)) is not None:
            self._size = int(size)
        if self._at and _seekable(file):
            file.seek(self._at)
        elif self._at:
            left = self._at  # no ranges: from the start again
            while left and (passed := file.read(min(left, 1 << 20))):
                left -= len(passed)
        self._file = file

    def _drop(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            try:
                file.close()
            except Exception:  # what failed may fail to close
                pass


def _seekable(file: Any) -> bool:
    return bool(file.seekable()) and type(file).__name__ != "HTTPStreamFile"  # which says that it can


def _ranged(file: Any) -> bool:
    """Whether a web server gives parts of a file: some do not, without saying so, which shows behind the first block."""
    if type(file).__name__ != "HTTPFile" or not file.size or file.size <= _BLOCK:
        return True
    try:
        file.seek(file.size - 1)
        file.read(1)
    except ValueError:
        return False
    file.seek(0)
    return True
