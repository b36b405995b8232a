"""The settings about an application's dependencies, beside the files that name them. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass, field

from homeport.errors import UsageError
from homeport.settings.server import ServerChoice
from homeport.source.requirements import normalized
from homeport.source.uv_lock import Table

# The group that is left out unless the settings name it.
DEV = "dev"


@dataclass(frozen=True)
class DependencyOptions:
    """Python, extras and dependency groups of the project, who serves, and the file that names the dependencies ("":
    the one that is found).
    """

    python_version: str | None = None
    extras: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    server: ServerChoice = field(default_factory=ServerChoice)
    file: str = ""

    def options(self) -> tuple[str, ...]:
        """Return the options of `uv sync`, and of `uv pip install -r pyproject.toml`, for extras and groups."""
        extras = (word for name in self.extras for word in ("--extra", name))
        return (*extras, *(word for name in self.groups for word in ("--group", name)))

    def parts(self) -> tuple[str, ...]:
        """Return what tells the environment of these options from others; nothing for options that are not set."""
        return (*self.options(), *(() if self.server.name == "fastapi" else (self.server.name,)))


def check_names(options: DependencyOptions, project: Table, groups: Set[str]) -> None:
    """Raise UsageError for an extra that `[project]` does not have, and for a dependency group that does not exist."""
    extras = project.get("optional-dependencies", {})
    for key, wished, present in (
        ("dependency_extras", options.extras, set(extras) if isinstance(extras, Mapping) else set()),
        ("dependency_groups", options.groups, groups),
    ):
        known = {normalized(name) for name in present}
        unknown = next((name for name in wished if normalized(name) not in known), None)
        if unknown:
            there = f"there are: {', '.join(sorted(present))}" if present else "there are none"
            raise UsageError(f"pyproject.toml has no {unknown} ({there})", key=key, fix="name one that it has")


def refuse_names(options: DependencyOptions, file: str) -> None:
    """Raise UsageError for extras and groups where the requirements `file` is what is installed."""
    for key, wished in (("dependency_extras", options.extras), ("dependency_groups", options.groups)):
        if wished:
            problem = f"{file} is installed, which does not use the project's extras and groups"
            raise UsageError(problem, key=key, fix="list their packages in it, or commit uv.lock")
