"""Maintenance: visitors get a page with status 503 until it is over. No deploy is waited for, and none is held."""

from __future__ import annotations

import shlex
from collections.abc import Generator, Mapping

from pyinfra.api import FactBase, StringCommand, operation
from pyinfra.api.exceptions import FactProcessError

from homeport.controller import identity
from homeport.operations.releases_run import ReleasesRun
from homeport.pyinfra_support.answers import document, marked
from homeport.state.changes import Change
from homeport.state.paths import HOST_PROGRAM


class MaintenanceFact(FactBase[Mapping[str, str]]):
    """Read who keeps an application's visitors out: {} for nobody."""

    def command(self, app: str) -> str:
        """Return the command for the application `app`."""
        return marked(f"{HOST_PROGRAM} maintenance show --app {shlex.quote(app)}")

    def process(self, output: list[str]) -> Mapping[str, str]:
        """Parse what the command printed; raise FactProcessError when that is something else."""
        try:
            note = document(output)["maintenance"]
            return {} if note is None else {"since": "?", **note}
        except (ValueError, KeyError, TypeError) as error:
            raise FactProcessError(f"the host's answer is damaged ({error!r})") from None


class MaintenanceRun(ReleasesRun):
    """Begins or ends maintenance. At any moment, so without the deploy lock."""

    action = "maintenance"

    @property
    def wanted(self) -> bool:
        """Whether visitors are to be kept out."""
        return self.command_options.closed

    @property
    def message(self) -> str:
        """Why they are."""
        return self.command_options.message

    def preflight(self) -> None:
        """Take no lock: a deploy that hangs must not keep anybody from closing the site."""

    def pending(self) -> tuple[Change, ...]:
        """Return what is to be done; raise DeployError, in one line, when the host does not say how it is."""
        note = self.read_fact(
            MaintenanceFact, self.settings.app_name, what="the host does not tell whether maintenance is on"
        )
        if self.wanted and (not note or note.get("message") != " ".join(self.message.split())):
            return (Change("close", self.settings.domain, self.message),)
        return (
            (Change("open", self.settings.domain, f"closed since {note['since']}"),) if note and not self.wanted else ()
        )


@operation()
def maintain(run: MaintenanceRun) -> Generator[StringCommand, None, None]:
    """Keep visitors out, or let them in."""
    if run.announce(run.pending(), otherwise="it is as wanted"):
        words = ("on", "--message", run.message) if run.wanted else ("off",)
        yield run.host_program("maintenance", "--by", identity.by(), *words)
