"""What a switch brings along, and what happens when it does not come to its end: site, standby, small machines.

The tests share a machine and go on from one another, in the order in which they stand.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest

from homeport.lab import Lab
from homeport.lab.model import LabHost
from tests.lab.project import Project, Seen, changes_nothing, until
from tests.lab.seasoned import Seasoned

pytestmark = pytest.mark.lab
SITE = "/etc/nginx/homeport/hello.conf"
PROGRAM = "/usr/local/lib/homeport/homeport-host"
# Makes a site as Debian 12's Nginx has it of one of Debian 13's: what an upgrade of the distribution leaves.
AS_BEFORE = "s/listen \\(.*443\\) ssl;/listen \\1 ssl http2;/; /^ *http2 on;/d; /^ *ssl_ecdh_curve /d"


@dataclass
class Stage:
    """A machine that serves hello."""

    project: Project
    host: LabHost
    seen: Seen

    def live(self) -> str:
        """Return the slot that the flag names."""
        return self.seen.shell("test -e /etc/homeport/hello/live-green && echo green || echo blue")

    def release(self) -> str:
        """Return the release in the live slot."""
        return self.seen.shell(f"basename $(readlink /srv/hello/slots/{self.live()})")

    def events(self) -> list[tuple[str, str]]:
        """Return what the log of releases says: event and release."""
        lines = self.seen.shell("cat /srv/hello/releases.jsonl").splitlines()
        return [(entry["event"], entry["release"]) for entry in map(json.loads, lines)]


@pytest.fixture(scope="module")
def stage(lab: Lab, tmp_path_factory: pytest.TempPathFactory, seasoned: Seasoned) -> Iterator[Stage]:
    host = seasoned.add("switching", "trixie")
    project = Project.create(
        tmp_path_factory.mktemp("switching") / "project", lab, "hello", workers=1, watch_seconds=1, hold_seconds=4
    )
    project.deployed(host)
    yield Stage(project, host, Seen(lab, host))
    lab.remove(host.name)


def test_a_release_that_fails_leaves_the_old_site_as_well(stage: Stage) -> None:
    before = stage.seen.shell(f"cat {SITE}")
    result = stage.project.deploy(
        stage.host, client_max_body_megabytes=77, health_path="/nowhere", health_timeout_seconds=8
    )
    assert result.returncode == 1
    assert "answered 404 instead of 200" in result.stdout
    assert stage.seen.shell(f"cat {SITE}") == before
    assert stage.seen.answers()


def test_a_changed_site_comes_with_its_release(stage: Stage) -> None:
    first = stage.release()
    stage.project.deployed(stage.host, client_max_body_megabytes=77)
    assert stage.release() != first
    assert "client_max_body_size 77m;" in stage.seen.shell("nginx -T 2>/dev/null")
    stage.project.deployed(stage.host)
    assert stage.release() == first
    assert "client_max_body_size 10m;" in stage.seen.shell("nginx -T 2>/dev/null")


def test_a_request_waits_for_the_application_and_is_told_to_come_again_when_that_does_not_come(stage: Stage) -> None:
    unit = f"hello@{stage.live()}"
    stage.seen.shell(f"systemctl stop {unit}")
    with ThreadPoolExecutor(2) as pool:
        asked = [pool.submit(stage.seen.curl, "/health", "-i", "-w", "%{time_total}") for _ in range(2)]
        for said in (one.result().stdout.lower() for one in asked):
            assert " 503" in said.splitlines()[0], said
            assert "retry-after: 5" in said
            assert float(said.rpartition(">")[2]) >= 4
        waits = pool.submit(stage.seen.curl, "/health", "--fail")
        stage.seen.shell(f"systemctl start {unit}")
        assert waits.result().returncode == 0
    assert until(lambda: '"status":503' in stage.seen.shell("tail -n 5 /var/log/nginx/access.log"))
    # Who lets them wait is none of those who have anything to do here.
    user = stage.seen.shell("ps -o user= -p $(systemctl show -P MainPID homeport-hold.service)")
    assert user not in ("", "root", "www-data", "hello")


def test_a_site_that_nginx_refuses_stops_the_deploy_before_the_migration(stage: Stage) -> None:
    folder = stage.project.folder / "overrides" / "nginx"
    folder.mkdir(parents=True)
    (folder / "site.conf").write_text(
        '{% extends "homeport/nginx/site.conf" %}{% block server %}no_such_thing;{% endblock %}'
    )
    serving = stage.release()
    result = stage.project.deploy(stage.host)
    (folder / "site.conf").unlink()
    assert result.returncode == 1
    assert "nginx does not accept its site" in result.stdout
    assert "no_such_thing" in result.stdout
    assert stage.release() == serving
    assert stage.seen.answers()


def test_a_site_that_somebody_has_edited_is_mended_without_a_release(stage: Stage) -> None:
    serving = stage.release()
    stage.seen.shell(f"echo '# by hand' >>{SITE}")
    stage.project.deployed(stage.host)
    assert "by hand" not in stage.seen.shell(f"cat {SITE}")
    assert stage.release() == serving


def test_a_site_for_the_nginx_before_an_upgrade_gives_way_and_does_not_come_back_with_a_restart(stage: Stage) -> None:
    serving, new = stage.release(), stage.seen.shell(f"cat {SITE}")
    copy = f"/etc/homeport/hello/releases/{serving}/site.conf"
    stage.seen.shell(f"sed -i '{AS_BEFORE}' {SITE} {copy} && cmp {SITE} {copy} && systemctl reload nginx")
    assert stage.seen.shell(f"cat {SITE}") != new
    stage.project.deployed(stage.host)
    assert (stage.release(), stage.seen.shell(f"cat {SITE}")) == (serving, new)
    before = stage.live()
    stage.seen.shell(f"{PROGRAM} restart --app hello")
    assert stage.live() != before
    assert stage.seen.shell(f"cat {SITE}") == new
    assert changes_nothing(stage.project.deployed(stage.host))


def test_a_rollback_to_a_release_for_the_nginx_before_an_upgrade_serves(stage: Stage) -> None:
    stage.project.deployed(stage.host)
    older, new = stage.release(), stage.seen.shell(f"cat {SITE}")
    stage.project.deployed(stage.host, client_max_body_megabytes=33)
    stage.seen.shell(f"sed -i '{AS_BEFORE}' /etc/homeport/hello/releases/{older}/site.conf")
    result = stage.project.pyinfra(stage.host.name, "-y", release="previous")
    assert result.returncode == 0, result.stdout
    assert stage.release() == older
    assert "ssl http2;" in stage.seen.shell(f"cat {SITE}")
    answer = stage.seen.curl("/health", "--fail", "--http2", "-o", "/dev/null", "-w", "%{http_version}")
    assert (answer.returncode, answer.stdout) == (0, "2")
    # The next deploy makes it what it would be here, also when it is the same release, or goes back to it again.
    stage.project.deployed(stage.host)
    assert (stage.release(), stage.seen.shell(f"cat {SITE}")) == (older, new)
    stage.project.deployed(stage.host, client_max_body_megabytes=34)
    stage.seen.shell(f"sed -i '{AS_BEFORE}' /etc/homeport/hello/releases/{older}/site.conf")
    stage.project.deployed(stage.host)
    assert (stage.release(), stage.seen.shell(f"cat {SITE}")) == (older, new)


def test_a_release_that_never_went_live_is_stopped_by_itself(stage: Stage) -> None:
    serving = stage.release()
    other = next(release for event, release in stage.events() if event == "live" and release != serving)
    idle = {"blue": "green", "green": "blue"}[stage.live()]
    stage.seen.shell(f"{PROGRAM} start --app hello --release {other}")
    assert stage.seen.property(f"hello@{idle}", "ActiveState") == "active"
    assert stage.seen.property("homeport-hello-expire.timer", "ActiveState") == "active"
    stage.seen.shell("systemctl start homeport-hello-expire.service")  # what the timer does when its time has come
    assert until(lambda: stage.seen.property(f"hello@{idle}", "ActiveState") == "inactive")
    assert stage.release() == serving
    assert stage.seen.answers()


def test_a_machine_without_memory_for_two_replaces_one_by_the_other(stage: Stage) -> None:
    before = stage.release()
    output = stage.project.deployed(stage.host, switch="restart")
    assert "requests wait until" in output
    assert stage.release() != before
    assert stage.seen.answers()


def test_the_old_release_comes_back_when_a_restarting_switch_fails(stage: Stage) -> None:
    before = stage.release()
    result = stage.project.deploy(stage.host, switch="restart", health_path="/nowhere", health_timeout_seconds=8)
    assert result.returncode == 1
    assert "answered 404 instead of 200" in result.stdout
    assert stage.release() == before
    assert stage.seen.answers()
    assert stage.events()[-1][0] == "failed"


def test_a_standby_is_there_again_after_a_boot_and_only_behind_the_live_one(stage: Stage) -> None:
    stage.project.deployed(stage.host, standby=True)
    live = stage.live()
    idle = {"blue": "green", "green": "blue"}[live]
    assert stage.seen.property(f"hello@{idle}", "ActiveState") == "active"
    assert stage.project.deployed(stage.host, standby=True).count("No changes") > 10
    stage.project.lab.reboot(stage.host)
    assert until(stage.seen.answers, 60)
    assert until(lambda: stage.seen.property(f"hello@{idle}", "ActiveState") == "active", 60)
    assert stage.live() == live
    stage.project.deployed(stage.host)
    assert stage.seen.property(f"hello@{stage.live()}", "ActiveState") == "active"
    other = {"blue": "green", "green": "blue"}[stage.live()]
    assert stage.seen.property(f"hello@{other}", "ActiveState") == "inactive"


def test_a_power_cut_in_the_watch_is_made_good_by_the_next_run(stage: Stage) -> None:
    stage.project.write("NEWS.txt", "watched")
    stage.project.deployed(stage.host)
    assert stage.events()[-1] == ("live", stage.release())
    stage.seen.shell("sed -i '$d' /srv/hello/releases.jsonl")  # the entry that the end of the watch would have made
    output = stage.project.deployed(stage.host)
    assert "watch release" in output
    assert stage.events()[-1] == ("live", stage.release())
