"""gunicorn and granian themselves, by the command and the files of a unit: the oldest that we say can be used.

The newest are run on a machine (tests/lab/test_servers.py).
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

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
}
VISITED = """
import os
from fastapi import FastAPI, Request

def create():
    app = FastAPI()

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


@contextmanager
def running(name: ServerName, folder: Path, **choice: Any) -> Iterator[tuple[int, int]]:
    """Run a server as a unit would, two workers of it; yield its process and its port."""
    environment = folder / "environment"
    new_environment(environment)
    run_uv("pip", "install", "fastapi", *NEEDS[name], variables=install_environment(str(environment)))
    code, files, port = folder / "code", folder / "files", free_port()
    for path in (code / "src", files):
        path.mkdir(parents=True)
    (code / "src/site_of_mine.py").write_text(VISITED)
    (code / "gunicorn.conf.py").write_text(OWN)
    server = SERVERS[name]
    target = server.arguments(Target("site_of_mine", "create", "src", factory=True))
    serving = Serving(ServerChoice(name, **choice), target, 2)
    for file, (template, values) in server.files(serving).items():
        (files / file).write_text(render(template, None, app="notes", release_id="r1", **values))
    program, *words = server.command(serving, Place("127.0.0.1", str(port), str(files)))
    variables = {**os.environ, "FORWARDED_ALLOW_IPS": "127.0.0.1", "PYTHONDONTWRITEBYTECODE": "1"}
    with tempfile.TemporaryFile("w+") as log:
        command = [str(environment / "bin" / program), *words]
        with subprocess.Popen(command, cwd=code, env=variables, stdout=log, stderr=log) as process:
            try:
                yield process.pid, port
            except BaseException:
                log.seek(0)
                print(log.read())
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
    ],
)
def test_the_oldest_version_serves_believes_the_proxy_and_has_workers_that_are_known(
    name: ServerName, choice: dict[str, Any], own: str, tmp_path: Path
) -> None:
    with running(name, tmp_path, **choice) as (pid, port):
        assert until(lambda: asked(port) != {}, 60)
        assert asked(port) == {"client": "203.0.113.9", "scheme": "https", "own": own}
        assert until(lambda: len([one for one in children(pid) if is_worker(one, pid, name)]) == 2)
