"""`Service`: the processes of a release and their limits and rights, frozen, independent of systemd.

Times are seconds, sizes megabytes (2**20 bytes). Of secrets it has only the names.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from homeport.servers import Serving


@dataclass(frozen=True)
class Health:
    """Healthy are `successes` answers in a row with `status` at `path`, within `timeout_seconds` of the start."""

    path: str
    status: int
    successes: int
    timeout_seconds: int


@dataclass(frozen=True)
class Limits:
    """The limits of all processes of a service together; None: no limit of its own.

    `cpu_weight` is its part where processors are short (100: an equal one), `cpu_max` how many it may use at most.
    `oom_policy` says what follows when one of its processes is killed for its memory. `memory_max_megabytes` is each
    unit's, `memory_together_megabytes` that of all of them.
    """

    memory_max_megabytes: int | None = None
    cpu_weight: int | None = None
    cpu_max: float | None = None
    oom_policy: Literal["continue", "stop", "kill"] = "continue"
    memory_together_megabytes: int | None = None


@dataclass(frozen=True)
class Sandbox:
    """What a service may use besides its own files: addresses, paths to write to, devices, code made at run time.

    `proc` is how much of /proc it sees: its own processes, the machine's figures, or all processes.
    `state_folders` are of the state directory, and lie over those of the release.
    """

    allowed_addresses: tuple[str, ...]
    writable_paths: tuple[str, ...] = ()
    devices: tuple[str, ...] = ()
    jit: bool = False
    proc: Literal["own", "machine", "all"] = "machine"
    state_folders: tuple[str, ...] = ()


@dataclass(frozen=True)
class Step:
    """A shell command before each start of the server and of each process."""

    command: str
    timeout_seconds: int


@dataclass(frozen=True)
class Process:
    """A long-running shell command beside the server, and how long it may take to end."""

    name: str
    command: str
    stop_timeout_seconds: int


@dataclass(frozen=True)
class Schedule:
    """A shell command that runs at times; `schedule` is a calendar expression of systemd.time(7)."""

    name: str
    command: str
    schedule: str
    timeout_seconds: int


@dataclass(frozen=True)
class Migration:
    """The migration before a start: `commands` in order; None: Alembic's upgrade to the newest revision.

    `where`: "here" before this service starts, "elsewhere" by another machine of the release, "nowhere" at all.
    """

    commands: tuple[str, ...] | None
    timeout_seconds: int
    where: Literal["here", "elsewhere", "nowhere"]


@dataclass(frozen=True)
class Service:
    """The processes of a release. `app` is also the name of its user and group; `release` is the release's id.

    `import_folders` are where its own code is imported from, relative to the release. `environment` has names and
    values of variables that anybody may see, `secret_names` the names of the others. A process is told to end by
    `stop_signal` and killed after `stop_timeout_seconds`.
    """

    app: str
    release: str
    serving: Serving
    import_folders: tuple[str, ...]
    environment: tuple[tuple[str, str], ...]
    secret_names: tuple[str, ...]
    state_directory: str
    health: Health
    limits: Limits
    sandbox: Sandbox
    migration: Migration
    before_start: tuple[Step, ...] = ()
    processes: tuple[Process, ...] = ()
    schedules: tuple[Schedule, ...] = ()
    stop_signal: str = "SIGTERM"
    stop_timeout_seconds: int = 30
