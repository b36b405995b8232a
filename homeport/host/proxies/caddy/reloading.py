"""Caddy is reloaded only when what it has read differs from what is on the disk, after a time of closing.

What it has read is remembered as a digest, as with Nginx (`nginx/reloading.py`). Caddy's process goes on over a reload:
its command returns when the new configuration serves, and what the old one has begun to answer it answers to the end,
but for WebSockets, which end at once.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from subprocess import CompletedProcess

from ...services import units
from ...system import atomic, lock
from ...system.layout import MachineLayout
from ...system.output import HostError, say
from ..model import certificates, closing, loaded

UNIT = "caddy.service"
PREPARE = "/etc/caddy/homeport/prepare"
HTTPS = (443,)
RELOAD_SECONDS = 15.0
LOADED = loaded.Loaded("caddy")


def site_file(machine: MachineLayout, app: str) -> Path:
    """Return the file that has an application's site."""
    return machine.caddy / "homeport" / f"{app}.caddy"


def digest(machine: MachineLayout) -> str:
    """Return a digest of all that Caddy reads: its configuration, and certificate and key of every site in it."""
    sites = (machine.caddy / "homeport").glob("*.caddy")
    return loaded.digest([*loaded.files_in(machine.caddy), *loaded.pairs_of(machine, sites)])


def is_loaded(machine: MachineLayout) -> bool:
    """Tell whether Caddy has read what is on the disk."""
    return LOADED.is_noted(machine, digest(machine))


def is_stale(machine: MachineLayout) -> bool:
    """Tell whether a running Caddy serves something else than what is on the disk, or goes on closing for nobody."""
    return units.is_active(UNIT) and (
        not is_loaded(machine) or bool(certificates.outdated(machine, site_file)) or closing.is_left_over(machine)
    )


def stamp_start(machine: MachineLayout) -> None:
    """Copy certificates and keys for Caddy, and remember what it is about to read as it starts."""
    machine.runtime.mkdir(mode=0o755, exist_ok=True)
    atomic.write(LOADED.note(machine), digest(machine).encode())
    units.run_checked(PREPARE)
    atomic.remove(LOADED.pending(machine))
    closing.end(machine)


def stamp_before_reload(machine: MachineLayout) -> None:
    """Close for a second, unless that was done, and likewise as it is reloaded."""
    machine.runtime.mkdir(mode=0o755, exist_ok=True)
    # A configuration that Caddy refuses is not taken up, so that nobody would end what begins here.
    if closing.has_begun(machine) or not complaint():
        closing.wait(machine, closing.SHORT_SECONDS, "caddy", HTTPS)
    atomic.write(LOADED.pending(machine), digest(machine).encode())
    units.run_checked(PREPARE)


def stamp_after_reload(machine: MachineLayout) -> None:
    """Remember what Caddy has read, now that it serves that."""
    closing.end(machine)
    if note := loaded.read(LOADED.pending(machine)):
        atomic.write(LOADED.note(machine), note.encode())
        atomic.remove(LOADED.pending(machine))


def reload(
    machine: MachineLayout,
    change: Callable[[], object] | None = None,
    *,
    closing_seconds: float = closing.FULL_SECONDS,
) -> None:
    """Reload Caddy if it serves something else than what is on the disk, and return when it serves that.

    `change` changes what is on the disk, when the connections that were open have ended: `closing_seconds` at most.
    Raises HostError when the configuration is bad (what runs goes on as it is) or a certificate is not served in the
    end. A stopped Caddy is left stopped: it reads everything when it starts.
    """
    with locked(machine, "reload"):
        running = units.is_active(UNIT)
        if not change and running and not is_stale(machine):
            say("caddy serves what is on the disk")
            return
        try:
            if running and not complaint():
                closing.wait(machine, closing_seconds, "caddy", HTTPS)
            if change:
                change()
            if not running:
                say("caddy is not running; nothing to reload")
                return
            _reload(machine)
            _await_certificates(machine)
        finally:
            closing.end(machine)


def _reload(machine: MachineLayout) -> None:
    if problem := complaint():
        raise HostError(f"caddy does not accept its configuration: {problem}")
    # One that was started without our unit's settings is told by another address.
    verb = "reload" if LOADED.note(machine).exists() else "restart"
    units.run_checked("systemctl", verb, "--", UNIT)
    say(f"caddy was {verb}ed")


def _await_certificates(machine: MachineLayout) -> None:
    if names := certificates.await_served(machine, site_file, RELOAD_SECONDS):
        raise HostError(f"caddy does not serve the certificate on the disk for {', '.join(names)}")


def upgrade(machine: MachineLayout) -> None:
    """Have the program on the disk take over: Caddy cannot hand its ports over, so that it is restarted."""
    if problem := complaint():
        raise HostError(f"caddy does not accept its configuration: {problem}")
    with locked(machine, "upgrade"):
        try:
            closing.wait(machine, closing.FULL_SECONDS, "caddy", HTTPS)
            units.run_checked("systemctl", "restart", "--", UNIT)
        finally:
            closing.end(machine)


def locked(machine: MachineLayout, action: str) -> AbstractContextManager[None]:
    """Return the lock that one process has while it reloads or upgrades Caddy; another one may be closing meanwhile."""
    most = closing.FULL_SECONDS + RELOAD_SECONDS * 6
    return lock.held(machine.runtime / "caddy.lock", {"action": action, "release": "caddy"}, most)


def complaint() -> str:
    """Return what Caddy says against the configuration on the disk; "" for nothing."""
    return refusal(units.run("unshare", "--mount", "sh", PREPARE, "check"))


def refusal(done: CompletedProcess[str]) -> str:
    """Return the first thing that a check complains about; "" when it succeeded."""
    if not done.returncode:
        return ""
    lines = done.stderr.strip().splitlines()
    said = next((line for line in lines if line.startswith("Error: ")), lines[-1] if lines else "no reason given")
    return said.removeprefix("Error: ")
