"""Releases, rollbacks and crashes under a steady load of real clients: what these see of it.

The clients of one machine are near, those of the other have a round trip of 40 ms. `make test-all` has both at once, so
that the waiting of both overlaps, with ten releases and 200 reloads on each and five ways back; `make test` has the
second alone, with four, twenty and two. The tests go on from one another, in the order in which they stand.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from functools import partial

import pytest

from homeport.lab import Lab
from tests.lab.clients import Target
from tests.lab.commands import homeport, settle_data
from tests.lab.kill_points import EVERYWHERE
from tests.lab.load import EVERYTHING, KEEP_ALIVE_POST, NEW_CONNECTION, WEBSOCKET, from_afar, load
from tests.lab.project import Project, Seen, until
from tests.lab.seasoned import Seasoned
from tests.lab.sites import (
    SETTINGS,
    SHORT,
    Site,
    assert_nobody_noticed,
    each,
    every_client_goes_on,
    neighbour,
    under_load,
)
from tests.lab.visitors import LOOKING, MORE_PROGRAMS, NOW_AND_THEN, RARELY, TWICE_A_SECOND, is_of_http_2, losses, saved
from tests.pace import patience

pytestmark = pytest.mark.lab
ROUND_TRIP_SECONDS = 0.04
RELOADS, FULL_CLOSINGS = (200, 10) if EVERYWHERE else (8, 1)
# By whom Nginx is reloaded in a second: all that systemd hears of.
RELOADED_BY = (
    "systemctl reload nginx",
    "service nginx reload",
    "logrotate -f /etc/logrotate.d/nginx; systemctl reload nginx",
    "systemctl reload-or-restart nginx",
)
RELOADED = "journalctl --sync; journalctl -q -o cat -u nginx | grep -c '^Reloaded' || true"
MACHINES = ("near", "far") if EVERYWHERE else ("far",)
RELEASES = 10 if EVERYWHERE else 3
ROLLBACKS = {"near": 3, "far": 2}
REPLACEMENTS, KILLS = (10, 10) if EVERYWHERE else (2, 3)


@pytest.fixture(scope="module")
def sites(lab: Lab, tmp_path_factory: pytest.TempPathFactory, seasoned: Seasoned) -> Iterator[list[Site]]:
    with ExitStack() as stack:
        made = []
        for name in MACHINES:
            host = seasoned.add(name)
            stack.callback(lab.remove, name)
            target = Target(host.domain, host.address, lab.directory.ca_file)
            reached = stack.enter_context(from_afar(target, ROUND_TRIP_SECONDS)) if name == "far" else target
            project = Project.create(tmp_path_factory.mktemp(name) / "project", lab, migrate_on=name)
            settle_data(project, **SETTINGS)
            made.append(Site(project, host, Seen(lab, host), reached))
        each(made, lambda site: site.run())
        yield made


def is_back(site: Site, unit: str, killed: str) -> bool:
    """Tell whether a unit is up, and healthy, with another process than the killed one."""
    return site.seen.property(unit, "SubState") == "running" and site.seen.property(unit, "MainPID") != killed


def test_releases_lose_no_request(sites: list[Site]) -> None:
    def release(site: Site) -> None:
        for number in range(RELEASES):
            site.run(environment=f'{{"NUMBER": "{number}"}}')

    reports = under_load(sites, release)

    for site, report in zip(sites, reports, strict=True):
        assert len(set(site.live)) == 1 + RELEASES
        assert_nobody_noticed(site, report, 0, 0)


def test_rollbacks_lose_no_request(sites: list[Site]) -> None:
    before = [(len(site.live) - 1, site.notes()) for site in sites]

    def go_back(site: Site) -> None:
        for _ in range(ROLLBACKS[site.host.name]):
            site.run(release="previous", accept_migrations="true")
            assert site.live[-1] in site.live[:-2]
            assert site.live[-1] != site.live[-2]
        # A way back does not wait for the end of what it leaves; that is when its WebSockets are closed.
        assert until(lambda: site.seen.shell("systemctl list-units --plain --no-legend 'notes@*' | wc -l") == "1", 60)

    reports = under_load(sites, go_back)

    for site, report, (number, notes) in zip(sites, reports, before, strict=True):
        assert_nobody_noticed(site, report, number, notes)


def test_reloads_of_the_proxy_lose_no_request_of_clients_that_ask_every_second(sites: list[Site]) -> None:
    kinds = {**TWICE_A_SECOND, **({**MORE_PROGRAMS, **RARELY, **LOOKING} if EVERYWHERE else {})}
    before = [int(site.seen.shell(RELOADED)) for site in sites]

    def reload(site: Site) -> None:
        for cause in itertools.islice(itertools.cycle(RELOADED_BY), RELOADS):
            said = site.seen.shell(f"{{ {cause}; }} >/dev/null && ls /run/homeport/closing 2>/dev/null || true")
            assert said == ""

    reports = under_load(sites, reload, kinds)

    for site, report in zip(sites, reports, strict=True):
        print(f"{site.host.name}: {losses(report)}; WebSockets closed: {dict(report.closed)}")
    for site, report, reloads in zip(sites, reports, before, strict=True):
        assert int(site.seen.shell(RELOADED)) - reloads == RELOADS
        assert saved(report) == [], f"{report}\n{list(map(str, saved(report)))}\n{site.last_words()}"


def test_a_full_closing_loses_no_request_of_a_client_that_asks_now_and_then(
    sites: list[Site], tmp_path_factory: pytest.TempPathFactory
) -> None:
    disturbed = sites if EVERYWHERE else sites[-1:]
    rarely = RARELY if EVERYWHERE else {NOW_AND_THEN: replace(RARELY[NOW_AND_THEN], clients=3, interval_seconds=5.0)}
    kinds = {**TWICE_A_SECOND, **(MORE_PROGRAMS if EVERYWHERE else {}), **rarely}
    beside = {site.host.name: neighbour(site, tmp_path_factory.mktemp("beside")) for site in disturbed}

    def reload(site: Site) -> None:
        causes: tuple[Callable[[Site, int], None], ...]
        causes = (change_site, renew_at_once, renew, partial(change_neighbour, beside[site.host.name]))
        for number, cause in enumerate(itertools.islice(itertools.cycle(causes), FULL_CLOSINGS)):
            before = int(site.seen.shell(RELOADED))
            cause(site, number)
            assert until(lambda: int(site.seen.shell(RELOADED)) > before), cause  # noqa: B023

    reports = under_load(disturbed, reload, kinds)

    for site, report in zip(disturbed, reports, strict=True):
        print(f"{site.host.name}: {report}\n{losses(report)}")
    last = (FULL_CLOSINGS - 1) // 4 * 4  # one cause of four changes the site
    for site, report in zip(disturbed, reports, strict=True):
        assert f"client_max_body_size {3 + last}m" in site.seen.shell("cat /etc/nginx/homeport/notes.conf")
        assert [failure for failure in report.failures if not is_of_http_2(failure)] == [], (
            f"{report}\n{site.last_words()}"
        )


def change_site(site: Site, number: int) -> None:
    site.run(client_max_body_megabytes=3 + number)
    assert until(lambda: site.seen.get("/health")["release"] == site.live[-1], 60)


def renew_at_once(site: Site, _number: int) -> None:
    before = site.seen.serial()
    done = homeport(site.project, "cert", "lab", "--limit", site.host.name, "--renew", "--yes")
    assert done.returncode == 0, done.stdout
    assert site.seen.serial() != before


def renew(site: Site, _number: int) -> None:
    before = site.seen.serial()
    site.seen.shell("certbot renew --force-renewal --no-random-sleep-on-renew")
    assert site.seen.serial() != before


def change_neighbour(project: Project, site: Site, number: int) -> None:
    project.deployed(site.host, client_max_body_megabytes=3 + number)


def test_the_load_notices_a_bare_reload_of_the_proxy(sites: list[Site]) -> None:
    # "Nothing was lost" is worth as much as this.
    def disturb(site: Site) -> None:
        site.seen.shell("nginx -s reload")

    [report] = under_load(sites[:1], disturb)
    assert report.failures


def test_releases_that_replace_one_another_make_clients_wait_and_lose_no_request(sites: list[Site]) -> None:
    before = len(sites[0].live) - 1

    def replace_it(site: Site) -> None:
        for number in range(REPLACEMENTS):
            site.run(switch="restart", environment=f'{{"NUMBER": "in place {number}"}}')

    [report] = under_load(sites[:1], replace_it, SHORT)
    print(report)
    assert report.failures == [], f"{report}\n{sites[0].last_words()}"
    assert report.served(NEW_CONNECTION) == sites[0].live[before:]


def test_without_a_standby_killed_managers_cost_nothing_but_what_is_being_posted(sites: list[Site]) -> None:
    site = sites[0]
    with load(site.target, SHORT) as report:
        for _ in range(KILLS):
            every_client_goes_on(report, SHORT)
            unit = site.unit
            killed = site.kill_manager()
            assert until(partial(is_back, site, unit, killed), 60)
        every_client_goes_on(report, SHORT)
    print(report)
    assert {failure.kind for failure in report.failures} <= {KEEP_ALIVE_POST}, report
    assert len(report.failures) <= KILLS * EVERYTHING[KEEP_ALIVE_POST].clients, report


def test_without_a_standby_a_killed_manager_is_started_anew_within_a_second(sites: list[Site]) -> None:
    site = sites[-1]
    unit = site.unit
    began = float(site.seen.shell("cut -d' ' -f1 /proc/uptime"))
    killed = site.kill_manager()
    assert until(partial(is_back, site, unit, killed), 60)
    assert until(site.seen.answers)
    # What the new one needs until it answers is the application's; how soon it begins is systemd's, by its own clock.
    said = site.seen.shell(f"journalctl -u {unit} -o json --no-pager -n 200").splitlines()
    entries = [(int(one["__MONOTONIC_TIMESTAMP"]) / 1e6, str(one["MESSAGE"])) for one in map(json.loads, said)]
    [ended] = [at for at, text in entries if at > began and "Main process exited" in text]
    [anew] = [at for at, text in entries if at > began and "Scheduled restart job" in text]
    assert anew - ended < patience(1)


def test_with_a_standby_a_killed_manager_costs_nothing_but_what_is_being_posted_to_it(sites: list[Site]) -> None:
    site = sites[0]
    for number in (1, 2):
        site.run(standby="true", environment=f'{{"NUMBER": "standby {number}"}}')
    # What is being posted to a server as it is killed is lost, since nobody knows how far it came: one client posts. A
    # WebSocket ends with its server.
    kinds = dict(EVERYTHING)
    del kinds[WEBSOCKET]
    kills = 5
    with load(site.target, kinds) as report:
        unit = site.unit
        for _ in range(kills):
            killed = site.kill_manager()
            assert until(partial(is_back, site, unit, killed), 60)
    print(report)
    assert {failure.kind for failure in report.failures} <= {KEEP_ALIVE_POST}, report
    assert len(report.failures) <= kills * EVERYTHING[KEEP_ALIVE_POST].clients, report


def test_going_back_to_the_standby_starts_nothing(sites: list[Site]) -> None:
    site = sites[0]
    standby = "notes@green.service" if "blue" in site.unit else "notes@blue.service"
    began = site.seen.property(standby, "ActiveEnterTimestampMonotonic")
    with load(site.target) as report:
        site.run(release="previous", accept_migrations="true")
    assert report.failures == [], report
    assert site.unit == standby
    assert site.seen.property(standby, "ActiveEnterTimestampMonotonic") == began
