"""From a bare machine to the application over HTTPS. The order of the two lists is the order in which things happen."""

from __future__ import annotations

from homeport.certificates.step import brought, certificate
from homeport.machine.access import access
from homeport.machine.account import account
from homeport.machine.packages import base
from homeport.machine.upkeep import upkeep
from homeport.operations import access as getting_in
from homeport.operations import certificate as certifying
from homeport.operations import machine, release
from homeport.proxies.nginx.step import proxy
from homeport.service.release import slots
from homeport.service.units import processors

STEPS = (base, account, upkeep, access, proxy, certificate, brought, slots, processors)

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
    # The one that migrates is first: the others start when the database is as the release wants it, or not at all.
    ("Start first", release.start_first),
    ("Start", release.start),
    ("Switch", release.switch),
    ("Prune", release.prune),
    # Last, so that an authority that is down keeps nothing else from being done.
    ("Certificate", certifying.certificate),
)
