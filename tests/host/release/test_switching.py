"""In which order the site and the live slot change: in between, one of the two has to have each file."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from homeport.host.proxies import site
from homeport.host.release import slots, switching
from homeport.host.services import processes, units
from homeport.host.services.release_description import Release
from homeport.host.system.layout import Layout
from homeport.host.system.output import HostError
from tests.host.release.described import describe, link


class Host:
    """Two releases, one of them live in blue, and what happens as the other one takes over."""

    def __init__(self, root: Path) -> None:
        self.layout, self.happened = Layout("shop", root), list[str]()
        self.refuses = False

    def release(self, name: str, *served: str, site_text: str = "") -> Release:
        release = describe(self.layout, name, static=[[at, "folder"] for at in served])
        (self.layout.settings_releases / name / "site.conf").write_text(site_text)
        return release

    def wait(self, _seconds: float) -> None:
        self.happened.append(f"wait, flag {'green' if self.layout.flag.exists() else 'blue'}")

    def live(self, name: str) -> None:
        link(self.layout, "blue", name)

    def install(self, layout: Layout, release: Release, *, in_haste: bool = False) -> None:
        self.happened.append(f"site of {release.id}, flag {'green' if layout.flag.exists() else 'blue'}")
        if self.refuses:
            raise HostError("refused")


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    host = Host(tmp_path)
    monkeypatch.setattr(site, "install", host.install)
    monkeypatch.setattr(units, "enable", lambda *_, **__: None)
    monkeypatch.setattr(time, "sleep", host.wait)
    return host


@pytest.mark.parametrize(
    ("before", "after", "flag"),
    [
        ((), (), "blue"),
        ((), ("/static",), "blue"),
        (("/static",), ("/static", "/"), "blue"),
        (("/static",), (), "green"),
        (("/static", "/"), ("/static",), "green"),
        (("/static",), ("/",), "green"),
    ],
)
def test_a_site_by_which_the_proxy_serves_less_comes_after_the_switch(
    host: Host, before: tuple[str, ...], after: tuple[str, ...], flag: str
) -> None:
    host.release("old", *before)
    host.live("old")
    switching.take_over(host.layout, "green", host.release("new", *after))
    assert host.happened[0] == f"site of new, flag {flag}"
    assert host.layout.flag.exists()


@pytest.mark.parametrize(("before", "after"), [((), ("/static",)), (("/static",), ("/static", "/"))])
def test_a_site_by_which_it_serves_more_is_that_of_every_connection_before_the_switch(
    host: Host, before: tuple[str, ...], after: tuple[str, ...]
) -> None:
    host.release("old", *before)
    host.live("old")
    switching.take_over(host.layout, "green", host.release("new", *after))
    assert host.happened == ["site of new, flag blue", "wait, flag blue"]
    assert host.layout.flag.exists()


@pytest.mark.parametrize("before", [(), ("/static",)])
def test_a_site_that_is_refused_leaves_the_other_slot_live(host: Host, before: tuple[str, ...]) -> None:
    host.release("old", *before)
    host.live("old")
    host.refuses = True
    with pytest.raises(HostError, match="refused"):
        switching.take_over(host.layout, "green", host.release("new"))
    assert not host.layout.flag.exists()


def test_where_nothing_was_live_the_site_comes_first(host: Host) -> None:
    switching.take_over(host.layout, "green", host.release("new", "/static"))
    assert host.happened == ["site of new, flag blue"]


@pytest.mark.parametrize("text", ["auth_basic_user_file /x;", "if ($edge_refused) { return 403; }"])
def test_a_site_that_keeps_visitors_out_is_there_before_what_it_protects(host: Host, text: str) -> None:
    host.release("old", "/static")
    host.live("old")
    switching.take_over(host.layout, "green", host.release("new", site_text=text))
    assert host.happened == ["site of new, flag blue"]


@pytest.mark.parametrize(("text", "flag"), [("auth_basic_user_file /x;", "green"), ("", "blue")])
def test_so_it_is_on_the_way_back(host: Host, text: str, flag: str, monkeypatch: pytest.MonkeyPatch) -> None:
    old, new = host.release("old", site_text=text), host.release("new")
    host.layout.flag.touch()
    monkeypatch.setattr(units, "is_active", lambda unit: True)
    for module, names in ((processes, ("stop", "start")), (slots, ("halt",)), (units, ("disable",))):
        for name in names:
            monkeypatch.setattr(module, name, lambda *_, **__: None)
    monkeypatch.setattr(switching, "drain", lambda *_: None)
    switching.go_back(host.layout, old, "blue", new, "green")
    assert host.happened == [f"site of old, flag {flag}"]
    assert not host.layout.flag.exists()


def test_on_the_way_back_the_slot_that_is_left_finishes_its_requests_before_it_is_stopped(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = host.release("old"), host.release("new")
    host.layout.flag.touch()
    monkeypatch.setattr(units, "is_active", lambda unit: True)
    monkeypatch.setattr(units, "disable", lambda *_: None)
    for name in ("stop", "start"):
        monkeypatch.setattr(processes, name, lambda *_: None)
    monkeypatch.setattr(slots, "halt", lambda _, slot: host.happened.append(f"halt {slot}"))
    monkeypatch.setattr(switching, "drain", lambda _, slot, port, __: host.happened.append(f"drain {slot} on {port}"))
    switching.go_back(host.layout, old, "blue", new, "green")
    assert host.happened[-2:] == ["drain green on 2", "halt green"]
