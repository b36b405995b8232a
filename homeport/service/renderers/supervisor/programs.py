"""The programs of a release: a file each for supervisord, and what the host program needs to become their processes.

supervisord's own files have no variables and no commands of the user's: `;` and `#` would begin comments in them. All
that is in programs.json, from which `homeport-host run-program` makes the process.
"""

from __future__ import annotations

import json
from collections.abc import Callable

from homeport.rendering.filters import replace_shell
from homeport.servers import SERVERS, Place
from homeport.service.model import Service
from homeport.service.renderers.systemd.slices import slice_name
from homeport.state.paths import HOST_PROGRAM

TEMPLATE = "supervisor/program.conf"
# Stand for what the host program puts in (`host/release/supervised.py`).
PORT, SLOT = "@PORT@", "@SLOT@"
# How long a migration that is told to end may take.
MIGRATION_STOP_SECONDS = 10


def programs(service: Service, render: Callable[..., str]) -> dict[str, str]:
    """Return the release's files for supervisord, by file name; `render` is given a template's name and its values.

    The host program puts them in place per slot. Raises UsageError when a template cannot be rendered.
    """
    app = service.app
    files = {"programs.json": json.dumps(_content(service), indent=2) + "\n"}
    named = {"server": (f"{app}@%i", service.stop_timeout_seconds, True)}
    if service.migration.where == "here":
        named["migrate"] = (f"{app}-migrate@%i", MIGRATION_STOP_SECONDS, False)
    for one in service.processes:
        named[f"extra.{one.name}"] = (f"{app}.{one.name}@%i", one.stop_timeout_seconds, True)
    for name, (program, seconds, restarts) in named.items():
        given = {"program": program, "stop_timeout_seconds": seconds, "restarts": restarts}
        files[f"supervisor.{name}.conf"] = render(
            TEMPLATE, app=app, release_id=service.release, host_program=HOST_PROGRAM, **given
        )
    return files


def _content(service: Service) -> dict[str, object]:
    """Return programs.json: for each program its command and variables, and the limits of its scope."""
    before = {"before_start": True} if service.before_start else {}
    server = SERVERS[service.serving.choice.name]
    place = Place("127.0.0.1", PORT, f"/etc/homeport/{service.app}/slots/{SLOT}")
    program, *words = server.command(service.serving, place)
    own = {"FORWARDED_ALLOW_IPS": "127.0.0.1", **({"HOMEPORT_ACCESS_LOG": "1"} if service.serving.access_log else {})}
    return {
        "environment": _environment(service),
        "server": {
            "identifier": program,
            "command": [f"{_folder(service)}/.venv/bin/{program}", *words],
            "environment": own,
            "stop_timeout_seconds": service.stop_timeout_seconds,
            "properties": _limited(service, service.stop_timeout_seconds),
            **before,
        },
        "migrate": {"identifier": "migrate", "command": _migration(service), "properties": _closed(service)},
        "processes": {
            one.name: {
                "identifier": one.name,
                "command": ["/bin/sh", "-euc", replace_shell(one.command)],
                "properties": _limited(service, one.stop_timeout_seconds),
                **before,
            }
            for one in service.processes
        },
    }


def _folder(service: Service) -> str:
    return f"/srv/{service.app}/slots/{SLOT}"


def _environment(service: Service) -> dict[str, str]:
    """Return the variables that all programs have (templates/systemd/environment.conf)."""
    folder = _folder(service)
    paths = (f"{folder}/{one}" if one else folder for one in service.import_folders)
    return {
        "HOMEPORT_APP": service.app,
        "HOMEPORT_RELEASE": service.release,
        "PATH": f"{folder}/.venv/bin:{folder}/.homeport/bin:/usr/local/bin:/usr/bin:/bin",
        "VIRTUAL_ENV": f"{folder}/.venv",
        "HOMEPORT_IMPORT_PATH": ":".join(paths),
        "PYTHONUNBUFFERED": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "NO_COLOR": "1",
        "TERM": "dumb",
        "MALLOC_ARENA_MAX": "2",
    }


def _migration(service: Service) -> list[str]:
    lock, script = f"/var/lib/{service.app}/.migrate.lock", f"/etc/homeport/{service.app}/slots/{SLOT}/migrate"
    # With --foreground it would end a script alone, and not what that has started.
    seconds = str(service.migration.timeout_seconds)
    return ["/usr/bin/timeout", "--kill-after=10", seconds, "/usr/bin/flock", "--exclusive", lock, script]


def _closed(service: Service) -> list[str]:
    """Return what a scope of systemd's keeps of the sandbox: addresses and devices; and the application's slice."""
    sandbox, part = service.sandbox, slice_name(service.app, service.limits)
    devices = [f"DeviceAllow={one} rw" for one in sandbox.devices]
    addresses = ["IPAddressDeny=any", f"IPAddressAllow={' '.join(sandbox.allowed_addresses)}"]
    return [*([f"Slice={part}"] if part else []), "DevicePolicy=closed", *devices, *addresses]


def _limited(service: Service, stop_timeout_seconds: int) -> list[str]:
    most = service.limits.memory_max_megabytes
    stop = f"TimeoutStopSec={stop_timeout_seconds}"
    return [*_closed(service), stop, *([] if most is None else [f"MemoryMax={most}M"])]
