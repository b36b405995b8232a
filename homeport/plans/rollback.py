"""A rollback to a release that is on the hosts. All hosts start it before any of them switches."""

from __future__ import annotations

from homeport.operations import rollback

PHASES = (
    ("Start", rollback.start),
    ("Switch", rollback.switch),
)
