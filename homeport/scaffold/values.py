"""The settings of a new project: those that follow from the application, and all others with their defaults. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from textwrap import wrap

from pydantic_core import PydanticUndefined

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
        listed.append(("server", found.server, "its dependencies do not bring a `fastapi` command that runs"))
    if found.requirements_file:
        listed.append(("requirements_file", found.requirements_file, ""))
    if found.needs.extra:
        listed.append(("dependency_extras", [found.needs.extra], "it brings FastAPI"))
    if found.needs.from_git:
        listed.append(("packages", ["git"], "a dependency comes from a git repository"))
    if found.python_version:
        listed.append(("python_version", found.python_version, "as the application asks for it"))
    if found.migrate_command:
        listed.append(("migrate_command", found.migrate_command, ""))
    return [(name, literal(value), remark) for name, value, remark in listed]


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
