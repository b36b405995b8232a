"""The units of a release, and the scripts and files that they name: the server, its migration, what runs beside it.

What the templates are given is an interface of the users', whose overrides read it: a name that is here stays.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict

from homeport.rendering.filters import systemd_quote
from homeport.servers import SERVERS, Place, Server
from homeport.service.model import Service
from homeport.service.renderers.systemd.slices import slice_name

Render = Callable[..., str]
# The script of `before_start`, which the units of server and processes run first.
BEFORE_START = "before-start"
# How long such a command, its time up, may take to end before it is killed.
KILL_SECONDS = 10
# Stand for what systemd itself puts in: a variable, and the slot. No word of a command has such a name.
PORT, FILES = "@PORT@", "@FILES@"


def units(service: Service, render: Render) -> dict[str, str]:
    """Return the release's units, scripts and files by file name; `render` is given a template's name and its values.

    The host program installs the units per slot: `app.service` as APP@SLOT.service, `extra.NAME.service` as
    APP.NAME@SLOT.service. Raises UsageError when a template cannot be rendered.
    """
    values = template_values(service)
    names = {"app.service": "systemd/app@.service"}
    if service.before_start:
        names |= {BEFORE_START: "systemd/before-start.sh"}
    if service.migration.where == "here":
        names |= {"migrate.service": "systemd/app-migrate@.service", "migrate": "systemd/migrate.sh"}
    files = {name: render(template, **values) for name, template in names.items()}
    for name, (template, own) in _server(service).files(service.serving).items():
        files[name] = render(template, **values, **own)
    for process in service.processes:
        own = {"name": process.name, "command": process.command, "stop_timeout_seconds": process.stop_timeout_seconds}
        files[f"extra.{process.name}.service"] = render("systemd/app.process@.service", **{**values, **own})
    for task in service.schedules:
        own = {"name": task.name, "command": task.command, "schedule": task.schedule}
        given = {**values, **own, "timeout_seconds": task.timeout_seconds}
        files[f"extra.{task.name}.service"] = render("systemd/app.task@.service", **given)
        files[f"extra.{task.name}.timer"] = render("systemd/app.task@.timer", **given)
    return files


def template_values(service: Service) -> dict[str, object]:
    """Return what every template of a unit is given."""
    limits, migration, sandbox = service.limits, service.migration, service.sandbox
    return {
        "app": service.app,
        "release_id": service.release,
        "server": " ".join(_server(service).program),
        "entrypoint": service.serving.arguments,
        "server_options": _server(service).options(service.serving),
        "command_line": command_line(service),
        "import_folders": service.import_folders,
        "workers": service.serving.workers,
        "access_log": service.serving.access_log,
        "slice": slice_name(service.app, limits),
        "oom_policy": limits.oom_policy,
        "memory_max_megabytes": limits.memory_max_megabytes,
        "stop_timeout_seconds": service.stop_timeout_seconds,
        "health": asdict(service.health),
        "migrate_timeout_seconds": migration.timeout_seconds,
        "has_migration": migration.where == "here",
        "processes": tuple(one.name for one in service.processes),
        "timers": tuple(one.name for one in service.schedules),
        "before_start": service.before_start,
        # The limits of all of them together.
        "before_start_seconds": sum(step.timeout_seconds + KILL_SECONDS for step in service.before_start),
        "kill_seconds": KILL_SECONDS,
        "allowed_addresses": sandbox.allowed_addresses,
        "writable_paths": sandbox.writable_paths,
        "state_folders": sandbox.state_folders,
        "devices": sandbox.devices,
        "jit": sandbox.jit,
        "proc": sandbox.proc,
        "commands": migration.commands,
    }


def command_line(service: Service) -> str:
    """Return the server's command as a unit has it, each word quoted, without the folder that the program is in."""
    words = _server(service).command(service.serving, Place("127.0.0.1", PORT, FILES))
    line = " ".join(systemd_quote(word) for word in words)
    return line.replace(PORT, "${HOMEPORT_PORT}").replace(FILES, f"/etc/homeport/{service.app}/slots/%i")


def _server(service: Service) -> Server:
    return SERVERS[service.serving.choice.name]
