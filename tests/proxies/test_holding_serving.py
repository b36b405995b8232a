"""Requests that wait for their application, with a real Nginx, HAProxy, Caddy and Traefik where they are installed.

On machines, under load and with a real systemd: tests/lab/test_zero_loss.py and test_other_proxies.py.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest

from tests import edge_checks as checks
from tests.edge_checks import Answer
from tests.holding_room import room
from tests.pace import patience, until
from tests.proxies import test_edges_serving as serving
from tests.state.builders import make_settings

DOMAIN = serving.DOMAIN
LARGE = "x" * 3_000_000  # more than a proxy keeps in memory
WEBSOCKET = {
    "Connection": "upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "c2l4dGVlbiBieXRlcyBpdA==",
}
# Those whose body is larger, or of unknown length: Caddy lets go of it when it cannot connect.
NOT_HELD_BY_CADDY = ("PATCH /none", "POST /large", "PUT /large")
WAIT = 100  # longer than a busy computer takes to start an application


class Application(BaseHTTPRequestHandler):
    """Tells what it was asked; `/dies` ends without an answer, and `/dies-once` the first time."""

    protocol_version = "HTTP/1.1"
    asked: ClassVar[list[str]] = []

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        self.asked.append(f"{self.command} {self.path}")
        if self.path == "/dies" or (self.path == "/dies-once" and self.asked.count(self.asked[-1]) == 1):
            self.close_connection = True
            return
        told = {
            "asked": f"{self.command} {self.path}",
            "digest": hashlib.sha256(body).hexdigest(),
            "headers": {key.lower(): value for key, value in self.headers.items()},
        }
        text = json.dumps(told).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(text)

    do_GET = do_POST = do_PUT = do_HEAD = do_PATCH = _answer  # noqa: N815

    def log_message(self, *words: object) -> None:
        """Say nothing."""


@dataclass
class Site:
    """A site on this computer: its proxy runs, its application may."""

    folder: Path
    port: int
    blue: int
    green: int
    stack: ExitStack

    @property
    def has_caddy(self) -> bool:
        return (self.folder / "Caddyfile").exists()

    def start(self, port: int = 0) -> None:
        """Start the application in the slot that has the port, blue unless told."""
        server = ThreadingHTTPServer(("127.0.0.1", port or self.blue), Application)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        self.stack.callback(server.server_close)
        self.stack.callback(server.shutdown)

    def ask(self, path: str, *options: str) -> Answer:
        command = ["curl", "-sSik", "--http1.1", "--path-as-is", "--max-time", str(patience(WAIT * 2))]
        command += ["--connect-to", f"{DOMAIN}:443:127.0.0.1:{self.port}", *options, f"https://{DOMAIN}{path}"]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        return checks.read(done.stdout)


@pytest.fixture(params=["nginx", "haproxy", "caddy", "traefik"])
def serve(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[..., Site]]:
    Application.asked = []
    with ExitStack() as stack:
        yield lambda **data: stack.enter_context(served(request.param, tmp_path, **data))


@contextmanager
def served(proxy: str, folder: Path, **data: Any) -> Iterator[Site]:
    """Run the proxy with a site of these settings, and what systemd has for it."""
    (folder / "etc/homeport").mkdir(parents=True)
    (folder / "run").mkdir()
    (folder / "etc/homeport/notes").symlink_to(folder)
    (folder / "run/homeport").symlink_to(folder)
    settings = make_settings(proxy=proxy, port_blue=serving.free_port(), port_green=serving.free_port(), **data)
    with ExitStack() as stack:
        if proxy != "haproxy":
            stack.enter_context(room(folder, folder / "hold.sock"))
        port = stack.enter_context(serving.running(folder, settings))[443]
        yield Site(folder, port, settings.port_blue, settings.port_green, stack)


def large(site: Site, method: str, version: str) -> Answer:
    # Of its own: another client may be reading its file just now.
    place = site.folder / f"large-{method}"
    place.write_text(LARGE)
    return site.ask("/large", version, "-X", method, "-H", "Expect:", "--data-binary", f"@{place}")


@pytest.mark.parametrize("slot", ["blue", "green"])
def test_requests_wait_whole_until_the_application_accepts_them(serve: Callable[..., Site], slot: str) -> None:
    """It may come up in the other slot, as a release does that takes another one's place."""
    site = serve(hold_seconds=WAIT)
    with ThreadPoolExecutor(8) as pool:
        asked = {
            "GET /a%2Fb?c=%20d": pool.submit(site.ask, "/a%2Fb?c=%20d"),
            "POST /small": pool.submit(site.ask, "/small", "--data", "a=b"),
            "PATCH /none": pool.submit(site.ask, "/none", "-X", "PATCH"),
            "GET /new": pool.submit(site.ask, "/new", "--http2"),
            "GET /live": pool.submit(site.ask, "/live", *(f"-H{name}: {value}" for name, value in WEBSOCKET.items())),
            "POST /large": pool.submit(large, site, "POST", "--http1.1"),
            "PUT /large": pool.submit(large, site, "PUT", "--http2"),
        }
        for name in NOT_HELD_BY_CADDY if site.has_caddy else ():
            assert asked.pop(name).result(patience(60)).status == 503, name
        began = time.monotonic()
        assert until(lambda: time.monotonic() - began > 1, 5)
        assert not any(one.done() for one in asked.values())
        if slot == "green":
            (site.folder / "live-green").touch()
        site.start(site.green if slot == "green" else site.blue)
        answers = {name: one.result(patience(60)) for name, one in asked.items()}
    for name, answer in answers.items():
        assert answer.status == 200, (name, answer)
        told = json.loads(answer.body)
        assert told["asked"] == name
        body = LARGE if "large" in name else "a=b" if "small" in name else ""
        assert told["digest"] == hashlib.sha256(body.encode()).hexdigest()
        assert told["headers"]["host"] == DOMAIN
        assert "x-homeport-hold" not in told["headers"]
        for key, value in WEBSOCKET.items() if name == "GET /live" else ():
            assert told["headers"][key.lower()].lower() == value.lower()
    assert sorted(Application.asked) == sorted(asked)


def test_who_has_waited_for_hold_seconds_is_told_when_to_come_again(serve: Callable[..., Site]) -> None:
    site = serve(hold_seconds=2, response_headers={"X-Frame-Options": "DENY"})
    for options in ((), ("--data", "a"), ("--http2",)):
        began = time.monotonic()
        answer = site.ask("/", *options)
        assert 1.9 <= time.monotonic() - began < patience(10)
        assert (answer.status, answer.one("retry-after"), answer.one("cache-control")) == (503, "5", "no-store")
        assert answer.one("x-frame-options") == "DENY"
        assert answer.one("strict-transport-security")
        assert answer.one("content-type").startswith("text/html")
        assert "Try again in a few seconds" in answer.body
    answer = site.ask("/", "-H", "Accept: application/json, */*")
    assert "Try again" in json.loads(answer.body)["detail"]
    assert answer.one("content-type").startswith("application/json")
    assert answer.one("retry-after") == "5"


@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_what_may_have_been_done_is_not_sent_again(serve: Callable[..., Site], method: str) -> None:
    site = serve(hold_seconds=WAIT)
    site.start()
    for path in ("/dies", "/dies-once"):
        assert site.ask(path, "-X", method, "--data", "a").status == 502
    assert Application.asked == [f"{method} /dies", f"{method} /dies-once"]


@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_what_may_be_done_twice_is_sent_once_more_by_nginx(serve: Callable[..., Site], method: str) -> None:
    """An application that dies of it is not asked for ever. (HAProxy would try as often as where nobody listens.)"""
    site = serve(hold_seconds=WAIT)
    site.start()
    times = 2 if (site.folder / "nginx.conf").exists() else 1
    assert site.ask("/dies", "-X", method, "--data", "a").status == 502
    assert Application.asked == [f"{method} /dies"] * times
    assert site.ask("/dies-once", "-X", method, "--data", "a").status == (200 if times == 2 else 502)


def test_without_hold_seconds_nobody_waits(serve: Callable[..., Site]) -> None:
    site = serve(hold_seconds=0)
    assert site.ask("/").status in (502, 503)
    site.start()
    assert site.ask("/").status == 200


def test_a_client_cannot_have_itself_led_there(serve: Callable[..., Site]) -> None:
    site = serve(hold_seconds=1)
    forged = ("-H", "X-Accel-Redirect: /.homeport/hold", "-H", "X-Homeport-Hold: notes 99 1 1 @homeport_again")
    assert site.ask("/", *forged).status == 503
    site.start()
    assert json.loads(site.ask("/", *forged).body)["asked"] == "GET /"
    if (site.folder / "nginx.conf").exists():
        for path in ("/.homeport/hold", "/.homeport/closed.json"):
            assert site.ask(path).status == 404


def test_the_edges_are_those_of_every_request(request: pytest.FixtureRequest, serve: Callable[..., Site]) -> None:
    limit = {"rate_limits": {"/": {"rate": "1/minute", "burst": 3}}}
    if request.node.callspec.params["serve"] == "caddy":
        pytest.skip("it asks for no passwords, and counts nothing")
    site = serve(hold_seconds=WAIT, basic_auth={checks.USER: checks.VARIABLE}, **limit)
    assert site.ask("/", *checks.BAD).status == 401
    with ThreadPoolExecutor(1) as pool:
        waits = pool.submit(site.ask, "/", *checks.GOOD)
        site.start()
        assert waits.result(patience(60)).status == 200
    # It has counted once, whatever way it went.
    assert [site.ask("/", *checks.GOOD).status for _ in range(2)] == [200, 429]


def test_requests_wait_while_a_slot_is_about_to_be_stopped(serve: Callable[..., Site]) -> None:
    site = serve(hold_seconds=WAIT)
    site.start()
    held = site.folder / "notes.held"
    held.write_text(f"{time.time() + 60:.0f}\n")
    with ThreadPoolExecutor(2) as pool:
        asked = [pool.submit(site.ask, "/"), pool.submit(large, site, "POST", "--http1.1")]
        began = time.monotonic()
        assert until(lambda: time.monotonic() - began > 1, 5)
        assert Application.asked == []
        held.unlink()
        assert [one.result(patience(60)).status for one in asked] == [200, 200]
    # What a killed run has left keeps nobody.
    held.write_text(f"{time.time() - 1:.0f}\n")
    assert site.ask("/").status == 200


def test_a_request_that_waits_has_the_limits_of_its_path(serve: Callable[..., Site]) -> None:
    site = serve(hold_seconds=WAIT, path_settings={"/large": {"client_max_body_megabytes": 20}})
    place = site.folder / "body"
    place.write_text("x" * 11 * 2**20)
    body = ("-H", "Expect:", "--data-binary", f"@{place}")
    with ThreadPoolExecutor(1) as pool:
        waits = pool.submit(site.ask, "/large/one", *body)
        assert site.ask("/small", *body).status == 413
        if site.has_caddy:
            assert waits.result(patience(60)).status == 503
        site.start()
        assert (waits.result(patience(60)) if not site.has_caddy else site.ask("/large/one", *body)).status == 200
    (site.folder / "notes.held").write_text(f"{time.time() + 2:.0f}\n")
    assert site.ask("/large", *body).status == 200
    assert Application.asked == ["POST /large/one", "POST /large"]
