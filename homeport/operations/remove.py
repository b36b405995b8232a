"""A removal: who gets in first, under the dead man's switch, then the application, then homeport itself.

Neither the application's source nor the host's homeport is needed: what does the work comes along, and knows from the
steps what they write.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Generator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from pyinfra.api import StringCommand, operation

from homeport.controller import events, identity
from homeport.delivery.in_memory import program
from homeport.errors import HomeportError
from homeport.facts.removal import RemovalFact
from homeport.operations.access import TOKEN_BYTES, GuardedCommand
from homeport.operations.command import script
from homeport.operations.releases_run import ReleasesRun
from homeport.state.changes import Change
from homeport.state.removal import Removal
from homeport.state.removal_notes import machine_notes

if TYPE_CHECKING:
    from pyinfra.api import Host

    from homeport.settings import Settings
    from homeport.state.places import Places

Commands = Generator[StringCommand, None, None]
PACKAGES = ("homeport.host", "homeport.removal")


def removal_program(
    settings: Settings,
    places: Places,
    *,
    do: str,
    data: bool,
    by: str,
    wait_seconds: int,
    machine: bool = False,
) -> str:
    """Return the program that does a part of a removal (`do`: look, application, machine) on a host.

    With the settings of a preview it removes nothing but a preview.
    """
    given: dict[str, Any] = {
        "do": do,
        "app": settings.app_name,
        "data": data,
        "machine": machine,
        "preview": settings.preview is not None,
        "places": asdict(places),
        "by": by,
        "wait_seconds": wait_seconds,
    }
    return program("homeport.removal.main", PACKAGES, given)


class RemoveRun(ReleasesRun):
    """Removes the application, and homeport itself when it is asked to; `places` tells where this version writes."""

    action = "remove"
    _removal: Removal | None = None

    def __init__(self, host: Host, settings: Settings, *, sudo: bool, places: Callable[[Settings], Places]):
        super().__init__(host, settings, sudo=sudo)
        self.places = places(settings)

    @property
    def removal(self) -> Removal:
        """The list of what to remove, as it was read last; raises DeployError when the host does not answer."""
        if self._removal is None:
            self._removal = self._look()
        return self._removal

    def _look(self) -> Removal:
        what = "the host cannot be read, so it is unknown what there is to remove"
        return self.read_fact(RemovalFact, what=what, stdin=self.program("look"))

    def program(self, what: str) -> str:
        """Return the program that does `what` (look, application, machine) on the host."""
        return removal_program(
            self.settings,
            self.places,
            do=what,
            data=self.command_options.with_data,
            machine=self.command_options.with_machine,
            by=identity.by(),
            wait_seconds=int(self.work_wait_options[1]),
        )

    @property
    def domains(self) -> tuple[str, ...]:
        """The names of the application's site on the host; none where there is none."""
        return self.removal.domains

    def event_details(self) -> dict[str, str]:
        """Return nothing: the live release does not matter any more."""
        return self.details()

    def forget(self) -> None:
        """Have the host looked at again before the next comparison."""
        self._removal = None

    def check(self) -> None:
        """Raise HomeportError with what keeps it from being removed; tell what stays."""
        if problems := self.removal.problems:
            raise HomeportError("; ".join(problems))
        for what, why in self.kept:
            self._note("kept", what, why)
        for what, why in self.removal.lost:
            self._note("lost", what, why)

    @property
    def kept(self) -> tuple[tuple[str, str], ...]:
        """The files that stay, and why."""
        return (
            *self.removal.kept,
            *machine_notes(self.removal, self.places.packages, machine=self.command_options.with_machine),
        )

    def _note(self, kind: str, what: str, why: str) -> None:
        if not events.are_wanted():
            self.host.log(f"  {'kept' if kind == 'kept' else 'cannot be restored'}: {what} ({why})")
            return
        events.emit("note", host=self.host.name, kind=kind, what=what, reason=why)


@operation()
def access(run: RemoveRun) -> Commands:
    """Take away what the application has opened in the firewall; with homeport itself, firewall and sshd settings."""
    paths: Sequence[str] = run.changes(lambda: run.removal.access)
    if run.announce([Change("remove", path) for path in paths], otherwise="firewall and sshd do not change"):
        token, seconds = secrets.token_hex(TOKEN_BYTES), run.settings.lockout_timeout_seconds
        request = {"token": token, "timeout_seconds": seconds, "files": [], "absent": list(paths)}
        yield GuardedCommand(script("access", payload=f"{json.dumps(request)}\n"), token, seconds)
        run.forget()


@operation()
def application(run: RemoveRun) -> Commands:
    """Remove the application: site, units, certificate, files; its data when that is asked for."""
    if run.announce(run.changes(lambda: run.removal.application), otherwise="there is no such application"):
        yield _removal_command(run, "application")
        run.forget()


@operation()
def machine(run: RemoveRun) -> Commands:
    """Remove homeport itself, and give back what was there before it."""
    if not run.command_options.with_machine:
        run.host.noop("homeport stays")
        return
    if run.announce(run.changes(lambda: run.removal.machine), otherwise="there is no homeport"):
        yield _removal_command(run, "machine")
        run.forget()


def _removal_command(run: RemoveRun, what: str) -> StringCommand:
    app = run.settings.app_name
    unit = f"homeport-{app}-remove-{secrets.token_hex(4)}"
    return script("remove", unit, f"homeport: removal of {app}", payload=run.program(what))
