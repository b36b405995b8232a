"""The host program on a real machine: real systemd, a real FastAPI application, real kills.

State is read back through systemctl, curl and the file system, never through the program's own `status`.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

import pytest

from homeport.lab import Lab, ssh
from tests.lab.host_machine import APP, PORTS, PROGRAM, Machine, until
from tests.lab.kill_points import chosen
from tests.lab.seasoned import Seasoned

pytestmark = pytest.mark.lab


@pytest.fixture(scope="module", params=["bookworm", pytest.param("trixie", marks=pytest.mark.sampled("trixie"))])
def machine(request: pytest.FixtureRequest, lab: Lab, seasoned: Seasoned) -> Iterator[Machine]:
    made = Machine(lab, seasoned.add(f"program-{request.param}", request.param))
    made.prepare()
    yield made
    lab.remove(made.host.name)


# The tests of this module go on from one another, in the order in which they stand.


def test_a_first_release_that_fails_leaves_nothing_running(machine: Machine) -> None:
    machine.release("first-bad", environment="FAULT=exit\n")

    done = machine.run("start", "first-bad")

    assert done.returncode == 1
    assert "error: app: release first-bad: the process exited before it was healthy (status 7)" in done.stdout
    assert "the reason why it exits" in done.stdout
    assert machine.active("app@blue") == "inactive"
    assert machine.enabled() == []
    assert machine.events() == [("failed", "first-bad")]


def test_the_first_release_goes_live_in_blue(machine: Machine) -> None:
    machine.release("r1")

    machine.deploy("r1")

    assert machine.serving() == "r1"
    assert machine.enabled() == ["blue"]
    assert machine.events()[-2:] == [("started", "r1"), ("live", "r1")]
    assert machine.migrations() == ["first-bad", "r1"]


def test_starting_and_committing_what_is_live_changes_nothing(machine: Machine) -> None:
    before = machine.root("systemctl show -P ActiveEnterTimestampMonotonic app@blue").stdout, machine.events()

    machine.deploy("r1")

    assert (machine.root("systemctl show -P ActiveEnterTimestampMonotonic app@blue").stdout, machine.events()) == before


def test_a_started_release_does_not_serve_before_its_commit(machine: Machine) -> None:
    machine.release("r2")

    assert machine.run("start", "r2").returncode == 0

    assert machine.serving() == "r1"
    assert machine.active("app@green") == "active"
    assert "r2 is up in slot green already" in machine.run("start", "r2").stdout


def test_a_commit_ends_the_old_slot_after_its_requests(machine: Machine) -> None:
    script = "curl -s 'http://127.0.0.1:8001/slow?seconds=4' >/root/slow 2>&1 &\nsleep 1; cat /root/slow"
    assert machine.root(script).stdout == ""

    assert machine.run("commit", "r2").returncode == 0

    assert machine.root("cat /root/slow").stdout == '{"release":"r1"}'
    assert machine.serving() == "r2"
    assert machine.enabled() == ["green"]
    assert [machine.active(f"app@{slot}") for slot in PORTS] == ["inactive", "active"]


@pytest.mark.one_suite
def test_a_release_that_turns_unhealthy_as_it_goes_live_is_taken_back(machine: Machine) -> None:
    machine.release("shy", environment="FAULT=shy\n")
    assert machine.run("start", "shy").returncode == 0

    done = machine.run("commit", "shy")

    assert done.returncode == 1
    assert (
        "failed just after it went live: /health answered 503 instead of 200; release r2 is live again" in done.stdout
    )
    assert machine.serving() == "r2"
    assert machine.enabled() == ["green"]
    assert machine.active("app@blue") == "inactive"
    assert machine.events()[-1] == ("failed", "shy")


@pytest.mark.one_suite
def test_each_slot_keeps_the_units_of_its_release(machine: Machine) -> None:
    for slot, release in (("blue", "shy"), ("green", "r2")):
        installed = machine.root(f"cat /etc/systemd/system/app@{slot}.service").stdout
        assert installed == machine.root(f"cat /etc/homeport/app/releases/{release}/app.service").stdout


@pytest.mark.one_suite
@pytest.mark.parametrize(
    ("release", "environment", "cause"),
    [
        ("exits", "FAULT=exit\n", "the process exited before it was healthy (status 7)"),
        pytest.param(
            "raises",
            "FAULT=lifespan\n",
            "the process exited before it was healthy (status 0)",
            marks=pytest.mark.sampled,
        ),
        pytest.param(
            "sick",
            "FAULT=unhealthy\n",
            "it did not become healthy: /health answered 503 instead of 200 (after 12 s)",
            marks=pytest.mark.sampled,
        ),
        ("unmigrated", "MIGRATION_STATUS=3\n", "the migration failed (status 3)"),
    ],
)
def test_a_release_that_fails_leaves_the_live_one_alone(
    machine: Machine, release: str, environment: str, cause: str
) -> None:
    pid = machine.root("systemctl show -P MainPID app@green").stdout
    # A manager ends with status 0 when its workers cannot start.
    workers = 2 if release == "raises" else 1
    machine.release(release, workers=workers, environment=environment, timeout_seconds=12 if release == "sick" else 30)

    done = machine.run("start", release)

    assert done.returncode == 1
    assert f"error: app: release {release}: {cause}" in done.stdout
    assert machine.root("systemctl show -P MainPID app@green").stdout == pid
    assert machine.serving() == "r2"
    # None is left `failed`, also where the restart that followed had ended as well before it was told to stop.
    assert [machine.active(unit) for unit in ("app@blue", "app-migrate@blue")] == ["inactive", "inactive"]
    assert machine.events()[-1] == ("failed", release)
    assert machine.run("commit", release).returncode == 1


@pytest.mark.one_suite
def test_a_port_in_strange_hands_is_named(machine: Machine) -> None:
    machine.root("systemd-run -q --unit=stranger python3 -m http.server -b 127.0.0.1 8001; sleep 1")
    try:
        done = machine.run("start", "r1")
    finally:
        machine.root("systemctl stop stranger")

    assert done.returncode == 1
    assert "port 8001 of slot blue is in use by python3 (pid " in done.stdout


@pytest.mark.one_suite
def test_a_release_without_migration_takes_the_slot_of_one_with(machine: Machine) -> None:
    machine.release("r3", migrate=False)
    before = machine.migrations()

    machine.deploy("r3")

    assert machine.serving() == "r3"
    assert machine.migrations() == before
    assert "No such file" in machine.root("ls /etc/systemd/system/app-migrate@blue.service", check=False).stderr


@pytest.mark.one_suite
def test_a_killed_server_comes_back_without_migrating_again(machine: Machine) -> None:
    machine.release("r4")
    machine.deploy("r4")
    before = machine.migrations()

    machine.root("kill -9 $(systemctl show -P MainPID app@green)")

    assert until(lambda: machine.serving() == "r4")
    assert machine.migrations() == before


@pytest.mark.one_suite
def test_only_one_start_runs_at_a_time(machine: Machine) -> None:
    machine.release("r5", environment="MIGRATION_SECONDS=6\n")
    words = f"{PROGRAM} start --app {APP} --release r5"
    machine.root(f"systemd-run -q --unit=first {words} --lock-wait 5; sleep 2")

    done = machine.run("start", "r1")

    assert done.returncode == 4
    assert "error: app: release r1: held by start of release r5 since " in done.stdout
    assert (
        machine.run("start", "r5", "--lock-wait", "60").stdout.splitlines()[-1].endswith("is up in slot blue already")
    )


def kills(machine: Machine, action: str, release: str, *options: str) -> Iterator[int]:
    """Run a command again and again, each time killed a step later (see `chosen`), until it comes to its end."""
    for step in chosen(range(1, 80), 4, most=12):
        if not machine.killed(step, action, release, *options):
            return
        yield step
    machine.run(action, release, *options)


def live_slot(machine: Machine) -> str:
    return machine.root("test -e /etc/homeport/app/live-green && echo green || echo blue").stdout.strip()


@pytest.mark.one_suite
def test_a_killed_start_is_begun_anew(machine: Machine) -> None:
    machine.release("r6")
    pid = machine.root("systemctl show -P MainPID app@green").stdout

    steps = []
    for step in kills(machine, "start", "r6"):
        assert machine.serving() == "r4", step
        steps.append(step)

    assert steps
    assert machine.root("systemctl show -P MainPID app@green").stdout == pid
    assert machine.active("app@blue") == "active"


@pytest.mark.one_suite
def test_a_killed_commit_is_finished_by_the_next(machine: Machine) -> None:
    steps = []
    for step in kills(machine, "commit", "r6"):
        assert machine.serving() in ("r4", "r6"), step
        assert live_slot(machine) in machine.enabled(), step
        steps.append(step)

    assert steps
    assert machine.serving() == "r6"
    assert machine.enabled() == ["blue"]
    assert machine.active("app@green") == "inactive"
    assert machine.events().count(("live", "r6")) == 1


@pytest.mark.one_suite
def test_a_killed_way_back_from_a_bad_release_is_finished_by_the_next(machine: Machine) -> None:
    machine.release("shy-too", environment="FAULT=shy\n")
    for step in chosen(range(1, 40), 2, most=12):
        assert machine.run("start", "shy-too").returncode == 0
        killed = machine.killed(step, "commit", "shy-too")
        assert live_slot(machine) in machine.enabled(), step

        assert machine.run("commit", "shy-too").returncode == 1

        assert machine.serving() == "r6", step
        assert machine.enabled() == ["blue"], step
        assert machine.active("app@green") == "inactive", step
        if not killed:
            break


@pytest.mark.one_suite
def test_a_killed_rollback_is_finished_by_the_next(machine: Machine) -> None:
    assert machine.run("start", "r4", "--rollback").returncode == 0
    # What ends the other slot is a unit of its own, which may be at work when the next run comes.
    for step in kills(machine, "commit", "r4", "--rollback", "--lock-wait", "60"):
        assert machine.serving() in ("r4", "r6"), step
        assert live_slot(machine) in machine.enabled(), step

    assert machine.serving() == "r4"
    assert until(lambda: machine.enabled() == ["green"] and machine.active("app@blue") == "inactive")
    machine.deploy("r6")


@pytest.mark.parametrize(
    ("cut", "release", "flipped"),
    [("live-green", "r7", False), pytest.param("disable", "r8", True, marks=pytest.mark.one_suite)],
)
def test_a_boot_starts_what_the_flag_says_and_nothing_else(
    machine: Machine, cut: str, release: str, flipped: bool
) -> None:
    survivor = release if flipped else machine.serving()
    machine.release(release)
    assert machine.run("start", release).returncode == 0
    assert machine.killed(cut, "commit", release)
    assert machine.enabled() == ["blue", "green"]

    machine.lab.reboot(machine.host, hard=True)

    assert until(lambda: machine.serving() == survivor)
    assert until(lambda: sorted(machine.active(f"app@{slot}") for slot in PORTS) == ["active", "inactive"])
    if not flipped:
        machine.deploy(release)
    assert machine.run("commit", release).returncode == 0
    assert machine.serving() == release
    assert len(machine.enabled()) == 1


def test_the_work_goes_on_when_the_connection_breaks(machine: Machine) -> None:
    machine.release("r9", environment="MIGRATION_SECONDS=3\n")
    argv = [
        "timeout",
        "--signal=KILL",
        "2",
        *ssh.command_line(machine.lab.directory, machine.host),
        "sudo",
        PROGRAM,
        "start",
        "--app",
        APP,
        "--release",
        "r9",
    ]

    assert subprocess.run(argv, capture_output=True, check=False).returncode != 0

    assert until(lambda: ("started", "r9") in machine.events())


@pytest.mark.one_suite
def test_prune_keeps_what_is_in_use_and_the_newest(machine: Machine) -> None:
    machine.deploy("r9")
    machine.root(f"mkdir /srv/{APP}/releases/half.partial /srv/{APP}/venvs/unused")

    done = machine.root(f"{PROGRAM} prune --app {APP} --keep 3 --leftover-age 0").stdout

    left = machine.root(f"ls /srv/{APP}/releases; ls /etc/homeport/{APP}/releases").stdout.split()
    assert left == ["r7", "r8", "r9"] * 2
    assert machine.root(f"ls /srv/{APP}/venvs").stdout.split() == ["deps"]
    assert "removing release half.partial" in done
    assert machine.serving() == "r9"
