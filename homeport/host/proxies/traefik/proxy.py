"""Traefik as a `Proxy`: where its files are, and who does what."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Collection, Iterable
from pathlib import Path

from ...services import units
from ...services.staged_files import Stage
from ...system import mapped
from ...system.layout import PROGRAM_DIRECTORY, SLOTS, Layout, MachineLayout
from ...system.output import HostError
from ..model import journal_log
from ..model.journal_log import JournalLog
from ..model.log_lines import Reader
from ..model.proxy import Moment, Trouble
from . import log_lines, reloading

PROGRAM = Path(PROGRAM_DIRECTORY) / "tools/bin/traefik"


class Traefik:
    """The proxy of machines whose settings say so."""

    title = "Traefik"
    unit = reloading.UNIT
    site_name = "site.yaml"
    template = "traefik/site.yaml"

    def folder(self, machine: MachineLayout) -> Path:
        return machine.traefik

    def site(self, machine: MachineLayout, app: str) -> Path:
        return reloading.site_file(machine, app)

    def check_site(self, layout: Layout, content: bytes) -> None:
        with tempfile.TemporaryDirectory(prefix="homeport-traefik-") as place:
            staged = Stage(Path(place))
            staged.copy(layout.machine.traefik)
            staged.put(self.site(layout.machine, layout.app), content)
            done = staged.run(reloading.PREPARE, "check")
        if problem := reloading.refusal(done):
            raise HostError(f"traefik does not accept its site: {problem}", tuple(done.stderr.strip().splitlines()))

    def complaint(self) -> str:
        return reloading.complaint()

    def check_command(self) -> tuple[str, ...]:
        return ("true",)  # Traefik has no check; without homeport's files it has nothing to read

    def reload(
        self, machine: MachineLayout, change: Callable[[], object] | None = None, *, in_haste: bool = False
    ) -> None:
        reloading.reload(machine, change)

    def leave(self, machine: MachineLayout) -> None:
        units.run_checked("systemctl", "restart", "--", self.unit)

    def is_stale(self, machine: MachineLayout) -> bool:
        return reloading.is_stale(machine)

    def is_loaded(self, machine: MachineLayout) -> bool:
        return reloading.is_loaded(machine)

    def outdated(self) -> list[str]:
        running = units.show(self.unit)["MainPID"] if units.is_active(self.unit) else "0"
        # Other tools, with another Certbot say, come with a program that may be just like it: that needs no restart.
        return [] if reloading.runs(int(running), PROGRAM) else mapped.replaced(int(running))

    def upgrade(self, machine: MachineLayout) -> None:
        units.run_checked("systemctl", "restart", "--", self.unit)

    def stamp(self, machine: MachineLayout, moment: Moment) -> None:
        moments: dict[Moment, Callable[[MachineLayout], None]] = {
            "start": reloading.stamp_start,
            "before-reload": reloading.stamp_before_reload,
            "after-reload": reloading.stamp_after_reload,
        }
        moments[moment](machine)

    def rivals(self, machine: MachineLayout, names: Collection[str]) -> list[tuple[str, int, Path]]:
        return []  # Traefik reads homeport's files alone

    def ports(self, app: str, site: str) -> dict[str, int]:
        found = {}
        for slot in SLOTS:
            if match := re.search(rf'^ *"{slot}": "127\.0\.0\.1:(\d+)"', site, re.MULTILINE):
                found[slot] = int(match[1])
        return found

    def default_servers(self, machine: MachineLayout) -> Iterable[Path]:
        return []

    def logs(self, names: Collection[str]) -> dict[str, Reader]:
        return {"traefik": JournalLog(self.unit, log_lines.access(names))}

    def upstream_errors(self) -> list[str]:
        return journal_log.newest(JournalLog(self.unit, log_lines.unreached))

    def troubles(self, names: Collection[str], since: float, port: int | None) -> Iterable[Trouble]:
        return journal_log.troubles(JournalLog(self.unit, log_lines.troubles(names)), since)
