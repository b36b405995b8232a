"""How people name a moment."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeport.cli.times import moment

NOW = datetime(2030, 1, 31, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("now", "2030-01-31T12:00:00+00:00"),
        ("today", "2030-01-31T00:00:00+00:00"),
        ("yesterday", "2030-01-30T00:00:00+00:00"),
        ("90s", "2030-01-31T11:58:30+00:00"),
        ("30min", "2030-01-31T11:30:00+00:00"),
        ("2 h ago", "2030-01-31T10:00:00+00:00"),
        ("1.5h", "2030-01-31T10:30:00+00:00"),
        ("1w", "2030-01-24T12:00:00+00:00"),
        ("10:30", "2030-01-31T10:30:00+00:00"),
        ("13:30:05", "2030-01-30T13:30:05+00:00"),
        ("2030-01-02", "2030-01-02T00:00:00+00:00"),
        ("2030-01-02T03:04Z", "2030-01-02T03:04:00+00:00"),
        ("2030-01-02 03:04+02:00", "2030-01-02T03:04:00+02:00"),
    ],
)
def test_a_moment_may_be_said_in_many_ways(text: str, expected: str) -> None:
    assert moment(text, NOW).isoformat() == expected


@pytest.mark.parametrize("text", ["", "soon", "25:00", "2 fortnights", "-1h", "2030-02-30"])
def test_a_text_that_is_no_time_is_refused_with_the_allowed_forms(text: str) -> None:
    with pytest.raises(ValueError, match="2h, 1d, 10:30"):
        moment(text, NOW)


def test_the_zone_of_whoever_asks_does_not_matter() -> None:
    elsewhere = NOW.astimezone(timezone(timedelta(hours=9)))
    assert moment("10:30", elsewhere) == moment("10:30", NOW)


@given(st.datetimes(min_value=datetime(1990, 1, 1), max_value=datetime(2100, 1, 1)))
def test_times_that_homeport_prints_are_understood(when: datetime) -> None:
    when = when.replace(tzinfo=UTC, microsecond=0)
    assert moment(when.isoformat().replace("+00:00", "Z"), NOW) == when
