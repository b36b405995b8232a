"""What files of other tools come to in a new project: what `homeport.scaffold.foreign` reads, as `init` uses it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import PurePosixPath

from homeport.scaffold.foreign.model import Files, Proposal
from homeport.scaffold.foreign.reading import read_foreign
from homeport.scaffold.foreign.settling import Foreign, settle
from homeport.scaffold.health import Health
from homeport.scaffold.repository_files import RepositoryFiles
from homeport.scaffold.server import runnable
from homeport.settings.server import Server
from homeport.settings.variables import RESERVED_ENVIRONMENT
from homeport.source.git import Repository

# A file for deploys that is larger is none that a person wrote, and YAML of that size takes seconds.
LARGEST_BYTES = 200_000
# Settings of one inventory alone.
OF_PRODUCTION = ("domain", "domain_aliases")


@dataclass(frozen=True)
class FromOthers:
    """What other tools' files propose; each property is None, or empty, where they say nothing."""

    found: Foreign = field(default_factory=Foreign)

    @property
    def server(self) -> Server | None:
        """The server that is run."""
        return self.found.get("server")  # type: ignore[return-value]

    @property
    def entrypoint(self) -> str:
        """The `app_entrypoint`."""
        return str(self.found.get("app_entrypoint") or "")

    @property
    def health(self) -> Health | None:
        """The health path."""
        path = self.found.get("health_path")
        return Health(str(path)) if path else None

    @property
    def python_version(self) -> str | None:
        """The Python of an image."""
        found = self.found.get("python_version")
        return str(found) if found else None

    @property
    def migrate_command(self) -> str | list[str] | None:
        """The migration."""
        return self.found.get("migrate_command")  # type: ignore[return-value]

    @property
    def domain(self) -> str | None:
        """The name that the application is served under."""
        found = self.found.get("domain")
        return str(found) if found else None

    @property
    def names(self) -> tuple[str, ...]:
        """What the application is called."""
        return self.found.names

    @property
    def commands(self) -> tuple[str, ...]:
        """The commands of processes beside the server."""
        found = self.found.get("processes")
        return tuple(found.values()) if isinstance(found, dict) else ()

    @property
    def settings(self) -> tuple[Proposal, ...]:
        """The settings that hold for every inventory."""
        return tuple(one for one in self.found.settings if one.name not in OF_PRODUCTION)

    @property
    def of_production(self) -> tuple[Proposal, ...]:
        """The settings of production alone, without the domain."""
        return tuple(one for one in self.found.settings if one.name in OF_PRODUCTION and one.name != "domain")

    def without_known(self, variables: tuple[str, ...]) -> tuple[str, ...]:
        """Return the names of variables, these and those of the files, without what has a value or is a tool's."""
        environment = self.found.get("environment")
        known = {*(environment if isinstance(environment, dict) else ()), *self.found.tools}
        names = dict.fromkeys((*variables, *self.found.variables))
        return tuple(name for name in names if name not in known and not name.startswith(RESERVED_ENVIRONMENT))


def find_foreign(
    repository: Repository, files: RepositoryFiles, requirements: str, entrypoint: str, *, python: bool
) -> FromOthers:
    """Return what other tools' files in the repository say of the application with these `files`.

    `requirements` is its requirements file, where that is set; `entrypoint` is what is known already. `python` tells
    whether an image's Python counts: not where the project itself says which it needs.
    """
    whole = RepositoryFiles(Repository(repository.path))
    foreign = Files(whole.paths, whole.read, lambda path: whole.refusal(path, LARGEST_BYTES), files.folder)
    read, reading = read_foreign(foreign)
    if not python:
        reading.proposals = [one for one in reading.proposals if one.name != "python_version"]
    named = tuple(path for path in read if PurePosixPath(path).suffix != ".py")
    return FromOthers(settle(named, reading, files.paths, runnable(files.paths, files.read, requirements), entrypoint))
