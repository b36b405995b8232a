"""Nginx as a `Proxy`: where its files are, and who does what."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Collection, Iterable
from pathlib import Path

from ...services import units
from ...services.staged_files import Stage
from ...system.layout import SLOTS, Layout, MachineLayout
from ...system.output import HostError
from ..model import mounts
from ..model.log_lines import File, Reader
from ..model.proxy import Trouble
from ..model.reloaded import Reloaded
from . import closing, log_lines, reloading, rival_sites, troubles, upgrading

MOUNTED = re.compile(r"set \$homeport_mounted 127\.0\.0\.1:(\d+);")
TAIL_BYTES, LINES = 16384, 3
CHECK = ("nginx", "-t", "-q")
# What Nginx would complain about is looked for with a /run of its own: the check leaves a PID file there.
APART = "mount -t tmpfs tmpfs /run && exec nginx -t -q"


class Nginx(Reloaded):
    """The proxy that machines have unless their settings say otherwise."""

    title = "Nginx"
    unit = reloading.UNIT
    site_name = "site.conf"
    template = "nginx/site.conf"
    reloading = reloading

    def folder(self, machine: MachineLayout) -> Path:
        return machine.nginx

    def check_site(self, layout: Layout, content: bytes) -> None:
        if mount := mounts.read(layout):
            self._check_owner(layout.machine, mount)
        with tempfile.TemporaryDirectory(prefix="homeport-nginx-") as place:
            staged = Stage(Path(place))
            staged.copy(layout.machine.nginx)
            staged.put(self.site(layout.machine, layout.app), content)
            done = staged.run(*CHECK)
        if done.returncode:
            lines = tuple(done.stderr.strip().splitlines())
            raise HostError(f"nginx does not accept its site: {lines[0] if lines else 'no reason given'}", lines)

    def _check_owner(self, machine: MachineLayout, mount: mounts.Mount) -> None:
        """Raise HostError when the site of the name's owner does not look for applications that are mounted on it."""
        site = self.site(machine, mount.owner)
        folder = f"homeport/mounts/{mount.owner}/"
        if not site.exists() or folder not in site.read_text(errors="replace"):
            raise HostError(
                f"the site of {mount.owner} does not look for applications that are mounted on it: deploy "
                f"{mount.owner} once with this homeport, and keep the block mounts in an override of its site"
            )

    def complaint(self) -> str:
        done = units.run("unshare", "--mount", "sh", "-c", APART)
        lines = [line for line in done.stderr.splitlines() if "[emerg]" in line]
        return lines[0].partition("[emerg] ")[2].partition(" ")[2] if done.returncode and lines else ""

    def check_command(self) -> tuple[str, ...]:
        return CHECK

    def reload(
        self, machine: MachineLayout, change: Callable[[], object] | None = None, *, in_haste: bool = False
    ) -> None:
        seconds = closing.SHORT_SECONDS if in_haste else closing.FULL_SECONDS
        reloading.reload(machine, change, closing_seconds=seconds)

    def leave(self, machine: MachineLayout) -> None:
        units.run_checked(*CHECK)
        units.run_checked("systemctl", "reload", "--", self.unit)

    def outdated(self) -> list[str]:
        return upgrading.outdated()

    def upgrade(self, machine: MachineLayout) -> None:
        upgrading.upgrade(machine)

    def rivals(self, machine: MachineLayout, names: Collection[str]) -> list[tuple[str, int, Path]]:
        return rival_sites.find(machine, names)

    def ports(self, app: str, site: str) -> dict[str, int]:
        """Return the first port that a site sends each slot's requests to."""
        # What is mounted has no upstream, and names the port of blue first.
        found = dict(zip(SLOTS, map(int, MOUNTED.findall(site)), strict=False))
        for slot in SLOTS:
            match = re.search(rf"upstream {re.escape(app)}_{slot} \{{[^}}]*?server 127\.0\.0\.1:(\d+)", site)
            if match:
                found[slot] = int(match[1])
        return found

    def default_servers(self, machine: MachineLayout) -> Iterable[Path]:
        return [path for place in rival_sites.PLACES for path in sorted(machine.nginx.glob(place))]

    def logs(self, names: Collection[str]) -> dict[str, Reader]:
        return {
            "access": File("access.log", log_lines.access(names), log_lines.FOLDER),
            "error": File("error.log", log_lines.error(names), log_lines.FOLDER),
        }

    def upstream_errors(self) -> list[str]:
        """Return the last errors that Nginx has written about its upstreams."""
        errors = log_lines.FOLDER / "error.log"
        if not errors.exists():
            return []
        with errors.open("rb") as log:
            log.seek(max(errors.stat().st_size - TAIL_BYTES, 0))
            lines = log.read().decode(errors="replace").splitlines()
        return [line for line in lines if "upstream" in line and "[error]" in line][-LINES:]

    def troubles(self, names: Collection[str], since: float, port: int | None) -> Iterable[Trouble]:
        yield from troubles.errors(log_lines.FOLDER, names, since, port)
        yield from troubles.held_back(log_lines.FOLDER, names, since)
