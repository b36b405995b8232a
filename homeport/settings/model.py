"""Every setting of homeport, with its type, its bounds, its unit (in the name) and what it is for.

This is the single source of the defaults: `group_data/all.py` and docs/settings.md are checked against it. It decides
nothing beyond "is this value allowed"; it never looks at a host or at a file.
"""

from __future__ import annotations

import posixpath
from typing import Annotated, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from homeport.settings.types import (
    AppName,
    Commands,
    Domain,
    Hooks,
    Packages,
    Processes,
    ProcessName,
    ReleaseName,
    Releases,
    Text,
    Timer,
    as_list,
    check_variable,
)


class Settings(BaseModel):
    """What one application on one host shall be. Immutable; made by `homeport.settings.loading.load`."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    # --- the application -------------------------------------------------------------------------------------------
    app_name: AppName = Field(description="Name of the application: its user, its units and its folders are called so.")
    app_source: Text = Field(
        ".", description="Git repository with the application, relative to the project's folder or absolute."
    )
    app_ref: Text = Field("HEAD", description="What to release: a branch, a tag or a commit.")
    app_subdirectory: Text = Field("", description="Folder of the application inside its repository (monorepo).")
    app_entrypoint: Text = Field(
        "main.py",
        description="What `fastapi run` serves: a file, a package or `module:app`, seen from the application.",
    )
    allow_dirty: bool = Field(
        False, description="Release the working tree with its uncommitted changes instead of refusing it."
    )
    python_version: Text | None = Field(
        None, pattern=r"^3\.\d+(\.\d+)?$", description="Python for the application, managed by uv; unset: the system's."
    )
    workers: int | Literal["auto"] = Field(
        "auto", description='Worker processes of `fastapi run`; "auto" sizes them to the host\'s cores and memory.'
    )
    worker_memory_megabytes: int = Field(
        200, ge=16, description="Memory that one worker is reckoned with while none is live to be measured."
    )
    memory_max_megabytes: Annotated[int, Field(ge=64)] | Literal["auto"] | None = Field(
        "auto",
        description="Hard limit for one slot (systemd's MemoryMax): a worker that reaches it is killed and replaced; "
        '"auto": what the system does not need, in equal parts for the applications on it; None: no limit.',
    )
    environment: dict[str, Text] = Field(
        default_factory=dict, description="Environment variables of the application that anybody may see."
    )
    secrets_file: Text | None = Field(
        None, description="File of NAME=value lines on this machine whose content nobody may see but the application."
    )
    packages: Packages = Field((), description="Further Debian packages that the application needs on the host.")
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
    port_blue: int = Field(8001, ge=1024, le=65535, description="Loopback port of the blue slot.")
    port_green: int = Field(8002, ge=1024, le=65535, description="Loopback port of the green slot.")

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

    # --- the site --------------------------------------------------------------------------------------------------
    domain: Domain = Field(description="Name that the application is served under.")
    domain_aliases: Annotated[tuple[Domain, ...], BeforeValidator(as_list)] = Field(
        (), description="Further names: on the certificate, and redirected to `domain`."
    )
    client_max_body_megabytes: int = Field(10, ge=1, description="Largest request body that the proxy takes.")
    proxy_read_timeout_seconds: int = Field(
        60, ge=1, description="How long the proxy waits between two reads from the application."
    )
    hsts_seconds: int = Field(
        63072000,
        ge=0,
        description="max-age of Strict-Transport-Security (two years, as the preload list asks); 0: none.",
    )

    # --- the certificate -------------------------------------------------------------------------------------------
    acme_email: Text | None = Field(None, description="Address that the certificate authority writes to.")
    acme_directory_url: Text = Field(
        "https://acme-v02.api.letsencrypt.org/directory",
        pattern=r"^https://\S+$",
        description="ACME directory of the certificate authority; its TLS is checked against the host's trust store.",
    )

    # --- the machine -----------------------------------------------------------------------------------------------
    apt_lock_timeout_seconds: int = Field(
        300, ge=0, description="How long to wait for another apt (unattended upgrades on a fresh cloud machine)."
    )
    minimum_free_megabytes: int = Field(
        1024, ge=0, description="Free space on the host's disk below which nothing is begun."
    )

    @field_validator(
        "python_version",
        "memory_max_megabytes",
        "secrets_file",
        "migrate_command",
        "migrate_on",
        "release",
        "acme_email",
        mode="before",
    )
    @classmethod
    def _unset(cls, value: object) -> object:
        # `--data acme_email=None` arrives as text.
        return None if value == "None" else value

    @field_validator("app_name")
    @classmethod
    def _not_the_migration(cls, value: str) -> str:
        if value.endswith("-migrate"):
            raise ValueError("must not end in -migrate, which is how migration units are called")
        return value

    @field_validator("python_version")
    @classmethod
    def _a_python_of_today(cls, value: str | None) -> str | None:
        # A number loses its last zero before we see it: 3.10 arrives as 3.1.
        if value and int(value.split(".")[1]) < 8:
            raise ValueError("must be 3.8 or newer; in group data write it in quotes, with --data as '\"3.10\"'")
        return value

    @field_validator("workers")
    @classmethod
    def _at_least_one_worker(cls, value: int | str) -> int | str:
        if isinstance(value, int) and not 1 <= value <= 256:
            raise ValueError('must be "auto" or a number from 1 to 256')
        return value

    @field_validator("environment")
    @classmethod
    def _environment_names(cls, value: dict[str, str]) -> dict[str, str]:
        for name, content in value.items():
            check_variable(name, content)
        return value

    @field_validator("app_subdirectory")
    @classmethod
    def _inside(cls, value: str) -> str:
        if value.startswith("/") or ".." in value.split("/"):
            raise ValueError("must be a folder inside the repository")
        return "" if posixpath.normpath(value) == "." else posixpath.normpath(value)

    @model_validator(mode="after")
    def _together(self) -> Self:
        if self.port_blue == self.port_green:
            raise ValueError("port_green must differ from port_blue")
        for name in self.timers:
            if name in self.processes:
                raise ValueError(f"timers must not have the name of a process ({name})")
        if self.standby and self.switch == "restart":
            raise ValueError('standby needs memory for two releases, which `switch = "restart"` says is not there')
        if len(set(self.domains)) < len(self.domains):
            raise ValueError("domain_aliases must not repeat domain or one another")
        return self

    @property
    def domains(self) -> tuple[str, ...]:
        """All names on the certificate, the canonical one first."""
        return (self.domain, *self.domain_aliases)
