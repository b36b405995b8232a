"""Two deployers and one machine: who comes second is told so or waits, and nobody ever has to unlock what died.

The tests share a machine and go on from one another, in the order in which they stand.
"""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

from homeport.lab import Lab
from homeport.lab.model import LabHost
from tests.lab.commands import homeport, refusal, settle_data
from tests.lab.project import REPOSITORY, Project, Seen, until
from tests.lab.seasoned import Seasoned

pytestmark = pytest.mark.lab
LOCK = "/run/homeport/hello.deploy.lock"
PROGRAM = "/usr/local/lib/homeport/homeport-host"
# A slow release starts when this is there, so that others come meanwhile.
GO = "/var/lib/hello/go"
SLOW = f"""
import os, time
while not os.path.exists("{GO}"):
    time.sleep(0.1)
"""


@dataclass
class Stage:
    """A machine that serves, and a project that deploys to it."""

    project: Project
    host: LabHost
    seen: Seen

    def release(self, text: str, *, slow: bool) -> None:
        """Commit another release; a slow one starts when `go` is said."""
        self.seen.shell(f"rm -f {GO}")
        self.project.write("main.py", f"{self.main}\n# {text}\n{SLOW if slow else ''}")

    def go(self) -> None:
        """Have the slow release start."""
        self.seen.shell(f"touch {GO}")

    @property
    def main(self) -> str:
        return (REPOSITORY / "examples" / "hello" / "main.py").read_text()

    def begin(self, **data: object) -> subprocess.Popen[str]:
        """Begin a deploy and return when its release is being started on the host."""
        process = self.project.started(self.host.name, "-y", **data)
        self.read_until(process, "starting release")
        return process

    def read_until(self, process: subprocess.Popen[str], text: str) -> str:
        assert process.stdout
        seen = []
        for line in process.stdout:
            seen.append(line)
            if text in line:
                return line
        raise AssertionError("".join(seen))

    def gave_up(self, since: str) -> bool:
        """Tell whether a release has found, after `since` (seconds of the epoch), that its run was gone."""
        return "it was stopped" in self.seen.shell(f"journalctl -t homeport -o cat --since @{since}")

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold deploys by hand, on the machine itself."""
        self.seen.shell(f"{PROGRAM} hold --app hello --by carol@desk --message wait")
        try:
            yield
        finally:
            self.seen.shell(f"{PROGRAM} unhold --app hello --by carol@desk")

    def live(self) -> str:
        return str(self.seen.get("/health")["release"])


def finish(process: subprocess.Popen[str]) -> str:
    output = process.communicate(timeout=300)[0]
    assert process.returncode == 0, output
    return output


@pytest.fixture(scope="module")
def stage(lab: Lab, tmp_path_factory: pytest.TempPathFactory, seasoned: Seasoned) -> Iterator[Stage]:
    host = seasoned.add("locked")
    project = Project.create(tmp_path_factory.mktemp("locked") / "project", lab, "hello")
    settle_data(project, watch_seconds=0, health_timeout_seconds=240)
    project.deployed(host)
    yield Stage(project, host, Seen(lab, host))
    lab.remove(host.name)


def test_while_one_deploys_another_gets_4_or_waits_and_a_dry_run_does_not_care(stage: Stage) -> None:
    before = stage.live()
    stage.release("two", slow=True)
    first = stage.begin()
    note = json.loads(stage.seen.shell(f"cat {LOCK}"))
    assert stage.seen.shell(f"stat -c '%a %U' {LOCK}") == "600 root"
    waiting = stage.project.started(stage.host.name, "-y", lock_wait_seconds=120)
    assert note["by"] in stage.read_until(waiting, "waiting up to 120 s: held by a deploy of ")
    line = refusal(stage.project.deploy(stage.host), 4)
    for told in (stage.host.name, note["by"], note["from"], note["since"], "ref HEAD", note["release"]):
        assert told in line
    assert stage.project.pyinfra(stage.host.name, "--dry").returncode == 0
    stage.go()
    finish(first)
    finish(waiting)
    assert stage.live() == note["release"] != before
    assert stage.seen.shell(f"flock -n {LOCK} echo free") == "free"


def test_when_the_first_is_killed_the_next_goes_on_with_no_unlocking(stage: Stage) -> None:
    stage.release("three", slow=True)
    first = stage.begin()
    waiting = stage.project.started(stage.host.name, "-y", lock_wait_seconds=120)
    stage.read_until(waiting, "waiting up to 120 s")
    first.send_signal(signal.SIGKILL)
    first.wait()
    stage.go()
    finish(waiting)
    assert stage.project.deployed(stage.host).count("No changes") > 0
    assert stage.live() == stage.seen.shell('tail -n 1 /srv/hello/releases.jsonl | sed \'s/.*"release": "//; s/".*//\'')


def test_a_deploy_that_is_interrupted_ends_with_130_and_the_next_goes_on(stage: Stage) -> None:
    before = stage.live()
    stage.release("four", slow=True)
    first = stage.begin()
    began = stage.seen.shell("date +%s")
    first.send_signal(signal.SIGINT)
    # At once, although the release cannot start yet.
    output = first.communicate(timeout=120)[0]
    assert first.returncode == 130, output
    assert "Traceback" not in output
    assert stage.seen.shell(f"flock -n {LOCK} echo free") == "free"
    stage.go()
    # What has begun comes to its end, and does not go live by itself.
    assert until(lambda: stage.gave_up(began), 120)
    assert stage.live() == before
    stage.project.deployed(stage.host)
    assert stage.live() != before


def test_a_release_that_has_to_end_the_live_one_first_does_not_when_its_run_was_killed(stage: Stage) -> None:
    before = stage.seen.get("/health")
    unit = f"hello@{before['slot']}"
    server = stage.seen.property(unit, "MainPID")
    stage.release("five", slow=False)
    hooks = json.dumps([f"until [ -e {GO} ]; do sleep 0.1; done"])
    first = stage.begin(switch="restart", migrate_command="test -d .", hooks_before_migration=hooks)
    began = stage.seen.shell("date +%s")
    first.kill()
    first.wait()
    stage.go()
    assert until(lambda: stage.gave_up(began), 120)
    assert stage.seen.property(unit, "MainPID") == server
    stage.project.deployed(stage.host)
    assert stage.live() != before["release"]


def test_a_hold_by_hand_while_a_release_starts_keeps_it_from_going_live(stage: Stage) -> None:
    before = stage.live()
    stage.release("six", slow=True)
    first = stage.begin()
    with stage.held():
        stage.go()
        output = first.communicate(timeout=300)[0]
        assert first.returncode == 4, output
        assert "held by hand by carol@desk" in output
        assert stage.live() == before
    stage.project.deployed(stage.host)
    assert stage.live() != before


def test_a_hold_by_hand_keeps_every_change_out_until_it_is_ended(stage: Stage) -> None:
    assert homeport(stage.project, "lock", "lab", "--limit", "locked", "-m", "the database moves").returncode == 0
    assert stage.project.deploy(stage.host).returncode == 0, "a run that changes nothing needs no lock"
    before = stage.live()
    stage.release("seven", slow=False)
    for refused in (
        stage.project.deploy(stage.host),
        homeport(stage.project, "rollback", "lab", "--limit", "locked", "--yes"),
        homeport(stage.project, "restart", "lab", "--limit", "locked"),
    ):
        line = refusal(refused, 4)
        assert "held by hand by " in line
        assert ": the database moves; " in line
        assert "homeport unlock" in line
    assert "the database moves" in homeport(stage.project, "releases", "lab", "--limit", "locked").stdout
    assert stage.live() == before
    assert homeport(stage.project, "unlock", "lab", "--limit", "locked").returncode == 0
    settle_data(stage.project, workers=2)
    stage.project.deployed(stage.host)
    assert stage.live() != before


def test_a_hold_stands_in_the_way_of_the_host_program_too(stage: Stage) -> None:
    before = stage.live()
    with stage.held():
        for action in ("start", "commit"):
            said = stage.seen.shell(f"{PROGRAM} {action} --app hello --release {before} || echo status $?")
            assert said.splitlines()[-1] == "status 4"
            assert f"error: hello: release {before}: held by hand by carol@desk since " in said
        assert "carol@desk" in refusal(homeport(stage.project, "lock", "lab", "--limit", "locked", "-m", "me"), 4)


@pytest.mark.parametrize("options", [(), pytest.param(("--new-slot",), marks=pytest.mark.sampled)])
def test_a_restart_gives_new_processes_and_answers_all_the_way(stage: Stage, options: tuple[str, ...]) -> None:
    before = stage.seen.shell("pgrep -f [s]pawn_main | sort").split()
    asking = "while [ ! -e /run/asked ]; do curl -sk -o /dev/null -w '%{http_code},' --resolve"
    url = f"{stage.host.domain}:443:127.0.0.1 https://{stage.host.domain}/"
    stage.seen.shell(
        f"rm -f /run/asked; systemd-run -q --unit=asking sh -c '{asking} {url}; sleep 0.05; done >/run/answers'"
    )
    result = homeport(stage.project, "restart", "lab", "--limit", "locked", *options)
    stage.seen.shell("touch /run/asked; while systemctl is-active -q asking; do sleep 0.1; done")
    assert result.returncode == 0, result.stdout
    after = stage.seen.shell("pgrep -f [s]pawn_main | sort").split()
    assert len(after) == len(before) == 2
    assert not set(after) & set(before)
    assert set(stage.seen.shell("cat /run/answers").strip(",").split(",")) == {"200"}
