"""Running a command of this program in a systemd unit of its own, so that it outlives whoever asked for it.

The SSH connection may break, the controller may be killed: the unit goes on to its end, and what it says is in the
journal. The lock is held by the process in the unit, so it ends with the work and not with the connection.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence

from .layout import LAUNCHER
from .output import say

INTERRUPTED = 130
INSIDE = "--in-unit"


def run(action: str, app: str, arguments: Sequence[str]) -> int:
    """Run `homeport-host --in-unit ARGUMENTS` in a transient unit, show what it says, and return its exit status.

    An interrupt ends the showing (status 130), not the work.
    """
    # Two may ask at once: it is the lock that lets one in, not the name.
    mark = str(os.getpid())
    words = command(action, app, mark, arguments)
    # A session of its own: an interrupt from the terminal reaches us and not systemd-run, which might end the unit.
    watching = subprocess.Popen(words, stdin=subprocess.DEVNULL, start_new_session=True)
    try:
        return watching.wait()
    except KeyboardInterrupt:
        say(f"{app}: {action} goes on in {_unit(action, app, mark)}.service; follow it with: journalctl -f -t homeport")
        return INTERRUPTED


def command(action: str, app: str, mark: str, arguments: Sequence[str]) -> list[str]:
    """Return the command line that runs `homeport-host --in-unit ARGUMENTS` in a unit whose name has `mark` in it."""
    return [
        "systemd-run",
        "--quiet",
        "--wait",
        "--pipe",
        "--collect",
        f"--unit={_unit(action, app, mark)}",
        f"--description=homeport: {action} of {app}",
        LAUNCHER,
        INSIDE,
        *arguments,
    ]


def _unit(action: str, app: str, mark: str) -> str:
    return f"homeport-{app}-{action}-{mark}"
