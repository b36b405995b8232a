"""Every setting of homeport, with its type, its bounds, its unit (in the name) and what it is for.

This is the single source of the defaults: `group_data/all.py` and docs/settings.md are checked against it. It decides
nothing beyond "is this value allowed"; it never looks at a host or at a file.
"""

from __future__ import annotations

import posixpath
import re
from typing import Annotated, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, field_validator, model_validator


def _text(value: object) -> object:
    """Give back a number as text: pyinfra turns `--data app_ref=1234` into an int before we see it."""
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def _listed(value: object) -> object:
    """Take `a,b` (as `--data` gives it) for the list `["a", "b"]`."""
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def _commands(value: object) -> object:
    """Take one shell command for a list of one: a comma in it belongs to it."""
    if not isinstance(value, str) or value == "auto":
        return value
    return [value] if value.strip() else []


def _lower(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


Text = Annotated[str, BeforeValidator(_text)]
Commands = Annotated[tuple[Text, ...], BeforeValidator(_commands)]
TextList = Annotated[tuple[Text, ...], BeforeValidator(_listed)]
AppName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,29}[a-z0-9]$"), BeforeValidator(_text)]
# RFC 1123 labels, at least two of them: a certificate authority issues for nothing less.
Domain = Annotated[
    str,
    StringConstraints(
        max_length=253, pattern=r"^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?$"
    ),
    BeforeValidator(_lower),
]
EnvironmentName = re.compile(r"^[A-Za-z_][A-Za-z0-9_]*$")
# Names that homeport itself gives to the application.
RESERVED_ENVIRONMENT = ("HOMEPORT_", "STATE_DIRECTORY")
# execve(2): MAX_ARG_STRLEN, 32 pages, the terminating zero included. A unit with a longer one does not start.
LONGEST_VARIABLE_BYTES = 128 * 1024


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
        200, ge=16, description="Memory that one worker is reckoned with when `workers` is sized to the host."
    )
    memory_max_megabytes: int | None = Field(
        None, ge=64, description="Hard limit for one slot (systemd's MemoryMax); unset: no limit."
    )
    environment: dict[str, Text] = Field(
        default_factory=dict, description="Environment variables of the application that anybody may see."
    )
    secrets_file: Text | None = Field(
        None, description="File of NAME=value lines on this machine whose content nobody may see but the application."
    )
    packages: TextList = Field((), description="Further Debian packages that the application needs on the host.")
    port_blue: int = Field(8001, ge=1024, le=65535, description="Loopback port of the blue slot.")
    port_green: int = Field(8002, ge=1024, le=65535, description="Loopback port of the green slot.")

    # --- migration -------------------------------------------------------------------------------------------------
    migrate_command: Literal["auto"] | Commands | None = Field(
        "auto",
        description='Shell command (or a list) that migrates the database; "auto": `alembic upgrade head` when the '
        "release has an alembic.ini; None: no migration.",
    )
    migrate_timeout_seconds: int = Field(300, ge=1, description="How long a migration may take, its lock included.")

    # --- health and switching --------------------------------------------------------------------------------------
    health_path: Text = Field(
        "/health", pattern=r"^/[!-~]*$", description="Path that answers when the application can serve."
    )
    health_status: int = Field(200, ge=100, le=599, description="Status that the health path answers with.")
    health_timeout_seconds: int = Field(60, ge=1, description="How long a new release may take to become healthy.")
    health_successes: int = Field(2, ge=1, description="Good answers in a row that count as healthy.")
    drain_timeout_seconds: int = Field(
        30, ge=0, description="How long the old slot may finish its requests after the switch."
    )
    stop_timeout_seconds: int = Field(30, ge=1, description="How long the application may take to stop when told to.")
    keep_releases: int = Field(5, ge=2, description="Releases kept on the host, the live one included.")

    # --- the site --------------------------------------------------------------------------------------------------
    domain: Domain = Field(description="Name that the application is served under.")
    domain_aliases: Annotated[tuple[Domain, ...], BeforeValidator(_listed)] = Field(
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
        "python_version", "memory_max_megabytes", "secrets_file", "migrate_command", "acme_email", mode="before"
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

    @field_validator("packages")
    @classmethod
    def _package_names(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        # Debian Policy 5.6.1: lower case letters, digits, plus, minus and full stop.
        for number, name in enumerate(value, 1):
            if not re.fullmatch(r"[a-z0-9][a-z0-9+.-]+", name):
                raise ValueError(f"item {number} is no Debian package name")
        return value

    @model_validator(mode="after")
    def _together(self) -> Self:
        if self.port_blue == self.port_green:
            raise ValueError("port_green must differ from port_blue")
        if len(set(self.domains)) < len(self.domains):
            raise ValueError("domain_aliases must not repeat domain or one another")
        return self

    @property
    def domains(self) -> tuple[str, ...]:
        """All names on the certificate, the canonical one first."""
        return (self.domain, *self.domain_aliases)


def check_variable(name: str, content: str) -> None:
    """Raise ValueError, without the content, when a variable cannot stand in a systemd environment file."""
    if not EnvironmentName.fullmatch(name):
        raise ValueError(f"{name!r} is no name for an environment variable")
    if name.startswith(RESERVED_ENVIRONMENT):
        raise ValueError(f"{name} is set by homeport itself")
    if "\0" in content:
        raise ValueError(f"the value of {name} has a zero byte, which no variable can carry")
    if len(f"{name}={content}".encode()) >= LONGEST_VARIABLE_BYTES:
        raise ValueError(f"{name} is longer than the {LONGEST_VARIABLE_BYTES // 1024} KB that Linux passes on")
