"""A machine's security upgrades, installed at once because a person asks for it or no timer can do it."""

from __future__ import annotations

from collections.abc import Generator

from pyinfra.api import StringCommand, operation

from homeport.operations.outbound import fetching
from homeport.operations.releases_run import ReleasesRun
from homeport.state.changes import Change


class UpgradeRun(ReleasesRun):
    """Installs what unattended-upgrades would install at its next time."""

    action = "upgrade"


@operation()
def upgrade(run: UpgradeRun) -> Generator[StringCommand, None, None]:
    """Install the upgrades that the distribution has."""
    change = Change("install", "security upgrades", "the machine finds out which")
    if run.announce(run.changes(lambda: (change,)), otherwise="never"):
        yield fetching(run.settings, "upgrade", str(run.settings.apt_lock_timeout_seconds))
