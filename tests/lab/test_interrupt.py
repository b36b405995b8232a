"""Ctrl-C at five moments of a deploy: status 130, the site answers all the way, and the next deploy needs no unlocking.

The tests share a machine and go on from one another, in the order in which they stand.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from homeport.lab import Lab
from homeport.lab.model import LabHost
from tests.lab.clients import Target
from tests.lab.commands import homeport, settle_data
from tests.lab.load import PROBE, load
from tests.lab.project import REPOSITORY, Project, Seen, until
from tests.lab.seasoned import Seasoned

pytestmark = pytest.mark.lab
DEPLOY = ("deploy", "lab", "--limit", "halted", "--yes")
SETTINGS = {"drain_timeout_seconds": 1, "watch_seconds": 3}
# What the deploy says as it comes to the moment ("": as it begins), for how many seconds it then goes on, and whether
# the command alone gets the interrupt (`kill -INT`) or all of its group, as by Ctrl-C.
MOMENTS = {
    "before it connects": ("", 0.5, False),
    "as it compares": ("connected", 0, False),
    "in the upload": ("Release: upload", 0, True),
    "in the start": ("starting release", 0, False),
    "in the watch after the switch": ("requests go to release", 1, False),
}
WORST = "in the watch after the switch"


@dataclass
class Stage:
    """A machine that serves the hello application."""

    project: Project
    host: LabHost
    seen: Seen

    def started(self, *words: str) -> subprocess.Popen[str]:
        """Begin a `homeport` command in a process group of its own, as a shell does."""
        lab = {"HOMEPORT_LAB": str(self.project.lab.directory.path), "PYTHONPATH": str(REPOSITORY)}
        return subprocess.Popen(
            [sys.executable, "-m", "homeport.cli.main", *words],
            cwd=self.project.folder,
            env={**os.environ, **lab, "PYTHONUNBUFFERED": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            process_group=0,
        )

    def interrupted(self, moment: str, seconds: float, alone: bool) -> tuple[int, str]:
        """Deploy, and interrupt it `seconds` after it said `moment`; return its status and what it printed."""
        printed = []
        with self.started(*DEPLOY) as process:
            assert process.stdout is not None
            if not moment:
                assert until(lambda: _has_child(process.pid))
                self._interrupt(process, seconds, alone=alone)
            for line in process.stdout:
                printed.append(line)
                if moment and moment in line:
                    moment = ""
                    self._interrupt(process, seconds, alone=alone)
        return process.returncode, "".join(printed)

    @staticmethod
    def _interrupt(process: subprocess.Popen[str], seconds: float, *, alone: bool) -> None:
        time.sleep(seconds)  # time is the subject: the moment of the interrupt
        (os.kill if alone else os.killpg)(process.pid, signal.SIGINT)

    def release(self) -> str:
        """Return the release that answers."""
        return str(self.seen.get("/health")["release"])


def _has_child(pid: int) -> bool:
    return subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, check=False).returncode == 0


@pytest.fixture(scope="module")
def stage(lab: Lab, tmp_path_factory: pytest.TempPathFactory, seasoned: Seasoned) -> Iterator[Stage]:
    host = seasoned.add("halted")
    project = Project.create(tmp_path_factory.mktemp("halted") / "project", lab, "hello", **SETTINGS)
    settle_data(project)
    stage = Stage(project, host, Seen(lab, host))
    done = homeport(project, *DEPLOY)
    assert done.returncode == 0, done.stdout
    yield stage
    lab.remove(host.name)


@pytest.mark.parametrize(
    "moment", [pytest.param(one, marks=() if one == WORST else pytest.mark.sampled) for one in MOMENTS]
)
def test_an_interrupt_ends_with_130_the_site_serves_and_the_next_deploy_just_works(stage: Stage, moment: str) -> None:
    before = stage.release()
    settle_data(stage.project, environment={"MOMENT": moment.replace(" ", "-")})
    target = Target(stage.host.domain, stage.host.address, stage.project.lab.directory.ca_file)
    with load(target, PROBE) as report:
        status, printed = stage.interrupted(*MOMENTS[moment])
        assert status == 130, printed
        assert "Traceback" not in printed
        assert "interrupted; a host finishes the phase that it is in" in printed
        # Nobody unlocks, nobody waits.
        again = homeport(stage.project, *DEPLOY)
    assert again.returncode == 0, again.stdout
    assert report.lost == []
    assert stage.release() != before


def test_a_plan_that_is_interrupted_ends_with_130_too(stage: Stage) -> None:
    with stage.started("plan", "lab", "--limit", "halted") as process:
        assert until(lambda: _has_child(process.pid))
        os.killpg(process.pid, signal.SIGINT)
        printed = process.communicate()[0]
    assert process.returncode == 130, printed
    assert "Traceback" not in printed
