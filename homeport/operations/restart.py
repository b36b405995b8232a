"""A restart: new processes of the live release."""

from __future__ import annotations

from collections.abc import Generator

from pyinfra.api import StringCommand, operation

from homeport.errors import HomeportError
from homeport.operations.releases_run import ReleasesRun
from homeport.state.changes import Change

Commands = Generator[StringCommand, None, None]


class RestartRun(ReleasesRun):
    """Gives the live release new processes."""

    action = "restart"

    @property
    def new_slot(self) -> bool:
        """Whether it is to be done in the other slot, also where that costs more than to replace workers in place."""
        return self.command_options.new_slot

    def check(self) -> None:
        """Raise HomeportError when there is nothing to restart."""
        if not self.found.live or not self.found.running:
            raise HomeportError("no release is live here that could be restarted", fix="deploy first")

    def details(self) -> dict[str, str]:
        """Return the release that is restarted."""
        return {"release": self.found.live}


@operation()
def restart(run: RestartRun) -> Commands:
    """Give the live release new processes, without a lost request."""
    if run.announce(run.changes(lambda: _restart_changes(run)), otherwise="nothing is live"):
        yield run.work("restart", *run.caller_options, *(("--new-slot",) if run.new_slot else ()))


def _restart_changes(run: RestartRun) -> tuple[Change, ...]:
    run.check()
    in_place = run.found.restarts_in_place and run.found.workers > 1 and not run.new_slot
    how = f"its {run.found.workers} workers one after the other" if in_place else "in the other slot"
    return (Change("restart", f"release {run.found.live}", how),)
