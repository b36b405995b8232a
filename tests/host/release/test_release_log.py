"""The log of releases."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeport.host.release import release_log
from homeport.host.release.release_log import Event
from homeport.host.services.release_description import Release, parse
from homeport.host.system.layout import Layout

RECORD = {
    "id": "r1",
    "ports": {"blue": 8001, "green": 8002},
    "health": {"path": "/health", "status": 200, "successes": 2, "timeout_seconds": 60},
    "drain_timeout_seconds": 30,
    "has_migration": True,
    "commit": "c0ffee",
    "ref": "main",
    "by": "ann",
}
events = st.builds(Event, st.sampled_from(["live", "failed", "started"]), st.sampled_from("abcdef"))


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    made = Layout("notes", tmp_path)
    made.base.mkdir(parents=True)
    return made


@pytest.fixture
def release(tmp_path: Path) -> Release:
    return parse(RECORD, tmp_path)


def test_an_event_carries_where_the_release_came_from(layout: Layout, release: Release) -> None:
    release_log.append(layout, release_log.FAILED, release, "green", reason='it said "no"\nand died')

    entry = json.loads(layout.log.read_text())

    assert entry.pop("at").endswith("Z")
    assert entry == {
        "event": "failed",
        "release": "r1",
        "slot": "green",
        "commit": "c0ffee",
        "ref": "main",
        "by": "ann",
        "reason": 'it said "no"\nand died',
    }


def test_a_rollback_that_failed_takes_nothing_from_a_release_that_was_good(layout: Layout, release: Release) -> None:
    release_log.append(layout, release_log.LIVE, release, "green")
    release_log.append(layout, release_log.FAILED, release, "blue", kept=True)
    assert release_log.good(release_log.read(layout)) == ["r1"]
    release_log.append(layout, release_log.FAILED, release, "blue")
    assert release_log.good(release_log.read(layout)) == []


def test_who_asked_goes_before_who_made_it(layout: Layout, release: Release) -> None:
    release_log.append(layout, release_log.LIVE, release, "green", by="bob")

    assert json.loads(layout.log.read_text())["by"] == "bob"


def test_a_line_cut_short_spoils_neither_what_was_before_nor_what_comes(layout: Layout, release: Release) -> None:
    release_log.append(layout, release_log.STARTED, release, "blue")
    with layout.log.open("a") as stream:
        stream.write('{"event": "li')
    release_log.append(layout, release_log.LIVE, release, "blue")

    assert release_log.read(layout) == [Event("started", "r1"), Event("live", "r1")]


def test_a_host_without_a_log_has_no_events(tmp_path: Path) -> None:
    assert release_log.read(Layout("notes", tmp_path)) == []


@given(st.lists(st.one_of(events, st.text(max_size=10))))
def test_rubbish_between_events_is_passed_over(lines: list[Event | str]) -> None:
    good = [line for line in lines if isinstance(line, Event)]
    text = "\n".join(
        json.dumps({"event": line.event, "release": line.release}) if isinstance(line, Event) else line
        for line in lines
    )

    assert release_log.parse(text) == good


@given(st.lists(events))
def test_the_last_live_release_is_the_last_that_became_live(log: list[Event]) -> None:
    lives = [event.release for event in log if event.event == "live"]

    assert release_log.last_live(log) == (lives[-1] if lives else None)
