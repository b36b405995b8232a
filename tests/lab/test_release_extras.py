"""Hooks, a worker and a timer from settings, the whole way: they come with a release and go with it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from homeport.lab import Lab
from homeport.lab.model import LabHost
from tests.lab.project import Project, Seen, until
from tests.lab.seasoned import Seasoned

pytestmark = pytest.mark.lab
SETTINGS = """
app_name = "notes"
health_timeout_seconds = 60
workers = 1
watch_seconds = 1
migration_rehearsal = True
hooks_before_migration = ["cd $STATE_DIRECTORY; [ -z $PREVIOUS_RELEASE ] || cp notes.sqlite3 backup-$RELEASE"]
hooks_after_live = [{"command": "echo $OUTCOME $RELEASE $PREVIOUS_RELEASE >>/root/live", "user": "root"}]
processes = {"worker": "python -m worker"}
timers = {"tick": {"command": "echo $HOMEPORT_RELEASE >>$STATE_DIRECTORY/ticks", "schedule": "*:*:0/5"}}
"""
# Dies when it meets another one: the lock is not waited for.
WORKER = """
import fcntl, os, signal, sys, time
state = os.environ["STATE_DIRECTORY"]
one = open(f"{state}/one", "w")
fcntl.flock(one, fcntl.LOCK_EX | fcntl.LOCK_NB)

def note(word):
    with open(f"{state}/work", "a") as work:
        print(word, "NUMBER", os.environ["HOMEPORT_RELEASE"], file=work)

def end(*_):
    note("end")
    sys.exit()

signal.signal(signal.SIGTERM, end)
note("begin")
while True:
    time.sleep(60)
"""


@dataclass
class Stage:
    """A machine with a project that deploys to it, and the releases that were live so far."""

    project: Project
    host: LabHost
    seen: Seen
    releases: list[str]

    def work(self) -> list[str]:
        """Return what the workers have written so far."""
        return self.seen.shell("cat /var/lib/notes/work").splitlines()

    def live(self) -> str:
        """Return the release that answers."""
        return str(self.seen.get("/health")["release"])


@pytest.fixture(scope="module")
def stage(lab: Lab, tmp_path_factory: pytest.TempPathFactory, seasoned: Seasoned) -> Iterator[Stage]:
    host = seasoned.add("extras")
    project = Project.create(tmp_path_factory.mktemp("extras") / "project", lab)
    (project.folder / "group_data/lab.py").write_text(SETTINGS)
    project.write("worker.py", WORKER.replace("NUMBER", "one"))
    yield Stage(project, host, Seen(lab, host), [])
    lab.remove(host.name)


# The tests of this module go on from one another, in the order in which they stand.


def test_a_deploy_brings_hooks_worker_and_timer(stage: Stage) -> None:
    stage.project.deployed(stage.host)

    first = stage.live()
    stage.releases.append(first)
    assert stage.work() == [f"begin one {first}"]
    assert stage.seen.shell("cat /root/live") == f"live {first}"
    assert until(lambda: first in stage.seen.shell("cat /var/lib/notes/ticks || true"))


def test_a_second_run_changes_nothing(stage: Stage) -> None:
    output = stage.project.deployed(stage.host)

    assert stage.work() == [f"begin one {stage.releases[0]}"]
    assert "hook" not in output
    assert stage.project.pyinfra(stage.host.name, "--dry").returncode == 0


def test_the_next_release_rehearses_and_takes_the_worker_over(stage: Stage) -> None:
    stage.project.write("worker.py", WORKER.replace("NUMBER", "two"))

    output = stage.project.deployed(stage.host)

    first, second = stage.releases[0], stage.live()
    stage.releases.append(second)
    assert second != first
    assert "the rehearsal succeeded" in output
    assert stage.work()[1:] == [f"end one {first}", f"begin two {second}"]
    assert stage.seen.shell("cat /root/live").splitlines()[1:] == [f"live {second} {first}"]
    stage.seen.shell(f"test -s /var/lib/notes/backup-{second}")
    assert until(lambda: stage.seen.shell("tail -1 /var/lib/notes/ticks") == second)


def test_a_rollback_brings_the_old_worker_back(stage: Stage) -> None:
    first, second = stage.releases

    result = stage.project.deploy(stage.host, release="previous")

    assert result.returncode == 0, result.stdout
    assert stage.live() == first
    assert stage.work()[3:] == [f"end two {second}", f"begin one {first}"]


def test_a_release_whose_schedule_is_none_fails_in_one_line(stage: Stage) -> None:
    (stage.project.folder / "group_data/lab.py").write_text(SETTINGS.replace("*:*:0/5", "every blue moon"))

    result = stage.project.deploy(stage.host)

    assert result.returncode == 1
    [line] = [line for line in result.stdout.splitlines() if "] error:" in line]
    assert "every blue moon" in line
    assert stage.live() == stage.releases[0]
    assert stage.work()[-1] == f"begin one {stage.releases[0]}"
