"""The controller is killed in the middle of a deploy: the site answers all the way, and the next run just works.

`make test-kill` kills at every point, `make test` at a few, chosen anew by each run. The tests share a machine and go
on from one another, in the order in which they stand.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

from homeport.lab import Lab
from homeport.lab.model import LabHost
from tests.lab.clients import Target
from tests.lab.kill_points import chosen, deploy_until
from tests.lab.load import NEW_CONNECTION, PROBE, Failure, Report, load
from tests.lab.project import Project, Seen

pytestmark = pytest.mark.lab
SETTINGS = {"workers": 1, "drain_timeout_seconds": 1, "watch_seconds": 1}


@dataclass
class Stage:
    """A machine with the hello application."""

    project: Project
    host: LabHost
    seen: Seen

    @contextmanager
    def probed(self) -> Iterator[Report]:
        """Ask the site ten times a second; from its first answer on it must give one each time."""
        target = Target(self.host.domain, self.host.address, self.project.lab.directory.ca_file)
        with load(target, PROBE) as report:
            yield report
        assert [failure for failure in report.lost if not self._first_certificate(report, failure)] == [], report

    @staticmethod
    def _first_certificate(report: Report, failure: Failure) -> bool:
        """Tell whether an old worker of Nginx showed the placeholder once more as a new one had the certificate."""
        assert report.began
        return "self-signed certificate" in failure.reason and failure.at < report.began + 1

    def release(self) -> str:
        """Return the release that answers."""
        return str(self.seen.get("/health")["release"])


@pytest.fixture(scope="module")
def stage(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    host = lab.add("killed")
    project = Project.create(tmp_path_factory.mktemp("killed") / "project", lab, "hello", **SETTINGS)
    yield Stage(project, host, Seen(lab, host))
    lab.remove(host.name)


def test_a_first_deploy_that_is_killed_again_and_again_goes_on_where_it_was(stage: Stage) -> None:
    # Each run must get past the point at which the one before was killed.
    with stage.probed() as report:
        for number in chosen(range(1, 40), 2, most=16):
            ended = deploy_until(stage.project, stage.host, number)
            print(f"{number}: {ended.at}")
            if ended.at is None:
                break
        stage.project.deployed(stage.host)
    assert report.served(NEW_CONNECTION) == [stage.release()]
    output = stage.project.deployed(stage.host)
    assert output.count("No changes") == output.count("Starting operation"), output


def test_a_killed_release_leaves_one_release_serving_and_the_next_run_finishes_it(stage: Stage) -> None:
    whole = deploy_until(stage.project, stage.host, 0, environment='{"NUMBER": "0"}')
    for number in chosen(range(1, len(whole.points) + 1), 3):
        before = stage.release()
        with stage.probed() as report:
            settings = {"environment": f'{{"NUMBER": "{number}"}}'}
            ended = deploy_until(stage.project, stage.host, number, **settings)
            print(f"{number}: {ended.at}")
            stage.project.deployed(stage.host, **settings)
        assert stage.release() != before, ended
        assert report.served(NEW_CONNECTION) == [before, stage.release()], ended
