"""Every change of a running site's settings, and every routine, under a steady load: nobody notices.

The rows are in tests/lab/routines.py. `make test` puts a few groups of them through, and others by the seed; under
`make test-kill` all are put through, there and back, with clients of all kinds. A group that has lost a request is gone
through again, row by row, so that the error names the one that it was. Each holds without the others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import pytest

from homeport.lab import Lab
from tests.certificates.pairs import Authority
from tests.lab.clients import CUT, Target
from tests.lab.commands import homeport, settle_data
from tests.lab.kill_points import EVERYWHERE
from tests.lab.load import EVERYTHING, WEBSOCKET, Kind, Report, load
from tests.lab.project import Project, Seen, until
from tests.lab.routines import CORE, IN_HASTE, RELOADING, Row, groups, rows_of, united
from tests.lab.seasoned import Seasoned
from tests.lab.sites import BUSY, Site, every_client_goes_on, neighbour
from tests.lab.visitors import CURL, RARELY, TWICE_A_SECOND, is_of_http_2, losses, saved

pytestmark = [pytest.mark.lab, pytest.mark.either_suite]
# As in tests/lab/sites.py: a slow computer takes more than the usual 10 s to start the application.
BASE = {"workers": 2, "drain_timeout_seconds": 2, "watch_seconds": 1, "keep_releases": 4, "hold_seconds": 18}
# As often as the load has it, so that a gap of some milliseconds meets one.
ALL: Mapping[str, Kind] = {
    **BUSY,
    CURL: TWICE_A_SECOND[CURL],
    WEBSOCKET: replace(TWICE_A_SECOND[WEBSOCKET], interval_seconds=EVERYTHING[WEBSOCKET].interval_seconds),
}
# Its client speaks TLS 1.2 alone (tests/lab/clients.py).
NO_WEBSOCKET = ("TLS profile",)
WORKERS = "pgrep -xf 'nginx: worker process' | sort"
Step = tuple[str, Callable[[], object]]


@dataclass
class Stage:
    """A machine that serves, the project that deploys to it, and where the application is that comes beside it."""

    site: Site
    settled: str
    folder: Path

    @property
    def name(self) -> str:
        return self.site.host.name

    def deploy(self, **settings: object) -> None:
        """Deploy with these settings besides the first ones, whatever was set in between."""
        (self.site.project.folder / "group_data" / "lab.py").write_text(self.settled)
        settle_data(self.site.project, **settings)
        self.site.project.deployed(self.site.host)

    def homeport(self, *words: str, project: Project | None = None) -> None:
        """Run a command for this machine, and have it succeed."""
        command, *rest = words
        done = homeport(project or self.site.project, command, "lab", "--limit", self.name, *rest)
        assert done.returncode == 0, done.stdout

    def need(self, names: tuple[str, ...]) -> None:
        """Have the application depend on these."""
        present = (self.site.project.app / "requirements.in").read_text().split()
        for name in names:
            if name not in present:
                self.site.project.depend_on(name)


@pytest.fixture(scope="module", params=["bookworm", "trixie"])
def stage(
    request: pytest.FixtureRequest, lab: Lab, tmp_path_factory: pytest.TempPathFactory, seasoned: Seasoned
) -> Iterator[Stage]:
    host, folder = seasoned.add(f"routine-{request.param}", request.param), tmp_path_factory.mktemp("routine")
    project = Project.create(folder / "project", lab, "notes", migrate_on=host.name)
    for path in ("files/a.txt", "files/error.html", "frontend/index.html"):
        project.write(path, "a file")
    (project.folder / "secrets.env").write_text("TOKEN=1\n")
    settle_data(project, **BASE)
    trusted = provide_certificate(project, lab, host.domain)
    site = Site(project, host, Seen(lab, host), Target(host.domain, host.address, trusted))
    project.deployed(host)
    yield Stage(site, (project.folder / "group_data" / "lab.py").read_text(), folder)
    lab.remove(host.name)


def provide_certificate(project: Project, lab: Lab, domain: str) -> Path:
    """Put a certificate for the domain into the project; return a file of the authorities that its visitors trust."""
    authority, place = Authority(), project.folder / "tls"
    pair = authority.issue(domain)
    place.mkdir()
    (place / "chain.pem").write_text(pair.chain)
    (place / "key.pem").write_text(pair.key)
    trusted = place / "trusted.pem"
    trusted.write_text(lab.directory.ca_file.read_text() + authority.pem)
    return trusted


@pytest.mark.parametrize(
    "group", [pytest.param(one, marks=() if one in CORE else pytest.mark.sampled) for one in groups()]
)
def test_a_routine_loses_no_request(stage: Stage, group: str) -> None:
    rows = rows_of(group)
    lost = put_through(stage, rows)
    if lost and len(rows) > 1:
        lost = "\n".join(filter(None, (put_through(stage, [row]) for row in rows))) or f"only together:\n{lost}"
    assert not lost, lost


def put_through(stage: Stage, rows: list[Row]) -> str:
    """Put the site through these rows under load; return what was lost that none of them names, "" for nothing."""
    for row in rows:
        stage.need(row.needs)
    group, names = rows[0].group, ", ".join(row.name for row in rows)
    steps = ROUTINES[group](stage) if group in ROUTINES else deploys(stage, rows)
    found = []
    for number, (label, act) in enumerate(steps):
        found.append(taken(stage, rows, f"{names}: {label}", clients(group, number), act))
    return "\n".join(filter(None, found))


def clients(group: str, step: int) -> Mapping[str, Kind]:
    """Return who asks meanwhile: of a group's reloads the first has all kinds, which make it wait for a minute."""
    if group in RELOADING and (step or not EVERYWHERE):
        return BUSY
    rarely = RARELY if group in RELOADING and group not in IN_HASTE else {}
    return {**{kind: ALL[kind] for kind in ALL if kind != WEBSOCKET or group not in NO_WEBSOCKET}, **rarely}


def taken(stage: Stage, rows: list[Row], label: str, kinds: Mapping[str, Kind], act: Callable[[], object]) -> str:
    """Take one step under load; return what was lost that no row names."""
    seen = stage.site.seen
    before = seen.shell(WORKERS)
    with load(stage.site.target, kinds) as report:
        every_client_goes_on(report, kinds)
        act()
        every_client_goes_on(report, kinds)
    reloaded = seen.shell(WORKERS) != before
    print(f"{label} ({'Nginx was reloaded' if reloaded else 'no reload'}): {told(report)}")
    lost = saved(report) if rows[0].group in IN_HASTE else report.failures
    failures = [
        one for one in lost if not any(row.allows(one) for row in rows) and not (reloaded and is_of_http_2(one))
    ]
    named = reloaded or any(row.lost for row in rows)
    if not failures and (named or not report.closed[CUT]):
        return ""
    return f"{label} lost:\n{replace(report, failures=failures)}\n{stage.site.last_words()}"


def told(report: Report) -> str:
    return f"{losses(report)}; WebSockets closed: {dict(report.closed)}"


def deploys(stage: Stage, rows: list[Row]) -> list[Step]:
    """Return the deploys that make a change and take it back, which `make test` leaves to the next group."""
    there = partial(stage.deploy, **united(rows, stage.site.host.domain))
    steps: list[Step] = [("set", there), ("set back", stage.deploy)]
    # The next group would have to wait for its reload, with more clients.
    reloads = rows[0].group in RELOADING
    return steps if EVERYWHERE or reloads or len(rows) == 1 else steps[:1]


def restart(stage: Stage, *words: str) -> list[Step]:
    return [("restarted", partial(stage.homeport, "restart", *words))] * (3 if EVERYWHERE else 1)


def scale(stage: Stage) -> list[Step]:
    def to(number: str) -> Step:
        return f"to {number}", partial(stage.homeport, "scale", number, "--once", "--yes")

    return [to(number) for number in ("3", "1", "2")]


def maintenance(stage: Stage) -> list[Step]:
    def on_and_off() -> None:
        stage.homeport("maintenance", "on", "-m", "we move")
        try:
            assert "Back soon" in stage.site.seen.curl("/").stdout
        finally:
            stage.homeport("maintenance", "off")

    return [("on and off", on_and_off)]


def renewal_at_once(stage: Stage) -> list[Step]:
    return [("renewed", partial(renewed, stage, partial(stage.homeport, "cert", "--renew", "--yes")))]


def renewal(stage: Stage) -> list[Step]:
    # As the timer's service does when it is due.
    command = "certbot renew --force-renewal --no-random-sleep-on-renew"
    return [("renewed", partial(renewed, stage, partial(stage.site.seen.shell, command)))]


def renewed(stage: Stage, act: Callable[[], object]) -> None:
    before = stage.site.seen.serial()
    act()
    assert until(lambda: stage.site.seen.serial() != before)


def rollback(stage: Stage) -> list[Step]:
    """To a release with another site, for which Nginx is reloaded in haste, and forth again."""
    stage.deploy(client_max_body_megabytes=4)
    stage.deploy()
    back = partial(stage.homeport, "rollback", "--yes")
    return [("back", back), ("forth", back)]


def beside(stage: Stage) -> list[Step]:
    other = neighbour(stage.site, stage.folder / "beside")
    come = partial(other.deployed, stage.site.host)
    change = partial(other.deployed, stage.site.host, client_max_body_megabytes=4)
    go = partial(stage.homeport, "remove", "--yes", project=other)
    return [("another comes", come), ("it changes", change), ("it goes", go)]


def questions(stage: Stage) -> list[Step]:
    asked = ("status", "doctor", "logs", "releases", "check")
    return [(one, partial(stage.homeport, one)) for one in asked]


def ports(stage: Stage) -> list[Step]:
    """The live slot's port cannot change: first the idle one's, and so for the way back."""
    idle = "green" if stage.site.seen.get("/health")["slot"] == "blue" else "blue"
    changed = {f"port_{idle}": 8021}
    return [
        ("another", partial(stage.deploy, **changed)),
        ("a release with it", partial(stage.deploy, **changed, environment={"PORTS": "others"})),
        ("the first again", stage.deploy),
    ]


def dependencies(stage: Stage) -> list[Step]:
    return [("installed", stage.deploy)]


ROUTINES: Mapping[str, Callable[[Stage], list[Step]]] = {
    "ports": ports,
    "restart": restart,
    "restart in the other slot": lambda stage: restart(stage, "--new-slot"),
    "scale": scale,
    "maintenance": maintenance,
    "renewal at once": renewal_at_once,
    "renewal": renewal,
    "rollback": rollback,
    "neighbour": beside,
    "questions": questions,
    "dependencies": dependencies,
}
