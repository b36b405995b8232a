"""A release's description, release.json: what the host program must know to switch to it, and where it came from."""

from __future__ import annotations

from datetime import UTC, datetime

from homeport.settings.types import Hook
from homeport.source.state_places import state_places
from homeport.steps.context import Context


def behaviour(context: Context) -> dict[str, object]:
    """Return what the host program must know to switch to this release; the same settings always make the same."""
    settings = context.settings
    state = state_places(settings, context.source)
    return {
        "ports": {"blue": settings.port_blue, "green": settings.port_green},
        "health": {
            "path": settings.health_path,
            "status": settings.health_status,
            "successes": settings.health_successes,
            "timeout_seconds": settings.health_timeout_seconds,
        },
        "watch_seconds": settings.watch_seconds,
        "drain_timeout_seconds": settings.drain_timeout_seconds,
        "switch": settings.switch,
        "standby": settings.standby,
        "has_migration": context.has_migration and context.migrates,
        "rehearsal": settings.migration_rehearsal,
        "server": settings.server,
        "import_folders": list(context.source.own.import_folders),
        "hooks": {
            "before_migration": _hooks(settings.hooks_before_migration),
            "after_live": _hooks(settings.hooks_after_live),
            "on_failure": _hooks(settings.hooks_on_failure),
        },
        # Not there without one, so that releases which serve no files keep their id.
        **({"static": [[one.at, one.folder] for one in settings.served]} if settings.served else {}),
        **({"copy_of": settings.preview.of} if settings.preview and settings.preview_data == "copy" else {}),
        **({"error_page": settings.error_page} if settings.error_page else {}),
        **({"state_folders": state.folders, "state_files": state.files} if settings.state_paths else {}),
    }


def now() -> datetime:
    """Return the time, in UTC."""
    return datetime.now(UTC)


def record(context: Context, release: str, workers: int) -> dict[str, object]:
    """Return the whole of release.json for one machine."""
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
        "created_at": now().isoformat(timespec="seconds"),
        "dependencies": source.dependencies.digest,
        "workers": workers,
        "migrations": _migrations(context),
        **behaviour(context),
    }


def _migrations(context: Context) -> list[list[str]] | None:
    """Return revision and title of the migrations that the release brings; None where its command is the user's own."""
    command, migrations = context.settings.migrate_command, context.source.migrations
    if command != "auto":
        return None if command else []
    return None if migrations is None else [list(one) for one in migrations]


def _hooks(hooks: tuple[Hook, ...]) -> list[dict[str, object]]:
    return [hook.model_dump() for hook in hooks]
