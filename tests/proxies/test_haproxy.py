"""HAProxy's files, and a machine that goes from one proxy to the other."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from pydantic import ValidationError

from homeport.comparison.compare import file_changes
from homeport.host.services.unit_state import UnitState
from homeport.machine.scope import effective_settings
from homeport.preflight import proxy_change
from homeport.preflight.preflight import preflight
from homeport.proxies.chosen import PROXIES, USUAL
from homeport.proxies.nginx.step import OTHERS
from homeport.settings import Settings
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
VALUES = "/etc/homeport/notes/machine.json"


def content(wanted: Wanted, path: str) -> str:
    [file] = [file for file in wanted.part.files if file.path == path]
    return file.content


def on_nginx(wanted: Wanted) -> Snapshot:
    """Return the host that is as wanted with Nginx, as it is read for a deploy that wants HAProxy."""
    before, after = as_wanted(make_wanted()), as_wanted(wanted)
    units = {**before.units, "nginx.service": UnitState("loaded", "active", "enabled", needs_reload=False)}
    ports = tuple(PortHolder(port, "nginx", "nginx.service") for port in (80, 443))
    assert NGINX_DEFAULT in before.paths
    found = replace(before, units=units, ports=ports, packages=before.packages | {"haproxy"})
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


@pytest.mark.parametrize("path", ["/health", "/he%20alth", "/a'b", "/a#b"])
def test_a_health_path_that_cannot_be_written_down_is_left_out(path: str) -> None:
    text = content(make_wanted(make_settings(proxy="haproxy", health_path=path)), SITE)
    assert ("path,url_dec" in text) == (path == "/health")


def test_a_setting_that_it_does_not_have_is_refused_before_a_connection() -> None:
    with pytest.raises(ValidationError, match="leave response_headers_kilobytes out"):
        make_settings(proxy="haproxy", response_headers_kilobytes=64)
    assert make_settings(proxy="haproxy", response_headers_kilobytes=32)


def test_another_proxy_is_refused_and_its_cost_named() -> None:
    found = on_nginx(make_wanted(HAPROXY))
    assert lines(found, {"proxy": "haproxy"}) == [
        "proxy: Nginx is the machine's proxy, and would be replaced by HAProxy: open connections are cut, and for some "
        'seconds nobody is answered; set proxy = "nginx", or allow it for this deploy with --replace-proxy (pyinfra: '
        "--data replace_proxy=True)"
    ]
    assert lines(found, {"proxy": "haproxy", "replace_proxy": True}) == []
    # Whoever has Nginx and wants it is not asked, whatever the flag says.
    assert lines(as_wanted(make_wanted()), {"replace_proxy": True}) == []


def test_a_machine_of_several_applications_keeps_its_proxy() -> None:
    found = replace(on_nginx(make_wanted(HAPROXY)), claims=(Claim("blog", ("blog.example.com",), (9001, 9002)),))
    [line] = lines(found, {"proxy": "haproxy", "replace_proxy": True})
    assert line == (
        "proxy: Nginx serves blog on this machine, and would be replaced by HAProxy; "
        'set proxy = "nginx", or give this application a machine of its own'
    )


def test_the_new_proxy_has_the_site_before_the_old_one_ends() -> None:
    wanted = make_wanted(HAPROXY)
    found = on_nginx(wanted)
    changes = {name: list(map(str, some)) for name, some in changes_by_phase(wanted, found).items()}
    assert any(line.startswith(f"write {SITE}") for line in changes["files"])
    assert [line for line in changes["services"] if "upkeep" not in line] == [
        "stop nginx.service (another proxy takes its place: open connections are cut)",
        "start haproxy.service (is not there)",
        "enable haproxy.service (is not there)",
        "record haproxy (the machine's proxy from now on)",
        "write /etc/homeport/notes/machine.json (the machine's proxy from now on)",
        "disable nginx.service (another proxy takes its place)",
        "unblock nginx.service (its start condition is no longer needed)",
        "unblock haproxy.service (its start condition is no longer needed)",
        "reload haproxy.service (runs an older configuration or certificate)",
    ]
    # The record is never among the files, which are written before; what decides about a boot from then on is first.
    assert not any(PROXY_RECORD in line for line in changes["files"])
    written = [line for line in changes["files"] if line.startswith("write")]
    assert written[:2] == [
        f"write /etc/systemd/system/{name}.service.d/homeport-condition.conf (missing)" for name in ("nginx", "haproxy")
    ]
    # Somebody's own Nginx, which has nothing of homeport's, is none that is replaced.
    own = replace(found, paths={path: one for path, one in found.paths.items() if path != NGINX_DEFAULT})
    assert not any("nginx" in str(change) for change in changes_by_phase(wanted, own)["services"])
    assert any("port 80 is held by nginx" in line for line in lines(own, {"proxy": "haproxy", "replace_proxy": True}))


def services(wanted: Wanted, found: Snapshot) -> list[str]:
    """Return the changes of units, but for those that a finished change of proxy has left to reload."""
    changes = changes_by_phase(wanted, found).get("services", ())
    return [f"{one.verb} {one.what}" for one in changes if one.verb != "reload"]


def in_between(serving: str, *, record: str, enabled: tuple[str, ...]) -> Snapshot:
    """Return the machine with the files of both, on which `serving` has the ports ("": none of them has)."""
    nginx, haproxy = as_wanted(make_wanted()), as_wanted(make_wanted(HAPROXY))
    paths = nginx.paths | haproxy.paths | {VALUES: nginx.paths[VALUES]}
    if record == "nginx":
        paths.pop(PROXY_RECORD)
    units = {
        f"{name}.service": UnitState(
            *("loaded", "active" if name == serving else "inactive", "enabled" if name in enabled else "disabled"),
            needs_reload=False,
        )
        for name in ("nginx", "haproxy")
    }
    ports = tuple(PortHolder(port, serving, f"{serving}.service") for port in (80, 443) if serving)
    packages = nginx.packages | haproxy.packages
    return replace(nginx, packages=packages, paths=paths, units=nginx.units | haproxy.units | units, ports=ports)


def test_a_change_of_proxy_that_was_killed_before_the_new_one_started_left_the_machine_to_the_old_one() -> None:
    """The package of the new one has started and enabled it; with Debian's configuration, it has no ports."""
    found = in_between("nginx", record="nginx", enabled=("nginx", "haproxy"))
    active = found.units["haproxy.service"]._replace(active="active")
    found = replace(found, units=found.units | {"haproxy.service": active})
    # Who goes on wanting the old one is asked for no flag, and the new one would not want its ports after a boot.
    assert lines(found, {}) == []
    assert services(make_wanted(), found) == ["disable haproxy.service"]
    # Who wants the new one still has to allow it; what the package has started has not read any site.
    assert len(lines(found, {"proxy": "haproxy"})) == 1
    assert services(make_wanted(HAPROXY), found) == [
        *("stop nginx.service", "restart haproxy.service", "record haproxy", f"write {VALUES}"),
        *("disable nginx.service", "unblock nginx.service", "unblock haproxy.service"),
    ]


def values_in(found: Snapshot, settings: Settings) -> dict[str, object]:
    """Return what the phase of files would have the record say that the application sets for the machine."""
    known = replace(found.machine, values=(MachineValues("notes", {"reboot_time": "04:00"}),))
    files = file_changes(make_wanted(settings), replace(found, machine=known)).files
    [file] = [file for file in files if file.path == VALUES]
    record = parse(file.content)
    assert record
    return dict(record.values)


def test_until_a_new_proxy_serves_the_machines_values_name_the_old_one() -> None:
    """What else the settings say is written with the other files; another application's deploy is told of all of it."""
    for serving, wanted in (("nginx", "haproxy"), ("haproxy", "nginx")):
        settings = make_settings(proxy=wanted, reboot_time="03:00")
        other = in_between(serving, record=serving, enabled=("nginx", "haproxy"))
        found = values_in(other, settings)
        # Who has never named a proxy has Nginx.
        assert found == ({"reboot_time": "03:00"} if serving == "nginx" else {"proxy": serving, "reboot_time": "03:00"})
        # Once it serves, the record says it.
        new = in_between(wanted, record=serving, enabled=("nginx", "haproxy"))
        assert values_in(new, settings) == {"proxy": wanted, "reboot_time": "03:00"}


def test_an_application_that_comes_after_a_failed_change_of_proxy_has_the_one_that_serves() -> None:
    found = in_between("nginx", record="nginx", enabled=("nginx",))
    record = MachineValues("notes", {"proxy": "nginx"})
    blog = make_settings(app_name="blog", domain="blog.example.com", domain_aliases="", port_blue=9001, port_green=9002)
    assert effective_settings(blog, [record]).proxy == "nginx"
    wanted = make_wanted(effective_settings(blog, [record]))
    assert list(proxy_change.refusals(blog, wanted, found)) == []


def test_a_package_that_a_killed_deploy_has_installed_is_disabled_with_its_start_condition() -> None:
    """It has no configuration of homeport's yet, and Debian's would have its page at port 80 after a boot."""
    found = in_between("haproxy", record="haproxy", enabled=("nginx", "haproxy"))
    paths = {path: one for path, one in found.paths.items() if path != NGINX_DEFAULT}
    condition = PathFound("file", 0o644, "root", "root")
    wanted = make_wanted(HAPROXY)
    paths[VALUES] = as_wanted(wanted).paths[VALUES]
    place = "/etc/systemd/system/nginx.service.d/homeport-condition.conf"
    assert services(wanted, replace(found, paths=paths | {place: condition})) == [
        *("disable nginx.service", "unblock nginx.service")
    ]
    # Without one it is the owner's.
    assert services(wanted, replace(found, paths=paths)) == []


def test_nginx_starts_without_a_record_and_so_its_condition_names_all_other_proxies() -> None:
    assert {*OTHERS, USUAL} == set(PROXIES)


def test_a_change_of_proxy_that_was_killed_while_nobody_served_begins_again() -> None:
    found = in_between("", record="nginx", enabled=("nginx",))
    assert services(make_wanted(), found) == ["start nginx.service"]
    assert services(make_wanted(HAPROXY), found) == [
        *("start haproxy.service", "enable haproxy.service", "record haproxy", f"write {VALUES}"),
        *("disable nginx.service", "unblock nginx.service", "unblock haproxy.service"),
    ]


def test_a_change_of_proxy_that_was_killed_once_the_new_one_served_is_finished_without_the_flag() -> None:
    started = in_between("haproxy", record="nginx", enabled=("nginx",))
    recorded = in_between("haproxy", record="haproxy", enabled=("nginx", "haproxy"))
    assert lines(started, {"proxy": "haproxy"}) == lines(recorded, {"proxy": "haproxy"}) == []
    assert services(make_wanted(HAPROXY), started) == [
        *("enable haproxy.service", "record haproxy", "disable nginx.service")
    ]
    assert services(make_wanted(HAPROXY), recorded) == ["disable nginx.service"]
    # Whoever wants the old one back wants what serves to be replaced, whatever the record says.
    for found in (started, recorded):
        assert len(lines(found, {})) == 1
        assert services(make_wanted(), found)[:2] == ["stop haproxy.service", "start nginx.service"]


def test_a_proxy_that_has_got_other_work_since_it_was_left_is_nobodys_leftover() -> None:
    found = in_between("nginx", record="nginx", enabled=("nginx", "haproxy"))
    path = "/etc/haproxy/haproxy.cfg"
    theirs = replace(found, paths=found.paths | {path: replace(found.paths[path], digest="0" * 64)})
    assert services(make_wanted(), found) == ["disable haproxy.service"]
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


def test_a_first_deploy_records_the_proxy_when_it_runs() -> None:
    verbs = services(make_wanted(HAPROXY), bare())
    assert verbs.index("start haproxy.service") < verbs.index("record haproxy")
    assert not any(verb.startswith("record") for verb in services(make_wanted(), bare()))


def test_a_proxy_that_its_package_has_started_reads_its_site_with_the_first_deploy() -> None:
    """The host program asks Nginx what it has read while nothing else is recorded."""
    wanted = make_wanted(HAPROXY)
    found = as_wanted(wanted)
    found.paths.pop(PROXY_RECORD)
    changes = [f"{one.verb} {one.what}" for one in changes_by_phase(wanted, found)["services"]]
    assert changes == ["record haproxy", "reload haproxy.service"]


def test_the_host_that_is_as_wanted_is_not_changed() -> None:
    wanted = make_wanted(HAPROXY)
    assert changes_by_phase(wanted, as_wanted(wanted)) == {}
    other_system = make_wanted(HAPROXY, MachineFound(ipv6=False))
    assert "bind :::443" not in content(other_system, "/etc/haproxy/haproxy.cfg")
