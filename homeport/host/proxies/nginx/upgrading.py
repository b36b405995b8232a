"""Another program for the Nginx that runs, or other libraries, without a lost request.

When it is told to (SIGUSR2), Nginx starts the program on the disk beside the one that runs, with the same open ports;
the old one ends with its last request (SIGQUIT). Before that the sites close (`closing`), as before a reload. systemd
goes by the PID file, which the new one has written by then.
"""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from ...services import units
from ...system import lock, mapped
from ...system.layout import MachineLayout
from ...system.output import HostError, say
from . import closing, reloading

START_SECONDS = 30.0
POLL_SECONDS = 0.1


def master(pid_file: Path = reloading.MASTER_PID) -> int | None:
    """Return the process of Nginx that has the ports and the newest workers, None when it is not running."""
    try:
        return int(pid_file.read_text())
    except (OSError, ValueError):
        return None


def outdated() -> list[str]:
    """Return what the running Nginx has of files that are no longer on the disk."""
    running = master() if units.is_active(reloading.UNIT) else None
    return mapped.replaced(running) if running else []


def upgrade(machine: MachineLayout) -> None:
    """Have the Nginx that is on the disk take over, if another one runs, and return when it has.

    Raises HostError when it refuses the configuration, or does not serve in time: then the old one goes on.
    """
    most = closing.FULL_SECONDS + START_SECONDS * 2
    with lock.held(machine.runtime / "nginx.lock", {"action": "upgrade", "release": "nginx"}, most):
        if not outdated():
            say("nginx runs what is on the disk")
            return
        units.run_checked("nginx", "-t", "-q")
        try:
            closing.wait(machine, closing.FULL_SECONDS)
            reloading.stamp_before_reload(machine)
            _replace()
            reloading.stamp_after_reload(machine)
        finally:
            closing.end(machine)
        say("nginx was replaced by what is on the disk")


def _replace() -> None:
    old = master()
    if old is None:
        raise HostError("nginx has no PID file, /run/nginx.pid; restart it: systemctl restart nginx")
    os.kill(old, signal.SIGUSR2)
    end = time.monotonic() + START_SECONDS
    while (new := master()) in (old, None) or not reloading.workers():
        if time.monotonic() >= end:
            if new not in (old, None):
                os.kill(new, signal.SIGTERM)
            problem = f"the nginx on the disk did not start within {START_SECONDS:.0f} s"
            raise HostError(f"{problem}, and the old one goes on; see its error log")
        time.sleep(POLL_SECONDS)
    os.kill(old, signal.SIGQUIT)
