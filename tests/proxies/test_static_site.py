"""The part of Nginx's site that serves files: what it says for which settings. That it works: lab/test_static.py."""

from __future__ import annotations

import re
from typing import Any

import pytest

from homeport.proxies.nginx.step import site
from homeport.service.release import wanted_release
from homeport.state.paths import AppPaths
from homeport.state.snapshot import MachineFound
from homeport.steps.context import Context
from tests.state.builders import make_settings, make_source

BOTH: dict[str, Any] = {"static": {"/static": "app/static"}, "spa": {"/": "dist", "/admin": "adm"}}


def context(**data: Any) -> Context:
    machine = MachineFound("debian", "12")
    return Context(settings=make_settings(**data), source=make_source(), machine=machine, secrets={}, by="")


def locations(text: str) -> dict[str, str]:
    """Return the text of each location of the site, by what it is for."""
    found = re.findall(r"^    location ([^{]+) \{\n(.*?)^    \}", text, re.MULTILINE | re.DOTALL)
    assert len({name for name, _ in found}) == len(found), "a location stands there twice"
    return dict(found)


def https(text: str) -> str:
    return "server {" + text.rpartition("\nserver {")[2]


def test_a_site_without_files_has_nothing_of_it() -> None:
    text = site(context())
    assert not re.search(r"try_files (?!/[.]homeport/none)|@application|gzip_static|types \{[^}]", text)
    assert "static" not in wanted_release(context()).etc[1].content


def test_each_folder_has_its_location_and_the_rest_is_the_applications() -> None:
    with_static = locations(https(site(context(static=BOTH["static"]))))
    assert "proxy_pass http://$slot;" in with_static["/"]
    assert f"root {AppPaths('notes').static};" in with_static["^~ /static/"]
    assert "@page" not in with_static
    both = locations(https(site(context(**BOTH))))
    assert "try_files" in both["/"]
    assert "proxy_pass" not in both["/"]
    assert "set $index /admin/index.html;" in both["^~ /admin/"]
    assert "return 308 https://$host/admin/$is_args$args;" in both["@homeport_below_2"]
    assert {"@application", "@page", "@index", "= /.homeport/files"} <= set(both)


def test_what_the_application_answers_is_asked_for_as_the_client_sent_it() -> None:
    found = locations(https(site(context(**BOTH))))
    for name in ("@application", "@page"):
        assert "proxy_pass http://$slot$request_uri;" in found[name]
        assert "proxy_set_header X-Forwarded-For $remote_addr;" in found[name]


def test_every_location_that_adds_a_header_has_those_of_the_site() -> None:
    for name, text in locations(https(site(context(**BOTH)))).items():
        assert "add_header" not in text or "X-Content-Type-Options nosniff always" in text, name


def test_files_are_closed_before_a_reload_as_the_application_is() -> None:
    found = locations(https(site(context(**BOTH))))
    for name in ("/", "^~ /admin/", "^~ /static/"):
        assert "rewrite ^ /.homeport/files last;" in found[name]
    assert "keepalive_timeout 0;" in found["= /.homeport/files"]


@pytest.mark.parametrize("data", [{}, {"api_paths": ["/api", "/docs.x"]}])
def test_who_is_asked_for_a_page_follows_from_api_paths(data: dict[str, Any]) -> None:
    text = https(site(context(spa={"/": "dist"}, **data)))
    pattern = "/api|/docs[.]x|/health" if data else "/api|/health"
    assert f'if ($uri ~ "^({pattern})(/|$)") {{' in text
    assert f"set $page @{'index' if data else 'page'};" in text
    assert ("@page" in locations(text)) == (not data)


def test_folders_are_part_of_the_release_and_of_its_id() -> None:
    releases = [wanted_release(context(**data)).id for data in ({}, {"static": {"/s": "a"}}, {"static": {"/s": "b"}})]
    assert len(set(releases)) == 3
