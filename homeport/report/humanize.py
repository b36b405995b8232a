"""Numbers as people read them: times, sizes, shares. Pure."""

from __future__ import annotations

UNITS = (("day", "days", 86400), ("h", "h", 3600), ("min", "min", 60), ("s", "s", 1))
BINARY = 1024
NEVER = "-"


def duration(seconds: float | None) -> str:
    """Return a length of time in its two largest units: `3 h 12 min`, `12 days`, `0.4 s`; a dash for None."""
    if seconds is None:
        return NEVER
    if 0 < seconds < 10:
        return f"{seconds:.1f}".removesuffix(".0") + " s"
    parts: list[str] = []
    rest = int(seconds)
    for one, many, size in UNITS:
        count, rest = divmod(rest, size)
        if parts and not count:
            break
        if count:
            parts.append(f"{count} {one if count == 1 else many}")
        # From ten days on, hours do not matter.
        if len(parts) == 2 or (parts and size == 86400 and count >= 10):
            break
    return " ".join(parts) or "0 s"


def ago(seconds: float | None) -> str:
    """Return how long ago something was."""
    return NEVER if seconds is None else f"{duration(seconds)} ago"


def size(number: int | None) -> str:
    """Return a number of bytes in MB or GB (2**20 and 2**30 bytes): `61 MB`, `19.5 GB`; a dash for None."""
    if number is None:
        return NEVER
    megabytes = number / BINARY**2
    if megabytes < BINARY:
        return f"{megabytes:.0f} MB"
    return f"{megabytes / BINARY:.1f} GB"


def percent(share: float | None) -> str:
    """Return a share in percent, with a place behind the point where it matters; a dash for None."""
    if share is None:
        return NEVER
    return f"{share:.1f} %" if 0 < share < 10 else f"{share:.0f} %"


def count(number: int, noun: str) -> str:
    """Return a number of things: `1 worker`, `2 workers`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def clean(text: str) -> str:
    """Return text of others fit for a terminal: without what would move its cursor or change its colours."""
    return "".join(letter if letter.isprintable() or letter == "\t" else "\N{REPLACEMENT CHARACTER}" for letter in text)
