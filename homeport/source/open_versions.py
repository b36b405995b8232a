"""Dependencies whose files leave versions open: how uv is told to resolve them once, and what is made of its answer.

Pure. The answer is a requirements file with every version, for all systems and all Pythons from a given one on, so that
each machine of a run installs the same.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from homeport.source.dependency_options import DependencyOptions
from homeport.source.release_id import content_id
from homeport.source.requirements import Requirements, lines, normalized
from homeport.source.tree_contents import OWN_FOLDER, some
from homeport.source.uv_lock import Table, lines_of, table

RESOLVED = f"{OWN_FOLDER}/requirements.txt"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_PINNED = re.compile(r"[^=<>!~;@]*===?\s*[^\s;,*]+\s*(;.*)?")


@dataclass(frozen=True)
class OpenVersions:
    """What the `file` of an application leaves open: the `names` of distributions whose version it does not pin.

    `asked` is all that the file asks for; `options` are further words for uv, `lines` what stands at the head of the
    answer (indexes, say), `floors` the oldest Pythons to try with, `configuration` what uv's own settings say.
    `obstacle` says why it cannot be resolved here, "" when it can; `compiled` is the file that uv gets, where that is
    another one.
    """

    file: str
    names: tuple[str, ...]
    asked: tuple[str, ...]
    options: tuple[str, ...] = ()
    lines: tuple[str, ...] = ()
    floors: tuple[str, ...] = ()
    configuration: tuple[str, ...] = ()
    obstacle: str = ""
    compiled: str = ""

    @property
    def key(self) -> str:
        """Return the name of what is asked for: the same as long as that is the same."""
        return content_id(self.file, *self.asked, *self.options, *self.floors, *self.configuration)

    def under(self, floors: tuple[str, ...], uv_toml: str, uv: Table) -> OpenVersions:
        """Return the same with its `floors`, and with what uv reads in the application's folder besides.

        Constraints, a date and indexes may stand in uv.toml and in `[tool.uv]`, also for a requirements file. What is
        not there leaves no trace in the key.
        """
        apart = uv and self.file != "pyproject.toml"
        table = json.dumps(uv, sort_keys=True, default=str) if apart else ""
        return replace(self, floors=floors, configuration=tuple(filter(None, (uv_toml, table))))


def open_in_requirements(path: str, found: Requirements, *, built: bool) -> OpenVersions | None:
    """Return what the requirements file at `path` leaves open; None when all that it names is pinned.

    `built` says that it has folders or wheels of the application installed.
    """
    names = tuple(sorted(found.names - set(found.versions)))
    if found.hashed or not names:
        return None
    obstacle = "it names files of the application" if built or found.links else ""
    asked = tuple(part for path in sorted(found.contents) for part in (path, found.contents[path]))
    return OpenVersions(path, names, asked, lines=tuple(dict.fromkeys(found.options)), obstacle=obstacle)


def open_in_project(project: Table, uv: Table, groups: Table, options: DependencyOptions) -> OpenVersions:
    """Return what pyproject.toml leaves open by its `[project]`, `[tool.uv]` and `[dependency-groups]`.

    Without a lock it pins nothing.
    """
    wanted = _wanted_groups(options.groups, groups)
    grouped = [line for lines in wanted.values() for line in lines]
    named = [line for line in (*project.get("dependencies", ()), *grouped) if isinstance(line, str)]
    open_ones = [line for line in named if not _PINNED.fullmatch(line.strip())] or named
    names = tuple(sorted({normalized(found[0]) for line in open_ones if (found := _NAME.match(line.strip()))}))
    obstacle = "[tool.uv.sources] says where some come from, which only a lock can keep" if uv.get("sources") else ""
    # A missing one does not change the key: applications without it keep the versions that they had before it counted.
    parts = [project.get("dependencies"), project.get("optional-dependencies"), uv, *([wanted] if wanted else [])]
    asked = json.dumps(parts, default=str)
    return OpenVersions("pyproject.toml", names, (asked,), options.options(), obstacle=obstacle)


def wanted_lines(project: Table, groups: Table, options: DependencyOptions) -> list[str]:
    """Return the requirements of pyproject.toml that are installed: its own, and of the extras and groups asked for."""
    optional = table("pyproject.toml", project, "optional-dependencies")
    extras = {normalized(name): lines_of("pyproject.toml", optional, name) for name in optional}
    chosen = [line for name in options.extras for line in extras.get(normalized(name), ())]
    grouped = [line for lines in _wanted_groups(options.groups, groups).values() for line in lines]
    own = lines_of("pyproject.toml", project, "dependencies")
    return [line for line in (*own, *chosen, *grouped) if isinstance(line, str)]


def _wanted_groups(names: Iterable[str], groups: Table) -> dict[str, list[Any]]:
    """Return the lines of the dependency groups `names`, and of those that they include (PEP 735)."""
    written = {normalized(name): lines for name, lines in groups.items() if isinstance(lines, list)}
    wanted: dict[str, list[Any]] = {}
    left = [normalized(name) for name in names]
    while left:
        name = left.pop()
        if name in written and name not in wanted:
            wanted[name] = written[name]
            included = (line.get("include-group", "") for line in written[name] if isinstance(line, Mapping))
            left += [normalized(str(one)) for one in included]
    return dict(sorted(wanted.items()))


def uv_arguments(left: OpenVersions, floor: str) -> tuple[str, ...]:
    """Return the arguments with which uv resolves it for Python `floor` and newer, on every system (read off uv 0.13).

    Nothing of a package is run (`--no-build`), and nothing of this machine is in the answer.
    """
    what = ("pip", "compile", left.compiled or left.file, *left.options, "--universal", "--python-version", floor)
    alone = ("--generate-hashes", "--no-header", "--no-annotate", "--no-emit-index-url", "--no-emit-find-links")
    return (*what, "--no-build", *alone, "--quiet")


def resolved_lines(left: OpenVersions, answer: str) -> str:
    """Return the text that is made of uv's answer: the application's own lines about indexes come first."""
    return "".join(f"{line}\n" for line in (*left.lines, *plain(answer).splitlines()))


def plain(text: str) -> str:
    """Return a requirements file without its comments."""
    found = (line.rstrip() for line in text.splitlines())
    return "".join(f"{line}\n" for line in found if line and not line.lstrip().startswith("#"))


def all_are_hashed(text: str) -> bool:
    """Tell whether a requirements file has hashes: pip then demands one for every requirement."""
    found = [line for line in lines(text) if line.action in ("requirement", "local")]
    return bool(found) and all(line.hashed for line in found)


def warning(left: OpenVersions, place: str) -> str:
    """Return the notice about versions that were resolved, which are at the path `place`."""
    then = "commit that file; homeport deploy --upgrade-dependencies makes it anew"
    return f"{_open(left)}; every machine gets those in {place} ({then})"


def unresolved_warning(left: OpenVersions, why: str) -> str:
    """Return the warning about versions that could not be resolved."""
    lock = "poetry" if left.compiled else "uv"
    fix = f"run {lock} lock and commit {lock}.lock" if left.file == "pyproject.toml" else "pin them (uv pip compile)"
    return f"{_open(left)}, and they cannot be resolved here ({why}), so machines may get different ones: {fix}"


def _open(left: OpenVersions) -> str:
    return f"{left.file}: versions are not pinned ({some(left.names)})"


def failure(said: str, secrets: Mapping[str, str]) -> str:
    """Return why uv could not resolve, in a line without the values of `secrets`."""
    text = " ".join(re.sub(r"[×╰─▶│├]", " ", re.sub(r"\x1b\[[0-9;]*m", "", said)).split())
    for value in sorted(filter(None, secrets.values()), key=len, reverse=True):
        text = text.replace(value, "****")
    text = re.sub(r"://[^/@\s]*@", "://****@", text.removeprefix("error: "))
    return text if len(text) <= 200 else f"{text[:199]}…"


def is_about_python(said: str) -> bool:
    """Tell whether uv's message is about the Python that it had to resolve for."""
    return "Python" in said
