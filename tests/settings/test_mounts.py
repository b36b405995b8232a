"""An application without a name of its own: what it may have, and what its owner alone may set."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from homeport.settings import Settings
from tests.state.builders import make_settings

MOUNT: dict[str, Any] = {
    "app_name": "shop",
    "domain_aliases": (),
    "mounted_on": "notes",
    "mount_path": "/shop",
}


def refusal(**data: Any) -> str:
    with pytest.raises(ValidationError) as caught:
        make_settings(**{**MOUNT, **data})
    return str(caught.value.errors()[0]["msg"])


def mounted(**data: Any) -> Settings:
    return make_settings(**{**MOUNT, **data})


def test_a_mounted_application_is_at_its_path() -> None:
    settings = mounted(mount_path="/a/shop/", health_path="/health?deep=1")
    assert settings.mount_path == "/a/shop"
    assert settings.url == "https://notes.example.com/a/shop/"
    assert settings.public_health_path == "/a/shop/health?deep=1"
    plain = make_settings(mounted_on="None", mount_path="None")
    assert (plain.url, plain.public_health_path) == ("https://notes.example.com/", "/health")


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"mount_path": None}, "belong together"),
        ({"mounted_on": None}, "belong together"),
        ({"mounted_on": "shop"}, "must be another application"),
        ({"mount_path": "/"}, 'a path below "/"'),
        ({"mount_path": "shop"}, "item 1 is not a URL path"),
        ({"mount_path": '/a"; return 200 "'}, "is not a URL path"),
        ({"mount_path": "/.homeport"}, "is not a URL path"),
        ({"proxy": "haproxy"}, 'needs proxy = "nginx"'),
        ({"server": "gunicorn"}, "gunicorn cannot be told its root path"),
        ({"server": "granian"}, "granian cannot be told its root path"),
        ({"domain_aliases": ["www.example.com"]}, "domain_aliases is for the whole name: set it for notes"),
        ({"allow_from": ["192.0.2.1"]}, "allow_from is for the whole name"),
        ({"basic_auth": {"guest": "PASSWORD"}}, "basic_auth is for the whole name"),
        ({"rate_limits": {"/": "1/second"}}, "rate_limits is for the whole name"),
        ({"hsts_seconds": 0}, "hsts_seconds is for the whole name"),
        ({"tls_profile": "modern"}, "tls_profile is for the whole name"),
        ({"static": {"/static": "static"}}, "static is not for an application with mounted_on: let the application"),
        ({"error_page": "a.html"}, "error_page is not for"),
        ({"path_settings": {"/a": {"streamed": True}}}, "path_settings is not for"),
        ({"standby": True}, "standby is not for"),
    ],
)
def test_what_a_mounted_application_cannot_have_is_refused_by_name(data: dict[str, Any], said: str) -> None:
    assert said in refusal(**data)


def test_what_has_its_default_is_no_contradiction() -> None:
    assert mounted(hsts_seconds=63072000, static={}, tls="acme", acme_email="a@example.com").mounted_on == "notes"
