"""The life of a certificate: when the next one is due, and from when on it is late. The one rule of status and doctor.

Pure, and of the standard library alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

Stage = Literal["to come", "good", "late", "over"]

# certbot 5.8, renewal.py (_default_renewal_time): half of a short life, two thirds of any other. An authority that
# gives renewal information (ARI, RFC 9773) may ask for it earlier.
SHORT_LIFE = timedelta(days=10)
# What people take to buy, or have somebody sign, the next one; and no more than the last third of a shorter life.
NOTICE = timedelta(days=30)
# Clocks of authorities and of machines differ by minutes.
CLOCKS = timedelta(minutes=5)


@dataclass(frozen=True)
class CertificateLife:
    """From when to when a certificate is valid (UTC), and whether Certbot renews it or a person brings the next one."""

    not_before: datetime
    not_after: datetime
    renewed: bool

    @property
    def due(self) -> datetime:
        """Return from when on the next one is due: from when Certbot asks for it, or a person should be told."""
        life = self.not_after - self.not_before
        if not self.renewed:
            return self.not_after - min(NOTICE, life / 3)
        return self.not_before + (life / 2 if life < SHORT_LIFE else life * 2 / 3)

    @property
    def late(self) -> datetime:
        """Return from when on something has to be done about it.

        For Certbot, who tries twice a day, a third of the time between due and the end is left to try: of 90 days 20
        are left then, of 6 days 2. A person is late at once.
        """
        return self.due + (self.not_after - self.due) / 3 if self.renewed else self.due

    def stage(self, now: datetime) -> Stage:
        """Return where in its life the certificate is at `now` (UTC)."""
        if self.not_before > now + CLOCKS:
            return "to come"
        if self.not_after <= now:
            return "over"
        return "late" if now > self.late else "good"
