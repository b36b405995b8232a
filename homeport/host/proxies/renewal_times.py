"""When Certbot is asked for the next certificate, in proportion to how long a certificate lasts. Pure.

The controller has the same rule for what is due (`certificates/lifetime.py`); a test holds the two together.
"""

from __future__ import annotations

import re
import ssl
from typing import NamedTuple

DAY = 86400.0
# Certbot asks at half of a life of less than ten days by itself, and at two thirds of any other (certbot 5.8,
# renewal.py). Then a third of it is left: an authority that is away for so long would come back when it is over.
SHORT_LIFE, SHORT_PART, PART = 10 * DAY, 1 / 2, 3 / 5
# Certbot looks twice a day where people install it (the same hours between are enough for what the authority says,
# ARI); less than that for what lasts so short a time that an authority's bad day would cost a good part of it.
MOST_PAUSE, PAUSES = DAY / 2, 48
# The timer's own moment differs by seconds from hour to hour.
TOLERANCE = 300.0


class Life(NamedTuple):
    """From when to when a certificate is valid, in seconds since the epoch."""

    not_before: float
    not_after: float

    @property
    def seconds(self) -> float:
        """Return how long it is valid."""
        return self.not_after - self.not_before

    @property
    def due(self) -> float:
        """Return from when on the next one is asked for."""
        return self.not_before + self.seconds * (SHORT_PART if self.seconds < SHORT_LIFE else PART)

    @property
    def pause(self) -> float:
        """Return how many seconds the timer lets pass from one asking to the next."""
        return min(MOST_PAUSE, self.seconds / PAUSES) - TOLERANCE


class Asked(NamedTuple):
    """When Certbot was asked last (seconds since the epoch), and why that brought nothing; "" if all was well."""

    at: float
    why: str


def life(shown: str) -> Life | None:
    """Return the life of a certificate by what `openssl x509 -startdate -enddate` shows of it; None: it is none."""
    found = dict(re.findall(r"^not(Before|After)=(.+)$", shown, re.MULTILINE))
    try:
        return Life(*(float(ssl.cert_time_to_seconds(found[end])) for end in ("Before", "After")))
    except (KeyError, ValueError):
        return None


def may_wait(certificate: Life | None, last: Asked | None, now: float) -> bool:
    """Tell whether the timer need not ask for this certificate yet."""
    return certificate is not None and last is not None and last.at <= now < last.at + certificate.pause


def is_forced(certificate: Life | None, now: float) -> bool:
    """Tell whether the next certificate is to be requested, though Certbot itself may wait longer."""
    return certificate is not None and certificate.due <= now
