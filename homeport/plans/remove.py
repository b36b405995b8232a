"""Removal of an application from its hosts, and of homeport itself if asked. Firewall and sshd come first."""

from __future__ import annotations

from homeport.operations import remove
from homeport.plans.places import places
from homeport.plans.provision import STEPS
from homeport.settings import Settings
from homeport.state.places import Places

PHASES = (
    ("Access", remove.access),
    ("Application", remove.application),
    ("Machine", remove.machine),
)


def written(settings: Settings) -> Places:
    """Return where this version writes with these settings."""
    return places(STEPS, settings)
