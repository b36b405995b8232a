"""What every step is given: settings, the application's source, the machine, and where overrides lie."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from homeport.rendering.rendering import render
from homeport.settings import Settings
from homeport.source import Source
from homeport.state.certificate_pair import CertificatePair
from homeport.state.paths import AppPaths
from homeport.state.roles import ROLES, Role
from homeport.state.snapshot import MachineFound


@dataclass(frozen=True)
class Context:
    """The input of a step. `secrets` are the application's secret variables, `install_secrets` those that only the
    installation of its dependencies is given, `proxy_secrets` those of the proxy alone; `overrides` is None without
    such a folder.

    `migrates` says whether it is this machine that migrates the database, `roles` what it does for the application.
    """

    settings: Settings
    source: Source
    secrets: dict[str, str] = field(repr=False)
    install_secrets: dict[str, str] = field(default_factory=dict, repr=False)
    proxy_secrets: dict[str, str] = field(default_factory=dict, repr=False)
    certificate: CertificatePair | None = None
    dns_credentials: str = field(default="", repr=False)
    dns_requirements: str = field(default="", repr=False)
    machine: MachineFound = field(default_factory=MachineFound)
    overrides: Path | None = None
    by: str = ""
    migrates: bool = True
    roles: frozenset[Role] = ROLES

    @property
    def paths(self) -> AppPaths:
        """Return the application's places on the host."""
        return AppPaths(self.settings.app_name)

    def render(self, template: str, **values: object) -> str:
        """Render one of the templates with `values`."""
        return render(template, self.overrides, **values)

    @property
    def has_migration(self) -> bool:
        """Tell whether the release migrates a database, on whichever machine."""
        command = self.settings.migrate_command
        return self.source.has_alembic if command == "auto" else bool(command)
