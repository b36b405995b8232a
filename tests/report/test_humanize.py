"""Numbers as people read them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeport.report.humanize import ago, clean, count, duration, percent, size


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (None, "-"),
        (0, "0 s"),
        (0.42, "0.4 s"),
        (3.0, "3 s"),
        (59.9, "59 s"),
        (61, "1 min 1 s"),
        (3600, "1 h"),
        (3605, "1 h"),
        (11520, "3 h 12 min"),
        (86400, "1 day"),
        (100000, "1 day 3 h"),
        (12 * 86400 + 7200, "12 days"),
    ],
)
def test_a_length_of_time_has_its_two_largest_units(seconds: float | None, expected: str) -> None:
    assert duration(seconds) == expected


def test_other_numbers() -> None:
    assert (ago(60), ago(None)) == ("1 min ago", "-")
    assert (size(61 * 2**20), size(39 * 2**29), size(None)) == ("61 MB", "19.5 GB", "-")
    assert (percent(0), percent(1.25), percent(99.6), percent(None)) == ("0 %", "1.2 %", "100 %", "-")
    assert (count(1, "worker"), count(2, "worker")) == ("1 worker", "2 workers")


@given(st.text())
def test_shown_text_cannot_steer_a_terminal(text: str) -> None:
    assert all(letter.isprintable() or letter == "\t" for letter in clean(text))
    assert clean("an\x1b[31m ordinary line") == "an\ufffd[31m ordinary line"
