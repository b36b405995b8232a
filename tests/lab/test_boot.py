"""A power cut of everything, after which the database comes up last: the site is back without a hand.

The tests share a machine with the application, and one that its database is on, and go on from one another.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from homeport.lab import Lab
from homeport.lab.model import LabHost
from tests.lab.commands import homeport, settle_data
from tests.lab.project import Project, Seen, until
from tests.lab.seasoned import Seasoned

pytestmark = [pytest.mark.lab, pytest.mark.one_suite]
PORT = 5432
# What a driver does first, and an application that needs its database does as it starts.
CONNECT = """
import os
import socket


def connect() -> None:
    socket.create_connection((os.environ["DATABASE_HOST"], 5432), timeout=2).close()


if __name__ == "__main__":
    connect()
"""
UNIT = "hello@blue.service"


@dataclass
class Stage:
    """The application's machine and its database's."""

    project: Project
    seen: Seen
    database: Seen

    def database_comes(self) -> None:
        self.database.shell(f"systemd-run -q --unit=database python3 -m http.server {PORT}")
        assert until(lambda: f":{PORT} " in self.database.shell("ss -Hltn"))

    def power_cut(self) -> None:
        """Cut the power of both; the database does not come up by itself."""
        for seen in (self.database, self.seen):
            seen.lab.reboot(seen.host, hard=True)

    def tries(self) -> int:
        """Return how often the application was started again since it failed, as the doctor is told."""
        said = self.seen.shell("cat /run/homeport/hello.blue.retry.json 2>/dev/null || echo '{}'")
        return int(json.loads(said or "{}").get("tries", 0))

    def ask(self, command: str) -> dict[str, Any]:
        [found] = json.loads(homeport(self.project, command, "lab", "--limit", self.seen.host.name, "--json").stdout)
        return dict(found)

    def boot_is_over(self) -> bool:
        """Tell whether the machine has ended its boot, and with it all that waits for multi-user.target."""
        state = self.seen.shell("systemctl is-system-running || :")
        return state == "degraded" and self.seen.property("multi-user.target", "ActiveState") == "active"


@pytest.fixture(scope="module")
def stage(lab: Lab, tmp_path_factory: pytest.TempPathFactory, seasoned: Seasoned) -> Iterator[Stage]:
    hosts: list[LabHost] = [seasoned.add("late"), lab.add("latedb")]
    app, database = (Seen(lab, host) for host in hosts)
    project = Project.create(tmp_path_factory.mktemp("late") / "project", lab, "hello")
    project.write("connect.py", CONNECT)
    text = (project.app / "main.py").read_text()
    project.write("main.py", text + "\n\nimport connect\n\nconnect.connect()\n")
    variables = {"DATABASE_URL": f"postgresql://hello@{database.host.address}:{PORT}/hello"}
    variables["DATABASE_HOST"] = database.host.address
    settle_data(project, environment=variables, migrate_command="python connect.py")
    stage = Stage(project, app, database)
    stage.database_comes()
    project.deployed(app.host)
    yield stage
    for host in hosts:
        lab.remove(host.name)


def test_a_site_whose_database_comes_late_is_back_without_a_hand_and_told_meanwhile(stage: Stage) -> None:
    stage.power_cut()
    assert until(lambda: stage.tries() >= 2, 120)
    assert until(stage.boot_is_over, 60)
    assert stage.seen.property("hello-migrate@blue", "ActiveState") in ("failed", "activating")
    findings = stage.ask("doctor")["findings"]
    by_id = {one["id"]: one for one in findings}
    assert findings[0]["id"] == "database_unreachable"
    assert by_id["migration_failed"]["because"] == "database_unreachable"
    assert "the migration failed (status 1)" in by_id["migration_failed"]["evidence"]
    assert "tried again " in by_id["migration_failed"]["evidence"]
    [advice] = [one for one in stage.ask("status")["advice"] if one["about"] == "slot"]
    assert "the live release does not start, since its migration fails (tried again: " in advice["text"]
    assert advice["text"].endswith("Connection refused")

    stage.database_comes()

    assert until(stage.seen.answers, 90)
    assert until(lambda: stage.seen.property("homeport-retry@hello:blue", "ActiveState") == "inactive", 60)
    said = stage.seen.shell("journalctl -b -q -o cat -t homeport")
    assert "hello: slot blue is not up: the migration failed (status 1): " in said
    assert "hello: slot blue is up, after " in said
    assert stage.ask("doctor")["findings"] == []
    assert stage.ask("status")["slots"]["blue"]["retry"] is None


def test_a_deploy_without_its_database_ends_with_what_the_migration_said_and_migrates_once(stage: Stage) -> None:
    stage.database.shell("systemctl stop database")
    stage.project.write("NEWS.txt", "next")
    result = stage.project.deploy(stage.seen.host)
    assert result.returncode == 1
    assert "the migration failed (status 1)" in result.stdout
    runs = stage.seen.shell("journalctl -b -q -o cat -u hello-migrate@green | grep -c 'Connection refused' || :")
    assert runs == "1"
    assert until(lambda: stage.seen.property("homeport-retry@hello:green", "ActiveState") == "inactive")
    assert stage.seen.property(UNIT, "ActiveState") == "active"


def test_an_application_that_dies_again_and_again_without_its_database_is_back_as_well(stage: Stage) -> None:
    settle_data(stage.project, migrate_command=None)
    stage.database_comes()
    stage.project.deployed(stage.seen.host)
    slot = str(stage.seen.get("/health")["slot"])
    stage.power_cut()
    assert until(lambda: "tried again" in str(stage.ask("status")["advice"]), 120)
    assert until(stage.boot_is_over, 60)
    assert "app_crash_loop" in {one["id"] for one in stage.ask("doctor")["findings"]}

    stage.database_comes()

    assert until(stage.seen.answers, 90)
    assert "repeated too quickly" in stage.seen.shell(f"journalctl -b -q -o cat -u hello@{slot}")
    # What somebody stops stays stopped.
    stage.seen.shell(f"systemctl stop hello@{slot}")
    assert until(lambda: stage.seen.property(f"homeport-retry@hello:{slot}", "ActiveState") == "inactive")
    assert stage.seen.property(f"hello@{slot}", "ActiveState") == "inactive"
