"""A lab host with the host program and a small application on it, put there by hand rather than by a deploy.

The application's faults are switched by its release's environment, so that one virtual environment serves all tests.
"""

from __future__ import annotations

import base64
import io
import json
import shlex
import subprocess
import tarfile
from dataclasses import dataclass
from typing import Any

from homeport.delivery.installed import files as program_files
from homeport.lab import Lab, LabHost
from homeport.rendering.rendering import render
from homeport.settings.types import Step
from tests.lab import remote
from tests.pace import until as until
from tests.unit_values import values

LIBRARY = "/usr/local/lib/homeport"
PROGRAM = f"{LIBRARY}/homeport-host"
KILLER = "/root/kill_at.py"
APP = "app"
PORTS = {"blue": 8001, "green": 8002}
MAIN = """
import asyncio, os, sys
from contextlib import asynccontextmanager
from fastapi import FastAPI, Response

FAULT = os.environ.get("FAULT", "")
if FAULT == "exit":
    print("the reason why it exits")
    sys.exit(7)

@asynccontextmanager
async def lifespan(app):
    if FAULT == "lifespan":
        raise RuntimeError("no start-up today")
    yield

app = FastAPI(lifespan=lifespan)

@app.get("/health")
def health(response: Response):
    live = os.path.exists("/etc/homeport/app/live-green") == (os.environ["HOMEPORT_SLOT"] == "green")
    if FAULT == "unhealthy" or (FAULT == "shy" and live):
        response.status_code = 503
    return {"release": os.environ["HOMEPORT_RELEASE"], "slot": os.environ["HOMEPORT_SLOT"]}

@app.get("/slow")
async def slow(seconds: float):
    await asyncio.sleep(seconds)
    return {"release": os.environ["HOMEPORT_RELEASE"]}
"""
# Counts how often it ran, and for which release.
MIGRATE = """echo "$HOMEPORT_RELEASE" >>"$STATE_DIRECTORY/migrations"
sleep "${MIGRATION_SECONDS:-0}"
exit "${MIGRATION_STATUS:-0}"
"""
# Runs the program and kills it with SIGKILL just before it does something to the host: the N-th time, or the first time
# that what it does mentions a word. Looking (systemctl show, journalctl) does not count.
KILL_AT = """
import os, signal, sys
sys.path.insert(0, "/usr/local/lib/homeport")
sys.dont_write_bytecode = True
from hostprogram import main
from hostprogram.release import committing, starting
from hostprogram.services import failures
when, done = sys.argv[1], 0

def changes(event, args):
    if event == "open":
        return isinstance(args[2], int) and args[2] & (os.O_CREAT | os.O_WRONLY | os.O_RDWR) and args[0] != os.devnull
    if event == "subprocess.Popen":
        return not {"show", "journalctl"} & set(args[1])
    return event in ("os.rename", "os.remove", "os.symlink", "os.mkdir", "os.truncate")

def hook(event, args):
    global done
    if changes(event, args):
        done += 1
        if when == str(done) or (not when.isdigit() and when in repr(args)):
            print("killed before", event, args[:2], flush=True)
            os.kill(os.getpid(), signal.SIGKILL)

sys.addaudithook(hook)
sys.exit(main.main(["--in-unit", *sys.argv[2:]]))
"""
# A seasoned machine has an environment with FastAPI; its scripts name the interpreter by its full path.
VENV = f"""
set -eu
cp -a /srv/hello/venvs/* /srv/{APP}/venvs/deps
sed -i 's|/srv/hello/venvs/[^/]*/|/srv/{APP}/venvs/deps/|' $(grep -lI /srv/hello/ /srv/{APP}/venvs/deps/bin/*)
"""
ACCOUNT = f"""
set -eu
useradd --system --user-group --home-dir /var/lib/{APP} --shell /usr/sbin/nologin {APP}
mkdir -p /srv/{APP}/releases /srv/{APP}/slots /srv/{APP}/venvs /etc/homeport/{APP}/releases /etc/homeport/{APP}/slots
"""


@dataclass
class Machine:
    """A lab host with the program and one application's folders on it."""

    lab: Lab
    host: LabHost

    def prepare(self) -> None:
        """Put on the host what provisioning puts there: account, folders, program, and an environment with FastAPI."""
        self.root(ACCOUNT)
        self.root(VENV)
        self.put_program()

    def put_program(self) -> None:
        """Put the program on the host, and what says which slot has which port."""
        self.put(
            {
                f"{LIBRARY}/{path}": (text, 0o644 if path.endswith(".py") else 0o755)
                for path, text in program_files().items()
            }
            | {
                f"/etc/homeport/{APP}/{slot}.env": (f"HOMEPORT_SLOT={slot}\nHOMEPORT_PORT={port}\n", 0o644)
                for slot, port in PORTS.items()
            }
            | {KILLER: (KILL_AT, 0o644)}
        )

    def root(self, script: str, *, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a shell script as root."""
        done = remote.run(self.lab, self.host, "sudo sh -s", stdin=script)
        assert not check or done.returncode == 0, f"{script}\n{done.stdout}{done.stderr}"
        return done

    def put(self, content: dict[str, tuple[str, int]]) -> None:
        """Write files (path -> content, mode) as root."""
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as archive:
            for path, (text, mode) in content.items():
                entry = tarfile.TarInfo(path.lstrip("/"))
                entry.size, entry.mode = len(text.encode()), mode
                archive.addfile(entry, io.BytesIO(text.encode()))
        encoded = base64.encodebytes(buffer.getvalue()).decode()
        self.root(f"base64 -d <<'END' | tar -x -C / --no-overwrite-dir\n{encoded}\nEND\n")

    def release(
        self,
        release: str,
        *,
        migrate: bool = True,
        environment: str = "",
        workers: int = 1,
        main: str = MAIN,
        migration: str = MIGRATE,
        processes: dict[str, str] | None = None,
        timers: dict[str, tuple[str, str]] | None = None,
        before_start: tuple[Step, ...] = (),
        record: dict[str, Any] | None = None,
        **health: Any,
    ) -> str:
        """Put a release on the host, whole, and return its id.

        `processes` are commands, `timers` commands and schedules, by name; `record` goes into release.json.
        """
        etc, code = f"/etc/homeport/{APP}/releases/{release}", f"/srv/{APP}/releases/{release}"
        record = {**_record(release, migrate, health), **(record or {})}
        beside = processes or {}, timers or {}, before_start
        units = _units(release, record, workers, migration if migrate else None, *beside)
        content = {
            f"{code}/main.py": (main, 0o644),
            f"{etc}/release.json": (json.dumps(record), 0o644),
            f"{etc}/env": (environment, 0o640),
            **{f"{etc}/{name}": (text, 0o644 if "." in name else 0o755) for name, text in units.items()},
        }
        self.put(content)
        self.root(
            f"ln -sfn ../../venvs/deps {code}/.venv; chmod 755 {code}; chgrp {APP} {etc} {etc}/env; chmod 750 {etc}"
        )
        return release

    def run(self, action: str, release: str, *options: str) -> subprocess.CompletedProcess[str]:
        """Run `start` or `commit` as the controller does."""
        words = ["sudo", PROGRAM, action, "--app", APP, "--release", release, *options]
        return remote.run(self.lab, self.host, shlex.join(words))

    def deploy(self, release: str) -> None:
        """Start and commit a release that is expected to work."""
        for action in ("start", "commit"):
            done = self.run(action, release)
            assert done.returncode == 0, done.stdout + done.stderr

    def serving(self) -> str | None:
        """Return which release answers on the live slot's port, as Nginx would choose it; None: nobody does."""
        script = f"test -e /etc/homeport/{APP}/live-green && p=8002 || p=8001; curl -sf http://127.0.0.1:$p/health"
        done = self.root(script, check=False)
        return str(json.loads(done.stdout)["release"]) if done.returncode == 0 else None

    def active(self, unit: str) -> str:
        """Return the unit's ActiveState."""
        return self.root(f"systemctl show -P ActiveState {shlex.quote(unit)}").stdout.strip()

    def enabled(self) -> list[str]:
        """Return the slots that boot would start."""
        folder = "/etc/systemd/system/multi-user.target.wants"
        names = self.root(f"ls {folder}").stdout.split()
        return [slot for slot in PORTS if f"{APP}@{slot}.service" in names]

    def migrations(self) -> list[str]:
        """Return the releases whose migration ran, one entry a run."""
        return self.root(f"cat /var/lib/{APP}/migrations 2>/dev/null || true").stdout.split()

    def events(self) -> list[tuple[str, str]]:
        """Return (event, release) of each line of the log."""
        lines = self.root(f"cat /srv/{APP}/releases.jsonl 2>/dev/null || true").stdout.splitlines()
        return [(raw["event"], raw["release"]) for raw in map(json.loads, lines)]

    def killed(self, when: str | int, action: str, release: str, *options: str) -> bool:
        """Run a command of the program and kill it (see KILL_AT); return whether it came to that."""
        words = ["sudo", "python3", KILLER, str(when), action, "--app", APP, "--release", release, *options]
        done = remote.run(self.lab, self.host, shlex.join(words))
        if done.returncode in (0, 1) and "killed before" not in done.stdout:
            return False
        assert "killed before" in done.stdout, done.stdout + done.stderr
        return True


def _units(
    release: str,
    record: dict[str, Any],
    workers: int,
    migration: str | None,
    processes: dict[str, str],
    timers: dict[str, tuple[str, str]],
    before_start: tuple[Step, ...],
) -> dict[str, str]:
    """Render the unit files of a release by name, and its migration script."""
    given = values(
        import_folders=("",),
        app=APP,
        release_id=release,
        entrypoint=("main.py",),
        workers=workers,
        stop_timeout_seconds=10,
        health=record["health"],
        migrate_timeout_seconds=60,
        has_migration=migration is not None,
        processes=tuple(processes),
        timers=tuple(timers),
        commands=(migration,),
        before_start=before_start,
        before_start_seconds=60 if before_start else 0,
    )
    units = {"app.service": render("systemd/app@.service", **given)}
    for name, command in processes.items():
        units[f"extra.{name}.service"] = render("systemd/app.process@.service", name=name, command=command, **given)
    if before_start:
        units["before-start"] = render("systemd/before-start.sh", **given)
    for name, (command, schedule) in timers.items():
        own = {**given, "name": name, "command": command, "schedule": schedule, "timeout_seconds": 60}
        for kind in ("service", "timer"):
            units[f"extra.{name}.{kind}"] = render(f"systemd/app.task@.{kind}", **own)
    if migration is not None:
        units["migrate.service"] = render("systemd/app-migrate@.service", **given)
        units["migrate"] = render("systemd/migrate.sh", **given)
    return units


def _record(release: str, migrate: bool, health: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": release,
        "app": APP,
        "commit": f"commit-of-{release}",
        "ref": "main",
        "by": "a test",
        "ports": PORTS,
        "health": {"path": "/health", "status": 200, "successes": 2, "timeout_seconds": 30, **health},
        "drain_timeout_seconds": 10,
        "has_migration": migrate,
    }
