"""`supervisor = "supervisor"`: supervisord runs the application with the promises that it has with systemd.

The tests go on from one another, in the order in which they stand.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from homeport.lab import Lab
from tests.lab.clients import KeptConnection, NewConnection, Target
from tests.lab.commands import findings, homeport, settle_data
from tests.lab.load import KEEP_ALIVE_GET, KEEP_ALIVE_POST, NEW_CONNECTION, Kind, load
from tests.lab.project import Project, Seen, changes_nothing, until
from tests.lab.seasoned import Seasoned

pytestmark = [pytest.mark.lab, pytest.mark.one_suite]
WORKERS, MEGABYTES = 2, 600
LIMIT = ("--limit", "supervisor")
MAIN = """
import os
from contextlib import asynccontextmanager

from fastapi import FastAPI

if "BROKEN" in os.environ:
    raise RuntimeError("the licence is missing")


@asynccontextmanager
async def lifespan(app):
    yield
    print("ends", os.getpid(), flush=True)


app = FastAPI(lifespan=lifespan)


@app.get("/health")
def health():
    return {
        "release": os.environ["HOMEPORT_RELEASE"],
        "slot": os.environ["HOMEPORT_SLOT"],
        "secret": os.environ.get("SECRET"),
        "migrations": open(os.environ["STATE_DIRECTORY"] + "/migrations").read().count("x"),
        "user": os.getuid(),
    }


@app.post("/notes", status_code=201)
def note():
    return health()
"""
MIGRATE = 'printf x >>"$STATE_DIRECTORY/migrations"'
WORKER = "while :; do sleep 0.1; done"
KINDS = {
    KEEP_ALIVE_GET: Kind(2, 0.05, lambda target: KeptConnection(target, "GET", "/health")),
    KEEP_ALIVE_POST: Kind(1, 0.1, lambda target: KeptConnection(target, "POST", "/notes")),
    NEW_CONNECTION: Kind(1, 0.2, lambda target: NewConnection(target, "GET", "/health")),
}
# While supervisord takes over, requests wait.
WAITING = {NEW_CONNECTION: KINDS[NEW_CONNECTION]}


@dataclass
class Stage:
    """A machine whose application supervisord runs."""

    project: Project
    seen: Seen

    def deployed(self, **data: object) -> str:
        return self.project.deployed(self.seen.host, **data)

    def deploy(self, **data: object) -> subprocess.CompletedProcess[str]:
        return self.project.deploy(self.seen.host, **data)

    def get(self) -> Any:
        return self.seen.get("/health")

    def slot(self) -> str:
        return str(self.get()["slot"])

    def pid(self, program: str) -> str:
        """Return the process of a program, as supervisord says it; "0": it has none."""
        return self.seen.shell(f"supervisorctl pid {program} || :")

    def state(self, program: str) -> str:
        """Return what supervisord says of a program."""
        return self.seen.shell(f"supervisorctl status {program} || :").split()[1]

    def workers(self, slot: str) -> set[str]:
        """Return the children of the server's manager that serve."""
        return set(self.seen.shell(f"pgrep -P {self.pid(f'app@{slot}')} -f spawn_main || :").split())

    def status(self) -> Any:
        return json.loads(self.seen.shell("/usr/local/lib/homeport/homeport-host status --app app"))

    @property
    def target(self) -> Target:
        host = self.seen.host
        return Target(host.domain, host.address, self.seen.lab.directory.ca_file, self.seen.https_port)


@pytest.fixture(scope="module")
def stage(lab: Lab, seasoned: Seasoned, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    host = seasoned.add("supervisor")
    data: dict[str, object] = {"app_name": "app", "supervisor": "supervisor", "workers": WORKERS}
    data |= {"migrate_command": MIGRATE, "drain_timeout_seconds": 3, "memory_max_megabytes": MEGABYTES}
    data |= {"processes": {"worker": WORKER}}
    project = Project.create(tmp_path_factory.mktemp("supervisor") / "project", lab, "hello", **data)
    settle_data(project)
    project.write("main.py", MAIN)
    yield Stage(project, Seen(lab, host))
    lab.remove("supervisor")


def test_a_first_deploy_is_run_by_supervisord_and_by_no_unit(stage: Stage) -> None:
    stage.deployed()
    assert stage.get()["migrations"] == 1
    assert stage.state("app@blue") == "RUNNING"
    assert stage.state("app.worker@blue") == "RUNNING"
    assert len(stage.workers("blue")) == WORKERS
    assert stage.seen.shell("ls /etc/systemd/system | grep '^app' || :") == ""
    assert stage.seen.shell(f"ps -o user= -p {stage.pid('app@blue')}") == "app"
    assert stage.seen.shell(f"ps -o args= -p {stage.pid('app.worker@blue')}").startswith("/bin/sh -euc while")


def test_a_second_run_changes_nothing(stage: Stage) -> None:
    assert changes_nothing(stage.deployed())


def test_it_has_the_rights_and_limits_of_its_user_and_no_more(stage: Stage) -> None:
    pid = stage.pid("app@blue")
    status = stage.seen.shell(f"cat /proc/{pid}/status")
    fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert fields["NoNewPrivs"] == "1"
    assert {fields[name] for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {"0" * 16}
    assert fields["Umask"] == "0077"
    assert "SUPERVISOR" not in stage.seen.shell(f"tr '\\0' '\\n' </proc/{pid}/environ")
    assert stage.seen.property("app:blue.scope", "MemoryMax") == str(MEGABYTES * 2**20)
    assert stage.seen.shell(f"cat /proc/{pid}/cgroup | grep -c app:blue.scope") != "0"


def test_a_worker_that_is_killed_is_replaced_by_its_manager(stage: Stage) -> None:
    manager, before = stage.pid("app@blue"), stage.workers("blue")
    killed = min(before)
    stage.seen.shell(f"kill -9 {killed}")
    assert until(lambda: len(stage.workers("blue") - {killed}) == WORKERS)
    assert stage.pid("app@blue") == manager


def test_a_manager_that_is_killed_is_started_again_without_a_migration(stage: Stage) -> None:
    manager, worker = stage.pid("app@blue"), stage.pid("app.worker@blue")
    stage.seen.shell(f"kill -9 {manager}")
    assert until(lambda: stage.pid("app@blue") not in (manager, "0") and stage.seen.answers())
    assert until(lambda: stage.status()["slots"]["blue"]["active_state"] == "active")
    assert stage.status()["slots"]["blue"]["restarts"] == 1
    assert stage.get()["migrations"] == 1
    assert stage.pid("app.worker@blue") == worker
    said = stage.seen.shell("journalctl --sync; journalctl -q -o cat -u app@blue -u app:blue.scope")
    assert "Main process exited, code=killed, status=9" in said


def test_a_supervisord_that_is_killed_comes_back_and_takes_over(stage: Stage) -> None:
    supervisord, manager = stage.seen.property("supervisor", "MainPID"), stage.pid("app@blue")
    with load(stage.target, WAITING) as report:
        assert until(lambda: sum(report.answered.values()) > 20)
        stage.seen.shell(f"kill -9 {supervisord}")
        assert until(lambda: stage.seen.property("supervisor", "MainPID") not in (supervisord, "0"))
        assert until(lambda: stage.pid("app@blue") not in ("", "0", manager))
        assert until(lambda: stage.status()["slots"]["blue"]["active_state"] == "active")
    print(report)
    assert stage.get()["migrations"] == 1
    # One server, and one worker: what the killed one had left has ended.
    assert len(stage.workers("blue")) == WORKERS
    assert stage.seen.shell("pgrep -u app -c -f 'while :; do sleep'") == "1"
    assert stage.seen.shell(f"test -e /proc/{manager} && echo there || :") == ""


def test_a_release_under_load_loses_no_request_and_the_old_one_ends_well(stage: Stage) -> None:
    old = stage.workers("blue")
    stage.project.write("NEWS.txt", "another release")
    with load(stage.target, KINDS) as report:
        assert until(lambda: sum(report.answered.values()) > 50)
        stage.deployed()
    print(report)
    assert sum(report.answered.values()) > 50
    assert not report.lost, str(report)
    assert len(report.served(KEEP_ALIVE_GET)) == 2
    assert stage.slot() == "green"
    assert stage.get()["migrations"] == 2
    assert until(lambda: stage.state("app@blue") == "STOPPED")
    assert stage.state("app.worker@blue") == "STOPPED"
    assert stage.state("app.worker@green") == "RUNNING"
    ended = stage.seen.shell("journalctl --sync; journalctl -q -o cat -u app:blue.scope | grep '^ends ' || :")
    assert old <= {line.split()[1] for line in ended.splitlines()}


def test_a_failing_migration_leaves_the_old_release_serving(stage: Stage) -> None:
    before = stage.get()
    result = stage.deploy(migrate_command="echo the table is locked; exit 3")
    assert result.returncode == 1, result.stdout
    assert "the migration failed (status 3)" in result.stdout
    assert "the table is locked" in result.stdout
    assert stage.get() == before
    assert stage.state("app@blue") == "STOPPED"


def test_a_release_that_dies_as_it_starts_is_never_live_and_its_cause_is_told(stage: Stage) -> None:
    before = stage.get()
    result = stage.deploy(environment=json.dumps({"BROKEN": "1"}))
    assert result.returncode == 1, result.stdout
    assert "RuntimeError: the licence is missing" in result.stdout
    assert stage.get() == before
    assert stage.state("app@blue") == "STOPPED"


def test_after_a_boot_only_the_live_slot_runs(stage: Stage) -> None:
    before = stage.get()
    stage.seen.lab.reboot(stage.seen.host, hard=True)
    assert until(stage.seen.answers)
    # As at each boot with systemd: the migration runs before the application does.
    assert stage.get() == {**before, "migrations": before["migrations"] + 1}
    assert until(lambda: stage.state("app.worker@green") == "RUNNING")
    assert stage.pid("app@blue") == "0"
    assert changes_nothing(stage.deployed())


def test_a_rollback_goes_back_and_migrates_nothing(stage: Stage) -> None:
    before = stage.get()
    result = stage.project.pyinfra(stage.seen.host.name, "-y", release="previous")
    assert result.returncode == 0, result.stdout
    assert stage.get()["release"] != before["release"]
    assert stage.get()["migrations"] == before["migrations"]


def test_a_crash_loop_ends_and_status_and_doctor_tell_it(stage: Stage) -> None:
    slot = stage.slot()
    stage.seen.shell(f"mv /srv/app/slots/{slot}/main.py /srv/app/main.away")
    stage.seen.shell(f"kill -9 {stage.pid(f'app@{slot}')}")
    assert until(lambda: (stage.status()["slots"][slot]["retry"] or {}).get("what") == "application")
    state = stage.status()["slots"][slot]
    assert state["restarts"] <= 5
    assert "did not become healthy" in state["retry"]["reason"] or "exited" in state["retry"]["reason"]
    told = findings(stage.project, stage.seen.host.name)
    assert "app_crash_loop" in {one["id"] for one in told}, told
    stage.seen.shell(f"mv /srv/app/main.away /srv/app/slots/{slot}/main.py")
    assert until(stage.seen.answers)
    assert until(lambda: stage.status()["slots"][slot]["retry"] is None)


def test_a_removal_leaves_nothing_with_supervisord(stage: Stage) -> None:
    done = homeport(stage.project, "remove", "lab", *LIMIT, "--yes")
    assert done.returncode == 0, done.stdout
    assert stage.seen.shell("supervisorctl status | grep app || :") == ""
    assert stage.seen.shell("ls /etc/supervisor/conf.d /run/homeport/programs 2>/dev/null | grep app || :") == ""
    assert stage.seen.shell("pgrep -u app || :") == ""
    left = "'app@*' 'app:*' 'app.*' 'homeport-retry@app*'"
    assert stage.seen.shell(f"systemctl list-units --all --plain --no-legend {left}") == ""
