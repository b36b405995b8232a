"""The base of runs that need only a host's releases: rollback, restart, hold, maintenance, removal.

Nothing of the application is needed for them: neither its source nor its secrets, only the host program on the host.
"""

from __future__ import annotations

from pyinfra.api import StringCommand
from pyinfra.api.exceptions import DeployError

from homeport.errors import HomeportError
from homeport.facts.releases import ReleasesFact
from homeport.operations.base import HostRun
from homeport.operations.command import program, work
from homeport.preflight.identity import another_project
from homeport.releases.listing import Releases
from homeport.settings.loading import CommandOptions, command_options
from homeport.state.paths import HOST_PROGRAM


class ReleasesRun(HostRun):
    """A run that needs to know the releases of its host, and nothing else."""

    _found: Releases | None = None

    @property
    def found(self) -> Releases:
        """The host's releases as they were read last; raises DeployError when they cannot be read."""
        if self._found is None:
            self._found = self._read()
        return self._found

    def _read(self) -> Releases:
        return self.read_fact(ReleasesFact, self.settings.app_name, what="the host's releases cannot be read")

    @property
    def domains(self) -> tuple[str, ...]:
        """The names of the application's site on the host; none where nobody knows."""
        return self.found.domains

    def event_details(self) -> dict[str, str]:
        """Return besides, where a release is concerned, the one that is live now, and where it is served."""
        details = self.details()
        more = {"live": self.found.live, "url": self.settings.url} if details.get("release") else {}
        return {**details, **more}

    @property
    def command_options(self) -> CommandOptions:
        """The command's arguments besides settings."""
        return command_options(self.host.data.dict())

    def forget(self) -> None:
        """Have the releases read again before the next comparison."""
        self._found = None

    def reading(self) -> tuple[str, float]:
        """Return that nobody knows what came before: the releases say nothing of it."""
        return "", 0.0

    def preflight(self) -> None:
        """Raise DeployError, in one line, with what keeps this run from changing anything."""
        try:
            if another := another_project(self.settings, self.domains):
                raise another
            self.check()
        except HomeportError as error:
            error.host = error.host or self.host.name
            raise DeployError(error.line()) from error
        self.ask_for_lock()

    def check(self) -> None:
        """Raise HomeportError with what keeps this run from changing anything."""

    def host_program(self, action: str, *options: str) -> StringCommand:
        """Return the host program's command `action` for this run's application."""
        return program(HOST_PROGRAM, action, "--app", self.settings.app_name, *options)

    def work(self, action: str, *options: str) -> StringCommand:
        """Return the same for an `action` that goes on when the connection breaks."""
        return work(action, self.settings.app_name, *options)
