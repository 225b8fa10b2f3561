"""An S3 server that misbehaves: a proxy before moto's server that throttles, dawdles, cuts answers short, and refuses credentials for a while.

Faults follow a count of requests, not a clock: the same requests meet the same faults.
"""

import http.client
import http.server
import threading
import time
from dataclasses import dataclass, field

_SLOW_DOWN = b'<?xml version="1.0" encoding="UTF-8"?><Error><Code>SlowDown</Code><Message>Reduce your request rate.</Message></Error>'
_EXPIRED = b'<?xml version="1.0" encoding="UTF-8"?><Error><Code>ExpiredToken</Code><Message>The token has expired.</Message></Error>'


@dataclass
class Faults:
    """Every n-th request of a kind meets the fault; 0 = none does. `refuse`: (first, last) numbers of requests that get a 403."""

    throttle_every: int = 0
    slow_every: int = 0
    cut_every: int = 0
    refuse: tuple[int, int] = (0, 0)
    seen: int = 0
    met: dict[str, int] = field(default_factory=lambda: {"throttled": 0, "slow": 0, "cut": 0, "refused": 0})
    lock: threading.Lock = field(default_factory=threading.Lock)

    def next(self, method: str) -> str | None:
        """What this request meets."""
        with self.lock:
            self.seen += 1
            number = self.seen
            fault = None
            if self.refuse[0] <= number <= self.refuse[1]:
                fault = "refused"
            elif self.throttle_every and number % self.throttle_every == 0:
                fault = "throttled"
            elif self.slow_every and number % self.slow_every == 0:
                fault = "slow"
            elif self.cut_every and method == "GET" and number % self.cut_every == 0:
                fault = "cut"
            if fault:
                self.met[fault] += 1
            return fault


def proxy(target_port: int, faults: Faults) -> http.server.ThreadingHTTPServer:
    """A running proxy on a free port of 127.0.0.1; shut it down afterwards."""

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_any(self) -> None:
            body = self._body()
            fault = faults.next(self.command)
            if fault in ("throttled", "refused"):
                refusal = (503, _SLOW_DOWN) if fault == "throttled" else (403, _EXPIRED)
                self._answer(refusal[0], [("Content-Type", "application/xml")], refusal[1])
                return
            upstream = http.client.HTTPConnection("127.0.0.1", target_port, timeout=60)
            headers = {k: v for k, v in self.headers.items() if k.lower() not in ("transfer-encoding", "expect")}
            headers["Content-Length"] = str(len(body))
            upstream.request(self.command, self.path, body, headers)
            answer = upstream.getresponse()
            data = answer.read()
            if fault == "slow":
                time.sleep(0.3)  # the fault itself, not a wait for something to happen
            kept = [(k, v) for k, v in answer.getheaders() if k.lower() not in ("transfer-encoding", "connection")]
            if fault == "cut" and len(data) > 100:
                self._answer(answer.status, kept, data, send=len(data) // 2)
                self.close_connection = True
            else:
                self._answer(answer.status, kept, data)
            upstream.close()

        do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = handle_any  # noqa: N815 named by http.server

        def _body(self) -> bytes:
            if "chunked" in self.headers.get("Transfer-Encoding", ""):
                out = b""
                while size := int(self.rfile.readline().split(b";")[0], 16):
                    out += self.rfile.read(size)
                    self.rfile.readline()
                self.rfile.readline()
                return out
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))

        def _answer(self, status: int, headers: list[tuple[str, str]], data: bytes, send: int | None = None) -> None:
            self.send_response(status)
            told = {k.lower() for k, _ in headers}
            for key, value in headers:
                self.send_header(key, value)
            if "content-length" not in told:
                self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(data[:send])

        def log_message(self, format: str, *args: object) -> None:
            """Nothing on standard error."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server
