"""The page of the status, without a browser: what it is made of, and where things lie on it."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeport.report import view
from homeport.report.page import report
from homeport.report.scale import EDGE_PERCENT, MOST_MARKS, Scale
from tests.report.status_values import entry, found, slot

BEGIN = datetime(2030, 1, 1, tzinfo=UTC)
VOID = ("meta", "link", "br")


class Checker(HTMLParser):
    """Follows which elements are open, and notes what would be loaded."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.loaded: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.open += [] if tag in VOID else [tag]
        self.loaded += [str(value) for name, value in attributes if name in ("src", "href", "action")]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.mark.parametrize(
    "hosts",
    [
        [],
        [found()],
        [found(), {"host": "web2", "error": "no answer"}],
        [found(certificate=None, log=[], live=None, release=None, record={}, slots__green=slot("green"))],
        [found(log=[entry("live", "new", "2030-01-01T12:00:00Z")])],
    ],
)
def test_the_page_is_whole_and_loads_nothing(hosts: list[dict[str, object]]) -> None:
    page = report(hosts, "production")
    checker = Checker()
    checker.feed(page)
    assert checker.open == []
    assert checker.loaded == ["data:,"]
    assert "url(" not in page
    assert "<script" not in page


def test_foreign_text_stays_text_in_the_report() -> None:
    hold = {"by": "<script>alert(1)</script>", "message": '"><img src=x>'}
    page = report([found(hold=hold)], "production")
    assert "<script>" not in page
    assert "<img" not in page


def test_the_summary_of_all_hosts_is_that_of_the_worst() -> None:
    assert view.health([found()]) == {"level": "good", "text": "1 of 1 host serves"}
    assert view.health([found(), found(slots__green__restarts=1)])["level"] == "warn"
    assert view.health([found(), {"host": "web2", "error": "no"}]) == {"level": "bad", "text": "1 of 2 hosts serve"}


def test_a_release_is_live_until_the_next_one_and_the_last_one_until_now() -> None:
    shown = view.history([found()])
    assert shown is not None
    [old, new] = shown["rows"][0]["bars"]
    assert (old["left"], round(old["left"] + old["width"])) == (0, round(new["left"]))
    assert round(new["left"] + new["width"]) == 100


def test_the_same_deploy_on_several_hosts_is_one_line() -> None:
    shown = view.history([found(), {**found(), "host": "web2"}])
    assert shown is not None
    assert [one["hosts"] for one in shown["events"]] == [["web1", "web2"], ["web1", "web2"]]


@given(st.floats(0.001, 3e9), st.floats(-1, 2))
def test_every_line_of_time_has_room_for_what_is_on_it(seconds: float, share: float) -> None:
    scale = Scale(BEGIN, BEGIN + timedelta(seconds=seconds))
    assert 0 <= scale.at(BEGIN + timedelta(seconds=seconds * share)) <= 100
    marks = scale.marks()
    assert len(marks) <= MOST_MARKS + 1
    places = [place for place, _ in marks]
    assert places == sorted(places)
    assert all(0 <= place <= EDGE_PERCENT for place in places)


@pytest.mark.parametrize(
    ("length", "shape"),
    [
        (timedelta(seconds=20), r"\d\d:\d\d:\d\d"),
        (timedelta(hours=5), r"\d\d Jan \d\d:\d\d"),
        (timedelta(days=9), r"\d\d Jan"),
        (timedelta(days=900), r"[A-Z][a-z]+ 20\d\d"),
    ],
)
def test_marks_are_in_the_unit_of_the_line(length: timedelta, shape: str) -> None:
    marks = Scale(BEGIN, BEGIN + length).marks()
    assert marks
    assert all(re.fullmatch(shape, text) for _, text in marks)
