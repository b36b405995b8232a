"""Amounts as Docker, systemd and Kamal write them. Pure."""

from __future__ import annotations

import re

_UNITS = {"": 1 / 1048576, "b": 1 / 1048576, "k": 1 / 1024, "m": 1, "g": 1024, "t": 1048576}
_TIMES = {"": 1, "s": 1, "sec": 1, "m": 60, "min": 60, "h": 3600, "ms": 0.001}


def megabytes(text: str) -> int | None:
    """Return `512M`, `1.5g` or a number of bytes in megabytes; None for anything else."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([bkmgt]?)i?b?", text.strip().lower())
    return int(float(match[1]) * _UNITS[match[2]]) or None if match else None


def seconds(text: str) -> int | None:
    """Return `30`, `30s`, `1m30s` or `2min` in whole seconds; None for anything else, and for no time."""
    if not re.fullmatch(r"(\d+(\.\d+)?\s*(ms|min|sec|[smh])?\s*)+", text.strip()):
        return None
    parts = re.findall(r"(\d+(?:\.\d+)?)\s*(ms|min|sec|[smh])?", text)
    return round(sum(float(number) * _TIMES[unit] for number, unit in parts)) or None
