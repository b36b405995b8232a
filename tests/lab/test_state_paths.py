"""An application that writes beside its own code, as many do: it is told so, and with state_paths nothing is lost.

The tests share a machine and go on from one another, in the order in which they stand.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from homeport.lab import Lab
from homeport.lab.model import LabHost
from tests.lab.commands import homeport, settle_data
from tests.lab.project import Project, Seen, changes_nothing, until
from tests.lab.seasoned import Seasoned

pytestmark = [pytest.mark.lab, pytest.mark.either_suite]
MAIN = '''"""An application whose uploads, database and logs are beside its code."""

import logging
import os
import sqlite3
from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.staticfiles import StaticFiles

HERE = Path(__file__).parent
os.makedirs(HERE / "static/up/pictures", exist_ok=True)
logging.basicConfig(filename="logs/app.log", level=logging.INFO)
app = FastAPI()
app.mount("/static", StaticFiles(directory=HERE / "static"))
with sqlite3.connect("app.db") as database:
    database.execute("create table if not exists notes (text)")


@app.get("/health")
def health() -> dict[str, str]:
    return {"release": os.environ["HOMEPORT_RELEASE"]}


@app.post("/up/{name}")
async def upload(name: str, request: Request) -> int:
    logging.info("up %s", name)
    with sqlite3.connect("app.db") as database:
        database.execute("insert into notes values (?)", (name,))
    return (HERE / "static/up/pictures" / name).write_bytes(await request.body())


@app.get("/notes")
def notes() -> list[str]:
    with sqlite3.connect("app.db") as database:
        return [text for (text,) in database.execute("select text from notes order by rowid")]
'''
PATHS = ["static/up", "logs/", "app.db"]


@dataclass
class Stage:
    """A machine, and the project that deploys to it."""

    project: Project
    host: LabHost
    seen: Seen


@pytest.fixture(scope="module", params=["bookworm", "trixie"])
def stage(
    request: pytest.FixtureRequest, lab: Lab, tmp_path_factory: pytest.TempPathFactory, seasoned: Seasoned
) -> Iterator[Stage]:
    host = seasoned.add(f"beside-{request.param}", request.param)
    project = Project.create(tmp_path_factory.mktemp("beside") / "project", lab, "hello", workers=1)
    project.write("main.py", MAIN)
    project.write("static/up/default.txt", "came with the release")
    yield Stage(project, host, Seen(lab, host))
    lab.remove(host.name)


def test_what_an_application_writes_beside_its_code_is_named_and_then_kept_over_releases(stage: Stage) -> None:
    refused = stage.project.deploy(stage.host)
    assert refused.returncode == 1
    assert 'is not writable; set state_paths = ["static/up/pictures"]' in refused.stdout
    settle_data(stage.project, state_paths=PATHS)
    stage.project.deployed(stage.host)
    assert stage.seen.curl("/up/a.txt", "--fail", "--data", "first").returncode == 0
    assert stage.seen.curl("/static/up/default.txt").stdout == "came with the release"

    first = stage.seen.get("/health")
    stage.project.write("static/up/default.txt", "of the next release")
    stage.project.deployed(stage.host)
    assert stage.seen.get("/health") != first
    assert stage.seen.curl("/static/up/pictures/a.txt").stdout == "first"
    assert stage.seen.curl("/static/up/default.txt").stdout == "came with the release"
    assert stage.seen.get("/notes") == ["a.txt"]
    assert changes_nothing(stage.project.deployed(stage.host))
    kept = stage.seen.shell("cd /var/lib/hello && find . -type f ! -name '*-journal' | sort && stat -c %U app.db logs")
    assert (
        kept.split()
        == ["./app.db", "./logs/app.log", "./static/up/default.txt", "./static/up/pictures/a.txt"] + ["hello"] * 2
    )
    # The release itself stays as it is.
    touch = homeport(
        stage.project, "run", "lab", "--limit", stage.host.name, "--", "sh", "-c", "touch static/up/b; touch x"
    )
    assert "Read-only file system" in touch.stdout
    assert stage.seen.shell("ls /var/lib/hello/static/up") == "b\ndefault.txt\npictures"


def test_a_state_directory_that_somebody_has_cleared_keeps_nothing_from_starting(stage: Stage) -> None:
    settle_data(stage.project, state_paths=PATHS)
    if not stage.seen.shell("ls /srv/hello/slots 2>/dev/null || true"):
        stage.project.deployed(stage.host)
    stage.seen.shell("rm -rf /var/lib/hello/* && systemctl restart 'hello@*.service'")
    assert until(lambda: stage.seen.curl("/health", "--fail").returncode == 0, 60)
    assert stage.seen.get("/notes") == []
    assert stage.seen.curl("/static/up/default.txt").stdout in ("came with the release", "of the next release")


def test_a_link_in_the_state_directory_leads_root_nowhere(stage: Stage) -> None:
    """The folder is the application's own: whoever has broken into it may put links there."""
    settle_data(stage.project, state_paths=[*PATHS, "more/"])
    stage.seen.shell("runuser -u hello -- ln -sfn /etc /var/lib/hello/more.homeport-new")
    for target in ("/etc/homeport-none", "/home"):
        stage.seen.shell(f"runuser -u hello -- ln -sfn {target} /var/lib/hello/more")
        refused = stage.project.deploy(stage.host)
        assert refused.returncode == 1
        assert "/var/lib/hello/more (state_paths) is a link, and not root's" in refused.stdout
    assert stage.seen.shell("ls -d /etc/hello /etc/homeport-none 2>/dev/null || true") == ""
    assert stage.seen.get("/health")
    stage.seen.shell("rm /var/lib/hello/more")
    stage.project.deployed(stage.host)
    assert stage.seen.shell("stat -c %U:%F /var/lib/hello/more") == "hello:directory"
    # One that is made after the deploy is not mounted either: the server waits until it is gone.
    live = stage.seen.shell(
        "systemctl list-units --plain --no-legend --state=active 'hello@*.service' | cut -d ' ' -f 1"
    )
    in_place = "cd /var/lib/hello && rm -r more && runuser -u hello -- ln -s /home more"
    stage.seen.shell(f"{in_place}; systemctl restart {live} 2>/dev/null || true")
    assert stage.seen.property(live, "ActiveState") != "active"
    stage.seen.shell("rm /var/lib/hello/more")
    assert until(lambda: stage.seen.curl("/health", "--fail").returncode == 0, 120)
    # Root's own link leads where it leads.
    stage.seen.shell(
        "install -d -o hello -g hello /mnt/more && rm -r /var/lib/hello/more && ln -s /mnt/more /var/lib/hello/more"
    )
    stage.seen.shell(f"systemctl restart {live}")
    touch = ("run", "lab", "--limit", stage.host.name, "--", "touch", "more/x")
    assert homeport(stage.project, *touch).returncode == 0
    assert stage.seen.shell("ls /mnt/more") == "x"
