"""Disposable machines on the developer's own computer, with names, a package cache and an ACME certificate authority.

`Lab` is the whole interface; the command line and the tests use nothing else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from homeport.lab.model import LabDirectory, LabHost, LabState

if TYPE_CHECKING:
    from homeport.lab.lab import Lab

__all__ = ["Lab", "LabDirectory", "LabHost", "LabState"]


def __getattr__(name: str) -> Any:
    # The lab's inventory is read by every run against it, and needs to know where the hosts are and no more.
    if name == "Lab":
        from homeport.lab.lab import Lab

        return Lab
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
