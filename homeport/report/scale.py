"""Positions on a time line, in percent of its width, and its marks. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

# Steps between marks that people count in, in seconds: seconds, minutes, hours, days, weeks, months, years.
STEPS = (
    *(1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21600, 43200, 86400, 172800),
    *(604800, 1209600, 2592000, 7776000, 15552000, 31536000),
)
MOST_MARKS = 6
# The last mark's text would be cut off at the edge.
EDGE_PERCENT = 94


@dataclass(frozen=True)
class Scale:
    """A line of time from `begin` to `end`."""

    begin: datetime
    end: datetime

    @property
    def length(self) -> float:
        """Return its length in seconds, never 0."""
        return max((self.end - self.begin).total_seconds(), 1e-3)

    def at(self, moment: datetime) -> float:
        """Return where a moment lies; one outside lies at the end that is nearer."""
        share = (moment - self.begin).total_seconds() / self.length
        return round(100 * min(max(share, 0.0), 1.0), 2)

    def marks(self) -> list[tuple[float, str]]:
        """Return the places and texts of the marks, at round times."""
        step = next((one for one in STEPS if self.length / one <= MOST_MARKS), STEPS[-1])
        first = -(-self.begin.timestamp() // step) * step
        moments = [datetime.fromtimestamp(first, UTC) + timedelta(seconds=step * n) for n in range(MOST_MARKS + 1)]
        shape = "%H:%M:%S" if step < 60 else "%d %b %H:%M" if step < 86400 else "%d %b" if step < 7776000 else "%b %Y"
        return [
            (self.at(one), one.strftime(shape)) for one in moments if one <= self.end and self.at(one) <= EDGE_PERCENT
        ]
