"""The life of a certificate: who provides it, when the next one is due, when it is late. The only such rule.

Status, doctor, plan and preflight go by it. It is pure and of the standard library alone, so that it can go to hosts.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from homeport.host.system.site_names import covers

# By whom it is: Certbot, which renews it; a person, who provides the next one; or homeport, until there is a real one.
Source = Literal["acme", "provided", "placeholder"]
# In the order of a life. A placeholder has none: the real one is due at once.
Stage = Literal["placeholder", "to come", "good", "due", "late", "over"]

# The host's timer asks at these parts of a life: host/proxies/renewal_times.py has the same, and why. An authority
# that gives renewal information (ARI, RFC 9773) may ask for it earlier.
SHORT_LIFE, SHORT_PART, PART = timedelta(days=10), 1 / 2, 3 / 5
# The time that people need to buy the next one or to get it signed; for a shorter life at most its last third.
NOTICE = timedelta(days=30)
# Clocks of authorities and of machines differ by minutes.
CLOCKS = timedelta(minutes=5)
# The folder in which homeport puts the one that serves until there is a real one (state/paths.py, AppPaths).
PLACEHOLDER = "placeholder"


@dataclass(frozen=True)
class Certificate:
    """What a certificate says of itself: its names, its issuer in words, and from when to when it is valid (UTC)."""

    names: tuple[str, ...]
    issuer: str
    not_before: datetime
    not_after: datetime
    self_signed: bool

    def lacks(self, domains: Iterable[str]) -> list[str]:
        """Return the domains that it is not for."""
        return [domain for domain in domains if not any(covers(name, domain) for name in self.names)]

    def life(self, source: Source) -> CertificateLife:
        """Return its life, given who provides it (`source`)."""
        return CertificateLife(self.not_before, self.not_after, source)


def source(*, provided: bool, self_signed: bool = False, folder: str = "") -> Source:
    """Return by whom a certificate is.

    `provided` says that the site is to have one from a person. `folder` is where the certificate lies, which decides
    between a placeholder and a real one; where nobody knows it (a host program of an earlier version does not tell),
    one that has signed itself is a placeholder, unless one is provided.
    """
    if folder.rstrip("/").rpartition("/")[2] == PLACEHOLDER or (not folder and self_signed and not provided):
        return "placeholder"
    return "provided" if provided else "acme"


@dataclass(frozen=True)
class CertificateLife:
    """From when to when a certificate is valid (UTC), and by whom it is."""

    not_before: datetime
    not_after: datetime
    source: Source

    @property
    def due(self) -> datetime:
        """Return from when on the next one is due: from when the host asks for it, or a person should be told."""
        life = self.not_after - self.not_before
        if self.source == "placeholder":
            return self.not_before
        if self.source == "provided":
            return self.not_after - min(NOTICE, life / 3)
        return self.not_before + life * (SHORT_PART if life < SHORT_LIFE else PART)

    @property
    def late(self) -> datetime:
        """Return from when on something has to be done about it.

        The host has a third of the time between due and the end to try: of 90 days 24 are left then, of 45 days 12, of
        6 days 2. A person is late at once.
        """
        return self.due + (self.not_after - self.due) / 3 if self.source == "acme" else self.due

    def stage(self, now: datetime) -> Stage:
        """Return where in its life the certificate is at `now` (UTC)."""
        if self.source == "placeholder":
            return "placeholder"
        if self.not_before > now + CLOCKS:
            return "to come"
        if self.not_after <= now:
            return "over"
        return "late" if now > self.late else "due" if now >= self.due else "good"

    def is_due(self, now: datetime) -> bool:
        """Tell whether the next one is due, were this one over already."""
        return self.due <= now

    def is_valid(self, now: datetime) -> bool:
        """Tell whether a client whose clock is right takes its dates."""
        return self.not_before <= now + CLOCKS and now < self.not_after

    def is_short(self, now: datetime) -> bool:
        """Tell whether somebody has to see to the next one: it is late, or this one is over."""
        return self.stage(now) in ("late", "over")

    def days_left(self, now: datetime) -> float:
        """Return how many days it is valid yet; below 0 when it is over."""
        return (self.not_after - now) / timedelta(days=1)
