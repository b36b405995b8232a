"""The files of HAProxy and Caddy, and a machine that goes from one proxy to the other."""

from __future__ import annotations

import random
import re
from dataclasses import replace

import pytest
from pydantic import ValidationError

from homeport.comparison.compare import file_changes
from homeport.host.proxies.caddy.proxy import Caddy
from homeport.host.services.unit_state import UnitState
from homeport.machine.scope import effective_settings
from homeport.preflight import proxy_change
from homeport.preflight.preflight import preflight
from homeport.proxies.chosen import PROXIES, USUAL
from homeport.proxies.nginx.step import OTHERS
from homeport.rendering.filters import more_than
from homeport.settings import Settings
from homeport.settings.proxy import LACKS
from homeport.state.machine_values import MachineValues, parse
from homeport.state.paths import NGINX_DEFAULT, PROXY_RECORD
from homeport.state.query import query
from homeport.state.snapshot import Claim, MachineFound, PathFound, PortHolder, Snapshot
from homeport.state.wanted import Wanted
from tests.nginx_sites import some_sites
from tests.state.builders import (
    NOW,
    as_wanted,
    bare,
    changes_by_phase,
    make_settings,
    make_source,
    make_wanted,
    wanted_for,
)

HAPROXY = make_settings(proxy="haproxy")
SITE = "/etc/haproxy/homeport/notes.cfg"
TITLES = {"haproxy": "HAProxy", "caddy": "Caddy"}
SITES = {"haproxy": SITE, "caddy": "/etc/caddy/homeport/notes.caddy"}
VALUES = "/etc/homeport/notes/machine.json"


@pytest.fixture(params=list(TITLES))
def other(request: pytest.FixtureRequest) -> str:
    """Return a proxy that is not the usual one."""
    return str(request.param)


def wanting(other: str) -> Wanted:
    return make_wanted(make_settings(proxy=other))


def content(wanted: Wanted, path: str) -> str:
    [file] = [file for file in wanted.part.files if file.path == path]
    return file.content


def on_nginx(wanted: Wanted) -> Snapshot:
    """Return the host that is as wanted with Nginx, as it is read for a deploy that wants another proxy."""
    before, after = as_wanted(make_wanted()), as_wanted(wanted)
    units = {**before.units, "nginx.service": UnitState("loaded", "active", "enabled", needs_reload=False)}
    ports = tuple(PortHolder(port, "nginx", "nginx.service") for port in (80, 443))
    assert NGINX_DEFAULT in before.paths
    found = replace(before, units=units, ports=ports, packages=before.packages | {wanted.proxy})
    return replace(found, releases=found.releases | after.releases, environments=after.environments, clock=NOW)


def lines(found: Snapshot, settings_given: dict[str, object]) -> list[str]:
    settings = make_settings(**settings_given)
    wanted = make_wanted(settings)
    return [problem.line() for problem in preflight(settings, make_source(), wanted, found, NOW)]


def test_a_machine_with_nginx_has_nothing_of_haproxy_and_the_other_way_round() -> None:
    nginx, haproxy = make_wanted(), make_wanted(HAPROXY)
    assert "haproxy" not in nginx.part.packages
    assert "nginx" not in haproxy.part.packages
    assert not [file.path for file in nginx.part.files if "haproxy" in file.path.replace("/hostprogram/", "")[20:30]]
    assert not [file.path for file in haproxy.part.files if "/etc/nginx" in file.path or "nginx.service" in file.path]
    assert haproxy.release.id != nginx.release.id
    assert [file.path.rpartition("/")[2] for file in haproxy.release.etc if "site" in file.path] == ["site.cfg"]


def test_what_the_owner_has_in_etc_default_is_added_to_what_homeport_needs() -> None:
    """An EnvironmentFile wins over each Environment of a unit, so that no option of ours may be in a variable."""
    dropin = content(make_wanted(HAPROXY), "/etc/systemd/system/haproxy.service.d/homeport.conf").splitlines()
    lines = [line for line in dropin if "/usr/sbin/haproxy" in line]
    assert [line.partition("=")[0] for line in lines] == ["ExecStart", "ExecReload"]
    for line in lines:
        assert "-f /etc/haproxy/haproxy.cfg -f /etc/haproxy/homeport " in line
        assert line.endswith(" $EXTRAOPTS")
    assert dropin[dropin.index(lines[0]) - 1] == "ExecStart="
    assert not any(line.startswith("Environment") for line in dropin)
    assert all(line.endswith(" --proxy haproxy") for line in dropin if "stamp-proxy" in line)


@pytest.mark.parametrize("seed", range(20))
def test_every_name_of_a_site_is_answered_once_and_nothing_of_it_breaks_a_line(seed: int) -> None:
    for settings in some_sites(random.Random(seed)):  # noqa: S311
        without = {"response_headers_kilobytes": 32, "rate_limits": {}}
        given = settings.model_copy(update={"proxy": "haproxy", **without})
        text = content(make_wanted(given), f"/etc/haproxy/homeport/{settings.app_name}.cfg")
        backends = [line.split()[1] for line in text.splitlines() if line.startswith("backend ")]
        named = [f"_{name[1:]}" if name.startswith("*") else name for name in settings.domains]
        assert sorted(backends) == sorted(f"{kind}:{name}" for name in named for kind in ("http", "https"))
        [names] = [line for line in text.splitlines() if line.startswith("# certificate: ")]
        assert names.split()[-len(settings.domains) :] == list(settings.domains)
        assert ("[ssl-min-ver TLSv1.3]" in names) == (settings.tls_profile == "modern")
        assert f"server blue 127.0.0.1:{settings.port_blue}" in text
        # What waits is tried again where the flag says then, or at the standby.
        assert "option redispatch 2" in text
        assert ("balance hash" in text) != settings.standby


@pytest.mark.parametrize("seed", range(20))
def test_caddy_has_a_site_for_every_name_and_says_nothing_that_others_would_read_as_theirs(seed: int) -> None:
    for settings in some_sites(random.Random(seed)):  # noqa: S311
        without = {"rate_limits": {}, "trusted_proxies": (), "basic_auth": {}, "standby": False}
        given = settings.model_copy(update={"proxy": "caddy", **without})
        app = settings.app_name
        text = content(make_wanted(given), f"/etc/caddy/homeport/{app}.caddy")
        rows = text.splitlines()
        blocks = [word.rstrip(",") for row in rows if row.startswith("http") for word in row.split()[:-1]]
        assert sorted(blocks) == sorted(f"{way}://{name}" for name in settings.domains for way in ("http", "https"))
        # What is shared by the sites of a machine has the application's name.
        assert all(row.startswith(f"({app}-") for row in rows if row.startswith("("))
        assert f"# names: {' '.join(settings.domains)}" in rows
        assert ("protocols tls1.3" in map(str.strip, rows)) == (settings.tls_profile == "modern")
        assert Caddy().ports(app, text) == {"blue": settings.port_blue, "green": settings.port_green}


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("static", {"/x": "a"}),
        ("spa", {"/": "a"}),
        ("error_page", "error.html"),
        ("brotli", True),
        ("rate_limits", {"/": "5/second"}),
        ("basic_auth", {"guest": "PASSWORD"}),
        ("trusted_proxies", ["192.0.2.0/24"]),
        ("proxy_protocol", "8443 from 10.0.0.0/24"),
        ("standby", True),
    ],
)
def test_what_caddy_does_not_have_is_refused_by_its_name(setting: str, value: object) -> None:
    with pytest.raises(ValidationError) as refused:
        make_settings(proxy="caddy", **{setting: value})
    [error] = refused.value.errors()
    assert f"leave {setting} out" in error["msg"]
    assert error["msg"].endswith('or set proxy = "nginx"')
    # An application that has the proxy from another one of the machine is refused by the host's check.
    settings = make_settings(**{setting: value}).model_copy(update={"proxy": "caddy"})
    [problem] = PROXIES["caddy"].problems(settings, make_wanted(), bare())
    assert f"leave {setting} out" in problem.line()
    assert setting in LACKS["caddy"]


def test_no_application_is_mounted_with_caddy() -> None:
    with pytest.raises(ValidationError, match="with Caddy each name is one application's"):
        make_settings(proxy="caddy", mounted_on="shop", mount_path="/x")


@pytest.mark.parametrize("number", [1, 9, 10, 99, 1000, 1048576, 52428800])
def test_numbers_are_compared_by_their_digits(number: int) -> None:
    larger = re.compile(more_than(number))
    for one in (0, 1, number - 1, number, number + 1, number * 2, number * 10, 10**9):
        assert bool(larger.match(str(one))) == (one > number), one
    assert larger.match(f"00{number + 1}")


@pytest.mark.parametrize("path", ["/health", "/he%20alth", "/a'b", "/a#b"])
def test_a_health_path_that_cannot_be_written_down_is_left_out(path: str) -> None:
    text = content(make_wanted(make_settings(proxy="haproxy", health_path=path)), SITE)
    assert ("path,url_dec" in text) == (path == "/health")


def test_a_setting_that_it_does_not_have_is_refused_before_a_connection() -> None:
    with pytest.raises(ValidationError, match="leave response_headers_kilobytes out"):
        make_settings(proxy="haproxy", response_headers_kilobytes=64)
    assert make_settings(proxy="haproxy", response_headers_kilobytes=32)


def test_another_proxy_is_refused_and_its_cost_named(other: str) -> None:
    found = on_nginx(wanting(other))
    assert lines(found, {"proxy": other}) == [
        f"proxy: Nginx is the machine's proxy, and would be replaced by {TITLES[other]}: open connections are cut, "
        'and for some seconds nobody is answered; set proxy = "nginx", or allow it for this deploy with '
        "--replace-proxy (pyinfra: --data replace_proxy=True)"
    ]
    assert lines(found, {"proxy": other, "replace_proxy": True}) == []
    # Whoever has Nginx and wants it is not asked, whatever the flag says.
    assert lines(as_wanted(make_wanted()), {"replace_proxy": True}) == []


def test_a_machine_of_several_applications_keeps_its_proxy(other: str) -> None:
    found = replace(on_nginx(wanting(other)), claims=(Claim("blog", ("blog.example.com",), (9001, 9002)),))
    [line] = lines(found, {"proxy": other, "replace_proxy": True})
    assert line == (
        f"proxy: Nginx serves blog on this machine, and would be replaced by {TITLES[other]}; "
        'set proxy = "nginx", or give this application a machine of its own'
    )


def test_the_new_proxy_has_the_site_before_the_old_one_ends(other: str) -> None:
    wanted = wanting(other)
    found = on_nginx(wanted)
    changes = {name: list(map(str, some)) for name, some in changes_by_phase(wanted, found).items()}
    assert any(line.startswith(f"write {SITES[other]}") for line in changes["files"])
    assert [line for line in changes["services"] if "upkeep" not in line] == [
        "stop nginx.service (another proxy takes its place: open connections are cut)",
        f"start {other}.service (is not there)",
        f"enable {other}.service (is not there)",
        f"record {other} (the machine's proxy from now on)",
        "write /etc/homeport/notes/machine.json (the machine's proxy from now on)",
        "disable nginx.service (another proxy takes its place)",
        "unblock nginx.service (its start condition is no longer needed)",
        f"unblock {other}.service (its start condition is no longer needed)",
        f"reload {other}.service (runs an older configuration or certificate)",
    ]
    # The record is never among the files, which are written before; what decides about a boot from then on is first.
    assert not any(PROXY_RECORD in line for line in changes["files"])
    written = [line for line in changes["files"] if line.startswith("write")]
    assert written[:2] == [
        f"write /etc/systemd/system/{name}.service.d/homeport-condition.conf (missing)" for name in ("nginx", other)
    ]
    # Somebody's own Nginx, which has nothing of homeport's, is none that is replaced.
    own = replace(found, paths={path: one for path, one in found.paths.items() if path != NGINX_DEFAULT})
    assert not any("nginx" in str(change) for change in changes_by_phase(wanted, own)["services"])
    assert any("port 80 is held by nginx" in line for line in lines(own, {"proxy": other, "replace_proxy": True}))


def services(wanted: Wanted, found: Snapshot) -> list[str]:
    """Return the changes of units, but for those that a finished change of proxy has left to reload."""
    changes = changes_by_phase(wanted, found).get("services", ())
    return [f"{one.verb} {one.what}" for one in changes if one.verb != "reload"]


def in_between(serving: str, *, record: str, enabled: tuple[str, ...], other: str = "haproxy") -> Snapshot:
    """Return the machine with the files of both, on which `serving` has the ports ("": none of them has)."""
    nginx, its = as_wanted(make_wanted()), as_wanted(wanting(other))
    paths = nginx.paths | its.paths | {VALUES: nginx.paths[VALUES]}
    if record == "nginx":
        paths.pop(PROXY_RECORD)
    units = {
        f"{name}.service": UnitState(
            *("loaded", "active" if name == serving else "inactive", "enabled" if name in enabled else "disabled"),
            needs_reload=False,
        )
        for name in ("nginx", other)
    }
    ports = tuple(PortHolder(port, serving, f"{serving}.service") for port in (80, 443) if serving)
    packages = nginx.packages | its.packages
    return replace(nginx, packages=packages, paths=paths, units=nginx.units | its.units | units, ports=ports)


def test_a_change_of_proxy_that_was_killed_before_the_new_one_started_left_the_machine_to_the_old_one(
    other: str,
) -> None:
    """The package of the new one has started and enabled it; with Debian's configuration, it has no ports."""
    found = in_between("nginx", record="nginx", enabled=("nginx", other), other=other)
    active = found.units[f"{other}.service"]._replace(active="active")
    found = replace(found, units=found.units | {f"{other}.service": active})
    # Who goes on wanting the old one is asked for no flag, and the new one would not want its ports after a boot.
    assert lines(found, {}) == []
    assert services(make_wanted(), found) == [f"disable {other}.service"]
    # Who wants the new one still has to allow it; what the package has started has not read any site.
    assert len(lines(found, {"proxy": other})) == 1
    assert services(wanting(other), found) == [
        *("stop nginx.service", f"restart {other}.service", f"record {other}", f"write {VALUES}"),
        *("disable nginx.service", "unblock nginx.service", f"unblock {other}.service"),
    ]


def values_in(found: Snapshot, settings: Settings) -> dict[str, object]:
    """Return what the phase of files would have the record say that the application sets for the machine."""
    known = replace(found.machine, values=(MachineValues("notes", {"reboot_time": "04:00"}),))
    files = file_changes(make_wanted(settings), replace(found, machine=known)).files
    [file] = [file for file in files if file.path == VALUES]
    record = parse(file.content)
    assert record
    return dict(record.values)


def test_until_a_new_proxy_serves_the_machines_values_name_the_old_one(other: str) -> None:
    """What else the settings say is written with the other files; another application's deploy is told of all of it."""
    for serving, wanted in (("nginx", other), (other, "nginx")):
        settings = make_settings(proxy=wanted, reboot_time="03:00")
        before = in_between(serving, record=serving, enabled=("nginx", other), other=other)
        found = values_in(before, settings)
        # Who has never named a proxy has Nginx.
        assert found == ({"reboot_time": "03:00"} if serving == "nginx" else {"proxy": serving, "reboot_time": "03:00"})
        # Once it serves, the record says it.
        new = in_between(wanted, record=serving, enabled=("nginx", other), other=other)
        assert values_in(new, settings) == {"proxy": wanted, "reboot_time": "03:00"}


def test_an_application_that_comes_after_a_failed_change_of_proxy_has_the_one_that_serves() -> None:
    found = in_between("nginx", record="nginx", enabled=("nginx",))
    record = MachineValues("notes", {"proxy": "nginx"})
    blog = make_settings(app_name="blog", domain="blog.example.com", domain_aliases="", port_blue=9001, port_green=9002)
    assert effective_settings(blog, [record]).proxy == "nginx"
    wanted = make_wanted(effective_settings(blog, [record]))
    assert list(proxy_change.refusals(blog, wanted, found)) == []


def test_a_package_that_a_killed_deploy_has_installed_is_disabled_with_its_start_condition(other: str) -> None:
    """It has no configuration of homeport's yet, and Debian's would have its page at port 80 after a boot."""
    found = in_between(other, record=other, enabled=("nginx", other), other=other)
    paths = {path: one for path, one in found.paths.items() if path != NGINX_DEFAULT}
    condition = PathFound("file", 0o644, "root", "root")
    wanted = wanting(other)
    paths[VALUES] = as_wanted(wanted).paths[VALUES]
    place = "/etc/systemd/system/nginx.service.d/homeport-condition.conf"
    assert services(wanted, replace(found, paths=paths | {place: condition})) == [
        *("disable nginx.service", "unblock nginx.service")
    ]
    # Without one it is the owner's.
    assert services(wanted, replace(found, paths=paths)) == []


def test_nginx_starts_without_a_record_and_so_its_condition_names_all_other_proxies() -> None:
    assert {*OTHERS, USUAL} == set(PROXIES)


def test_a_change_of_proxy_that_was_killed_while_nobody_served_begins_again(other: str) -> None:
    found = in_between("", record="nginx", enabled=("nginx",), other=other)
    assert services(make_wanted(), found) == ["start nginx.service"]
    assert services(wanting(other), found) == [
        *(f"start {other}.service", f"enable {other}.service", f"record {other}", f"write {VALUES}"),
        *("disable nginx.service", "unblock nginx.service", f"unblock {other}.service"),
    ]


def test_a_change_of_proxy_that_was_killed_once_the_new_one_served_is_finished_without_the_flag(other: str) -> None:
    started = in_between(other, record="nginx", enabled=("nginx",), other=other)
    recorded = in_between(other, record=other, enabled=("nginx", other), other=other)
    assert lines(started, {"proxy": other}) == lines(recorded, {"proxy": other}) == []
    assert services(wanting(other), started) == [
        *(f"enable {other}.service", f"record {other}", "disable nginx.service")
    ]
    assert services(wanting(other), recorded) == ["disable nginx.service"]
    # Whoever wants the old one back wants what serves to be replaced, whatever the record says.
    for found in (started, recorded):
        assert len(lines(found, {})) == 1
        assert services(make_wanted(), found)[:2] == [f"stop {other}.service", "start nginx.service"]


def test_a_proxy_that_has_got_other_work_since_it_was_left_is_nobodys_leftover(other: str) -> None:
    found = in_between("nginx", record="nginx", enabled=("nginx", other), other=other)
    [path] = PROXIES[other].instead
    theirs = replace(found, paths=found.paths | {path: replace(found.paths[path], digest="0" * 64)})
    assert services(make_wanted(), found) == [f"disable {other}.service"]
    assert services(make_wanted(), theirs) == []


@pytest.mark.parametrize("proxy", ["nginx", "haproxy"])
def test_a_damaged_record_is_written_anew(proxy: str) -> None:
    wanted = make_wanted(make_settings(proxy=proxy))
    found = as_wanted(wanted)
    damaged = PathFound("file", 0o644, "root", "root", digest="0" * 64)
    assert services(wanted, replace(found, paths=found.paths | {PROXY_RECORD: damaged})) == [f"record {proxy}"]


def test_a_machine_that_serves_no_site_has_no_record_of_a_proxy() -> None:
    wanted = wanted_for(frozenset({"worker"}), HAPROXY)
    assert PROXY_RECORD not in query(wanted).paths
    assert not any(line.startswith("record") for line in services(wanted, bare()))


def test_a_first_deploy_records_the_proxy_when_it_runs(other: str) -> None:
    verbs = services(wanting(other), bare())
    assert verbs.index(f"start {other}.service") < verbs.index(f"record {other}")
    assert not any(verb.startswith("record") for verb in services(make_wanted(), bare()))


def test_a_proxy_that_its_package_has_started_reads_its_site_with_the_first_deploy(other: str) -> None:
    """The host program asks Nginx what it has read while nothing else is recorded."""
    wanted = wanting(other)
    found = as_wanted(wanted)
    found.paths.pop(PROXY_RECORD)
    changes = [f"{one.verb} {one.what}" for one in changes_by_phase(wanted, found)["services"]]
    assert changes == [f"record {other}", f"reload {other}.service"]


def test_the_host_that_is_as_wanted_is_not_changed(other: str) -> None:
    wanted = wanting(other)
    assert changes_by_phase(wanted, as_wanted(wanted)) == {}


def test_a_machine_without_ipv6_has_no_addresses_of_it() -> None:
    other_system = make_wanted(HAPROXY, MachineFound(ipv6=False))
    assert "bind :::443" not in content(other_system, "/etc/haproxy/haproxy.cfg")
