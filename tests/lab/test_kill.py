"""The controller is killed in the middle of a deploy: the site answers all the way, and the next run just works.

`make test-kill` kills at every point, `make test` at a few, chosen anew by each run.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from homeport.lab import Lab
from homeport.lab.model import LabHost
from tests.lab.clients import Target
from tests.lab.kill_points import chosen, deploy_until
from tests.lab.load import NEW_CONNECTION, PROBE, Failure, Report, load
from tests.lab.project import Project, Seen
from tests.lab.seasoned import Seasoned

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


@contextmanager
def staged(lab: Lab, host: LabHost, folder: Path) -> Iterator[Stage]:
    yield Stage(Project.create(folder / "project", lab, "hello", **SETTINGS), host, Seen(lab, host))
    lab.remove(host.name)


@pytest.fixture
def bare(lab: Lab, tmp_path: Path) -> Iterator[Stage]:
    """A machine on which nothing is."""
    with staged(lab, lab.add("begun"), tmp_path) as stage:
        yield stage


@pytest.fixture
def serving(lab: Lab, tmp_path: Path, seasoned: Seasoned) -> Iterator[Stage]:
    """A machine that serves."""
    with staged(lab, seasoned.add("killed"), tmp_path) as stage:
        stage.project.deployed(stage.host)
        yield stage


def test_a_first_deploy_that_is_killed_again_and_again_goes_on_where_it_was(bare: Stage) -> None:
    # Each run must get past the point at which the one before was killed.
    with bare.probed() as report:
        for number in chosen(range(1, 40), 2, most=16):
            ended = deploy_until(bare.project, bare.host, number)
            print(f"{number}: {ended.at}")
            if ended.at is None:
                break
        bare.project.deployed(bare.host)
    assert report.served(NEW_CONNECTION) == [bare.release()]
    output = bare.project.deployed(bare.host)
    assert output.count("No changes") == output.count("Starting operation"), output


def test_a_killed_release_leaves_one_release_serving_and_the_next_run_finishes_it(serving: Stage) -> None:
    whole = deploy_until(serving.project, serving.host, 0, environment='{"NUMBER": "0"}')
    for number in chosen(range(1, len(whole.points) + 1), 3):
        before = serving.release()
        with serving.probed() as report:
            settings = {"environment": f'{{"NUMBER": "{number}"}}'}
            ended = deploy_until(serving.project, serving.host, number, **settings)
            print(f"{number}: {ended.at}")
            serving.project.deployed(serving.host, **settings)
        assert serving.release() != before, ended
        assert report.served(NEW_CONNECTION) == [before, serving.release()], ended
