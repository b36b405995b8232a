"""Which foreign files there are for an application, and what they say together. Pure: the files are read by the caller.

What comes first wins: Kamal's file, Procfile, Compose, systemd, Supervisor, and the Dockerfile that all may stand on;
and last a script that is called prestart.sh, as the templates of FastAPI's author have one.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator
from dataclasses import replace

from homeport.scaffold.foreign.commands import Commands
from homeport.scaffold.foreign.compose import read_compose
from homeport.scaffold.foreign.dockerfile import read_dockerfile
from homeport.scaffold.foreign.kamal import read_kamal
from homeport.scaffold.foreign.model import Files, Place, Reading
from homeport.scaffold.foreign.procfile import read_procfile
from homeport.scaffold.foreign.units import read_programs, read_units

_COMPOSE = re.compile(r"(docker-)?compose([.-][\w.-]+)?\.ya?ml")
_DOCKERFILE = re.compile(r"Dockerfile([.-]?[\w.-]+)?|[\w.-]+\.dockerfile", re.IGNORECASE)
_PRODUCTION = re.compile(r"(^|[._-])(prod|production|live|deploy|release)([._-]|$)", re.IGNORECASE)
_DEVELOPING = re.compile(
    r"(^|[._/-])?(dev|devel|development|local|override|tests?|testing|ci|debug|e2e|playwright|example|sample|template|base)([._/-]|$)",
    re.IGNORECASE,
)
# Folders whose files are about something else.
_ELSEWHERE = re.compile(
    r"(^|/)(\.[^/]*|tests?|docs?|examples?|samples?|node_modules|frontend|web|ui|client|nginx|proxy|benchmarks?)/"
)
_FOR_DEPLOYS = re.compile(
    r"docker(files?)?|deploy(ment)?|ops|infra(structure)?|build|config|conf|compose|systemd|supervisor|etc"
)
PRESTART = ("prestart.sh", "scripts/prestart.sh", "app/prestart.sh")
# More than any application has; the rest is not looked at.
MOST_FILES = 12
Found = tuple[str, Reading]


def read_foreign(files: Files) -> tuple[tuple[str, ...], Reading]:
    """Return which files were read, and what they say of the application in the folder of `files` ("": at the root)."""
    return _Foreign(files).read()


class _Foreign:
    """The foreign files of an application."""

    def __init__(self, files: Files):
        self._refused: dict[str, str] = {}
        self._asked: list[str] = []
        self._given = files
        self._files = replace(files, text=self._text)
        self._folder = files.folder
        self._composed = False

    def _text(self, path: str) -> str:
        """Return the text of a file, and remember that it was asked for."""
        if path not in self._asked:
            self._asked.append(path)
        if why := self._given.refusal(path):
            self._refused[path] = why
            return ""
        return self._given.text(path)

    def read(self) -> tuple[tuple[str, ...], Reading]:
        whole = Reading()
        for path, reading in self._readings():
            if path not in self._refused:
                whole.add(reading)
        for path, why in self._refused.items():
            whole.note(Place(path), f"not read: {why}")
        return tuple(path for path in self._asked if path not in self._refused), whole

    def _readings(self) -> Iterator[Found]:
        kamal = self._near(lambda path: re.fullmatch(r"(.*/)?config/deploy\.ya?ml", path) is not None)
        yield from ((path, read_kamal(path, self._files)) for path in kamal[:1])
        for path in self._near(lambda path: re.search(r"(^|/)config/deploy\.[\w-]+\.ya?ml$", path) is not None):
            yield path, _unread(path, "it is for another destination of Kamal: a group_data file of its own")
        for path in self._near(lambda path: re.search(r"(^|/)\.kamal/hooks/[\w-]+$", path) is not None):
            yield (
                path,
                _unread(path, "hooks_before_migration, hooks_after_live and hooks_on_failure run on the machine"),
            )
        procfiles = self._near(lambda path: posixpath.basename(path) == "Procfile")
        yield from ((path, read_procfile(path, self._files)) for path in procfiles[:1])
        yield from self._compose()
        yield from read_units(self._near(lambda path: path.endswith(".service"))[:MOST_FILES], self._files)
        programs = self._near(lambda path: "supervisor" in path.lower() and path.endswith((".conf", ".ini")))
        yield from read_programs(programs[:MOST_FILES], self._files)
        yield from self._dockerfile()
        yield from self._prestart()

    def _near(self, matches: Callable[[str], bool]) -> list[str]:
        """Return the files that match, those of the application's folder first, then those near the root."""
        found = [path for path in self._given.paths if matches(path) and self._is_about_it(path)]
        return sorted(found, key=lambda path: (not self._in_folder(path), path.count("/"), path))

    def _is_about_it(self, path: str) -> bool:
        """Tell whether a file is in the application's folder, above it, or in a folder for deploys beside it."""
        folder, top = posixpath.dirname(path), path.partition("/")[0]
        inside = not self._folder or f"{folder}/".startswith(f"{self._folder}/")
        return (
            inside or f"{self._folder}/".startswith(f"{folder}/" if folder else "") or bool(_FOR_DEPLOYS.fullmatch(top))
        )

    def _in_folder(self, path: str) -> bool:
        return posixpath.dirname(path) == self._folder

    def _compose(self) -> Iterator[Found]:
        found = self._near(
            lambda path: bool(_COMPOSE.fullmatch(posixpath.basename(path))) and not _ELSEWHERE.search(path)
        )
        here = [path for path in found if posixpath.dirname(path) == posixpath.dirname(found[0])]
        names = {path: _variant(path) for path in here}
        ours = sorted(
            (path for path in here if not names[path] or _PRODUCTION.search(names[path])), key=self._base_first
        )
        if ours:
            reading = read_compose(ours[:MOST_FILES], self._files)
            self._composed = bool(reading.starts)
            yield ours[0], reading
        for path in [path for path in here if path not in ours][:MOST_FILES]:
            why = (
                "it is for developing"
                if _DEVELOPING.search(names[path])
                else "it is a variant of the one that was read"
            )
            yield path, _unread(path, why)

    def _base_first(self, path: str) -> tuple[bool, str]:
        return bool(_variant(path)), path

    def _dockerfile(self) -> Iterator[Found]:
        """Yield the Dockerfile of the application, where no Compose file has named it."""
        found = self._near(lambda path: bool(_DOCKERFILE.fullmatch(posixpath.basename(path))))
        if self._composed and any(path in self._asked for path in found):
            return
        found = [
            one
            for one in found
            if not _ELSEWHERE.search(one)
            and not _DEVELOPING.search(re.sub("(?i)dockerfile", "", posixpath.basename(one)))
        ]
        found.sort(key=lambda path: (not self._in_folder(path), path.count("/"), not _PRODUCTION.search(path), path))
        readings = [(path, read_dockerfile(path, self._files)) for path in found[:MOST_FILES]]
        best = next((one for one in readings if one[1].starts), next(iter(readings), None))
        for path, reading in readings:
            if best and path == best[0]:
                yield path, reading
            elif reading.starts and best and reading.starts[0].target != best[1].starts[0].target:
                start = reading.starts[0]
                yield path, _unread(path, f"it is for another server ({start.target or start.server})")

    def _prestart(self) -> Iterator[Found]:
        """Yield the script that is meant to run before each start, whoever runs it today (a pipeline, say)."""
        places = (posixpath.join(self._folder, name) for name in PRESTART)
        for path in [path for path in places if path in self._given.paths][:1]:
            reading = Reading()
            Commands(self._files, reading, {}).read(self._text(path), Place(path, 1))
            yield path, reading


def _called(path: str) -> str:
    """Return what a Dockerfile is called besides that."""
    return re.sub("dockerfile", "", posixpath.basename(path), flags=re.IGNORECASE)


def _variant(path: str) -> str:
    match = _COMPOSE.fullmatch(posixpath.basename(path))
    return (match[2] or "") if match else ""


def _unread(path: str, why: str) -> Reading:
    reading = Reading()
    reading.note(Place(path), f"not taken: {why}")
    return reading
