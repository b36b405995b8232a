"""The versions of homeport and of all that it needs, as they are installed here: what a pipeline installs as well."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from importlib.metadata import PackageNotFoundError, distribution

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name


def pins(name: str = "homeport") -> tuple[str, ...]:
    """Return `name==version` of a distribution, and then of all that it needs here, in order."""
    found: dict[str, str] = {}
    waiting, seen = [Requirement(name)], set()
    while waiting:
        wanted = waiting.pop()
        plain = canonicalize_name(wanted.name)
        if (key := (plain, frozenset(wanted.extras))) in seen:
            continue
        seen.add(key)
        try:
            one = distribution(wanted.name)
        except PackageNotFoundError:
            continue
        found[plain] = f"{plain}=={one.version}"
        waiting += _needed(one.requires or (), wanted.extras)
    first = found.pop(canonicalize_name(name))
    return first, *(found[one] for one in sorted(found))


def _needed(lines: Iterable[str], extras: set[str]) -> Iterator[Requirement]:
    for line in lines:
        needed = Requirement(line)
        if needed.marker is None or any(needed.marker.evaluate({"extra": extra}) for extra in extras or {""}):
            yield needed
