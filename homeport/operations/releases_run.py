"""What a person asks for apart from deploys: a restart, a hold, its end; and the run that these share with a rollback.

Nothing of the application is needed for them: neither its source nor its secrets, only the host program on the host.
"""

from __future__ import annotations

from collections.abc import Generator

from pyinfra.api import StringCommand, operation
from pyinfra.api.exceptions import DeployError

from homeport.controller import identity
from homeport.errors import HomeportError
from homeport.facts.releases import ReleasesFact
from homeport.operations.base import HostRun
from homeport.operations.command import program, work
from homeport.preflight.identity import another_project
from homeport.releases.listing import Releases
from homeport.settings.loading import Asked, asked
from homeport.state.changes import Change
from homeport.state.paths import HOST_PROGRAM

Commands = Generator[StringCommand, None, None]


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
        return self.asked(ReleasesFact, self.settings.app_name, what="the host's releases cannot be read")

    @property
    def domains(self) -> tuple[str, ...]:
        """The names of the application's site on the host; none where nobody knows."""
        return self.found.domains

    def told(self) -> dict[str, str]:
        """Return besides, where a release is concerned, the one that is live now, and where it is served."""
        about = self.about()
        more = {"live": self.found.live, "url": f"https://{self.settings.domain}/"} if about.get("release") else {}
        return {**about, **more}

    @property
    def asked_for(self) -> Asked:
        """What the command asks for besides settings."""
        return asked(self.host.data.dict())

    def forget(self) -> None:
        """Have the releases read anew before the next comparison."""
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


class RestartRun(ReleasesRun):
    """Gives the live release new processes."""

    action = "restart"

    @property
    def new_slot(self) -> bool:
        """Whether it is to be done in the other slot, also where several workers could be replaced in place."""
        return self.asked_for.new_slot

    def check(self) -> None:
        """Raise HomeportError when there is nothing to restart."""
        if not self.found.live or not self.found.running:
            raise HomeportError("nothing is live here that could be restarted", fix="deploy first")

    def about(self) -> dict[str, str]:
        """Return the release that is restarted."""
        return {"release": self.found.live}


class HoldRun(ReleasesRun):
    """Holds deploys by hand, or ends that."""

    action = "hold"
    despite_hold = True

    @property
    def message(self) -> str:
        """Why deploys are held."""
        return self.asked_for.message


@operation()
def restart(run: RestartRun) -> Commands:
    """Give the live release new processes, without a lost request."""
    if run.announce(run.changes(lambda: _restart_changes(run)), otherwise="nothing is live"):
        yield run.work("restart", *run.on_behalf, *(("--new-slot",) if run.new_slot else ()))


def _restart_changes(run: RestartRun) -> tuple[Change, ...]:
    run.check()
    in_place = run.found.workers > 1 and not run.new_slot
    how = f"its {run.found.workers} workers one after the other" if in_place else "in the other slot"
    return (Change("restart", f"release {run.found.live}", how),)


@operation()
def hold(run: HoldRun) -> Commands:
    """Hold deploys."""

    def changes() -> tuple[Change, ...]:
        note = run.found.hold or {}
        same = (note.get("by"), note.get("message")) == (identity.by(), " ".join(run.message.split()))
        return () if same else (Change("hold", "deploys", run.message),)

    if run.announce(run.changes(changes), otherwise="deploys are held, with this message"):
        yield run.host_program("hold", "--by", identity.by(), "--message", run.message)


@operation()
def unhold(run: HoldRun) -> Commands:
    """Let deploys go on."""

    def changes() -> tuple[Change, ...]:
        note = run.found.hold
        return () if note is None else (Change("let", "deploys go on", f"held by {note.get('by') or 'somebody'}"),)

    if run.announce(run.changes(changes), otherwise="nobody holds deploys"):
        yield run.host_program("unhold", "--by", identity.by())
