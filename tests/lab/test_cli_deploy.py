"""`homeport plan` and `deploy` as a user has them: diffs before, progress meanwhile, a summary after, honest statuses.

The tests share a machine and go on from one another, in the order in which they stand.
"""

from __future__ import annotations

import json
import os
import pty
import re
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from homeport.lab import Lab
from homeport.lab.model import LabHost
from tests.cli.test_schema import conforms
from tests.lab.artefacts import keep
from tests.lab.commands import homeport, settle_data
from tests.lab.project import REPOSITORY, Project, Seen
from tests.lab.seasoned import Seasoned
from tests.pace import patience

pytestmark = pytest.mark.lab
ON = ("lab", "--limit", "shown")
SETTINGS = {"drain_timeout_seconds": 1, "watch_seconds": 1}
INTERRUPT = b"\x03"
SECRET = "hunter2-" + "x" * 12


@dataclass
class Stage:
    """A machine, and the project that deploys to it."""

    project: Project
    host: LabHost
    seen: Seen

    def plan(self) -> dict[str, Any]:
        """Return this host's part of the plan, as JSON."""
        document = json.loads(homeport(self.project, "plan", *ON, "--json").stdout)
        conforms(document, "plan")
        return dict(document[0])


@pytest.fixture(scope="module")
def stage(lab: Lab, tmp_path_factory: pytest.TempPathFactory, seasoned: Seasoned) -> Iterator[Stage]:
    host = seasoned.add("shown")
    project = Project.create(tmp_path_factory.mktemp("shown") / "project", lab, "hello", **SETTINGS)
    settle_data(project)
    yield Stage(project, host, Seen(lab, host))
    lab.remove(host.name)


def test_a_plan_of_a_bare_machine_shows_what_a_deploy_would_do_and_does_nothing(stage: Stage) -> None:
    before = stage.seen.shell("find /etc /srv /usr/local -newer /etc/hostname -type f | sort | xargs -r sha256sum")
    done = homeport(stage.project, "plan", *ON)
    assert done.returncode == 3, done.stdout
    assert "make /etc/homeport (missing)" in done.stdout
    assert "upload release" in done.stdout
    assert re.search(r"^\d+ changes on 1 of 1 hosts$", done.stdout, re.MULTILINE)
    assert before == stage.seen.shell(
        "find /etc /srv /usr/local -newer /etc/hostname -type f | sort | xargs -r sha256sum"
    )


def test_a_deploy_shows_each_step_as_it_goes_and_ends_with_a_summary(stage: Stage) -> None:
    done = homeport(stage.project, "deploy", *ON, "--yes")
    keep("deploy.txt", done.stdout)
    assert done.returncode == 0, done.stdout
    release = str(stage.seen.get("/health")["release"])
    lines = done.stdout.splitlines()
    timed = [re.fullmatch(r" *(\d+) s  shown  (.+)", line) for line in lines]
    said = [found[2] for found in timed if found]
    moments = [int(found[1]) for found in timed if found]
    assert moments == sorted(moments)
    order = [said.index(next(one for one in said if one.startswith(f"{step} done in"))) for step in ("Files", "Start")]
    assert order == sorted(order)
    assert f"| hello: release {release} is live in slot blue" in said
    summary = lines[lines.index(next(line for line in lines if line.startswith("deployed in"))) :]
    assert re.fullmatch(rf"  shown  hello none -> {release} \(HEAD at [0-9a-f]{{12}}\)", summary[1])
    assert summary[-1].strip() == f"https://{stage.host.domain}/"
    assert "pyinfra" not in done.stdout


def test_nothing_to_change_is_status_0_for_plan_and_deploy(stage: Stage) -> None:
    planned = homeport(stage.project, "plan", *ON)
    assert (planned.returncode, planned.stdout.splitlines()[-1]) == (0, "no changes"), planned.stdout
    assert stage.plan()["changes"] == []
    done = homeport(stage.project, "deploy", *ON, "--yes")
    assert done.returncode == 0
    assert "nothing to change" in done.stdout


def test_drift_is_shown_file_by_file_with_a_diff(stage: Stage) -> None:
    stage.seen.shell("sed -i s/443/8443/ /etc/nginx/homeport/00-default.conf; chmod 600 /etc/logrotate.d/nginx")
    changes = {one["what"]: one for one in stage.plan()["changes"]}
    default = changes["/etc/nginx/homeport/00-default.conf"]
    assert default["reason"] == "content differs"
    assert "\n-    listen 8443 ssl default_server;\n" in default["diff"]
    assert "\n+    listen 443 ssl default_server;\n" in default["diff"]
    assert changes["/etc/logrotate.d/nginx"]["reason"] == "mode 0600, not 0644"
    done = homeport(stage.project, "deploy", *ON, "--yes")
    assert done.returncode == 0, done.stdout
    assert stage.plan()["changes"] == []


def test_a_release_is_planned_with_what_changes_in_its_units_and_site_and_no_secret_is_shown(stage: Stage) -> None:
    settle_data(stage.project, client_max_body_megabytes=33, environment={"TOKEN": SECRET})
    done = homeport(stage.project, "plan", *ON)
    assert done.returncode == 3
    assert re.search(r"^ +\+ +client_max_body_size 33m;$", done.stdout, re.MULTILINE)
    assert SECRET not in done.stdout + json.dumps(stage.plan())


def _on_a_terminal(stage: Stage, answer: bytes, *words: str) -> tuple[int, str]:
    """Run a command on a terminal of 80 columns, answer its question, and return status and screen."""
    ours, theirs = pty.openpty()
    lab = {"HOMEPORT_LAB": str(stage.project.lab.directory.path), "PYTHONPATH": str(REPOSITORY), "TERM": "xterm"}
    environment = {**{k: v for k, v in os.environ.items() if k != "NO_COLOR"}, **lab, "COLUMNS": "80"}
    # The terminal is the process's own, so that Ctrl-C on it is an interrupt.
    command = ["setsid", "--ctty", sys.executable, "-m", "homeport.cli.main", *words]
    with subprocess.Popen(
        command, cwd=stage.project.folder, env=environment, stdin=theirs, stdout=theirs, stderr=theirs
    ) as process:
        os.close(theirs)
        screen, answered, deadline = b"", False, time.monotonic() + patience(240)
        while process.poll() is None or select.select([ours], [], [], 0)[0]:
            if time.monotonic() > deadline:
                process.kill()
                pytest.fail(f"it does not end: {screen!r}")
            said = bool(select.select([ours], [], [], 5)[0])
            try:
                screen += os.read(ours, 4096) if said else b""
            except OSError:
                break
            # A key that is pressed between the question and the reading of its answer is an interrupt that Python sees
            # only when that reading ends: whoever sees nothing happen presses Ctrl-C again.
            if b"[Y/n]" in screen and (not answered or (answer == INTERRUPT and not said)):
                os.write(ours, answer)
                answered = True
    os.close(ours)
    return process.returncode, screen.decode(errors="replace")


def test_on_a_terminal_the_changes_are_shown_and_asked_about(stage: Stage) -> None:
    release = stage.seen.get("/health")["release"]
    status, screen = _on_a_terminal(stage, b"n\n", "deploy", *ON)
    assert status == 1, screen
    assert "nothing was changed" in screen
    assert stage.seen.get("/health")["release"] == release
    status, screen = _on_a_terminal(stage, INTERRUPT, "deploy", *ON)
    assert status == 130, screen
    assert stage.seen.get("/health")["release"] == release
    status, screen = _on_a_terminal(stage, b"y\n", "deploy", *ON)
    keep("deploy-terminal.txt", screen)
    assert status == 0, screen
    assert "Start: switch to release" in screen
    assert "Start done in" in screen
    assert stage.seen.get("/health")["release"] != release


def test_a_bad_release_fails_with_its_cause_in_the_summary(stage: Stage) -> None:
    before = stage.seen.get("/health")["release"]
    stage.project.write("main.py", "import no_such_module\n")
    done = homeport(stage.project, "deploy", *ON, "--yes")
    assert done.returncode == 1, done.stdout
    [summary] = [line for line in done.stdout.splitlines() if line.startswith("not deployed")]
    after = done.stdout[done.stdout.index(summary) :]
    assert "Start failed after" in after
    assert "no_such_module" in done.stdout
    assert stage.seen.get("/health")["release"] == before


def test_a_deploy_of_a_ref_releases_that_one(stage: Stage) -> None:
    first = stage.project.git("rev-list", "--max-parents=0", "HEAD")
    done = homeport(stage.project, "deploy", *ON, "--yes", "--ref", first)
    assert done.returncode == 0, done.stdout
    assert f"({first} at {first[:12]})" in done.stdout


def test_while_somebody_holds_deploys_the_status_is_4_and_the_line_says_who(stage: Stage) -> None:
    settle_data(stage.project, environment={"HELD": "1"})
    assert homeport(stage.project, "lock", *ON, "-m", "the database moves").returncode == 0
    done = homeport(stage.project, "deploy", *ON, "--yes", "--ref", "HEAD~1")
    assert done.returncode == 4, done.stdout
    assert "the database moves" in done.stdout
    assert "not deployed, held by somebody else" in done.stdout
    assert homeport(stage.project, "unlock", *ON).returncode == 0
