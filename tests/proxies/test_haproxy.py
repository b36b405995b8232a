"""HAProxy's files, and a machine that goes from one proxy to the other."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from pydantic import ValidationError

from homeport.host.services.unit_state import UnitState
from homeport.preflight.preflight import preflight
from homeport.state.paths import NGINX_DEFAULT, PROXY_RECORD
from homeport.state.snapshot import Claim, MachineFound, PortHolder, Snapshot
from homeport.state.wanted import Wanted
from tests.nginx_sites import some_sites
from tests.state.builders import NOW, as_wanted, changes_by_phase, make_settings, make_source, make_wanted

HAPROXY = make_settings(proxy="haproxy")
SITE = "/etc/haproxy/homeport/notes.cfg"


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
    assert PROXY_RECORD in nginx.part.absent
    assert content(haproxy, PROXY_RECORD) == '{"proxy": "haproxy"}\n'
    assert haproxy.release.id != nginx.release.id
    assert [file.path.rpartition("/")[2] for file in haproxy.release.etc if "site" in file.path] == ["site.cfg"]


@pytest.mark.parametrize("seed", range(20))
def test_every_name_of_a_site_is_answered_once_and_nothing_of_it_breaks_a_line(seed: int) -> None:
    for settings in some_sites(random.Random(seed)):  # noqa: S311
        given = settings.model_copy(update={"proxy": "haproxy", "response_headers_kilobytes": 32})
        text = content(make_wanted(given), f"/etc/haproxy/homeport/{settings.app_name}.cfg")
        backends = [line.split()[1] for line in text.splitlines() if line.startswith("backend ")]
        assert sorted(backends) == sorted(f"{kind}:{name}" for name in settings.domains for kind in ("http", "https"))
        [names] = [line for line in text.splitlines() if line.startswith("# certificate: ")]
        assert names.split()[-len(settings.domains) :] == list(settings.domains)
        assert ("[ssl-min-ver TLSv1.3]" in names) == (settings.tls_profile == "modern")
        assert f"server blue 127.0.0.1:{settings.port_blue}" in text
        assert ("option redispatch" in text) == settings.standby


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
        "enable haproxy.service (is not there)",
        "disable nginx.service (another proxy takes its place)",
        "stop nginx.service (another proxy takes its place: open connections are cut)",
        "start haproxy.service (is not there)",
        "reload haproxy.service (runs an older configuration or certificate)",
    ]
    stop = changes["services"].index("stop nginx.service (another proxy takes its place: open connections are cut)")
    assert changes["services"][stop + 1].startswith("start haproxy.service")
    # Somebody's own Nginx, which has nothing of homeport's, is none that is replaced.
    own = replace(found, paths={path: one for path, one in found.paths.items() if path != NGINX_DEFAULT})
    assert not any("nginx" in str(change) for change in changes_by_phase(wanted, own)["services"])
    assert any("port 80 is held by nginx" in line for line in lines(own, {"proxy": "haproxy", "replace_proxy": True}))


def test_the_host_that_is_as_wanted_is_not_changed() -> None:
    wanted = make_wanted(HAPROXY)
    assert changes_by_phase(wanted, as_wanted(wanted)) == {}
    other_system = make_wanted(HAPROXY, MachineFound(ipv6=False))
    assert "bind :::443" not in content(other_system, "/etc/haproxy/haproxy.cfg")
