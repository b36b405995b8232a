"""A moment as people name it: `2h` ago, `10:30`, `2030-01-31 10:30`. Pure; all of them UTC, as in our outputs."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

UNITS = {"s": 1, "min": 60, "m": 60, "h": 3600, "d": 86400, "w": 604800}
LENGTH = r"(\d+(?:\.\d+)?)\s*(s|min|m|h|d|w)"
AGO = re.compile(rf"{LENGTH}(?:\s+ago)?")
CLOCK = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)(?::([0-5]\d))?")
# timedelta has at most a thousand million days.
LONGEST_NUMBER = 9
FORMS = "30min, 2h, 1d, 10:30, today, yesterday, 2030-01-31, 2030-01-31T10:30"


def length(text: str) -> timedelta:
    """Return the length of time that `text` is (`90min`, `3d`); raise ValueError for any other text."""
    found = re.fullmatch(LENGTH, text.strip())
    if not found or len(found[1]) > LONGEST_NUMBER:
        raise ValueError(f"{text!r} is not a length of time")
    return timedelta(seconds=float(found[1]) * UNITS[found[2]])


def moment(text: str, now: datetime) -> datetime:
    """Return the moment that `text` means at `now` (with its zone); raise ValueError for any other text.

    A length of time is so long ago; a time of day is the last one that there was; a date without a zone is UTC.
    """
    text = text.strip()
    now = now.astimezone(UTC)
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    if text in ("now", "today", "yesterday"):
        return {"now": now, "today": midnight, "yesterday": midnight - timedelta(days=1)}[text]
    if found := AGO.fullmatch(text):
        return now - timedelta(seconds=float(found[1]) * UNITS[found[2]])
    if found := CLOCK.fullmatch(text):
        then = midnight.replace(hour=int(found[1]), minute=int(found[2]), second=int(found[3] or 0))
        return then if then <= now else then - timedelta(days=1)
    try:
        then = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text!r} is not a time; write it as one of: {FORMS}") from None
    return then if then.tzinfo else then.replace(tzinfo=UTC)
