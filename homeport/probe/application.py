"""The live slot: its release, what it answers, and the files that it needs and may not have."""

from __future__ import annotations

import contextlib
import http.client
import pwd
import stat
import subprocess
from pathlib import Path

from ..host.release import environments, slots
from ..host.services import health
from ..host.services.release_description import Health, Release, load, server_of
from ..host.system.layout import Layout, other
from ..host.system.output import HostError
from .observations import DeniedObservation, PythonObservation, SlotObservation

PROXY_USER = "www-data"
BODY_CHARACTERS = 300
NEEDS = {"read": "-r", "write": "-w", "execute": "-x", "enter": "-x"}


def live_release(layout: Layout) -> Release | None:
    """Return the live release's description; None when nothing is live, or it cannot be read."""
    found = slots.read(layout)
    with contextlib.suppress(HostError):
        if found.live and (name := found[found.live].release):
            return load(layout, name)
    return None


def read(layout: Layout, release: Release | None, fallback: Health) -> SlotObservation | None:
    """Return the state of the live slot; None when nothing was ever live. `fallback` is asked where no release says."""
    found = slots.read(layout)
    if found.live is None:
        return None
    port = slots.port(layout, found.live)
    wanted = release.health if release else fallback
    answer = health.ask(port, wanted, health.site_name(layout)) if port else health.Answer(False, "has no port")
    return {
        "name": found.live,
        "release": found[found.live].release or "",
        "port": port,
        "good": answer.good,
        "status": answer.status,
        "answer": f"{wanted.path} {answer.text}",
        "body": "" if answer.good or answer.status is None or port is None else _body(port, wanted.path, layout),
        "missing": missing(layout, found.live),
        "other_active": found[other(found.live)].active,
    }


def _body(port: int, path: str, layout: Layout) -> str:
    """Return the beginning of what the health path says; many say there what they lack."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=health.ANSWER_SECONDS)
    headers = {"Host": health.site_name(layout), **health.FORWARDED, "User-Agent": "homeport"}
    try:
        connection.request("GET", path, headers=headers)
        return " ".join(connection.getresponse().read(BODY_CHARACTERS).decode(errors="replace").split())
    except (OSError, http.client.HTTPException):
        return ""
    finally:
        connection.close()


def _server(layout: Layout, slot: str) -> Path:
    """Return the program that the slot's server is."""
    code, files = layout.links(slot)
    return code / ".venv/bin" / server_of(files)


def missing(layout: Layout, slot: str) -> list[str]:
    """Return the files without which the slot's units do not start, and which are not there."""
    code, files = layout.links(slot)
    needed = [code, _server(layout, slot), files, files / "env", layout.settings / f"{slot}.env"]
    return [str(path) for path in needed if not path.exists()]


def python(layout: Layout, slot: str) -> PythonObservation | None:
    """Return the Python of the release in a slot; None where its environment has no link to one."""
    found = environments.python(layout.links(slot)[0] / ".venv")
    if found is None:
        return None
    return {"path": found.path, "name": found.name, "there": found.there, "lasting": found.lasting}


def denied(layout: Layout, slot: str) -> list[DeniedObservation]:
    """Return what the application's user and the proxy's need and may not."""
    code, files = layout.links(slot)
    app = [("enter", code.resolve()), ("execute", _server(layout, slot).resolve()), ("write", layout.state)]
    app += [("execute", (files / "migrate").resolve())] if (files / "migrate").exists() else []
    app += [("read", path) for path in code.resolve().glob("*.py")]
    app += [("write", path) for path in layout.state.glob("*") if path.is_file() and not path.name.startswith(".")]
    return [
        *_denied(layout.app, app),
        *_denied(PROXY_USER, [("enter", layout.settings), ("enter", layout.static_link(slot).resolve())]),
    ]


def _denied(user: str, needs: list[tuple[str, Path]]) -> list[DeniedObservation]:
    needs = [(need, path) for need, path in needs if path.exists()]
    try:
        account = pwd.getpwnam(user)
    except KeyError:
        return []
    refused = _refused(account, needs)
    return [
        {"user": user, "need": need, "path": str(path), "place": str(place), "mode": describe(place)}
        for need, path in needs
        if (need, path) in refused
        for place in [_keeper(account, path)]
    ]


def _refused(account: pwd.struct_passwd, needs: list[tuple[str, Path]]) -> set[tuple[str, Path]]:
    """Return which of these the user may not, by asking as that user."""
    script = 'while [ $# -gt 0 ]; do if [ "$1" "$2" ]; then echo yes; else echo no; fi; shift 2; done'
    words = [word for need, path in needs for word in (NEEDS[need], str(path))]
    groups: list[str | int] = []
    done = subprocess.run(
        ["/bin/sh", "-c", script, "sh", *words],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
        user=account.pw_uid,
        group=account.pw_gid,
        extra_groups=groups,
    )
    return {need for need, word in zip(needs, done.stdout.split(), strict=False) if word == "no"}


def _keeper(account: pwd.struct_passwd, path: Path) -> Path:
    """Return the first folder on the way to `path` that the user may not enter; `path` itself when there is none."""
    way = [("enter", place) for place in reversed(path.parents)]
    refused = _refused(account, way)
    return next((place for need, place in way if (need, place) in refused), path)


def describe(path: Path) -> str:
    """Return owner, group and mode of a file, as `ls` has them: `root:notes 0750`."""
    status = path.stat()
    return f"{path.owner()}:{path.group()} {stat.S_IMODE(status.st_mode):04o}"


def state_link(layout: Layout) -> str:
    """Return where the state folder leads to if it is a link, which systemd does not take; "" if it is none."""
    return str(layout.state.resolve()) if layout.state.is_symlink() else ""


def exposed(layout: Layout) -> list[str]:
    """Return the environment files of releases, which hold secrets, that everybody on the machine may read."""
    files = [path for path in layout.settings_releases.glob("*/env") if path.stat().st_mode & 0o004]
    # The folder above keeps others out as well; only a file that can be reached is exposed.
    open_folders = layout.settings_releases.is_dir() and layout.settings_releases.stat().st_mode & 0o001
    return [str(path) for path in files if open_folders and path.parent.stat().st_mode & 0o001]
