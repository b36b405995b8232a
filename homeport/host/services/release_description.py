"""A release as the host knows it: the description that came with it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from ..system.layout import Layout
from ..system.output import HostError
from ..system.unit_processes import MANAGED


class Health(NamedTuple):
    """The condition for healthy: `successes` answers in a row with `status` at `path`, within `timeout_seconds`."""

    path: str
    status: int
    successes: int
    timeout_seconds: float


class Hook(NamedTuple):
    """A shell command at a moment of a release; `user` is `app` or `root`."""

    command: str
    user: str
    timeout_seconds: float


class Served(NamedTuple):
    """A folder of the release's code that the proxy serves by itself, below the URL path `at`."""

    at: str
    folder: str


class Release(NamedTuple):
    """The content of `release.json` that the host program needs, and where the release's files are.

    `replaces` says that the old release must end before this one can start (the setting `switch = "restart"`);
    `hooks` has the commands by moment: before_migration, after_live, on_failure. `import_folders` are those of the
    application's own code, relative to the release. `server` is what serves; `static` has the folders that it need
    not, `error_page` the page for visitors whom it does not answer ("": none of its own). `state_folders` and
    `state_files` are paths below the release that the application writes to. `copy_of` is the application whose data a
    preview begins with ("": none's).
    """

    id: str
    files: Path
    ports: dict[str, int]
    health: Health
    drain_timeout_seconds: float
    has_migration: bool
    watch_seconds: float = 0.0
    replaces: bool = False
    standby: bool = False
    rehearsal: bool = False
    workers: int = 1
    hooks: Mapping[str, tuple[Hook, ...]] = MappingProxyType({})
    commit: str = ""
    ref: str = ""
    by: str = ""
    import_folders: tuple[str, ...] = ()
    server: str = "fastapi"
    static: tuple[Served, ...] = ()
    error_page: str = ""
    state_folders: tuple[str, ...] = ()
    state_files: tuple[str, ...] = ()
    copy_of: str = ""

    @property
    def has_files(self) -> bool:
        """Tell whether the proxy serves anything of it by itself."""
        return bool(self.static or self.error_page)

    @property
    def has_manager(self) -> bool:
        """Tell whether its workers have a manager: a lone one of some servers is the server itself."""
        return self.workers > 1 or self.server in MANAGED

    @property
    def restarts_in_place(self) -> bool:
        """Tell whether a restart replaces its workers one by one, where it has several.

        The other slot would cost more: there is no memory for it, or it holds a standby. A manager's signal starts
        workers, and nothing that `before_start` names before them; gunicorn ends when a new worker does not start, and
        granian and Hypercorn end old ones before new ones serve.
        """
        return (self.replaces or self.standby) and not self.has_before_start and self.server not in MANAGED

    @property
    def is_supervised(self) -> bool:
        """Tell whether supervisord runs it (`supervisor = "supervisor"`), and not systemd."""
        return (self.files / "programs.json").exists()

    @property
    def has_before_start(self) -> bool:
        """Tell whether commands run before each start of its processes."""
        return (self.files / "before-start").exists()


def load(layout: Layout, release_id: str) -> Release:
    """Read the release `release_id`; raise HostError when it is not on the host or not whole."""
    files = layout.settings_releases / release_id
    code = layout.code_releases / release_id
    if not files.is_dir() or not code.is_dir():
        raise HostError("is not on this host")
    try:
        raw = json.loads((files / "release.json").read_text())
        release = parse(raw, files)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise HostError(f"{files / 'release.json'} cannot be used: {error!r}") from None
    if release.id != release_id:
        raise HostError(f"{files / 'release.json'} describes release {release.id}")
    return release


def parse(raw: dict[str, Any], files: Path) -> Release:
    """Make a Release of the parsed `release.json`; raise KeyError, TypeError or ValueError when it is not one."""
    health = raw["health"]
    return Release(
        id=str(raw["id"]),
        files=files,
        ports={slot: int(raw["ports"][slot]) for slot in ("blue", "green")},
        health=Health(
            path=str(health["path"]),
            status=int(health["status"]),
            successes=int(health["successes"]),
            timeout_seconds=float(health["timeout_seconds"]),
        ),
        drain_timeout_seconds=float(raw["drain_timeout_seconds"]),
        has_migration=bool(raw["has_migration"]),
        watch_seconds=float(raw.get("watch_seconds", 0)),
        replaces=raw.get("switch") == "restart",
        standby=bool(raw.get("standby")),
        rehearsal=bool(raw.get("rehearsal")),
        workers=int(raw.get("workers", 1)),
        hooks={
            moment: tuple(
                Hook(str(hook["command"]), str(hook["user"]), float(hook["timeout_seconds"])) for hook in hooks
            )
            for moment, hooks in raw.get("hooks", {}).items()
        },
        commit=str(raw.get("commit") or ""),
        copy_of=str(raw.get("copy_of") or ""),
        ref=str(raw.get("ref") or ""),
        by=str(raw.get("by") or ""),
        import_folders=tuple(map(str, raw.get("import_folders", ()))),
        server=str(raw.get("server", "fastapi")),
        static=tuple(Served(str(at), str(folder)) for at, folder in raw.get("static", ())),
        error_page=str(raw.get("error_page", "")),
        state_folders=tuple(map(str, raw.get("state_folders", ()))),
        state_files=tuple(map(str, raw.get("state_files", ()))),
    )


def server_of(files: Path) -> str:
    """Return which server the release whose files are in this folder is for; the usual one where nothing says it."""
    try:
        return str(json.loads((files / "release.json").read_text()).get("server", "fastapi"))
    except (OSError, ValueError, AttributeError):
        return "fastapi"
