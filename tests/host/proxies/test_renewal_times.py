"""When the next certificate is asked for: a year of the timer's hours, with an authority that is away for long."""

from __future__ import annotations

import configparser
import random
from datetime import UTC, datetime, timedelta

import pytest

from homeport.certificates.lifetime import CertificateLife
from homeport.controller.folders import TEMPLATES
from homeport.host.proxies import renewal_times
from homeport.host.proxies.renewal_times import DAY, Asked, Life
from tests.tiers import seed

HOUR = 3600.0
# What authorities give: a company's own (step-ca) a day, Let's Encrypt 6 ("shortlived"), 45 and 90 days, others a year.
LIVES = (1, 2, 6, 9.9, 10, 45, 90, 365)


def test_what_openssl_shows_is_a_life() -> None:
    shown = "notBefore=Nov 30 02:15:37 2026 GMT\nnotAfter=Dec  6 02:15:36 2026 GMT\n"
    assert renewal_times.life(shown) == Life(1796004937.0, 1796523336.0)
    for text in ("", "notBefore=Nov 30 02:15:37 2026 GMT\n", "notBefore=yesterday\nnotAfter=tomorrow\n"):
        assert renewal_times.life(text) is None


@pytest.mark.parametrize("days", LIVES)
def test_host_and_doctor_have_one_rule_for_what_is_due(days: float) -> None:
    begin = datetime(2026, 11, 30, tzinfo=UTC)
    end = begin + timedelta(days=days)
    due = CertificateLife(begin, end, "acme").due
    assert Life(begin.timestamp(), end.timestamp()).due == pytest.approx(due.timestamp())


def test_the_timer_asks_more_often_for_what_lasts_shorter() -> None:
    pauses = [Life(0, days * DAY).pause / HOUR for days in (1, 2, 6, 24, 90)]
    assert [round(pause + renewal_times.TOLERANCE / HOUR, 2) for pause in pauses] == [0.5, 1, 3, 12, 12]


def test_what_was_never_asked_for_or_cannot_be_read_is_asked_for() -> None:
    life = Life(0, 6 * DAY)
    assert renewal_times.may_wait(life, Asked(100, ""), 100 + HOUR)
    assert not renewal_times.may_wait(life, Asked(100, ""), 100 + 3 * HOUR)
    assert not renewal_times.may_wait(life, None, 100)
    assert not renewal_times.may_wait(None, Asked(100, ""), 101)
    assert not renewal_times.may_wait(life, Asked(100, ""), 99), "the clock was set back"
    assert not renewal_times.is_forced(None, 100)


def test_the_timer_comes_every_hour_at_a_moment_of_the_machines_own() -> None:
    unit = configparser.ConfigParser()
    unit.optionxform = str  # type: ignore[assignment,method-assign] # systemd's names have capitals
    unit.read(TEMPLATES / "certbot/homeport-renew.timer")
    timer = unit["Timer"]
    said = [timer[name] for name in ("OnCalendar", "RandomizedDelaySec", "FixedRandomDelay", "Persistent")]
    assert said == ["hourly", "1h", "yes", "yes"]


class Year:
    """A certificate of so many days, renewed by the timer; the authority is away from `away` on for `seconds`."""

    def __init__(self, days: float, away: float, seconds: float):
        self.seconds, self.away, self.back = days * DAY, away, away + seconds
        self.life = Life(0, self.seconds)
        self.asked: Asked | None = None
        self.asks, self.renewals, self.least_left = 0, 0, self.seconds
        self.failing_at: float | None = None

    def tick(self, now: float) -> None:
        """What the timer does every hour."""
        self.least_left = min(self.least_left, self.life.not_after - now)
        if renewal_times.may_wait(self.life, self.asked, now):
            return
        self.asks += 1
        why = ""
        if renewal_times.is_forced(self.life, now):
            if self.away <= now < self.back:
                why, self.failing_at = "away", self.failing_at or now
            else:
                self.life, self.renewals = Life(now, now + self.seconds), self.renewals + 1
        self.asked = Asked(now, why)

    def run(self, days: float) -> Year:
        """Let so many days pass."""
        # Of what lasts long, an hour is no part; the more hours at once, the worse.
        step = max(1, min(6, int(self.seconds / HOUR) // 400))
        for hour in range(0, int(days * 24), step):
            self.tick(hour * HOUR)
        return self


@pytest.mark.parametrize("days", LIVES)
def test_a_certificate_is_renewed_in_time_and_not_too_often(days: float) -> None:
    year = Year(days, -1, 0).run(days * 20)
    assert year.least_left > year.seconds * 0.3
    assert 20 <= year.renewals <= 40


@pytest.mark.parametrize("days", LIVES)
def test_an_authority_that_is_away_for_a_third_of_a_life_costs_no_hour_and_the_doctor_says_so_in_time(
    days: float,
) -> None:
    randomness = random.Random(seed())  # noqa: S311 - no secret
    due, third = Life(0, days * DAY).due, days * DAY / 3
    # The worst is from the moment at which the next one is due; besides, any other moment of three lives.
    for away in (due, due - HOUR, *(randomness.uniform(0, days * 3) * DAY for _ in range(10))):
        year = Year(days, away, third).run(days * 5)
        assert year.least_left > 0, (away / DAY, year.least_left / HOUR)
        if away == due:
            # A failed renewal is told when it was tried, the late certificate while a fifth of its life is left.
            assert year.failing_at is not None
            assert year.failing_at <= due + year.life.pause + renewal_times.TOLERANCE + 6 * HOUR
            begin, end = datetime.fromtimestamp(0, UTC), datetime.fromtimestamp(days * DAY, UTC)
            assert (end - CertificateLife(begin, end, "acme").late) / timedelta(days=days) > 0.2


def test_at_two_thirds_an_authority_that_is_away_for_a_third_would_cost_the_certificate(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # What Certbot does by itself; "no hour is lost" is worth as much as this.
    monkeypatch.setattr(renewal_times, "PART", 2 / 3)
    year = Year(45, Life(0, 45 * DAY).due, 15 * DAY).run(60)
    assert year.least_left <= 0
