"""The input of a diagnosis: observations from outside and from the host, and the settings. Plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Literal

from homeport.certificates.lifetime import Certificate
from homeport.diagnosis.wanted import SiteSettings
from homeport.host.system.site_names import askable
from homeport.probe.observations import Observations, RetryObservation, UnitObservation

# OPEN: somebody accepts; REFUSED: the machine says that nobody does; SILENT: no word within the time; AWAY: no way
# leads there from here, so that nothing is known.
PortState = Literal["open", "refused", "no answer", "no way there"]
OPEN: PortState = "open"
REFUSED: PortState = "refused"
SILENT: PortState = "no answer"
AWAY: PortState = "no way there"


@dataclass(frozen=True)
class Visit:
    """The answer of one address to a visitor of the site.

    `status` is that of the health path; `problem` says why there is none; `distrust` why this machine's list of
    authorities does not vouch for the certificate.
    """

    address: str
    http: PortState
    https: PortState
    certificate: Certificate | None = None
    status: int | None = None
    problem: str = ""
    distrust: str = ""


@dataclass(frozen=True)
class SshAccess:
    """How the way in by SSH was found: `problem` is "" when we are in. `port` is None where it cannot be looked at."""

    problem: str = ""
    address: str = ""
    port: int = 22
    state: PortState | None = None


@dataclass(frozen=True)
class Case:
    """Everything together. `names` are the site's names with their addresses as seen from here (none: no such name).

    `address` is the machine's own; `observed` is None when the host could not be asked, for the reason `unasked`. `now`
    is our time when the host told its own. `secrets_missing` is a secrets file that the settings name and that is not
    there.
    """

    settings: SiteSettings
    now: datetime
    address: str
    names: Mapping[str, tuple[str, ...]]
    visits: tuple[Visit, ...]
    ssh_access: SshAccess = field(default_factory=SshAccess)
    observed: Observations | None = None
    unread_reason: str = ""
    secrets_missing: str = ""

    @property
    def found(self) -> Observations:
        """Return what the host has told; nothing when it could not be asked."""
        return self.observed if self.observed is not None else {}

    def unit(self, name: str) -> UnitObservation | None:
        """Return a unit's state; None when it is not known."""
        return self.found.get("units", {}).get(name)

    def retried(self, what: str) -> RetryObservation | None:
        """Return how `what` of the live slot (migration, application, process) is started again; None: it is not."""
        again = self.found.get("retry")
        return again if again is not None and again["what"] == what else None

    def addresses(self, name: str) -> tuple[str, ...]:
        """Return a name's addresses, as seen from here, else as the host's name servers have them.

        Of one with a star, they are those of a name below it.
        """
        seen = [one["addresses"] for one in self.found.get("names", ()) if one["name"] == askable(name)]
        return self.names.get(name) or tuple(address for addresses in seen for address in addresses)

    @property
    def live_unit(self) -> str:
        """Return the name of the live slot's unit; "" while that is not known."""
        slot = self.found.get("slot")
        return f"{self.settings.app_name}@{slot['name']}.service" if slot else ""

    def good(self, visit: Visit) -> bool:
        """Tell whether an address serves the site."""
        return visit.status in self.good_statuses

    @property
    def good_statuses(self) -> tuple[int, ...]:
        """Return what the health path answers where all is well, also to who has no password, or is elsewhere."""
        # Whom the owner of the name lets in, a mounted application does not know.
        owners = self.settings.mounted_on
        refusals = {
            HTTPStatus.UNAUTHORIZED: self.settings.basic_auth or owners,
            HTTPStatus.FORBIDDEN: self.settings.allow_from or owners,
        }
        return (self.settings.health_status, *(int(status) for status, wanted in refusals.items() if wanted))

    @property
    def days_left(self) -> float | None:
        """Return how long the certificate that visitors get is valid yet, in days; None when none was seen."""
        ends = [visit.certificate.not_after for visit in self.visits if visit.certificate]
        return (min(ends) - self.now).total_seconds() / 86400 if ends else None


EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
