"""A user's project in a folder of its own, and the machines as somebody else sees them.

`Project` runs the real `pyinfra` as a user does. `Seen` reads a host back without homeport: over ssh with testinfra,
from outside with curl and openssl.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import testinfra

from homeport.lab import Lab
from homeport.lab.model import LabHost
from homeport.lab.network import Network
from tests.lab import remote
from tests.pace import until as until

REPOSITORY = Path(__file__).parents[2]
PYINFRA = Path(sys.executable).with_name("pyinfra")
UV = Path(sys.executable).with_name("uv")
# Some hundred releases are neither watched for five seconds each nor started with more processes than it takes to show
# what they show; test_deploy's first ones are as a user has them.
HASTE: Mapping[str, object] = {"watch_seconds": 1, "workers": 1}
IDENTITY = ("-c", "user.name=Test", "-c", "user.email=test@example.invalid")


@dataclass
class Project:
    """A project folder, its application in a git repository beside it, and the homeport (`toolkit`) that deploys it."""

    folder: Path
    lab: Lab
    data: dict[str, object] = field(default_factory=dict)
    toolkit: Path = REPOSITORY

    @classmethod
    def create(cls, folder: Path, lab: Lab, example: str = "notes", **data: object) -> Project:
        """Make a project that deploys a copy of one of the examples."""
        return cls.of_version(REPOSITORY, folder, lab, example, **data)

    @classmethod
    def of_version(cls, toolkit: Path, folder: Path, lab: Lab, example: str = "notes", **data: object) -> Project:
        """Make one with the files and the examples of another version of homeport."""
        folder.mkdir(parents=True)
        for name in ("deploy.py", "config.py", "inventories", "group_data"):
            source = toolkit / name
            (shutil.copytree if source.is_dir() else shutil.copy)(source, folder / name)
        shutil.copytree(toolkit / "examples" / example, folder / "app", ignore=shutil.ignore_patterns("__pycache__"))
        given = {"app_name": example, "app_source": "app", "app_subdirectory": "", **HASTE, **data}
        project = cls(folder, lab, given, toolkit)
        project.git("init", "-q", "-b", "main")
        project.commit("first")
        return project

    @property
    def app(self) -> Path:
        """The application's working tree."""
        return self.folder / "app"

    def git(self, *arguments: str) -> str:
        """Run git in the application's repository."""
        command = ["git", *IDENTITY, *arguments]
        return subprocess.run(command, cwd=self.app, check=True, capture_output=True, text=True).stdout.strip()

    def commit(self, message: str) -> str:
        """Commit all that is there; return the commit."""
        self.git("add", "-A")
        self.git("commit", "-q", "-m", message)
        return self.git("rev-parse", "HEAD")

    def write(self, path: str, text: str) -> None:
        """Write a file of the application and commit it."""
        target = self.app / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
        self.commit(f"change {path}")

    def override(self, path: str, text: str) -> Path:
        """Put an override of a template into the project, and return its file."""
        place = self.folder / "overrides" / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
        return place

    def replace(self, path: str, old: str, new: str) -> None:
        """Change a file of the application and commit it."""
        text = (self.app / path).read_text()
        assert old in text
        self.write(path, text.replace(old, new, 1))

    def depend_on(self, requirement: str) -> None:
        """Add a requirement to the application's, lock them, and commit that."""
        with (self.app / "requirements.in").open("a") as file:
            file.write(f"{requirement}\n")
        lock = [str(UV), "pip", "compile", "-q", "--universal", "--python-version", "3.11", "--generate-hashes"]
        lock += ["--no-emit-index-url", "--no-emit-find-links", "requirements.in", "-o", "requirements.txt"]
        subprocess.run(lock, cwd=self.app, check=True, capture_output=True)
        self.commit(f"depend on {requirement}")

    def pyinfra(self, host: str, *options: str, **data: object) -> subprocess.CompletedProcess[str]:
        """Run `pyinfra inventories/lab.py deploy.py` against one host or more; stdout and stderr come together.

        More are separated by commas.
        """
        with self.started(host, *options, **data) as process:
            try:
                output = process.communicate(timeout=1100)[0]
            except subprocess.TimeoutExpired:
                process.kill()
                raise
        return subprocess.CompletedProcess(process.args, process.returncode, output)

    def started(self, host: str, *options: str, **data: object) -> subprocess.Popen[str]:
        """Begin the same run; each line of its output is there as soon as it is printed."""
        given = {**self.data, **data}
        values = [word for key, value in given.items() for word in ("--data", f"{key}={value}")]
        limits = [word for name in host.split(",") if name for word in ("--limit", name)]
        command = [str(PYINFRA), "inventories/lab.py", "deploy.py", *limits, *options, *values]
        lab = {"HOMEPORT_LAB": str(self.lab.directory.path)}
        return subprocess.Popen(
            command,
            cwd=self.folder,
            env={**os.environ, **lab, "PYTHONPATH": str(self.toolkit), "PYTHONUNBUFFERED": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
        )

    def deploy(self, host: LabHost, **data: object) -> subprocess.CompletedProcess[str]:
        """Deploy without asking; the caller looks at the status."""
        return self.pyinfra(host.name, "-y", **data)

    def deployed(self, host: LabHost, **data: object) -> str:
        """Deploy and have it succeed; return what was printed."""
        result = self.deploy(host, **data)
        assert result.returncode == 0, result.stdout
        return result.stdout


def changes_nothing(output: str) -> bool:
    """Tell whether every phase of a run found nothing to do."""
    return output.count("No changes") == output.count("Starting operation") > 0


@dataclass(frozen=True)
class Seen:
    """A host as somebody sees it who does not know homeport."""

    lab: Lab
    host: LabHost

    @property
    def inside(self) -> Any:
        """The host through testinfra, as root."""
        directory, host = self.lab.directory, self.host
        config = directory.path / f"ssh_config_{host.name}"
        config.write_text(
            f"Host {host.name}\n  HostName {host.address}\n  Port {host.port}\n  User {host.user}\n"
            f"  IdentityFile {directory.key_file}\n  IdentitiesOnly yes\n"
            f"  UserKnownHostsFile {directory.known_hosts_file}\n  StrictHostKeyChecking yes\n"
            + "".join(f"  {option.replace('=', ' ', 1)}\n" for option in remote.kept(self.lab, host))
        )
        return testinfra.get_host(f"ssh://{host.name}?controlpersist=0", ssh_config=str(config), sudo=True)

    @property
    def https_port(self) -> int:
        """The port at which the host's port 443 is reached from here."""
        return Network(self.lab.id, 0, self.lab.directory.load().loopback).https_port

    def shell(self, command: str) -> str:
        """Run a command as root and have it succeed; return what it printed."""
        result = remote.run(self.lab, self.host, f"sudo sh -c {_quoted(command)}")
        assert result.returncode == 0, result.stderr
        return result.stdout.strip()

    def property(self, unit: str, name: str) -> str:
        """Return one property of a unit, as systemd says it."""
        return self.shell(f"systemctl show -p {name} --value {unit}")

    def curl(self, path: str, *options: str, name: str = "") -> subprocess.CompletedProcess[str]:
        """Ask the site over HTTPS, its certificate verified against the lab's authority."""
        name = name or self.host.domain
        to = ["--connect-to", f"{name}:443:{self.host.address}:{self.https_port}"]
        trust = ["--cacert", str(self.lab.directory.ca_file), *to]
        command = ["curl", "-sS", "--max-time", "20", *trust, *options, f"https://{name}{path}"]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    def get(self, path: str, *, name: str = "") -> Any:
        """Return the JSON that the site answers with, and have it answer well."""
        answer = self.curl(path, "--fail", name=name)
        assert answer.returncode == 0, answer.stderr
        return json.loads(answer.stdout)

    def answers(self, *, name: str = "") -> bool:
        """Tell whether the site answers over HTTPS, its certificate verified."""
        return self.curl("/health", "--fail", name=name).returncode == 0

    def serial(self, name: str = "") -> str:
        """Return the serial number of the certificate that is served on port 443."""
        name = name or self.host.domain
        connect = ["openssl", "s_client", "-connect", f"{self.host.address}:{self.https_port}", "-servername", name]
        shown = subprocess.run(connect, input="", capture_output=True, text=True, check=False).stdout
        parse = ["openssl", "x509", "-noout", "-serial"]
        return subprocess.run(parse, input=shown, capture_output=True, text=True, check=True).stdout.strip()


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"
