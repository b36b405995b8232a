"""Names and versions of an application's dependencies, whichever file has them, as far as `init` asks. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Set
from dataclasses import dataclass, field
from typing import Any

from homeport.source.exports import PIPFILE_LOCK, POETRY_LOCK, read_pipfile_lock, read_poetry_lock
from homeport.source.requirements import normalized, pinned_version, read_requirements
from homeport.source.setup_files import read_setup
from homeport.source.uv_lock import LockSelection, lines_of, read_lock, read_toml, table

Read = Callable[[str], str]
COMMAND = re.compile(r"^(fastapi\s*\[[^\]]*\b(standard|all)[^\]]*\]|fastapi[-_.]cli\b)", re.IGNORECASE)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
# Requirements files by their names, in the order in which they are preferred, and those that are never meant.
_FILE = re.compile(r"(^|/)((requirements|reqs?|deps)/[^/]+|[^/]*requirements[^/]*)\.txt$", re.IGNORECASE)
_NEVER = re.compile(
    r"(^|[-_./])(dev\w*|tests?|testing|docs?|lint\w*|typ(es|ing)|ci|local|build|bench\w*|notebooks?|examples?|mypy|"
    r"format\w*|debug|constraints?|optional|gpu|cuda)([-_./]|$)"
)
PRODUCTION = re.compile(r"(prod|production|deploy|deployment|server)", re.IGNORECASE)
# What runs an application, each with what it needs for that.
SERVING = frozenset(("fastapi-cli", "uvicorn", "granian", "hypercorn"))
_PREFERRED = ("prod", "main", "app", "server", "api", "base", "common", "requirements")


@dataclass(frozen=True)
class Needs:
    """Names of distributions that are installed, versions of those that are pinned; `extra` is the extra of the
    project that brings FastAPI, `group` the dependency group that is for production by its name, or alone brings a
    server, "" where none has to; `from_git` says that one is fetched by git.
    """

    names: Set[str] = frozenset()
    versions: Mapping[str, str] = field(default_factory=dict)
    extra: str = ""
    group: str = ""
    from_git: bool = False


def find_requirements(files: Set[str], read: Read, member: bool) -> str:
    """Return the `requirements_file` to set for the application with these `files`, "" where none has to be.

    `member` says that a uv workspace above has a lock for it.
    """
    plain = ("requirements.txt", "uv.lock", "Pipfile.lock", "poetry.lock")
    pyproject = _pyproject(read, "project") or _pyproject(read, "tool", "poetry", "dependencies")
    if member or pyproject or any(name in files for name in plain) or "setup.py" in files:
        return ""
    found = [path for path in files if _FILE.search(path) and not _NEVER.search(path.lower())]
    return min(found, key=_preferred, default="")


def _preferred(path: str) -> tuple[int, int, str]:
    plain = path.lower().rpartition("/")[2]
    rank = next((n for n, word in enumerate(_PREFERRED) if word in plain), len(_PREFERRED))
    return rank, path.count("/"), path


def find_needs(files: Set[str], read: Read, requirements: str = "") -> Needs:
    """Return what the application with these `files` needs; by the file `requirements`, where that is set.

    `read` gives the text of a file, "" for none. Raises UsageError for a file that is not what it should be.
    """
    lock = "" if requirements else read("uv.lock") if {"uv.lock", "pyproject.toml"} <= files else ""
    if lock:
        return _by_lock(lock, read)
    if requirements or "requirements.txt" in files:
        return _by_requirements(requirements or "requirements.txt", lambda path: read(path) or None)
    if POETRY_LOCK in files or PIPFILE_LOCK in files:
        text = read(POETRY_LOCK) or read(PIPFILE_LOCK)
        group = _for_production(_pyproject(read, "tool", "poetry", "group")) if POETRY_LOCK in files else ""
        groups = (group,) if group else ()
        found = read_poetry_lock(text, groups=groups) if POETRY_LOCK in files else read_pipfile_lock(text)
        return Needs(found.names, found.versions, "", group, 'type = "git"' in text or '"git":' in text)
    return _by_project(read)


def _by_lock(text: str, read: Read) -> Needs:
    lock = read_lock("uv.lock", text)
    extra = ""
    if "fastapi" not in lock.installed:
        extras = _pyproject(read, "project", "optional-dependencies")
        brings = (name for name in extras if "fastapi" in read_lock("uv.lock", text, LockSelection((name,))).installed)
        extra = next(brings, "")
        lock = read_lock("uv.lock", text, LockSelection((extra,))) if extra else lock
    groups = sorted(_pyproject(read, "dependency-groups"), key=lambda name: bool(_NEVER.search(name)))
    own = (extra,) if extra else ()
    group = _for_production(groups)
    if not group and not lock.installed & SERVING:
        # Whoever builds an image may add the server there, and develop with the one of this group.
        brings = (
            name for name in groups if read_lock("uv.lock", text, LockSelection(own, (name,))).installed & SERVING
        )
        group = next(brings, "")
    if group:
        lock = read_lock("uv.lock", text, LockSelection(own, (group,)))
    return Needs(lock.installed, lock.versions, extra, group, "source = { git =" in text)


def _for_production(groups: Iterable[str]) -> str:
    return next((name for name in groups if PRODUCTION.fullmatch(name)), "")


def _by_requirements(path: str, read: Callable[[str], str | None]) -> Needs:
    found = read_requirements(path, read)
    lines = [line.strip() for text in found.contents.values() for line in text.splitlines()]
    command = {"fastapi-cli" for line in lines if COMMAND.match(line)}
    return Needs(found.names | command, found.versions, from_git=any("git+" in line for line in lines))


def _by_project(read: Read) -> Needs:
    project: Mapping[str, Any] = _pyproject(read, "project") or read_setup(lambda path: read(path) or None) or {}
    lines = lines_of("pyproject.toml", project, "dependencies")
    names, extra = _names(lines), ""
    if "fastapi" not in names:
        extras = table("pyproject.toml", project, "optional-dependencies")
        extra = next((name for name in extras if "fastapi" in _names(lines_of("pyproject.toml", extras, name))), "")
        lines += lines_of("pyproject.toml", extras, extra)
    poetry = _pyproject(read, "tool", "poetry", "dependencies")
    lines += [_poetry_line(name, one) for name, one in poetry.items() if name != "python"]
    pinned = {line: version for line in lines if (version := pinned_version(line))}
    versions = {normalized(found.group()): one for line, one in pinned.items() if (found := _NAME.match(line))}
    return Needs(_names(lines), versions, extra, from_git=any("git+" in line for line in lines))


def _names(lines: Iterable[str]) -> set[str]:
    lines = list(lines)
    named = {normalized(match.group()) for line in lines if (match := _NAME.match(line))}
    return named | {"fastapi-cli" for line in lines if COMMAND.match(line)}


def _poetry_line(name: str, asked: object) -> str:
    """Return one of Poetry's dependencies as a requirement, without the range of versions."""
    if not isinstance(asked, Mapping):
        return name
    extras = asked.get("extras")
    listed = f"[{','.join(map(str, extras))}]" if isinstance(extras, list) else ""
    return f"{name}{listed}{' @ git+' if 'git' in asked else ''}"


def _pyproject(read: Read, *names: str) -> Mapping[str, Any]:
    return table("pyproject.toml", read_toml("pyproject.toml", read("pyproject.toml")), *names)
