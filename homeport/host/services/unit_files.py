"""The unit files of a slot: those that came with its release, put in place for it, and read by whoever runs them.

The unit files are installed per slot, as instances (`app@green.service` beside `app@blue.service`), though one
template would do for both: each slot keeps the unit of its own release. So a crash restart of the live slot never
sees the settings of the release that is being started beside it, and a rollback brings the units back.
"""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path

from ..system import atomic
from ..system.layout import Layout
from ..system.output import HostError, say
from . import program_files, supervisord, units
from .release_description import Release


def wanted_files(layout: Layout, slot: str, release: Release) -> dict[Path, bytes | None]:
    """Return the files of units and programs that the slot needs for `release`; None: it must not be there."""
    migrate = release.files / "migrate.service"
    gone: dict[Path, bytes | None] = dict.fromkeys(units.installed_extras(layout, slot))
    programs: dict[Path, bytes | None] = dict.fromkeys(map(supervisord.file, supervisord.names(layout.app, slot)))
    if release.is_supervised:
        gone |= dict.fromkeys(map(layout.unit_file, (layout.unit(slot), layout.migrate_unit(slot))))
        return {**gone, **programs, **program_files.wanted(layout, slot, release)}
    return {
        **gone,
        **programs,
        **{layout.extra_file(slot, path.name): path.read_bytes() for path in _extras(release)},
        layout.unit_file(layout.unit(slot)): (release.files / "app.service").read_bytes(),
        layout.unit_file(layout.migrate_unit(slot)): migrate.read_bytes() if release.has_migration else None,
    }


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
    units.stop_units([path.name for path in units.installed_extras(layout, slot)])
    names, programs = _names(layout, slot, release), supervisord.names(layout.app, slot)
    # On a way back they are there as a rule.
    if not are_installed(layout, slot, release) or any(units.show(name)["NeedDaemonReload"] == "yes" for name in names):
        if release.is_supervised and layout.unit_file(layout.unit(slot)).exists():
            units.disable(layout.unit(slot))
        _write(layout, slot, release)
        program_files.have_read(layout, slot, before=programs)
        with _verification(layout, slot, release) if names else contextlib.nullcontext():
            units.run_checked("systemctl", "daemon-reload")
    # A release that ran into its start limit here must not keep the next one from starting.
    units.begin_anew(names)


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
    folder = layout.unit_file("")
    files = wanted_files(layout, slot, release).items()
    return [path.name for path, content in files if content is not None and path.parent == folder]
