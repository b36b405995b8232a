"""Processes and timers of a release on a real machine: only the live release's run, and they change with it.

The worker holds a lock while it runs, without waiting for it: were there ever two, the second would die of it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from homeport.lab import Lab
from homeport.settings.types import Step
from tests.lab.host_machine import Machine, until
from tests.lab.seasoned import Seasoned

pytestmark = pytest.mark.lab
WORKER = """
exec 9>"$STATE_DIRECTORY/one"; flock --nonblock 9
trap 'echo "end $HOMEPORT_RELEASE" >>"$STATE_DIRECTORY/work"; exit 0' TERM
echo "begin $HOMEPORT_RELEASE" >>"$STATE_DIRECTORY/work"
while :; do sleep 0.1; done
"""
PROCESSES = {"worker": WORKER, "lone": "A=1 sleep 100000"}
TIMERS = {"tick": ('echo "$HOMEPORT_RELEASE" >>"$STATE_DIRECTORY/ticks"', "*:*:0/2")}


@pytest.fixture(scope="module")
def machine(lab: Lab, seasoned: Seasoned) -> Iterator[Machine]:
    made = Machine(lab, seasoned.add("processes"))
    made.prepare()
    yield made
    lab.remove(made.host.name)


def work(machine: Machine) -> list[str]:
    """Return what the workers have written so far."""
    return machine.root("cat /var/lib/app/work 2>/dev/null || true").stdout.splitlines()


def ticks(machine: Machine) -> list[str]:
    return machine.root("cat /var/lib/app/ticks 2>/dev/null || true").stdout.split()


def pid(machine: Machine, unit: str) -> str:
    return machine.root(f"systemctl show -P MainPID '{unit}'").stdout.strip()


def before(machine: Machine) -> list[str]:
    return machine.root("cat /var/lib/app/before").stdout.splitlines()


def live(machine: Machine) -> str:
    return "green" if machine.root("test -e /etc/homeport/app/live-green", check=False).returncode == 0 else "blue"


def installed(machine: Machine, slot: str) -> list[str]:
    return machine.root(f"cd /etc/systemd/system && ls app.*@{slot}.* 2>/dev/null || true").stdout.split()


# The tests of this module go on from one another, in the order in which they stand.


def test_processes_and_timers_come_with_their_release(machine: Machine) -> None:
    machine.release("r1", processes=PROCESSES, timers=TIMERS)

    machine.deploy("r1")

    assert work(machine) == ["begin r1"]
    assert until(lambda: "r1" in ticks(machine))
    command = machine.root(f"tr '\\0' ' ' </proc/{pid(machine, 'app.lone@blue')}/cmdline").stdout
    assert command.strip() == "sleep 100000"
    assert machine.root(f"ps -o user= -p {pid(machine, 'app.worker@blue')}").stdout.strip() == "app"


def test_a_release_that_is_not_live_yet_has_no_processes(machine: Machine) -> None:
    machine.release("r2", processes=PROCESSES, timers=TIMERS)

    assert machine.run("start", "r2").returncode == 0

    assert until(lambda: len(ticks(machine)) > 3)
    assert work(machine) == ["begin r1"]
    assert set(ticks(machine)) == {"r1"}


def test_a_switch_ends_the_old_worker_and_begins_the_new_one(machine: Machine) -> None:
    done = machine.run("commit", "r2")

    assert done.returncode == 0, done.stdout
    assert until(lambda: work(machine) == ["begin r1", "end r1", "begin r2"])
    assert machine.active("app.lone@blue") == "inactive"
    assert machine.active("app.tick@blue.timer") == "inactive"
    assert until(lambda: "r2" in ticks(machine))


def test_a_dead_server_does_not_take_its_worker_with_it(machine: Machine) -> None:
    before = pid(machine, "app.worker@green"), pid(machine, "app.lone@green")

    machine.root(f"kill -9 {pid(machine, 'app@green')}")

    assert until(lambda: machine.serving() == "r2")
    assert (pid(machine, "app.worker@green"), pid(machine, "app.lone@green")) == before


def test_a_dead_worker_comes_back(machine: Machine) -> None:
    machine.root(f"kill -9 {pid(machine, 'app.worker@green')}")

    assert until(lambda: work(machine)[-2:] == ["begin r2", "begin r2"])


def test_after_a_boot_they_run_again(machine: Machine) -> None:
    machine.lab.reboot(machine.host, hard=True)

    assert until(lambda: machine.serving() == "r2")
    assert until(lambda: work(machine)[-3:] == ["begin r2"] * 3)
    assert machine.active("app.worker@blue") == "inactive"
    assert machine.active("app.tick@green.timer") == "active"


def test_a_worker_that_dies_takes_its_release_back(machine: Machine) -> None:
    dying = {"worker": "sleep 2; echo no queue to be found; exit 3"}
    machine.release("dying", processes=dying, record={"watch_seconds": 8})
    assert machine.run("start", "dying").returncode == 0

    done = machine.run("commit", "dying")

    assert done.returncode == 1
    assert (
        "failed just after it went live: process worker died: no queue to be found; release r2 is live" in done.stdout
    )
    assert machine.serving() == "r2"
    assert until(lambda: work(machine)[-1] == "begin r2")
    assert machine.active("app.worker@blue") == "inactive"


def test_a_worker_that_cannot_even_begin_is_shown_with_its_words(machine: Machine) -> None:
    machine.release("broken", processes={"worker": "echo the reason; exit 4"})
    assert machine.run("start", "broken").returncode == 0

    done = machine.run("commit", "broken")

    assert done.returncode == 1
    assert "process worker does not come up (status 4); release r2 is live again" in done.stdout
    assert "\n  the reason\n" in done.stdout
    assert machine.serving() == "r2"


def test_before_start_runs_before_each_start(machine: Machine) -> None:
    note = 'echo "$HOMEPORT_PROCESS $HOMEPORT_RELEASE $(id -un)" >>"$STATE_DIRECTORY/before"'
    fails = '[ ! -e "$STATE_DIRECTORY/away" ] || { echo "no model at models.example.com"; exit 3; }'
    steps = tuple(Step(command=command) for command in (note, fails))
    machine.release("stepped", processes={"worker": WORKER}, before_start=steps)
    machine.deploy("stepped")
    assert before(machine) == ["server stepped app", "worker stepped app"]

    machine.root(f"kill -9 {pid(machine, f'app@{live(machine)}')}")

    assert until(lambda: before(machine)[2:] == ["server stepped app"])
    assert until(lambda: machine.serving() == "stepped")


def test_a_command_before_the_start_that_fails_is_a_failed_start_with_its_words(machine: Machine) -> None:
    machine.root("touch /var/lib/app/away")
    steps = (Step(command="echo looking; ls /var/lib/app/away >&2; exit 3"), Step(command="touch /var/lib/app/never"))
    machine.release("unprepared", before_start=steps)

    done = machine.run("start", "unprepared")

    assert done.returncode == 1
    assert (
        "release unprepared: before_start: echo looking; ls /var/lib/app/away >&2; exit 3 failed (status 3): "
        "/var/lib/app/away\n"
    ) in done.stdout
    assert "\n  looking\n" in done.stdout
    assert machine.serving() == "stepped"
    assert machine.root("test -e /var/lib/app/never", check=False).returncode == 1


def test_a_migration_that_fails_at_boot_is_tried_until_it_works(machine: Machine) -> None:
    machine.lab.reboot(machine.host, hard=True)
    noted = f"/run/homeport/app.{live(machine)}.retry.json"
    assert until(lambda: "before_start: " in machine.root(f"cat {noted}", check=False).stdout)
    said = json.loads(machine.root(f"cat {noted}").stdout)
    assert said["reason"].endswith("failed (status 3): no model at models.example.com")

    machine.root("rm /var/lib/app/away")

    assert until(lambda: machine.serving() == "stepped")


def test_a_schedule_that_is_none_fails_the_release_before_the_switch(machine: Machine) -> None:
    machine.release("never", timers={"tick": ("true", "every blue moon")})

    done = machine.run("start", "never")

    assert done.returncode == 1
    assert "error: app: release never: systemd does not accept its units: " in done.stdout
    assert "every blue moon" in done.stdout
    assert machine.serving() == "stepped"


def test_a_run_that_a_switch_finds_at_work_is_finished_and_the_next_waits_for_it(machine: Machine) -> None:
    log = '>>"$STATE_DIRECTORY/tasks"'
    task = f'echo "from $HOMEPORT_RELEASE" {log}; sleep 6; echo "to $HOMEPORT_RELEASE" {log}'
    for release in ("t1", "t2"):
        machine.release(release, timers={"task": (task, "*:*:*")})
    machine.deploy("t1")
    assert until(lambda: "from t1" in machine.root("cat /var/lib/app/tasks || true").stdout)

    machine.deploy("t2")

    assert until(lambda: "to t2" in machine.root("cat /var/lib/app/tasks").stdout)
    lines = machine.root("cat /var/lib/app/tasks").stdout.splitlines()
    pairs = [tuple(lines[index : index + 2]) for index in range(0, len(lines) - 1, 2)]
    assert set(pairs) == {("from t1", "to t1"), ("from t2", "to t2")}


def test_processes_that_a_release_lacks_are_gone_and_a_rollback_brings_them_back(machine: Machine) -> None:
    machine.deploy("r2")
    machine.release("r3")

    machine.deploy("r3")

    live, other = machine.enabled()[0], "blue" if machine.enabled() == ["green"] else "green"
    assert installed(machine, live) == []
    assert machine.root("systemctl list-units --plain --no-legend --state=active 'app.*'").stdout == ""
    kinds = ("lone", "service"), ("tick", "service"), ("tick", "timer"), ("worker", "service")
    assert installed(machine, other) == [f"app.{name}@{other}.{kind}" for name, kind in kinds]

    machine.deploy("r2")

    assert machine.serving() == "r2"
    assert until(lambda: work(machine)[-1] == "begin r2")
