"""Which folders may be served, at which URL paths."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from tests.state.builders import make_settings


def refusal(**data: Any) -> str:
    with pytest.raises(ValidationError) as caught:
        make_settings(**data)
    return str(caught.value.errors()[0]["msg"])


def test_a_slash_at_an_end_changes_nothing() -> None:
    settings = make_settings(static={"/static/": "./app//static/"}, spa={"/": "dist", "/admin": "adm"})
    assert [tuple(one) for one in settings.served] == [
        ("/", "dist", True),
        ("/admin", "adm", True),
        ("/static", "app/static", False),
    ]


@pytest.mark.parametrize(
    ("page", "said"),
    [
        ("/etc/passwd.html", "below the application's folder"),
        ("../a.html", "leads out of"),
        (".hidden/a.html", "begins with a dot"),
        ("pages/error.txt", "ends in .html"),
        ("a\n.html", "not a folder below"),
    ],
)
def test_a_page_for_errors_that_is_no_page_of_the_release_is_refused(page: str, said: str) -> None:
    assert said in refusal(error_page=page)


def test_a_page_for_errors_is_refused_where_the_proxy_serves_no_files() -> None:
    assert make_settings(error_page="./pages//error.html").error_page == "pages/error.html"
    assert make_settings(error_page="None").error_page is None
    assert "leave error_page out" in refusal(error_page="a.html", proxy="haproxy")


@pytest.mark.parametrize("place", ["/.well-known", "/_next", "/~me", "/a.b/c-d"])
def test_usual_paths_are_taken(place: str) -> None:
    assert make_settings(static={place: "x"}).static == {place: "x"}


@pytest.mark.parametrize(
    "place",
    [
        "",
        "static",
        "/a b",
        "/a//b",
        "/../x",
        "/x/..",
        "/.homeport",
        "/.git",
        "/a?b",
        "/a;b",
        "/{x}",
        "/$x",
        "/a\n",
        "/é",
    ],
)
def test_a_path_that_the_site_cannot_name_is_refused(place: str) -> None:
    assert "is not a URL path" in refusal(static={place: "x"})


@pytest.mark.parametrize(
    ("folder", "said"),
    [
        ("", "whole folder"),
        (".", "whole folder"),
        ("./", "whole folder"),
        ("..", "leads out"),
        ("a/../../b", "leads out"),
        ("/etc", "not a folder below"),
        ("~/x", "not a folder below"),
        ("a\0b", "not a folder below"),
        ("a\\b", "not a folder below"),
        (".venv", "begins with a dot"),
        ("app/.git", "begins with a dot"),
    ],
)
def test_a_folder_that_is_not_for_visitors_is_refused(folder: str, said: str) -> None:
    assert said in refusal(static={"/static": folder})
    assert said in refusal(spa={"/": folder})


def test_settings_that_do_not_fit_together_are_refused() -> None:
    assert 'must not have "/"' in refusal(static={"/": "dist"})
    assert "both contain /x" in refusal(static={"/x": "a"}, spa={"/x/": "b"})
    assert "the URL path of another" in refusal(static={"/x": "a", "/x/": "b"})
    assert "api_paths is for spa" in refusal(api_paths=["/api"], static={"/x": "a"})
    assert "is every path" in refusal(api_paths=["/"], spa={"/": "a"})


def test_haproxy_serves_no_files() -> None:
    assert refusal(proxy="haproxy", static={"/x": "a"}, spa={"/": "b"}).endswith(
        'proxy = "haproxy" serves no files: leave static and spa out and let the application serve them (StaticFiles), '
        'or set proxy = "nginx"'
    )
    assert "serves no files: leave spa out" in refusal(proxy="haproxy", spa={"/": "b"})
    assert make_settings(proxy="haproxy").served == ()


def test_api_paths_may_be_unset_on_the_command_line() -> None:
    assert make_settings(spa={"/": "dist"}, api_paths="None").api_paths is None
    assert make_settings(spa={"/": "dist"}, api_paths="/api,/docs/").api_paths == ("/api", "/docs")


def test_a_redirect_is_not_where_a_frontend_begins() -> None:
    assert "redirects must not have /admin, which spa redirects to /admin/" in refusal(
        spa={"/admin": "adm"}, redirects={"/admin": "/x"}
    )
    assert make_settings(spa={"/": "dist"}, redirects={"/old": "/new"}).redirects
