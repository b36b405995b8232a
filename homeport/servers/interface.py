"""The interface of a server: its command, the packages that it needs, and its settings. Pure.

What a worker looks like on a machine is told by `homeport/host/system/unit_processes.py`, which runs there by itself.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from typing import ClassVar, Literal

from packaging.version import Version

from homeport.errors import UsageError

ServerName = Literal["fastapi", "uvicorn", "gunicorn", "granian", "hypercorn"]
# Settings that only some servers have, in the order in which they are refused.
OPTIONAL = ("worker_timeout_seconds", "max_requests", "worker_lifetime_seconds", "server_preload")


@dataclass(frozen=True)
class ServerChoice:
    """The server, and the settings that not every server has; None: the server's own value.

    `worker_timeout_seconds`: how long a worker may not answer its manager. `max_requests`, `worker_lifetime_seconds`:
    after how many requests, or seconds, a worker is replaced. `server_preload`: the manager loads the code, once.
    """

    name: ServerName = "fastapi"
    worker_timeout_seconds: int | None = None
    max_requests: int | None = None
    worker_lifetime_seconds: int | None = None
    server_preload: bool = False


@dataclass(frozen=True)
class Target:
    """The application to serve: `variable` of `module`, imported from `folder` (below the application's).

    With `factory` the variable is a function that makes the application. `fastapi run` is told a file for the module.
    """

    module: str
    variable: str = "app"
    folder: str = ""
    factory: bool = False


@dataclass(frozen=True)
class Serving:
    """The input of a server: what to serve (`arguments`, as `Server.arguments` has them), by how many workers, how.

    `root_path` is the path that visitors see before the application's own, and that the proxy takes away.
    """

    choice: ServerChoice
    arguments: tuple[str, ...]
    workers: int
    access_log: bool = False
    stop_timeout_seconds: int = 30
    root_path: str = ""

    @property
    def root_path_words(self) -> tuple[str, ...]:
        """Return the option of uvicorn's that says below which path visitors see the application; none without one."""
        return ("--root-path", self.root_path) if self.root_path else ()


@dataclass(frozen=True)
class Place:
    """Where a server listens, and the folder of the files of `Server.files`."""

    host: str
    port: str
    files: str


@dataclass(frozen=True)
class Locked:
    """The pins of `file`: `names` of all distributions (None: only some are known), and known `versions`."""

    file: str
    names: Set[str] | None
    versions: Mapping[str, Version] = field(default_factory=dict)

    def lacks(self, name: str) -> bool:
        """Tell whether a distribution is certainly not installed."""
        return self.names is not None and name not in self.names

    def older(self, name: str, first: Version) -> Version | None:
        """Return the pinned version of a distribution when it is older than `first`; else None."""
        found = self.versions.get(name)
        return found if found and found < first else None

    def error(self, problem: str, fix: str, key: str = "app_source") -> UsageError:
        """Return the error for a lock that cannot run the server."""
        return UsageError(problem, key=key, fix=fix)


class Server(ABC):
    """One server. `program` is the command in the virtual environment's bin, and its first words; `optional` are those
    of OPTIONAL that it has; `makes_application` says whether it calls a function to make the application.

    `always_manages` says that there is a manager beside a lone worker too: else a lone worker is the server itself.
    """

    name: ClassVar[ServerName]
    program: ClassVar[tuple[str, ...]]
    optional: ClassVar[frozenset[str]] = frozenset()
    makes_application: ClassVar[bool] = True
    always_manages: ClassVar[bool] = False

    @abstractmethod
    def arguments(self, target: Target) -> tuple[str, ...]:
        """Return what the server is told to serve `target`, as it is recorded with the release."""

    @abstractmethod
    def options(self, serving: Serving) -> tuple[str, ...]:
        """Return the options that follow from settings."""

    @abstractmethod
    def command(self, serving: Serving, place: Place) -> tuple[str, ...]:
        """Return the whole command line, a word each, its first the name of the program."""

    @abstractmethod
    def check(self, choice: ServerChoice, lock: Locked) -> None:
        """Raise UsageError when what is locked cannot run the server as it was chosen."""

    def files(self, serving: Serving) -> dict[str, tuple[str, dict[str, object]]]:
        """Return the files that the server reads at its start: for each name its template and the values for it."""
        return {}
