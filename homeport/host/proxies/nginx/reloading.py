"""Nginx is reloaded only when what it has read differs from what is on the disk, after a time of closing.

What it has read is remembered as a digest, the stamp. nginx.service calls `stamp-proxy` around each start and reload
(our drop-in), whoever asks for them, so the stamp is right whoever that was. It is taken before Nginx reads: a file
that changes in between leads to one reload too many, where a stamp taken afterwards would lead to one too few.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

from ...services import units
from ...system import atomic, lock
from ...system.layout import Layout, MachineLayout
from ...system.output import HostError, say
from ..model import certificates, loaded, mounts
from . import closing, rival_sites

RELOAD_SECONDS = 15.0
POLL_SECONDS = 0.05
MASTER_PID = Path("/run/nginx.pid")
UNIT = "nginx.service"
WORKER = "nginx: worker process"
LOADED = loaded.Loaded("nginx")


def site_file(machine: MachineLayout, app: str) -> Path:
    """Return the file that has an application's site; of a mounted one, in the folder that its owner's includes."""
    mount = mounts.read(Layout(app, machine.root))
    folder = machine.nginx / "homeport"
    return folder / "mounts" / mount.owner / f"{app}.conf" if mount else folder / f"{app}.conf"


def digest(machine: MachineLayout) -> str:
    """Return a digest of all that Nginx reads: its configuration, and certificate and key of every site in it."""
    sites = (machine.nginx / "homeport").glob("*.conf")
    return loaded.digest([*loaded.files_in(machine.nginx), *loaded.pairs_of(machine, sites)])


def stamp_start(machine: MachineLayout) -> None:
    """Remember what Nginx is about to read as it starts."""
    machine.runtime.mkdir(mode=0o755, exist_ok=True)
    atomic.write(LOADED.note(machine), digest(machine).encode())
    atomic.remove(LOADED.pending(machine))
    closing.note(machine, closing.is_in(machine))
    closing.end(machine)


def stamp_before_reload(machine: MachineLayout) -> None:
    """Close for a second, unless that was done; note what Nginx is about to read and which workers it has before."""
    machine.runtime.mkdir(mode=0o755, exist_ok=True)
    # A configuration that Nginx refuses is not taken up, so that nobody would end what begins here. Who has begun it
    # already has looked at that.
    if closing.is_known(machine) and (closing.has_begun(machine) or not units.run("nginx", "-t", "-q").returncode):
        closing.wait(machine, closing.SHORT_SECONDS)
    note = {"digest": digest(machine), "workers": sorted(workers()), "closes": closing.is_in(machine)}
    atomic.write(LOADED.pending(machine), json.dumps(note).encode())


def stamp_after_reload(machine: MachineLayout, timeout_seconds: float = RELOAD_SECONDS) -> None:
    """Wait until new workers have taken over, then remember what they have read.

    Raises HostError when they have not within `timeout_seconds`. Without a note of the reload's beginning there is
    nothing to remember, and the next `reload-proxy` reloads once more.
    """
    try:
        note = json.loads(LOADED.pending(machine).read_text())
    except (OSError, ValueError):
        return
    try:
        _await_workers(set(note["workers"]), timeout_seconds)
    finally:
        closing.end(machine)
    atomic.write(LOADED.note(machine), str(note["digest"]).encode())
    closing.note(machine, note["closes"])
    atomic.remove(LOADED.pending(machine))


def _await_workers(before: set[int], timeout_seconds: float) -> None:
    end = time.monotonic() + timeout_seconds
    while not taken_over(before, workers()):
        if time.monotonic() >= end:
            raise HostError(
                f"nginx has not taken up its configuration within {timeout_seconds:.0f} s; see its error log"
            )
        time.sleep(POLL_SECONDS)


def taken_over(before: set[int], serving: set[int]) -> bool:
    """Tell whether there are serving workers and none of them is from `before`."""
    return bool(serving) and not serving & before


def master(pid_file: Path = MASTER_PID) -> int | None:
    """Return the process of Nginx that has the ports and the newest workers, None when it is not running."""
    try:
        return int(pid_file.read_text())
    except (OSError, ValueError):
        return None


def children(master: int) -> dict[int, str]:
    """Return the processes that a master has started, and how each calls itself; nothing for one that ended."""
    try:
        pids = Path(f"/proc/{master}/task/{master}/children").read_text().split()
    except OSError:
        return {}
    return {int(pid): title(int(pid)) for pid in pids}


def title(pid: int) -> str:
    """Return how a process calls itself; "" for one that ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text(errors="replace").replace("\0", " ").rstrip()
    except OSError:
        return ""


def workers(master_pid_file: Path = MASTER_PID) -> set[int]:
    """Return the processes of Nginx that accept connections, which those that are shutting down no longer do."""
    pid = master(master_pid_file)
    return {child for child, name in children(pid).items() if name == WORKER} if pid else set()


def is_loaded(machine: MachineLayout) -> bool:
    """Tell whether Nginx has read what is on the disk."""
    return LOADED.is_noted(machine, digest(machine))


def is_stale(machine: MachineLayout) -> bool:
    """Tell whether a running Nginx serves something else than what is on the disk, or goes on closing for nobody."""
    return units.is_active(UNIT) and (
        not is_loaded(machine) or bool(certificates.outdated(machine, site_file)) or closing.is_left_over(machine)
    )


def reload(
    machine: MachineLayout,
    change: Callable[[], object] | None = None,
    *,
    closing_seconds: float = closing.FULL_SECONDS,
) -> None:
    """Reload Nginx if it serves something else than what is on the disk, and return when it serves that.

    `change` changes what is on the disk, when the connections that were open have ended: `closing_seconds` at most.
    Raises HostError when the configuration is bad (what runs goes on as it is) or a certificate is not served in the
    end. A stopped Nginx is left stopped: it reads everything when it starts.
    """
    # Whoever has the lock may be closing for as long as that takes, though this one is in haste.
    most = closing.FULL_SECONDS + RELOAD_SECONDS * 6
    with lock.held(machine.runtime / "nginx.lock", {"action": "reload", "release": "nginx"}, most):
        running = units.is_active(UNIT)
        if not change and running and not is_stale(machine):
            say("nginx serves what is on the disk")
            return
        try:
            if running:
                units.run_checked("nginx", "-t", "-q")
                closing.wait(machine, closing_seconds)
            if change:
                change()
            if not running:
                say("nginx is not running; nothing to reload")
                return
            units.run_checked("nginx", "-t", "-q")
            units.run_checked("systemctl", "reload", "--", UNIT)
            _await_certificates(machine)
        finally:
            closing.end(machine)
        say("nginx was reloaded")


def _await_certificates(machine: MachineLayout) -> None:
    if names := certificates.await_served(machine, site_file, RELOAD_SECONDS):
        raise HostError(_not_served(machine, names))


def _not_served(machine: MachineLayout, names: list[str]) -> str:
    """Return what keeps the certificates of these names from being served: mostly another site that has them."""
    listed = ", ".join(names)
    if others := rival_sites.named(machine, names):
        return f"nginx serves another site for {listed}, in {others}: take the name out there, and deploy again"
    return f"nginx does not serve the certificate on the disk for {listed}"
