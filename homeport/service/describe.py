"""The release as a `Service`: from settings and source to the neutral description that a renderer writes down."""

from __future__ import annotations

from typing import Literal

from homeport.servers import Serving
from homeport.service.model import (
    Health,
    Limits,
    Migration,
    Process,
    Sandbox,
    Schedule,
    Service,
    Step,
)
from homeport.service.workers import memory_limit
from homeport.settings.sandbox import allowed_addresses
from homeport.source.state_places import state_places
from homeport.steps.context import Context


def describe(context: Context, release: str, workers: int) -> Service:
    """Return what the release with this id runs on the context's machine, by so many workers."""
    settings = context.settings
    return Service(
        app=settings.app_name,
        release=release,
        serving=Serving(
            settings.server_choice,
            context.source.entrypoint,
            workers,
            settings.access_log,
            settings.stop_timeout_seconds,
            settings.mount_path or "",
        ),
        import_folders=context.source.own.import_folders,
        environment=tuple(sorted(settings.environment.items())),
        secret_names=tuple(sorted(context.secrets)),
        state_directory=context.paths.state,
        health=Health(
            settings.health_path,
            settings.health_status,
            settings.health_successes,
            settings.health_timeout_seconds,
        ),
        limits=limits(context),
        sandbox=_sandbox(context),
        migration=_migration(context),
        before_start=tuple(Step(one.command, one.timeout_seconds) for one in settings.before_start),
        processes=tuple(
            Process(name, one.command, one.stop_timeout_seconds) for name, one in settings.processes.items()
        ),
        schedules=tuple(
            Schedule(name, one.command, one.schedule, one.timeout_seconds) for name, one in settings.timers.items()
        ),
        stop_timeout_seconds=settings.stop_timeout_seconds,
    )


def limits(context: Context) -> Limits:
    """Return what the application's processes may take on the context's machine."""
    settings = context.settings
    return Limits(
        memory_max_megabytes=memory_limit(settings.memory_max_megabytes, context.machine),
        cpu_weight=settings.cpu_weight,
        cpu_max=settings.cpu_max,
        oom_policy=settings.oom_policy,
        memory_together_megabytes=settings.preview_memory_megabytes if settings.preview else None,
    )


def _sandbox(context: Context) -> Sandbox:
    settings = context.settings
    return Sandbox(
        allowed_addresses=allowed_addresses(settings.sandbox_network),
        writable_paths=settings.sandbox_writable_paths,
        devices=settings.sandbox_devices,
        jit=settings.sandbox_jit,
        proc=settings.sandbox_proc,
        state_folders=state_places(settings, context.source).folders,
    )


def _migration(context: Context) -> Migration:
    settings = context.settings
    where: Literal["here", "elsewhere", "nowhere"] = "here" if context.migrates else "elsewhere"
    return Migration(
        commands=None if settings.migrate_command == "auto" else settings.migrate_command,
        timeout_seconds=settings.migrate_timeout_seconds,
        where=where if context.has_migration else "nowhere",
    )
