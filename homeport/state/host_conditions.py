"""Conditions of a host that could make a phase fail, as one reading found them. Plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class HostConditions:
    """`groups` are those that are called like an account, `lacks` programs that are not there.

    `places` says where our folders really are (links followed), `linked` which of them are links themselves, `mounts`
    how each file system is mounted ("ro", "noexec" or ""), `removes` which packages apt would take away for those that
    are missing, `unresolved` a name that the machine cannot find, and `nginx_refuses` what Nginx says of what is in
    /etc/nginx together with ours.
    """

    groups: frozenset[str] = frozenset()
    lacks: tuple[str, ...] = ()
    places: Mapping[str, str] = field(default_factory=dict)
    linked: frozenset[str] = frozenset()
    mounts: Mapping[str, str] = field(default_factory=dict)
    removes: tuple[str, ...] = ()
    unresolved: str = ""
    nginx_refuses: str = ""

    def mounted(self, path: str) -> tuple[str, str]:
        """Return the file system that a path is on, and how that is mounted."""
        holding = [one for one in self.mounts if one == "/" or path == one or path.startswith(f"{one}/")]
        place = max(holding, key=len, default="/")
        return place, self.mounts.get(place, "")
