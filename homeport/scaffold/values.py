"""The settings of a new project: those that follow from the application, and all others with their defaults. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from textwrap import wrap

from pydantic_core import PydanticUndefined

from homeport.scaffold.foreign.model import Proposal
from homeport.scaffold.inspection import Inspection
from homeport.settings.model import Settings
from homeport.settings.reference import default, literal

# Those of one run, which no file should have.
OF_A_RUN = ("app_ref", "release", "accept_migrations", "take_machine", "replace_proxy")
WIDTH = 118


def values(found: Inspection, source: str) -> list[tuple[str, str, str]]:
    """Return name, value as Python has it, and a remark ("" for none) for each setting that follows from `found`.

    `source` is where the folder that was looked at is, seen from the project's.
    """
    listed: list[tuple[str, object, str]] = [("app_name", found.app_name, ""), ("app_source", source, "")]
    if found.subdirectory:
        listed.append(("app_subdirectory", found.subdirectory, ""))
    listed += [("app_entrypoint", found.entrypoint, ""), ("health_path", found.health.path, found.health.remark)]
    if found.server != "fastapi":
        listed.append(("server", found.server, _why_server(found)))
    if found.requirements_file:
        listed.append(("requirements_file", found.requirements_file, ""))
    if found.needs.extra:
        listed.append(("dependency_extras", [found.needs.extra], "it brings FastAPI"))
    if found.needs.group:
        listed.append(("dependency_groups", [found.needs.group], "by its name, or by the server that it alone brings"))
    proposed = {one.name: one for one in found.foreign.settings}
    if found.needs.from_git:
        packages = proposed.pop("packages").value if "packages" in proposed else []
        assert isinstance(packages, list)  # noqa: S101 - for the type checker
        listed.append(("packages", sorted({"git", *packages}), "a dependency comes from a git repository"))
    if found.python_version:
        listed.append(("python_version", found.python_version, "as the application asks for it"))
    if found.migrate_command:
        listed.append(("migrate_command", found.migrate_command, ""))
    if found.background and "workers" not in proposed:
        one = found.background
        listed.append(
            ("workers", 1, f"{one.path}:{one.line} starts {one.name} in each worker, so that jobs run once each")
        )
    # What another tool's file says is said to be from there; all that it proposes beyond is taken.
    listed = [(name, value, remark or _origin(proposed, name, value)) for name, value, remark in listed]
    known = {name for name, _, _ in listed}
    listed += [(one.name, one.value, f"from {one.place}") for one in proposed.values() if _is_new(one, known)]
    return [(name, literal(value), remark) for name, value, remark in listed]


def _why_server(found: Inspection) -> str:
    return "" if found.foreign.server else "its dependencies do not bring a `fastapi` command that runs"


def _origin(proposed: Mapping[str, Proposal], name: str, value: object) -> str:
    one = proposed.get(name)
    return f"from {one.place}" if one and one.value == value else ""


def _is_new(one: Proposal, known: Set[str]) -> bool:
    """Tell whether a proposal is neither known nor what is so without it."""
    return one.name not in known and one.value != default(Settings.model_fields[one.name])


def other_settings(without: Iterable[str]) -> str:
    """Return every setting that has a default, `without` some, with its description and default as comments."""
    left_out = {*OF_A_RUN, *without}
    lines = []
    for name, one in Settings.model_fields.items():
        value = default(one)
        if name not in left_out and value is not PydanticUndefined:
            lines += wrap(one.description or "", WIDTH, initial_indent="# ", subsequent_indent="# ")
            lines += [f"# {name} = {literal(value)}", ""]
    return "\n".join(lines).rstrip("\n")
