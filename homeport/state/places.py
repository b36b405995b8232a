"""The paths where homeport writes on a host, as plain data: the basis of a removal."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Places:
    """The files and folders that steps write, for one application and for all of a machine; those of either that decide
    who gets in; the Debian packages; and the units that are enabled.
    """

    application: tuple[str, ...]
    machine: tuple[str, ...]
    access: tuple[str, ...]
    packages: tuple[str, ...]
    units: tuple[str, ...]
