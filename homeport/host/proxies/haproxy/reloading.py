"""HAProxy is reloaded only when its configuration differs from what it has read; a certificate needs no reload.

What it has read is remembered as a digest, as with Nginx (`nginx/reloading.py`). A reload starts a new process beside
the old one, which ends each connection with its next answer (`option idle-close-on-response`): so it need not be waited
for. Both look for the same files at each request, so that a switch holds for both.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

from ...services import units
from ...system import atomic, lock
from ...system.layout import MachineLayout
from ...system.output import HostError, say
from ..model import certificates, loaded
from . import runtime
from .runtime import UNIT

RELOAD_SECONDS = 15.0
POLL_SECONDS = 0.05
PREPARE = "/etc/haproxy/homeport/prepare"
LOADED = loaded.Loaded("haproxy")


def site_file(machine: MachineLayout, app: str) -> Path:
    """Return the file that has an application's site."""
    return machine.haproxy / "homeport" / f"{app}.cfg"


def digest(machine: MachineLayout) -> str:
    """Return a digest of the configuration."""
    return loaded.digest(loaded.files_in(machine.haproxy))


def is_loaded(machine: MachineLayout) -> bool:
    """Tell whether HAProxy has read what is on the disk."""
    return LOADED.is_noted(machine, digest(machine))


def is_stale(machine: MachineLayout) -> bool:
    """Tell whether a running HAProxy serves something else than what is on the disk."""
    outdated = certificates.outdated
    return units.is_active(UNIT) and (not is_loaded(machine) or bool(outdated(machine, site_file)))


def stamp_start(machine: MachineLayout) -> None:
    """Write down the certificates' names, and remember what HAProxy is about to read as it starts."""
    machine.runtime.mkdir(mode=0o755, exist_ok=True)
    units.run_checked(PREPARE)
    atomic.write(LOADED.note(machine), digest(machine).encode())
    atomic.remove(LOADED.pending(machine))


def stamp_before_reload(machine: MachineLayout) -> None:
    """Likewise as it is reloaded, with the processes that it has before."""
    machine.runtime.mkdir(mode=0o755, exist_ok=True)
    units.run_checked(PREPARE)
    note = {"digest": digest(machine), "workers": sorted(runtime.workers())}
    atomic.write(LOADED.pending(machine), json.dumps(note).encode())


def stamp_after_reload(machine: MachineLayout, timeout_seconds: float = RELOAD_SECONDS) -> None:
    """Wait until a new process serves, then remember what it has read; raise HostError when none does in time."""
    try:
        note = json.loads(LOADED.pending(machine).read_text())
    except (OSError, ValueError):
        return
    end = time.monotonic() + timeout_seconds
    while not taken_over(set(note["workers"]), runtime.serving()):
        if time.monotonic() >= end:
            problem = f"haproxy has not taken up its configuration within {timeout_seconds:.0f} s"
            raise HostError(f"{problem}; see its journal")
        time.sleep(POLL_SECONDS)
    atomic.write(LOADED.note(machine), str(note["digest"]).encode())
    atomic.remove(LOADED.pending(machine))


def taken_over(before: set[int], serving: int | None) -> bool:
    """Tell whether a process serves that is none of those from `before`."""
    return serving is not None and serving not in before


def reload(machine: MachineLayout, change: Callable[[], object] | None = None) -> None:
    """Have HAProxy serve what is on the disk, and return when it does; `change` changes that before.

    Raises HostError when the configuration is bad (what runs goes on as it is) or a certificate is not served in the
    end. A stopped HAProxy is left stopped: it reads everything when it starts.
    """
    with lock.held(machine.runtime / "haproxy.lock", {"action": "reload", "release": "haproxy"}, RELOAD_SECONDS * 4):
        running = units.is_active(UNIT)
        if not change and running and not is_stale(machine):
            say("haproxy serves what is on the disk")
            return
        if change:
            change()
        if not running:
            say("haproxy is not running; nothing to reload")
            return
        if not is_loaded(machine):
            _reload(machine)
        _serve_certificates(machine)


def _reload(machine: MachineLayout) -> None:
    if problem := complaint():
        raise HostError(f"haproxy does not accept its configuration: {problem}")
    # One that was started without our unit's settings has none of our files among its arguments.
    verb = "reload" if LOADED.note(machine).exists() else "restart"
    units.run_checked("systemctl", verb, "--", UNIT)
    say(f"haproxy was {verb}ed")


def _serve_certificates(machine: MachineLayout) -> None:
    """Have each certificate served that is on the disk; HAProxy reloads where it cannot take one up as it runs."""
    sites = certificates.sites(machine, site_file)
    apps = {sites[name].parent.parent.name for name in certificates.outdated(machine, site_file)}
    taken = [app for app in sorted(apps) if runtime.give_certificate(machine, app)]
    if taken:
        say(f"haproxy serves the new certificate of {', '.join(taken)}")
    if len(taken) < len(apps):
        _reload(machine)
    if names := certificates.await_served(machine, site_file, RELOAD_SECONDS):
        raise HostError(f"haproxy does not serve the certificate on the disk for {', '.join(names)}")


def complaint() -> str:
    """Return what HAProxy says against the configuration on the disk; "" for nothing."""
    return refusal(units.run("unshare", "--mount", "sh", PREPARE, "check"))


def refusal(done: CompletedProcess[str]) -> str:
    """Return the first thing that a check complains about; "" when it succeeded."""
    lines = done.stderr.strip().splitlines()
    alerts = [line.partition(" : ")[2] for line in lines if line.startswith("[ALERT]")]
    return next(iter([*alerts, *lines, "no reason given"])) if done.returncode else ""
