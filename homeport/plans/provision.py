"""From a bare machine to the application over HTTPS. The order of the two lists is the order in which things happen."""

from __future__ import annotations

from collections.abc import Collection

from homeport.certificates.step import certificate, provided_certificate
from homeport.machine.access import access
from homeport.machine.account import account
from homeport.machine.packages import base
from homeport.machine.upkeep import upkeep
from homeport.machine.values import machine_values
from homeport.operations import access as getting_in
from homeport.operations import certificate as certifying
from homeport.operations import machine, release
from homeport.plans.wanted import Step
from homeport.proxies.chosen import proxy
from homeport.service.release import slots
from homeport.service.units import processors, supervision
from homeport.state.roles import RELEASE_ROLES, ROLES, SITE_ROLES, Role

# Each with the roles whose machines it is for, one of them at least.
STEPS_BY_ROLE: tuple[tuple[Step, frozenset[Role]], ...] = (
    (base, ROLES),
    (machine_values, ROLES),
    (account, RELEASE_ROLES),
    (upkeep, ROLES),
    (access, ROLES),
    (proxy, SITE_ROLES),
    (certificate, SITE_ROLES),
    (provided_certificate, SITE_ROLES),
    (slots, RELEASE_ROLES),
    (processors, RELEASE_ROLES),
    (supervision, RELEASE_ROLES),
)


def steps_for(roles: Collection[Role]) -> tuple[Step, ...]:
    """Return the steps of a machine that does this for the application, in their order."""
    return tuple(step for step, its_roles in STEPS_BY_ROLE if its_roles & set(roles))


STEPS = steps_for(ROLES)

PHASES = (
    ("Packages", machine.packages),
    ("Accounts", machine.accounts),
    ("Files", machine.files),
    ("Tools", machine.tools),
    ("Services", machine.services),
    ("Access", getting_in.access),
    # An authority takes its time: that of everything up to the last phase, which waits for what is left of it.
    ("Request", certifying.request),
    ("Release", release.upload),
    ("Dependencies", release.dependencies),
    # All machines start the new release before any of them switches to it: pyinfra waits between operations.
    # The migrating one is first: the others start only after the database has the release's migrations.
    ("Start first", release.start_first),
    ("Start", release.start),
    ("Switch", release.switch),
    ("Prune", release.prune),
    # Last, so that an authority that is down keeps nothing else from being done.
    ("Certificate", certifying.certificate),
)
