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
from .reloading import master

START_SECONDS = 30.0
# What an old one may take for its last requests: worker_shutdown_timeout, and a little.
FORMER_SECONDS = 70.0
POLL_SECONDS = 0.1
# Where Nginx puts the PID file of the old one while a new one is there.
OLD_PID = Path("/run/nginx.pid.oldbin")
TITLE = "nginx: master process"


def outdated() -> list[str]:
    """Return what the running Nginx has of files that are no longer on the disk."""
    running = master() if units.is_active(reloading.UNIT) else None
    # Of an upgrade that was cut in the middle two are left.
    both = (running, _former()) if running else ()
    return sorted({path for pid in both if pid for path in mapped.replaced(pid)})


def upgrade(machine: MachineLayout) -> None:
    """Have the Nginx that is on the disk take over, if another one runs, and return when it has.

    Raises HostError when it refuses the configuration, or does not serve in time: then the old one goes on.
    """
    most = closing.FULL_SECONDS + FORMER_SECONDS + START_SECONDS * 2
    with lock.held(machine.runtime / "nginx.lock", {"action": "upgrade", "release": "nginx"}, most):
        _end_the_former()
        old = master()
        if old is None or not outdated():
            say("nginx runs what is on the disk")
            return
        units.run_checked("nginx", "-t", "-q")
        try:
            closing.wait(machine, closing.FULL_SECONDS)
            reloading.stamp_before_reload(machine)
            _replace(old)
            reloading.stamp_after_reload(machine)
        finally:
            closing.end(machine)
        say("nginx was replaced by what is on the disk")


def _replace(old: int) -> None:
    os.kill(old, signal.SIGUSR2)
    end = time.monotonic() + START_SECONDS
    while master() in (old, None) or not reloading.workers():
        if time.monotonic() >= end:
            for child, name in reloading.children(old).items():
                if name.startswith(TITLE):
                    os.kill(child, signal.SIGTERM)
            problem = f"the nginx on the disk did not start within {START_SECONDS:.0f} s"
            raise HostError(f"{problem}, and the old one goes on; see its error log")
        time.sleep(POLL_SECONDS)
    os.kill(old, signal.SIGQUIT)


def _former() -> int | None:
    """Return the master that a newer one has taken the ports from, None when there is none: a file may be left over."""
    pid = master(OLD_PID)
    return pid if pid and reloading.title(pid).startswith(TITLE) else None


def _end_the_former() -> None:
    """Have a master that an earlier upgrade left behind end with its last request; while it is there none can begin."""
    former, end = _former(), time.monotonic() + FORMER_SECONDS
    if former is None or master() in (former, None) or not reloading.workers():
        return
    os.kill(former, signal.SIGQUIT)
    while _former() == former:
        if time.monotonic() >= end:
            raise HostError(f"an earlier nginx (process {former}) does not end; see its error log")
        time.sleep(POLL_SECONDS)
