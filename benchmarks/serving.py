"""Serving over TLS: homeport's Nginx beside homeport's other proxies on machines just like it, beside Caddy and HAProxy
as their documentation has them in front of the same processes, and these by themselves; and homeport's Nginx and
HAProxy with all edges of a site on (docs/edges.md), on machines just like these.

All of it, the clients too, runs on one machine: what a proxy takes of the processor, the application has not got.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.measure import BenchmarkError
from benchmarks.stage import Stage
from homeport.lab import LabHost
from tests.lab.commands import settle_data
from tests.lab.project import Project

NAME = "serving"
PEERS = Path(__file__).with_name("peers.sh")
LOAD = Path(__file__).with_name("load.py")
SECONDS = 3
APPLICATION = """
import asyncio

from fastapi import Request, Response, WebSocket, WebSocketDisconnect
from fastapi.responses import StreamingResponse

BIG = bytes(1_000_000)


@app.get("/events")
async def events() -> StreamingResponse:
    async def pieces():
        for number in range(2):
            yield f'{{"piece": {number}}}\\n'
            await asyncio.sleep(0.5)

    return StreamingResponse(pieces(), media_type="application/json")


@app.post("/upload")
async def upload(request: Request) -> dict[str, int]:
    return {"bytes": sum([len(piece) async for piece in request.stream()])}


@app.get("/big")
async def big() -> Response:
    return Response(BIG, media_type="application/octet-stream")


@app.get("/small")
async def small() -> dict[str, str]:
    return {"hello": "world"}


@app.websocket("/echo")
async def echo(socket: WebSocket) -> None:
    await socket.accept()
    try:
        while True:
            await socket.send_text(await socket.receive_text())
    except WebSocketDisconnect:
        return
"""


USER, PASSWORD = "guest", "let me in, please"
VARIABLE = "GUEST_PASSWORD"


@dataclass(frozen=True)
class Row:
    """One kind of load: its name in the table, and what `load.py` is told."""

    name: str
    kind: str
    path: str
    connections: int

    def is_for(self, target: str) -> bool:
        """Tell whether a target has this load; a password's cost is the same for each request, of whatever size."""
        if self in WITH_EDGES:
            return target == "direct" or target.endswith(EDGES)
        if target == "direct":
            # Browsers and we speak HTTP/2 over TLS alone.
            return self.kind != "h2"
        return not target.endswith(PASSWORDS) or (self.kind, self.path) == ("keep", "/small")


ROWS = (
    Row("HTTP/1.1, connections kept, small", "keep", "/small", 32),
    Row("HTTP/1.1, a connection a request, small", "new", "/small", 32),
    Row("HTTP/1.1, 1 MB", "keep", "/big", 8),
    Row("HTTP/2, small", "h2", "/small", 32),
    Row("HTTP/2, 1 MB", "h2", "/big", 8),
    Row("WebSocket, echo", "websocket", "/echo", 32),
)
# What takes settings of a path, and is compared with the application itself.
WITH_EDGES = (
    Row("streamed answer, first piece", "first", "/events", 4),
    Row("streamed answer, first piece, gzip wanted", "first-gzip", "/events", 4),
    Row("upload of 200 MB", "upload", "/upload", 1),
)
# What `load.py` starts.
CLIENTS = "wrk nghttp2-client curl"
OWN_HAPROXY = "homeport, HAProxy"
# homeport's with their settings.
OWN: dict[str, dict[str, str]] = {
    "homeport": {},
    OWN_HAPROXY: {"proxy": "haproxy"},
    "homeport, Caddy": {"proxy": "caddy"},
    "homeport, Traefik": {"proxy": "traefik"},
}
# With all edges but a password, and with a password too, which is looked at by each request on purpose slowly (bcrypt).
EDGES, PASSWORDS = ", all edges", ", all edges and a password"
WITH_ALL = ("homeport", OWN_HAPROXY)
TARGETS = {
    **{f"{name}{more}": 443 for name in OWN for more in ("", *((EDGES, PASSWORDS) if name in WITH_ALL else ()))},
    **{"Caddy": 8443, "HAProxy": 9443, "direct": 8001},
}


@dataclass(frozen=True)
class Served:
    """What one load came to: answers a second, and the time within which 99 of 100 came (milliseconds)."""

    row: str
    target: str
    per_second: float
    p99_milliseconds: float


def prepared(stage: Stage) -> dict[str, LabHost]:
    """Return the host of every target: each of homeport's has its own, and the first one's has the peers too."""
    host = _served(stage, NAME)
    _send(stage, host, PEERS, "/root/peers.sh")
    stage.ssh(host, f"sudo sh /root/peers.sh {shlex.quote(host.domain)}")
    others = [name for name in TARGETS if name.startswith("homeport,")]
    own = {name: _served(stage, f"{NAME}{number}", target=name) for number, name in enumerate(others, 2)}
    return {**dict.fromkeys(TARGETS, host), **own}


def edges(host: LabHost, target: str) -> dict[str, Any]:
    """Return every setting of a site's edges that the target's proxy has; its limits let the load pass."""
    if not target.endswith((EDGES, PASSWORDS)):
        return {}
    return {
        "trusted_proxies": ["192.0.2.0/24", "2001:db8::/32"],
        "allow_from": ["198.51.100.0/24", "127.0.0.0/8", host.address],
        "served_domains": [f"other.{host.domain}"],
        "response_headers": {"X-Frame-Options": "DENY", "Content-Security-Policy": "default-src 'self'"},
        "redirects": {"/old": "/new", "/docs": "https://docs.example.com/"},
        "rate_limits": {"/": {"rate": "99999/second", "burst": 100_000}, "/login": "5/minute"},
        "path_settings": {"/upload": {"client_max_body_megabytes": 201}, "/events": {"streamed": True}},
        **({} if target.startswith(OWN_HAPROXY) else {"error_page": "error.html"}),
        **({"basic_auth": {USER: VARIABLE}, "secrets_file": "secrets.env"} if target.endswith(PASSWORDS) else {}),
    }


def _served(stage: Stage, name: str, target: str = "") -> LabHost:
    host, _ = stage.fresh(name)
    proxy = OWN.get(target.removesuffix(PASSWORDS).removesuffix(EDGES), {})
    project = Project.create(stage.folder / name, stage.lab, "hello", watch_seconds=0)
    settle_data(project, **proxy, **edges(host, target))
    (project.folder / "secrets.env").write_text(f"{VARIABLE}={shlex.quote(PASSWORD)}\n")
    project.write("error.html", "<p>Back soon.</p>")
    project.write("main.py", (project.app / "main.py").read_text() + APPLICATION)
    project.deployed(host)
    _send(stage, host, LOAD, "/root/load.py")
    stage.ssh(
        host, f"sudo sh -c 'apt-get -qq update && apt-get -qq -y --no-install-recommends install {CLIENTS} >/dev/null'"
    )
    return host


def measured(stage: Stage, hosts: Mapping[str, LabHost], rounds: int) -> Iterator[Served]:
    """Yield every row at every target, one after the other, and that so many times."""
    for number in range(rounds):
        for row in (*ROWS, *WITH_EDGES):
            targets = [name for name in TARGETS if row.is_for(name)]
            # Who comes first changes, so that nobody is always measured on the warmer machine.
            for target in targets[number % len(targets) :] + targets[: number % len(targets)]:
                yield _measure(stage, hosts[target], row, target)


def _measure(stage: Stage, host: LabHost, row: Row, target: str) -> Served:
    where = f"{'127.0.0.1' if target == 'direct' else host.domain}:{TARGETS[target]}{row.path}"
    scheme = {"direct": "ws" if row.kind == "websocket" else "http"}.get(
        target, "wss" if row.kind == "websocket" else "https"
    )
    user = shlex.quote(f"{USER}:{PASSWORD}") if target.endswith(PASSWORDS) else ""
    told = f"{row.kind} {row.connections} {SECONDS} {scheme}://{where} {user}"
    command = f"sudo sh -c {shlex.quote(f'/srv/hello/venvs/*/bin/python /root/load.py {told}')}"
    lines = stage.ssh(host, command).output.strip().splitlines()
    try:
        found = json.loads(lines[-1])
    except (IndexError, ValueError):
        raise BenchmarkError(f"{row.name}, {target}: {' '.join(lines[-3:])}") from None
    return Served(row.name, target, found["per_second"], found["p99_milliseconds"])


def _send(stage: Stage, host: LabHost, source: Path, target: str) -> None:
    stage.ssh(host, f"sudo sh -c {shlex.quote(f'cat >{target}')}", stdin=source)
