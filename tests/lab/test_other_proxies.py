"""HAProxy, Caddy and Traefik as the machine's proxy: what users rely on with Nginx. Read back from outside and with
systemd.

The tests of a proxy share a machine and go on from one another, in the order in which they stand: those that are
sampled are drawn together. `make test-all` and `make test-kill` have twenty releases, `make test` two.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from _pytest.mark import ParameterSet

from homeport.lab import Lab
from tests.lab.api_pages import assert_pages_load
from tests.lab.clients import SERVICE_RESTART, Target
from tests.lab.commands import findings, homeport, refusal, settle_data
from tests.lab.kill_points import EVERYWHERE
from tests.lab.load import NEW_CONNECTION, WEBSOCKET, Report, load
from tests.lab.project import Project, Seen, changes_nothing, until
from tests.lab.proxies import PROXIES, Case
from tests.lab.seasoned import Seasoned
from tests.lab.sites import BUSY, SETTINGS, SHORT, Site, assert_nobody_noticed, every_client_goes_on, under_load
from tests.tiers import SUITES

pytestmark = [pytest.mark.lab, pytest.mark.either_suite]
RELEASES, RELOADS = (20, 40) if EVERYWHERE else (2, 8)
PROBE = {NEW_CONNECTION: replace(BUSY[NEW_CONNECTION], interval_seconds=0.1)}
OTHER = {"proxy": "nginx"}
ALWAYS = "haproxy"
NO_CLOSE_FRAME = "no close frame"
RECORD = "/etc/homeport/proxy.json"
# Traefik is one of them: what a deploy that wanted another proxy has left of them is changed back.
TOOLS = "install tools "


def case(proxy: str, suite: str) -> ParameterSet:
    """Return the parameter of a proxy on a suite; all but one proxy's are drawn, as the tests of each take minutes."""
    return pytest.param(f"{proxy}-{suite}", marks=[] if proxy == ALWAYS else [pytest.mark.sampled(proxy)])


@pytest.fixture(scope="module", params=[case(name, suite) for name in PROXIES for suite in SUITES])
def site(
    request: pytest.FixtureRequest, lab: Lab, tmp_path_factory: pytest.TempPathFactory, seasoned: Seasoned
) -> Iterator[Site]:
    proxy, suite = request.param.split("-")
    host = seasoned.add(request.param, suite)
    seen = Seen(lab, host)
    seen.shell("systemctl -q disable --now nginx")
    project = Project.create(tmp_path_factory.mktemp(proxy) / "project", lab, migrate_on=host.name, proxy=proxy)
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


def its(site: Site) -> str:
    """Return the proxy that the project's settings name."""
    return site.host.name.partition("-")[0]


def ours(site: Site) -> Case:
    return PROXIES[its(site)]


def read(site: Site) -> str:
    """Return what changes whenever the proxy reads its configuration."""
    return site.seen.shell(ours(site).read)


def test_a_first_deploy_serves_and_a_second_one_changes_nothing(site: Site) -> None:
    assert site.seen.get("/health")["release"] == site.live[-1]
    assert site.seen.shell("ss -Hltnp '( sport = :443 or sport = :80 )' | grep -vc " + its(site) + " || true") == "0"
    assert site.seen.property(its(site), "UnitFileState") == "enabled"
    before = read(site)
    assert changes(site, **SETTINGS) == []
    assert read(site) == before


def without_cut_websockets(site: Site, report: Report) -> None:
    """Take WebSockets that Caddy has cut for some that the slot has closed, as it does when it is stopped.

    Caddy ends both directions as soon as one has ended, which may be before it has passed on the other's last words.
    """
    if its(site) == "caddy":
        cut = [one for one in report.failures if one.kind == WEBSOCKET and NO_CLOSE_FRAME in one.reason]
        print(f"WebSockets that ended without a close frame: {len(cut)}")
        report.failures[:] = [one for one in report.failures if one not in cut]
        report.closed[SERVICE_RESTART] += len(cut)


def test_releases_lose_no_request(site: Site) -> None:
    def release(site: Site) -> None:
        for number in range(RELEASES):
            site.run(environment=f'{{"NUMBER": "{number}"}}')

    began = read(site)
    [report] = under_load([site], release)
    assert len(set(site.live)) == 1 + RELEASES
    assert read(site) == began
    without_cut_websockets(site, report)
    assert_nobody_noticed(site, report, 0, 0)


def test_a_release_with_another_site_loses_no_request(site: Site) -> None:
    """It is reloaded just before the switch: what the old process has left of connections must follow it too."""
    began = read(site)
    [report] = under_load([site], lambda site: site.run(client_max_body_megabytes=11), BUSY)
    assert read(site) != began
    assert_nothing_lost(site, report)


def test_a_reload_cuts_no_request_of_clients_that_ask_every_second(site: Site) -> None:
    def reload(site: Site) -> None:
        for _ in range(RELOADS):
            site.seen.shell(f"systemctl reload {its(site)}")

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
    """To the release before the other site, and so with a reload as well."""
    [report] = under_load([site], lambda site: site.run(release="previous", accept_migrations="true"), BUSY)
    assert_nothing_lost(site, report)
    assert site.live[-1] == site.live[-3]
    # Everything that comes wants what is in the settings again.
    site.run()
    assert changes(site, **SETTINGS) == []


def test_a_release_that_replaces_the_other_makes_clients_wait_and_loses_no_request(site: Site) -> None:
    [report] = under_load([site], lambda site: site.run(switch="restart"), SHORT)
    assert_nothing_lost(site, report)
    site.run()
    assert changes(site, **SETTINGS) == []


def test_maintenance_is_a_page_for_every_visitor_and_the_health_path_answers(site: Site) -> None:
    settle_data(site.project, **SETTINGS)
    before = read(site)
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
    assert read(site) == before


def test_a_renewal_is_served_and_loses_no_request(site: Site) -> None:
    """HAProxy takes it up as it runs, the others by a reload; none by another process."""
    before, serial, process = read(site), site.seen.serial(), site.seen.property(its(site), "MainPID")
    with load(site.target, BUSY) as report:
        every_client_goes_on(report, BUSY)
        site.seen.shell("certbot renew --force-renewal --no-random-sleep-on-renew")
        assert until(lambda: site.seen.serial() != serial, 90)
        every_client_goes_on(report, BUSY)
    assert_nothing_lost(site, report)
    assert (read(site) == before) == (its(site) == "haproxy")
    assert site.seen.property(its(site), "MainPID") == process
    assert changes(site) == []


def test_a_rebooted_machine_serves_the_same_release(site: Site) -> None:
    site.seen.lab.reboot(site.host, hard=True)
    assert until(site.seen.answers, 90)
    assert site.seen.get("/health")["release"] == site.live[-1]
    assert changes(site) == []


def test_a_killed_proxy_comes_back(site: Site) -> None:
    killed = site.seen.property(its(site), "MainPID")
    site.seen.shell(f"kill -9 {killed}")
    assert until(lambda: site.seen.property(its(site), "MainPID") not in ("0", killed) and site.seen.answers(), 60)


def test_the_pages_about_the_api_load_under_a_prefix_too(site: Site) -> None:
    def get(path: str) -> str:
        return site.seen.curl(path, "--fail").stdout

    assert_pages_load(get)
    commit = site.project.git("rev-parse", "HEAD")
    site.project.replace("main.py", "FastAPI(title", 'FastAPI(root_path="/v1", title')
    site.run()
    assert_pages_load(get, "/v1")
    site.project.git("reset", "-q", "--hard", commit)
    site.run()


def test_a_bad_site_is_refused_and_what_serves_goes_on(site: Site) -> None:
    before = read(site)
    place = site.project.override(ours(site).template, ours(site).override)
    result = site.project.deploy(site.host)
    assert result.returncode == 1
    assert f"{its(site)} does not accept its site" in result.stdout
    assert "no-such-word" in result.stdout
    place.unlink()
    assert read(site) == before
    assert site.seen.get("/health")["release"] == site.live[-1]


def ills(site: Site) -> dict[str, dict[str, str]]:
    """Return what the doctor finds, but for the release that was refused above."""
    return {one["id"]: one for one in findings(site.project, site.host.name) if one["id"] != "release_failed"}


def test_the_doctor_finds_nothing_and_names_what_is_wrong_in_its_words(site: Site) -> None:
    assert ills(site) == {}
    site.seen.shell(f"echo '# mine' >>{ours(site).site}")
    ill = ills(site)
    assert f"{ours(site).title} serves something else" in ill["proxy_stale"]["problem"]
    assert "# mine" in ill["proxy_edited"]["evidence"]
    site.project.deployed(site.host)
    assert ills(site) == {}


def test_requests_are_among_the_logs(site: Site) -> None:
    site.seen.curl("/asked-for?token=secret")

    def told() -> str:
        return homeport(site.project, "logs", *limit(site), "--source", "proxy", "-n", "50").stdout

    assert until(lambda: "GET /asked-for?token=secret 404" in told(), 30), told()


def test_an_answer_may_take_as_long_as_the_settings_say(site: Site) -> None:
    """Longer than HAProxy waits for a client that has something to send (`timeout client`), and Nginx for a body."""
    ways = [[version, *body] for version in ("--http1.1", "--http2") for body in ([], ["-X", "GET", "--data", "waits"])]

    def ask(way: list[str]) -> str:
        return site.seen.curl(
            "/slow?seconds=33", "--max-time", "60", "-o", "/dev/null", "-w", "%{http_code}", *way
        ).stdout

    with ThreadPoolExecutor(len(ways)) as pool:
        assert list(pool.map(ask, ways)) == ["200"] * len(ways)


def test_another_proxy_is_refused_without_the_flag_and_takes_its_place_with_it(site: Site) -> None:
    said = f"{ours(site).title} is the machine's proxy, and would be replaced by Nginx: open connections are cut"
    assert said in refusal(site.project.deploy(site.host, **OTHER), 1)
    assert site.seen.property(its(site), "ActiveState") == "active"
    took_its_place(site, "nginx")
    assert site.seen.shell(f"ls {RECORD} 2>/dev/null || true") == ""


def took_its_place(site: Site, proxy: str) -> None:
    """Deploy with another proxy while clients go on, and see that it is the machine's."""
    settings = {"proxy": proxy, **SETTINGS}
    with load(site.target, PROBE) as report:
        every_client_goes_on(report, PROBE)
        site.project.deployed(site.host, **settings, replace_proxy=True)
        every_client_goes_on(report, PROBE)
    times = [one.at for one in report.failures]
    print(f"{proxy}: nobody was answered for {max(times) - min(times) if times else 0:.1f} s: {report}")
    assert_machine_has(site, proxy)
    assert changes(site, **settings) == []


def assert_machine_has(site: Site, proxy: str) -> None:
    [other] = {"nginx", its(site)} - {proxy}
    states = {
        name: (site.seen.property(name, "ActiveState"), site.seen.property(name, "UnitFileState"))
        for name in (proxy, other)
    }
    assert states == {proxy: ("active", "enabled"), other: ("inactive", "disabled")}
    holders = f"ss -Hltnp '( sport = :443 or sport = :80 )' | grep -vc '\"{proxy}\"' || true"
    assert site.seen.shell(holders) == "0"
    assert site.seen.answers()


def test_a_proxy_that_does_not_start_leaves_the_old_one_serving(site: Site) -> None:
    """The owner's options for HAProxy count, and drop-ins of any unit; so does a file in them that is not there."""
    own = its(site)
    site.seen.shell(PROXIES[own].broken)
    with load(site.target, PROBE) as report:
        every_client_goes_on(report, PROBE)
        line = refusal(site.project.deploy(site.host, proxy=own, **SETTINGS, replace_proxy=True), 1)
        every_client_goes_on(report, PROBE)
    print(line)
    assert f"{own}.service: systemctl start failed" in line or f"{own}.service: systemctl restart failed" in line
    assert "/etc/gone.cfg" in line
    assert "nginx.service serves again" in line
    assert_machine_has(site, "nginx")
    # What the host program asks is what serves, as after a deploy that was killed before the new one started.
    assert site.seen.shell(f"ls {RECORD} 2>/dev/null || true") == ""
    assert "nginx" in site.seen.shell("/usr/local/lib/homeport/homeport-host reload-proxy")
    site.seen.shell("grep -q 'proxy.*nginx' /etc/homeport/notes/machine.json")
    assert all(line.startswith(TOOLS) for line in changes(site, **OTHER, **SETTINGS))
    assert changes(site, **OTHER, **SETTINGS) == []

    site.seen.shell(PROXIES[own].never)
    took_its_place(site, own)
    assert own in site.seen.shell(f"cat {RECORD}")
    if own == "haproxy":
        assert "-n 400" in site.seen.shell("tr '\\0' ' ' </proc/$(systemctl show -P MainPID haproxy)/cmdline")
    before = read(site)
    site.seen.shell(f"systemctl reload {its(site)}")
    assert read(site) != before
    assert site.seen.answers()
    site.seen.shell(PROXIES[own].mended)


def test_a_removal_gives_back_what_the_package_had(site: Site) -> None:
    done = homeport(site.project, "remove", *limit(site), "--data", "--machine", "--yes")
    assert done.returncode == 0, done.stdout
    own = its(site)
    gone = f"/etc/{own}/homeport /etc/homeport /etc/systemd/system/{own}.service.d"
    # What the other proxy had stayed on the disk until now.
    gone += " /etc/nginx/homeport /etc/systemd/system/nginx.service.d"
    if own == "traefik":
        gone += " /etc/traefik /etc/systemd/system/traefik.service"
    assert site.seen.shell(f"ls -d {gone} 2>/dev/null || true") == ""
    packages = "nginx" if own == "traefik" else f"{own} nginx"
    assert site.seen.shell(f"dpkg --verify {packages}") == ""
    # Debian's own configuration of Caddy has a welcome page at port 80, that of HAProxy has no port.
    ports = "443" if own == "caddy" else "443 or sport = :80"
    assert site.seen.shell(f"ss -Hltn '( sport = :{ports} )'") == ""
