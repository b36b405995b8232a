"""Traefik is reloaded only when its configuration or a certificate differs from what it has read, which it tells.

Root lays out what it reads in /run (templates/traefik/prepare), with a digest; Traefik answers that digest to whoever
on the machine asks for a name that nobody has. A reload is a signal to the process that serves, and touches no
connection: it need not be waited for. What Traefik reads only when it starts needs a restart, as its upgrade does.
"""

from __future__ import annotations

import filecmp
import socket
import time
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

from ...services import units
from ...system import atomic, lock
from ...system.layout import MachineLayout
from ...system.output import HostError, say
from ..model import certificates, loaded

UNIT = "traefik.service"
RELOAD_SECONDS = 30.0
POLL_SECONDS = 0.05
ASK_SECONDS = 5.0
PREPARE = "/etc/traefik/homeport/prepare"
# As templates/traefik/front.go has it.
OWN_NAME = "homeport.invalid"
# What it reads only when it starts is noted then; what it is given, by a start or a reload, each time.
STARTED, LAID_OUT = loaded.Loaded("traefik-started"), loaded.Loaded("traefik")


def site_file(machine: MachineLayout, app: str) -> Path:
    """Return the file that has an application's site."""
    return machine.traefik / "homeport" / f"{app}.yaml"


def digest(machine: MachineLayout) -> str:
    """Return a digest of the configuration."""
    return loaded.digest(loaded.files_in(machine.traefik))


def start_digest(machine: MachineLayout) -> str:
    """Return a digest of what Traefik reads only when it starts."""
    configuration = [one for one in (machine.traefik / "traefik.yaml",) if one.is_file()]
    return loaded.digest([*configuration, *loaded.files_in(machine.traefik / "plugins-local")])


def told() -> str:
    """Return the digest that Traefik tells; "" when nobody answers."""
    answer = b""
    try:
        with socket.create_connection(("127.0.0.1", 80), ASK_SECONDS) as connection:
            connection.sendall(f"GET / HTTP/1.0\r\nHost: {OWN_NAME}\r\n\r\n".encode())
            while part := connection.recv(65536):
                answer += part
    except OSError:
        return ""
    return answer.partition(b"\r\n\r\n")[2].decode(errors="replace")


def is_loaded(machine: MachineLayout) -> bool:
    """Tell whether Traefik has read what is on the disk."""
    return told() == digest(machine) and not _needs_restart(machine)


def is_stale(machine: MachineLayout) -> bool:
    """Tell whether a running Traefik serves something else than what is on the disk."""
    return units.is_active(UNIT) and (not is_loaded(machine) or bool(outdated(machine)))


def outdated(machine: MachineLayout) -> list[str]:
    """Return the names for which another certificate is served than the one on the disk, where that is for the name.

    A new name of a site is refused in the handshake until there is a certificate for it.
    """
    return certificates.outdated(machine, site_file, strict=True)


def runs(pid: int, program: Path, proc: Path = Path("/proc")) -> bool:
    """Tell whether a process runs what is in this file, also where it was started by another one that is gone."""
    try:
        return filecmp.cmp(proc / str(pid) / "exe", program, shallow=False)
    except OSError:
        return False


def stamp_start(machine: MachineLayout) -> None:
    """Lay out what Traefik is about to read, and remember what it reads only now."""
    machine.runtime.mkdir(mode=0o755, exist_ok=True)
    atomic.write(STARTED.note(machine), start_digest(machine).encode())
    stamp_before_reload(machine)


def stamp_before_reload(machine: MachineLayout) -> None:
    """Lay out what Traefik is about to read."""
    machine.runtime.mkdir(mode=0o755, exist_ok=True)
    wanted = digest(machine)
    units.run_checked(PREPARE, wanted)
    atomic.write(LAID_OUT.pending(machine), wanted.encode())


def stamp_after_reload(machine: MachineLayout, timeout_seconds: float = RELOAD_SECONDS) -> None:
    """Wait until Traefik tells what was laid out; raise HostError when it does not in time."""
    wanted = loaded.read(LAID_OUT.pending(machine))
    end = time.monotonic() + timeout_seconds
    while told() != wanted:
        if time.monotonic() >= end:
            problem = f"traefik has not taken up its configuration within {timeout_seconds:.0f} s"
            raise HostError(f"{problem}; see its journal")
        time.sleep(POLL_SECONDS)


def reload(machine: MachineLayout, change: Callable[[], object] | None = None) -> None:
    """Have Traefik serve what is on the disk, and return when it does; `change` changes that before.

    Raises HostError when the configuration is bad (what runs goes on as it is) or a certificate is not served in the
    end. A stopped Traefik is left stopped: it reads everything when it starts.
    """
    with lock.held(machine.runtime / "traefik.lock", {"action": "reload", "release": "traefik"}, RELOAD_SECONDS * 4):
        running = units.is_active(UNIT)
        if not change and running and not is_stale(machine):
            say("traefik serves what is on the disk")
            return
        if change:
            change()
        if not running:
            say("traefik is not running; nothing to reload")
            return
        has_read = is_loaded(machine)
        if not has_read and (problem := complaint()):
            raise HostError(f"traefik does not accept its configuration: {problem}")
        if not has_read or outdated(machine):
            verb = "restart" if _needs_restart(machine) else "reload"
            units.run_checked("systemctl", verb, "--", UNIT)
            say(f"traefik was {verb}ed")
        if names := certificates.await_served(machine, site_file, RELOAD_SECONDS, strict=True):
            raise HostError(f"traefik does not serve the certificate on the disk for {', '.join(names)}")


def complaint() -> str:
    """Return what Traefik says against the configuration on the disk; "" for nothing."""
    return refusal(units.run("unshare", "--mount", PREPARE, "check"))


def refusal(done: CompletedProcess[str]) -> str:
    """Return the first thing that a check complains about; "" when it succeeded."""
    lines = done.stderr.strip().splitlines()
    return next(iter([*lines, "no reason given"])) if done.returncode else ""


def _needs_restart(machine: MachineLayout) -> bool:
    return not STARTED.is_noted(machine, start_digest(machine))
