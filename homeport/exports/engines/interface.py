"""What each engine that can be exported for is given, and what it gives back. Pure.

An engine is a module here: it gets a `Subject` and returns texts. Nobody else writes a file of an engine's.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Literal

from homeport.service.model import Service
from homeport.settings import Settings
from homeport.source.own_package import OwnFile

Render = Callable[..., str]
Builder = Literal["buildkit", "classic"]
# The user of every exported container: a number, since whoever checks that it is not root sees no names.
USER_ID = 10001
# Where a container listens unless it is told PORT.
PORT = 8000


@dataclass(frozen=True)
class Code:
    """The application as the build of an image needs it; paths are relative to its folder.

    `python` is its version ("3.13"). `install` has the argument lists for uv, `inputs` the files and folders that the
    installation reads ("." for all), `made_from` the one that names the dependencies. `own_files` are what a release
    has besides the files of git, `own_inputs` what the installation reads of them, by name in our own folder. Lines of
    a .dockerignore are in `ignored`, which takes back what is committed, and in `never`: what no image may have,
    committed or not. `tools` pins uv, with hashes. `state_folders` and `state_files` are written to.
    """

    python: str
    install: tuple[tuple[str, ...], ...]
    inputs: tuple[str, ...]
    made_from: str
    own_files: tuple[OwnFile, ...] = ()
    own_inputs: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()
    never: tuple[str, ...] = ()
    tools: str = ""
    database: str = ""
    state_folders: tuple[str, ...] = ()
    state_files: tuple[str, ...] = ()


@dataclass(frozen=True)
class Subject:
    """What is exported: settings, the `Service` that they make of the source, its code, and how it was asked for.

    `target` is the inventory, `context` the way from the engine's folder to the application's (for a build).
    """

    settings: Settings
    service: Service
    code: Code
    target: str
    render: Render = field(repr=False)
    builder: Builder = "buildkit"
    context: str = "."

    @property
    def image(self) -> str:
        """Return the image's name, without a tag."""
        return self.settings.image_name or self.settings.app_name


@dataclass(frozen=True)
class File:
    """The text of an exported file, and whether it may be executed."""

    text: str
    executable: bool = False


def with_git_files(files: Mapping[str, File], record: str) -> dict[str, File]:
    """Return the files of a folder, whose `record` is written beside them, with what git is told: all are committed.

    Whatever the repository ignores by its own list: a `.env`, say, or `*.pth` where that is a model. Nothing else is
    taken back, and nothing of the folder is part of a release on a machine.
    """
    paths = sorted({*files, record, ".gitattributes", ".gitignore"})
    folders = sorted({"/".join(path.split("/")[:count]) for path in paths for count in range(1, path.count("/") + 1)})
    lines = ["# What is exported is committed.", *(f"!/{one}/" for one in folders), *(f"!/{path}" for path in paths)]
    return {
        ".gitattributes": File("# Nothing of it is part of a release on a machine.\n* export-ignore\n"),
        ".gitignore": File("".join(f"{line}\n" for line in lines)),
        **files,
    }


class Engine(ABC):
    """One ground. `name` is what a command calls it; `summary` what `homeport export --list` says of it.

    `beside` is where its files belong: in the application's folder, or in one of the project's that is its own.
    `record` is the file among them that says which there are.
    """

    name: ClassVar[str]
    summary: ClassVar[str]
    beside: ClassVar[Literal["application", "project"]]
    record: ClassVar[str]

    @abstractmethod
    def files(self, subject: Subject) -> Mapping[str, File]:
        """Return the files by path, the same ones for the same subject; raise UsageError for a template's mistake."""

    def first_steps(self, subject: Subject) -> tuple[str, ...]:
        """Return the commands that follow in the project's folder, a line each, before the `next_steps`."""
        return ()

    @abstractmethod
    def next_steps(self, subject: Subject) -> tuple[str, ...]:
        """Return the commands that follow in the folder of the files, a line each."""

    def secrets_folder(self, subject: Subject) -> str:
        """Return the folder, relative to that of the files, below which the values of secrets are written."""
        return ""

    def problems(self, subject: Subject) -> Iterator[tuple[str, str, str]]:
        """Yield what this engine cannot have beside what its column in the table says: key, problem and fix."""
        yield from ()

    def warnings(self, subject: Subject) -> Iterator[str]:
        """Yield what to know of the export, a line each."""
        yield from ()
