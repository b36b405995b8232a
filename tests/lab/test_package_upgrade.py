"""Upgrades of the proxy's packages, of a library that it runs, and of Python, under a steady load: nobody notices.

The packages are the distribution's own, with a higher version. `make test-kill` has twenty upgrades, `make test` three.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from homeport.lab import Lab
from homeport.lab.model import LabHost
from tests.lab import repacked
from tests.lab.clients import Target
from tests.lab.commands import findings
from tests.lab.kill_points import EVERYWHERE
from tests.lab.load import Failure, Report, load
from tests.lab.project import Project, Seen, changes_nothing, until
from tests.lab.repacked import LIBRARY, MASTER, OF_PYTHON, PACKAGES, PATCH_PYTHON
from tests.lab.seasoned import Seasoned
from tests.lab.sites import BUSY, every_client_goes_on

pytestmark = [pytest.mark.lab, pytest.mark.either_suite]
NOT_WELL = {"upgrade_not_in_use", "python_gone", "python_old"}
UPGRADES, LIBRARY_UPGRADES = (20, 5) if EVERYWHERE else (3, 1)


@dataclass
class Stage:
    """A machine with the notes application behind a proxy."""

    project: Project
    host: LabHost
    seen: Seen
    target: Target
    proxy: str

    def prepare(self, names: str, number: int) -> str:
        """See repacked.prepare."""
        return repacked.prepare(self.seen, names, number)

    def is_up_to_date(self) -> bool:
        """See repacked.is_up_to_date."""
        return repacked.is_up_to_date(self.seen, self.proxy)


@pytest.fixture(
    scope="module",
    params=[
        "bookworm-nginx",
        "trixie-nginx",
        *(
            pytest.param(f"{suite}-{its}", marks=pytest.mark.sampled(its))
            for its in ("haproxy", "caddy")
            for suite in LIBRARY
        ),
    ],
)
def stage(
    request: pytest.FixtureRequest, lab: Lab, tmp_path_factory: pytest.TempPathFactory, seasoned: Seasoned
) -> Iterator[Stage]:
    suite, _, proxy = request.param.partition("-")
    host = seasoned.add(f"upgraded-{request.param}", suite)
    seen = Seen(lab, host)
    if proxy != "nginx":
        seen.shell("systemctl -q disable --now nginx")
    project = Project.create(tmp_path_factory.mktemp(request.param) / "project", lab, "notes", proxy=proxy)
    project.deployed(host)
    yield Stage(project, host, seen, Target(host.domain, host.address, lab.directory.ca_file), proxy)
    lab.remove(host.name)


def lost(stage: Stage, report: Report) -> list[Failure]:
    """Return what was lost, without what Caddy's restart costs: for a moment nobody is at its ports."""
    return [one for one in report.failures if stage.proxy != "caddy" or "ConnectionRefusedError" not in one.reason]


def test_upgrades_of_the_proxy_lose_no_request(stage: Stage) -> None:
    commands = [stage.prepare(PACKAGES[stage.proxy], number) for number in range(1, UPGRADES + 1)]
    before = stage.seen.shell(MASTER[stage.proxy])
    with load(stage.target, BUSY) as report:
        every_client_goes_on(report, BUSY)
        for command in commands:
            stage.seen.shell(command)
            assert until(stage.is_up_to_date, 120), stage.seen.shell(
                "journalctl -n 50 -u homeport-use-upgrades@proxy -u nginx"
            )
        every_client_goes_on(report, BUSY)
    print(report)
    assert lost(stage, report) == [], (
        f"{report}\n{stage.seen.shell('journalctl -n 50 -u nginx -u haproxy -u caddy; cat /root/apt.log')}"
    )
    installed = stage.seen.shell(f"dpkg-query -W -f '${{Version}}\n' {PACKAGES[stage.proxy]}").split()
    assert all(version.endswith(f"+lab{UPGRADES}") for version in installed)
    if stage.proxy != "haproxy":  # HAProxy's keeps its number: it executes the new one in its own place
        assert stage.seen.shell(MASTER[stage.proxy]) != before
    assert stage.seen.shell("ls /usr/sbin/policy-rc.d 2>/dev/null || true") == ""


def test_a_library_that_was_upgraded_is_in_use_everywhere_within_a_day_without_a_lost_request(stage: Stage) -> None:
    commands = [stage.prepare(LIBRARY[stage.host.suite], number) for number in range(1, LIBRARY_UPGRADES + 1)]
    with load(stage.target, BUSY) as report:
        every_client_goes_on(report, BUSY)
        for command in commands:
            stage.seen.shell(command)
            assert until(stage.is_up_to_date, 120), stage.seen.shell("journalctl -n 50 -u homeport-use-upgrades@proxy")
            old = stage.seen.get("/health")
            [found] = [one for one in findings(stage.project, stage.host.name) if one["id"] == "upgrade_not_in_use"]
            assert found["problem"].startswith(f"notes@{old['slot']}.service runs files")
            assert "libssl" in found["evidence"]
            # What its timer does every day.
            stage.seen.shell("systemctl start homeport-use-upgrades@all")
            new = stage.seen.get("/health")
            assert (new["release"], new["slot"] != old["slot"]) == (old["release"], True)
        every_client_goes_on(report, BUSY)
    print(report)
    assert report.failures == [], report
    assert "upgrade_not_in_use" not in {one["id"] for one in findings(stage.project, stage.host.name)}


def test_a_patch_level_of_the_systems_python_is_in_use_within_a_day_and_the_environment_stays(stage: Stage) -> None:
    names = " ".join(stage.seen.shell(OF_PYTHON).split())
    stage.prepare(names, 1)
    version = stage.seen.shell(PATCH_PYTHON)
    command = stage.prepare(names, 2)
    environments = stage.seen.shell("ls /srv/notes/venvs")
    links = stage.seen.shell("readlink /srv/notes/slots/*/.venv/bin/python | sort -u")
    assert links == stage.seen.shell("readlink -f /usr/bin/python3")
    with load(stage.target, BUSY) as report:
        every_client_goes_on(report, BUSY)
        stage.seen.shell(command)
        old = stage.seen.get("/health")
        [found] = [one for one in findings(stage.project, stage.host.name) if one["id"] == "upgrade_not_in_use"]
        assert found["problem"].startswith(f"notes@{old['slot']}.service runs files")
        assert "/usr/bin/python3" in found["evidence"]
        stage.seen.shell("systemctl start homeport-use-upgrades@all")
        every_client_goes_on(report, BUSY)
        slot = stage.seen.get("/health")["slot"]
        assert stage.seen.shell(running(slot)) == version
        # And a release with the same lock, which has the same environment.
        stage.project.write("NEWS.txt", version)
        printed = stage.project.deployed(stage.host)
        every_client_goes_on(report, BUSY)
    print(report)
    assert report.failures == [], report
    assert changes_nothing(stage.project.deployed(stage.host))
    assert stage.seen.shell("ls /srv/notes/venvs") == environments, printed
    assert stage.seen.shell(running(stage.seen.get("/health")["slot"])) == version
    assert {one["id"] for one in findings(stage.project, stage.host.name)} & NOT_WELL == set()


def running(slot: str) -> str:
    """Return the command that prints the version of Python whose program a slot's process runs."""
    program = f"/proc/$(systemctl show -P MainPID notes@{slot})/exe"
    return f"{program} -I -c 'import platform; print(platform.python_version())'"


def test_a_program_that_does_not_start_leaves_the_old_one_and_the_next_try_mends_it(stage: Stage) -> None:
    program = stage.seen.shell(f"command -v {stage.proxy}")
    with load(stage.target, BUSY) as report:
        every_client_goes_on(report, BUSY)
        stage.seen.shell(f"cp {program} {program}.good && cp /bin/false {program}.bad && mv {program}.bad {program}")
        stage.seen.shell("! systemctl start homeport-use-upgrades@proxy.service")
        every_client_goes_on(report, BUSY)
        stage.seen.shell(f"mv {program}.good {program} && systemctl start homeport-use-upgrades@proxy.service")
        assert until(stage.is_up_to_date, 120)
        every_client_goes_on(report, BUSY)
    assert lost(stage, report) == [], report


def test_the_load_notices_an_upgrade_that_nobody_tends_to(stage: Stage) -> None:
    # "Nothing was lost" is worth as much as this. HAProxy's own package loses nothing.
    if stage.proxy == "haproxy":
        pytest.skip("HAProxy is reloaded by its own package")
    command = stage.prepare(PACKAGES[stage.proxy], UPGRADES + 1)
    stage.seen.shell("mv /etc/apt/apt.conf.d/53homeport-packages /root/")
    with load(stage.target, BUSY) as report:
        every_client_goes_on(report, BUSY)
        stage.seen.shell(command)
        every_client_goes_on(report, BUSY)
    stage.seen.shell("mv /root/53homeport-packages /etc/apt/apt.conf.d/")
    assert report.failures
