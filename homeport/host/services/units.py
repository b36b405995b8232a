"""The units of a slot: their state, their start and their end, by systemd or by supervisord (`supervisord.has`)."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

from ..system import atomic
from ..system.layout import LAUNCHER, Layout
from ..system.output import HostError
from . import program_record, program_start, program_state, supervisord, unit_state

PROPERTIES = (
    "ActiveState",
    "ControlGroup",
    "ExecMainCode",
    "ExecMainExitTimestampMonotonic",
    "ExecMainStartTimestampMonotonic",
    "ExecMainStatus",
    "ExecStartPost",
    "Id",
    "LoadState",
    "MainPID",
    "MemoryMax",
    "NeedDaemonReload",
    "NRestarts",
    "Result",
    "StateChangeTimestamp",
    "StateChangeTimestampMonotonic",
    "SubState",
    "UnitFileState",
)


def run(*command: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end and return its status and both outputs as text."""
    return subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", check=False
    )


def run_checked(*command: str) -> str:
    """Run a command and return its stdout; raise HostError with what it said when it fails."""
    done = run(*command)
    if done.returncode:
        said = (done.stderr or done.stdout).strip()
        raise HostError(f"{' '.join(command)} failed (status {done.returncode}): {said}")
    return done.stdout


def show(unit: str) -> dict[str, str]:
    """Return the PROPERTIES of a unit; one that does not exist is `inactive`."""
    return show_all([unit])[0]


def show_all(names: Sequence[str]) -> list[dict[str, str]]:
    """Return the PROPERTIES of each unit, in one question: to ask systemd takes longer than what it answers."""
    programs, others = _parted(names)
    if not programs:
        return _systemds(names)
    found = dict(zip(programs, program_state.show_all(programs), strict=True))
    found |= dict(zip(others, _systemds(others) if others else [], strict=True))
    return [found[name] for name in names]


def _parted(names: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return which units supervisord runs, and the others."""
    programs = [name for name in names if supervisord.has(name)]
    return programs, [name for name in names if name not in programs]


def _systemds(names: Sequence[str]) -> list[dict[str, str]]:
    said = run_checked("systemctl", "show", "--property", ",".join(PROPERTIES), "--", *names)
    return unit_state.blocks(said)


def command_status(value: str) -> int | None:
    """Return with which status the command of an `ExecStartPost` property ended; None: it did not run or was killed."""
    found = re.search(r"code=exited ; status=(\d+)(?:/\w+)? }\s*$", value)
    return int(found[1]) if found else None


def is_active(unit: str) -> bool:
    """Tell whether the unit is up; neither starting nor between two restarts counts."""
    return show(unit)["ActiveState"] == "active"


def start(names: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """Start units and return once each is up or has failed; a status other than 0 says that one has."""
    if programs := [name for name in names if supervisord.has(name)]:
        return program_start.start(programs)
    return run("systemctl", "start", "--", *names)


def begin_start(name: str) -> subprocess.Popen[bytes]:
    """Begin the start of a unit; the process ends, with a status as `start` has it, when that is over."""
    quiet = subprocess.DEVNULL
    words = [LAUNCHER, "start-program"] if supervisord.has(name) else ["systemctl", "start", "--"]
    return subprocess.Popen([*words, name], stdin=quiet, stdout=quiet, stderr=quiet)


def begin_anew(names: Sequence[str]) -> None:
    """Have what units failed of, and how often they were started, count no more."""
    # A start of supervisord's has a new record.
    if others := [name for name in names if not supervisord.has(name)]:
        run("systemctl", "reset-failed", "--", *others)


def reload(name: str) -> None:
    """Send SIGHUP to a unit's main process; raise HostError when it cannot be sent."""
    if supervisord.has(name):
        supervisord.call("signalProcess", supervisord.program(name), "HUP")
    else:
        run_checked("systemctl", "kill", "--kill-whom=main", "--signal=HUP", "--", name)


def text(layout: Layout, slot: str) -> str:
    """Return the text of a slot's unit, with what others have added to it; supervisord's release has one, too."""
    if supervisord.has(layout.unit(slot)):
        return (layout.links(slot)[1] / "app.service").read_text()
    return run_checked("systemctl", "cat", "--", layout.unit(slot))


def stop(layout: Layout, slot: str) -> None:
    """Stop a slot, its migration unit, its processes and timers, and return when all are down.

    They would go by themselves a little later (StopWhenUnneeded=), too late for a start that follows at once: that
    start would find the migration unit up and not migrate. A task that is at work goes on. None is left `failed`: why
    a release failed is in the log of releases by then, and the machine would be `degraded` until the slot's next one.
    """
    if layout.retry(slot).exists():
        # First, or it might start in the same moment what is stopped here.
        stop_units([layout.retry_unit(slot)])
        atomic.remove(layout.retry(slot))
    extras = lasting([path.name for path in installed_extras(layout, slot)])
    own = [layout.unit(slot), layout.migrate_unit(slot)]
    stop_units([*own, *extras])
    forget_failures(own)
    # They may have been told to before (`processes.stop`).
    reset_failed(extras)


def stop_units(names: list[str], *, wait: bool = True) -> None:
    """Stop units and `wait` until they are down; those that are missing, or that systemd cannot read, are left out."""
    programs, others = _parted(names)
    found = list(zip(others, _systemds(others), strict=True)) if others else []
    for name in programs:
        supervisord.stop(name, wait=wait)
    known = [name for name, unit in found if unit["LoadState"] == "loaded" or unit["ActiveState"] != "inactive"]
    if known:
        run_checked("systemctl", "stop", *([] if wait else ["--no-block"]), "--", *known)
        if wait:
            reset_failed([name for name, unit in found if unit["ActiveState"] in ("active", "deactivating")])


def reset_failed(names: list[str]) -> None:
    """Have units that were up, and had to be killed once their time to stop was over, be down and not failed.

    An open stream, or a long job, is no fault of theirs; it would leave the machine `degraded`.
    """
    found = zip(names, show_all(names), strict=True) if names else ()
    late = [name for name, unit in found if unit["ActiveState"] == "failed" and unit.get("Result") == "timeout"]
    if late:
        run("systemctl", "reset-failed", "--", *late)


def forget_failures(names: list[str]) -> None:
    """Have units that failed, however they did, be down and not failed."""
    found = zip(names, show_all(names), strict=True)
    if failed := [name for name, unit in found if unit["ActiveState"] == "failed"]:
        for name in failed:
            program_record.forget(name)
        begin_anew(failed)


def installed_extras(layout: Layout, slot: str) -> list[Path]:
    """Return the unit files of processes, tasks and timers of the slot; supervisord's are named as units, too."""
    folder = layout.unit_file("")
    found = [path for kind in ("service", "timer") for path in folder.glob(f"{layout.app}.*@{slot}.{kind}")]
    programs = [name for name in supervisord.names(layout.app, slot) if name.startswith(f"{layout.app}.")]
    return sorted({*found, *map(layout.unit_file, programs)})


def lasting(names: list[str]) -> list[str]:
    """Return the units among `names` that are up as long as their slot is: all but the tasks, which timers start."""
    return [name for name in names if f"{name.removesuffix('.service')}.timer" not in names]


def enable(unit: str, *, reload: bool = True) -> None:
    """Have the unit started at boot; without `reload`, which takes a while, `show` may not know of it yet."""
    if supervisord.has(unit):
        supervisord.enable(unit)
    else:
        run_checked("systemctl", "enable", "--quiet", *([] if reload else ["--no-reload"]), "--", unit)


def disable(unit: str) -> None:
    """Have the unit not started at boot."""
    if supervisord.has(unit):
        supervisord.disable(unit)
    else:
        run_checked("systemctl", "disable", "--quiet", "--", unit)
