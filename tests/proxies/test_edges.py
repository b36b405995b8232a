"""The edges of a site in the files of both proxies: nothing where they are not set, no secret where others read."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from homeport.controller.folders import TEMPLATES
from homeport.errors import UsageError
from homeport.host.proxies.site import KEEPS_OUT
from homeport.machine.scope import effective_settings
from homeport.plans.places import places
from homeport.proxies.chosen import proxy_of
from homeport.state.machine_values import MachineValues
from homeport.steps.context import Context
from tests import edge_checks as checks
from tests.state.builders import make_settings, make_source, make_wanted

PROXIES = ("nginx", "haproxy")
ENDS = {"nginx": "nginx/site.conf", "haproxy": "haproxy/site.cfg"}
VISITORS = {"nginx": "/etc/homeport/notes/visitors", "haproxy": "/etc/haproxy/homeport/notes.visitors.cfg"}
PARTS = [path for path in TEMPLATES.glob("*/*") if path.stem.startswith(("edges", "redirects"))]


def context(proxy: str, overrides: Path | None = None, **data: Any) -> Context:
    secrets = {checks.VARIABLE: checks.PASSWORD}
    return Context(make_settings(proxy=proxy, **data), make_source(), {}, proxy_secrets=secrets, overrides=overrides)


@pytest.mark.parametrize("proxy", PROXIES)
@pytest.mark.parametrize("data", [{}, {"domain_aliases": ()}, {"tls_profile": "modern", "standby": True}])
def test_a_site_that_sets_none_of_them_has_nothing_of_them(tmp_path: Path, proxy: str, data: dict[str, Any]) -> None:
    for part in PARTS:
        (tmp_path / part.parent.name).mkdir(exist_ok=True)
        (tmp_path / part.parent.name / part.name).write_text("")
    without, usual = context(proxy, tmp_path, **data), context(proxy, **data)
    assert len(PARTS) == 6
    assert proxy_of(proxy).site(usual) == proxy_of(proxy).site(without)
    for word in (
        "geo ",
        "realip",
        "limit_req",
        "auth_basic",
        "http_auth(",
        "src ",
        "set-src",
        "stick-table",
        "Retry-After $edge",
    ):
        assert word not in proxy_of(proxy).site(usual), word


@pytest.mark.parametrize("proxy", PROXIES)
def test_a_password_is_on_the_host_as_a_hash_that_the_proxy_alone_can_read(proxy: str) -> None:
    files = proxy_of(proxy).step(context(proxy, **checks.CLOSED)).files
    assert not any(checks.PASSWORD in file.content for file in files)
    [visitors] = [file for file in files if "$2b$" in file.content]
    assert visitors.path == VISITORS[proxy]
    assert visitors.secret
    assert (visitors.mode, visitors.owner, visitors.group) == {
        "nginx": (0o640, "root", "www-data"),
        "haproxy": (0o600, "root", "root"),
    }[proxy]
    assert visitors.content.startswith("# Written by homeport")


@pytest.mark.parametrize("proxy", PROXIES)
def test_another_password_makes_no_other_release(proxy: str) -> None:
    settings = make_settings(proxy=proxy, basic_auth={"guest": "GUEST"})
    one, two = (Context(settings, make_source(), {}, proxy_secrets={"GUEST": text}) for text in ("a" * 9, "b" * 9))
    assert proxy_of(proxy).site(one) == proxy_of(proxy).site(two)
    assert visitors_of(proxy, one) != visitors_of(proxy, two)
    assert make_wanted(settings).release.id != make_wanted(make_settings(proxy=proxy)).release.id


def visitors_of(proxy: str, one: Context) -> str:
    [file] = [file for file in proxy_of(proxy).step(one).files if file.path == VISITORS[proxy]]
    return file.content


@pytest.mark.parametrize("proxy", PROXIES)
def test_a_removal_knows_the_file_of_passwords_also_when_none_is_wanted_any_more(proxy: str) -> None:
    # pyinfra's gevent must stay out of the processes that others' tests run in.
    from homeport.plans.provision import STEPS

    found = places(STEPS, make_settings(proxy=proxy))
    assert set(VISITORS.values()) <= set(found.application)


@pytest.mark.parametrize("proxy", PROXIES)
@pytest.mark.parametrize("data", [{"allow_from": "10.0.0.0/8"}, {"basic_auth": {"guest": "GUEST"}}])
def test_an_override_without_what_keeps_visitors_out_is_refused(
    tmp_path: Path, proxy: str, data: dict[str, Any]
) -> None:
    place = tmp_path / ENDS[proxy]
    place.parent.mkdir()
    place.write_text("# mine\n")
    [key] = data
    with pytest.raises(UsageError, match=f"{key}: overrides/{ENDS[proxy]} has no part for it"):
        proxy_of(proxy).site(context(proxy, tmp_path, **data))
    assert proxy_of(proxy).site(context(proxy, tmp_path)) == "# mine\n"
    place.write_text(f'{{% extends "homeport/{ENDS[proxy]}" %}}\n')
    assert proxy_of(proxy).site(context(proxy, tmp_path, **data)) == proxy_of(proxy).site(context(proxy, **data))


def test_brotli_has_the_types_of_gzip_and_its_module_and_is_off_where_answers_are_streamed() -> None:
    usual = context(
        "nginx", brotli=True, path_settings={"/events": {"streamed": True}, "/up": {"client_max_body_megabytes": 1}}
    )
    text = proxy_of("nginx").site(usual)
    part = proxy_of("nginx").step(usual)
    [main] = [file.content for file in part.files if file.path == "/etc/nginx/nginx.conf"]
    [[gzip], [brotli]] = (re.findall(r"^ *(?:gzip|brotli)_types (.+);$", one, re.MULTILINE) for one in (main, text))
    assert gzip == brotli
    assert text.count("gzip off;") == text.count("brotli off;") > 0
    assert [name for name in part.packages if "brotli" in name] == [
        "libnginx-mod-http-brotli-filter",
        "libnginx-mod-http-brotli-static",
    ]
    assert not [name for name in proxy_of("nginx").step(context("nginx")).packages if "brotli" in name]


def test_two_applications_of_a_machine_are_closed_apart() -> None:
    """Names of Nginx's variables have no hyphen, and two applications may differ by one alone."""
    sites = [context("nginx", app_name=name, **checks.CLOSED) for name in ("a-b", "ab")]
    names = [re.findall(r"^geo (\S+)", proxy_of("nginx").site(one), re.MULTILINE) for one in sites]
    assert names == [["$edge_allowed_a_b"], ["$edge_allowed_ab"]]


def test_words_in_the_value_of_a_header_do_not_keep_a_site_from_closing() -> None:
    for headers in (checks.HEADERS, {"X-A": "root include alias $uri"[:18], "X-B": "location / rewrite x"}):
        assert "location = /.homeport/closing" in proxy_of("nginx").site(context("nginx", response_headers=headers))


@pytest.mark.parametrize("proxy", PROXIES)
@pytest.mark.parametrize(
    ("data", "keeps_out"),
    [
        ({}, False),
        (checks.OPEN, False),
        ({"allow_from": ["192.0.2.0/24"]}, True),
        ({"basic_auth": {"guest": checks.VARIABLE}}, True),
    ],
)
def test_the_host_program_knows_a_site_that_keeps_visitors_out(
    proxy: str, data: dict[str, Any], keeps_out: bool
) -> None:
    # It cannot import the steps, which know the words too.
    assert bool(KEEPS_OUT.search(proxy_of(proxy).site(context(proxy, **data)))) == keeps_out


def test_load_balancers_of_another_application_are_in_the_site_and_make_no_other_release() -> None:
    blog = MachineValues("blog", {"proxy_protocol": "8443 from 192.0.2.0/24"})
    alone = make_settings()
    settings = effective_settings(alone, [blog])
    assert "proxy_protocol;" in proxy_of("nginx").site(Context(settings, make_source(), {}))
    assert make_wanted(settings).release.id == make_wanted(alone).release.id
    own = make_settings(proxy_protocol="8443 from 192.0.2.0/24")
    assert make_wanted(own).release.id != make_wanted(alone).release.id
