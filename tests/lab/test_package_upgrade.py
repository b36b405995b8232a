"""Upgrades of the proxy's packages, and of a library that it runs, under a steady load: nobody notices.

The packages are the distribution's own, with a higher version. `make test-kill` has twenty upgrades, `make test` three.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from homeport.lab import Lab
from homeport.lab.model import LabHost
from tests.lab.clients import Target
from tests.lab.commands import findings
from tests.lab.kill_points import EVERYWHERE
from tests.lab.load import EVERYTHING, KEEP_ALIVE_GET, KEEP_ALIVE_POST, NEW_CONNECTION, load
from tests.lab.project import Project, Seen, until
from tests.lab.seasoned import Seasoned
from tests.lab.sites import every_client_goes_on

pytestmark = [pytest.mark.lab, pytest.mark.either_suite]
# HTTP/2 and WebSockets end as in a reload: docs/architecture.md.
BUSY = {kind: EVERYTHING[kind] for kind in (KEEP_ALIVE_GET, KEEP_ALIVE_POST, NEW_CONNECTION)}
UPGRADES, LIBRARY_UPGRADES = (20, 5) if EVERYWHERE else (3, 1)
PACKAGES = {"nginx": "nginx nginx-common", "haproxy": "haproxy"}
LIBRARY = {"bookworm": "libssl3", "trixie": "libssl3t64"}
# What depends on the very version of another one of them depends on the new one.
REPACK = """
set -eu
export LC_ALL=C
mkdir -p /root/debs && cd /root/debs
for name in {names}; do
    if [ ! -d "$name" ]; then
        apt-get -qq update
        apt-get -qq download "$name"
        dpkg-deb -R "$name"_*.deb "$name" && rm "$name"_*.deb
        mv "$name/DEBIAN/control" "$name.control"
    fi
    old=$(sed -n 's/^Version: //p' "$name.control")
    new=$old+lab{number}
    sed "s/^Version: .*/Version: $new/; s/(= $old)/(= $new)/g" "$name.control" >"$name/DEBIAN/control"
    dpkg-deb -b "$name" "$name.{number}.deb" >/dev/null
done
"""
MASTER = {
    "nginx": "cat /run/nginx.pid",
    "haproxy": "systemctl show -p MainPID --value haproxy",
}


@dataclass
class Stage:
    """A machine with the notes application behind a proxy."""

    project: Project
    host: LabHost
    seen: Seen
    target: Target
    proxy: str

    def prepare(self, names: str, number: int) -> str:
        """Make packages of a higher version, and return the command that installs them."""
        self.seen.shell(REPACK.format(names=names, number=number))
        files = " ".join(f"/root/debs/{name}.{number}.deb" for name in names.split())
        return f"DEBIAN_FRONTEND=noninteractive apt-get -qq -y install {files} >/root/apt.log 2>&1"

    def replaced(self) -> str:
        """Return what of its program and libraries the proxy runs that is no longer on the disk."""
        return self.seen.shell(f"grep 'r-xp.* /usr.*(deleted)' /proc/$({MASTER[self.proxy]})/maps || true")

    def is_up_to_date(self) -> bool:
        """Tell whether the upgrade has ended, and the proxy, as systemd follows it, runs what is on the disk."""
        if self.seen.property("homeport-use-upgrades@proxy.service", "ActiveState") != "inactive" or self.replaced():
            return False
        followed = self.seen.property(f"{self.proxy}.service", "MainPID")
        return followed == self.seen.shell(MASTER[self.proxy])


@pytest.fixture(
    scope="module",
    params=[
        "bookworm-nginx",
        "trixie-nginx",
        *(pytest.param(f"{suite}-haproxy", marks=pytest.mark.sampled) for suite in LIBRARY),
    ],
)
def stage(
    request: pytest.FixtureRequest, lab: Lab, tmp_path_factory: pytest.TempPathFactory, seasoned: Seasoned
) -> Iterator[Stage]:
    suite, _, proxy = request.param.partition("-")
    host = seasoned.add(f"upgraded-{request.param}", suite)
    seen = Seen(lab, host)
    if proxy == "haproxy":
        seen.shell("systemctl -q disable --now nginx")
    project = Project.create(tmp_path_factory.mktemp(request.param) / "project", lab, "notes", proxy=proxy)
    project.deployed(host)
    yield Stage(project, host, seen, Target(host.domain, host.address, lab.directory.ca_file), proxy)
    lab.remove(host.name)


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
    assert report.failures == [], (
        f"{report}\n{stage.seen.shell('journalctl -n 50 -u nginx -u haproxy; cat /root/apt.log')}"
    )
    installed = stage.seen.shell(f"dpkg-query -W -f '${{Version}}\n' {PACKAGES[stage.proxy]}").split()
    assert all(version.endswith(f"+lab{UPGRADES}") for version in installed)
    if stage.proxy == "nginx":  # HAProxy's keeps its number: it executes the new one in its own place
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


@pytest.mark.sampled
def test_a_program_that_does_not_start_leaves_the_old_one_and_the_next_try_mends_it(stage: Stage) -> None:
    program = f"/usr/sbin/{stage.proxy}"
    with load(stage.target, BUSY) as report:
        every_client_goes_on(report, BUSY)
        stage.seen.shell(f"cp {program} {program}.good && cp /bin/false {program}.bad && mv {program}.bad {program}")
        stage.seen.shell("! systemctl start homeport-use-upgrades@proxy.service")
        every_client_goes_on(report, BUSY)
        stage.seen.shell(f"mv {program}.good {program} && systemctl start homeport-use-upgrades@proxy.service")
        assert until(stage.is_up_to_date, 120)
        every_client_goes_on(report, BUSY)
    assert report.failures == [], report


@pytest.mark.sampled
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
