"""Maintenance: visitors get a page with status 503 until it is over. No deploy is waited for, and none is held."""

from __future__ import annotations

import json
import shlex
from collections.abc import Generator, Mapping

from pyinfra.api import FactBase, StringCommand, operation
from pyinfra.api.exceptions import DeployError, FactProcessError

from homeport import identity
from homeport.operations.by_hand import ReleasesRun
from homeport.paths import HOST_PROGRAM
from homeport.state.changes import Change


class MaintenanceFact(FactBase[Mapping[str, str]]):
    """Read who keeps an application's visitors out: {} for nobody."""

    def command(self, app: str) -> str:
        """Return the command for the application `app`."""
        return f"{HOST_PROGRAM} maintenance show --app {shlex.quote(app)}"

    def process(self, output: list[str]) -> Mapping[str, str]:
        """Parse what the command printed; raise FactProcessError when that is something else."""
        try:
            note = json.loads("".join(output))["maintenance"]
        except (ValueError, KeyError, TypeError) as error:
            raise FactProcessError(f"the host's answer is damaged ({error!r})") from None
        return {} if note is None else {"since": "?", **note}


class MaintenanceRun(ReleasesRun):
    """Begins or ends maintenance. At any moment, so without the deploy lock."""

    action = "maintenance"

    @property
    def wanted(self) -> bool:
        """Whether visitors are to be kept out."""
        return bool(self.host.data.get("_closed"))

    @property
    def message(self) -> str:
        """Why they are."""
        return str(self.host.data.get("_message") or "")

    def preflight(self) -> None:
        """Take no lock: a deploy that hangs must not keep anybody from closing the site."""

    def pending(self) -> tuple[Change, ...]:
        """Return what is to be done; raise DeployError, in one line, when the host does not say how it is."""
        app = self.settings.app_name
        note = self.host.get_fact(MaintenanceFact, app=app, _ignore_errors=True, _sudo=self.sudo)
        if note is None:
            raise DeployError(f"{self.host.name}: the host does not know maintenance; deploy once with this homeport")
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
