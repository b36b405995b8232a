"""Hooks on a real machine: who they run as, what they are told, and what becomes of the release when they fail."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from homeport.lab import Lab
from tests.lab.host_machine import Machine
from tests.lab.seasoned import Seasoned

pytestmark = pytest.mark.lab
NOTE = 'echo "$(id -un) {moment} $RELEASE after ${{PREVIOUS_RELEASE:-none}}: $OUTCOME" >>/var/lib/app/notes'


@pytest.fixture(scope="module")
def machine(lab: Lab, seasoned: Seasoned) -> Iterator[Machine]:
    made = Machine(lab, seasoned.add("hooks", "trixie"))
    made.prepare()
    yield made
    lab.remove(made.host.name)


def hook(command: str, user: str = "app", timeout_seconds: int = 30) -> dict[str, Any]:
    return {"command": command, "user": user, "timeout_seconds": timeout_seconds}


def hooks(**commands: str | dict[str, Any]) -> dict[str, Any]:
    """Return what release.json has about hooks; each moment also takes its note."""
    moments = {}
    for moment in ("before_migration", "after_live", "on_failure"):
        given = commands.get(moment)
        own = [hook(given) if isinstance(given, str) else given] if given else []
        moments[moment] = [hook(NOTE.format(moment=moment)), *own]
    return {"hooks": moments}


def notes(machine: Machine) -> list[str]:
    """Return what the hooks have written, and forget it."""
    return machine.root("cat /var/lib/app/notes 2>/dev/null; rm -f /var/lib/app/notes").stdout.splitlines()


# The tests of this module go on from one another, in the order in which they stand.


def test_hooks_are_told_what_happens(machine: Machine) -> None:
    machine.release("r1", record=hooks())
    machine.deploy("r1")
    assert notes(machine) == ["app before_migration r1 after none: migrating", "app after_live r1 after none: live"]

    machine.release("r2", record=hooks())
    machine.deploy("r2")
    assert notes(machine) == ["app before_migration r2 after r1: migrating", "app after_live r2 after r1: live"]


def test_a_command_means_itself_and_runs_in_the_releases_folder_with_its_variables(machine: Machine) -> None:
    wanted = "100% of $HOME, ${X:-y} $$ 'q' \"d\" \\ %n %% ;\tend"
    quoted = wanted.replace("'", "'\\''")
    command = (
        f'printf \'%s\\n\' \'{quoted}\' "$SECRET" "$PWD" "$(command -v python)" "$STATE_DIRECTORY" >>/var/lib/app/notes'
    )
    machine.release(
        "r3", environment='SECRET="p%w$x y"\nRELEASE=mine\nOUTCOME=mine\n', record=hooks(after_live=command)
    )

    machine.deploy("r3")

    assert notes(machine)[2:] == [
        wanted,
        "p%w$x y",
        "/srv/app/releases/r3",
        "/srv/app/releases/r3/.venv/bin/python",
        "/var/lib/app",
    ]


def test_no_command_line_shows_a_secret(machine: Machine) -> None:
    command = "cat /proc/[0-9]*/cmdline >/root/command-lines; printenv SECRET >/root/secret"
    machine.release("r4", environment="SECRET=keep-this\n", record=hooks(after_live=hook(command, "root")))

    machine.deploy("r4")

    assert machine.root("cat /root/secret").stdout == "keep-this\n"
    assert "keep-this" not in machine.root("tr '\\0' ' ' </root/command-lines").stdout


def test_a_hook_of_the_user_may_write_the_state_folder_and_nothing_else(machine: Machine) -> None:
    command = (
        "touch /var/lib/app/mine; ! touch /srv/app/releases/r5/x; ! touch /etc/x; ! cat /root/secret; ! sudo -n true"
    )
    machine.release("r5", record=hooks(after_live=command))

    machine.deploy("r5")

    assert machine.root("stat -c %U /var/lib/app /var/lib/app/mine").stdout.split() == ["app", "app"]


def test_a_hook_before_the_migration_that_fails_ends_the_deploy(machine: Machine) -> None:
    before, serving = machine.migrations(), machine.serving()
    machine.release("r6", record=hooks(before_migration="echo the backup; echo failed >&2; exit 7"))

    done = machine.run("start", "r6")

    assert done.returncode == 1
    assert "hook before_migration: echo the backup; echo failed >&2; exit 7" in done.stdout
    assert "error: app: release r6: hook before_migration failed (status 7): echo the backup" in done.stdout
    assert "  the backup\n  failed\n" in done.stdout
    assert machine.migrations() == before
    assert machine.serving() == serving
    assert notes(machine)[-1] == f"app on_failure r6 after {serving}: failed"


def test_a_hook_after_the_switch_that_fails_leaves_the_release_live(machine: Machine) -> None:
    machine.release("r7", record=hooks(after_live="echo nobody to tell; false"))
    assert machine.run("start", "r7").returncode == 0

    done = machine.run("commit", "r7")

    assert done.returncode == 1
    assert "error: app: release r7: it is live, but hook after_live failed (status 1)" in done.stdout
    assert "  nobody to tell\n" in done.stdout
    assert machine.serving() == "r7"
    assert machine.events()[-1] == ("live", "r7")


def test_a_hook_after_a_failure_that_fails_hides_nothing(machine: Machine) -> None:
    machine.release("r8", environment="FAULT=exit\n", record=hooks(on_failure="echo alarm; exit 5"))

    done = machine.run("start", "r8")

    assert done.returncode == 1
    assert "hook on_failure failed (status 5): echo alarm; exit 5" in done.stdout
    assert "error: app: release r8: the process exited before it was healthy (status 7)" in done.stdout


def test_a_hook_that_takes_too_long_is_stopped_with_what_it_started(machine: Machine) -> None:
    machine.release("r9", record=hooks(before_migration=hook("sleep 4321 & sleep 4321", timeout_seconds=2)))

    done = machine.run("start", "r9")

    assert done.returncode == 1
    assert "hook before_migration took longer than 2 s (timeout_seconds) and was stopped: sleep 4321" in done.stdout
    assert machine.root("pgrep -f 'sleep 4321'", check=False).stdout == ""


def test_a_process_that_a_hook_leaves_running_ends_with_the_hook(machine: Machine) -> None:
    machine.release("r10", record=hooks(before_migration="sleep 4321 & echo started"))

    machine.deploy("r10")

    assert machine.root("pgrep -f 'sleep 4321'", check=False).stdout == ""
    assert machine.root("systemctl list-units --all --plain --no-legend '*-hook-*'").stdout == ""
