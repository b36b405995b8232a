"""Whether a uv.lock was made for the pyproject.toml beside it, according to what the lock says. Pure.

uv writes into the lock what each local project asked for (`[package.metadata]`: `requires-dist`, `requires-dev`) and
`requires-python`. That is compared with the pyproject.toml, not the versions: a project's own version may change.
Markers are not compared, since uv writes them in a form of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, field
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet

from homeport.source.requirements import normalized

Table = Mapping[str, Any]
# Versions of Python by which two specifiers are compared: they differ when one of these is allowed by one alone.
PYTHONS = (*(f"3.{minor}.{patch}" for minor in range(7, 20) for patch in range(31)), "4.0.0")
# The keys of [tool.uv.sources] for requirements that are not taken from an index.
ELSEWHERE = ("git", "url", "path", "workspace")
FROM_INDEX = {"name", "extras", "specifier", "marker", "index"}


@dataclass(frozen=True)
class DeclaredRequirement:
    """One requirement: `specifier` is None where it is not taken from an index; `where` is an extra or a group."""

    name: str
    extras: frozenset[str]
    specifier: SpecifierSet | None
    where: str = ""
    shown: str = field(default="", compare=False)

    @property
    def anywhere(self) -> tuple[str, frozenset[str], str]:
        """Return it without its version."""
        return self.name, self.extras, self.where


def why_stale(pyproject: Table, package: Table, requires_python: str | None, names: Set[str]) -> str | None:
    """Return why the lock's `package` was not made for `pyproject`, in words that go on from "uv.lock"; None: it was.

    `requires_python` is the lock's, None where it is not this project's alone; `names` are all that are locked. What a
    pyproject.toml does not say itself (dynamic) is not compared.
    """
    project, recorded = _table(pyproject.get("project")), package.get("metadata")
    if not project:
        return None
    required = project.get("requires-python")
    if isinstance(required, str) and requires_python is not None and _differ(required, requires_python):
        return f'is for requires-python "{requires_python}", and pyproject.toml has "{required}"'
    needs, skipped = _declared(pyproject, project)
    dynamic = project.get("dynamic")
    skipped |= {"" for one in (dynamic if isinstance(dynamic, list) else ()) if one == "dependencies"}
    asked = {need for need in needs if need.where not in skipped}
    if not isinstance(recorded, Mapping):
        # Old versions of uv do not write it.
        return _difference({need for need in asked if not need.where and need.name not in names}, set())
    locked = {need for need in _locked(recorded) if need.where not in skipped}
    if isinstance(dynamic, list) and "optional-dependencies" in dynamic:
        locked = {need for need in locked if not need.where.startswith("extra ")}
    return _difference(asked, locked)


def _difference(asked: set[DeclaredRequirement], locked: set[DeclaredRequirement]) -> str | None:
    loose_asked = {need.anywhere for need in asked if need.specifier is None}
    loose_locked = {need.anywhere for need in locked if need.specifier is None}
    missing = [n for n in asked - locked if n.anywhere not in loose_locked and not _without_version(n, locked)]
    extra = [n for n in locked - asked if n.anywhere not in loose_asked and not _without_version(n, asked)]
    if missing:
        return f"is older than pyproject.toml: it was not made for {_some(missing)}"
    return f"is older than pyproject.toml: it was made for {_some(extra)}" if extra else None


def _without_version(need: DeclaredRequirement, others: Iterable[DeclaredRequirement]) -> bool:
    """Tell whether `need`, which comes from elsewhere, is among `others` with or without a version."""
    return need.specifier is None and any(other.anywhere == need.anywhere for other in others)


def _some(needs: list[DeclaredRequirement]) -> str:
    shown = sorted(f"{need.shown}{f' ({need.where})' if need.where else ''}" for need in needs)
    return ", ".join(shown[:3]) + (f" and {len(shown) - 3} more" if len(shown) > 3 else "")


def _declared(pyproject: Table, project: Table) -> tuple[list[DeclaredRequirement], set[str]]:
    """Return what a pyproject.toml asks for, and the extras that name the project itself: uv writes their content."""
    uv = _table(_table(pyproject.get("tool")).get("uv"))
    sources = {normalized(name): source for name, source in _table(uv.get("sources")).items()}
    own = normalized(str(project.get("name", "")))
    needs = list(_requirements(project.get("dependencies"), "", sources))
    self_referring = set()
    for extra, lines in _table(project.get("optional-dependencies")).items():
        found = list(_requirements(lines, f"extra {normalized(extra)}", sources))
        self_referring |= {f"extra {normalized(extra)}"} if any(need.name == own for need in found) else set()
        needs += found
    groups = {normalized(name): lines for name, lines in _table(pyproject.get("dependency-groups")).items()}
    for group in groups:
        needs += _requirements(list(_group(group, groups, ())), f"group {group}", sources)
    needs += _requirements(uv.get("dev-dependencies"), "group dev", sources)
    return needs, self_referring


def _group(name: str, groups: Mapping[str, Any], inside: tuple[str, ...]) -> Iterator[str]:
    """Yield the requirements of a group, those of the groups that it includes among them."""
    lines = groups.get(name)
    for line in lines if isinstance(lines, list) and name not in inside else ():
        if isinstance(line, Mapping):
            yield from _group(normalized(str(line.get("include-group", ""))), groups, (*inside, name))
        else:
            yield str(line)


def _requirements(lines: object, where: str, sources: Mapping[str, Any]) -> Iterator[DeclaredRequirement]:
    for line in lines if isinstance(lines, list) else ():
        try:
            one = Requirement(str(line))
        except InvalidRequirement:
            continue
        name = normalized(one.name)
        specifier = None if one.url or _is_elsewhere(sources.get(name)) else one.specifier
        extras = frozenset(map(normalized, one.extras))
        yield DeclaredRequirement(name, extras, specifier, where, _shown(name, extras, specifier))


def _locked(recorded: Table) -> Iterator[DeclaredRequirement]:
    for one in _tables(recorded.get("requires-dist")):
        extra = re.search(r"extra == '([^']+)'", str(one.get("marker", "")))
        yield _requirement_of(one, f"extra {extra[1]}" if extra else "")
    for group, entries in _table(recorded.get("requires-dev")).items():
        for one in _tables(entries):
            yield _requirement_of(one, f"group {group}")


def _requirement_of(one: Table, where: str) -> DeclaredRequirement:
    name, extras = normalized(str(one.get("name", ""))), frozenset(map(normalized, _texts(one.get("extras"))))
    try:
        specifier = SpecifierSet(str(one.get("specifier", ""))) if set(one) <= FROM_INDEX else None
    except InvalidSpecifier:
        specifier = None
    return DeclaredRequirement(name, extras, specifier, where, _shown(name, extras, specifier))


def _is_elsewhere(source: object) -> bool:
    found = source if isinstance(source, list) else [source]
    return any(isinstance(one, Mapping) and any(kind in one for kind in ELSEWHERE) for one in found)


def _shown(name: str, extras: frozenset[str], specifier: SpecifierSet | None) -> str:
    listed = ",".join(sorted(extras))
    return f"{name}{f'[{listed}]' if listed else ''}{specifier or ''}"


def _differ(one: str, other: str) -> bool:
    try:
        first, second = SpecifierSet(one), SpecifierSet(other)
    except InvalidSpecifier:
        return False
    return any((version in first) != (version in second) for version in PYTHONS)


def _table(value: object) -> Table:
    return value if isinstance(value, Mapping) else {}


def _tables(value: object) -> list[Table]:
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, list) else []


def _texts(value: object) -> list[str]:
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []
