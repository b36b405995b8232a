"""For which Pythons the packages of a lock are there ready-made, by the files that the lock names. Pure.

A lock that was made for an older Python has versions without a wheel for a newer one; each of them would be compiled on
the machine, if that succeeds at all.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Set

from homeport.source.python_version import DEBIANS, KNOWN, allows
from homeport.source.requirements import normalized

# Name, Python tag, ABI tag, platform tag (PyPA's specification of the names of wheels).
_WHEEL = re.compile(r"([A-Za-z0-9][\w.]*)-[^-/\"\s]+(?:-\d[^-/\"\s]*)?-([\w.]+)-([\w.]+)-([\w.]+)\.whl")
_LINUX = re.compile(r"(^|\.)(any|(manylinux|linux)\w*_x86_64)(\.|$)")


def find_python(lock: str, names: Set[str], required: str) -> str | None:
    """Return the `python_version` to set for what a lock (its text) has of the packages `names`; None where each
    Debian's own Python has wheels of all, or none has. `required` is the requires-python, "" for none.
    """
    allowed = [one for one in _pythons(lock, names) if allows(required, one)]
    if not allowed or all(one in allowed for one in DEBIANS.values()):
        return None
    own = [one for one in allowed if one in DEBIANS.values()]
    return max(own or allowed, key=KNOWN.index)


def _pythons(lock: str, names: Set[str]) -> Iterable[str]:
    """Return the Pythons for which every package has a wheel; one that has none for Linux at all does not count."""
    found: dict[str, set[str]] = {}
    for name, python, abi, platform in _WHEEL.findall(lock):
        if normalized(name) in names and _LINUX.search(platform):
            found.setdefault(normalized(name), set()).update(_of_tags(python, abi))
    return [one for one in KNOWN if all(one in pythons for pythons in found.values())]


def _of_tags(python: str, abi: str) -> Iterable[str]:
    tags = python.split(".")
    if any(tag.startswith("py3") for tag in tags):
        return KNOWN
    versions = [f"3.{tag[3:]}" for tag in tags if re.fullmatch(r"cp3\d+", tag)]
    if abi == "abi3":
        return [one for one in KNOWN if any(int(one[2:]) >= int(first[2:]) for first in versions)]
    # `cp313t` is another build of the same Python.
    return [one for one in versions if abi.removesuffix("m").removeprefix("cp3") == one[2:]]
