"""The release: its id, and the files of its own that lie under /etc (environment, units, migration)."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from hashlib import sha256

from homeport.rules.environment import environment_file
from homeport.rules.release_id import release_id
from homeport.rules.workers import worker_count
from homeport.state.wanted import Directory, File, Part, ReleaseWanted
from homeport.steps.context import Context


def slots(context: Context) -> Part:
    """Return the variables of the two slots, which no release changes."""
    settings, paths = context.settings, context.paths
    ports = {"blue": settings.port_blue, "green": settings.port_green}
    return Part(
        directories=(Directory(paths.etc),),
        files=tuple(
            File(f"{paths.etc}/{slot}.env", f"HOMEPORT_SLOT={slot}\nHOMEPORT_PORT={port}\n")
            for slot, port in ports.items()
        ),
    )


def wanted_release(context: Context) -> ReleaseWanted:
    """Return the release that the source, the settings and the secrets make; the same ones always make the same id."""
    source = context.source
    configuration = _configuration(context)
    release = release_id(
        tree=source.tree, dependencies_digest=source.dependencies.digest, configuration_digest=configuration
    )
    return ReleaseWanted(
        id=release,
        commit=source.commit,
        ref=source.ref,
        dependencies=source.dependencies.digest,
        etc=_etc(context, release),
    )


def _configuration(context: Context) -> str:
    """Return a digest of all that a release carries besides code and dependencies.

    The number of workers enters as the setting says it ("auto"), so that machines of different sizes share an id.
    """
    units = _units(context, "ID", workers=0)
    parts = [environment_file(_variables(context)), str(context.settings.workers), json.dumps(_behaviour(context))]
    return sha256("\0".join([*parts, *(f"{name}\0{text}" for name, text in units.items())]).encode()).hexdigest()


def _etc(context: Context, release: str) -> tuple[File, ...]:
    app, folder = context.settings.app_name, context.paths.release_etc(release)
    workers = worker_count(context.settings.workers, context.machine, context.settings.worker_memory_megabytes)
    units = _units(context, release, workers)
    return (
        File(f"{folder}/env", environment_file(_variables(context)), mode=0o640, group=app, secret=True),
        File(f"{folder}/release.json", json.dumps(_record(context, release, workers), indent=2) + "\n"),
        *(File(f"{folder}/{name}", text, mode=0o755 if name == "migrate" else 0o644) for name, text in units.items()),
    )


def _units(context: Context, release: str, workers: int) -> dict[str, str]:
    """Render the release's units (and its migration script, when it has one) by file name."""
    settings = context.settings
    values = {
        "app": settings.app_name,
        "release_id": release,
        "entrypoint": context.source.entrypoint,
        "workers": workers,
        "memory_max_megabytes": settings.memory_max_megabytes,
        "stop_timeout_seconds": settings.stop_timeout_seconds,
        "health": _behaviour(context)["health"],
        "migrate_timeout_seconds": settings.migrate_timeout_seconds,
        "has_migration": has_migration(context),
        "commands": None if settings.migrate_command == "auto" else settings.migrate_command,
    }
    names = {"app.service": "systemd/app@.service"}
    if has_migration(context):
        names |= {"migrate.service": "systemd/app-migrate@.service", "migrate": "systemd/migrate.sh"}
    return {name: context.render(template, **values) for name, template in names.items()}


def has_migration(context: Context) -> bool:
    """Tell whether the release migrates a database."""
    command = context.settings.migrate_command
    return context.source.has_alembic if command == "auto" else bool(command)


def _variables(context: Context) -> dict[str, str]:
    return {**context.settings.environment, **context.secrets}


def _behaviour(context: Context) -> dict[str, object]:
    """Return what the host program must know to switch to this release."""
    settings = context.settings
    return {
        "ports": {"blue": settings.port_blue, "green": settings.port_green},
        "health": {
            "path": settings.health_path,
            "status": settings.health_status,
            "successes": settings.health_successes,
            "timeout_seconds": settings.health_timeout_seconds,
        },
        "drain_timeout_seconds": settings.drain_timeout_seconds,
        "has_migration": has_migration(context),
    }


def _record(context: Context, release: str, workers: int) -> dict[str, object]:
    source = context.source
    return {
        "id": release,
        "app": context.settings.app_name,
        "entrypoint": list(source.entrypoint),
        "commit": source.commit,
        "ref": source.ref,
        "tree": source.tree,
        "dirty": source.dirty,
        "by": context.by,
        "created_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "dependencies": source.dependencies.digest,
        "workers": workers,
        **_behaviour(context),
    }
