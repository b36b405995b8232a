"""The list of releases, and which one a rollback goes to."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from homeport.host.release import pruning, slots
from homeport.host.reports import release_history
from homeport.host.system.layout import Layout


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout("notes", tmp_path)


def put(layout: Layout, *names: str) -> None:
    for name in names:
        (layout.code_releases / name).mkdir(parents=True)
        (layout.settings_releases / name).mkdir(parents=True)


def log(layout: Layout, *entries: tuple[str, str]) -> list[dict[str, str]]:
    lines = [
        {"event": event, "release": release, "at": f"t{n}", "by": f"u{n}"} for n, (event, release) in enumerate(entries)
    ]
    layout.base.mkdir(parents=True, exist_ok=True)
    layout.log.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return lines


LIVES = (("live", "a"), ("live", "b"), ("live", "c"))


@pytest.mark.parametrize(
    ("entries", "live", "target"),
    [
        (LIVES, "c", "b"),
        ((*LIVES, ("rolled-back", "c"), ("live", "b")), "b", "a"),
        ((*LIVES, ("failed", "d")), "c", "b"),
        ((("live", "a"), ("live", "b"), ("failed", "b"), ("live", "c")), "c", "a"),
        ((("live", "a"), ("started", "b"), ("live", "c")), "c", "a"),
        ((("live", "a"), ("live", "b"), ("live", "a")), "a", "b"),
        ((*LIVES, ("rolled-back", "c"), ("live", "b"), ("live", "c")), "c", "b"),
        ((("live", "a"),), "a", None),
        ((), None, None),
    ],
)
def test_a_rollback_goes_to_the_good_release_before_the_live_one(
    layout: Layout, entries: tuple[tuple[str, str], ...], live: str | None, target: str | None
) -> None:
    put(layout, "a", "b", "c", "d")
    log(layout, *entries)
    assert pruning.previous(layout, live) == target


def test_a_rollback_goes_past_a_release_that_is_gone(layout: Layout) -> None:
    put(layout, "a", "c")
    log(layout, *LIVES)
    assert pruning.previous(layout, "c") == "a"


def test_the_state_of_a_release_is_its_last_verdict(layout: Layout) -> None:
    entries = log(layout, *LIVES, ("failed", "a"), ("rolled-back", "c"), ("started", "d"))
    assert release_history.states(entries) == {"a": "bad", "b": "good", "c": "rolled-back"}


def test_the_newest_comes_first_and_what_the_log_does_not_know_before_it(layout: Layout) -> None:
    entries = log(layout, *LIVES)
    assert release_history.in_order(["a", "b", "c", "x"], entries) == ["x", "c", "b", "a"]


def test_lines_that_a_power_cut_has_cut_short_are_passed_over(layout: Layout) -> None:
    entries = log(layout, *LIVES)
    layout.log.write_text(layout.log.read_text() + '{"event": "li\n[]\n{"event": "live"}\n')
    assert release_history.read(layout) == entries


def test_a_release_is_whole_with_code_settings_and_environment(layout: Layout) -> None:
    put(layout, "a", "b", "c.partial")
    environment = layout.code_releases / "a" / ".venv"
    environment.mkdir()
    assert not release_history.is_whole(layout, "a")
    (environment / ".complete").touch()
    assert release_history.is_whole(layout, "a")
    assert release_history.present(layout) == ["a", "b"]


def test_the_list_says_which_site_it_is_of(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slots, "read", lambda layout: SimpleNamespace(live=""))
    assert release_history.overview(layout)["domains"] == []
    layout.site.parent.mkdir(parents=True)
    layout.site.write_text(json.dumps({"app": "notes", "domains": ["www.example.com", "example.com"], "ports": [1, 2]}))
    assert release_history.overview(layout)["domains"] == ["example.com", "www.example.com"]
