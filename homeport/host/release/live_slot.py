"""Which slot is live, by what a host has: the one rule of its program and of a deploy's snapshot. Pure."""

from __future__ import annotations

from ..system.layout import BLUE, GREEN


def which_is_live(*, flag: bool, blue_enabled: bool, ever_live: bool) -> str | None:
    """Return the slot that the flag file names; None where nothing was ever live.

    No flag means blue, also on a host whose first release never went live: only one that did is enabled for boot, or is
    in the log.
    """
    if flag:
        return GREEN
    return BLUE if blue_enabled or ever_live else None
