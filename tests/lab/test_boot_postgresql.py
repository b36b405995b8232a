"""A power cut of everything: application and PostgreSQL, on a machine each, go down together, and PostgreSQL is back
three minutes after the application's machine. The site answers with its data, without a hand.

`make test` has the same with less waiting in test_boot; this one is the whole of it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from homeport.lab import Lab
from tests import tiers
from tests.lab.artefacts import keep
from tests.lab.commands import homeport, settle_data
from tests.lab.project import Project, Seen, until
from tests.lab.seasoned import Seasoned

pytestmark = [
    pytest.mark.lab,
    pytest.mark.one_suite,
    pytest.mark.skipif(not tiers.EVERYTHING, reason="waits three minutes for a database: 'make test-all'"),
]
LATE_SECONDS = 180
PASSWORD = "only-for-this-test"
SETUP = f"""
apt-get -qq update
DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends install postgresql >/dev/null
cd /etc/postgresql/*/main
echo "listen_addresses = '*'" >>postgresql.conf
echo 'host notes notes ADDRESS/32 scram-sha-256' >>pg_hba.conf
systemctl restart postgresql
cd /
runuser -u postgres -- psql -qc "create user notes password '{PASSWORD}'" -c 'create database notes owner notes'
"""


@dataclass
class Stage:
    project: Project
    seen: Seen
    database: Seen

    def notes(self) -> list[str]:
        """Return what is in the table, as the database's own client sees it."""
        rows = self.database.shell("cd / && runuser -u postgres -- psql -At -c 'select text from notes' notes")
        return rows.splitlines()


@pytest.fixture
def stage(lab: Lab, tmp_path_factory: pytest.TempPathFactory, seasoned: Seasoned) -> Iterator[Stage]:
    hosts = [seasoned.add("pgapp"), lab.add("pgdb")]
    app, database = (Seen(lab, host) for host in hosts)
    database.shell(SETUP.replace("ADDRESS", hosts[0].address))
    project = Project.create(tmp_path_factory.mktemp("pgapp") / "project", lab, "notes", workers=2)
    project.depend_on("psycopg[binary]")
    settle_data(project, environment={"DATABASE_URL": f"postgresql://notes:{PASSWORD}@{hosts[1].address}/notes"})
    project.deployed(app.host)
    yield Stage(project, app, database)
    for host in hosts:
        lab.remove(host.name)


def test_a_site_is_back_with_its_data_though_postgresql_comes_three_minutes_late(stage: Stage) -> None:
    sent = stage.seen.curl("/notes", "--fail", "--json", json.dumps({"text": "before the cut"}))
    assert sent.returncode == 0, sent.stderr
    # At the cut it is off, and starts by hand: so late it is.
    stage.database.shell("systemctl -q disable postgresql")
    for seen in (stage.database, stage.seen):
        stage.project.lab.reboot(seen.host, hard=True)

    def up_for() -> int:
        # /proc/uptime of a container is the whole computer's.
        return int(stage.seen.shell("ps -o etimes= -p 1"))

    assert until(lambda: up_for() >= LATE_SECONDS, 3 * LATE_SECONDS)
    assert not stage.seen.answers()
    found = json.loads(homeport(stage.project, "doctor", "lab", "--limit", stage.seen.host.name, "--json").stdout)
    assert found[0]["findings"][0]["id"] == "database_unreachable"
    said = stage.seen.shell("journalctl -b -q -o cat -t homeport")
    assert "the migration failed (status 1): sqlalchemy.exc.OperationalError: " in said
    assert "Connection refused; try 1 in " in said
    stage.database.shell("systemctl start postgresql")

    assert until(stage.seen.answers, 120)
    assert stage.notes() == ["before the cut"]
    assert [note["text"] for note in stage.seen.get("/notes")] == stage.notes()
    keep("boot-postgresql.txt", stage.seen.shell("journalctl -b -q -o short-monotonic -t homeport"))
