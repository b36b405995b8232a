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
    Debian's own Python has wheels of as many. `required` is the requires-python, "" for none.

    Where no Python has wheels of all, it is the one of Debian's that lacks the fewest.
    """
    found = _pythons(lock, names)
    lacking = {one: sum(one not in pythons for pythons in found) for one in KNOWN if allows(required, one)}
    own = [one for one in lacking if one in DEBIANS.values()]
    whole = [one for one in lacking if not lacking[one]]
    if not whole:
        best = min(own, key=lambda one: (lacking[one], -KNOWN.index(one)), default="")
        return best if any(lacking[one] > lacking[best] for one in own) else None
    if all(one in whole for one in DEBIANS.values()):
        return None
    return max([one for one in own if one in whole] or whole, key=KNOWN.index)


def _pythons(lock: str, names: Set[str]) -> Iterable[Set[str]]:
    """Return the Pythons that each package has a wheel for; one that has none for Linux at all does not count."""
    found: dict[str, set[str]] = {}
    for name, python, abi, platform in _WHEEL.findall(lock):
        if normalized(name) in names and _LINUX.search(platform):
            found.setdefault(normalized(name), set()).update(_of_tags(python, abi))
    return list(found.values())


def _of_tags(python: str, abi: str) -> Iterable[str]:
    tags = python.split(".")
    if any(tag.startswith("py3") for tag in tags):
        return KNOWN
    versions = [f"3.{tag[3:]}" for tag in tags if re.fullmatch(r"cp3\d+", tag)]
    if abi == "abi3":
        return [one for one in KNOWN if any(int(one[2:]) >= int(first[2:]) for first in versions)]
    # `cp313t` is another build of the same Python.
    return [one for one in versions if abi.removesuffix("m").removeprefix("cp3") == one[2:]]
