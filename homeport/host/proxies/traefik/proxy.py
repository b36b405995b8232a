"""Traefik as a `Proxy`: where its files are, and who does what."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable
from pathlib import Path

from ...services import units
from ...system.layout import PROGRAM_DIRECTORY, SLOTS, MachineLayout
from ..model import journal_log
from ..model.journal_log import JournalLog
from ..model.log_lines import Reader
from ..model.proxy import Trouble
from ..model.reloaded import Alone
from . import log_lines, reloading

PROGRAM = Path(PROGRAM_DIRECTORY) / "tools/bin/traefik"


class Traefik(Alone):
    """The proxy of machines whose settings say so."""

    title = "Traefik"
    unit = reloading.UNIT
    site_name = "site.yaml"
    template = "traefik/site.yaml"
    reloading = reloading
    check = (reloading.PREPARE, "check")

    def folder(self, machine: MachineLayout) -> Path:
        return machine.traefik

    def check_command(self) -> tuple[str, ...]:
        return ("true",)  # Traefik has no check; without homeport's files it has nothing to read

    def reload(
        self, machine: MachineLayout, change: Callable[[], object] | None = None, *, in_haste: bool = False
    ) -> None:
        reloading.reload(machine, change)

    def outdated(self) -> list[str]:
        # Other tools, with another Certbot say, come with a program that may be just like it: that needs no restart.
        return [] if reloading.runs(self.running(), PROGRAM) else super().outdated()

    def upgrade(self, machine: MachineLayout) -> None:
        units.run_checked("systemctl", "restart", "--", self.unit)

    def ports(self, app: str, site: str) -> dict[str, int]:
        found = {}
        for slot in SLOTS:
            if match := re.search(rf'^ *"{slot}": "127\.0\.0\.1:(\d+)"', site, re.MULTILINE):
                found[slot] = int(match[1])
        return found

    def logs(self, names: Collection[str]) -> dict[str, Reader]:
        return {"traefik": JournalLog(self.unit, log_lines.access(names))}

    def upstream_errors(self) -> list[str]:
        return journal_log.newest(JournalLog(self.unit, log_lines.unreached))

    def troubles(self, names: Collection[str], since: float, port: int | None) -> Iterable[Trouble]:
        return journal_log.troubles(JournalLog(self.unit, log_lines.troubles(names)), since)
