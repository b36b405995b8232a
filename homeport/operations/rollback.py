"""The phases of a rollback: start the older release in the idle slot, then switch to it; at most one command each.

Everything it needs is on the host. What it goes to is decided while the run is prepared, on all hosts, and refused
there when they disagree; a host that another run has changed since is refused too.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from pyinfra.api import StringCommand, operation

from homeport.errors import HomeportError
from homeport.operations.releases_run import ReleasesRun
from homeport.releases import rollback
from homeport.releases.listing import ReleaseFound

if TYPE_CHECKING:
    from pyinfra.api import State

Commands = Generator[StringCommand, None, None]
_TARGETS: WeakKeyDictionary[State, dict[str, str]] = WeakKeyDictionary()


class RollbackRun(ReleasesRun):
    """A rollback of one host."""

    action = "rollback"
    _planned: ReleaseFound | None = None
    _left = ""

    def check(self) -> None:
        """Find the release to go back to; raise HomeportError when a rollback is not possible."""
        target = rollback.find_target(str(self.settings.release or rollback.PREVIOUS), self.found)
        targets = _TARGETS.setdefault(self.host.state, {})
        targets[self.host.name] = target.id
        rollback.refuse_disagreement(targets)
        rollback.refuse_migrations(self.found, target, accepted=self.settings.accept_migrations)
        self._planned, self._left = target, self.found.live

    @property
    def target(self) -> ReleaseFound:
        """The release to go back to; raises HomeportError when the host is no longer as it was found."""
        assert self._planned is not None  # noqa: S101 - check() comes first
        if self.found.live not in (self._left, self._planned.id):
            raise HomeportError(
                f"meanwhile release {self.found.live} has gone live",
                fix="check the releases (homeport releases TARGET), and run it again",
            )
        return self._planned

    def details(self) -> dict[str, str]:
        """Return the release that this run goes back to."""
        return {"release": self._planned.id} if self._planned else {}


@operation()
def start(run: RollbackRun) -> Commands:
    """Start the older release in the idle slot; what serves is not touched."""
    changes = run.changes(lambda: rollback.start_changes(run.found, run.target))
    if run.announce(changes, otherwise="the release is live"):
        yield run.work("start", "--rollback", "--release", run.target.id, *run.caller_options)


@operation()
def switch(run: RollbackRun) -> Commands:
    """Send requests to the older release, let the other slot finish its own, and stop it."""
    changes = run.changes(lambda: rollback.switch_changes(run.found, run.target))
    if run.announce(changes, otherwise="the release is live"):
        yield run.work("commit", "--rollback", "--release", run.target.id, *run.caller_options)
