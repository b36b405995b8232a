"""What a proxy that reads homeport's files alone has to say of others' files and names: nothing. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from homeport.errors import HomeportError
from homeport.settings import Settings
from homeport.settings.proxy import lacking
from homeport.state.changes import Change
from homeport.state.snapshot import Snapshot
from homeport.state.wanted import Wanted


class Alone:
    """The part of a `Proxy` that is the same for each of them."""

    name: str

    def defaults(self, found: Snapshot, take_over: Collection[str]) -> dict[str, str]:
        """See `Proxy`."""
        return {}

    def notes(self, path: str, found: Snapshot, take_over: Collection[str]) -> list[Change]:
        """See `Proxy`."""
        return []

    def answers_every_name(self, found: Snapshot, take_over: Collection[str]) -> bool:
        """See `Proxy`."""
        return True

    def problems(self, settings: Settings, wanted: Wanted, found: Snapshot) -> Iterator[HomeportError]:
        """See `Proxy`."""
        # An application that has the proxy from another one of the machine was not refused with its settings.
        if said := lacking(self.name, settings.differing):
            yield HomeportError(said, key="proxy")

    def warnings(self, settings: Settings, wanted: Wanted, found: Snapshot) -> tuple[str, ...]:
        """See `Proxy`."""
        return ()
