"""`homeport doctor` on a real machine: what is wrong with the application and beneath it is named, and nothing else.

Each fault is undone after it, but for the last: a deploy that fails.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from homeport.lab import Lab
from tests.lab.patient import PASSWORD, UNIT, Faults, Patient
from tests.lab.project import until
from tests.lab.seasoned import Seasoned

pytestmark = pytest.mark.lab
faults = Faults()
# What the server's control group, of either version, counts of killed processes; nothing where there are none.
KILLS = (
    f"group=$(systemctl show --value -p ControlGroup {UNIT}); cat /sys/fs/cgroup$group/memory.events "
    "/sys/fs/cgroup/memory$group/memory.oom_control 2>/dev/null | grep '^oom_kill [1-9]' || :"
)
BAD_MIGRATION = '''"""One that cannot be."""

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    raise RuntimeError("this table is in the way")
'''


@pytest.fixture(scope="module")
def patient(lab: Lab, tmp_path_factory: pytest.TempPathFactory, seasoned: Seasoned) -> Iterator[Patient]:
    patient = Patient.create(lab, tmp_path_factory.mktemp("patient"), seasoned, "patient")
    yield patient
    lab.remove(patient.seen.host.name)


@faults.add("app_crash_loop", "RuntimeError: no such colour")
def unit_in_a_crash_loop(patient: Patient) -> Iterator[None]:
    main = "/srv/notes/slots/blue/main.py"
    patient.seen.shell(f"cp {main} /run/main.py; echo 'raise RuntimeError(\"no such colour\")' >>{main}")
    patient.seen.shell(f"systemctl restart --no-block {UNIT}")
    assert until(lambda: int(patient.seen.property(UNIT, "NRestarts")) >= 2, 60)
    yield
    patient.seen.shell(f"cat /run/main.py >{main}")
    patient.restart()


@faults.add("app_hung", "no answer within")
def processes_hung(patient: Patient) -> Iterator[None]:
    patient.seen.shell(f"systemctl kill --signal=STOP {UNIT}")
    yield
    patient.seen.shell(f"systemctl kill --signal=KILL {UNIT}")
    patient.restart()


@faults.add("process_failed", "notes.queue@blue.service")
def process_beside_the_server_failed(patient: Patient) -> Iterator[None]:
    folder = "/run/systemd/system/notes.queue@blue.service.d"
    patient.seen.shell(
        f"mkdir -p {folder}; printf '[Service]\\nExecStart=\\nExecStart=/bin/false\\nRestart=no\\n' >{folder}/x.conf; "
        "systemctl daemon-reload; systemctl restart notes.queue@blue || :"
    )
    assert until(lambda: patient.seen.property("notes.queue@blue", "ActiveState") == "failed")
    yield
    patient.seen.shell(f"rm -r {folder}; systemctl daemon-reload; systemctl restart notes.queue@blue")


@faults.add("migration_failed", "the schema is locked away")
def migration_failed(patient: Patient) -> Iterator[None]:
    script, marker = "/etc/homeport/notes/slots/blue/migrate", "/etc/homeport/notes/blue.migrated"
    patient.seen.shell(
        f"cp -p {script} /run/migrate; printf '#!/bin/sh\\necho the schema is locked away\\nexit 3\\n' >{script}; "
        f"rm -f {marker}; systemctl stop {UNIT} notes-migrate@blue; systemctl start {UNIT} || :"
    )
    yield
    patient.seen.shell(f"cp -p /run/migrate {script}")
    patient.restart()


@faults.add("database_locked", "python3")
def database_locked(patient: Patient) -> Iterator[None]:
    code = (
        "import sqlite3, time; c = sqlite3.connect('/var/lib/notes/notes.sqlite3', isolation_level=None); "
        "c.execute('BEGIN IMMEDIATE'); print('held', flush=True); time.sleep(600)"
    )
    patient.seen.shell(f'systemd-run -q --unit=rogue python3 -c "{code}"')
    assert until(lambda: "held" in patient.seen.shell("journalctl -q -o cat -u rogue"))
    yield
    patient.seen.shell("systemctl stop rogue")


@faults.add("database_unreachable", "127.0.0.1:5999: Connection refused")
def postgresql_refused(patient: Patient) -> Iterator[None]:
    env = "/etc/homeport/notes/slots/blue/env"
    url = f"postgresql+psycopg://notes:{PASSWORD}@127.0.0.1:5999/notes"
    patient.seen.shell(f"cp -p {env} /run/env; echo 'ANALYTICS_URL={url}' >>{env}")
    yield
    patient.seen.shell(f"cp -p /run/env {env}")


@faults.add("disk_full", "/var/lib/notes")
def disk_full(patient: Patient) -> Iterator[None]:
    yield from _small_disk(patient, "size=2m", "dd if=/dev/zero of=/var/lib/notes/filler bs=64k status=none || :")


@faults.add("inodes_gone", "inodes are free")
def inodes_gone(patient: Patient) -> Iterator[None]:
    yield from _small_disk(patient, "size=200m,nr_inodes=90", "cd /var/lib/notes && touch $(seq 60)")


def _small_disk(patient: Patient, options: str, fill: str) -> Iterator[None]:
    patient.seen.shell(
        "mount -t tmpfs -o mode=750,uid=$(id -u notes),gid=$(id -g notes)," + options + " t /var/lib/notes"
    )
    patient.seen.shell(f"({fill}) 2>/dev/null; chown -R notes: /var/lib/notes")
    yield
    patient.seen.shell("umount -l /var/lib/notes")


@faults.add("memory_killed", "killed")
def memory_ran_out(patient: Patient) -> Iterator[None]:
    patient.seen.shell(f"systemctl set-property --runtime {UNIT} MemoryMax=300M")
    # On a busy computer the kernel may take the manager as well: then the server starts in a new control group, which
    # counts from nothing, and what the kernel says of it is not for a container to read.
    for _ in range(5):
        patient.seen.curl("/leak")
        assert until(patient.seen.answers)
        if patient.seen.shell(KILLS):
            break
    yield
    patient.seen.shell(f"systemctl revert {UNIT}")
    patient.restart()


@faults.add("secrets_missing", "/etc/homeport/notes/slots/blue/env")
def secrets_missing(patient: Patient) -> Iterator[None]:
    env = "/etc/homeport/notes/slots/blue/env"
    patient.seen.shell(f"mv {env} /run/env; systemctl restart {UNIT} || :")
    yield
    patient.seen.shell(f"mv /run/env {env}")
    patient.restart()


@faults.add("permissions", "notes may not")
def permissions_wrong(patient: Patient) -> Iterator[None]:
    # The server dies meanwhile: it comes up again without a hand once it may.
    patient.seen.shell("chmod 700 /srv/notes/releases")
    patient.seen.shell(f"systemctl kill --signal=KILL {UNIT}")
    assert until(lambda: not patient.seen.answers())
    yield
    patient.seen.shell("chmod 755 /srv/notes/releases")
    assert until(patient.seen.answers, 90)
    # So do the processes beside it, each by itself.
    assert until(lambda: patient.seen.property("notes.queue@blue", "ActiveState") == "active", 90)


@faults.add("permissions", "/var/lib/notes/notes.sqlite3")
def database_of_somebody_else(patient: Patient) -> Iterator[None]:
    patient.seen.shell("chown root:root /var/lib/notes/notes.sqlite3")
    yield
    patient.seen.shell("chown notes:notes /var/lib/notes/notes.sqlite3")


ALWAYS = ("unit_in_a_crash_loop", "postgresql_refused", "disk_full")


@pytest.mark.parametrize("name", faults.sampled(*ALWAYS))
def test_the_cause_is_named_and_nothing_else_is_blamed(patient: Patient, name: str) -> None:
    faults.is_named(name, patient)


def test_a_server_that_cannot_be_told_whether_it_may_start_is_up_once_it_can(patient: Patient) -> None:
    program = "/usr/local/lib/homeport/homeport-host"
    patient.seen.shell(f"chmod a-x {program}; systemctl restart --no-block {UNIT}")
    assert until(lambda: patient.seen.property(UNIT, "ActiveState") == "failed", 60)
    patient.seen.shell(f"chmod a+x {program}")
    assert until(patient.seen.answers, 120)


def test_after_all_that_the_machine_is_well_again(patient: Patient) -> None:
    assert patient.ask() == []
    assert patient.seen.answers()


def test_a_deploy_whose_migration_failed_is_named_and_harms_nobody(patient: Patient) -> None:
    patient.project.write("migrations/versions/0003_bad.py", BAD_MIGRATION)
    assert patient.project.deploy(patient.seen.host).returncode == 1
    found = patient.named("migration_failed")
    assert found["severity"] == "notice"
    assert "this table is in the way" in found["evidence"]
    assert patient.seen.answers()
