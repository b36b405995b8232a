"""HAProxy as a `Proxy`: where its files are, and who does what."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable
from pathlib import Path

from ...services import units
from ...system.layout import SLOTS, MachineLayout
from ..model import journal_log
from ..model.journal_log import JournalLog
from ..model.log_lines import Reader
from ..model.proxy import Trouble
from ..model.reloaded import Alone
from . import log_lines, reloading, runtime


class HAProxy(Alone):
    """The proxy of machines whose settings say so."""

    title = "HAProxy"
    unit = runtime.UNIT
    site_name = "site.cfg"
    template = "haproxy/site.cfg"
    reloading = reloading
    check = ("sh", reloading.PREPARE, "check")

    def folder(self, machine: MachineLayout) -> Path:
        return machine.haproxy

    def check_command(self) -> tuple[str, ...]:
        return ("haproxy", "-c", "-f", "/etc/haproxy/haproxy.cfg")

    def reload(
        self, machine: MachineLayout, change: Callable[[], object] | None = None, *, in_haste: bool = False
    ) -> None:
        reloading.reload(machine, change)

    def upgrade(self, machine: MachineLayout) -> None:
        # A reload executes the program anew.
        units.run_checked("systemctl", "reload", "--", self.unit)

    def ports(self, app: str, site: str) -> dict[str, int]:
        found = {}
        for slot in SLOTS:
            if match := re.search(rf"^ *server {slot} 127\.0\.0\.1:(\d+)", site, re.MULTILINE):
                found[slot] = int(match[1])
        return found

    def logs(self, names: Collection[str]) -> dict[str, Reader]:
        return {"haproxy": JournalLog(self.unit, log_lines.access(names))}

    def upstream_errors(self) -> list[str]:
        return journal_log.newest(JournalLog(self.unit, log_lines.unreached))

    def troubles(self, names: Collection[str], since: float, port: int | None) -> Iterable[Trouble]:
        return journal_log.troubles(JournalLog(self.unit, log_lines.troubles(names, port)), since)
