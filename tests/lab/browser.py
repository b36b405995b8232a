"""A headless Chromium that shows a page, through its DevTools protocol (https://chromedevtools.github.io)."""

from __future__ import annotations

import base64
import itertools
import json
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from websockets.sync.client import ClientConnection, connect

from homeport.lab.machine import find_command, install

ANSWER_SECONDS = 60


def require_chromium() -> str:
    """Return Debian's Chromium, which is installed where it is missing."""
    if find_command("chromium") is None:
        install(["chromium"])
    found = find_command("chromium")
    assert found is not None
    return found


@dataclass
class Page:
    """A tab of the browser. `events` has what the browser has told so far."""

    connection: ClientConnection
    session: str = ""
    events: list[dict[str, Any]] = field(default_factory=list)
    scripts: Mapping[str, str] = field(default_factory=dict)
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Call a method of the protocol and return its result."""
        number = next(self.numbers)
        session = {"sessionId": self.session} if self.session else {}
        self.connection.send(json.dumps({"id": number, "method": method, "params": parameters, **session}))
        while True:
            said = json.loads(self.connection.recv(timeout=ANSWER_SECONDS))
            if said.get("id") == number:
                assert "error" not in said, said
                return dict(said["result"])
            self.events.append(said)
            if said.get("method") == "Fetch.requestPaused":
                self._answer(said["params"])

    def until(self, event: str) -> None:
        """Wait for an event of the protocol."""
        while not any(one.get("method") == event for one in self.events):
            self.events.append(json.loads(self.connection.recv(timeout=ANSWER_SECONDS)))

    def show(self, path: Path, width: int, *, dark: bool = False) -> None:
        """Show a file in a window of this width."""
        self.events.clear()
        scheme = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        self.call("Emulation.setEmulatedMedia", features=scheme)
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False)
        self.call("Page.navigate", url=path.as_uri())
        self.until("Page.loadEventFired")

    def open(self, url: str) -> None:
        """Show an address."""
        self.events.clear()
        self.call("Page.navigate", url=url)

    @contextmanager
    def answering(self, scripts: Mapping[str, str]) -> Iterator[None]:
        """Answer with these scripts, by pattern of addresses, in the place of the servers that have them.

        It is done while the page is asked something.
        """
        self.scripts = scripts
        self.call("Fetch.enable", patterns=[{"urlPattern": pattern} for pattern in scripts])
        yield
        self.call("Fetch.disable")

    def _answer(self, asked: dict[str, Any]) -> None:
        url = asked["request"]["url"]
        script = next(text for pattern, text in self.scripts.items() if url.startswith(pattern.rstrip("*")))
        kind = "text/css" if "css" in url.rpartition("/")[2] else "text/javascript"
        answer = {
            "requestId": asked["requestId"],
            "responseCode": 200,
            "responseHeaders": [{"name": "Content-Type", "value": kind}],
            "body": base64.b64encode(script.encode()).decode(),
        }
        session = {"sessionId": self.session}
        number = next(self.numbers)
        self.connection.send(json.dumps({"id": number, "method": "Fetch.fulfillRequest", "params": answer, **session}))

    def ask(self, expression: str) -> Any:
        """Return the value of a JavaScript expression in the page."""
        return self.call("Runtime.evaluate", expression=expression, returnByValue=True)["result"].get("value")

    def photograph(self) -> bytes:
        """Return a picture of the whole page as PNG."""
        height = self.ask("document.documentElement.scrollHeight")
        width = self.ask("innerWidth")
        clip = {"x": 0, "y": 0, "width": width, "height": height, "scale": 1}
        shot = self.call("Page.captureScreenshot", captureBeyondViewport=True, clip=clip)
        return base64.b64decode(shot["data"])

    def requested(self) -> list[str]:
        """Return the addresses that the page has loaded something from."""
        sent = [one["params"] for one in self.events if one.get("method") == "Network.requestWillBeSent"]
        return [one["request"]["url"] for one in sent]

    def complaints(self) -> list[str]:
        """Return what the browser found wrong: errors of scripts and of the page."""
        found = [one for one in self.events if one.get("method") in ("Log.entryAdded", "Runtime.exceptionThrown")]
        return [json.dumps(one["params"]) for one in found]


@contextmanager
def browser(folder: Path, *further: str) -> Iterator[Page]:
    """Run a browser whose profile is in `folder`, with one tab, and with `further` options."""
    options = ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run")
    more = ("--remote-debugging-port=0", f"--user-data-dir={folder}", "about:blank")
    with subprocess.Popen(
        [require_chromium(), *options, *further, *more], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        try:
            address = next(line.split()[-1] for line in process.stderr if "DevTools listening on" in line)
            with connect(address, max_size=None) as connection:
                page = Page(connection)
                tab = page.call("Target.createTarget", url="about:blank")["targetId"]
                page.session = page.call("Target.attachToTarget", targetId=tab, flatten=True)["sessionId"]
                for domain in ("Page", "Network", "Runtime", "Log"):
                    page.call(f"{domain}.enable")
                yield page
        finally:
            process.terminate()
