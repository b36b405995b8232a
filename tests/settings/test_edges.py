"""Values of the site's edges: what is refused, in a line that names the setting, and how text becomes a value."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from homeport.settings import Settings
from tests.nginx_sites import BY_DNS
from tests.state.builders import make_settings


def refusal(**data: Any) -> str:
    with pytest.raises(ValidationError) as caught:
        make_settings(**data)
    return "; ".join(error["msg"] for error in caught.value.errors())


@pytest.mark.parametrize(
    ("key", "value", "problem"),
    [
        ("trusted_proxies", "0.0.0.0/0", "item 1 is larger than /8"),
        ("trusted_proxies", ["10.0.0.0/8", "::/0"], "item 2 is larger than /7"),
        ("trusted_proxies", "cdn.example.com", "item 1 is not an address"),
        ("trusted_proxies", "10.0.0.1/8", "item 1 is not an address"),
        ("trusted_proxies", "fe80::1%x;} server {", "item 1 is not an address"),
        ("allow_from", "0.0.0.0/0", "every address there is"),
        ("allow_from", "10.0.0.0/8;\nallow all", "item 1 is not an address"),
        ("basic_auth", {"guest": "hunter2!"}, "the password itself stays out of settings"),
        ("basic_auth", {"a:b": "SECRET"}, "item 1 has a user"),
        ("basic_auth", {"a\nb": "SECRET"}, "item 1 has a user"),
        ("response_headers", {"strict-transport-security": "max-age=1"}, "set hsts_seconds"),
        ("response_headers", {"X-Content-Type-Options": "x"}, "homeport sends it with every answer"),
        ("response_headers", {"X-REQUEST-ID": "x"}, "homeport sends it with every answer"),
        ("response_headers", {"Set-Cookie": "a=b"}, "differs from answer to answer"),
        ("response_headers", {"X-A": "b", "x-a": "c"}, "item 2 is there twice"),
        ("response_headers", {"X-A": "b\r\nSet-Cookie: a=b"}, "item 1 has a value"),
        ("response_headers", {"X-A": "b\n"}, "item 1 has a value"),
        ("response_headers", {"X-A": "$host"}, "item 1 has a value"),
        ("response_headers", {"X-A": "é"}, "item 1 has a value"),
        ("response_headers", {"X-A": ""}, "item 1 has a value"),
        ("response_headers", {"X-A": "a" * 2001}, "item 1 has a value"),
        ("response_headers", {"X_A": "b"}, "item 1 has a name"),
        ("response_headers", {'X-A "b"; add_header X-B': "b"}, "item 1 has a name"),
        ("redirects", {"old": "/new"}, "item 1 is not a path"),
        ("redirects", {"/a b": "/new"}, "item 1 is not a path"),
        ("redirects", {'/a"{}': "/new"}, "item 1 is not a path"),
        ("redirects", {"/a\n": "/new"}, "item 1 is not a path"),
        ("redirects", {"/a//b": "/new"}, "which no request has"),
        ("redirects", {"/a/../b": "/new"}, "which no request has"),
        ("redirects", {"/.well-known/acme-challenge/x": "/new"}, "homeport's own paths"),
        ("redirects", {"/.homeport/closed": "/new"}, "homeport's own paths"),
        ("redirects", {"/health": "/new"}, "must not have health_path"),
        ("redirects", {"/a": "//evil.example"}, "item 1 has a target"),
        ("redirects", {"/a": "/\\evil.example"}, "item 1 has a target"),
        ("redirects", {"/a": "javascript:alert(1)"}, "item 1 has a target"),
        ("redirects", {"/a": "evil.example"}, "item 1 has a target"),
        ("redirects", {"/a": "https://user@evil.example/"}, "item 1 has a target"),
        ("redirects", {"/a": "https://a.example.com\\@b.example.com"}, "item 1 has a target"),
        ("redirects", {"/a": "https://$host/x"}, "item 1 has a target"),
        ("redirects", {"/a": '/x"; return 200 "'}, "item 1 has a target"),
        ("redirects", {"/a": "/x\r\nSet-Cookie: a=b"}, "item 1 has a target"),
        ("redirects", {"/a": {"target": "/x", "status": 200}}, "301, 302, 307 or 308"),
        ("redirects", {"/a": "/b", "/b": "/c?x", "/c": "/a#y"}, "item 1 leads back to itself"),
        ("redirects", {"/a": "/a"}, "item 1 leads back to itself"),
        ("rate_limits", {"/": "5"}, "should match pattern"),
        ("rate_limits", {"/": "0/second"}, "should match pattern"),
        ("rate_limits", {"/": "5/hour"}, "should match pattern"),
        ("rate_limits", {"/": "5/second\n"}, "should match pattern"),
        ("rate_limits", {"/": {"rate": "5/second", "burst": 0}}, "greater than or equal to 1"),
        ("rate_limits", {"/a": "5/second", "/a/": "6/second"}, "item 2 is there twice"),
        ("rate_limits", {"/a.*$": "5/second"}, "item 1 is not a path"),
        ("path_settings", {"/": {"streamed": True}}, "item 1 is every path"),
        ("path_settings", {"/a": {}}, "says nothing"),
        ("path_settings", {"/a": {"streamed": False}}, "says nothing"),
        ("path_settings", {"/a": {"stream": True}}, "Extra inputs"),
        ("path_settings", {"/a": {"client_max_body_megabytes": 0}}, "greater than or equal to 1"),
        ("path_settings", {"/a": {"streamed": True}, "/a/": {"streamed": True}}, "item 2 is there twice"),
        ("path_settings", {"/a$b": {"streamed": True}}, "item 1 is not a path"),
        ("path_settings", {f"/{number}": {"streamed": True} for number in range(21)}, "more than 20 paths"),
        ("rate_limits", {f"/{number}": "5/second" for number in range(11)}, "more than 10 paths"),
        ("served_domains", "notes.example.com", "must not repeat domain"),
        ("served_domains", "www.example.com", "must not repeat domain"),
        ("served_domains", "a.example.com; return", "should match pattern"),
    ],
)
def test_what_a_proxy_could_not_have_or_would_take_for_more_is_refused(key: str, value: Any, problem: str) -> None:
    said = refusal(**{key: value})
    assert problem in said
    assert "hunter2" not in said


def test_a_fourth_limit_is_refused_with_haproxy_alone() -> None:
    limits = {f"/{number}": "1/second" for number in range(4)}
    assert 'proxy = "haproxy" has 3 rate_limits at most (there are 4)' in refusal(proxy="haproxy", rate_limits=limits)
    assert len(make_settings(rate_limits=limits).rate_limits) == 4


def test_short_forms_mean_what_the_long_ones_say() -> None:
    settings = make_settings(
        redirects={"/a": "/b", "/c": {"target": "https://d.example.com:8443", "status": 301}},
        rate_limits={"/login/": "5/minute", "/": {"rate": "20/second", "burst": 100}},
        trusted_proxies="192.0.2.1,2001:DB8::/32,192.0.2.1",
    )
    assert [(one.target, one.status) for one in settings.redirects.values()] == [
        ("/b", 308),
        ("https://d.example.com:8443", 301),
    ]
    login, everything = settings.rate_limits.values()
    assert list(settings.rate_limits) == ["/login", "/"]
    assert (login.at_once, login.window_milliseconds, login.retry_seconds) == (5, 60_000, 12)
    assert (everything.at_once, everything.window_milliseconds, everything.retry_seconds) == (100, 5_000, 1)
    assert settings.trusted_proxies == ("192.0.2.1/32", "2001:db8::/32")


def test_brotli_is_nginxs_alone() -> None:
    assert 'proxy = "haproxy" compresses nothing: leave brotli out' in refusal(proxy="haproxy", brotli=True)
    assert make_settings(brotli=True).brotli
    assert not make_settings().brotli


def test_names_that_are_served_stand_after_the_first_on_the_certificate() -> None:
    settings = make_settings(served_domains="b.example.com,a.example.com")
    assert settings.domains == ("notes.example.com", "b.example.com", "a.example.com", "www.example.com")


@pytest.mark.parametrize("key", ["served_domains", "domain_aliases"])
def test_a_name_with_a_star_needs_a_proof_by_dns_or_a_certificate_of_ones_own(key: str) -> None:
    star = {key: ["*.example.com"]}
    assert "*.example.com needs a certificate that is proven by DNS: set acme_dns_plugin" in refusal(**star)
    provided = {"tls": "files", "tls_certificate_file": "a", "tls_key_file": "b"}
    for proof in (BY_DNS, provided):
        assert "*.example.com" in make_settings(**star, **proof).domains
        for name in ("*.com", "*", "a.*.example.com", "a*.example.com", "*.*.example.com", "*example.com"):
            assert "should match pattern" in refusal(**{key: [name]}, **proof)
    assert "should match pattern" in refusal(domain="*.example.com", **BY_DNS)


def test_an_authority_is_not_asked_for_a_name_that_a_star_stands_for() -> None:
    served, aliases = ("*.example.com", "a.b.example.com"), ("*.b.example.com", "b.example.com")
    settings = make_settings(domain="example.com", served_domains=served, domain_aliases=aliases, **BY_DNS)
    assert settings.domains == ("example.com", *served, *aliases)
    assert settings.certificate_names == ("example.com", "*.example.com", "*.b.example.com")
    assert make_settings(served_domains="*.example.com", **BY_DNS).certificate_names == ("*.example.com",)


@given(st.dictionaries(st.text(max_size=8), st.text(max_size=8), max_size=3))
def test_whatever_is_taken_stays_within_its_quotes(value: dict[str, str]) -> None:
    for key in ("response_headers", "redirects", "rate_limits", "basic_auth"):
        try:
            taken = getattr(Settings(app_name="notes", domain="a.example.com", **{key: value}), key)
        except ValidationError:
            continue
        for name, content in taken.items():
            text = f"{name}{getattr(content, 'target', content)}"
            assert not set(text) & set("\r\n\0$")
            assert not set(name) & set("\"'\\{};# ")


def test_a_path_below_served_files_has_no_settings_of_its_own() -> None:
    own = {"/static/up": {"streamed": True}}
    assert "path_settings must not have /static/up" in refusal(static={"/static": "a"}, path_settings=own)
    assert "path_settings must not have /admin" in refusal(
        spa={"/admin": "a"}, path_settings={"/admin": own["/static/up"]}
    )
    fits = make_settings(static={"/stat": "a"}, spa={"/": "b"}, path_settings={"/static/up/": {"streamed": True}})
    assert list(fits.path_settings) == ["/static/up"]


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("8443", "must be a port and addresses"),
        ("from 10.0.0.1", "must be a port and addresses"),
        ("443 from 10.0.0.1", "must not be port 443"),
        ("80 from 10.0.0.1", "must not be port 80"),
        ("0 from 10.0.0.1", "must be a port and addresses"),
        ("65536 from 10.0.0.1", "must be a port and addresses"),
        ("8443 from 0.0.0.0/0", "item 1 is larger than /8"),
        ("8443 from 10.0.0.1 ::/0", "item 2 is larger than /7"),
        ("8443 from 10.0.0.1; ssl", "item 1 is not an address"),
        ("8001 from 10.0.0.1", "must not have the port of a slot"),
    ],
)
def test_load_balancers_that_a_proxy_cannot_have_are_refused(value: str, problem: str) -> None:
    assert problem in refusal(proxy_protocol=value)


def test_load_balancers_are_let_in_by_the_firewall_too() -> None:
    settings = make_settings(proxy_protocol=" 8443  from 10.0.0.0/24 2001:DB8::1 ", firewall_open=["9100/tcp"])
    assert settings.proxy_protocol == "8443 from 10.0.0.0/24 2001:db8::1/128"
    assert settings.openings == ("9100/tcp", "8443/tcp from 10.0.0.0/24 2001:db8::1/128")
    assert make_settings(proxy_protocol="None").openings == ()


def test_an_address_comes_from_one_source_with_nginx() -> None:
    both = {"proxy_protocol": "8443 from 10.0.0.1", "trusted_proxies": ["192.0.2.1"]}
    assert "never from both" in refusal(**both)
    assert make_settings(**both, proxy="haproxy").balancers
