"""The part of a requirements file that decides: what it includes, whether it is hashed, what it takes from the tree.

Pure. The syntax is pip's "Requirements File Format", as far as uv takes it (read off uv 0.13: `-rFILE` without a space
is an error there too). Versions and markers are left to uv.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Literal

from homeport.errors import UsageError

_OPTION = re.compile(r"(?P<name>-[A-Za-z]|--[a-z-]+)(?:\s*=\s*|\s+)?(?P<value>.*)")
_NAMED = re.compile(r"(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)\s*(?P<extras>\[[^\]]*\])?\s*(?:@\s*(?P<url>\S+))?")
_PINNED = re.compile(r"[^=<>!~;@]*={2,3}\s*(?P<version>[^\s;,*]+)\s*(?:$|;|--|\s)")
_ARCHIVES = (".whl", ".tar.gz", ".zip", ".tar.bz2")
_INCLUDES = ("-r", "--requirement", "-c", "--constraint")
Action = Literal["requirement", "include", "constraint", "editable", "local", "links", "option"]


@dataclass(frozen=True)
class Line:
    """One logical line: what it does, and its value (a path, or the requirement itself)."""

    action: Action
    value: str
    name: str = ""
    hashed: bool = False


@dataclass
class Requirements:
    """A requirements file with all that it includes: content by path, distributions by name, paths in the tree.

    `versions` has what is pinned with ==; `local` has what is installed from the tree, `links` the folders that are
    searched for wheels, `options` the lines that say where packages come from, as they are.
    """

    contents: dict[str, str] = field(default_factory=dict)
    names: set[str] = field(default_factory=set)
    versions: dict[str, str] = field(default_factory=dict)
    local: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    hashed: bool = False
    options: list[str] = field(default_factory=list)


def normalized(name: str) -> str:
    """Return a distribution's name as PEP 503 compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def lines(text: str) -> Iterator[Line]:
    """Yield the logical lines of a requirements file, without comments and with continued lines joined."""
    for raw in re.sub(r"\\\r?\n", " ", text.removeprefix("\ufeff")).splitlines():
        line = re.sub(r"(^|\s)#.*$", "", raw).strip()
        if line:
            yield _option(line) if line.startswith("-") else _requirement(line)


def read_requirements(path: str, read: Callable[[str], str | None]) -> Requirements:
    """Return what the requirements file `path` asks for, its includes followed (their paths are relative to the file).

    `read` gives the text of a file below the application's folder, or None. Raises UsageError for an include that is
    not there and for an editable install.
    """
    found = Requirements()
    _collect(path, read, found, included_by=None, constraint=False)
    return found


def _collect(
    path: str, read: Callable[[str], str | None], found: Requirements, included_by: str | None, constraint: bool
) -> None:
    if path in found.contents:
        return
    text = read(path)
    if text is None:
        raise _error(f"{included_by} includes {path}, which is not in the release", "commit it or remove that line")
    found.contents[path] = text
    for line in lines(text):
        if line.action in ("include", "constraint"):
            inner = _included(line.value, path)
            _collect(inner, read, found, path, constraint or line.action == "constraint")
        elif line.action == "editable":
            raise _error(
                f"{path} installs {line.value} editable, which would tie all releases to the folder of one",
                "name the dependencies themselves: the application runs from its own folder and needs no install",
            )
        elif line.action == "option":
            found.options.append(line.value)
            found.hashed = found.hashed or line.hashed
        elif not constraint:
            _take(line, path, found)


def _take(line: Line, path: str, found: Requirements) -> None:
    found.hashed = found.hashed or line.hashed
    if line.name:
        found.names.add(normalized(line.name))
        pinned = _PINNED.match(line.value)
        if pinned:
            found.versions[normalized(line.name)] = pinned["version"]
    # Measured with uv 0.13: a path to install is relative to the working directory, --find-links to the file.
    if line.action == "local":
        found.local.append(inside(line.value, path))
    if line.action == "links":
        found.links.append(_included(line.value, path))


def _included(value: str, path: str) -> str:
    """Return the path of an included file, below the application's folder."""
    if re.match(r"[a-z]+://", value):
        raise _error(f"{path} includes {value}, which is not in the release", "commit a copy and include that")
    return inside(posixpath.join(posixpath.dirname(path), value), path)


def inside(value: str, path: str) -> str:
    """Return `value`, named by the file `path`, as a path below the application's folder, or raise UsageError."""
    plain = posixpath.normpath(value.removeprefix("file://").removeprefix("file:").split("#")[0])
    if posixpath.isabs(plain) or plain == ".." or plain.startswith("../") or "${" in plain:
        raise _error(
            f"{path} names {value}, which is not below the application's folder and so not in the release",
            "commit it below that folder, or take it from a package index",
        )
    return plain


def _option(line: str) -> Line:
    match = _OPTION.fullmatch(line)
    name, value = (match["name"], match["value"].strip("\"' ")) if match else (line, "")
    if name in _INCLUDES:
        return Line("include" if name in _INCLUDES[:2] else "constraint", value)
    if name in ("-e", "--editable"):
        return Line("editable", value)
    if name in ("-f", "--find-links") and not re.match(r"https?://", value):
        return Line("links", value)
    return Line("option", line, hashed=name == "--require-hashes")


def _requirement(line: str) -> Line:
    hashed = bool(re.search(r"\s--hash[=\s]", line))
    named = _NAMED.match(line)
    target = (named["url"] or "") if named else ""
    bare = (line.split(";")[0].split() or [""])[0]
    if not target and ("/" in bare or bare.startswith(".") or bare.split("[")[0].endswith(_ARCHIVES)):
        target, named = re.sub(r"\[[^\]/]*\]$", "", bare), None
    name = named["name"] if named else ""
    if target and (target.startswith("file:") or "://" not in target):
        return Line("local", target, name, hashed)
    return Line("requirement", line, name, hashed)


def _error(problem: str, fix: str) -> UsageError:
    return UsageError(problem, key="app_source", fix=fix)
