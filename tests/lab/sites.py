"""A machine whose application is under load: what is done to it meanwhile, and what its clients saw of that."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from homeport.lab.model import LabHost
from tests.lab.clients import SERVICE_RESTART, Target
from tests.lab.commands import settle_data
from tests.lab.load import (
    EVERYTHING,
    FIVE_SECONDS,
    HTTP_2,
    KEEP_ALIVE_GET,
    KEEP_ALIVE_POST,
    NEW_CONNECTION,
    Kind,
    Report,
    load,
)
from tests.lab.project import Project, Seen, until

# What asks at least every second over HTTP/1.1. An HTTP/2 connection is ended by GOAWAY, after which this client sends
# nothing anew by itself; a WebSocket ends with the worker that has it, a minute later.
BUSY = {kind: EVERYTHING[kind] for kind in (KEEP_ALIVE_GET, KEEP_ALIVE_POST, NEW_CONNECTION)}
# Whose requests have all ended, or not begun, when a server is told to stop: no WebSocket, which ends with it.
SHORT = {**BUSY, HTTP_2: EVERYTHING[HTTP_2]}
# The drain must outlast the requests of 5 s. An open WebSocket makes it last as long as it may.
# A request waits for the application almost as long as these clients wait: on a slow computer it takes more than the
# usual 10 s to start one.
SETTINGS: Mapping[str, object] = {
    "workers": 2,
    "drain_timeout_seconds": 6,
    "watch_seconds": 1,
    "keep_releases": 4,
    "hold_seconds": 18,
}
# The lab gives each machine one name.
BESIDE = """from homeport.lab.inventory import inventory

lab = [(host, {**data, "domain": f"beside.{data['domain']}"}) for host, data in inventory()]
"""


@dataclass
class Site:
    """A machine with the notes application, the releases that went live on it, and how its clients reach it."""

    project: Project
    host: LabHost
    seen: Seen
    target: Target
    live: list[str] = field(default_factory=list)

    def run(self, **data: object) -> None:
        """Run pyinfra, have it succeed, and note which release is live now."""
        self.project.deployed(self.host, **SETTINGS, **data)
        self.live.append(self.seen.get("/health")["release"])

    @property
    def unit(self) -> str:
        """Return the unit of the slot that answers."""
        return f"notes@{self.seen.get('/health')['slot']}.service"

    def kill_manager(self) -> str:
        """End the live server's manager as a crash does, and return which process it was; systemd ends its workers."""
        killed = self.seen.property(self.unit, "MainPID")
        self.seen.shell(f"kill -9 {killed}")
        return killed

    def last_words(self) -> str:
        """Return what proxy and application wrote last, to explain a failure."""
        return self.seen.shell(
            "tail -n 30 /var/log/nginx/error.log /var/log/haproxy.log 2>&1;"
            " journalctl -o short-precise --no-pager -n 80 -u 'notes*' -u nginx -u haproxy -u caddy -u traefik"
        )

    def notes(self) -> int:
        """Return how many notes the database has that the load sent."""
        query = "select count(*) from notes where text = 'sent by the load'"
        open_database = "sqlite3.connect('file:/var/lib/notes/notes.sqlite3?mode=ro', uri=True)"
        return int(
            self.seen.shell(f'python3 -c "import sqlite3; print({open_database}.execute(\\"{query}\\").fetchone()[0])"')
        )


def neighbour(site: Site, folder: Path) -> Project:
    """Return a project whose application is to be served beside the site's, under a name and at ports of its own."""
    project = Project.create(folder / "project", site.project.lab, "hello", app_name="beside", watch_seconds=0)
    (project.folder / "inventories" / "lab.py").write_text(BESIDE)
    settle_data(project, port_blue=8011, port_green=8012)
    return project


def each(sites: list[Site], work: Callable[[Site], object]) -> None:
    """Do something to all of these sites at the same time; raise what the first of them raised."""
    with ThreadPoolExecutor(len(sites)) as pool:
        list(pool.map(work, sites))


def under_load(
    sites: list[Site], work: Callable[[Site], object], kinds: Mapping[str, Kind] = EVERYTHING
) -> list[Report]:
    """Do something to these sites while their clients go on, and return what these saw."""
    with ExitStack() as stack:
        reports = [stack.enter_context(load(site.target, kinds)) for site in sites]
        for report in reports:
            every_client_goes_on(report, kinds)
        each(sites, work)
        for report in reports:
            every_client_goes_on(report, kinds)
    return reports


def every_client_goes_on(report: Report, asking: Mapping[str, Kind] = EVERYTHING) -> None:
    """Return when each kind of client has had an answer once more, but for the one that waits five seconds for it."""
    before = Counter(report.answered)
    kinds = [kind for kind in asking if kind != FIVE_SECONDS]
    assert until(lambda: all(report.answered[kind] > before[kind] for kind in kinds), 60), report


def assert_nobody_noticed(site: Site, report: Report, before: int, notes_before: int) -> None:
    """The clients of a site have seen its releases since number `before`, one after another, and lost nothing."""
    print(f"{site.host.name}: {report}")
    assert report.failures == [], f"{report}\n{site.last_words()}"
    assert report.served(NEW_CONNECTION) == site.live[before:]
    assert report.closed == {SERVICE_RESTART: len(site.live) - before - 1}
    assert site.notes() - notes_before == report.answered[KEEP_ALIVE_POST]
