"""The main path on one emulated machine, where this computer allows no machines in namespaces: from bare to HTTPS, a
second run, a release, the way back, a broken release, a reboot.

The tests share the machine and go on from one another, in the order in which they stand. Where machines in namespaces
can be had, test_deploy and others show the same and more.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from homeport.lab import Lab, LabHost
from tests.lab.project import Project, Seen, until

# All that is waited for takes minutes where two processors are emulated in software.
pytestmark = [pytest.mark.lab, pytest.mark.qemu, pytest.mark.timeout(3600)]
# One worker: with more, uvicorn's manager kills any that has not answered it after 5 s, and an emulated processor needs
# longer to start Python and import uvicorn.
PATIENCE = {"workers": 1, "health_timeout_seconds": 600}
SERVED_SECONDS = 400


@dataclass
class Stage:
    """The machine, and a project that deploys to it."""

    lab: Lab
    project: Project
    host: LabHost
    seen: Seen

    def live(self) -> str:
        """Return the release that answers."""
        return str(self.seen.get("/health")["release"])


@pytest.fixture(scope="module")
def stage(emulating_lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    host = emulating_lab.add("main")
    project = Project.create(tmp_path_factory.mktemp("main") / "project", emulating_lab, "notes", **PATIENCE)
    yield Stage(emulating_lab, project, host, Seen(emulating_lab, host))
    emulating_lab.remove(host.name)


def test_a_bare_machine_serves_the_application_over_https(stage: Stage) -> None:
    stage.project.deployed(stage.host)
    assert stage.seen.get("/health")["status"] == "ok"


def test_the_certificate_is_the_authoritys_and_the_one_on_the_disk(stage: Stage) -> None:
    on_disk = stage.seen.shell("openssl x509 -in /etc/letsencrypt/live/notes/fullchain.pem -noout -serial -issuer")
    assert stage.seen.serial() in on_disk
    assert "Pebble" in on_disk


def test_a_second_run_changes_nothing_and_restarts_nothing(stage: Stage) -> None:
    before = stage.seen.property("notes@blue.service", "ActiveEnterTimestampMonotonic")
    output = stage.project.deployed(stage.host)
    assert output.count("No changes") == output.count("Starting operation") > 0, output
    assert stage.seen.property("notes@blue.service", "ActiveEnterTimestampMonotonic") == before


def test_the_next_release_takes_the_other_slot(stage: Stage) -> None:
    first = stage.live()
    stage.project.write("NEWS.txt", "second")
    stage.project.deployed(stage.host)
    assert stage.live() != first
    assert stage.seen.get("/health")["slot"] == "green"


def test_the_way_back_leads_to_the_release_before(stage: Stage) -> None:
    second = stage.live()
    result = stage.project.pyinfra(stage.host.name, "-y", release="previous")
    assert result.returncode == 0, result.stdout
    assert stage.live() != second
    assert stage.seen.get("/health")["slot"] == "blue"


def test_a_release_that_is_broken_leaves_the_old_one_serving(stage: Stage) -> None:
    serving, pid = stage.live(), stage.seen.property("notes@blue.service", "MainPID")
    stage.project.write("main.py", "import no_such_module\n")
    result = stage.project.deploy(stage.host)
    assert result.returncode == 1, result.stdout
    assert "no_such_module" in result.stdout
    assert stage.live() == serving
    assert stage.seen.property("notes@blue.service", "MainPID") == pid


def test_a_rebooted_machine_serves_without_help(stage: Stage) -> None:
    serving = stage.live()
    stage.lab.reboot(stage.host)
    assert until(stage.seen.answers, SERVED_SECONDS)
    assert stage.live() == serving
