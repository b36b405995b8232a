"""One connection to each machine for all that a test reads there: a login of its own takes a third of a second of the
processors, and tests read often.

What is to show that a machine lets somebody in takes `Lab.run`, which logs in each time.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path

from homeport.lab import Lab, LabHost, ssh

IDLE_SECONDS = 20
# Short, since a socket's path is; the user's own, as the lab's machines are.
SOCKETS = Path("/run" if os.access("/run", os.W_OK) else tempfile.gettempdir()) / f"homeport-tests-{os.geteuid()}"


class ReadLab(Lab):
    """A lab whose machines are read over connections that are kept, and that knows when these are no longer good."""

    def remove(self, name: str) -> None:
        """See Lab."""
        hang_up(self, self.host(name))
        super().remove(name)

    def reboot(self, host: LabHost, *, hard: bool = False) -> None:
        """See Lab."""
        hang_up(self, host)
        super().reboot(host, hard=hard)
        # Whoever looked meanwhile may have got through before the machine went down.
        hang_up(self, host)


def run(lab: Lab, host: LabHost, command: str, *, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """Run a shell command on a host, as its user, as Lab.run does, over the connection that is there."""
    options = ("BatchMode=yes", *kept(lab, host))
    words = ssh.command_line(lab.directory, host, *(part for one in options for part in ("-o", one)))
    return subprocess.run([*words, "--", command], input=stdin, capture_output=True, text=True, check=False)


def kept(lab: Lab, host: LabHost) -> tuple[str, ...]:
    """Return the options of ssh that keep the connection to a host, and use it."""
    SOCKETS.mkdir(mode=0o700, exist_ok=True)
    return "ControlMaster=auto", f"ControlPath={_socket(lab, host)}", f"ControlPersist={IDLE_SECONDS}"


def hang_up(lab: Lab, host: LabHost) -> None:
    """End the connection that is kept to a host, if there is one."""
    socket = _socket(lab, host)
    if socket.exists():
        command = ["ssh", "-F", "none", "-O", "exit", "-o", f"ControlPath={socket}", host.address]
        subprocess.run(command, capture_output=True, check=False)
        socket.unlink(missing_ok=True)


def _socket(lab: Lab, host: LabHost) -> Path:
    return SOCKETS / f"{lab.id}-{host.address}"
