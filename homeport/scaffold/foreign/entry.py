"""From what a foreign command serves to `app_entrypoint`. Pure."""

from __future__ import annotations

import posixpath
from collections.abc import Set

from homeport.errors import UsageError
from homeport.scaffold.foreign.commands import find_file
from homeport.scaffold.foreign.model import Files, Start
from homeport.settings.server import Server
from homeport.source.entrypoint import find_entry

# What `fastapi run` finds without being told.
_UNDERSTOOD = ("app", "api", "")


def entrypoint_of(start: Start, paths: Set[str], server: Server) -> str:
    """Return the `app_entrypoint` of what is started, among the application's files `paths`; "" where it is not there.

    The name that the command has is kept where `server` imports the module under it.
    """
    found = _file_of(start, paths)
    if not found:
        return ""
    call = "()" if start.factory else ""
    variable = start.variable or ("app" if server != "fastapi" or call else "")
    named = start.target if "/" not in start.target and not start.target.endswith(".py") else ""
    plain = (variable in _UNDERSTOOD and server == "fastapi") or (variable == "app" and not call)
    forms = [f"{named}:{variable or 'app'}{call}"] if named and server != "fastapi" else []
    forms.append(found if plain else f"{found}:{variable}{call}")
    for form in forms:
        try:
            find_entry(server, form, paths, "HEAD")
        except UsageError:
            continue
        return form
    return ""


def _file_of(start: Start, paths: Set[str]) -> str:
    """Return the file that has what is started."""
    files = Files(paths)
    target = start.target
    if target.endswith(".py") or "/" in target:
        return find_file(target, files) or find_file(f"{target}/__init__.py", files)
    path = target.replace(".", "/")
    endings = (f"{path}.py", f"{path}/__init__.py")
    hint = posixpath.normpath(start.folder).strip("/") if start.folder else ""
    while hint and hint != ".":
        for ending in endings:
            if f"{hint}/{ending}" in paths:
                return f"{hint}/{ending}"
        hint = hint.partition("/")[2]
    for place in ("", "src/"):
        for ending in endings:
            if place + ending in paths:
                return place + ending
    below = [one for ending in endings for one in paths if one.endswith(f"/{ending}")]
    return min(below, key=lambda one: (one.count("/"), one), default="")
