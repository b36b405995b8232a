"""systemd: its queries, its commands, and the unit files of a slot.

The unit files are installed per slot, as instances (`app@green.service` beside `app@blue.service`), though one
template would do for both: each slot keeps the unit of its own release. So a crash restart of the live slot never
sees the settings of the release that is being started beside it, and a rollback brings the units back.
"""

from __future__ import annotations

import contextlib
import re
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

from ..system import atomic
from ..system.layout import Layout
from ..system.output import HostError, say
from . import unit_state
from .release_description import Release

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
    return run("systemctl", "start", "--", *names)


def begin_start(name: str) -> subprocess.Popen[bytes]:
    """Begin the start of a unit; the process ends, with a status as `start` has it, when that is over."""
    quiet = subprocess.DEVNULL
    return subprocess.Popen(["systemctl", "start", "--", name], stdin=quiet, stdout=quiet, stderr=quiet)


def begin_anew(names: Sequence[str]) -> None:
    """Have what units failed of, and how often they were started, count no more."""
    run("systemctl", "reset-failed", "--", *names)


def reload(name: str) -> None:
    """Send SIGHUP to a unit's main process; raise HostError when it cannot be sent."""
    run_checked("systemctl", "kill", "--kill-whom=main", "--signal=HUP", "--", name)


def text(layout: Layout, slot: str) -> str:
    """Return the text of a slot's unit, with what others have added to it."""
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
    found = list(zip(names, show_all(names), strict=True)) if names else []
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
        run("systemctl", "reset-failed", "--", *failed)


def wanted_files(layout: Layout, slot: str, release: Release) -> dict[Path, bytes | None]:
    """Return the unit files that the slot needs for `release`; None stands for one that must not be there."""
    migrate = release.files / "migrate.service"
    gone: dict[Path, bytes | None] = dict.fromkeys(installed_extras(layout, slot))
    return {
        **gone,
        **{layout.extra_file(slot, path.name): path.read_bytes() for path in _extras(release)},
        layout.unit_file(layout.unit(slot)): (release.files / "app.service").read_bytes(),
        layout.unit_file(layout.migrate_unit(slot)): migrate.read_bytes() if release.has_migration else None,
    }


def installed_extras(layout: Layout, slot: str) -> list[Path]:
    """Return the unit files of processes, tasks and timers that are installed for the slot."""
    folder = layout.unit_file("")
    return sorted(path for kind in ("service", "timer") for path in folder.glob(f"{layout.app}.*@{slot}.{kind}"))


def lasting(names: list[str]) -> list[str]:
    """Return the units among `names` that are up as long as their slot is: all but the tasks, which timers start."""
    return [name for name in names if f"{name.removesuffix('.service')}.timer" not in names]


def _extras(release: Release) -> list[Path]:
    return sorted(release.files.glob("extra.*"))


def are_installed(layout: Layout, slot: str, release: Release) -> bool:
    """Tell whether the slot's unit files are those of `release`."""
    return all(
        (path.read_bytes() if path.exists() else None) == content
        for path, content in wanted_files(layout, slot, release).items()
    )


def install(layout: Layout, slot: str, release: Release) -> None:
    """Make the unit files of `release` those of the slot, which must be stopped; raise HostError when they are bad."""
    # A task of the release that was here before may be at work still.
    stop_units([path.name for path in installed_extras(layout, slot)])
    names = _names(layout, slot, release)
    # On a way back they are there as a rule.
    if not are_installed(layout, slot, release) or any(show(name)["NeedDaemonReload"] == "yes" for name in names):
        _write(layout, slot, release)
        with _verification(layout, slot, release):
            run_checked("systemctl", "daemon-reload")
    # A release that ran into its start limit here must not keep the next one from starting.
    begin_anew(names)


def _write(layout: Layout, slot: str, release: Release) -> None:
    for path, content in wanted_files(layout, slot, release).items():
        if content is None:
            atomic.remove(path)
        else:
            atomic.write(path, content)


@contextlib.contextmanager
def _verification(layout: Layout, slot: str, release: Release) -> Iterator[None]:
    """Have systemd check the slot's unit files beside what the block does; it reads the files, and not the manager's.

    Raises HostError afterwards when systemd cannot use them, and shows what it merely does not know.
    """
    names = _names(layout, slot, release)
    command = ("systemd-analyze", "verify", "--man=no", *(str(layout.unit_file(name)) for name in names))
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
    ) as verify:
        yield
        _, said = verify.communicate()
    faults = tuple(line for line in said.splitlines() if any(name in line for name in names))
    if verify.returncode and faults:
        raise HostError(f"systemd does not accept its units: {faults[0]}", faults)
    for line in faults:
        say(f"{layout.app}: {line}")


def _names(layout: Layout, slot: str, release: Release) -> list[str]:
    return [path.name for path, content in wanted_files(layout, slot, release).items() if content is not None]


def enable(unit: str, *, reload: bool = True) -> None:
    """Have the unit started at boot; without `reload`, which takes a while, `show` may not know of it yet."""
    run_checked("systemctl", "enable", "--quiet", *([] if reload else ["--no-reload"]), "--", unit)


def disable(unit: str) -> None:
    """Have the unit not started at boot."""
    run_checked("systemctl", "disable", "--quiet", "--", unit)
