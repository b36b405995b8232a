"""Names that sites have, and those that stand for many: "*.example.com". Pure.

The star is for one label, the first, as on a certificate (RFC 9525, 6.3).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

STAR = "*."


def covers(pattern: str, name: str) -> bool:
    """Tell whether a name, which may begin with a star, stands for `name`."""
    pattern, name = pattern.lower(), name.lower()
    label, _, rest = name.partition(".")
    return pattern == name or (pattern.startswith(STAR) and bool(label) and pattern[2:] == rest)


def askable(name: str) -> str:
    """Return a name that can be looked up and asked for: one below a name with a star, any other as it is."""
    return f"homeport-test.{name[2:]}" if name.startswith(STAR) else name


class SiteNames(Collection[str]):
    """The names of an application, and all that its names with a star stand for, unless another application has one."""

    def __init__(self, own: Collection[str], others: Collection[str] = ()):
        self._own, self._others = own, others

    def __contains__(self, name: object) -> bool:
        if name in self._own:
            return True
        return isinstance(name, str) and name not in self._others and any(covers(one, name) for one in self._own)

    def __iter__(self) -> Iterator[str]:
        return iter(self._own)

    def __len__(self) -> int:
        return len(self._own)
