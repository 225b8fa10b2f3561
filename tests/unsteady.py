"""A web server on loopback that knows ranges, throttles and loses connections. Its faults follow a count of requests, never a clock."""

import http.server
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

Fault = tuple[str, int] | None  # ("status", 503): an answer; ("cut", n): the connection ends after n bytes of content


@dataclass
class Served:
    """What was asked for and sent: each request's method, path, first byte and bytes of content."""

    url: str
    requests: list[tuple[str, str, int, int]] = field(default_factory=list)


@contextmanager
def server(folder: Path, fault: Callable[[int, str], Fault], ranges: bool = True) -> Iterator[Served]:
    """Files of a folder; `fault(number, method)` says what happens to each request, counted from 0."""
    served = Served("")
    lock = threading.Lock()

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            pass

        def do_HEAD(self) -> None:
            self.do_GET()

        def do_GET(self) -> None:
            path = folder / self.path.lstrip("/")
            with lock:
                met = fault(len(served.requests), self.command)
                served.requests.append((self.command, self.path, 0, 0))
                mine = len(served.requests) - 1
            if met and met[0] == "status":
                self.send_response(met[1])
                self.send_header("Content-Length", "0")
                self.send_header("Retry-After", "3")
                self.end_headers()
                return
            if not path.is_file():
                self.send_error(404)
                return
            data = path.read_bytes()
            first, last = 0, len(data) - 1
            wanted = self.headers.get("Range")
            if wanted and ranges:
                low, _, high = wanted.removeprefix("bytes=").partition("-")
                first, last = int(low), min(int(high or last), last)
                self.send_response(206)
                self.send_header("Content-Range", f"bytes {first}-{last}/{len(data)}")
            else:
                self.send_response(200)
            body = data[first : last + 1]
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Accept-Ranges", "bytes" if ranges else "none")
            self.end_headers()
            if self.command == "GET":
                sent = body[: met[1]] if met else body
                served.requests[mine] = (self.command, self.path, first, len(sent))
                try:
                    self.wfile.write(sent)
                except OSError:  # the client went away
                    self.close_connection = True
                if met:
                    self.close_connection = True

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        served.url = f"http://127.0.0.1:{listening.server_address[1]}"
        threading.Thread(target=listening.serve_forever, daemon=True).start()
        yield served
        listening.shutdown()
