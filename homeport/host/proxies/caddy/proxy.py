"""Caddy as a `Proxy`: where its files are, and who does what."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable
from pathlib import Path

from ...system.layout import BLUE, GREEN, MachineLayout
from ..model import closing, journal_log
from ..model.journal_log import JournalLog
from ..model.log_lines import Reader
from ..model.proxy import Trouble
from ..model.reloaded import Alone
from . import log_lines, reloading


class Caddy(Alone):
    """The proxy of machines whose settings say so."""

    title = "Caddy"
    unit = reloading.UNIT
    site_name = "site.caddy"
    template = "caddy/site.caddy"
    reloading = reloading
    check = ("sh", reloading.PREPARE, "check")

    def folder(self, machine: MachineLayout) -> Path:
        return machine.caddy

    def check_command(self) -> tuple[str, ...]:
        return ("caddy", "validate", "--config", "/etc/caddy/Caddyfile")

    def reload(
        self, machine: MachineLayout, change: Callable[[], object] | None = None, *, in_haste: bool = False
    ) -> None:
        seconds = closing.SHORT_SECONDS if in_haste else closing.FULL_SECONDS
        reloading.reload(machine, change, closing_seconds=seconds)

    def upgrade(self, machine: MachineLayout) -> None:
        reloading.upgrade(machine)

    def ports(self, app: str, site: str) -> dict[str, int]:
        # Where the live slot is looked for, green comes first.
        found = re.findall(rf"^ *import {re.escape(app)}-slot (\d+) \{{args\.1\}}$", site, re.MULTILINE)
        return dict(zip((GREEN, BLUE), map(int, found), strict=False))

    def logs(self, names: Collection[str]) -> dict[str, Reader]:
        return {"caddy": JournalLog(self.unit, log_lines.access(names))}

    def upstream_errors(self) -> list[str]:
        return journal_log.newest(JournalLog(self.unit, log_lines.unreached))

    def troubles(self, names: Collection[str], since: float, port: int | None) -> Iterable[Trouble]:
        return journal_log.troubles(JournalLog(self.unit, log_lines.troubles(names, port)), since)
