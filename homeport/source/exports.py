"""Locks that their own tool writes down as requirements with hashes: poetry.lock and Pipfile.lock. Pure.

What is read of a lock here says what is installed and which folders of the repository it names; versions, markers and
hashes are the tool's business. A Poetry project without a lock has its requirements written by poetry-core, and
its versions are left open.
"""

from __future__ import annotations

import json
import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from homeport.errors import UsageError
from homeport.source.dependency_options import DependencyOptions
from homeport.source.repository_view import RepositoryView
from homeport.source.requirements import lines, normalized
from homeport.source.uv_lock import read_toml

Tool = Literal["poetry", "pipenv"]
POETRY_LOCK, PIPFILE_LOCK, PIPFILE, PYPROJECT = "poetry.lock", "Pipfile.lock", "Pipfile", "pyproject.toml"
# Prints the requirements of the Poetry project in the working directory. Arguments: extras, and groups as :NAME.
REQUIREMENTS = """
import sys
from poetry.core.factory import Factory
package = Factory().create_poetry().package
wanted = {one for one in sys.argv[1:] if not one.startswith(":")}
groups = {"main", *(one[1:] for one in sys.argv[1:] if one.startswith(":"))}
for group in sorted(groups & set(package.dependency_group_names())):
    for need in package.dependency_group(group).dependencies:
        if not need.is_optional() or wanted & set(need.in_extras):
            print(need.to_pep_508(with_extras=False))
"""


@dataclass(frozen=True)
class Export:
    """What is exported: the `file` (a lock, or a pyproject.toml whose versions are open), its tool, and how.

    `commands` are words for the tool's Python, run one after the other in `folder` among `files` (text by path in the
    repository); the last prints the requirements.
    """

    file: str
    tool: Tool
    commands: tuple[tuple[str, ...], ...]
    folder: str
    files: tuple[tuple[str, str], ...] = field(repr=False)

    @property
    def is_locked(self) -> bool:
        """Tell whether what is exported has versions."""
        return self.file != PYPROJECT

    def parts(self) -> list[str]:
        """Return all that the result depends on."""
        return [
            self.tool,
            *(word for words in self.commands for word in words),
            *(one for pair in self.files for one in pair),
        ]


@dataclass(frozen=True)
class Locked:
    """What a lock says: names, versions of what has one, and folders of the repository by their place."""

    names: frozenset[str]
    versions: Mapping[str, str]
    folders: tuple[str, ...] = ()


def poetry_export(
    view: RepositoryView, pyproject: str, lock: str | None, options: DependencyOptions, folders: tuple[str, ...]
) -> Export:
    """Return how a Poetry project is exported, with its `lock` or without one (None)."""
    given = [(PYPROJECT, pyproject), *([(POETRY_LOCK, lock)] if lock is not None else [])]
    files = [(view.path(name), text) for name, text in given]
    for place in folders:
        path = posixpath.join(view.path(place), PYPROJECT)
        files.append((path, view.read_file(path) or ""))
    if lock is None:
        words: tuple[str, ...] = ("-c", REQUIREMENTS, *options.extras, *(f":{group}" for group in options.groups))
        return Export(PYPROJECT, "poetry", (words,), view.folder, tuple(files))
    extras = (word for name in options.extras for word in ("--extras", name))
    groups = (word for name in options.groups for word in ("--with", name))
    words = ("-m", "poetry", "export", "--format", "requirements.txt", *extras, *groups)
    return Export(POETRY_LOCK, "poetry", (words,), view.folder, tuple(files))


def pipenv_export(view: RepositoryView, pipfile: str | None, lock: str, options: DependencyOptions) -> Export:
    """Return how a Pipfile.lock is exported: after a look at whether it was made for the `pipfile` (None: none)."""
    files = [(view.path(PIPFILE_LOCK), lock), *([(view.path(PIPFILE), pipfile)] if pipfile is not None else [])]
    groups = ("--categories", " ".join(("packages", *options.groups))) if options.groups else ()
    words = ("-m", "pipenv", "requirements", "--hash", *groups)
    look = (("-m", "pipenv", "verify"),) if pipfile is not None else ()
    return Export(PIPFILE_LOCK, "pipenv", (*look, words), view.folder, tuple(files))


def exported_text(output: str) -> str:
    """Return the requirements that a tool has printed, without those of the repository itself, which are imported."""
    found = (line.text for line in lines(output) if line.action not in ("editable", "local"))
    return "".join(f"{' '.join(line.split())}\n" for line in found)


def read_poetry_lock(text: str, *, extras: bool = False) -> Locked:
    """Return what a poetry.lock says; raise UsageError when it is none.

    With `extras` what is there for an extra counts. `groups` of a package came with lock version 2.1; without it each
    package counts.
    """
    data = read_toml(POETRY_LOCK, text)
    packages = [
        one
        for one in _list(data.get("package"))
        if "main" in one.get("groups", ["main"]) and (extras or not one.get("optional"))
    ]
    versions = {normalized(str(one.get("name", ""))): str(one.get("version", "")) for one in packages}
    sources = (one["source"] for one in packages if isinstance(one.get("source"), Mapping))
    folders = (str(one.get("url", "")) for one in sources if one.get("type") == "directory")
    return Locked(frozenset(versions), versions, tuple(dict.fromkeys(posixpath.normpath(one) for one in folders)))


def read_pipfile_lock(text: str) -> Locked:
    """Return what a Pipfile.lock says; raise UsageError when it is none."""
    try:
        data = json.loads(text)
        found = dict(data.get("default", {}).items())
    except (ValueError, AttributeError):
        problem = f"{PIPFILE_LOCK} is no JSON of Pipenv's"
        raise UsageError(problem, key="app_source", fix="run pipenv lock and commit it") from None
    entries = {normalized(name): one for name, one in found.items() if isinstance(one, Mapping)}
    versions = {name: str(one["version"]).removeprefix("==") for name, one in entries.items() if "version" in one}
    paths = (str(one.get("path", one.get("file", ""))) for one in entries.values())
    folders = (posixpath.normpath(path) for path in paths if path and "://" not in path)
    return Locked(frozenset(entries), versions, tuple(dict.fromkeys(folders)))


def python_required(poetry: Mapping[str, Any]) -> str:
    """Return the requires-python of Poetry's own table, "" for none; a caret and a tilde become ranges."""
    needs = poetry.get("dependencies")
    asked = needs.get("python", "") if isinstance(needs, Mapping) else ""
    return ",".join(_ranges(asked)) if isinstance(asked, str) and "||" not in asked else ""


def _ranges(asked: str) -> Iterator[str]:
    for one in filter(None, (part.strip() for part in asked.replace(" ", ",").split(","))):
        numbers = one.lstrip("^~=<>!").split(".")
        if one[0] == "^":
            yield f">={'.'.join(numbers)},<{int(numbers[0]) + 1}" if numbers[0].isdigit() else ""
        elif one[0] == "~" and one[1:2] != "=" and len(numbers) > 1 and numbers[1].isdigit():
            yield f">={'.'.join(numbers)},<{numbers[0]}.{int(numbers[1]) + 1}"
        elif one != "*":
            yield f"=={one}" if one[0].isdigit() else one


def _list(value: object) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []
