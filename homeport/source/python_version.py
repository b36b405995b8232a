"""Which Python an application asks for, and whether a system's own will do. Pure.

The system's own is preferred: it is there, and the distribution fixes its bugs. uv installs one where the system's is
not allowed.
"""

from __future__ import annotations

import re

from packaging.specifiers import InvalidSpecifier, SpecifierSet

# The Pythons of the distributions that homeport is tested on: Debian 12 and 13.
DEBIANS = {"Debian 12": "3.11", "Debian 13": "3.13"}
# Those of the other ones that it runs on: Ubuntu 24.04 and 26.04.
SYSTEMS = (*DEBIANS.values(), "3.12", "3.14")
# The Pythons that uv can install.
KNOWN = tuple(f"3.{minor}" for minor in range(8, 15))


def pinned_python(text: str) -> str | None:
    """Return the version that a .python-version with this `text` names; None when it names none of CPython."""
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.strip().startswith("#")]
    found = re.fullmatch(r"(?:cpython[-@]?)?(3\.\d+(?:\.\d+)?)", lines[0]) if lines else None
    return found.group(1) if found else None


def allows(required: str, version: str) -> bool:
    """Tell whether requires-python (`required`, "" for none) allows `version`: 3.12, say, or 3.12.4.

    3.12 means any release of it: ">=3.12.4" allows it, as uv brings it. What is no specifier allows everything.
    """
    try:
        allowed = SpecifierSet(required)
    except InvalidSpecifier:
        return True
    return (version if version.count(".") > 1 else f"{version}.99") in allowed


def suggest(required: str) -> str | None:
    """Return the `python_version` to set for requires-python `required`; None where each system's own will do.

    The newest of Debian's own is preferred to what uv would have to bring everywhere, and then the oldest allowed: it
    is what a lock was most likely made and tried with.
    """
    if all(allows(required, version) for version in DEBIANS.values()):
        return None
    choices = (*sorted(DEBIANS.values(), key=_number, reverse=True), *KNOWN)
    found = next((version for version in choices if allows(required, version)), None)
    if found:
        return found
    # An exact version (3.12.4), which a system may not have.
    exact = re.fullmatch(r"={2,3}\s*(3\.\d+\.\d+)", required.strip())
    return exact[1] if exact else None


def refusal(required: str, asked: str | None) -> str | None:
    """Return why an application with this requires-python cannot run on the Python that is `asked` for (None: any
    system's own), wherever it is deployed; None when it can.
    """
    if asked:
        return None if allows(required, asked) else f"the application requires Python {required}"
    if any(allows(required, version) for version in SYSTEMS):
        return None
    return f"the application requires Python {required}, which no supported system has of its own"


def fix(required: str) -> str:
    """Return the advice about a Python that requires-python does not allow."""
    version = suggest(required)
    return f'set python_version = "{version}"' if version else "see requires-python in pyproject.toml"


def warnings(required: str, pinned: str | None, asked: str | None) -> tuple[str, ...]:
    """Return the warnings before a deploy: systems whose own Python is not allowed, or is not the one in
    .python-version (`pinned`), where none is `asked` for.
    """
    if asked:
        return ()
    wrong = [f"{system} has {own}" for system, own in DEBIANS.items() if not allows(required, own)]
    if wrong:
        return (f"the application requires Python {required}; {' and '.join(wrong)}: {fix(required)}",)
    if pinned and _minor(pinned) not in DEBIANS.values():
        return (
            f".python-version says {pinned}, and the system's Python is used (Debian 12: 3.11, Debian 13: 3.13); "
            f'set python_version = "{pinned}" for that one',
        )
    return ()


def floors(required: str, asked: str | None) -> tuple[str, ...]:
    """Return the oldest Pythons that versions of dependencies are looked for from, the first that may do first.

    Everything from there on is looked at: machines of one run need not have the same system.
    """
    if asked:
        return (asked,)
    allowed = [version for version in sorted(SYSTEMS, key=_number) if allows(required, version)]
    return tuple(dict.fromkeys((*allowed[:1], *(one for one in allowed if one in DEBIANS.values()))))


def _minor(version: str) -> str:
    return ".".join(version.split(".")[:2])


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))
