"""Settings of the application; a part of `homeport.settings.model`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from homeport.settings.state_paths import StatePaths
from homeport.settings.supervision import SupervisorName
from homeport.settings.types import (
    AppName,
    Commands,
    Devices,
    Names,
    Network,
    Packages,
    Paths,
    Processes,
    ProcessName,
    RelativePaths,
    Steps,
    Text,
    Timer,
)
from homeport.settings.variables import Variables


class ApplicationSettings(BaseModel):
    """Settings of an application: its source, how it runs, and its migration."""

    # --- the application -------------------------------------------------------------------------------------------
    app_name: AppName = Field(
        description="Name of the application, and of its user, its units and its folders on the host."
    )
    app_source: Text = Field(
        ".", description="Git repository with the application, relative to the project's folder or absolute."
    )
    app_ref: Text = Field("HEAD", description="What to release: a branch, a tag or a commit.")
    app_subdirectory: Text = Field("", description="Folder of the application inside its repository (monorepo).")
    app_entrypoint: Text = Field(
        "main.py",
        description="Where the FastAPI application is: a file, a package or `module:app`, relative to the "
        'application\'s folder; with another `server` than "fastapi" also `module:create_app()`, a function that '
        "creates it.",
    )
    allow_dirty: bool = Field(
        False, description="Release the working tree with its uncommitted changes instead of refusing it."
    )
    build_commands: Commands = Field(
        (),
        description="Shell commands that build the files of `release_include`, such as `npm ci && npm run build`. "
        "They run on the machine that deploys, in a copy of the repository at the released commit, in the "
        "application's folder.",
    )
    build_environment: Variables = Field(
        (),
        description="Names of environment variables of the deploying command that `build_commands` get too, such as a "
        "token for a package registry; without this they see none of its secrets.",
    )
    release_include: RelativePaths = Field(
        (),
        description="Files, folders and patterns (`*.css`) below the application's folder that a release contains "
        "although git does not track them: the results of `build_commands` or, without those, files of the working "
        "tree. Files of `.git` are never included.",
    )
    requirements_file: Text = Field(
        "",
        description="The requirements file to install from, relative to the application's folder "
        '(`"requirements/prod.txt"`, `"../all.txt"`); unset: homeport looks for a lock file itself, `uv.lock` '
        "first.",
    )
    python_version: Text | None = Field(
        None,
        pattern=r"^3\.\d+(\.\d+)?$",
        description="Python version of the application. uv installs it unless the host's own Python has this "
        "version; unset: the host's own Python.",
    )
    dependency_extras: Names = Field(
        (), description="Extras of the project (`[project.optional-dependencies]`) to install as well."
    )
    dependency_groups: Names = Field(
        (),
        description="Dependency groups of the project (`[dependency-groups]`) to install as well; with uv.lock "
        "its default groups are installed too, except `dev`.",
    )
    upgrade_dependencies: bool = Field(
        False,
        description="With `--data`, for an application without a lock: install the newest versions that it allows "
        "instead of those in `resolved/` (`homeport deploy --upgrade-dependencies`).",
    )
    supervisor: SupervisorName = Field(
        "systemd",
        description='What runs the application: "systemd", or "supervisor" (Debian\'s package of that name) for '
        "slots, processes and migration; docs/supervisor.md says what that keeps and what not.",
    )
    memory_max_megabytes: Annotated[int, Field(ge=64)] | Literal["auto"] | None = Field(
        "auto",
        description="Hard memory limit of one slot (systemd's MemoryMax): a worker that reaches it is killed and "
        'replaced; "auto": the memory that the system does not need, divided equally among the applications of '
        "the machine; None: no limit.",
    )
    oom_policy: Literal["continue", "stop", "kill"] = Field(
        "continue",
        description="What happens when the kernel kills a process of a slot because it uses too much memory "
        '(systemd\'s OOMPolicy): "continue": the other processes go on, and the manager replaces the worker; '
        '"stop": the whole slot stops and is started again; "kill": the same, but at once, without time to '
        "finish requests.",
    )
    cpu_weight: Annotated[int, Field(ge=1, le=10000)] | None = Field(
        None,
        description="The application's share of the processors when they are busy (systemd's CPUWeight): with 200 "
        "it gets twice as much as an application with 100, the default. Slots, processes and timers share it.",
    )
    cpu_max: Annotated[float, Field(gt=0)] | None = Field(
        None,
        description="How many processors the application may use at most (systemd's CPUQuota) (such as 1.5), even "
        "when others are idle; unset: all. Slots, processes and timers share them.",
    )
    environment: dict[str, Text] = Field(
        default_factory=dict, description="Environment variables of the application that are not secret."
    )
    secrets_file: Text | None = Field(
        None,
        description="File of NAME=value lines, on the machine that deploys, that only the application may see; "
        "best encrypted with age (`homeport secrets`).",
    )
    secrets_from_environment: Variables = Field(
        (),
        description="Names of environment variables of the deploying command (a pipeline's secrets) that the "
        "application gets too.",
    )
    install_secrets: Variables = Field(
        (),
        description="Names of variables that only the installation of the dependencies gets "
        "(`UV_INDEX_COMPANY_PASSWORD` for a private index); their values are in the secrets file, or in the "
        "environment of the deploying command.",
    )
    packages: Packages = Field(
        (),
        description="More Debian packages that the application needs on the host. A package that you take off the "
        "list stays installed: other programs may need it.",
    )
    processes: Processes = Field(
        default_factory=dict,
        description='Long-running commands of the release, by name: `{"worker": "python -m app.worker"}`; '
        "they are switched together with the application.",
    )
    timers: dict[ProcessName, Timer] = Field(
        default_factory=dict,
        description="Commands of the release that run at certain times (`schedule` as in systemd.time(7)), by "
        'name: `{"digest": {"command": "python -m app.digest", "schedule": "daily"}}`.',
    )
    before_start: Steps = Field(
        (),
        description="Shell commands on each machine before every start of the server and of each of `processes`, "
        "also at boot and after a crash, by the same user in the same sandbox; if one fails, the start fails. Each "
        'is a text, or `{"command": …, "timeout_seconds": 300}`.',
    )
    port_blue: int = Field(8001, ge=1024, le=65535, description="Loopback port of the blue slot.")
    port_green: int = Field(8002, ge=1024, le=65535, description="Loopback port of the green slot.")

    state_paths: StatePaths = Field(
        (),
        description='Files and folders below the application\'s folder that it writes to, such as `["uploads", '
        '"app.db"]`: they are in its state directory, all releases have the same. What the release has there is '
        "copied once, at the first deploy.",
    )

    # --- the sandbox -----------------------------------------------------------------------------------------------
    sandbox_network: Network = Field(
        "any",
        description='Which addresses the application may connect to: "any" (all but multicast), "local" (only '
        'this machine), or a list of ranges besides this machine, `["10.0.0.0/8"]`.',
    )
    sandbox_writable_paths: Paths = Field(
        (), description="Files and folders that the application may write to besides its state directory and /tmp."
    )
    sandbox_devices: Devices = Field(
        (),
        description="Devices that the application may use, such as `/dev/nvidia0`; with this setting it sees all "
        "of /dev.",
    )
    sandbox_jit: bool = Field(
        False,
        description="Allow the application to generate code at run time, which just-in-time compilers (PyPy, "
        "Numba) need.",
    )
    sandbox_proc: Literal["own", "machine", "all"] = Field(
        "machine",
        description='What the application sees in /proc: "own" (only its own processes), "machine" (also the '
        "machine's figures: memory, load, processors, boot time), \"all\" (also other users' processes).",
    )

    # --- migration -------------------------------------------------------------------------------------------------
    migrate_command: Literal["auto"] | Commands | None = Field(
        "auto",
        description='Shell command (or a list) that migrates the database; "auto": `alembic upgrade head` when the '
        "release has an alembic.ini; None: no migration.",
    )
    migrate_timeout_seconds: int = Field(
        300, ge=1, description="How long a migration may take, including the wait for a lock of the database."
    )
    migrate_on: Text | None = Field(
        None,
        description="The machine that migrates the database before the others start the release; unset: the first "
        "in the inventory that serves this application's `domain`.",
    )
    migration_rehearsal: bool = Field(
        False,
        description="Before a migration, try it on a copy of the state directory with its SQLite databases, and "
        "check that the live release answers on that copy.",
    )
