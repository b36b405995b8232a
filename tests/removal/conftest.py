from __future__ import annotations

import subprocess
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path

import pytest

from homeport.host.services import units
from homeport.host.system.layout import SLOTS, Layout
from homeport.plans.places import places
from homeport.plans.provision import STEPS
from homeport.removal import application, belongings
from homeport.removal.main import access_files
from homeport.removal.steps import RemovalJob, perform, removal_job
from homeport.state.paths import ACME_WEBROOT, AppPaths
from tests.state.builders import make_settings


class Host:
    """A folder with all that homeport writes for some applications; systemd is a stand-in that keeps a record."""

    def __init__(self, root: Path):
        self.root = root
        self.calls: list[tuple[str, ...]] = []
        self.listed = ""
        self.packaged: dict[str, str] = {}

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        self.calls.append(command)
        said, status = "", 0
        if "list-units" in command:
            said = self.listed
        elif command[0] == "systemctl" and "show" in command:
            said = "\n\n".join(["ActiveState=inactive\nLoadState=not-found"] * len(command[command.index("--") + 1 :]))
        elif command[0] == "dpkg-query":
            name = f"/{Path(command[2]).relative_to(self.root)}"
            said, status = (f"{self.packaged[name]}: {name}\n", 0) if name in self.packaged else ("", 1)
        elif command[0] in ("cp", "sync"):
            return subprocess.run(command, capture_output=True, text=True, check=False)
        return subprocess.CompletedProcess(command, status, said, "")

    def must(self, *command: str) -> str:
        return str(self.run(*command).stdout)

    def job(self, app: str, *, data: bool = False) -> RemovalJob:
        known = places(STEPS, make_settings(app_name=app))
        given = {"app": app, "data": data, "by": "somebody", "places": asdict(known)}
        return removal_job(given, self.root)

    def write(self, path: str | Path, text: str = "Written by homeport.\n") -> Path:
        """Write a file, unless it is there; the path is one of the host's."""
        place = self.root / str(path).lstrip("/")
        if not place.exists() and not place.is_symlink():
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text)
        return place

    def provision(self, app: str) -> None:
        """Write every path that steps, scripts and the host program know for an application."""
        job, layout = self.job(app), Layout(app, self.root)
        paths = {*job.application, *job.machine, *self.known(app)}
        self.write(f"/etc/letsencrypt/renewal/{app}.conf", f"webroot_path = {ACME_WEBROOT},\n")
        for path in paths - {parent for one in paths for parent in one.parents}:
            self.write(path.relative_to(self.root))
        self.write("/run/homeport/nginx.lock")
        for slot in SLOTS:
            for name in (layout.unit(slot), layout.migrate_unit(slot), f"{app}.beat@{slot}.service"):
                self.write(layout.unit_file(name).relative_to(self.root))
            wants = layout.unit_file("multi-user.target.wants")
            wants.mkdir(exist_ok=True)
            (wants / layout.unit(slot)).symlink_to(layout.unit_file(layout.unit(slot)))

    def keep(self, path: str, text: str, number: int = 0) -> None:
        """Keep a copy of what was at a path before homeport."""
        self.write(f"/var/lib/homeport/originals{path}{f'.~{number}~' if number else ''}", text)

    def note(self, path: str, app: str = "note") -> None:
        """Note that homeport has written what is at a path now."""
        record = self.root / "var/lib/homeport/written" / app
        record.parent.mkdir(parents=True, exist_ok=True)
        digest = sha256((self.root / path.lstrip("/")).read_bytes()).hexdigest()
        with record.open("a") as lines:
            lines.write(f"{digest}  {path}\n")

    def text(self, path: str) -> str:
        return (self.root / path.lstrip("/")).read_text()

    def mode(self, path: str) -> int:
        return (self.root / path.lstrip("/")).stat().st_mode & 0o7777

    def remove(self, app: str, *, data: bool = False) -> None:
        """Remove an application as the plan does: who gets in first."""
        job = self.job(app, data=data)
        for path in access_files(job, with_machine=False):
            path.unlink(missing_ok=True)
        perform(application.steps(job))

    def known(self, app: str) -> set[Path]:
        """Return every place that belongs to an application by `AppPaths` and by the host program's `Layout`."""
        layout, paths = Layout(app, self.root), AppPaths(app)
        named = [getattr(paths, name) for name, one in vars(AppPaths).items() if isinstance(one, property)]
        named += [
            paths.provided_certificate("pair"),
            paths.release("one"),
            paths.release_etc("one"),
            paths.environment("lock"),
        ]
        found = {self.root / name.lstrip("/") for name in named}
        shared = {"root", "machine", "app"}
        found |= {
            getattr(layout, name)
            for name, one in vars(Layout).items()
            if isinstance(one, property) and name not in shared
        }
        for slot in SLOTS:
            found |= {layout.permit(slot), layout.migrated(slot), layout.retry(slot), *layout.links(slot)}
        return found

    def left(self) -> set[str]:
        """Return all files and links that are there."""
        files = (path for path in self.root.rglob("*") if path.is_symlink() or path.is_file())
        return {f"/{path.relative_to(self.root)}" for path in files}


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    host = Host(tmp_path)
    monkeypatch.setattr(units, "run", host.run)
    monkeypatch.setattr(units, "run_checked", host.must)
    monkeypatch.setattr(belongings, "account", lambda layout: False)
    return host
