"""The rehearsal of a migration on a real machine: what it finds, and that production does not notice.

State is read back by sqlite3 and by digests of the files, never through the program.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator

import pytest

from homeport.lab import Lab
from tests.lab.host_machine import Machine
from tests.lab.seasoned import Seasoned

pytestmark = pytest.mark.lab
# Serves while the column `title` is there, as an application does whose code and database belong together.
MAIN = """
import os, sqlite3
from fastapi import FastAPI

app = FastAPI()

@app.get("/health")
def health():
    with sqlite3.connect(os.environ["STATE_DIRECTORY"] + "/data/notes") as database:
        rows = database.execute("SELECT title FROM notes").fetchall()
    return {"release": os.environ["HOMEPORT_RELEASE"], "rows": len(rows)}
"""
# A database without an ending in its name, as SQLite does not ask for one; some file, and a link, beside it.
CREATE = """mkdir -p "$STATE_DIRECTORY/data"; echo kept >"$STATE_DIRECTORY/other"; ln -sfn other "$STATE_DIRECTORY/link"
python - <<'END'
import os, sqlite3
with sqlite3.connect(os.environ["STATE_DIRECTORY"] + "/data/notes") as database:
    database.execute("PRAGMA journal_mode=WAL")
    database.execute("CREATE TABLE IF NOT EXISTS notes (title TEXT)")
    database.execute("INSERT INTO notes VALUES ('first')")
END
"""
WITNESSED = """echo "$HOMEPORT_SLOT $(ls -A "$STATE_DIRECTORY" | tr '\\n' ' ')"
"""


def sql(statement: str) -> str:
    """Return a migration of one statement, which says where it runs."""
    return WITNESSED + (
        'python -c "import os, sqlite3; base = sqlite3.connect(os.environ[\\"STATE_DIRECTORY\\"] + \\"/data/notes\\"); '
        f'base.execute(\\"{statement}\\"); base.commit(); print(\\"migrated\\")"'
    )


REHEARSED = {"rehearsal": True}


@pytest.fixture(scope="module")
def machine(lab: Lab, seasoned: Seasoned) -> Iterator[Machine]:
    made = Machine(lab, seasoned.add("rehearsal"))
    made.prepare()
    made.release("r1", main=MAIN, migration=CREATE, record=REHEARSED)
    made.deploy("r1")
    yield made
    lab.remove(made.host.name)


def state(machine: Machine) -> str:
    """Return names, owners, modes, times and digests of the application's files, but for those that reading makes."""
    files = "find . ! -type d ! -name '*-shm' ! -name '*-wal' ! -name .migrate.lock"
    listing = f"{files} -printf '%p %u %g %m %T@ %l\\n' | sort"
    return machine.root(f"cd /var/lib/app && {listing}; {files} -type f | sort | xargs sha256sum").stdout


def columns(machine: Machine) -> list[str]:
    """Return the columns of production's table."""
    script = """
import sqlite3
with sqlite3.connect("/var/lib/app/data/notes") as database:
    print(*(row[1] for row in database.execute("PRAGMA table_info(notes)")))
"""
    return machine.root(f"runuser -u app -- python3 -c {shlex.quote(script)}").stdout.split()


def leftovers(machine: Machine) -> str:
    """Return what there is of a rehearsal: files, links, units, processes."""
    places = "/run/systemd/system /srv/app/slots /etc/homeport/app /var/lib"
    units = "systemctl list-units --all --plain --no-legend '*rehearsal*'"
    return machine.root(
        f"find {places} -name '*rehearsal*'; {units}; grep -l rehearsal /proc/[0-9]*/environ", check=False
    ).stdout


def log(machine: Machine, release: str) -> str:
    return machine.root(f"cat /etc/homeport/app/releases/{release}/migration.log").stdout


# The tests of this module go on from one another, in the order in which they stand.


def test_a_migration_that_fails_on_the_copy_does_not_reach_production(machine: Machine) -> None:
    before = state(machine)
    machine.release("bad-sql", main=MAIN, migration=sql("ALTER TABLE nowhere ADD COLUMN x"), record=REHEARSED)

    done = machine.run("start", "bad-sql")

    assert done.returncode == 1
    assert "error: app: release bad-sql: the rehearsal: the migration failed (status 1)" in done.stdout
    assert "no such table: nowhere" in done.stdout
    assert state(machine) == before
    assert machine.serving() == "r1"
    assert leftovers(machine) == ""


def test_a_migration_that_the_live_release_does_not_survive_is_found_out_first(machine: Machine) -> None:
    before = state(machine)
    machine.release(
        "renames", main=MAIN, migration=sql("ALTER TABLE notes RENAME COLUMN title TO name"), record=REHEARSED
    )
    machine.root("sed -i 's/--timeout 30/--timeout 8/' /etc/homeport/app/releases/r1/app.service")

    done = machine.run("start", "renames")

    assert done.returncode == 1
    assert "the rehearsal: the live release r1 does not answer on the migrated database" in done.stdout
    assert "no such column: title" in done.stdout
    assert state(machine) == before
    assert columns(machine) == ["title"]
    assert machine.serving() == "r1"
    assert machine.events()[-1] == ("failed", "renames")
    assert leftovers(machine) == ""


def test_the_copy_is_whole_and_the_rehearsal_is_alone_on_it(machine: Machine) -> None:
    assert ": the migration succeeded\nrehearsal .migrate.lock data link other\nmigrated\n" in log(machine, "renames")


def test_a_migration_that_both_releases_survive_goes_on_to_production(machine: Machine) -> None:
    machine.release("adds", main=MAIN, migration=sql("ALTER TABLE notes ADD COLUMN done"), record=REHEARSED)

    machine.deploy("adds")

    assert machine.serving() == "adds"
    assert columns(machine) == ["title", "done"]
    assert leftovers(machine) == ""


def test_a_releases_migrations_are_kept_with_it(machine: Machine) -> None:
    path = "/etc/homeport/app/releases/adds/migration.log"
    assert machine.root(f"stat -c '%U %G %a' {path}").stdout.split() == ["root", "app", "640"]
    runs = [line.split(" ", 2)[2] for line in log(machine, "adds").splitlines() if line.startswith("--- ")]
    assert runs == ["slot rehearsal: the migration succeeded", "slot green: the migration succeeded"]
    assert "slot rehearsal: the migration failed (status 1)\n" in log(machine, "bad-sql")
    assert "no such table: nowhere" in log(machine, "bad-sql")


def test_a_rehearsal_reaches_no_network(machine: Machine) -> None:
    reach = 'python -c "import socket; socket.create_connection((\\"127.0.0.1\\", 22), 5)"'
    machine.release("calls-out", main=MAIN, migration=reach, record=REHEARSED)

    done = machine.run("start", "calls-out")

    assert done.returncode == 1
    assert "the rehearsal: the migration failed" in done.stdout
    assert "ConnectionRefusedError" in done.stdout


def test_a_copy_that_does_not_fit_is_not_begun(machine: Machine) -> None:
    machine.root("runuser -u app -- truncate -s 9T /var/lib/app/huge")
    machine.release("large", main=MAIN, migration="true", record=REHEARSED)

    done = machine.run("start", "large")
    machine.root("rm /var/lib/app/huge")

    assert done.returncode == 1
    assert "error: app: release large: the rehearsal: a copy of /var/lib/app does not fit: 94" in done.stdout
    assert leftovers(machine) == ""


def test_the_next_rehearsal_removes_what_a_killed_one_left(machine: Machine) -> None:
    before = columns(machine)
    machine.release("again", main=MAIN, migration=sql("ALTER TABLE notes ADD COLUMN due"), record=REHEARSED)
    assert machine.killed("app@rehearsal.service", "start", "again")
    assert "/run/systemd/system/app-migrate@rehearsal.service" in leftovers(machine)
    assert columns(machine) == before

    machine.deploy("again")

    assert machine.serving() == "again"
    assert leftovers(machine) == ""
