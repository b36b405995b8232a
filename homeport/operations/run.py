"""What the phases of one run share: settings, source, wanted state, and the last reading of the host.

Live state is read inside operations, through here; a reading is kept until a phase has changed what it is about.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from pyinfra.api.exceptions import DeployError

from homeport.facts.snapshot import SnapshotFact
from homeport.rules.preflight import preflight
from homeport.state.changes import Change
from homeport.state.query import query
from homeport.state.snapshot import Machine, Snapshot
from homeport.state.wanted import Wanted

if TYPE_CHECKING:
    from pyinfra.api import Host

    from homeport.settings import Settings
    from homeport.source import Source


class Run:
    """One run against one host. `describe` makes the wanted state for a machine; names in it do not depend on that."""

    def __init__(
        self, host: Host, settings: Settings, source: Source, describe: Callable[[Machine], Wanted], *, sudo: bool
    ):
        self.host = host
        self.sudo = sudo
        self.settings = settings
        self.source = source
        self.query = query(describe(Machine()))
        self._found: Snapshot | None = None
        self.wanted = describe(self.found.machine)

    @property
    def found(self) -> Snapshot:
        """The host as it was read last; read anew (one command) after `forget`. Raises DeployError when it can't be."""
        if self._found is None:
            self._found = self._read()
        return self._found

    def _read(self) -> Snapshot:
        # Where sudo wants a password, pyinfra asks for it on the terminal; without one that ends in EOFError.
        with suppress(EOFError):
            found = self.host.get_fact(SnapshotFact, self.query, _ignore_errors=True, _sudo=self.sudo)
            if found is not None:
                return found
        raise DeployError(
            f"{self.host.name}: the host cannot be read as root (its words are above); "
            "log in as root, or as a user that has sudo without a password"
        )

    def forget(self) -> None:
        """Have the host read anew before the next comparison."""
        self._found = None

    def preflight(self) -> None:
        """Raise DeployError with everything that keeps the host from being provisioned, a line each."""
        problems = preflight(self.settings, self.found, datetime.now(UTC))
        for problem in problems:
            problem.host = self.host.name
        if problems:
            raise DeployError("\n".join(problem.line() for problem in problems))

    def announce(self, changes: Sequence[Change | str], *, otherwise: str) -> bool:
        """Show what a phase does (in a dry run: would do) to this host, or note `otherwise`; tell whether it does."""
        for change in changes:
            self.host.log(f"  {change}")
        if not changes:
            self.host.noop(otherwise)
        return bool(changes)
