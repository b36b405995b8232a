"""HAProxy as a `Proxy`: where its files are, and who does what."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Collection, Iterable
from pathlib import Path

from ...services import units
from ...services.staged_files import Stage
from ...system import mapped
from ...system.layout import SLOTS, Layout, MachineLayout
from ...system.output import HostError
from ..model import journal_log
from ..model.journal_log import JournalLog
from ..model.log_lines import Reader
from ..model.proxy import Moment, Trouble
from . import log_lines, reloading, runtime


class HAProxy:
    """The proxy of machines whose settings say so."""

    title = "HAProxy"
    unit = runtime.UNIT
    site_name = "site.cfg"
    template = "haproxy/site.cfg"

    def folder(self, machine: MachineLayout) -> Path:
        return machine.haproxy

    def site(self, machine: MachineLayout, app: str) -> Path:
        return reloading.site_file(machine, app)

    def check_site(self, layout: Layout, content: bytes) -> None:
        with tempfile.TemporaryDirectory(prefix="homeport-haproxy-") as place:
            staged = Stage(Path(place))
            staged.copy(layout.machine.haproxy)
            staged.put(self.site(layout.machine, layout.app), content)
            done = staged.run("sh", reloading.PREPARE, "check")
        if problem := reloading.refusal(done):
            raise HostError(f"haproxy does not accept its site: {problem}", tuple(done.stderr.strip().splitlines()))

    def complaint(self) -> str:
        return reloading.complaint()

    def check_command(self) -> tuple[str, ...]:
        return ("haproxy", "-c", "-f", "/etc/haproxy/haproxy.cfg")

    def reload(
        self, machine: MachineLayout, change: Callable[[], object] | None = None, *, in_haste: bool = False
    ) -> None:
        reloading.reload(machine, change)

    def leave(self, machine: MachineLayout) -> None:
        # A reload would go on with the arguments that our unit's settings gave it.
        units.run_checked("systemctl", "restart", "--", self.unit)

    def is_stale(self, machine: MachineLayout) -> bool:
        return reloading.is_stale(machine)

    def is_loaded(self, machine: MachineLayout) -> bool:
        return reloading.is_loaded(machine)

    def outdated(self) -> list[str]:
        running = units.show(self.unit)["MainPID"] if units.is_active(self.unit) else "0"
        return mapped.replaced(int(running))

    def upgrade(self, machine: MachineLayout) -> None:
        # A reload executes the program anew.
        units.run_checked("systemctl", "reload", "--", self.unit)

    def stamp(self, machine: MachineLayout, moment: Moment) -> None:
        moments: dict[Moment, Callable[[MachineLayout], None]] = {
            "start": reloading.stamp_start,
            "before-reload": reloading.stamp_before_reload,
            "after-reload": reloading.stamp_after_reload,
        }
        moments[moment](machine)

    def rivals(self, machine: MachineLayout, names: Collection[str]) -> list[tuple[str, int, Path]]:
        return []  # HAProxy reads homeport's files alone

    def ports(self, app: str, site: str) -> dict[str, int]:
        found = {}
        for slot in SLOTS:
            if match := re.search(rf"^ *server {slot} 127\.0\.0\.1:(\d+)", site, re.MULTILINE):
                found[slot] = int(match[1])
        return found

    def default_servers(self, machine: MachineLayout) -> Iterable[Path]:
        return []

    def logs(self, names: Collection[str]) -> dict[str, Reader]:
        return {"haproxy": JournalLog(self.unit, log_lines.access(names))}

    def upstream_errors(self) -> list[str]:
        return journal_log.newest(JournalLog(self.unit, log_lines.unreached))

    def troubles(self, names: Collection[str], since: float, port: int | None) -> Iterable[Trouble]:
        return journal_log.troubles(JournalLog(self.unit, log_lines.troubles(names, port)), since)
