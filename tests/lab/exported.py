"""An application's project that is exported, and what its tests on a real engine share.

No registry of images may be asked, so the base is a stand-in that looks like the official slim image: the same Debian,
its own Python under the same names.
"""

from __future__ import annotations

import functools
import os
import shutil
import socket
import ssl
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from homeport.lab import Lab
from tests.lab.clients import KeptConnection, NewConnection, Target
from tests.lab.containers import Engine, make_image
from tests.lab.load import KEEP_ALIVE_GET, KEEP_ALIVE_POST, NEW_CONNECTION, Kind
from tests.lab.project import REPOSITORY, Project

BASE = "python:3.11-slim"
PACKAGES = ("ca-certificates", "python3", "python3-venv", "netbase", "tzdata")
SCRIPT = "ln -s /usr/bin/python3 /usr/local/bin/python; ln -s /usr/bin/python3 /usr/local/bin/python3\n"
SENTINEL = "s3ntinel-of-a-secret"
HEALTHY_SECONDS = 90
LIMIT_MEGABYTES = 512
# What the application says by `before_start`.
MADE_READY = "made ready"
# What a visitor's requests are like while something is released.
KINDS = {
    KEEP_ALIVE_GET: Kind(2, 0.05, lambda target: KeptConnection(target, "GET", "/health")),
    KEEP_ALIVE_POST: Kind(1, 0.1, lambda target: KeptConnection(target, "POST", "/notes")),
    NEW_CONNECTION: Kind(1, 0.2, lambda target: NewConnection(target, "GET", "/health")),
}


def make_base(engine: Engine, lab: Lab) -> None:
    """Make the image that stands in for the official one."""
    make_image(engine, lab, BASE, PACKAGES, SCRIPT)


def build_proxy(engine: Engine, folder: Path, tag: str, dockerfile: str) -> None:
    """Build the image of the proxy that a stack or cluster has before the application, in a folder of its own."""
    place = folder / "proxy"
    place.mkdir()
    (place / "Dockerfile").write_text(dockerfile)
    engine.docker("build", *engine.names, "--tag", tag, str(place))


@functools.cache
def buildkit_client() -> str | None:
    """Return a client that can have BuildKit build: one before 23, or one with the plugin; None where there is none."""
    for program in dict.fromkeys(filter(None, (shutil.which("docker"), "/usr/bin/docker"))):
        if not Path(program).exists():
            continue
        version = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout.split()[2]
        plugin = subprocess.run([program, "buildx", "version"], capture_output=True, check=False)
        if int(version.partition(".")[0]) < 23 or plugin.returncode == 0:
            return program
    return None


def export_options() -> list[str]:
    """Return how the Dockerfile is exported for the newest builder that there is."""
    return [] if buildkit_client() else ["--classic"]


@dataclass(frozen=True)
class Exported:
    """An example's project, on an engine."""

    project: Project
    engine: Engine
    environment: Mapping[str, str]
    name: str = "notes"

    @classmethod
    def create(cls, folder: Path, lab: Lab, engine: Engine, example: str = "notes", **data: Any) -> Exported:
        """Make the project, with secrets that no image may have: its file, and one that git does not ignore."""
        project = Project.create(folder, lab, example)
        (folder / "inventories" / "production.py").write_text('production = [("web1.test", {})]\n')
        (folder / "app" / "production.env").write_text(f"TOKEN={SENTINEL}\n")
        project.write(".env", f"TOKEN={SENTINEL}\n")
        found = cls(
            project,
            engine,
            {**os.environ, "PYTHONPATH": str(REPOSITORY), "DOCKER_HOST": f"unix://{engine.socket}"},
            data.get("app_name", example),
        )
        found.settings(**data)
        return found

    def settings(self, **data: Any) -> None:
        """Have the settings of the production inventory say this."""
        values = {
            **{"app_name": self.name, "app_source": "app", "app_subdirectory": "", "domain": "notes.lab.test"},
            **{"secrets_file": "app/production.env", "python_version": "3.11", "workers": 1},
            "before_start": [f"echo {MADE_READY}"],
            **data,
        }
        text = "".join(f"{name} = {value!r}\n" for name, value in values.items())
        (self.project.folder / "group_data" / "production.py").write_text(text)

    def homeport(self, *words: str) -> str:
        """Run a command of homeport's in the project; return what it said."""
        command = [sys.executable, "-m", "homeport.cli.main", *words]
        done = subprocess.run(
            command, cwd=self.project.folder, env=dict(self.environment), capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def build(self, tag: str, *options: str, classic: bool = False) -> str:
        """Build the image from the working tree; return what the builder said."""
        program = None if classic else buildkit_client()
        given = ("--build-arg", f"RELEASE={tag}", "--tag", f"{self.name}:{tag}", ".")
        done = subprocess.run(
            [program or "docker", "build", *self.engine.names, *options, *given],
            cwd=self.project.app,
            env={**self.environment, "DOCKER_BUILDKIT": "1" if program else "0", "BUILDKIT_PROGRESS": "plain"},
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
        assert done.returncode == 0, done.stdout
        return done.stdout

    def python(self, container: str, script: str) -> str:
        """Run a Python script in a container that is up; return what it printed."""
        return self.engine.docker("exec", container, "python", "-c", script).stdout.strip()

    def ask(self, container: str, path: str, body: str = "") -> str:
        """Return what the application in a container answers, asked in there."""
        data = f"{body.encode()!r}" if body else "None"
        request = f"'http://127.0.0.1:8000{path}', {data}, {{'Content-Type': 'application/json'}}"
        script = f"import urllib.request as u; print(u.urlopen(u.Request({request}), timeout=30).read().decode())"
        return self.python(container, script)

    def put_below(self, prefix: str) -> None:
        """Have the application say that it is below a prefix, which nobody takes away before it."""
        self.project.replace("main.py", "FastAPI(title", f'FastAPI(root_path="{prefix}", title')

    def is_limited(self, container: str) -> bool:
        """Tell whether the kernel ends what takes more memory in there than LIMIT_MEGABYTES, and the server stays."""
        script = f"taken = b'x' * ({LIMIT_MEGABYTES + 100} << 20); print(len(taken))"
        done = self.engine.docker("exec", container, "python", "-c", script, check=False)
        return done.returncode == 137 and '"status":"ok"' in self.ask(container, "/health")

    def kill_server(self, container: str) -> None:
        """End the server of a container as a crash does; the engine is not told."""
        first = self.engine.docker("inspect", "--format", "{{.State.Pid}}", container).stdout.strip()
        subprocess.run(["pkill", "-KILL", "-P", first], check=True)

    def starts(self, container: str) -> int:
        """Return how often a container has gone through its steps before the start."""
        done = self.engine.docker("logs", container)
        return (done.stdout + done.stderr).count(MADE_READY)

    def health(self, container: str) -> str:
        """Return what the engine says of a container's health."""
        return self.engine.docker(
            "inspect", "--format", "{{.State.Health.Status}}", container, check=False
        ).stdout.strip()


@dataclass(frozen=True)
class Served:
    """An exported application behind a proxy, and where both are reached from outside."""

    exported: Exported
    lab: Lab
    domain: ClassVar[str]

    @property
    def target(self) -> Target:
        """What a load is sent to."""
        return Target(self.domain, self.exported.engine.address, self.lab.directory.ca_file)

    def serves(self, release: str) -> bool:
        """Tell whether this release answers."""
        return f'"release":"{release}"' in self.curl(f"https://{self.domain}/health")

    def serial(self) -> str:
        """Return the serial number of the certificate that is served, by the lab's authority."""
        trust = ssl.create_default_context(cafile=self.lab.directory.ca_file)
        with (
            socket.create_connection((self.exported.engine.address, 443)) as plain,
            trust.wrap_socket(plain, server_hostname=self.domain) as shown,
        ):
            return str((shown.getpeercert() or {})["serialNumber"])

    def curl(self, *words: str) -> str:
        """Return what curl says of the site, seen from outside: the answer, or why there is none."""
        where = ["--connect-to", f"{self.domain}::{self.exported.engine.address}:"]
        trust = ["--cacert", str(self.lab.directory.ca_file)]
        command = ["curl", "--silent", "--show-error", "--max-time", "60", *where, *trust, *words]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return done.stdout or done.stderr
