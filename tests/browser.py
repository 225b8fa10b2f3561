"""A real browser for tests: headless Chromium, spoken to in the DevTools protocol over two pipes. No port, no driver, no package."""

import base64
import json
import os
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
MISSING = "no Chromium here: the report is not opened in a browser (on Debian: apt-get install chromium)"
_PATIENCE_S = 60.0
# The protocol wants its pipes at 3 and 4. What is there already is moved out of the way first.
_LAUNCH = """
import fcntl, os, sys
ends = [fcntl.fcntl(int(fd), fcntl.F_DUPFD, 10) for fd in sys.argv[1:3]]
for fd, place in zip(ends, (3, 4)):
    os.dup2(fd, place)
    os.close(fd)
os.execv(sys.argv[3], sys.argv[3:])
"""


def binary() -> str | None:
    """Where Chromium is; None where it is not installed."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


class Tab:
    """One page. `errors` holds every console error, uncaught exception, refused load and network request so far."""

    def __init__(self, read: int, write: int) -> None:
        self._read, self._write = read, write
        self._buffer, self._last, self._session = b"", 0, ""
        self.errors: list[str] = []
        self.requests: list[str] = []
        self._loaded = False
        target = self._call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self._call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self._call(f"{domain}.enable")
        forget = "try { localStorage.clear() } catch {}"  # each page is opened for the first time
        self._call("Page.addScriptToEvaluateOnNewDocument", source=forget)

    def open(self, path: Path, width: int = 1280, height: int = 900, dark: bool = False) -> None:
        """Loads a file in a window of that size; phones are those under 500 pixels."""
        self._call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 500
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self._call("Emulation.setEmulatedMedia", features=[scheme])
        self._loaded = False
        self._call("Page.navigate", url=path.resolve().as_uri())
        while not self._loaded:
            self._note(self._message())

    def run(self, script: str) -> Any:
        """The value of a JavaScript expression, promises awaited."""
        said = self._call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in said, said["exceptionDetails"]
        return said["result"].get("value")

    def press(self, key: str, code: int, text: str = "") -> None:
        """A key on a real keyboard: its DOM name and its Windows key code."""
        event = {"key": key, "code": key, "windowsVirtualKeyCode": code}
        self._call("Input.dispatchKeyEvent", type="keyDown", text=text, **event)
        self._call("Input.dispatchKeyEvent", type="keyUp", **event)

    def choose(self, element: str, value: str) -> None:
        """Picks an option of a <select> as a user would: by value, with its change event."""
        self.run(f"document.getElementById({element!r}).value = {value!r}")
        self.run(f"document.getElementById({element!r}).dispatchEvent(new Event('change', {{ bubbles: true }}))")

    def screenshot(self, whole: bool = True) -> bytes:
        """PNG of the page, or of the window alone."""
        return base64.b64decode(self._call("Page.captureScreenshot", captureBeyondViewport=whole)["data"])

    def _call(self, method: str, **params: Any) -> dict[str, Any]:
        self._last += 1
        message = {"id": self._last, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        while (answer := self._message()).get("id") != self._last:
            self._note(answer)
        assert "error" not in answer, (method, answer["error"])
        result: dict[str, Any] = answer["result"]
        return result

    def _message(self) -> dict[str, Any]:
        end = time.monotonic() + _PATIENCE_S
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self._read], [], [], max(0.0, end - time.monotonic()))
            assert ready, f"the browser said nothing for {_PATIENCE_S:.0f} s"
            data = os.read(self._read, 1 << 20)
            assert data, "the browser has gone"
            self._buffer += data
        one, _, self._buffer = self._buffer.partition(b"\0")
        found: dict[str, Any] = json.loads(one)
        return found

    def _note(self, message: dict[str, Any]) -> None:
        method, params = message.get("method"), message.get("params", {})
        if method == "Page.loadEventFired":
            self._loaded = True
        elif method == "Runtime.exceptionThrown":
            self.errors.append(str(params["exceptionDetails"]))
        elif method == "Runtime.consoleAPICalled" and params["type"] in ("error", "warning", "assert"):
            self.errors.append(str(params["args"]))
        elif method == "Log.entryAdded" and params["entry"]["level"] in ("error", "warning"):
            self.errors.append(str(params["entry"]))
        elif method == "Network.requestWillBeSent":
            self.requests.append(params["request"]["url"])


@contextmanager
def browser(profile: Path) -> Iterator[Tab]:
    """A tab of a fresh Chromium with its profile in that folder; it ends with the block. FileNotFoundError where there is none."""
    path = binary()
    if path is None:
        raise FileNotFoundError(MISSING)
    to_browser, write = os.pipe()
    read, from_browser = os.pipe()
    flags = (
        "--headless --remote-debugging-pipe --no-sandbox --disable-gpu --disable-dev-shm-usage --no-first-run --disable-extensions "
        "--disable-background-networking --disable-component-update --disable-sync --hide-scrollbars"
    )
    offline = "--host-resolver-rules=MAP * ~NOTFOUND"
    command = [path, *flags.split(), offline, f"--user-data-dir={profile}", "about:blank"]
    process = subprocess.Popen(
        [sys.executable, "-c", _LAUNCH, str(to_browser), str(from_browser), *command],
        pass_fds=(to_browser, from_browser),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        env=os.environ | {"HOME": str(profile)},
    )
    os.close(to_browser)
    os.close(from_browser)
    try:
        yield Tab(read, write)
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        os.close(read)
        os.close(write)
