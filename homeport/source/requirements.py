"""What homeport reads in a requirements file: what it includes, whether it has hashes, what it installs from the tree.

Pure. The syntax is pip's "Requirements File Format", as far as uv takes it (read off uv 0.13: `-rFILE` without a space
is an error there too). Versions and markers are left to uv.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Literal

from homeport.errors import UsageError

_OPTION = re.compile(r"(?P<name>-[A-Za-z]|--[a-z-]+)(?:\s*=\s*|\s+)?(?P<value>.*)")
_NAMED = re.compile(r"(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)\s*(?P<extras>\[[^\]]*\])?\s*(?:@\s*(?P<url>\S+))?")
_PINNED = re.compile(r"[^=<>!~;@]*={2,3}\s*(?P<version>[^\s;,*]+)\s*(?:$|;|--|\s)")
_ADDRESS = re.compile(r"(git|hg|svn|bzr)\+|(https?|ssh)://")
_EXTRA = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
# How the name of a file ends that is installed.
ARCHIVES = (".whl", ".tar.gz", ".zip", ".tar.bz2")
_INCLUDES = ("-r", "--requirement", "-c", "--constraint")
Action = Literal["requirement", "include", "constraint", "editable", "local", "links", "option"]


@dataclass(frozen=True)
class Line:
    """One logical line: what it does, and its value (a path, or the requirement itself)."""

    action: Action
    value: str
    name: str = ""
    hashed: bool = False
    text: str = ""
    rewritten: bool = False


@dataclass(frozen=True)
class Local:
    """Something of the repository that a requirements file installs: its path from the application's folder, extras."""

    path: str
    extras: tuple[str, ...] = ()
    editable: bool = False


@dataclass
class Requirements:
    """A requirements file with all that it includes: content by path, distributions by name, paths in the tree.

    `versions` has what is pinned with ==; `local` has what is installed from the tree, `links` the folders that are
    searched for wheels, `options` the lines that say where packages come from, as they are. `flat` has the lines of
    all files in their order, and `limits` those of the constraints; `rewritten` says that uv takes one of them not.
    """

    contents: dict[str, str] = field(default_factory=dict)
    names: set[str] = field(default_factory=set)
    versions: dict[str, str] = field(default_factory=dict)
    local: list[Local] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    hashed: bool = False
    options: list[str] = field(default_factory=list)
    flat: list[str | Local] = field(default_factory=list)
    rewritten: bool = False
    limits: list[str] = field(default_factory=list)


def direct_names(found: Requirements) -> set[str]:
    """Return the distributions that requirements name with an address or a path, as far as their names are there."""
    named = (_NAMED.match(one) for one in found.flat if isinstance(one, str) and not one.startswith("-"))
    files = (posixpath.basename(one.path) for one in found.local)
    wheels = {normalized(one.split("-")[0]) for one in files if one.endswith(".whl")}
    return {normalized(one["name"]) for one in named if one and one["url"]} | wheels


def normalized(name: str) -> str:
    """Return a distribution's name as PEP 503 compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def lines(text: str) -> Iterator[Line]:
    """Yield the logical lines of a requirements file, without comments and with continued lines joined."""
    for raw in re.sub(r"\\\r?\n", " ", text.removeprefix("\ufeff")).splitlines():
        line = re.sub(r"(^|\s)#.*$", "", raw).strip()
        if line:
            found = _option(line) if line.startswith("-") else _requirement(line)
            yield found if found.text else replace(found, text=line)


def pinned_version(line: str) -> str | None:
    """Return the one version that a requirement allows; None when it allows several."""
    pinned = _PINNED.match(line)
    return pinned["version"] if pinned else None


def read_requirements(path: str, read: Callable[[str], str | None], depth: int = 0) -> Requirements:
    """Return what the requirements file `path` asks for, its includes followed (their paths are relative to the file).

    `read` gives the text of a file by its path from the application's folder, or None; that is `depth` folders below
    the repository's root, so that a path may begin with as many "..". Raises UsageError for an include that is not
    there.
    """
    found = Requirements()
    _Reading(read, depth, found).collect(path, included_by=None, constraint=False)
    return found


@dataclass(frozen=True)
class _Reading:
    read: Callable[[str], str | None]
    depth: int
    found: Requirements

    def collect(self, path: str, included_by: str | None, constraint: bool) -> None:
        if path in self.found.contents:
            return
        text = self.read(path)
        if text is None:
            raise _error(f"{included_by} includes {path}, which is not in the release", "commit it or remove that line")
        self.found.contents[path] = text
        for line in lines(text):
            if line.action in ("include", "constraint"):
                inner = _included(line.value, path, self.depth)
                self.collect(inner, path, constraint or line.action == "constraint")
            elif line.action == "option":
                self.found.options.append(line.value)
                self.found.hashed = self.found.hashed or line.hashed
                self.found.flat.append(line.text)
            elif constraint:
                self.found.limits.append(line.text)
            else:
                self.take(line, path)

    def take(self, line: Line, path: str) -> None:
        found = self.found
        found.hashed, found.rewritten = found.hashed or line.hashed, found.rewritten or line.rewritten
        if line.name:
            found.names.add(normalized(line.name))
            if version := pinned_version(line.value):
                found.versions[normalized(line.name)] = version
        # Measured with uv 0.13: a path to install is relative to the working directory, --find-links to the file.
        if line.action == "links":
            place = _included(line.value, path, self.depth)
            found.links.append(place)
            found.flat.append(f"--find-links {place}")
        elif line.action in ("local", "editable"):
            place, extras = _without_extras(line.value)
            local = Local(inside(place, path, self.depth), extras, line.action == "editable")
            found.local.append(local)
            found.flat.append(local)
        else:
            found.flat.append(line.text)


def _included(value: str, path: str, depth: int) -> str:
    """Return the path of an included file, from the application's folder."""
    if re.match(r"[a-z]+://", value):
        raise _error(f"{path} includes {value}, which is not in the release", "commit a copy and include that")
    return inside(posixpath.join(posixpath.dirname(path), value), path, depth)


def _without_extras(value: str) -> tuple[str, tuple[str, ...]]:
    """Return a path without the extras behind it, and those."""
    found = re.fullmatch(r"(?P<path>.*?)\[(?P<extras>[^\]/]*)\]", value)
    return (found["path"], tuple(_EXTRA.findall(found["extras"]))) if found else (value, ())


def inside(value: str, path: str, depth: int = 0) -> str:
    """Return `value`, named by the file `path`, as a path from the application's folder, or raise UsageError.

    It may lead up to `depth` folders above that one, where the repository's root is.
    """
    plain = posixpath.normpath(value.removeprefix("file://").removeprefix("file:").split("#")[0])
    above = next((n for n, part in enumerate(plain.split("/")) if part != ".."), plain.count("/") + 1)
    if posixpath.isabs(plain) or above > depth or "${" in plain:
        where = "in the repository" if depth else "below the application's folder"
        raise _error(
            f"{path} names {value}, which is not {where} and so not in the release",
            "commit it below that folder, or take it from a package index",
        )
    return plain


def _option(line: str) -> Line:
    match = _OPTION.fullmatch(line)
    name, value = (match["name"], match["value"].strip("\"' ")) if match else (line, "")
    if name in _INCLUDES:
        return Line("include" if name in _INCLUDES[:2] else "constraint", value)
    if name in ("-e", "--editable"):
        return _editable(value)
    if name in ("-f", "--find-links") and not re.match(r"https?://", value):
        return Line("links", value)
    return Line("option", line, hashed=name == "--require-hashes")


def _editable(value: str) -> Line:
    """Return the line for `-e VALUE`: a folder, or a repository, which is installed as any other package is."""
    if not _ADDRESS.match(value):
        return Line("editable", value.partition(";")[0].strip())
    egg = re.search(r"[#&]egg=(?P<name>[A-Za-z0-9._-]+)(?P<extras>\[[^\]]*\])?", value)
    named = f"{egg['name']}{egg['extras'] or ''} @ {value.partition('#')[0]}" if egg else value
    return Line("requirement", named, egg["name"] if egg else "", text=named, rewritten=True)


def _requirement(line: str) -> Line:
    hashed = bool(re.search(r"\s--hash[=\s]", line))
    named = _NAMED.match(line)
    target = (named["url"] or "") if named else ""
    bare = (line.split(";")[0].split() or [""])[0]
    if not target and ("/" in bare or bare.startswith(".") or bare.split("[")[0].endswith(ARCHIVES)):
        target, named = bare, None
    name = named["name"] if named else ""
    if target and (target.startswith("file:") or "://" not in target):
        return Line("local", target, name, hashed)
    return Line("requirement", line, name, hashed)


def _error(problem: str, fix: str) -> UsageError:
    return UsageError(problem, key="app_source", fix=fix)
