"""Disposable machines on the developer's own computer, with names, a package cache and an ACME certificate authority.

`Lab` is the whole interface; the command line and the tests use nothing else.
"""

from homeport.lab.lab import Lab
from homeport.lab.model import LabDirectory, LabHost, LabState

__all__ = ["Lab", "LabDirectory", "LabHost", "LabState"]
