"""What a deploy asks of the proxy that the settings name, whichever program that is. Pure, as all that implements it.

What the proxy does on a host is asked there: `homeport/host/proxies/model/proxy.py` is the other half of this.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Protocol

from homeport.errors import HomeportError
from homeport.settings import Settings
from homeport.state.changes import Change
from homeport.state.snapshot import Snapshot
from homeport.state.wanted import Part, Wanted
from homeport.steps.context import Context


class Proxy(Protocol):
    """A program that terminates TLS and brings requests to the live slot."""

    @property
    def name(self) -> str:
        """Return its name in settings, which is also that of its set of files, its process and its Debian package."""

    @property
    def title(self) -> str:
        """Return its name, for people."""

    @property
    def unit(self) -> str:
        """Return the systemd unit that runs it."""

    @property
    def user(self) -> str:
        """Return the user that its workers run as."""

    @property
    def folder(self) -> str:
        """Return the folder of its configuration, with a slash at its end."""

    @property
    def mark(self) -> str:
        """Return the file that homeport's configuration of it consists of, whatever the sites are."""

    @property
    def site_name(self) -> str:
        """Return the name of the site's file in the folder of a release."""

    @property
    def instead(self) -> Mapping[str, str]:
        """Return what its owner can do instead of having a file of theirs replaced, by its path."""

    def site_path(self, app: str) -> str:
        """Return the file of an application's site in the proxy's configuration."""

    def site(self, context: Context) -> str:
        """Render the application's site, which is part of its release."""

    def step(self, context: Context) -> Part:
        """Return its package, files and unit; those that it is validated by have its name for a file set."""

    def defaults(self, found: Snapshot, take_over: Collection[str]) -> dict[str, str]:
        """Return which addresses answer by somebody else's choice, each with the file that says so."""

    def notes(self, path: str, found: Snapshot, take_over: Collection[str]) -> list[Change]:
        """Return, for a plan, what the writing of a file means for others on the machine."""

    def answers_every_name(self, found: Snapshot, take_over: Collection[str]) -> bool:
        """Tell whether an authority's questions are answered before the site is in place."""

    def problems(self, settings: Settings, wanted: Wanted, found: Snapshot) -> Iterator[HomeportError]:
        """Yield what of this proxy keeps a deploy from the host."""

    def warnings(self, settings: Settings, wanted: Wanted, found: Snapshot) -> tuple[str, ...]:
        """Return what keeps nothing, and may be meant otherwise: a line each."""
