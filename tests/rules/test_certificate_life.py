"""How long a certificate lasts, and when the next one comes."""

from __future__ import annotations

from datetime import timedelta

import pytest

from homeport.rules.certificate_life import read
from tests.state.status_values import NOW, pem


def test_what_a_certificate_says_of_itself() -> None:
    life = read(pem(names=("a.test", "b.test")))
    assert (life.names, life.issuer, life.self_signed) == (("a.test", "b.test"), "Authority R3", False)
    assert (life.not_before, life.not_after) == (NOW - timedelta(days=30), NOW + timedelta(days=60))
    assert read(pem(issuer="")).self_signed


@pytest.mark.parametrize(("days", "due", "overdue"), [(90, 60, 70), (6, 3, 4), (10, 20 / 3, 70 / 9)])
def test_certbot_renews_a_short_life_at_its_half_and_any_other_at_two_thirds(
    days: int, due: float, overdue: float
) -> None:
    life = read(pem(began=0, days=days))
    assert (life.due - NOW) / timedelta(days=1) == pytest.approx(due)
    assert (life.overdue - NOW) / timedelta(days=1) == pytest.approx(overdue)


@pytest.mark.parametrize("text", ["", "nonsense", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"])
def test_what_is_no_certificate_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - cryptography's own words
        read(text)
