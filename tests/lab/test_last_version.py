"""A machine that an earlier version of homeport set up is taken over by this one, while it serves.

Nothing is lost but what each reload of Nginx costs, which closes the connections on which nothing is under way; and it
is reloaded only where the earlier version's configuration was another one.

The earlier version is that of a commit in this repository's history, with the Python environment of this one: what it
depends on is the same.
"""

from __future__ import annotations

import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from homeport.lab import Lab
from homeport.lab.inventory import inventory
from tests import tiers
from tests.lab.clients import Target
from tests.lab.load import EVERYTHING, HTTP_2, NEW_CONNECTION, WEBSOCKET, Failure, load
from tests.lab.project import REPOSITORY, Project, Seen, changes_nothing
from tests.lab.sites import every_client_goes_on

pytestmark = [pytest.mark.lab, pytest.mark.one_suite]
# The last ones before copies and records of what was there, before firewall and sshd were asked for everybody, before
# the host program had folders and a machine records of its values and its proxy, and before Traefik and Supervisor.
VERSIONS = {"2026-11-27": "f9eb999", "2026-11-28": "2241bbb", "2026-11-29": "a982390", "2026-11-30": "e21c83c5"}
*OLDER, NEWEST = sorted(VERSIONS)
# An open WebSocket makes the drain last as long as it may, and requests of five seconds need that.
DRAIN_SECONDS = 6
HOST = "inherited"
# worker_shutdown_timeout of templates/nginx/nginx.conf.
WORKER_SHUTDOWN_SECONDS = 60
# Before a reload Nginx waits up to a minute for connections that no header ends.
QUICK = {kind: one for kind, one in EVERYTHING.items() if kind not in (HTTP_2, WEBSOCKET)}
# What a client says of a connection that was closed before it sent, as Python and httpx have it.
CLOSED = (
    "RemoteDisconnected",
    "SSLEOFError",
    "ConnectionResetError",
    "BrokenPipeError",
    "ConnectionTerminated",
    "sent 2 times",
)


@pytest.fixture(params=[*(pytest.param(one, marks=pytest.mark.sampled) for one in OLDER), NEWEST])
def earlier(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """The files of an earlier version."""
    commit, folder = VERSIONS[request.param], tmp_path / "earlier"
    folder.mkdir()
    packed = subprocess.run(["git", "archive", commit], cwd=REPOSITORY, capture_output=True, check=False)
    if packed.returncode:
        pytest.skip(f"this clone lacks commit {commit}, whose version sets the machine up: git fetch --unshallow")
    subprocess.run(["tar", "-x", "-C", folder], input=packed.stdout, check=True)
    return folder


@pytest.fixture
def project(lab: Lab, tmp_path: Path, earlier: Path) -> Iterator[Project]:
    """A project on a bare machine that the earlier version has deployed."""
    host = lab.add(HOST)
    project = Project.of_version(earlier, tmp_path / "project", lab, drain_timeout_seconds=DRAIN_SECONDS)
    # An earlier version does not read today's labs.
    reached = [entry for entry in inventory(lab.directory) if entry[0] == HOST]
    (project.folder / "inventories/lab.py").write_text(f"lab = {reached!r}\n")
    project.deployed(host)
    yield project
    lab.remove(HOST)


@dataclass(frozen=True)
class Reload:
    """When Nginx was told to read its configuration, and when it had: seconds since the epoch."""

    began: float
    ended: float

    def cut(self, failure: Failure) -> bool:
        """Tell whether a failure is what a reload costs: a kept connection on which nothing was under way.

        A WebSocket goes on with the old worker, which ends a while after the reload (docs/architecture.md).
        """
        if failure.kind == WEBSOCKET and "no close frame" in failure.reason:
            return abs(failure.at - self.ended - WORKER_SHUTDOWN_SECONDS) < 5
        closed = any(word in failure.reason for word in CLOSED) and failure.kind != NEW_CONNECTION
        return closed and self.began - 1 < failure.at < self.ended + 1


def reloads(seen: Seen, since: float) -> list[Reload]:
    """Return the reloads of Nginx since then, as systemd has noted them."""
    said = seen.shell(f"journalctl -u nginx _PID=1 -o short-unix --no-pager --since=@{since:.0f}").splitlines()
    at = {
        word: [moment for line in said if f": {word} nginx" in line and (moment := float(line.split()[0])) >= since]
        for word in ("Reloading", "Reloaded")
    }
    return [Reload(*both) for both in zip(at["Reloading"], at["Reloaded"], strict=True)]


def test_a_machine_of_an_earlier_version_is_taken_over_while_it_serves(project: Project) -> None:
    kinds = EVERYTHING if tiers.EVERYTHING else QUICK
    lab, host = project.lab, project.lab.host(HOST)
    seen, target = Seen(lab, host), Target(host.domain, host.address, lab.directory.ca_file)
    serves, began = seen.get("/health")["release"], time.time()
    project.toolkit = REPOSITORY
    (project.folder / "deploy.py").write_text((REPOSITORY / "deploy.py").read_text())
    with load(target, kinds) as report:
        every_client_goes_on(report, kinds)
        project.deployed(host)
        every_client_goes_on(report, kinds)
    after, read = seen.get("/health")["release"], reloads(seen, began)
    print(report, read)
    # For what all sites share, and for the site itself.
    assert len(read) <= 2
    for one in read:
        cut = [failure.kind for failure in report.failures if one.cut(failure)]
        assert all(number <= EVERYTHING[kind].clients for kind, number in Counter(cut).items()), report
    assert [failure for failure in report.failures if not any(one.cut(failure) for one in read)] == [], report
    assert report.served(NEW_CONNECTION) == list(dict.fromkeys((serves, after)))

    assert changes_nothing(project.deployed(host))
    assert seen.get("/health")["release"] == after
    if after != serves:
        project.deployed(host, release="previous", accept_migrations="true")
        assert seen.get("/health")["release"] == serves
