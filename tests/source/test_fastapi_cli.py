"""The entry points that we allow, given to the real fastapi-cli: the oldest and the newest that we support."""

from __future__ import annotations

import json
import os
import shlex
import socket
import subprocess
from pathlib import Path

import pytest

from homeport.rendering.rendering import render
from homeport.service.environment import install_environment
from homeport.source.entrypoint import fastapi_arguments
from tests.lab.project import until
from tests.unit_values import values

from .test_uv import new_environment, run_uv

# What `fastapi run` does with its arguments before it starts uvicorn; a process for each, since modules are cached.
PROGRAM = """
import json, logging, os, sys
from pathlib import Path
from fastapi_cli import discover
logging.disable()
def imported(path, app=None):
    found = getattr(discover, "get_import_data", None)
    if found:
        return found(path=Path(path), app_name=app).import_string
    return discover.get_import_string(path=Path(path), app_name=app)
for arguments in json.loads(sys.argv[1]):
    reader, writer = os.pipe()
    if os.fork() == 0:
        sys.stdout = open(os.devnull, "w")
        os.write(writer, imported(arguments[0], *arguments[2:]).encode())
        os._exit(0)
    os.close(writer)
    print(os.read(reader, 1000).decode())
    os.wait()
"""
APP = "from fastapi import FastAPI\napp = FastAPI()\napi = FastAPI()\n"
RELATIVE = "from . import near\n" + APP


@pytest.fixture(scope="module", params=["0.0.3", "0.0.34"])
def python(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python that has that version of fastapi-cli."""
    environment = new_environment(tmp_path_factory.mktemp("fastapi-cli") / request.param)
    wanted = ["fastapi", f"fastapi-cli=={request.param}", "uvicorn", "typer", "rich"]
    run_uv("pip", "install", *wanted, variables=install_environment(str(environment)))
    return environment / "bin/python"


def test_every_form_is_imported_under_the_name_that_is_meant(python: Path, tmp_path: Path) -> None:
    files = {
        "main.py": APP, "plain/main.py": APP, "near.py": "",
        "pkg/__init__.py": APP, "pkg/main.py": RELATIVE, "pkg/near.py": "",
        "pkg/sub/__init__.py": "", "pkg/sub/service.py": "from .. import near\n" + APP,
        "src/lib/__init__.py": "", "src/lib/main.py": "from lib import near\n" + APP, "src/lib/near.py": "",
    }  # fmt: skip
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content)
    expected = {
        "main.py": "main:app", "main": "main:app", "main:api": "main:api", "plain/main.py": "main:app",
        "pkg": "pkg:app", "pkg:api": "pkg:api", "pkg/main.py": "pkg.main:app", "pkg.main:api": "pkg.main:api",
        "pkg.sub.service:app": "pkg.sub.service:app", "lib.main:app": "lib.main:app", "lib.main": "lib.main:app",
    }  # fmt: skip
    arguments = json.dumps([fastapi_arguments(entrypoint, files.keys(), "HEAD") for entrypoint in expected])
    done = subprocess.run(
        [str(python), "-c", PROGRAM, arguments], cwd=tmp_path, check=False, capture_output=True, text=True
    )
    assert not done.returncode, done.stderr
    assert dict(zip(expected, done.stdout.split(), strict=True)) == expected


def test_a_package_marker_at_the_root_is_rightly_refused(python: Path, tmp_path: Path) -> None:
    for name in ("code/__init__.py", "code/main.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(APP)
    done = subprocess.run(
        [str(python), "-c", PROGRAM, '[["main.py"]]'],
        cwd=tmp_path / "code",
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.stdout.strip() != "main:app"


VISITED = """
from fastapi import FastAPI, Request
app = FastAPI()
@app.get("/")
def client(request: Request): return request.client.host
"""


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def test_the_units_command_serves_and_believes_the_proxy(python: Path, tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text(VISITED)
    unit = render("systemd/app@.service", None, **values(entrypoint=("main.py",), workers=1))
    words = shlex.split(next(line for line in unit.splitlines() if line.startswith("ExecStart=")).partition("=")[2])
    variables = dict(pair.split("=") for pair in ("FORWARDED_ALLOW_IPS=127.0.0.1",) if f"Environment={pair}\n" in unit)
    port = free_port()
    command = [str(python.parent / "fastapi"), *(word.replace("${HOMEPORT_PORT}", str(port)) for word in words[1:])]
    ask = ["curl", "-s", "-H", "X-Forwarded-For: 203.0.113.9", f"http://127.0.0.1:{port}/"]
    # Another default than the one that is meant would be seen.
    environment = {**os.environ, "FORWARDED_ALLOW_IPS": "", **variables}
    with (
        (tmp_path / "log").open("w") as log,
        subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=log, stderr=log) as server,
    ):
        try:
            answered = until(lambda: subprocess.run(ask, capture_output=True, text=True).stdout == '"203.0.113.9"', 60)
        finally:
            server.terminate()
    assert answered, (tmp_path / "log").read_text()
