"""gunicorn, granian, Hypercorn and uvicorn as servers: the promises of `fastapi run`, on a machine with one of each.

The tests go on from one another, in the order in which they stand.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from homeport.lab import Lab
from homeport.lab.model import LabHost
from tests.lab.api_pages import assert_pages_load
from tests.lab.clients import KeptConnection, NewConnection, Target
from tests.lab.load import KEEP_ALIVE_GET, KEEP_ALIVE_POST, NEW_CONNECTION, Kind, Report, load
from tests.lab.project import Project, Seen, until
from tests.lab.seasoned import Seasoned

pytestmark = [pytest.mark.lab, pytest.mark.one_suite]
WORKERS = 3
NEEDS = "gunicorn\nuvicorn-worker\n"
MAIN = """
import os
import time
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request

MODEL = b"x" * (int(os.environ.get("MODEL_MEGABYTES", "0")) * 2**20)
if "SOME_DIE" in os.environ:
    with open(os.environ["STATE_DIRECTORY"] + "/begun", "a") as begun:
        begun.write("x")
    if os.stat(os.environ["STATE_DIRECTORY"] + "/begun").st_size > 2:
        print("this worker has no licence", flush=True)
        os._exit(9)


@asynccontextmanager
async def lifespan(app):
    print(f"begins {os.getpid()}", flush=True)  # in one piece, or those of two workers are mixed
    if "NO_DATABASE" in os.environ:
        raise RuntimeError("the database is not there")
    yield
    print(f"ends {os.getpid()}", flush=True)


def create():
    app = FastAPI(lifespan=lifespan, root_path=os.environ.get("PREFIX", ""))

    @app.get("/health")
    def health():
        return {"release": os.environ["HOMEPORT_RELEASE"], "slot": os.environ["HOMEPORT_SLOT"], "pid": os.getpid()}

    @app.post("/notes", status_code=201)
    def note():
        return health()

    @app.get("/hang")
    async def hang():
        time.sleep(1000)

    @app.get("/whoami")
    def whoami(request: Request):
        return {"client": request.client.host, "scheme": request.url.scheme}

    return app
"""
# What a switch may not lose a request of. The site of each has its own certificate, which does not matter here.
KINDS = {
    KEEP_ALIVE_GET: Kind(2, 0.05, lambda target: KeptConnection(target, "GET", "/health")),
    KEEP_ALIVE_POST: Kind(1, 0.1, lambda target: KeptConnection(target, "POST", "/notes")),
    NEW_CONNECTION: Kind(1, 0.2, lambda target: NewConnection(target, "GET", "/health")),
}
# A request that comes just as a worker ends may be lost, if it cannot be sent again: that is said of the setting.
REPEATABLE = {kind: KINDS[kind] for kind in (KEEP_ALIVE_GET, NEW_CONNECTION)}


@dataclass
class Stage:
    """A machine on which an application named after its server is served."""

    server: str
    project: Project
    seen: Seen
    name: str

    def deployed(self, **data: object) -> str:
        return self.project.deployed(self.seen.host, **data)

    def get(self, path: str) -> Any:
        return self.seen.get(path, name=self.name)

    def page(self, path: str) -> str:
        return self.seen.curl(path, "--fail", name=self.name).stdout

    def unit(self) -> str:
        return f"{self.server}@{self.get('/health')['slot']}.service"

    def workers(self) -> set[str]:
        """Return the manager's children that run the server, as the kernel has them."""
        manager = self.seen.property(self.unit(), "MainPID")
        how = "spawn_main" if self.server in ("uvicorn", "hypercorn") else f"bin/{self.server}"
        return set(self.seen.shell(f"pgrep -P {manager} -f {how} || :").split())

    def told(self) -> list[int]:
        """Return the workers of the slot that serves, as homeport's status has them."""
        slot = self.get("/health")["slot"]
        status = json.loads(self.seen.shell(f"/usr/local/lib/homeport/homeport-host status --app {self.server}"))
        return list(status["slots"][slot]["workers"])

    def printed(self, word: str) -> list[str]:
        """Return which processes have printed this word, by the journal."""
        units = f"-u {self.server}@blue -u {self.server}@green"
        lines = self.seen.shell(f"journalctl --sync; journalctl -q -o cat {units} | grep '^{word} ' || :")
        return [line.split()[1] for line in lines.splitlines()]

    @property
    def target(self) -> Target:
        return Target(self.name, self.seen.host.address, self.seen.lab.directory.ca_file, self.seen.https_port)


@pytest.fixture(scope="module")
def host(lab: Lab, seasoned: Seasoned) -> Iterator[LabHost]:
    yield seasoned.add("servers")
    lab.remove("servers")


def drawn(*servers: str) -> list[Any]:
    """Return these as parameters, all tests of each of which are drawn together."""
    return [pytest.param(one, marks=pytest.mark.sampled(one)) for one in servers]


@pytest.fixture(scope="module", params=drawn("gunicorn", "granian", "hypercorn", "uvicorn"))
def stage(request: pytest.FixtureRequest, lab: Lab, host: LabHost, tmp_path_factory: pytest.TempPathFactory) -> Stage:
    server, first = request.param, request.param == "gunicorn"
    name = host.domain if first else f"{server}.{host.domain}"
    port = {"gunicorn": 8001, "granian": 8011, "hypercorn": 8021, "uvicorn": 8031}[server]
    ports = {} if first else {"port_blue": port, "port_green": port + 1}
    data = {"app_name": server, "server": server, "domain": name, "workers": WORKERS, **ports}
    data |= {"app_entrypoint": "main:create()", "drain_timeout_seconds": 3}
    project = Project.create(tmp_path_factory.mktemp(server) / "project", lab, "hello", **data)
    project.write("main.py", MAIN)
    with (project.app / "requirements.in").open("a") as file:
        file.write(NEEDS)
    project.depend_on("granian\nhypercorn")
    return Stage(server, project, Seen(lab, host), name)


def lost(report: Report) -> str:
    """Return what was lost, "" for nothing; nothing that was asked is no proof."""
    assert sum(report.answered.values()) > 50, str(report)
    return str(report) if report.lost else ""


def test_a_first_deploy_is_live_with_all_of_its_workers(stage: Stage) -> None:
    stage.deployed()
    workers = stage.workers()
    assert len(workers) == WORKERS
    assert set(map(str, stage.told())) == workers
    assert set(stage.printed("begins")) == workers
    assert_pages_load(stage.page)
    # The whole manager's command, and nothing that was written by it into the application's state.
    assert stage.seen.shell(f"ls -A /var/lib/{stage.server}") == ""


def test_the_client_is_who_the_proxy_says_and_nobody_else(stage: Stage) -> None:
    forged = ("-H", "X-Forwarded-For: 203.0.113.9", "-H", "X-Forwarded-Proto: http", "-H", "Forwarded: for=203.0.113.9")
    plain = json.loads(stage.seen.curl("/whoami", "--fail", name=stage.name).stdout)
    assert plain["scheme"] == "https"
    assert plain["client"] != "127.0.0.1"
    assert json.loads(stage.seen.curl("/whoami", "--fail", *forged, name=stage.name).stdout) == plain


def test_a_release_under_load_loses_no_request_and_the_old_workers_end_well(stage: Stage) -> None:
    old = stage.workers()
    stage.project.write("NEWS.txt", "another release")
    with load(stage.target, KINDS) as report:
        assert until(lambda: sum(report.answered.values()) > 50)
        stage.deployed(environment=json.dumps({"PREFIX": "/v1"}))
    assert not lost(report), f"{report}"
    assert len(report.served(KEEP_ALIVE_GET)) == 2
    assert old <= set(stage.printed("ends"))
    assert not stage.workers() & set(stage.printed("ends"))
    assert_pages_load(stage.page, "/v1")


def test_a_worker_that_is_killed_is_replaced_and_counted(stage: Stage) -> None:
    manager, before = stage.seen.property(stage.unit(), "MainPID"), stage.workers()
    killed = sorted(before)[0]
    stage.seen.shell(f"kill -9 {killed}")
    assert until(lambda: len(stage.workers() - {killed}) == WORKERS)
    assert until(lambda: set(map(str, stage.told())) == stage.workers())
    if stage.server == "hypercorn":
        # Its manager ends with the others, which finish what they have, and systemd starts it again.
        assert before - {killed} <= set(stage.printed("ends"))
        assert stage.seen.property(stage.unit(), "MainPID") != manager
        return
    assert stage.workers() > before - {killed}
    assert stage.seen.property(stage.unit(), "MainPID") == manager


def test_a_release_whose_lifespan_fails_is_never_live(stage: Stage) -> None:
    before = stage.get("/health")["release"]
    result = stage.project.deploy(stage.seen.host, environment=json.dumps({"NO_DATABASE": "1"}))
    assert result.returncode == 1, result.stdout
    # granian ends when a worker fails within 5.5 s of its start, and else starts another one: the gate gives that up.
    assert re.search("the process exited before it was healthy|it did not become healthy", result.stdout)
    assert "the database is not there" in result.stdout
    assert stage.get("/health")["release"] == before
    assert len(stage.workers()) == WORKERS


def test_a_release_some_of_whose_workers_die_is_never_live(stage: Stage) -> None:
    before = stage.get("/health")["release"]
    result = stage.project.deploy(stage.seen.host, environment=json.dumps({"SOME_DIE": "yes"}))
    assert result.returncode == 1, result.stdout
    assert "this worker has no licence" in result.stdout
    assert stage.get("/health")["release"] == before


def test_each_worker_ends_its_lifespan_when_the_slot_is_stopped(stage: Stage) -> None:
    unit, old = stage.unit(), stage.workers()
    stage.seen.shell(f"systemctl stop {unit}")
    assert old <= set(stage.printed("ends"))
    assert stage.seen.property(unit, "Result") == "success"
    stage.seen.shell(f"systemctl start {unit}")
    assert until(lambda: len(stage.workers()) == WORKERS)


def test_a_restart_gives_all_workers_anew_without_a_lost_request(stage: Stage) -> None:
    old, release = stage.workers(), stage.get("/health")["release"]
    with load(stage.target, KINDS) as report:
        assert until(lambda: sum(report.answered.values()) > 50)
        stage.seen.shell(f"/usr/local/lib/homeport/homeport-host restart --app {stage.server}")
    assert not lost(report), f"{report}"
    assert not stage.workers() & old
    assert stage.get("/health")["release"] == release


@pytest.mark.parametrize("stage", drawn("gunicorn", "granian", "hypercorn"), indirect=True)
def test_workers_are_replaced_without_a_lost_request(stage: Stage) -> None:
    after = {"worker_lifetime_seconds": 60} if stage.server == "granian" else {"max_requests": 60}
    stage.deployed(**after)
    unit, old = stage.unit(), stage.workers()
    manager = stage.seen.property(unit, "MainPID")
    with load(stage.target, REPEATABLE) as report:
        assert until(lambda: not stage.workers() & old, 180)
    assert not lost(report), f"{report}"
    assert stage.seen.property(unit, "MainPID") == manager
    assert old <= set(stage.printed("ends"))
    assert until(lambda: len(stage.told()) == WORKERS)


@pytest.mark.parametrize("stage", drawn("gunicorn"), indirect=True)
def test_a_worker_that_does_not_answer_is_replaced(stage: Stage) -> None:
    stage.deployed(worker_timeout_seconds=3)
    old, manager = stage.workers(), stage.seen.property(stage.unit(), "MainPID")
    stage.seen.curl("/hang", "--max-time", "1", name=stage.name)
    assert until(lambda: len(stage.workers() - old) == 1 and len(stage.workers()) == WORKERS)
    assert stage.seen.property(stage.unit(), "MainPID") == manager


@pytest.mark.parametrize("stage", drawn("gunicorn"), indirect=True)
def test_a_model_that_is_loaded_once_is_counted_once(stage: Stage) -> None:
    model = json.dumps({"MODEL_MEGABYTES": "150"})
    stage.deployed(server_preload=True, environment=model, memory_max_megabytes=600)
    # Three workers with a model of their own each would not fit into the slot.
    assert len(stage.workers()) == WORKERS
    result = stage.project.deploy(
        stage.seen.host, server_preload=True, environment=model, memory_max_megabytes=600, workers=64
    )
    measured = re.search(r"64 workers of (\d+) MB \(as measured\) need (\d+) MB, there are", result.stdout)
    assert measured, result.stdout
    each, need = map(int, measured.groups())
    assert each < 100
    assert 150 < need - 64 * each < 400
