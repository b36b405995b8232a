"""Starts programs that supervisord runs, as `systemctl start` starts units: it returns when they are up or have failed.

With supervisord a program runs as soon as its process is there. So this waits for what the start itself writes down
(`release/supervised.py`): for a server that its health gate let it through, for a process that its command is run.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Sequence

from ..system.output import HostError
from . import program_record, program_state, supervisord
from .program_record import Record


def start(names: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """Start the programs of units; the status is 1 when one does not come up at its first attempt."""
    try:
        for name in names:
            _begin(name)
        problems = [problem for name in names if (problem := _wait(name))]
    except HostError as error:
        problems = [str(error)]
    return subprocess.CompletedProcess(list(names), min(len(problems), 1), "", "\n".join(problems))


def _begin(name: str) -> None:
    """Begin the start of one, with a new record; one that is up, or is being started, goes on."""
    if program_state.show_all([name])[0]["ActiveState"] not in ("active", "activating"):
        program_record.write(name, Record())
        supervisord.begin(name)


def _wait(name: str) -> str:
    """Return, when the start of a program is over, why it is not up; "" when it is."""
    while True:
        note, state = program_record.read(name), program_state.show_all([name])[0]
        if state["ActiveState"] == "active":
            return ""
        if state["ActiveState"] in ("failed", "inactive"):
            return f"{name} is {state['ActiveState']}"
        if note is not None and (note.gate or note.restarts):
            return f"{name} did not come up"
        time.sleep(supervisord.POLL_SECONDS)
