"""gunicorn, granian and Hypercorn themselves, by the command and the files of a unit: the oldest that can be used.

The newest are run on a machine (tests/lab/test_servers.py).
"""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from homeport.host.system.unit_processes import is_worker
from homeport.rendering.rendering import render
from homeport.servers import SERVERS, Place, ServerChoice, ServerName, Serving, Target
from homeport.service.environment import install_environment
from tests.pace import until
from tests.source.test_uv import new_environment, run_uv

pytestmark = pytest.mark.skipif(sys.version_info[:2] > (3, 12), reason="the oldest know no newer Python")
NEEDS: dict[ServerName, tuple[str, ...]] = {
    # It finds its parts by pkg_resources, which newer ones of setuptools do not bring.
    "gunicorn": ("gunicorn==20.1.0", "setuptools<81", "uvicorn-worker==0.3.0", "uvicorn==0.35.0"),
    "granian": ("granian==2.4.0",),
    "hypercorn": ("hypercorn==0.16.0",),
}
# Workers of the oldest granian now and then do not end when they are told to (docs/projects.md).
STOP_SECONDS = 5
# Its oldest falls over the protocol that the newest really speaks.
NEWEST: dict[ServerName, tuple[str, ...]] = {"hypercorn": ("hypercorn>=0.18",)}
VISITED = """
import asyncio
import os
from contextlib import asynccontextmanager
from fastapi import FastAPI, Request

@asynccontextmanager
async def lifespan(app):
    if "NO_DATABASE" in os.environ:
        raise RuntimeError("the database is not there")
    print("begins", os.getpid(), flush=True)
    yield
    print("ends", os.getpid(), flush=True)

def create():
    app = FastAPI(lifespan=lifespan)

    @app.get("/slow")
    async def slow():
        print("asked", flush=True)
        await asyncio.sleep(1)
        return "answered"

    @app.get("/")
    def seen(request: Request):
        own = os.environ.get("OWN_CONFIGURATION", "")
        return {"client": request.client.host, "scheme": request.url.scheme, "own": own}

    return app
"""
OWN = "import os\nos.environ['OWN_CONFIGURATION'] = 'read'\nworkers = 7\nbind = '127.0.0.1:1'\n"


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


class Running(NamedTuple):
    """A server that runs, where it listens, and the file that it writes to."""

    process: subprocess.Popen[bytes]
    port: int
    log: Path

    def printed(self, word: str) -> set[str]:
        """Return the processes that have printed this word."""
        lines = self.log.read_text().splitlines()
        return {line.split()[-1] for line in lines if line.startswith(f"{word} ")}


@contextmanager
def running(
    name: ServerName,
    folder: Path,
    variables: Mapping[str, str] | None = None,
    needs: tuple[str, ...] | None = None,
    **choice: Any,
) -> Iterator[Running]:
    """Run a server as a unit would, two workers of it, with further environment variables."""
    environment = folder / "environment"
    new_environment(environment)
    run_uv("pip", "install", "fastapi", *(needs or NEEDS[name]), variables=install_environment(str(environment)))
    code, files, port = folder / "code", folder / "files", free_port()
    for path in (code / "src", files):
        path.mkdir(parents=True)
    (code / "src/site_of_mine.py").write_text(VISITED)
    (code / "gunicorn.conf.py").write_text(OWN)
    server = SERVERS[name]
    target = server.arguments(Target("site_of_mine", "create", "src", factory=True))
    serving = Serving(ServerChoice(name, **choice), target, 2, stop_timeout_seconds=STOP_SECONDS)
    for file, (template, values) in server.files(serving).items():
        (files / file).write_text(render(template, None, app="notes", release_id="r1", **values))
    program, *words = server.command(serving, Place("127.0.0.1", str(port), str(files)))
    variables = {**os.environ, "FORWARDED_ALLOW_IPS": "127.0.0.1", "PYTHONDONTWRITEBYTECODE": "1", **(variables or {})}
    log_file = folder / "log"
    with log_file.open("w") as log:
        command = [str(environment / "bin" / program), *words]
        with subprocess.Popen(command, cwd=code, env=variables, stdout=log, stderr=log) as process:
            try:
                yield Running(process, port, log_file)
            except BaseException:
                print(log_file.read_text())
                raise
            finally:
                process.terminate()


def asked(port: int) -> dict[str, str]:
    """Return what the application says of a request that a proxy has passed on; nothing while it does not answer."""
    headers = ("-H", "X-Forwarded-For: 203.0.113.9", "-H", "X-Forwarded-Proto: https")
    done = subprocess.run(
        ["curl", "-s", *headers, f"http://127.0.0.1:{port}/"], capture_output=True, text=True, check=False
    )
    return dict(json.loads(done.stdout)) if done.stdout else {}


def children(pid: int) -> list[int]:
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@pytest.mark.parametrize(
    ("name", "choice", "own"),
    [
        ("gunicorn", {"max_requests": 1000, "server_preload": True, "worker_timeout_seconds": 60}, "read"),
        ("granian", {"worker_lifetime_seconds": 3600}, ""),
        ("hypercorn", {"max_requests": 1000}, ""),
    ],
)
def test_the_oldest_version_serves_believes_the_proxy_and_has_workers_that_are_known(
    name: ServerName, choice: dict[str, Any], own: str, tmp_path: Path
) -> None:
    with running(name, tmp_path, **choice) as server:
        pid, port = server.process.pid, server.port
        assert until(lambda: asked(port) != {}, 60)
        assert asked(port) == {"client": "203.0.113.9", "scheme": "https", "own": own}
        assert until(lambda: len([one for one in children(pid) if is_worker(one, pid, name)]) == 2)


def headers(port: int, *options: str) -> str:
    """Return the heads of all answers to a request."""
    words = ["curl", "-s", "-o", "/dev/null", "-D", "-", *options, f"http://127.0.0.1:{port}/"]
    return subprocess.run(words, capture_output=True, text=True, check=False).stdout


@pytest.mark.parametrize("name", ["gunicorn", "granian", "hypercorn"])
def test_nobody_gets_past_the_proxy_by_changing_the_protocol(name: ServerName, tmp_path: Path) -> None:
    """The proxy passes `Upgrade` on, and what follows an answer of 101 it no longer reads."""
    with running(name, tmp_path, needs=NEWEST.get(name, NEEDS[name])) as server:
        assert until(lambda: asked(server.port) != {}, 60)
        assert "200" in headers(server.port).splitlines()[0]
        statuses = re.findall(r"^HTTP/\S+ (\d+)", headers(server.port, "--http2"), re.MULTILINE)
        assert statuses in (["200"], ["101", "421"])


def test_each_worker_of_hypercorn_finishes_its_request_and_its_lifespan(tmp_path: Path) -> None:
    with running("hypercorn", tmp_path) as server:
        assert until(lambda: len(server.printed("begins")) == 2, 60)
        words = ["curl", "-s", f"http://127.0.0.1:{server.port}/slow"]
        with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as request:
            assert until(lambda: "asked" in server.log.read_text())
            server.process.terminate()
            assert request.communicate()[0] == '"answered"'
        assert server.process.wait() == 0
        assert server.printed("ends") == server.printed("begins")


def test_hypercorn_ends_when_a_lifespan_fails_or_a_worker_dies(tmp_path: Path) -> None:
    with running("hypercorn", tmp_path / "fails", {"NO_DATABASE": "yes"}) as server:
        server.process.wait()
        assert "the database is not there" in server.log.read_text()
    with running("hypercorn", tmp_path / "dies") as server:
        assert until(lambda: len(server.printed("begins")) == 2, 60)
        first, other = sorted(server.printed("begins"))
        os.kill(int(first), signal.SIGKILL)
        server.process.wait()
        assert server.printed("ends") == {other}
