"""Where a package of the repository takes one of its requirements from: `[tool.uv.sources]`, and Poetry's own. Pure.

A folder of the repository is imported, a git repository and an address are written into the requirement. What a
requirements file cannot express is refused: the same name on the default index may be somebody else's package.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass
from typing import Any

from homeport.errors import UsageError
from homeport.source.repository_view import RepositoryView
from homeport.source.requirements import ARCHIVES, Local, inside, normalized
from homeport.source.uv_lock import Table, shape_error, table
from homeport.source.workspace_members import find_member, find_root, read_pyproject

UV = "[tool.uv.sources]"
POETRY = "[tool.poetry.dependencies]"
_REQUIREMENT = re.compile(
    r"\s*(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)\s*(?P<extras>\[[^\]]*\])?(?P<version>[^;@]*)(?P<url>@)?[^;]*(?P<marker>;.*)?"
)
# What makes a source of uv's or Poetry's hold for some machines, or some extras, alone.
_CONDITIONS = ("marker", "markers", "extra", "group", "python", "platform")
# What says where a package is from; Poetry's tables have versions and more as well.
_KINDS = ("path", "workspace", "git", "url", "index", "source", "file")


@dataclass(frozen=True)
class Listed:
    """What the requirements file that names the package lists: all `names`, those with an address or path (`direct`).

    With `complete` it has a line for each distribution, and only folders of the repository are looked for.
    """

    names: Set[str] = frozenset()
    direct: Set[str] = frozenset()
    complete: bool = False


NOTHING = Listed()


@dataclass(frozen=True)
class Source:
    """What the `table` of `file` says about a package; a path in it is relative to the folder `place`.

    `said` is a table, or a list of several.
    """

    said: Table | list[Table]
    file: str
    table: str
    place: str

    @classmethod
    def of(cls, said: Any, file: str, table: str, place: str) -> Source:
        """Return one; a list with one table is that one."""
        return cls(said[0] if isinstance(said, list) and len(said) == 1 else said, file, table, place)


def requirement_name(line: str) -> str:
    """Return the name of the distribution that a requirement is for, "" when it is none."""
    found = _REQUIREMENT.fullmatch(line)
    return normalized(found["name"]) if found else ""


def requirement_extras(line: str) -> tuple[str, ...]:
    """Return the extras that a requirement asks for, sorted."""
    found = _REQUIREMENT.fullmatch(line)
    return tuple(sorted(re.findall(r"[A-Za-z0-9][A-Za-z0-9._-]*", (found["extras"] or "") if found else "")))


def find_sources(place: str, pyproject: Table, view: RepositoryView) -> dict[str, Source]:
    """Return the sources of the package in the folder `place`, by distribution: its own, then its workspace's."""
    file = posixpath.normpath(f"{place}/pyproject.toml")
    root = find_root(place, pyproject, view)
    found = _of_uv(*root) if root and root[0] != place else {}
    if isinstance(pyproject.get("project"), Mapping) and "dependencies" in pyproject["project"]:
        # Poetry 2: [project] has the names, Poetry's own table where they are from.
        poetry = table(file, pyproject, "tool", "poetry", "dependencies")
        entries = {name: one for name, one in poetry.items() if _has_kind(one)}
        found |= {normalized(name): Source.of(one, file, POETRY, place) for name, one in entries.items()}
    return {**found, **_of_uv(place, pyproject)}


def check_without_lock(lines: Iterable[str], pyproject: Table, view: RepositoryView) -> None:
    """Raise UsageError when the application's pyproject.toml has a source for a requirement that uv would not use.

    uv is given that file as it is, in a release that has nothing of what lies beside, and reads no table of Poetry's.
    """
    sources = find_sources(".", pyproject, view)
    for line in lines:
        name = requirement_name(line)
        source = sources.get(name)
        if source and source.table == POETRY:
            problem = f"{source.file} says in {POETRY} where {name} is from, which only Poetry's lock can keep"
            raise _error(problem, "run poetry lock and commit poetry.lock")
        folder = source and _folder(name, source.said, source, view)
        if source and folder and view.is_beside(folder):
            problem = (
                f"{source.file} takes {name} from {folder} ({source.table}), which is beside the application's folder"
            )
            raise _error(problem, "run uv lock and commit uv.lock, with which it comes along")


def _has_kind(said: object) -> bool:
    entries = said if isinstance(said, list) else [said]
    return any(isinstance(one, Mapping) and any(kind in one for kind in _KINDS) for one in entries)


def _of_uv(place: str, pyproject: Table) -> dict[str, Source]:
    file = posixpath.normpath(f"{place}/pyproject.toml")
    sources = table(file, pyproject, "tool", "uv", "sources")
    for name, said in sources.items():
        if not all(isinstance(one, Mapping) for one in (said if isinstance(said, list) else [said])):
            raise shape_error(file, f"{normalized(name)} in {UV}")
    return {normalized(name): Source.of(one, file, UV, place) for name, one in sources.items()}


def resolve(line: str, source: Source, view: RepositoryView, named_by: str, listed: Listed) -> Local | str:
    """Return a requirement as its source has it: a folder of the repository, or a line of a requirements file.

    `named_by` is the requirements file, for errors. Raises UsageError for a source that such a file cannot have.
    """
    name, said = requirement_name(line), source.said
    folder = _folder(name, said, source, view)
    if folder is not None:
        return Local(folder, requirement_extras(line))
    if name in listed.direct or listed.complete:
        return line  # the requirements file says itself where it is from
    if isinstance(said, list) or any(one in said for one in _CONDITIONS):
        problem = "from a source that depends on the machine, an extra or a group"
        raise _refused(name, source, problem, named_by)
    if isinstance(said.get("git"), str) or isinstance(said.get("url"), str):
        return _with_address(line, _address(name, said, source, named_by))
    index = said.get("index", said.get("source"))
    if isinstance(index, str):
        if name in listed.names:
            return line
        raise _refused(name, source, f"from the index {index}", named_by, index=True)
    path = said.get("path", said.get("file"))
    if isinstance(path, str):
        raise _refused(name, source, f"from the file {path}", named_by)
    raise shape_error(source.file, f"{name} in {source.table}")


def _folder(name: str, said: Table | list[Table], source: Source, view: RepositoryView) -> str | None:
    """Return the folder of the repository that a source is, seen from the application's; None for another source."""
    if isinstance(said, list) or any(one in said for one in _CONDITIONS):
        return None
    path = said.get("path")
    if isinstance(path, str) and not path.endswith(ARCHIVES):
        return inside(posixpath.join(source.place, path), source.file, view.depth)
    if said.get("workspace") is True:
        return _member(name, source, view)
    return None


def _member(name: str, source: Source, view: RepositoryView) -> str:
    """Return the folder of the member `name` of the workspace that a source is in."""
    root = find_root(source.place, read_pyproject(source.place, view), view)
    found = find_member(name, *root, view) if root else None
    if found is None:
        problem = f"{source.file} takes {name} from its uv workspace ({source.table}), which has no member of that name"
        raise _error(problem, f"commit {name} and list its folder in members of [tool.uv.workspace]")
    return found


def _address(name: str, said: Table, source: Source, named_by: str) -> str:
    """Return the address (PEP 508) of a git repository or a file, with what is checked out and the folder in it."""
    address = str(said.get("git", said.get("url")))
    if "://" not in address or any(character.isspace() for character in address):
        raise _refused(name, source, f"from {address!r}, which is not an address with ://", named_by)
    if said.get("lfs"):
        raise _refused(name, source, f"from {address} with Git LFS", named_by)
    checked_out = next((str(said[kind]) for kind in ("rev", "tag", "branch") if isinstance(said.get(kind), str)), "")
    at = f"@{checked_out}" if checked_out and "git" in said else ""
    below = f"#subdirectory={said['subdirectory']}" if isinstance(said.get("subdirectory"), str) else ""
    plus = "git+" if "git" in said and not address.startswith("git+") else ""
    return f"{plus}{address}{at}{below}"


def _with_address(line: str, address: str) -> str:
    """Return a requirement with an address in the place of its version; as it is, when it has one."""
    found = _REQUIREMENT.fullmatch(line)
    if not found or found["url"]:
        return line
    marker = f" {found['marker']}" if found["marker"] else ""
    return f"{found['name']}{found['extras'] or ''} @ {address}{marker}"


def _refused(name: str, source: Source, what: str, named_by: str, *, index: bool = False) -> UsageError:
    problem = f"{source.file} takes {name} {what} ({source.table}), which homeport cannot write into requirements"
    how = "with --extra-index-url for that index" if index else f"as {name} @ ADDRESS or as a path"
    file = named_by if named_by.endswith((".txt", ".in")) else "requirements.txt"
    return _error(problem, f"list {name} in {file} yourself, {how}, or commit a uv.lock")


def _error(problem: str, fix: str) -> UsageError:
    return UsageError(problem, key="app_source", fix=fix)
