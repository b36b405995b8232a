"""A request to start a release and make it live: by whom, in which way, and whether it may still go live."""

from __future__ import annotations

from typing import NamedTuple

from ..system import lock
from ..system.layout import Layout
from ..system.output import LockedError
from . import deploy_hold


class DeployRequest(NamedTuple):
    """`by` is who asked, for the log. `rollback` goes back to an older release, `again` brings the live one up again in
    the other slot. `run` is the mark of the controller's run that has both start and switch done at once, else "".
    """

    by: str = ""
    rollback: bool = False
    again: bool = False
    run: str = ""

    @property
    def is_proven(self) -> bool:
        """Whether the release was live before, so that it neither migrates nor is watched."""
        return self.rollback or self.again

    def must_be_valid(self, layout: Layout) -> None:
        """Raise LockedError when the run has ended since it asked, or somebody holds deploys by now."""
        if self.run and not lock.is_held_by(layout.deploy_lock, self.run):
            raise LockedError("it was stopped, because the run that started it has ended; run it again")
        deploy_hold.refuse(layout)
