"""Caddy as a `Proxy`: where its files are, and who does what."""

from __future__ import annotations

import re
import tempfile
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from itertools import islice, takewhile
from pathlib import Path
from typing import Any

from ...services import units
from ...services.staged_files import Stage
from ...system import mapped
from ...system.journal import Journal
from ...system.layout import BLUE, GREEN, Layout, MachineLayout
from ...system.output import HostError
from ..model import closing
from ..model.log_lines import Parser, Reader
from ..model.proxy import Moment, Trouble
from . import log_lines, reloading

# The newest lines of the log: enough to know of what happens often.
MOST_LINES, ERRORS = 20_000, 3
LOOK_BACK_SECONDS = 3600.0


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
        return {"caddy": Log(log_lines.access(names))}

    def upstream_errors(self) -> list[str]:
        log = Log(log_lines.unreached)
        newest = islice(log.backwards(log.position(0), time.time() - LOOK_BACK_SECONDS), ERRORS)
        return [line["text"] for line in newest][::-1]

    def troubles(self, names: Collection[str], since: float, port: int | None) -> Iterable[Trouble]:
        log = Log(log_lines.troubles(names, port))
        lines = islice(log.backwards(log.position(0), since), MOST_LINES)
        for line in takewhile(lambda line: line["seconds"] >= since, lines):
            if line["kind"]:
                yield line["kind"], line["seconds"], line["text"]


class Log:
    """Caddy's lines in the journal, as far as `parse` makes something of them."""

    def __init__(self, parse: Parser):
        self._journal, self._parse = Journal([f"--unit={reloading.UNIT}"], lambda entry: {}), parse

    def position(self, now: float) -> list[Any]:
        return self._journal.position(now)

    def backwards(self, position: list[Any], since: float | None) -> Iterator[dict[str, Any]]:
        return self._parsed(self._journal.backwards(position, since))

    def after(self, position: list[Any]) -> tuple[list[dict[str, Any]], list[Any]]:
        lines, end = self._journal.after(position)
        return list(self._parsed(iter(lines))), end

    def _parsed(self, lines: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        return (found for line in lines if (found := self._parse(line["text"])) is not None)
