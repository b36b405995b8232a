"""An application that supervisord runs, on a machine whose Supervisor runs something of the user's own besides."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.lab.clients import Target
from tests.lab.project import Project, Seen

WORKERS, MEGABYTES = 2, 300
SECRET = "sentinel-8c1f0e5b7a"
MIGRATE = 'printf x >>"$STATE_DIRECTORY/migrations"'
BEFORE_START = 'printf x >>"$STATE_DIRECTORY/starts"'
WORKER = "while :; do sleep 0.1; done"
OWN = "[program:own]\ncommand=/bin/sleep 86400\n"
MAIN = """
import os
from contextlib import asynccontextmanager

from fastapi import FastAPI

LEAKED = []
if "BROKEN" in os.environ:
    raise RuntimeError("the licence is missing")


@asynccontextmanager
async def lifespan(app):
    yield
    print(f"ends {os.getpid()}", flush=True)


app = FastAPI(lifespan=lifespan, root_path=os.environ.get("PREFIX", ""))


@app.get("/health")
def health():
    return {
        "release": os.environ["HOMEPORT_RELEASE"],
        "slot": os.environ["HOMEPORT_SLOT"],
        "secret": os.environ["SECRET"],
        "migrations": open(os.environ["STATE_DIRECTORY"] + "/migrations").read().count("x"),
    }


@app.post("/notes", status_code=201)
def note():
    return health()


@app.post("/leak")
def leak():
    while True:
        LEAKED.append(b"x" * 2**20)
"""
SETTINGS: dict[str, object] = {
    "app_name": "app",
    "supervisor": "supervisor",
    "workers": WORKERS,
    "migrate_command": MIGRATE,
    "before_start": [BEFORE_START],
    "drain_timeout_seconds": 3,
    "memory_max_megabytes": MEGABYTES,
    "processes": {"worker": WORKER},
    "secrets_from_environment": ["SECRET"],
}


@dataclass
class Stage:
    """A machine whose application supervisord runs."""

    project: Project
    seen: Seen

    def deployed(self, **data: object) -> str:
        return self.project.deployed(self.seen.host, **data)

    def deploy(self, **data: object) -> subprocess.CompletedProcess[str]:
        return self.project.deploy(self.seen.host, **data)

    def get(self) -> Any:
        return self.seen.get("/health")

    def page(self, path: str) -> str:
        return self.seen.curl(path, "--fail").stdout

    def slot(self) -> str:
        return str(self.get()["slot"])

    def pid(self, program: str) -> str:
        """Return the process of a program, as supervisord says it; "0": it has none."""
        return self.seen.shell(f"supervisorctl pid {program} || :")

    def state(self, program: str) -> str:
        """Return what supervisord says of a program."""
        return self.seen.shell(f"supervisorctl status {program} || :").split()[1]

    def workers(self, slot: str) -> set[str]:
        """Return the children of the server's manager that serve."""
        return set(self.seen.shell(f"pgrep -P {self.pid(f'app@{slot}')} -f spawn_main || :").split())

    def processes(self) -> list[str]:
        """Return which of the application's processes run the command of `worker`, of whatever slot."""
        return self.seen.shell("pgrep -u app -f '^/bin/sh -euc while' || :").split()

    def starts(self) -> int:
        """Return how often the commands of `before_start` have run, of the server and of its worker."""
        return len(self.seen.shell("cat /var/lib/app/starts"))

    def ended(self) -> set[str]:
        """Return the processes whose lifespan has ended, by the journal."""
        units = "-u app:blue.scope -u app:green.scope"
        lines = self.seen.shell(f"journalctl --sync; journalctl -q -o cat {units} | grep '^ends ' || :")
        return {line.split()[1] for line in lines.splitlines()}

    def status(self) -> Any:
        """Return what homeport's status has of the live slot."""
        whole = json.loads(self.seen.shell("/usr/local/lib/homeport/homeport-host status --app app"))
        return whole["slots"][whole["live"]]

    def commands(self, work: Callable[[], object]) -> int:
        """Return how many commands the host's sshd was asked for while `work` was done."""
        # Each look logs in: a connection that was opened before the host logs commands tells of none.
        before = self._commands()
        work()
        return self._commands() - before - 1

    def _commands(self) -> int:
        """Return how many there have been, this one included."""
        look = (
            "sudo sh -c \"journalctl --sync; journalctl -t sshd -t sshd-session -o cat | grep -c 'Starting session: '\""
        )
        return int(self.seen.lab.run(self.seen.host, look).stdout)

    @property
    def target(self) -> Target:
        host = self.seen.host
        return Target(host.domain, host.address, self.seen.lab.directory.ca_file, self.seen.https_port)
