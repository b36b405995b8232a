"""Caddy as a `Proxy`: where its files are, and who does what."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Collection, Iterable
from pathlib import Path

from ...services import units
from ...services.staged_files import Stage
from ...system import mapped
from ...system.layout import BLUE, GREEN, Layout, MachineLayout
from ...system.output import HostError
from ..model import closing, journal_log
from ..model.journal_log import JournalLog
from ..model.log_lines import Reader
from ..model.proxy import Moment, Trouble
from . import log_lines, reloading


class Caddy:
    """The proxy of machines whose settings say so."""

    title = "Caddy"
    unit = reloading.UNIT
    site_name = "site.caddy"
    template = "caddy/site.caddy"

    def folder(self, machine: MachineLayout) -> Path:
        return machine.caddy

    def site(self, machine: MachineLayout, app: str) -> Path:
        return reloading.site_file(machine, app)

    def check_site(self, layout: Layout, content: bytes) -> None:
        with tempfile.TemporaryDirectory(prefix="homeport-caddy-") as place:
            staged = Stage(Path(place))
            staged.copy(layout.machine.caddy)
            staged.put(self.site(layout.machine, layout.app), content)
            done = staged.run("sh", reloading.PREPARE, "check")
        if problem := reloading.refusal(done):
            raise HostError(f"caddy does not accept its site: {problem}", tuple(done.stderr.strip().splitlines()))

    def complaint(self) -> str:
        return reloading.complaint()

    def check_command(self) -> tuple[str, ...]:
        return ("caddy", "validate", "--config", "/etc/caddy/Caddyfile")

    def reload(
        self, machine: MachineLayout, change: Callable[[], object] | None = None, *, in_haste: bool = False
    ) -> None:
        seconds = closing.SHORT_SECONDS if in_haste else closing.FULL_SECONDS
        reloading.reload(machine, change, closing_seconds=seconds)

    def leave(self, machine: MachineLayout) -> None:
        # A reload would be told to an address that Debian's configuration does not have.
        units.run_checked("systemctl", "restart", "--", self.unit)

    def is_stale(self, machine: MachineLayout) -> bool:
        return reloading.is_stale(machine)

    def is_loaded(self, machine: MachineLayout) -> bool:
        return reloading.is_loaded(machine)

    def outdated(self) -> list[str]:
        running = units.show(self.unit)["MainPID"] if units.is_active(self.unit) else "0"
        return mapped.replaced(int(running))

    def upgrade(self, machine: MachineLayout) -> None:
        reloading.upgrade(machine)

    def stamp(self, machine: MachineLayout, moment: Moment) -> None:
        moments: dict[Moment, Callable[[MachineLayout], None]] = {
            "start": reloading.stamp_start,
            "before-reload": reloading.stamp_before_reload,
            "after-reload": reloading.stamp_after_reload,
        }
        moments[moment](machine)

    def rivals(self, machine: MachineLayout, names: Collection[str]) -> list[tuple[str, int, Path]]:
        return []  # Caddy reads homeport's files alone

    def ports(self, app: str, site: str) -> dict[str, int]:
        # Where the live slot is looked for, green comes first.
        found = re.findall(rf"^ *import {re.escape(app)}-slot (\d+) \{{args\.1\}}$", site, re.MULTILINE)
        return dict(zip((GREEN, BLUE), map(int, found), strict=False))

    def default_servers(self, machine: MachineLayout) -> Iterable[Path]:
        return []

    def logs(self, names: Collection[str]) -> dict[str, Reader]:
        return {"caddy": JournalLog(self.unit, log_lines.access(names))}

    def upstream_errors(self) -> list[str]:
        return journal_log.newest(JournalLog(self.unit, log_lines.unreached))

    def troubles(self, names: Collection[str], since: float, port: int | None) -> Iterable[Trouble]:
        return journal_log.troubles(JournalLog(self.unit, log_lines.troubles(names, port)), since)
