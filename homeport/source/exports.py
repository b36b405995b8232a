"""Locks that their own tool exports as requirements with hashes: poetry.lock and Pipfile.lock. Pure.

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
from urllib.parse import unquote

from homeport.errors import UsageError
from homeport.source.dependency_options import DependencyOptions
from homeport.source.repository_view import RepositoryView
from homeport.source.requirements import ARCHIVES, Line, lines, normalized
from homeport.source.uv_lock import lines_of, read_toml, table

Tool = Literal["poetry", "pipenv"]
POETRY_LOCK, PIPFILE_LOCK, PIPFILE, PYPROJECT = "poetry.lock", "Pipfile.lock", "Pipfile", "pyproject.toml"
# The group of Poetry's that is always installed, and the names that a Pipfile.lock has for the Pipfile's.
MAIN = "main"
CATEGORIES = {"packages": "default", "dev-packages": "develop"}
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
    repository); the last prints the requirements. `imported` are the places of folders that are imported, `hashes`
    those of files of the repository, by place, where the tool leaves them out.
    """

    file: str
    tool: Tool
    commands: tuple[tuple[str, ...], ...]
    folder: str
    files: tuple[tuple[str, str], ...] = field(repr=False)
    imported: tuple[str, ...] = ()
    hashes: tuple[tuple[str, tuple[str, ...]], ...] = ()

    @property
    def is_locked(self) -> bool:
        """Tell whether the exported file has versions."""
        return self.file != PYPROJECT

    def parts(self) -> list[str]:
        """Return everything that the result depends on."""
        return [
            self.tool,
            *(word for words in self.commands for word in words),
            *(one for pair in self.files for one in pair),
        ]


@dataclass(frozen=True)
class Locked:
    """What a lock says: names, versions of what has one, and by their places folders and files of the repository.

    The files, wheels say, are there with their hashes.
    """

    names: frozenset[str]
    versions: Mapping[str, str]
    folders: tuple[str, ...] = ()
    files: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


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
        return Export(PYPROJECT, "poetry", (words,), view.folder, tuple(files), folders)
    extras = (word for name in options.extras for word in ("--extras", name))
    groups = (word for name in options.groups for word in ("--with", name))
    words = ("-m", "poetry", "export", "--format", "requirements.txt", *extras, *groups)
    return Export(POETRY_LOCK, "poetry", (words,), view.folder, tuple(files), folders)


def pipenv_export(
    view: RepositoryView,
    pipfile: str | None,
    lock: str,
    options: DependencyOptions,
    folders: tuple[str, ...],
    hashes: Mapping[str, tuple[str, ...]],
) -> Export:
    """Return how a Pipfile.lock is exported: after a look at whether it was made for the `pipfile` (None: none)."""
    # Pipenv reads no lock without a Pipfile beside it.
    files = [(view.path(PIPFILE_LOCK), lock), (view.path(PIPFILE), pipfile or "[packages]\n")]
    groups = ("--categories", " ".join(("packages", *options.groups))) if options.groups else ()
    words = ("-m", "pipenv", "requirements", "--hash", *groups)
    look = (("-m", "pipenv", "verify"),) if pipfile is not None else ()
    commands, given = (*look, words), tuple(sorted(hashes.items()))
    return Export(PIPFILE_LOCK, "pipenv", commands, view.folder, tuple(files), folders, given)


def exported_text(output: str, export: Export, root: str) -> str:
    """Return the requirements that a tool has printed in the folder `root`, for a release that uv is run in.

    Folders of the repository are left out, which are imported; files of it are named from the application's folder.
    Raises UsageError for a folder that is not imported: nothing is left out silently.
    """
    return "".join(
        f"{' '.join(text.split())}\n" for line in lines(output) if (text := _as_released(line, export, root))
    )


def _as_released(line: Line, export: Export, root: str) -> str:
    if line.action not in ("editable", "local"):
        return line.text
    path = unquote(line.value.removeprefix("file://").partition("#")[0])
    place = posixpath.relpath(posixpath.join(root, path), root)
    if not place.endswith(ARCHIVES):
        if place in (".", *export.imported):
            return ""
        problem = (
            f"{export.file} needs {place}, a folder of the repository, and there is no lock that says what that needs"
        )
        raise UsageError(problem, key="app_source", fix=f"run {export.tool} lock and commit its lock")
    if place.startswith("../"):
        raise outside_file(export.file, place)
    hashes = dict(export.hashes).get(place, ()) if "--hash" not in line.text else ()
    return " ".join((line.text.replace(line.value, f"./{place}"), *(f"--hash={one}" for one in hashes)))


def outside_file(named_by: str, place: str) -> UsageError:
    """Return the error for a file to install that lies beside the application's folder."""
    return UsageError(
        f"{named_by} names {place}, a file beside the application's folder, which is not in the release",
        key="app_source",
        fix="commit it below that folder, or take it from a package index",
    )


def read_poetry_lock(text: str, *, extras: bool = False, groups: tuple[str, ...] = ()) -> Locked:
    """Return what a poetry.lock says of what is installed with these `groups`; raise UsageError when it is not a lock.

    With `extras`, packages that belong to an extra count. `groups` of a package came with lock version 2.1; without it
    each package counts.
    """
    wanted = {MAIN, *map(normalized, groups)}
    data = read_toml(POETRY_LOCK, text)
    packages = [
        one
        for one in _list(data.get("package"))
        if wanted & set(map(normalized, lines_of(POETRY_LOCK, {"groups": [MAIN], **one}, "groups")))
        and (extras or not one.get("optional"))
    ]
    versions = {normalized(str(one.get("name", ""))): str(one.get("version", "")) for one in packages}
    folders: dict[str, None] = {}
    files: dict[str, tuple[str, ...]] = {}
    for one in packages:
        source = table(POETRY_LOCK, one, "source")
        place = posixpath.normpath(str(source.get("url", "")))
        if source.get("type") == "directory":
            folders[place] = None
        elif source.get("type") == "file":
            files[place] = tuple(str(file["hash"]) for file in _list(one.get("files")) if "hash" in file)
    return Locked(frozenset(versions), versions, tuple(folders), files)


def read_pipfile_lock(text: str, groups: tuple[str, ...] = ()) -> Locked:
    """Return what a Pipfile.lock says of what is installed with these `groups`; raise UsageError when it is none."""
    try:
        data = json.loads(text)
        categories = ["default", *(CATEGORIES.get(one, one) for one in groups)]
        found = dict(pair for one in reversed(categories) for pair in data.get(one, {}).items())
    except (ValueError, AttributeError, RecursionError):
        problem = f"{PIPFILE_LOCK} is not a lock that Pipenv has written"
        raise UsageError(problem, key="app_source", fix="run pipenv lock and commit it") from None
    entries = {normalized(name): one for name, one in found.items() if isinstance(one, Mapping)}
    versions = {name: str(one["version"]).removeprefix("==") for name, one in entries.items() if "version" in one}
    places = {_place(one): _texts(one.get("hashes")) for one in entries.values() if _place(one)}
    folders = tuple(place for place in places if not place.endswith(ARCHIVES))
    return Locked(frozenset(entries), versions, folders, {one: places[one] for one in places if one not in folders})


def _place(entry: Mapping[str, Any]) -> str:
    """Return where something of the repository lies that a Pipfile.lock names; "" for what is elsewhere."""
    path = str(entry.get("path", entry.get("file", "")))
    return posixpath.normpath(path) if path and "://" not in path else ""


def _texts(value: object) -> tuple[str, ...]:
    return tuple(str(one) for one in value) if isinstance(value, list) else ()


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
