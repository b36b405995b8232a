"""From `app_entrypoint` to the arguments of `fastapi run`. Pure: it sees the names of the files, never their content.

fastapi-cli (read in 0.0.2, 0.0.8 and 0.0.34) takes a path, walks up through every folder that has an `__init__.py`,
puts the folder above on the import path and imports the dotted rest. All versions know `PATH [--app NAME]`; an import
string is known to new ones only. So every form becomes a path, and a form that would be imported under another name
than the one that was written is refused.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Set

from homeport.errors import UsageError

_FORM = "write main.py or module:app"
_ALLOWED = re.compile(r"[A-Za-z0-9_./:-]+")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_MODULE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*")


def fastapi_arguments(entrypoint: str, files: Set[str], ref: str) -> tuple[str, ...]:
    """Return the arguments of `fastapi run` for `entrypoint`: a file, a package's folder, or `module[:variable]`.

    `files` are the paths below the application's folder, `ref` is only named in the error.
    Raises UsageError when the value is malformed, when nothing is there, or when fastapi would import something else.
    """
    target, variable = _split(entrypoint)
    candidates = _candidates(target)
    found = next((path for path in candidates if path in files), None)
    if found is None:
        raise _error(f"no {' or '.join(candidates)} at {ref}", _missing_fix(target, files))
    _check_import_name(target, found, files)
    return (found, "--app", variable) if variable else (found,)


def _split(entrypoint: str) -> tuple[str, str]:
    """Return path or module, and the variable (empty when none was given)."""
    target, colon, variable = entrypoint.partition(":")
    target = target.removeprefix("./").rstrip("/")
    if not _ALLOWED.fullmatch(entrypoint):
        raise _error(f"{entrypoint!r} has characters other than letters, digits and _ . / : -", _FORM)
    if target.startswith(("-", "/")) or ".." in target.split("/") or not target.strip("./"):
        raise _error(f"{entrypoint!r} is no path below the application's folder", _FORM)
    if colon and not _VARIABLE.fullmatch(variable):
        raise _error(f"{variable!r} in {entrypoint!r} is no name of a variable", _FORM)
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
        raise _error(f"{target!r} is no name of a module", _FORM)
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
    """Return the advice for an entry point that is not there, with a file of the same name where there is one."""
    name = posixpath.basename(target if target.endswith(".py") else target.replace(".", "/") + ".py")
    near = sorted(
        path for path in files if posixpath.basename(path) in (name, "main.py", "app.py") and "test" not in path
    )
    hint = f" (there is {min(near, key=lambda path: (path.count('/'), path))})" if near else ""
    return f"set app_entrypoint to the file, package or module:app that has the FastAPI application{hint}"


def _error(problem: str, fix: str) -> UsageError:
    return UsageError(problem, key="app_entrypoint", fix=fix)
