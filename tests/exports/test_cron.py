"""Calendar expressions of systemd as cron has them, and those that cron has not."""

from __future__ import annotations

import pytest

from homeport.exports.engines.cron import cron


@pytest.mark.parametrize(
    ("schedule", "expression"),
    [
        ("daily", "0 0 * * *"),
        ("weekly", "0 0 * * 1"),
        ("*-*-* 03:10", "10 3 * * *"),
        ("03:10:00", "10 3 * * *"),
        ("*-*-01 04:00", "0 4 1 * *"),
        ("01-15", "0 0 15 1 *"),
        ("Mon..Fri *-*-* 08,12:30", "30 8,12 * * 1,2,3,4,5"),
        ("Sat..Mon 05:00", "0 5 * * 0,1,6"),
        ("sunday 05:00", "0 5 * * 0"),
        ("Fri", "0 0 * * 5"),
        ("*:0/15", "0-59/15 * * * *"),
        ("*:5/10", "5-59/10 * * * *"),
        ("9..17:00", "0 9-17 * * *"),
        ("*-1/3-1 00:00", "0 0 1 1-12/3 *"),
    ],
)
def test_a_schedule_means_the_same_to_cron(schedule: str, expression: str) -> None:
    assert cron(schedule) == (expression, "Etc/UTC")


def test_a_time_zone_is_kept() -> None:
    assert cron("*-*-* 03:10 Europe/Vienna") == ("10 3 * * *", "Europe/Vienna")
    assert cron("daily UTC") == ("0 0 * * *", "Etc/UTC")


@pytest.mark.parametrize(
    ("schedule", "why"),
    [
        ("*-*-* 03:10:30", "cron has no seconds"),
        ("*:*:0/10", "cron has no seconds"),
        ("2027-*-* 03:10", "cron has no years"),
        ("Mon *-*-1..7 03:10", "cron takes a day of the month and a day of the week"),
        ("*-*~1 03:10", "cron has nothing for"),
        ("1-2-3-4", "1-2-3-4 is no date"),
        ("*-*-~1 03:10", "cron has nothing for"),
        ("25:00", "25 is not between 0 and 23"),
        ("17..9:00", "17..9 is not between 0 and 23"),
        ("*:0/0", "0/0 is not between 0 and 59"),
        ("*-13-01 00:00", "13 is not between 1 and 12"),
        ("sometimes", "sometimes is no day of the week"),
        ("03:10 and more", "and is not understood"),
        (" ", "it is empty"),
        ("3", "3 is no time"),
    ],
)
def test_what_cron_has_not_is_refused_and_why(schedule: str, why: str) -> None:
    with pytest.raises(ValueError, match=why.replace("(", r"\(")):
        cron(schedule)
