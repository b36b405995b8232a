"""Traefik is reloaded only when its configuration or a certificate differs from what it has read, which it tells.

Root lays out what it reads in /run (templates/traefik/prepare), with a digest; Traefik answers that digest to whoever
on the machine asks for a name that nobody has. A reload is a signal to the process that serves, and touches no
connection: it need not be waited for. What Traefik reads only when it starts needs a restart, as its upgrade does.
"""

from __future__ import annotations

import hashlib
import socket
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from subprocess import CompletedProcess

from ...services import units
from ...system import atomic, lock
from ...system.layout import MachineLayout
from ...system.output import HostError, say
from ...system.site_names import askable
from ..model import certificates

UNIT = "traefik.service"
RELOAD_SECONDS = 30.0
POLL_SECONDS = 0.05
ASK_SECONDS = 5.0
PREPARE = "/etc/traefik/homeport/prepare"
# As templates/traefik/front.go has it.
OWN_NAME = "homeport.invalid"


def site_file(machine: MachineLayout, app: str) -> Path:
    """Return the file that has an application's site."""
    return machine.traefik / "homeport" / f"{app}.yaml"


def digest(machine: MachineLayout) -> str:
    """Return a digest of the configuration."""
    return _digest(machine.traefik.rglob("*"))


def start_digest(machine: MachineLayout) -> str:
    """Return a digest of what Traefik reads only when it starts."""
    return _digest([machine.traefik / "traefik.yaml", *(machine.traefik / "plugins-local").rglob("*")])


def _digest(paths: Iterable[Path]) -> str:
    total = hashlib.sha256()
    for path in sorted(path for path in paths if path.is_file()):
        total.update(f"{path}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return total.hexdigest()


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

    Traefik shows a certificate for no other name, and refuses a handshake for it: a new name of a site is served once
    its certificate is there.
    """
    sites = certificates.sites(machine, site_file)
    return [name for name in certificates.outdated(machine, site_file) if is_for(sites[name], name)]


def is_for(certificate: Path, name: str) -> bool:
    """Tell whether a certificate is one for a name."""
    command = ("openssl", "x509", "-noout", "-checkhost", askable(name), "-in", str(certificate))
    return "does match" in units.run(*command).stdout


def stamp_start(machine: MachineLayout) -> None:
    """Lay out what Traefik is about to read, and remember what it reads only now."""
    machine.runtime.mkdir(mode=0o755, exist_ok=True)
    atomic.write(_started(machine), start_digest(machine).encode())
    stamp_before_reload(machine)


def stamp_before_reload(machine: MachineLayout) -> None:
    """Lay out what Traefik is about to read."""
    machine.runtime.mkdir(mode=0o755, exist_ok=True)
    wanted = digest(machine)
    units.run_checked(PREPARE, wanted)
    atomic.write(_pending(machine), wanted.encode())


def stamp_after_reload(machine: MachineLayout, timeout_seconds: float = RELOAD_SECONDS) -> None:
    """Wait until Traefik tells what was laid out; raise HostError when it does not in time."""
    wanted = _read(_pending(machine))
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
        loaded = is_loaded(machine)
        if not loaded and (problem := complaint()):
            raise HostError(f"traefik does not accept its configuration: {problem}")
        if not loaded or outdated(machine):
            verb = "restart" if _needs_restart(machine) else "reload"
            units.run_checked("systemctl", verb, "--", UNIT)
            say(f"traefik was {verb}ed")
        _wait_for_certificates(machine)


def _wait_for_certificates(machine: MachineLayout) -> None:
    end = time.monotonic() + RELOAD_SECONDS
    while names := outdated(machine):
        if time.monotonic() >= end:
            raise HostError(f"traefik does not serve the certificate on the disk for {', '.join(names)}")
        time.sleep(POLL_SECONDS)


def complaint() -> str:
    """Return what Traefik says against the configuration on the disk; "" for nothing."""
    return refusal(units.run("unshare", "--mount", PREPARE, "check"))


def refusal(done: CompletedProcess[str]) -> str:
    """Return the first thing that a check complains about; "" when it succeeded."""
    lines = done.stderr.strip().splitlines()
    return next(iter([*lines, "no reason given"])) if done.returncode else ""


def _needs_restart(machine: MachineLayout) -> bool:
    return _read(_started(machine)) != start_digest(machine)


def _started(machine: MachineLayout) -> Path:
    return machine.runtime / "traefik.started"


def _pending(machine: MachineLayout) -> Path:
    return machine.runtime / "traefik.reading"


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
