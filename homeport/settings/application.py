"""Settings of the application and its releases; a part of `homeport.settings.model`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from homeport.settings.types import (
    AppName,
    Commands,
    Devices,
    Hooks,
    Names,
    Network,
    Packages,
    Paths,
    Processes,
    ProcessName,
    RelativePaths,
    ReleaseName,
    Releases,
    Steps,
    Text,
    Timer,
)
from homeport.settings.variables import Variables


class ApplicationSettings(BaseModel):
    """What is deployed, how it runs, and how one release follows another."""

    # --- the application -------------------------------------------------------------------------------------------
    app_name: AppName = Field(description="Name of the application: its user, its units and its folders are called so.")
    app_source: Text = Field(
        ".", description="Git repository with the application, relative to the project's folder or absolute."
    )
    app_ref: Text = Field("HEAD", description="What to release: a branch, a tag or a commit.")
    app_subdirectory: Text = Field("", description="Folder of the application inside its repository (monorepo).")
    app_entrypoint: Text = Field(
        "main.py",
        description="What is served: a file, a package or `module:app`, seen from the application; with another "
        '`server` than "fastapi" also `module:create_app()`, a function that makes the application.',
    )
    allow_dirty: bool = Field(
        False, description="Release the working tree with its uncommitted changes instead of refusing it."
    )
    build_commands: Commands = Field(
        (),
        description="Shell commands that make what `release_include` names (`npm ci && npm run build`, say). They run "
        "on the machine that deploys, in the application's folder of a copy of the repository at that commit.",
    )
    build_environment: Variables = Field(
        (),
        description="Names of environment variables of the command that deploys which `build_commands` are given, too "
        "(a token for a package registry); else they see none of its secrets.",
    )
    release_include: RelativePaths = Field(
        (),
        description="Files, folders and patterns (`*.css`) below the application's folder that a release has and git "
        "has not: what `build_commands` made or, without those, what lies in the working tree. Nothing of `.git` is "
        "taken.",
    )
    requirements_file: Text = Field(
        "",
        description="The requirements file that is installed, seen from the application's folder "
        '(`"requirements/prod.txt"`, `"../all.txt"`), before any other; unset: what is found, `uv.lock` first.',
    )
    python_version: Text | None = Field(
        None,
        pattern=r"^3\.\d+(\.\d+)?$",
        description="Python for the application: the system's where that is this version, else one that uv brings; "
        "unset: the system's, whichever that is.",
    )
    dependency_extras: Names = Field(
        (), description="Extras of the project (`[project.optional-dependencies]`) that are installed as well."
    )
    dependency_groups: Names = Field(
        (),
        description="Dependency groups of the project (`[dependency-groups]`) that are installed as well; with uv.lock "
        "the default groups are, except `dev`.",
    )
    upgrade_dependencies: bool = Field(
        False,
        description="With `--data`, for an application without a lock: look for the newest versions that it allows "
        "instead of those in `resolved/` (`homeport deploy --upgrade-dependencies`).",
    )
    memory_max_megabytes: Annotated[int, Field(ge=64)] | Literal["auto"] | None = Field(
        "auto",
        description="Hard limit for one slot (systemd's MemoryMax): a worker that reaches it is killed and replaced; "
        '"auto": what the system does not need, in equal parts for the applications on it; None: no limit.',
    )
    oom_policy: Literal["continue", "stop", "kill"] = Field(
        "continue",
        description="What follows when the kernel kills a process of a slot for its memory (systemd's OOMPolicy): "
        '"continue": the others go on, and the manager replaces the worker; "stop": the whole slot ends, and is '
        'started again; "kill": the same at once, without time to finish requests.',
    )
    cpu_weight: Annotated[int, Field(ge=1, le=10000)] | None = Field(
        None,
        description="The application's part of the processors where they are short (systemd's CPUWeight): 200 gets "
        "twice of what 100 gets, which each application has that sets none. Slots, processes and timers share it.",
    )
    cpu_max: Annotated[float, Field(gt=0)] | None = Field(
        None,
        description="Processors that the application may use at most (systemd's CPUQuota), 1.5 for one and a half, "
        "also where nobody else wants them; unset: all. Slots, processes and timers share them.",
    )
    environment: dict[str, Text] = Field(
        default_factory=dict, description="Environment variables of the application that anybody may see."
    )
    secrets_file: Text | None = Field(
        None,
        description="File of NAME=value lines on this machine whose content nobody may see but the application; best "
        "encrypted with age (`homeport secrets`).",
    )
    secrets_from_environment: Variables = Field(
        (),
        description="Names of environment variables of the command that deploys (a pipeline's secrets) which the "
        "application gets as well.",
    )
    install_secrets: Variables = Field(
        (),
        description="Names of variables of the secrets file, or else of the environment of the command that deploys, "
        "that only the installation of the dependencies is given (`UV_INDEX_COMPANY_PASSWORD` for a private index).",
    )
    packages: Packages = Field(
        (),
        description="Further Debian packages that the application needs on the host. One that is left out later stays "
        "installed, since others may have come to need it.",
    )
    processes: Processes = Field(
        default_factory=dict,
        description='Long-running commands of the same release, by name: `{"worker": "python -m app.worker"}`; they '
        "are switched together with the application.",
    )
    timers: dict[ProcessName, Timer] = Field(
        default_factory=dict,
        description="Commands of the same release that run at times (schedule: as systemd.time(7) has it), by name: "
        '`{"digest": {"command": "python -m app.digest", "schedule": "daily"}}`.',
    )
    before_start: Steps = Field(
        (),
        description="Shell commands on each machine before each start of the server and of each of `processes`, also "
        "at boot and after a crash, by the same user in the same sandbox; one that fails is a failed start. Each is a "
        'text, or `{"command": …, "timeout_seconds": 300}`.',
    )
    port_blue: int = Field(8001, ge=1024, le=65535, description="Loopback port of the blue slot.")
    port_green: int = Field(8002, ge=1024, le=65535, description="Loopback port of the green slot.")

    # --- the sandbox -----------------------------------------------------------------------------------------------
    sandbox_network: Network = Field(
        "any",
        description='Which addresses the application may talk to: "any" (all but multicast), "local" (this machine '
        'alone), or this machine and a list of ranges, `["10.0.0.0/8"]`.',
    )
    sandbox_writable_paths: Paths = Field(
        (), description="Files and folders that the application may write to besides its state directory and /tmp."
    )
    sandbox_devices: Devices = Field(
        (), description="Devices that the application may use, `/dev/nvidia0`, say; with any, it sees all of /dev."
    )
    sandbox_jit: bool = Field(
        False,
        description="Let the application make code at run time, which just-in-time compilers (PyPy, Numba) need.",
    )
    sandbox_proc: Literal["own", "machine", "all"] = Field(
        "machine",
        description='What the application sees in /proc: "own" (its own processes alone), "machine" (the machine\'s '
        'figures as well: memory, load, processors, time of boot), "all" (the processes of others, too).',
    )

    # --- migration -------------------------------------------------------------------------------------------------
    migrate_command: Literal["auto"] | Commands | None = Field(
        "auto",
        description='Shell command (or a list) that migrates the database; "auto": `alembic upgrade head` when the '
        "release has an alembic.ini; None: no migration.",
    )
    migrate_timeout_seconds: int = Field(300, ge=1, description="How long a migration may take, its lock included.")
    migrate_on: Text | None = Field(
        None,
        description="The machine that migrates the database, before any other starts the release; unset: the first of "
        "the inventory that serves this application's `domain`.",
    )
    migration_rehearsal: bool = Field(
        False,
        description="Before a migration, try it on a copy of the state directory with its SQLite databases, and have "
        "the live release answer on the copy.",
    )

    # --- health and switching --------------------------------------------------------------------------------------
    health_path: Text = Field(
        "/health", pattern=r"^/[!-~]*$", description="Path that answers when the application can serve."
    )
    health_status: int = Field(200, ge=100, le=599, description="Status that the health path answers with.")
    health_timeout_seconds: int = Field(60, ge=1, description="How long a new release may take to become healthy.")
    health_successes: int = Field(2, ge=1, description="Good answers in a row that count as healthy.")
    watch_seconds: int = Field(
        5, ge=0, description="How long a release is watched after the switch; if it fails, the old one is live again."
    )
    switch: Literal["overlap", "restart"] = Field(
        "overlap",
        description='"overlap": the new release is up before the old one ends, no request is lost; "restart": the old '
        "one ends first, for machines without memory for two, and requests fail until the new one is healthy.",
    )
    standby: bool = Field(
        False,
        description="Keep the previous release running after a switch: requests go to it while the live one is down, "
        "and a rollback to it is instant. Takes its memory.",
    )
    drain_timeout_seconds: int = Field(
        30, ge=0, description="How long the old slot may finish its requests after the switch."
    )
    stop_timeout_seconds: int = Field(30, ge=1, description="How long the application may take to stop when told to.")
    keep_releases: int = Field(
        5, ge=2, description="Good releases kept on the host, the live and the previous one included."
    )
    pinned_releases: Releases = Field((), description="Releases (ids) that are never removed from the host.")
    lock_wait_seconds: int = Field(
        0, ge=0, description="How long to wait while somebody else deploys to the host; then the exit status is 4."
    )

    # --- hooks -----------------------------------------------------------------------------------------------------
    hooks_before_migration: Hooks = Field(
        (),
        description="Shell commands before a release's migration; one that fails ends the deploy. Each is a text, or "
        '`{"command": …, "user": "root", "timeout_seconds": 60}`.',
    )
    hooks_after_live: Hooks = Field((), description="Shell commands after a release went live.")
    hooks_on_failure: Hooks = Field((), description="Shell commands after a release failed, before the error is shown.")

    # --- going back ------------------------------------------------------------------------------------------------
    release: ReleaseName | None = Field(
        None,
        description='With `--data`: go back to this release (an id, or "previous") instead of deploying.',
    )
    accept_migrations: bool = Field(
        False, description="With `release`: go back although migrations lie between, which are not undone."
    )
