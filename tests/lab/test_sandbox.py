"""The sandbox on a real machine: systemd's own figure for it, what is shut, and applications that fully work in it.

The tests share a machine and go on from one another, in the order in which they stand.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from homeport.lab import Lab
from homeport.lab.model import LabHost
from tests.lab.artefacts import keep
from tests.lab.clients import Target
from tests.lab.commands import settle_data
from tests.lab.load import EVERYTHING, load
from tests.lab.project import Project, Seen, until
from tests.lab.seasoned import Seasoned

pytestmark = pytest.mark.lab
MOST = 1.0
REQUESTS = 200
# What an application may be made to try by who has broken into it.
ATTEMPTS = """

import ctypes
import mmap
import socket
from pathlib import Path


def _namespace() -> None:
    if ctypes.CDLL(None, use_errno=True).unshare(0x10000000):
        raise OSError(ctypes.get_errno(), "unshare")


def _mount() -> None:
    if ctypes.CDLL(None, use_errno=True).mount(b"none", b"/tmp", b"tmpfs", 0, None):
        raise OSError(ctypes.get_errno(), "mount")


def _setuid() -> None:
    path = Path("/tmp/setuid")
    path.touch()
    path.chmod(0o4755)


ATTEMPT = {
    "writes /etc": lambda: Path("/etc/homeport-test").touch(),
    "writes its code": lambda: Path(__file__).touch(),
    "writes /srv/media": lambda: Path("/srv/media/x").touch(),
    "writes its state": lambda: Path(os.environ["STATE_DIRECTORY"], "x").touch(),
    "writes /tmp": lambda: Path("/tmp/x").touch(),
    "reads /root": lambda: list(Path("/root").iterdir()),
    "reads certificates": lambda: list(Path("/etc/letsencrypt").iterdir()),
    "sees process 1": lambda: Path("/proc/1/status").read_text(),
    "sees itself": lambda: Path("/proc/self/status").read_text(),
    "sees the machine's figures": lambda: [Path("/proc", name).read_text() for name in ("stat", "meminfo", "loadavg")],
    "generates code": lambda: mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC),
    "makes a namespace": _namespace,
    "mounts": _mount,
    "makes a setuid file": _setuid,
    "opens a raw socket": lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, 1),
    "opens netlink": lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0),
    "opens a Unix socket": lambda: socket.socket(socket.AF_UNIX),
    "resolves a name": lambda: socket.getaddrinfo("localhost", 80),
}


@app.get("/attempts")
def attempts() -> dict[str, str]:
    found = {}
    for name, attempt in ATTEMPT.items():
        try:
            attempt()
            found[name] = "done"
        except OSError as error:
            found[name] = type(error).__name__
    return found
"""
FIGURES = "sees the machine's figures"
OPEN = {"writes its state", "writes /tmp", "opens a Unix socket", "resolves a name", "sees itself", FIGURES}


@dataclass
class Stage:
    """A machine, and a project with a process and a timer beside its server."""

    project: Project
    host: LabHost
    seen: Seen

    @property
    def units(self) -> list[str]:
        slot = self.seen.get("/health")["slot"]
        return [f"{name}@{slot}.service" for name in ("notes", "notes-migrate", "notes.worker", "notes.digest")]

    def done(self) -> set[str]:
        """Return what the application could do of all that it tried."""
        return {name for name, result in self.seen.get("/attempts").items() if result == "done"}

    def serves_under_load(self) -> None:
        """Have all kinds of requests answered for a while, and none of them badly."""
        with load(Target(self.host.domain, self.host.address, self.seen.lab.directory.ca_file)) as report:
            assert until(lambda: set(report.answered) == set(EVERYTHING) and report.answered.total() > REQUESTS, 60)
        assert report.failures == [], report
        assert set(report.answered) == set(EVERYTHING), report


@pytest.fixture(scope="module")
def stage(lab: Lab, tmp_path_factory: pytest.TempPathFactory, seasoned: Seasoned) -> Iterator[Stage]:
    host = seasoned.add("box")
    project = Project.create(tmp_path_factory.mktemp("box") / "project", lab, "notes", workers=1)
    project.write("main.py", (project.app / "main.py").read_text() + ATTEMPTS)
    timers = {"digest": {"command": "true", "schedule": "daily"}}
    settle_data(project, watch_seconds=0, processes={"worker": "sleep infinity"}, timers=timers)
    project.deployed(host)
    yield Stage(project, host, Seen(lab, host))
    lab.remove(host.name)


def exposure(shown: str) -> float:
    """Return systemd's figure for a unit: 0 is shut, 10 is open."""
    [figure] = re.findall(r"Overall exposure level for \S+: ([\d.]+)", shown)
    return float(figure)


def test_systemd_counts_every_unit_at_most_one_of_ten(stage: Stage) -> None:
    for unit in stage.units:
        shown = stage.seen.shell(f"systemd-analyze security --no-pager {unit}")
        keep(f"systemd-analyze-security-bookworm-{unit}.txt", shown)
        assert exposure(shown) <= MOST, shown


def test_a_newer_systemd_counts_them_the_same(stage: Stage, lab: Lab) -> None:
    host = lab.add("newer", "trixie")
    try:
        for unit in stage.units:
            # The digest unit and the worker have a dot in their names, as they have on the machine.
            text = stage.seen.shell(f"systemctl cat {unit}")
            command = f"sudo sh -c 'cat >/tmp/{unit}; systemd-analyze security --offline=yes --no-pager /tmp/{unit}'"
            done = lab.run(host, command, stdin=text)
            assert done.returncode == 0, done.stderr
            keep(f"systemd-analyze-security-trixie-{unit}.txt", done.stdout)
            assert exposure(done.stdout) <= MOST, done.stdout
    finally:
        lab.remove(host.name)


def test_the_sample_with_sqlite_fully_works_under_load(stage: Stage) -> None:
    stage.serves_under_load()


def test_who_breaks_into_the_application_gets_no_further(stage: Stage) -> None:
    stage.seen.shell("install -d -o notes -g notes /srv/media")
    assert stage.done() == OPEN


def test_the_sample_with_postgresql_over_a_unix_socket_fully_works_and_switches_open_what_they_say(
    stage: Stage,
) -> None:
    stage.project.depend_on("psycopg[binary]")
    database = "runuser -u postgres -- sh -c 'cd / && createuser notes; createdb -O notes notes || true'"
    settle_data(
        stage.project,
        packages=["postgresql"],
        environment={"DATABASE_URL": "postgresql:///notes?host=/run/postgresql"},
        hooks_before_migration=[{"command": database, "user": "root"}],
        sandbox_network="local",
        sandbox_jit=True,
        sandbox_writable_paths=["/srv/media"],
        sandbox_proc="all",
    )
    stage.project.deployed(stage.host)
    count = "runuser -u postgres -- psql -At -c 'select count(*) from notes' notes"
    assert stage.seen.shell(f"cd / && {count}") == "0"
    stage.serves_under_load()
    assert int(stage.seen.shell(f"cd / && {count}")) > 5
    assert stage.done() == OPEN | {"generates code", "writes /srv/media", "sees process 1"}
    allowed = stage.seen.property(stage.units[0], "IPAddressAllow").split()
    assert sorted(allowed) == ["127.0.0.0/8", "::1/128"]
    assert sorted(stage.seen.property(stage.units[0], "IPAddressDeny").split()) == ["0.0.0.0/0", "::/0"]


# The narrowest sandbox is the first test's too, and the database is the one above.
def test_the_sample_with_postgresql_over_tcp_fully_works_in_the_narrowest_sandbox(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    password = secrets.token_hex(16)
    as_postgres = "cd / && runuser -u postgres --"
    stage.seen.shell(f"{as_postgres} psql -q -c \"ALTER ROLE notes PASSWORD '{password}'\"")
    stage.seen.shell(f"{as_postgres} createdb -O notes distant")
    monkeypatch.setenv("DATABASE_URL", f"postgresql://notes:{password}@127.0.0.1:5432/distant")
    settle_data(
        stage.project,
        environment={},
        secrets_from_environment=["DATABASE_URL"],
        sandbox_network="any",
        sandbox_jit=False,
        sandbox_writable_paths=[],
        sandbox_proc="own",
    )
    stage.project.deployed(stage.host)
    stage.serves_under_load()
    ask = f"{as_postgres} psql -At -d distant -c"
    assert int(stage.seen.shell(f"{ask} 'table notes' | wc -l")) > 5
    clients = "select distinct client_addr from pg_stat_activity where datname = 'distant' and usename = 'notes'"
    assert stage.seen.shell(f'{ask} "{clients}"') == "127.0.0.1"
    assert stage.done() == OPEN - {FIGURES}
