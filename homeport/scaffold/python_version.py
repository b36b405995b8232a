"""Which Python an application asks for, where the system's may not do. Pure."""

from __future__ import annotations

import re

from packaging.specifiers import InvalidSpecifier, SpecifierSet

# What the distributions that homeport runs on have of their own: Debian 12 and 13, Ubuntu 24.04.
SYSTEMS = ("3.11", "3.12", "3.13")
# What uv can bring.
KNOWN = tuple(f"3.{minor}" for minor in range(8, 15))


def find_python(pinned: str | None, required: str | None) -> str | None:
    """Return the `python_version` to set; None where every system's own Python will do.

    `pinned` is the text of .python-version, `required` is requires-python of pyproject.toml.
    """
    lines = [line.strip() for line in (pinned or "").splitlines() if line.strip() and not line.strip().startswith("#")]
    if lines and (found := re.fullmatch(r"(?:cpython[-@]?)?(3\.\d+(?:\.\d+)?)", lines[0])):
        return found.group(1)
    try:
        allowed = SpecifierSet(required or "")
    except InvalidSpecifier:
        return None
    if all(_suits(version, allowed) for version in SYSTEMS):
        return None
    # The oldest that is allowed: it is what a lock was most likely made and tried with.
    return next((version for version in KNOWN if _suits(version, allowed)), None)


def _suits(version: str, allowed: SpecifierSet) -> bool:
    # Any patch release: ">=3.12.4" is met by 3.12 as uv brings it.
    return f"{version}.99" in allowed
