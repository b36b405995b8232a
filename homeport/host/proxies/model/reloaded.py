"""The parts of a `Proxy` that follow from its module `reloading`, and those of all that read homeport's files alone."""

from __future__ import annotations

import tempfile
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Protocol

from ...services import units
from ...services.staged_files import Stage
from ...system import mapped
from ...system.layout import Layout, MachineLayout
from ...system.output import HostError
from .proxy import Moment


class Reloading(Protocol):
    """What that module of a proxy has."""

    def site_file(self, machine: MachineLayout, app: str) -> Path:
        """See `Proxy.site`."""

    def is_stale(self, machine: MachineLayout) -> bool:
        """See `Proxy`."""

    def is_loaded(self, machine: MachineLayout) -> bool:
        """See `Proxy`."""

    def stamp_start(self, machine: MachineLayout) -> None:
        """See `Proxy.stamp`."""

    def stamp_before_reload(self, machine: MachineLayout) -> None:
        """See `Proxy.stamp`."""

    def stamp_after_reload(self, machine: MachineLayout) -> None:
        """See `Proxy.stamp`."""


class Checking(Reloading, Protocol):
    """What it has where a command of homeport's checks all that the proxy reads."""

    def complaint(self) -> str:
        """See `Proxy`."""

    def refusal(self, done: CompletedProcess[str]) -> str:
        """Return the first thing that the check complains about; "" when it succeeded."""


class Reloaded:
    """The part of a `Proxy` that its module tells."""

    unit: str
    reloading: Reloading

    def site(self, machine: MachineLayout, app: str) -> Path:
        """See `Proxy`."""
        return self.reloading.site_file(machine, app)

    def is_stale(self, machine: MachineLayout) -> bool:
        """See `Proxy`."""
        return self.reloading.is_stale(machine)

    def is_loaded(self, machine: MachineLayout) -> bool:
        """See `Proxy`."""
        return self.reloading.is_loaded(machine)

    def stamp(self, machine: MachineLayout, moment: Moment) -> None:
        """See `Proxy`."""
        moments: dict[Moment, Callable[[MachineLayout], None]] = {
            "start": self.reloading.stamp_start,
            "before-reload": self.reloading.stamp_before_reload,
            "after-reload": self.reloading.stamp_after_reload,
        }
        moments[moment](machine)


class Alone(Reloaded, ABC):
    """A proxy that reads homeport's files alone: `check` are the words of the command that checks them."""

    reloading: Checking
    check: tuple[str, ...]

    @abstractmethod
    def folder(self, machine: MachineLayout) -> Path:
        """See `Proxy`."""

    def check_site(self, layout: Layout, content: bytes) -> None:
        """See `Proxy`."""
        name = self.unit.removesuffix(".service")
        with tempfile.TemporaryDirectory(prefix=f"homeport-{name}-") as place:
            staged = Stage(Path(place))
            staged.copy(self.folder(layout.machine))
            staged.put(self.site(layout.machine, layout.app), content)
            done = staged.run(*self.check)
        if problem := self.reloading.refusal(done):
            raise HostError(f"{name} does not accept its site: {problem}", tuple(done.stderr.strip().splitlines()))

    def complaint(self) -> str:
        """See `Proxy`."""
        return self.reloading.complaint()

    def leave(self, machine: MachineLayout) -> None:
        """See `Proxy`."""
        # A reload would go on with what our unit's settings gave it: HAProxy's arguments, the address Caddy is told at.
        units.run_checked("systemctl", "restart", "--", self.unit)

    def outdated(self) -> list[str]:
        """See `Proxy`."""
        return mapped.replaced(self.running())

    def running(self) -> int:
        """Return the process that serves; 0 while it is stopped."""
        return int(units.show(self.unit)["MainPID"]) if units.is_active(self.unit) else 0

    def rivals(self, machine: MachineLayout, names: Collection[str]) -> list[tuple[str, int, Path]]:
        """See `Proxy`."""
        return []

    def default_servers(self, machine: MachineLayout) -> Iterable[Path]:
        """See `Proxy`."""
        return []
