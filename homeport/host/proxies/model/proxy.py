"""What homeport asks of the proxy of a machine, whichever program that is. Nothing is decided here.

Which slot is live and whether there is maintenance is in files of the application's own folder (`Layout.flag` and
`Layout.maintenance`), which no proxy owns. A site's configuration has the proxy look for both at every request: so a
switch is one change on the disk, needs no proxy that runs, and holds after a crash, a reload or a boot.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from typing import Literal, Protocol

from ...system.layout import Layout, MachineLayout
from .log_lines import Reader

# Kind of trouble (a key of the doctor's), seconds since 1970, and the request with what became of it.
Trouble = tuple[str, float, str]
Moment = Literal["start", "before-reload", "after-reload"]


class Proxy(Protocol):
    """A program that terminates TLS and brings requests to the live slot."""

    @property
    def title(self) -> str:
        """Return its name, for people."""

    @property
    def unit(self) -> str:
        """Return the systemd unit that runs it."""

    @property
    def site_name(self) -> str:
        """Return the name of the site's file in the folder of a release."""

    @property
    def template(self) -> str:
        """Return the template that the site is made of, below `templates/` and a project's `overrides/`."""

    def folder(self, machine: MachineLayout) -> Path:
        """Return the folder of its configuration."""

    def site(self, machine: MachineLayout, app: str) -> Path:
        """Return the file that has an application's site in that folder."""

    def check_site(self, layout: Layout, content: bytes) -> None:
        """Raise HostError when it would not accept the site; nothing but the check sees that."""

    def complaint(self) -> str:
        """Return why it does not accept its configuration as it is on the disk; "" when it does."""

    def check_command(self) -> tuple[str, ...]:
        """Return the command that checks the configuration which is there without homeport's sites."""

    def reload(
        self, machine: MachineLayout, change: Callable[[], object] | None = None, *, in_haste: bool = False
    ) -> None:
        """Have it serve what is on the disk, and return when it does. `change` is what changes that, if anything does.

        No request may be lost by it. `in_haste` waits a second at most for connections that nobody uses. Raises
        HostError when the configuration is bad, what runs going on as it is, or a certificate is not served.
        """

    def leave(self, machine: MachineLayout) -> None:
        """Have it run with what is on the disk now that homeport's configuration is away."""

    def is_stale(self, machine: MachineLayout) -> bool:
        """Tell whether it runs, and serves something else than what is on the disk: its files or a certificate."""

    def is_loaded(self, machine: MachineLayout) -> bool:
        """Tell whether it has read the configuration that is on the disk, certificates left out."""

    def outdated(self) -> list[str]:
        """Return the programs and libraries that it runs and an upgrade has replaced; nothing if it is stopped."""

    def upgrade(self, machine: MachineLayout) -> None:
        """Have the program on the disk take over, and return when it has. No request may be lost by it.

        Raises HostError when that does not start: what runs goes on then.
        """

    def stamp(self, machine: MachineLayout, moment: Moment) -> None:
        """Remember what it reads; its unit asks for that around each start and reload."""

    def rivals(self, machine: MachineLayout, names: Collection[str]) -> list[tuple[str, int, Path]]:
        """Return name, port and file of each site of somebody else in it that has one of the names."""

    def ports(self, app: str, site: str) -> dict[str, int]:
        """Return the port that the text of a site sends each slot's requests to."""

    def default_servers(self, machine: MachineLayout) -> Iterable[Path]:
        """Return files of others that may decide about every handshake."""

    def logs(self, names: Collection[str]) -> dict[str, Reader]:
        """Return what reads its logs about these names, by a name for each that does not change."""

    def upstream_errors(self) -> list[str]:
        """Return what it has noted last of slots that it could not reach; the newest last."""

    def troubles(self, names: Collection[str], since: float, port: int | None) -> Iterable[Trouble]:
        """Yield what went badly with requests for these names since then, the newest of each log first.

        Of the slots only the one at `port` counts.
        """
