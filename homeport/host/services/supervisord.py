"""supervisord: the programs of a slot that it runs, under the names that their units would have.

A program is called as its unit, without `.service`: APP@SLOT, APP-migrate@SLOT, APP.NAME@SLOT; by its file below conf.d
it is known that it is supervisord's. Its process is in a scope of systemd's, which has its limits.
`program_state` tells their state in systemd's words, so that nobody else has to know which of the two runs a slot.
"""

from __future__ import annotations

import re
import signal
import subprocess
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, cast

from ..system import atomic, unix_rpc
from ..system.output import HostError
from . import program_record

FOLDER = Path("/etc/supervisor/conf.d")
SOCKET = "/run/supervisor.sock"
SERVICE = "supervisor.service"
PREFIX = "homeport."
# Faults of its interface (supervisor/xmlrpc.py).
BAD_NAME, ALREADY_STARTED, NOT_RUNNING, ALREADY_ADDED = 10, 60, 70, 90
POLL_SECONDS = 0.1
# Enough of its log for the end of a process that somebody has just looked at.
LOG_BYTES = 65536


def program(name: str) -> str:
    """Return the program of a unit."""
    return name.removesuffix(".service")


def scope(name: str) -> str:
    """Return the scope that the process of a unit's program is in: APP:SLOT.scope, since no scope is an instance."""
    return f"{program(name).replace('@', ':')}.scope"


def of_scope(name: str) -> str:
    """Return the unit of a scope; other names as they are."""
    return re.sub(r":(blue|green)\.scope$", r"@\1.service", name)


def file(name: str) -> Path:
    """Return the file of a unit's program."""
    return FOLDER / f"{PREFIX}{program(name)}.conf"


def boot_file(app: str) -> Path:
    """Return the file of the program that starts the application's slots when supervisord starts."""
    return FOLDER / f"{PREFIX}{boot_program(app)}.conf"


def boot_program(app: str) -> str:
    """Return the name of that program; no unit is called so."""
    return f"{app}.boot"


def has(name: str) -> bool:
    """Tell whether a unit is supervisord's, and not systemd's."""
    return name.endswith(".service") and "@" in name and file(name).exists()


def names(app: str, slot: str = "*") -> list[str]:
    """Return the units of an application, of one slot or of both, that are supervisord's."""
    found = [path.name for kind in ("", "-migrate", ".*") for path in FOLDER.glob(f"{PREFIX}{app}{kind}@{slot}.conf")]
    return sorted(f"{one[len(PREFIX) : -len('.conf')]}.service" for one in found)


def call(method: str, *arguments: object) -> Any:
    """Ask supervisord; raise HostError when it does not answer, and FaultError when it says no."""
    try:
        return unix_rpc.call(SOCKET, f"supervisor.{method}", *arguments)
    except OSError as error:
        raise HostError(f"supervisord does not answer ({error}); see: systemctl status supervisor") from None


def attempt(method: str, *arguments: object, passing: Iterable[int]) -> int:
    """Ask supervisord; return 0, or which of the `passing` faults it answered. Raises HostError for others."""
    try:
        call(method, *arguments)
    except unix_rpc.FaultError as fault:
        if fault.code in passing:
            return fault.code
        raise HostError(f"supervisord: {fault}") from None
    return 0


def processes() -> dict[str, dict[str, Any]] | None:
    """Return what supervisord knows of each process, by its program; None when it does not answer."""
    try:
        found = cast("list[dict[str, Any]]", call("getAllProcessInfo"))
    except HostError:
        return None
    return {str(one["name"]): one for one in found}


def load(programs: Sequence[str]) -> None:
    """Have supervisord know programs by their files as they are now; none of them may run."""
    for one in programs:
        attempt("removeProcessGroup", one, passing=(BAD_NAME,))
    attempt("reloadConfig", passing=())
    for one in programs:
        add(one)


def add(one: str) -> None:
    """Have supervisord know a program whose file it has read, unless it does."""
    attempt("addProcessGroup", one, passing=(ALREADY_ADDED,))


def unload(programs: Sequence[str]) -> None:
    """Have supervisord forget programs, which must be down; nothing to do where it is down itself."""
    if processes() is not None:
        for one in programs:
            attempt("removeProcessGroup", one, passing=(BAD_NAME,))
        attempt("reloadConfig", passing=())


def begin(name: str) -> None:
    """Have a program run, unless it does; raise HostError when supervisord does not know it."""
    if attempt("startProcess", program(name), False, passing=(ALREADY_STARTED, BAD_NAME)) == BAD_NAME:
        load([program(name)])
        attempt("startProcess", program(name), False, passing=(ALREADY_STARTED,))


def stop(name: str, *, wait: bool = True) -> None:
    """Stop a program and return when it is down, with all that it has started; without `wait` only have it told to."""
    while (found := processes()) is not None:
        state = found.get(program(name), {}).get("statename", "STOPPED")
        if state in ("STOPPED", "FATAL") or (state == "EXITED" and not restarts(name)):
            break
        # One that has just died is between two states: it cannot be stopped before it is started again.
        if attempt("stopProcess", program(name), wait, passing=(NOT_RUNNING, BAD_NAME)) == 0 and not wait:
            return
        time.sleep(POLL_SECONDS)
    end_leftovers(name)
    program_record.forget(name)


def restarts(name: str) -> bool:
    """Tell whether supervisord starts a unit's program again when it ends: all but a migration."""
    return "-migrate@" not in name


def end_leftovers(name: str) -> None:
    """End what is left in a program's scope: of a supervisord that was killed, or processes of a group of their own."""
    quiet = subprocess.DEVNULL
    shown = subprocess.run(
        ["systemctl", "show", "-P", "LoadState", "--", scope(name)], capture_output=True, text=True, check=False
    )
    if shown.stdout.strip() == "loaded":
        subprocess.run(["systemctl", "stop", "--", scope(name)], stdin=quiet, stdout=quiet, stderr=quiet, check=False)


def ending(name: str, pid: int) -> tuple[str, str] | None:
    """Return how a process of a program ended, as code (1: exited, 2: killed) and status, by supervisord's log."""
    try:
        log = str(call("readLog", -LOG_BYTES, 0))
    except HostError:
        return None
    return parse_ending(log, program(name), pid)


def parse_ending(log: str, one: str, pid: int) -> tuple[str, str] | None:
    """Return code and status of the end of a program's process by the text of supervisord's log; None: it has none."""
    spawned = log.rfind(f"spawned: '{one}' with pid {pid}\n")
    pattern = rf"(?:exited|stopped): {re.escape(one)} \((?:exit status (\d+)|terminated by (\w+))"
    found = re.search(pattern, log[spawned:]) if spawned >= 0 else None
    if found is None:
        return None
    if found[1]:
        return "1", found[1]
    number = signal.Signals[found[2]].value if found[2] in signal.Signals.__members__ else 0
    return "2", str(number)


def is_alive(pid: int) -> bool:
    """Tell whether a process exists."""
    return pid > 0 and Path(f"/proc/{pid}").exists()


def enabled(name: str) -> bool:
    """Tell whether a slot's server is started when supervisord is."""
    return _mark(name).exists()


def enable(name: str) -> None:
    """Have a slot's server started when supervisord is."""
    atomic.write(_mark(name), b"")


def disable(name: str) -> None:
    """Have it not started then."""
    atomic.remove(_mark(name))


def _mark(name: str) -> Path:
    app, _, slot = program(name).partition("@")
    return Path("/etc/homeport") / app / f"{slot}.boots"
