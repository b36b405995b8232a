"""The units of a release: the server, its migration, and the processes and timers beside it."""

from __future__ import annotations

from homeport.service.record import behaviour
from homeport.service.workers import memory_limit
from homeport.settings import Settings
from homeport.settings.sandbox import allowed_addresses
from homeport.settings.server import ServerChoice
from homeport.state.paths import UNITS
from homeport.state.wanted import File, Part
from homeport.steps.context import Context

# The script of the setting `before_start`, which the units of server and processes run first.
BEFORE_START = "before-start"
# How long such a command, its time up, may take to end before it is killed.
KILL_SECONDS = 10
SLICE = "system-homeport_{}.slice"


def release_units(context: Context, release: str, workers: int) -> dict[str, str]:
    """Render the release's units (and its migration script, when it has one) by file name.

    The host program installs them per slot: `app.service` as APP@SLOT.service, `extra.NAME.service` as
    APP.NAME@SLOT.service.
    """
    settings = context.settings
    migrates = context.has_migration and context.migrates
    values = {
        "app": settings.app_name,
        "release_id": release,
        **_server(context, workers),
        "access_log": settings.access_log,
        **_limits(context),
        "stop_timeout_seconds": settings.stop_timeout_seconds,
        "health": behaviour(context)["health"],
        "migrate_timeout_seconds": settings.migrate_timeout_seconds,
        "has_migration": migrates,
        "processes": tuple(settings.processes),
        "timers": tuple(settings.timers),
        **_before_start(settings),
        **_sandbox(settings),
        "commands": None if settings.migrate_command == "auto" else settings.migrate_command,
    }
    names = {"app.service": "systemd/app@.service"}
    if settings.before_start:
        names |= {BEFORE_START: "systemd/before-start.sh"}
    if migrates:
        names |= {"migrate.service": "systemd/app-migrate@.service", "migrate": "systemd/migrate.sh"}
    files = {name: context.render(template, **values) for name, template in names.items()}
    for name, process in settings.processes.items():
        own = {**values, "name": name, "command": process.command, "stop_timeout_seconds": process.stop_timeout_seconds}
        files[f"extra.{name}.service"] = context.render("systemd/app.process@.service", **own)
    for name, timer in settings.timers.items():
        own = {**values, "name": name, "command": timer.command, "schedule": timer.schedule}
        own["timeout_seconds"] = timer.timeout_seconds
        files[f"extra.{name}.service"] = context.render("systemd/app.task@.service", **own)
        files[f"extra.{name}.timer"] = context.render("systemd/app.task@.timer", **own)
    return files


def _before_start(settings: Settings) -> dict[str, object]:
    """Return what the templates are told of the commands before each start; the seconds are what they all may take."""
    most = sum(step.timeout_seconds + KILL_SECONDS for step in settings.before_start)
    return {
        "before_start": settings.before_start,
        "before_start_seconds": most,
        "kill_seconds": KILL_SECONDS,
    }


def slice_name(settings: Settings) -> str | None:
    """Return the slice whose processors the application's units share; None: no part of its own is wanted.

    By a dash a slice would be one inside another; no application's name has an underscore.
    """
    if settings.cpu_weight is None and settings.cpu_max is None:
        return None
    return _slice(settings)


def _slice(settings: Settings) -> str:
    return SLICE.format(settings.app_name.replace("-", "_"))


def processors(context: Context) -> Part:
    """Return the slice with the application's part of the processors, which no release changes."""
    settings = context.settings
    path = f"{UNITS}/{_slice(settings)}"
    if slice_name(settings) is None:
        return Part(absent=(path,))
    values = {"app": settings.app_name, "cpu_weight": settings.cpu_weight, "cpu_max": settings.cpu_max}
    return Part(files=(File(path, context.render("systemd/app.slice", **values), file_set="systemd"),))


def _limits(context: Context) -> dict[str, object]:
    settings = context.settings
    return {
        "slice": slice_name(settings),
        "oom_policy": settings.oom_policy,
        "memory_max_megabytes": memory_limit(settings.memory_max_megabytes, context.machine),
    }


def _sandbox(settings: Settings) -> dict[str, object]:
    return {
        "allowed_addresses": allowed_addresses(settings.sandbox_network),
        "writable_paths": settings.sandbox_writable_paths,
        "devices": settings.sandbox_devices,
        "jit": settings.sandbox_jit,
        "proc": settings.sandbox_proc,
    }


def _server(context: Context, workers: int) -> dict[str, object]:
    """Return what the templates are told of the server and of the application's code."""
    settings = context.settings
    # A lone worker is the server itself, and would end it.
    most = None if workers == 1 else settings.max_requests
    return {
        "server": "fastapi run" if settings.server == "fastapi" else settings.server,
        "entrypoint": context.source.entrypoint,
        "server_options": ServerChoice(settings.server, settings.worker_timeout_seconds, most).options(),
        "import_folders": context.source.own.import_folders,
        "workers": workers,
    }
