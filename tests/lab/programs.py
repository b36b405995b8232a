"""Clients of the load that are programs as users have them: curl, Go's own, a browser. Each speaks HTTP/2.

These send a request again that the server said it had not taken (GOAWAY); what they still report is lost.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from functools import cache
from pathlib import Path

from homeport.lab.machine import find_command, install
from tests.lab.browser import Page, browser
from tests.lab.clients import RELEASE_HEADER, TIMEOUT_SECONDS, Answer, Target, WrongAnswerError
from tests.pace import until

PER_SECOND = 2
GO = Path(__file__).with_name("client.go")
WRITTEN = f"%{{stderr}}%{{http_code}} HTTP/%{{http_version}} %header{{{RELEASE_HEADER}}} %{{errormsg}}\\n"
OTHER_NETWORK = "ERR_NETWORK_CHANGED"
TEXT = "document.body.innerText"
FETCH = """fetch('/health', {cache: 'no-store'}).then(
    answer => answer.text().then(() => `${answer.status} ${protocol()} ${answer.headers.get('x-notes-release')}`),
    error => 'lost ' + error)"""
PROTOCOL = """function protocol() {
    const seen = performance.getEntriesByType('resource'); performance.clearResourceTimings();
    return seen.length && seen[seen.length - 1].nextHopProtocol == 'h2' ? 'HTTP/2' : 'another protocol'; }"""


def read(line: str) -> Answer:
    """Return the answer that a program tells of; raise WrongAnswerError for another one, or none."""
    status, protocol, release, *_ = (*line.split(), "", "", "")
    if status != "200" or not protocol.startswith("HTTP/2"):
        raise WrongAnswerError(line.strip() or "the program ended")
    return Answer(release)


class Curl:
    """curl, which asks twice a second by itself and keeps its connection."""

    def __init__(self, target: Target):
        there = f"{target.name}:443:{target.address}:{target.port}"
        asked = f"https://{target.name}/health?number=[1-100000]"
        options = ("--rate", f"{PER_SECOND}/s", "--max-time", str(int(TIMEOUT_SECONDS)), "--connect-to", there)
        trust = ("--cacert", str(target.ca_file))
        self._command = ["curl", "-q", "-s", "--http2", *options, *trust, "-o", "/dev/null", "-w", WRITTEN, asked]
        self._process: subprocess.Popen[str] | None = None

    def request(self) -> Answer:
        """See Client: here the next one that curl has sent."""
        if self._process is None:
            quiet = subprocess.DEVNULL
            self._process = subprocess.Popen(
                self._command, stdin=quiet, stdout=quiet, stderr=subprocess.PIPE, text=True
            )
        assert self._process.stderr is not None
        return read(self._process.stderr.readline())

    def close(self) -> None:
        """See Client."""
        end(self._process)
        self._process = None


class Go:
    """A program that asks by Go's net/http."""

    def __init__(self, target: Target):
        place = f"{target.address}:{target.port}"
        self._command = [str(compiled()), f"https://{target.name}/health", place, str(target.ca_file)]
        self._process: subprocess.Popen[str] | None = None

    def request(self) -> Answer:
        """See Client."""
        if self._process is None:
            piped = subprocess.PIPE
            self._process = subprocess.Popen(self._command, stdin=piped, stdout=piped, text=True, bufsize=1)
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write("\n")
        return read(self._process.stdout.readline())

    def close(self) -> None:
        """See Client."""
        end(self._process)
        self._process = None


class Browser:
    """A page in Chromium whose script asks. Its certificate is verified by the others: a browser has its own store."""

    def __init__(self, target: Target):
        self._target = target
        self._stack = ExitStack()
        self._page: Page | None = None

    def request(self) -> Answer:
        """See Client."""
        page = self._page = self._page or self._opened()
        while True:
            page.events.clear()
            asked = page.call("Runtime.evaluate", expression=FETCH, awaitPromise=True, returnByValue=True)
            failed = [one["params"] for one in page.events if one.get("method") == "Network.loadingFailed"]
            reasons = " ".join(one["errorText"] for one in failed)
            # Another lab came up on this computer, or went: a browser gives up what it had asked for then.
            if OTHER_NETWORK not in reasons:
                return read(f"{asked['result'].get('value')} {reasons}")
            print(f"the browser: {reasons}")

    def _opened(self) -> Page:
        target = self._target
        rules = f"--host-resolver-rules=MAP {target.name}:443 {target.address}:{target.port}"
        folder = self._stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True))
        page = self._stack.enter_context(browser(Path(folder), rules, "--ignore-certificate-errors"))
        page.open(f"https://{target.name}/health")
        if not until(lambda: page.ask("document.readyState") == "complete" and "slot" in str(page.ask(TEXT)), 60):
            raise WrongAnswerError(f"the browser does not show the page: {page.ask(TEXT)}")
        page.call("Runtime.evaluate", expression=PROTOCOL)
        return page

    def close(self) -> None:
        """See Client."""
        self._page = None
        self._stack.close()


def end(process: subprocess.Popen[str] | None) -> None:
    """End a program that was begun here."""
    if process is None:
        return
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout, process.stderr):
        if pipe:
            pipe.close()


@cache
def compiled() -> Path:
    """Return the program of Go, compiled once for a run of the tests; Debian's Go is installed where it is missing."""
    if find_command("go") is None:
        install(["golang-go"])
    folder = Path(tempfile.mkdtemp(prefix="homeport-go-"))
    command: Sequence[str] = ("go", "build", "-o", str(folder / "client"), GO.name)
    place = {"GOCACHE": str(folder / "cache"), "GOPATH": str(folder), "GOPROXY": "off", "GO111MODULE": "off"}
    subprocess.run(command, cwd=GO.parent, env={**os.environ, **place}, check=True)
    return folder / "client"
