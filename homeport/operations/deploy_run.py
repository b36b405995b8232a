"""The state that the phases of one deploy share: settings, source, wanted state, and the last reading of the host.

Live state is read inside operations, through here; a reading is kept until a phase has changed what it is about.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from pyinfra.api.exceptions import DeployError

from homeport.controller import events
from homeport.errors import HomeportError
from homeport.facts.snapshot import SnapshotFact
from homeport.machine.scope import effective_settings, inherited_unlike_default
from homeport.operations.base import HostRun
from homeport.outbound.forward import forwarded
from homeport.preflight import outbound
from homeport.preflight.memory import sized
from homeport.preflight.preflight import preflight
from homeport.proxies.chosen import proxy_of
from homeport.settings.reference import literal
from homeport.state.query import query
from homeport.state.snapshot import MachineFound, Snapshot
from homeport.state.wanted import Wanted

if TYPE_CHECKING:
    from pyinfra.api import Host

    from homeport.settings import Settings
    from homeport.source import Source


# As long as a phase waits for another one (alone.sh).
STEP_SECONDS = 900


class Run(HostRun):
    """One run against one host. `describe` makes the wanted state for a machine; names in it do not depend on that."""

    action = "deploy"

    def __init__(
        self, host: Host, settings: Settings, source: Source, describe: Callable[[MachineFound], Wanted], *, sudo: bool
    ):
        super().__init__(host, settings, sudo=sudo)
        self.source = source
        # Variables that only the installation of the dependencies gets.
        self.install_secrets: Mapping[str, str] = {}
        self.query = query(describe(MachineFound()))
        self._found: Snapshot | None = None
        self._read_at = 0.0
        # Set by the phase that starts the release, for the one that would switch to it.
        self.has_switched = False
        self._describe, self._own_settings = describe, settings
        self.wanted = self._described()
        self.ask_for_lock()

    def _described(self) -> Wanted:
        # Values that others have set for the machine stay when these settings leave them out.
        self.settings = effective_settings(self._own_settings, self.found.machine.values)
        defaults = proxy_of(self.settings.proxy).defaults(self.found, self.settings.take_over)
        return self._describe(replace(sized(self.settings, self.found), defaults=tuple(defaults.items())))

    def details(self) -> dict[str, str]:
        """Return the ref and the release that this run deploys."""
        release = self.wanted.release
        return {"ref": release.ref, "release": release.id} if release else {}

    def event_details(self) -> dict[str, str]:
        """Return besides the commit, the release that is live now, and where the application is served."""
        release = self.wanted.release
        more = {"commit": release.commit, "live": self.found.live_release} if release else {}
        return {**self.details(), **more, "url": self.settings.url}

    @property
    def found(self) -> Snapshot:
        """The host as it was read last; read again (one command) after `forget`. Raises DeployError if that fails."""
        if self._found is None:
            # The first reading does not wait. A later one must be whole: a phase of a killed run may still run.
            waits = (STEP_SECONDS,) if self._read_at else ()
            self._found = self.read_fact(SnapshotFact, self.query, *waits, what="the host cannot be read as root")
            self._read_at = time.monotonic()
        return self._found

    def forget(self) -> None:
        """Have the host read again before the next comparison."""
        self._found = None

    def reading(self) -> tuple[str, float]:
        """Return which deploy was the last when the host was read ("": nobody knows), and its age in seconds."""
        return self.found.deploys, time.monotonic() - self._read_at

    def preflight(self) -> None:
        """Raise DeployError with everything that keeps the host from being provisioned, a line each."""
        problems = self._problems()
        if problems and self.found.at_work:
            # That phase may be what is in the way.
            self.host.log("waiting for a phase of another run to end on this host")
            self.forget()
            self.wanted = self._described()
            problems = self._problems()
        for problem in problems:
            problem.host = self.host.name
        if problems:
            raise DeployError("\n".join(problem.line() for problem in problems))
        self._tell_inherited_values()

    def _tell_inherited_values(self) -> None:
        """Name the values that these settings leave out, and have from other applications of the machine."""
        for key, one in inherited_unlike_default(self.settings, self.found.machine.values).items():
            what, apps = f"{key} = {literal(one.value)}", " and ".join(one.apps)
            if events.are_wanted():
                events.emit("note", host=self.host.name, kind="machine", what=what, reason=f"set by {apps}")
            else:
                self.host.log(f"  the machine has {what} (set by {apps})")

    def _problems(self) -> tuple[HomeportError, ...]:
        now = datetime.now(UTC)
        return preflight(self.settings, self.source, self.wanted, self.found, now) or self._without_way(now)

    def _without_way(self, now: datetime) -> tuple[HomeportError, ...]:
        """Return why the host does not go out by us although this run fetches; it is tried, which changes nothing."""
        if self.settings.outbound == "host" or not outbound.fetches(self.wanted, self.found, now):
            return ()
        try:
            with forwarded(self.host, self.settings.outbound_private):
                return ()
        except HomeportError as error:
            return (error,)
