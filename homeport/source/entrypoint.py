"""From `app_entrypoint` to the arguments of the server. Pure: it uses the names of the files, never their content.

fastapi-cli (read in 0.0.2, 0.0.8 and 0.0.34) takes a path, walks up through every folder that has an `__init__.py`,
puts the folder above on the import path and imports the dotted rest. All versions know `PATH [--app NAME]`; an import
string is known to new ones only. So every form becomes a path, and a form that would be imported under another name
than the one that was written is refused. The others take `module:variable` and the folder to import it from.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Set
from dataclasses import dataclass

from homeport.errors import UsageError
from homeport.servers import SERVERS, Target
from homeport.settings.server import Server

_FORM = "write main.py or module:app"
# The variable for the other servers where the entry point names none; `fastapi run` looks for it itself.
VARIABLE = "app"
_ALLOWED = re.compile(r"[A-Za-z0-9_./:-]+")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_MODULE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*")


@dataclass(frozen=True)
class Entry:
    """What the server is told to serve, and the folder (below the application's) that it is imported from."""

    arguments: tuple[str, ...]
    imported_from: str = ""


def find_entry(server: Server, entrypoint: str, files: Set[str], ref: str) -> Entry:
    """Return the arguments of `server` for `entrypoint`; raise UsageError as `fastapi_arguments` does.

    `module:function()` is a function that makes the application, which `fastapi run` cannot call.
    """
    factory = entrypoint.endswith("()")
    if not SERVERS[server].makes_application:
        if factory:
            fix = f'set server = "uvicorn", or write a module with app = {entrypoint.partition(":")[2]}'
            raise _error(f"`fastapi run` calls no function to make the application ({entrypoint})", fix)
        arguments = fastapi_arguments(entrypoint, files, ref)
        return Entry(arguments, _package(arguments[0], files)[0])
    target, variable = _split(entrypoint.removesuffix("()"))
    found = _find(target, files, ref)
    folder, module = _named(target, found) if _is_module(target) else _package(found, files)
    return Entry(SERVERS[server].arguments(Target(module, variable or VARIABLE, folder, factory)), folder)


def _named(module: str, found: str) -> tuple[str, str]:
    """Return the folder that `found` is imported from as `module`."""
    ending = module.replace(".", "/")
    return found.removesuffix(".py").removesuffix("/__init__").removesuffix(ending).rstrip("/"), module


def _package(path: str, files: Set[str]) -> tuple[str, str]:
    """Return the folder that a file is imported from, above all that are packages, and its module's name there."""
    parts = path.removesuffix(".py").removesuffix("/__init__").split("/")
    start = len(parts) - 1
    while start and "/".join([*parts[:start], "__init__.py"]) in files:
        start -= 1
    return "/".join(parts[:start]), ".".join(parts[start:])


def _find(target: str, files: Set[str], ref: str) -> str:
    candidates = _candidates(target)
    found = next((path for path in candidates if path in files), None)
    if found is None:
        raise _error(f"no {' or '.join(candidates)} at {ref}", _missing_fix(target, files))
    return found


def fastapi_arguments(entrypoint: str, files: Set[str], ref: str) -> tuple[str, ...]:
    """Return the arguments of `fastapi run` for `entrypoint`: a file, a package's folder, or `module[:variable]`.

    `files` are the paths below the application's folder, `ref` is only named in the error.
    Raises UsageError when the value is malformed, when nothing is there, or when fastapi would import something else.
    """
    target, variable = _split(entrypoint)
    found = _find(target, files, ref)
    _check_import_name(target, found, files)
    return SERVERS["fastapi"].arguments(Target(found, variable))


def _split(entrypoint: str) -> tuple[str, str]:
    """Return path or module, and the variable (empty when none was given)."""
    target, colon, variable = entrypoint.partition(":")
    target = target.removeprefix("./").rstrip("/")
    if not _ALLOWED.fullmatch(entrypoint):
        raise _error(f"{entrypoint!r} has characters other than letters, digits and _ . / : -", _FORM)
    if target.startswith(("-", "/")) or ".." in target.split("/") or not target.strip("./"):
        raise _error(f"{entrypoint!r} is not a path below the application's folder", _FORM)
    if colon and not _VARIABLE.fullmatch(variable):
        raise _error(f"{variable!r} in {entrypoint!r} is not the name of a variable", _FORM)
    return posixpath.normpath(target), variable


def _is_module(target: str) -> bool:
    return "/" not in target and not target.endswith(".py")


def _candidates(target: str) -> tuple[str, ...]:
    """Return the files that `target` may stand for, the preferred one first; Python prefers a package to a module."""
    if target.endswith(".py"):
        return (target,)
    if not _is_module(target):
        return (f"{target}/__init__.py",)
    if not _MODULE.fullmatch(target):
        raise _error(f"{target!r} is not the name of a module", _FORM)
    path = target.replace(".", "/")
    return (f"{path}/__init__.py", f"{path}.py", f"src/{path}/__init__.py", f"src/{path}.py")


def _check_import_name(target: str, found: str, files: Set[str]) -> None:
    """Refuse what fastapi-cli would import under another name than the one that is meant."""
    module = found.removesuffix(".py").removesuffix("/__init__")
    parents = module.split("/")[:-1]
    packages = 0
    while packages < len(parents) and "/".join([*parents[: len(parents) - packages], "__init__.py"]) in files:
        packages += 1
    if packages == len(parents) and "__init__.py" in files:
        raise _error(
            "__init__.py at the application's root makes `fastapi run` import it as part of a package around it",
            "remove that file, or set app_subdirectory to the folder above and app_entrypoint to match",
        )
    wanted = target.count(".") if _is_module(target) else packages
    if packages == wanted:
        return
    plain = ".".join(module.split("/")[-packages - 1 :])
    edge = "/".join([*parents[: len(parents) - min(packages, wanted)], "__init__.py"])
    given, change = ("without", "add") if packages < wanted else ("with", "remove")
    raise _error(
        f"{given} {edge} `fastapi run` imports {found} as {plain!r}, not {target!r}",
        f"{change} {edge}, or set app_entrypoint to {found}",
    )


def _missing_fix(target: str, files: Set[str]) -> str:
    """Return the advice for a missing entry point, with a file of the same name where there is one."""
    name = posixpath.basename(target if target.endswith(".py") else target.replace(".", "/") + ".py")
    near = sorted(
        path for path in files if posixpath.basename(path) in (name, "main.py", "app.py") and "test" not in path
    )
    hint = f" (there is {min(near, key=lambda path: (path.count('/'), path))})" if near else ""
    return f"set app_entrypoint to the file, package or module:app that has the FastAPI application{hint}"


def _error(problem: str, fix: str) -> UsageError:
    return UsageError(problem, key="app_entrypoint", fix=fix)
