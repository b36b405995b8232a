"""Which server a new project asks for: another one where its lock brings no `fastapi` command that runs. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Set

from homeport.errors import UsageError
from homeport.settings.server import Server, ServerChoice, check_pins
from homeport.source.requirements import normalized, read_requirements
from homeport.source.uv_lock import read_lock, read_toml, table

COMMAND = re.compile(r"^(fastapi\s*\[[^\]]*\b(standard|all)[^\]]*\]|fastapi[-_.]cli\b)", re.IGNORECASE)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def find_server(files: Set[str], read: Callable[[str], str]) -> Server:
    """Return the `server` to set for the application with these `files`; `read` gives the text of one, "" for none."""
    try:
        if {"uv.lock", "pyproject.toml"} <= files:
            lock = read_lock("uv.lock", read("uv.lock"))
            return _chosen(lock.installed, lock.versions)
        if "requirements.txt" in files:
            found = read_requirements("requirements.txt", lambda path: read(path) if path in files else None)
            lines = [line for text in found.contents.values() for line in text.splitlines()]
            names = found.names | {"fastapi-cli" for line in lines if COMMAND.match(line.strip())}
            return _chosen(names, found.versions)
        project = table("pyproject.toml", read_toml("pyproject.toml", read("pyproject.toml")), "project")
    except UsageError:
        return "fastapi"
    lines = [str(line) for line in project.get("dependencies", ())]
    named = {normalized(match.group()) for line in lines if (match := _NAME.match(line))}
    return _chosen(named | {"fastapi-cli" for line in lines if COMMAND.match(line)}, {})


def _chosen(names: Set[str], versions: Mapping[str, str]) -> Server:
    """Return the first server that can be run, `fastapi run` before all; this one, too, when none can."""
    servers: tuple[Server, ...] = ("fastapi", "uvicorn", "granian")
    return next((server for server in servers if _runs(server, names, versions)), "fastapi")


def _runs(server: Server, names: Set[str], versions: Mapping[str, str]) -> bool:
    try:
        check_pins(ServerChoice(server), names, versions, "")
    except UsageError:
        return False
    return True
