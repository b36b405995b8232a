"""An application off its hosts, and homeport itself if asked to. Who gets in comes first, when nothing is gone yet."""

from __future__ import annotations

from homeport.operations import removal

PHASES = (
    ("Access", removal.access),
    ("Application", removal.application),
    ("Machine", removal.machine),
)
