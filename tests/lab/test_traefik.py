"""Traefik as the machine's proxy: what users rely on with Nginx, once more. Read back from outside and with systemd.

The tests share a machine and go on from one another, in the order in which they stand: those that are sampled are drawn
together. `make test-all` and `make test-kill` have twenty releases, `make test` two.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from homeport.lab import Lab
from tests.lab.clients import Target
from tests.lab.commands import findings, homeport, settle_data
from tests.lab.kill_points import EVERYWHERE
from tests.lab.load import Report, load
from tests.lab.project import Project, Seen, changes_nothing, until
from tests.lab.seasoned import Seasoned
from tests.lab.sites import BUSY, SETTINGS, SHORT, Site, assert_nobody_noticed, every_client_goes_on, under_load

pytestmark = pytest.mark.lab
RELEASES, RELOADS = (20, 40) if EVERYWHERE else (2, 8)


@pytest.fixture(scope="module")
def site(lab: Lab, tmp_path_factory: pytest.TempPathFactory, seasoned: Seasoned) -> Iterator[Site]:
    host = seasoned.add("trf", "trixie")
    seen = Seen(lab, host)
    seen.shell("systemctl -q disable --now nginx")
    project = Project.create(tmp_path_factory.mktemp("trf") / "project", lab, migrate_on=host.name, proxy="traefik")
    site = Site(project, host, seen, Target(host.domain, host.address, lab.directory.ca_file))
    site.run()
    yield site
    lab.remove(host.name)


def changes(site: Site, **data: object) -> list[str]:
    """Deploy once more, and return what that has changed."""
    said = site.project.deployed(site.host, **data)
    mark = f"    [{site.host.name}]   "
    lines = [line.removeprefix(mark) for line in said.splitlines() if line.startswith(mark)]
    assert bool(lines) != changes_nothing(said), said
    return lines


def limit(site: Site) -> tuple[str, ...]:
    return ("lab", "--limit", site.host.name)


def assert_nothing_lost(site: Site, report: Report) -> None:
    print(report)
    assert report.failures == [], f"{report}\n{site.last_words()}"


def process(site: Site) -> str:
    """Return the process that serves."""
    return site.seen.property("traefik", "MainPID")


def test_a_first_deploy_serves_and_a_second_one_changes_nothing(site: Site) -> None:
    assert site.seen.get("/health")["release"] == site.live[-1]
    assert site.seen.shell("ss -Hltnp '( sport = :443 or sport = :80 )' | grep -vc traefik || true") == "0"
    assert site.seen.property("traefik", "UnitFileState") == "enabled"
    before = process(site)
    assert changes(site, **SETTINGS) == []
    assert process(site) == before


def test_releases_lose_no_request(site: Site) -> None:
    def release(site: Site) -> None:
        for number in range(RELEASES):
            site.run(environment=f'{{"NUMBER": "{number}"}}')

    began = process(site)
    [report] = under_load([site], release)
    assert len(set(site.live)) == 1 + RELEASES
    assert process(site) == began
    assert_nobody_noticed(site, report, 0, 0)


def test_a_release_with_another_site_loses_no_request(site: Site) -> None:
    began = process(site)
    [report] = under_load([site], lambda site: site.run(client_max_body_megabytes=11), BUSY)
    assert process(site) == began
    assert_nothing_lost(site, report)


def test_a_reload_cuts_no_request_of_clients_that_ask_every_second(site: Site) -> None:
    def reload(site: Site) -> None:
        for _ in range(RELOADS):
            site.seen.shell("systemctl reload traefik")

    [report] = under_load([site], reload, BUSY)
    assert_nothing_lost(site, report)


def test_a_broken_release_leaves_the_old_one_serving(site: Site) -> None:
    before = site.live[-1]
    commit = site.project.git("rev-parse", "HEAD")
    site.project.replace("main.py", "app = ", "raise SystemExit('broken')\napp = ")
    assert site.project.deploy(site.host, **SETTINGS).returncode == 1
    assert site.seen.get("/health")["release"] == before
    site.project.git("reset", "-q", "--hard", commit)


def test_a_rollback_goes_back_and_loses_no_request(site: Site) -> None:
    [report] = under_load([site], lambda site: site.run(release="previous", accept_migrations="true"), BUSY)
    assert_nothing_lost(site, report)
    assert site.live[-1] == site.live[-3]
    site.run()
    assert changes(site, **SETTINGS) == []


def test_a_release_that_replaces_the_other_makes_clients_wait_and_loses_no_request(site: Site) -> None:
    [report] = under_load([site], lambda site: site.run(switch="restart"), SHORT)
    assert_nothing_lost(site, report)
    site.run()
    assert changes(site, **SETTINGS) == []


def test_maintenance_is_a_page_for_every_visitor_and_the_health_path_answers(site: Site) -> None:
    settle_data(site.project, **SETTINGS)
    on = homeport(site.project, "maintenance", *limit(site), "on", "-m", "we move")
    assert on.returncode == 0, on.stdout
    answer = site.seen.curl("/", "-i", "--http1.1").stdout.lower()
    assert answer.startswith("http/1.1 503")
    assert "retry-after: 300" in answer
    assert "strict-transport-security: max-age=63072000" in answer
    assert "text/html; charset=utf-8" in answer
    assert site.seen.get("/health")
    assert homeport(site.project, "maintenance", *limit(site), "off").returncode == 0
    assert site.seen.curl("/notes", "--fail").returncode == 0


def test_a_renewal_is_served_without_a_restart(site: Site) -> None:
    before, serial = process(site), site.seen.serial()
    with load(site.target, BUSY) as report:
        every_client_goes_on(report, BUSY)
        site.seen.shell("certbot renew --force-renewal --no-random-sleep-on-renew")
        assert until(lambda: site.seen.serial() != serial, 30)
        every_client_goes_on(report, BUSY)
    assert_nothing_lost(site, report)
    assert process(site) == before
    assert changes(site) == []


def test_a_rebooted_machine_serves_the_same_release(site: Site) -> None:
    site.seen.lab.reboot(site.host, hard=True)
    assert until(site.seen.answers, 90)
    assert site.seen.get("/health")["release"] == site.live[-1]
    assert changes(site) == []


def test_a_bad_site_is_refused_and_what_serves_goes_on(site: Site) -> None:
    before = process(site)
    override = '{% extends "homeport/traefik/site.yaml" %}\n{% block routers %}\n    other:\n      rule: Nobody(`x`)\n'
    place = site.project.override("traefik/site.yaml", override + "      service: noop@internal\n{% endblock %}\n")
    result = site.project.deploy(site.host)
    assert result.returncode == 1
    assert "traefik does not accept its site" in result.stdout
    assert "Nobody" in result.stdout
    place.unlink()
    assert process(site) == before
    assert site.seen.get("/health")["release"] == site.live[-1]


def ills(site: Site) -> dict[str, dict[str, str]]:
    """Return what the doctor finds, but for the release that was refused above."""
    return {one["id"]: one for one in findings(site.project, site.host.name) if one["id"] != "release_failed"}


def test_the_doctor_finds_nothing_and_names_what_is_wrong_in_traefiks_words(site: Site) -> None:
    assert ills(site) == {}
    site.seen.shell("echo '# mine' >>/etc/traefik/homeport/notes.yaml")
    ill = ills(site)
    assert "Traefik serves something else" in ill["proxy_stale"]["problem"]
    assert "# mine" in ill["proxy_edited"]["evidence"]
    site.project.deployed(site.host)
    assert ills(site) == {}


def test_requests_are_among_the_logs(site: Site) -> None:
    site.seen.curl("/asked-for?token=secret")

    def told() -> str:
        return homeport(site.project, "logs", *limit(site), "--source", "proxy", "-n", "50").stdout

    assert until(lambda: "GET /asked-for?token=secret 404" in told(), 30), told()


def test_a_removal_leaves_nothing(site: Site) -> None:
    done = homeport(site.project, "remove", *limit(site), "--data", "--machine", "--yes")
    assert done.returncode == 0, done.stdout
    gone = "/etc/traefik /etc/homeport /etc/systemd/system/traefik.service /etc/systemd/system/traefik.service.d"
    assert site.seen.shell(f"ls -d {gone} 2>/dev/null || true") == ""
    assert site.seen.shell("ss -Hltn '( sport = :443 or sport = :80 )'") == ""
