"""From a calendar expression of systemd.time(7) to a CronJob's schedule: what cron has, and nothing near it. Pure."""

from __future__ import annotations

import re

# What stands for a whole expression (systemd.time(7), "Calendar events").
WORDS = {
    "minutely": "* * * * *",
    "hourly": "0 * * * *",
    "daily": "0 0 * * *",
    "weekly": "0 0 * * 1",
    "monthly": "0 0 1 * *",
    "quarterly": "0 0 1 1,4,7,10 *",
    "semiannually": "0 0 1 1,7 *",
    "semi-annually": "0 0 1 1,7 *",
    "yearly": "0 0 1 1 *",
    "annually": "0 0 1 1 *",
}
DAYS = ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday")
ZONE = "Etc/UTC"
_ZONE = re.compile(r"UTC|[A-Z][A-Za-z_]+/[A-Za-z_+/-]+")
_PART = re.compile(r"(\*|[0-9]+)(?:\.\.([0-9]+))?(?:/([0-9]+))?")


def cron(schedule: str) -> tuple[str, str]:
    """Return the schedule as cron has it, and its time zone; raise ValueError, with why, for what cron has not."""
    parts = schedule.split()
    zone = parts.pop() if len(parts) > 1 and _ZONE.fullmatch(parts[-1]) else "UTC"
    zone = ZONE if zone == "UTC" else zone
    if len(parts) == 1 and parts[0].lower() in WORDS:
        return WORDS[parts[0].lower()], zone
    if not parts:
        raise ValueError("it is empty")
    days = _days(parts.pop(0)) if parts[0][0].isalpha() else "*"
    month, day = _date(parts.pop(0)) if parts and "-" in parts[0] else ("*", "*")
    hour, minute = _time(parts.pop(0)) if parts else ("0", "0")
    if parts:
        raise ValueError(f"{parts[0]} is not understood")
    if day != "*" and days != "*":
        raise ValueError("cron takes a day of the month and a day of the week for one or the other, not for both")
    return f"{minute} {hour} {day} {month} {days}", zone


def _date(text: str) -> tuple[str, str]:
    """Return month and day of `*-MM-DD`, whose year may be left out."""
    parts = text.split("-")
    if len(parts) == 3 and parts.pop(0) != "*":
        raise ValueError("cron has no years")
    if len(parts) != 2:
        raise ValueError(f"{text} is no date")
    return _field(parts[0], 1, 12), _field(parts[1], 1, 31)


def _time(text: str) -> tuple[str, str]:
    """Return hour and minute of `HH:MM`, to which `:00` may be added."""
    parts = text.split(":")
    if len(parts) == 3 and parts.pop().strip("0"):
        raise ValueError("cron has no seconds")
    if len(parts) != 2:
        raise ValueError(f"{text} is no time")
    return _field(parts[0], 0, 23), _field(parts[1], 0, 59)


def _field(text: str, least: int, most: int) -> str:
    """Return one field: `*`, numbers, `a..b`, `a/step`, and lists of them."""
    return ",".join(_part(one, least, most) for one in text.split(","))


def _part(text: str, least: int, most: int) -> str:
    found = _PART.fullmatch(text)
    if not found or (found[1] == "*" and found[2]):
        raise ValueError(f"cron has nothing for {text}")
    start, end, step = found.groups()
    if start == "*":
        first, last = least, most
    else:
        first = int(start)
        # What is repeated goes on to the last there is, by systemd; by cron only where that is said.
        last = int(end) if end else most if step else first
    if not least <= first <= last <= most or step == "0":
        raise ValueError(f"{text} is not between {least} and {most}")
    shown = "*" if start == "*" else f"{first}-{last}" if last != first else f"{first}"
    return f"{shown}/{int(step)}" if step else shown


def _days(text: str) -> str:
    """Return days of the week as numbers, Sunday as 0: `Mon`, `Mon..Fri`, `Sat,Sun`."""
    found: list[int] = []
    for one in text.split(","):
        first, _, last = one.partition("..")
        start, end = _day(first), _day(last or first)
        found += [(start + count) % 7 for count in range((end - start) % 7 + 1)]
    return ",".join(map(str, sorted(set(found))))


def _day(text: str) -> int:
    for number, name in enumerate(DAYS):
        if text.lower() in (name, name[:3]):
            return number
    raise ValueError(f"{text} is no day of the week")
