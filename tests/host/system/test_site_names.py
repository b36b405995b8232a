"""Names with a star: what they stand for, and what is asked for one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from homeport.host.proxies.model.log_lines import site_names
from homeport.host.system.layout import Layout
from homeport.host.system.site_names import SiteNames, askable, covers


@pytest.mark.parametrize(
    ("name", "covered"),
    [
        ("a.example.com", True),
        ("A.EXAMPLE.com", True),
        ("*.example.com", True),
        ("a.b.example.com", False),
        ("example.com", False),
        (".example.com", False),
        ("a.example.org", False),
        ("aexample.com", False),
    ],
)
def test_a_star_is_one_label(name: str, covered: bool) -> None:
    assert covers("*.example.com", name) is covered
    assert (name in SiteNames(frozenset({"*.example.com"}))) is covered
    assert not covers("a.example.com", "b.example.com")


def test_what_is_asked_for_a_name_is_a_name() -> None:
    assert [askable(name) for name in ("a.example.com", "*.example.com")] == [
        "a.example.com",
        "homeport-test.example.com",
    ]
    assert covers("*.example.com", askable("*.example.com"))


def test_a_name_that_another_application_has_is_not_one_of_those_below_a_star(tmp_path: Path) -> None:
    for app, domains in {"notes": ["example.com", "*.example.com"], "blog": ["blog.example.com"]}.items():
        layout = Layout(app, tmp_path)
        layout.settings.mkdir(parents=True)
        layout.site.write_text(json.dumps({"app": app, "domains": domains}))
    notes, blog = site_names(Layout("notes", tmp_path)), site_names(Layout("blog", tmp_path))
    assert sorted(notes) == ["*.example.com", "example.com"]
    asked = ("example.com", "a.example.com", "blog.example.com", "example.org")
    assert [name in notes for name in asked] == [True, True, False, False]
    assert [name in blog for name in asked] == [False, False, True, False]
    assert not site_names(Layout("none", tmp_path))
