"""A real Chromium without a screen, led by its own DevTools protocol over a pipe: no driver, no port, no package.

`Chromium` is the process; `Page` is one page in a profile of its own, which remembers all that the browser complained of and
asked for. The profile ends with the page.
"""

from __future__ import annotations

import base64
import fcntl
import hashlib
import json
import os
import pathlib
import select
import shutil
import signal
import subprocess
import tempfile
import time
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

if TYPE_CHECKING:
    from collections.abc import Mapping

SECONDS = 30.0
FLAGS = (
    *("--headless", "--no-sandbox", "--remote-debugging-pipe", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage"),
)  # as root there is no sandbox; the pages are our own

Json = dict[str, Any]


class Screen(NamedTuple):
    """A size in CSS pixels, with how many dots stand for one."""

    width: int
    height: int
    dots: float
    mobile: bool


PHONE, DESKTOP = Screen(390, 844, 2, mobile=True), Screen(1280, 900, 1, mobile=False)


class Chromium:
    """The browser. `hosts`: the only names that it finds, with their addresses; `trusted`: a certificate to take as good."""

    def __init__(self, hosts: Mapping[str, str] | None = None, trusted: pathlib.Path | None = None) -> None:
        found = shutil.which("chromium")
        assert found, "no chromium: make setup installs it"
        names = [f"MAP {name} {address}" for name, address in (hosts or {}).items()]
        only = "EXCLUDE localhost, EXCLUDE 127.0.0.1"
        rules = ", ".join([*names, f"MAP * ~NOTFOUND, {only}", *(f"EXCLUDE {one}" for one in (hosts or {}).values())])
        self._profile = tempfile.TemporaryDirectory(prefix="vllm-operator-chromium-", ignore_cleanup_errors=True)
        flags = [*FLAGS, f"--user-data-dir={self._profile.name}", f"--host-resolver-rules={rules}"]
        if trusted:
            flags.append(f"--ignore-certificate-errors-spki-list={fingerprint(trusted)}")
        self._start([found, *flags, "about:blank"])
        self._pages: dict[str, Page] = {}
        self._answers: dict[int, Json] = {}
        self._number, self._rest = 0, b""

    def _start(self, command: list[str]) -> None:
        """Start the browser, which reads at descriptor 3 and writes at 4."""
        theirs_in, self._write = (_high(end) for end in os.pipe())
        self._read, theirs_out = (_high(end) for end in os.pipe())
        script = f'exec "$@" 3<&{theirs_in} 4>&{theirs_out}'
        self._process = subprocess.Popen(
            ["bash", "-c", script, "bash", *command],
            pass_fds=(theirs_in, theirs_out), start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        os.close(theirs_in)
        os.close(theirs_out)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.killpg(self._process.pid, signal.SIGKILL)  # a group of its own, with all its helpers
        self._process.wait()
        os.close(self._read)
        os.close(self._write)
        self._profile.cleanup()

    def page(self) -> Page:
        """Open a page that shares nothing with others."""
        context = self.send("Target.createBrowserContext")["browserContextId"]
        target = self.send("Target.createTarget", url="about:blank", browserContextId=context)["targetId"]
        session = self.send("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        page = self._pages[session] = Page(self, session)
        for domain in ("Page", "Runtime", "Log", "Network"):
            page.send(f"{domain}.enable")
        return page

    def send(self, method: str, session: str = "", **parameters: Any) -> Json:
        """Send a command and return its result; what happens meanwhile is handed to the pages."""
        self._number += 1
        message = {
            "id": self._number,
            "method": method,
            "params": parameters,
            **({"sessionId": session} if session else {}),
        }
        os.write(self._write, json.dumps(message).encode() + b"\0")
        deadline = time.monotonic() + SECONDS
        while self._number not in self._answers:
            assert time.monotonic() < deadline, f"{method} was not answered"
            self._receive()
        answer = self._answers.pop(self._number)
        assert "error" not in answer, f"{method}: {answer['error']}"
        result: Json = answer["result"]
        return result

    def _receive(self) -> None:
        if not select.select([self._read], [], [], 1)[0]:
            return
        received = os.read(self._read, 1 << 20)
        assert received, "chromium ended"
        *messages, self._rest = (self._rest + received).split(b"\0")
        for message in map(json.loads, messages):
            if "id" in message:
                self._answers[message["id"]] = message
            elif message.get("sessionId") in self._pages:
                self._pages[message["sessionId"]].happened(message["method"], message["params"])


class Page:
    """One page. `complaints`: what console, network and policies have against it; `requests`: every URL asked for."""

    def __init__(self, browser: Chromium, session: str) -> None:
        self._browser, self._session = browser, session
        self.complaints: list[str] = []
        self.requests: list[str] = []

    def send(self, method: str, **parameters: Any) -> Json:
        """Send a command of the DevTools protocol to this page."""
        return self._browser.send(method, self._session, **parameters)

    def happened(self, method: str, told: Json) -> None:
        """Remember what the browser tells."""
        if method == "Network.requestWillBeSent":
            self.requests.append(told["request"]["url"])
        elif method == "Log.entryAdded":
            self.complaints.append(f"{told['entry']['level']}: {told['entry']['text']}")
        elif method == "Runtime.exceptionThrown":
            self.complaints.append(json.dumps(told["exceptionDetails"]))
        elif method == "Runtime.consoleAPICalled":
            self.complaints.append(f"{told['type']}: {json.dumps(told['args'])}")

    def show(self, screen: Screen, *, dark: bool = False) -> None:
        """Have the page shown on a screen, in the colours that its owner prefers."""
        size = {
            "width": screen.width,
            "height": screen.height,
            "deviceScaleFactor": screen.dots,
            "mobile": screen.mobile,
        }
        self.send("Emulation.setDeviceMetricsOverride", **size)
        preferred = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        self.send("Emulation.setEmulatedMedia", features=preferred)

    def open(self, url: str) -> None:
        """Go to an address, and return when all of it has come."""
        failed = self.send("Page.navigate", url=url).get("errorText")
        assert not failed, f"{url}: {failed}"
        self.until("document.readyState === 'complete'")

    def run(self, script: str) -> Any:
        """Return the value of an expression, or of its promise."""
        told = self.send("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True, userGesture=True)
        assert "exceptionDetails" not in told, told["exceptionDetails"]
        return told["result"].get("value")

    def until(self, script: str, seconds: float = SECONDS) -> Any:
        """Return the first true value of an expression."""
        deadline = time.monotonic() + seconds
        while not (value := self.run(script)):
            assert time.monotonic() < deadline, (
                f"not within {seconds} s: {script}\n{self.run('document.body.innerText')}"
            )
            time.sleep(0.02)
        return value

    def write(self, selector: str, text: str) -> None:
        """Put the text into an input, as by hand."""
        self.run(f"(e => {{ e.focus(); e.select?.() }})(document.querySelector({json.dumps(selector)}))")
        self.send("Input.insertText", text=text)

    def press(self, key: str, code: int = 0, text: str = "") -> None:
        """Press a key, such as Tab (9)."""
        told = {"key": key, "code": key, "windowsVirtualKeyCode": code, **({"text": text} if text else {})}
        self.send("Input.dispatchKeyEvent", type="keyDown", **told)
        self.send("Input.dispatchKeyEvent", type="keyUp", key=key, code=key, windowsVirtualKeyCode=code)

    def click(self, selector: str) -> None:
        """Click in the middle of an element."""
        where = self.run(
            f"(e => {{ e.scrollIntoView({{block: 'center'}}); const b = e.getBoundingClientRect();"
            f" return [b.x + b.width / 2, b.y + b.height / 2] }})(document.querySelector({json.dumps(selector)}))"
        )
        at = {"x": where[0], "y": where[1], "button": "left", "clickCount": 1}
        self.send("Input.dispatchMouseEvent", type="mousePressed", **at)
        self.send("Input.dispatchMouseEvent", type="mouseReleased", **at)

    def picture(self, file: pathlib.Path) -> None:
        """Write a PNG of the whole page, also of what lies below the screen."""
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(base64.b64decode(self.send("Page.captureScreenshot", captureBeyondViewport=True)["data"]))


def started(**options: Any) -> Chromium:
    """Start the browser; skip the test where there can be none."""
    if not shutil.which("chromium") and "ID=ubuntu" in pathlib.Path("/etc/os-release").read_text():
        pytest.skip("Ubuntu's chromium is a snap, which does not run here")
    return Chromium(**options)


def fingerprint(certificate: pathlib.Path) -> str:
    """Return what Chromium knows the key of a certificate by."""
    key = x509.load_pem_x509_certificate(certificate.read_bytes()).public_key()
    form = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    return base64.b64encode(hashlib.sha256(key.public_bytes(*form)).digest()).decode()


def _high(descriptor: int) -> int:
    """Return the same end under a number that is not 3 or 4."""
    moved = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, 10)
    os.close(descriptor)
    return moved
