"""Serving over TLS: homeport's Nginx beside homeport's HAProxy on a machine just like it, beside Caddy and HAProxy as
their documentation has them in front of the same processes, and these by themselves.

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
from tests.lab.project import Project

NAME = "serving"
PEERS = Path(__file__).with_name("peers.sh")
LOAD = Path(__file__).with_name("load.py")
SECONDS = 3
APPLICATION = """
from fastapi import Response, WebSocket, WebSocketDisconnect

BIG = bytes(1_000_000)


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


@dataclass(frozen=True)
class Row:
    """One kind of load: its name in the table, and what `load.py` is told."""

    name: str
    kind: str
    path: str
    connections: int

    @property
    def encrypted_alone(self) -> bool:
        """Whether it needs TLS: browsers and we speak HTTP/2 over nothing else."""
        return self.kind == "h2"


ROWS = (
    Row("HTTP/1.1, connections kept, small", "keep", "/small", 32),
    Row("HTTP/1.1, a connection a request, small", "new", "/small", 32),
    Row("HTTP/1.1, 1 MB", "keep", "/big", 8),
    Row("HTTP/2, small", "h2", "/small", 32),
    Row("HTTP/2, 1 MB", "h2", "/big", 8),
    Row("WebSocket, echo", "websocket", "/echo", 32),
)
# What `load.py` starts.
CLIENTS = "wrk nghttp2-client"
OWN_HAPROXY = "homeport, HAProxy"
TARGETS = {"homeport": 443, OWN_HAPROXY: 443, "Caddy": 8443, "HAProxy": 9443, "direct": 8001}


@dataclass(frozen=True)
class Served:
    """What one load came to: answers a second, and the time within which 99 of 100 came (milliseconds)."""

    row: str
    target: str
    per_second: float
    p99_milliseconds: float


def prepared(stage: Stage) -> dict[str, LabHost]:
    """Return the host of every target: one serves through Nginx and the peers, the other through homeport's HAProxy."""
    host = _served(stage, NAME)
    _send(stage, host, PEERS, "/root/peers.sh")
    stage.ssh(host, f"sudo sh /root/peers.sh {shlex.quote(host.domain)}")
    return {**dict.fromkeys(TARGETS, host), OWN_HAPROXY: _served(stage, f"{NAME}-haproxy", proxy="haproxy")}


def _served(stage: Stage, name: str, **settings: Any) -> LabHost:
    host, _ = stage.fresh(name)
    project = Project.create(stage.folder / name, stage.lab, "hello", watch_seconds=0, **settings)
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
        for row in ROWS:
            targets = [name for name in TARGETS if not (row.encrypted_alone and name == "direct")]
            # Who comes first changes, so that nobody is always measured on the warmer machine.
            for target in targets[number % len(targets) :] + targets[: number % len(targets)]:
                yield _measure(stage, hosts[target], row, target)


def _measure(stage: Stage, host: LabHost, row: Row, target: str) -> Served:
    where = f"{'127.0.0.1' if target == 'direct' else host.domain}:{TARGETS[target]}{row.path}"
    scheme = {"direct": "ws" if row.kind == "websocket" else "http"}.get(
        target, "wss" if row.kind == "websocket" else "https"
    )
    command = f"sudo sh -c '/srv/hello/venvs/*/bin/python /root/load.py {row.kind} {row.connections} {SECONDS} {scheme}://{where}'"
    lines = stage.ssh(host, command).output.strip().splitlines()
    try:
        found = json.loads(lines[-1])
    except (IndexError, ValueError):
        raise BenchmarkError(f"{row.name}, {target}: {' '.join(lines[-3:])}") from None
    return Served(row.name, target, found["per_second"], found["p99_milliseconds"])


def _send(stage: Stage, host: LabHost, source: Path, target: str) -> None:
    stage.ssh(host, f"sudo sh -c {shlex.quote(f'cat >{target}')}", stdin=source)
