"""The power goes in the middle of a deploy: the next boot serves what served before, or says that nothing was live yet.

Each phase of a first deploy, and of a release, is cut somewhere (`make test-kill`: everywhere); the next run just
works. The tests share a machine and go on from one another.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from homeport.lab import Lab
from homeport.lab.model import LabHost
from tests.lab.commands import homeport
from tests.lab.kill_points import POINT, Ended, chosen
from tests.lab.project import Project, Seen, until

pytestmark = [pytest.mark.lab, pytest.mark.one_suite]
SETTINGS = {"workers": 1, "drain_timeout_seconds": 1, "watch_seconds": 1}


@dataclass
class Stage:
    project: Project
    host: LabHost
    seen: Seen

    def cut(self, number: int, **data: object) -> Ended:
        """Deploy, and cut the power of the machine at the `number`-th point; a run that has fewer must succeed."""
        printed, met = [], 0
        with self.project.started(self.host.name, "-y", **data) as process:
            assert process.stdout is not None
            for line in process.stdout:
                printed.append(line)
                met += POINT.match(line) is not None
                if met == number:
                    self.project.lab.reboot(self.host, hard=True)
                    # It learns that sooner or later (test_lost_host); nobody waits for it here.
                    process.kill()
                    return Ended(line.strip(), "".join(printed))
        assert process.returncode == 0, "".join(printed)
        return Ended(None, "".join(printed))

    def release(self) -> str:
        return str(self.seen.get("/health")["release"])

    def status(self) -> dict[str, object]:
        said = homeport(self.project, "status", "lab", "--limit", self.host.name, "--json").stdout
        [found] = json.loads(said)
        return dict(found)


@pytest.fixture(scope="module")
def stage(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    host = lab.add("powercut")
    project = Project.create(tmp_path_factory.mktemp("powercut") / "project", lab, "hello", **SETTINGS)
    yield Stage(project, host, Seen(lab, host))
    lab.remove(host.name)


def test_a_first_deploy_that_power_cuts_interrupt_goes_on_where_it_was(stage: Stage) -> None:
    before = homeport(stage.project, "status", "lab", "--limit", stage.host.name)
    assert before.returncode == 1
    assert "Traceback" not in before.stdout
    for number in chosen(range(1, 40), 3, most=20):
        ended = stage.cut(number)
        print(f"{number}: {ended.at}")
        if ended.at is None:
            break
        found = stage.status()
        # It says why it serves nothing, or it serves.
        assert "error" in found or found["release"] is None or until(stage.seen.answers), found
    stage.project.deployed(stage.host)
    assert stage.seen.answers()
    assert stage.seen.shell("dpkg --audit") == ""


def test_a_power_cut_while_packages_are_installed_is_mended_by_the_next_run(stage: Stage) -> None:
    # What dpkg leaves behind that was cut: one of its journal's files, which says what a package's state is to be.
    stage.seen.shell("dpkg -s bash >/var/lib/dpkg/updates/0001")
    output = stage.project.deployed(stage.host, packages="bc")
    assert "finishing an installation that was interrupted" in output
    assert stage.seen.shell("dpkg -s bc | grep ^Status") == "Status: install ok installed"


def test_the_boot_after_a_power_cut_serves_one_release_and_the_next_run_finishes_the_other(stage: Stage) -> None:
    whole = stage.cut(0, environment='{"NUMBER": "0"}')
    for number in chosen(range(1, len(whole.points) + 1), 4):
        before, settings = stage.release(), {"environment": f'{{"NUMBER": "{number}"}}'}
        ended = stage.cut(number, **settings)
        print(f"{number}: {ended.at}")
        assert until(stage.seen.answers, 60), ended
        served = stage.release()
        stage.project.deployed(stage.host, **settings)
        assert stage.release() != before, ended
        assert served in (before, stage.release()), ended
        assert stage.seen.shell("systemctl list-units --state=failed --plain --no-legend") == "", ended
