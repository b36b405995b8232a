"""Which paths the steps write: the one source for what a removal removes. Pure.

What is an application's own, and what all applications of a machine share, is not said anywhere: it follows from what
the steps make of the same settings under another name.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, cast, get_args

from homeport.plans.wanted import Step
from homeport.settings import Settings
from homeport.settings.proxy import ProxyName
from homeport.state.places import Places
from homeport.state.snapshot import MachineFound
from homeport.state.wanted import Part, merge
from homeport.steps.context import Context

if TYPE_CHECKING:
    from homeport.source import Source

# Whatever is switched off now may have been on.
ALL_ON = {
    "firewall": True,
    "sshd_hardening": True,
    "security_upgrades": True,
    "log_rotation": True,
    "usage_record": True,
    "kernel_hardening": True,
    "journal_max_megabytes": 1,
    "basic_auth": {"anybody": "PASSWORD"},
    "brotli": True,
    "supervisor": "supervisor",
}
# No application may be called so.
ANOTHER = {
    "app_name": "another-migrate",
    "domain": "another.invalid",
    "domain_aliases": (),
    "served_domains": (),
}


def places(steps: Iterable[Step], settings: Settings) -> Places:
    """Return where `steps` write with these settings, or with what is switched off in them switched on."""
    parts = [_part(steps, settings), _part(steps, settings.model_copy(update=ALL_ON))]
    # A proxy that had the machine before has left its files there.
    proxies = [{**ALL_ON, "proxy": name} for name in get_args(ProxyName)]
    ours = _paths([*parts, *(_part(steps, settings.model_copy(update=one)) for one in proxies)])
    shared = set(_paths(_part(steps, settings.model_copy(update={**one, **ANOTHER})) for one in proxies))
    return Places(
        application=tuple(path for path in ours if path not in shared),
        machine=tuple(path for path in ours if path in shared),
        access=tuple(path for path in ours if any(path in _access(part) for part in parts)),
        packages=tuple(dict.fromkeys(name for part in parts for name in part.packages)),
        units=tuple(dict.fromkeys(unit.name for part in parts for unit in part.units)),
    )


def _part(steps: Iterable[Step], settings: Settings) -> Part:
    # No step asks for the source: only the release is made of it, which is not a step's.
    context = Context(settings, cast("Source", None), {}, machine=MachineFound(has_sshd=True))
    return merge(step(context) for step in steps)


def _access(part: Part) -> set[str]:
    return {*(file.path for file in part.files if file.file_set == "access"), *part.withdrawn}


def _paths(parts: Iterable[Part]) -> list[str]:
    found: dict[str, None] = {}
    for part in parts:
        found |= dict.fromkeys(directory.path for directory in part.directories)
        found |= dict.fromkeys(file.path for file in (*part.files, *part.start_conditions))
        found |= dict.fromkeys((*part.absent, *part.withdrawn))
    return list(found)
