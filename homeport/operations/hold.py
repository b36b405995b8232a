"""Deploys held by a person, and the end of that: `homeport lock` and `homeport unlock`."""

from __future__ import annotations

from collections.abc import Generator

from pyinfra.api import StringCommand, operation

from homeport.controller import identity
from homeport.operations.releases_run import ReleasesRun
from homeport.state.changes import Change

Commands = Generator[StringCommand, None, None]


class HoldRun(ReleasesRun):
    """Holds deploys by hand, or ends that."""

    action = "hold"
    despite_hold = True

    @property
    def message(self) -> str:
        """Why deploys are held."""
        return self.command_options.message


@operation()
def hold(run: HoldRun) -> Commands:
    """Hold deploys."""

    def changes() -> tuple[Change, ...]:
        note = run.found.hold or {}
        same = (note.get("by"), note.get("message")) == (identity.by(), " ".join(run.message.split()))
        return () if same else (Change("hold", "deploys", run.message),)

    if run.announce(run.changes(changes), otherwise="deploys are held already, with this message"):
        yield run.host_program("hold", "--by", identity.by(), "--message", run.message)


@operation()
def unhold(run: HoldRun) -> Commands:
    """Let deploys go on."""

    def changes() -> tuple[Change, ...]:
        note = run.found.hold
        return () if note is None else (Change("let", "deploys go on", f"held by {note.get('by') or 'somebody'}"),)

    if run.announce(run.changes(changes), otherwise="deploys are not held"):
        yield run.host_program("unhold", "--by", identity.by())
