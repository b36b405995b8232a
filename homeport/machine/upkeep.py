"""Automatic upkeep of a machine: security upgrades, log sizes, the time, kernel settings, swap.

Each has a setting of its own. A part that is switched off is removed again, and left to the machine's owner.
"""

from __future__ import annotations

from hashlib import sha256

from homeport.state.paths import HOST_LIBRARY, HOST_PROGRAM, UNITS
from homeport.state.wanted import Directory, File, FileSet, Part, Unit
from homeport.steps.context import Context

PROGRAM = f"{HOST_LIBRARY}/upkeep"
TIME_SERVICE = "systemd-timesyncd"
USAGE_TIMER = "homeport-usage.timer"
Place = tuple[str, str, FileSet]
APT: Place = ("/etc/apt/apt.conf.d/52homeport", "upkeep/apt.conf", "plain")
JOURNAL: Place = ("/etc/systemd/journald.conf.d/homeport.conf", "upkeep/journald.conf", "plain")
KERNEL: tuple[Place, ...] = (
    ("/etc/sysctl.d/60-homeport.conf", "upkeep/sysctl.conf", "plain"),
    ("/etc/modprobe.d/homeport.conf", "upkeep/modules.conf", "plain"),
    ("/etc/security/limits.d/homeport.conf", "upkeep/limits.conf", "plain"),
)
# Debian's own file is replaced, since two must not speak of one log; so it stays when rotation is switched off.
ROTATION: Place = ("/etc/logrotate.d/nginx", "upkeep/logrotate", "plain")
ROTATION_TIMER: Place = (f"{UNITS}/logrotate.timer.d/homeport.conf", "upkeep/logrotate.timer.conf", "systemd")


# Always there: whoever upgrades a package, nobody's request is lost by it.
UPGRADES_TIMER = "homeport-use-upgrades.timer"
UPGRADES: tuple[Place, ...] = (
    ("/etc/apt/apt.conf.d/53homeport-packages", "upkeep/packages.conf", "plain"),
    (f"{UNITS}/homeport-use-upgrades@.service", "upkeep/homeport-use-upgrades@.service", "systemd"),
    (f"{UNITS}/{UPGRADES_TIMER}", "upkeep/homeport-use-upgrades.timer", "systemd"),
)
USAGE: tuple[Place, ...] = (
    (f"{UNITS}/homeport-usage.service", "upkeep/homeport-usage.service", "systemd"),
    (f"{UNITS}/{USAGE_TIMER}", "upkeep/homeport-usage.timer", "systemd"),
)


def upkeep(context: Context) -> Part:
    """Return the packages, files and units of all that is switched on."""
    settings = context.settings
    chosen = {
        APT: settings.security_upgrades,
        JOURNAL: settings.journal_max_megabytes is not None,
        ROTATION: settings.log_rotation and settings.proxy == "nginx",
        ROTATION_TIMER: settings.log_rotation,
        **dict.fromkeys(KERNEL, settings.kernel_hardening),
        **dict.fromkeys(USAGE, settings.usage_record),
        **dict.fromkeys(UPGRADES, True),
    }
    files = tuple(_file(context, *place) for place, wanted in chosen.items() if wanted)
    absent = tuple(place[0] for place, wanted in chosen.items() if not wanted and place != ROTATION)
    folders = sorted({file.path.rpartition("/")[0] for file in files})
    return Part(
        packages=_packages(context),
        directories=tuple(Directory(folder) for folder in folders),
        files=(*files, *_program(context)),
        absent=absent,
        units=(*_units(context), Unit(f"homeport-upkeep@{_digest(context, files)}.service")),
    )


def _sets_the_clock(context: Context) -> bool:
    return context.settings.time_synchronisation and not context.machine.keeps_time


def _packages(context: Context) -> tuple[str, ...]:
    settings = context.settings
    chosen = {
        "unattended-upgrades": settings.security_upgrades,
        "logrotate": settings.log_rotation,
        TIME_SERVICE: _sets_the_clock(context),
    }
    return tuple(name for name, wanted in chosen.items() if wanted)


def _units(context: Context) -> tuple[Unit, ...]:
    settings = context.settings
    chosen = {
        "apt-daily.timer": settings.security_upgrades,
        "apt-daily-upgrade.timer": settings.security_upgrades,
        "logrotate.timer": settings.log_rotation,
        USAGE_TIMER: settings.usage_record,
        UPGRADES_TIMER: True,
        f"{TIME_SERVICE}.service": _sets_the_clock(context),
    }
    return tuple(Unit(name) for name, wanted in chosen.items() if wanted)


def _file(context: Context, path: str, template: str, file_set: FileSet) -> File:
    settings = context.settings
    content = context.render(
        template,
        reboot_time=settings.reboot_time,
        journal_max_megabytes=settings.journal_max_megabytes,
        host_program=HOST_PROGRAM,
    )
    return File(path, content, file_set=file_set)


def _program(context: Context) -> tuple[File, File]:
    """Return the program that brings settings into effect, and the unit that runs it."""
    swap = context.settings.swap_megabytes
    unit = context.render("upkeep/homeport-upkeep@.service", program=PROGRAM, swap="none" if swap is None else swap)
    return (
        File(PROGRAM, context.render("upkeep/upkeep"), mode=0o755),
        File(f"{UNITS}/homeport-upkeep@.service", unit, file_set="systemd"),
    )


def _digest(context: Context, files: tuple[File, ...]) -> str:
    """Return the name of these settings: what is in effect is an instance of that name, and others are another one."""
    parts = [f"{file.path}\0{file.content}" for file in (*files, *_program(context))]
    return sha256("\0".join(parts).encode()).hexdigest()[:12]
