"""A finding of doctor and status, on the one scale of both, and which one explains which: the cause comes first."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

Level = Literal["trouble", "warning", "hint"]
# TROUBLE harms visitors, or will by itself. A WARNING harms nobody yet, but somebody must act: for example,
# it blocks the next deploy. A HINT is no fault: it is for information, or something could be better.
TROUBLE: Level = "trouble"
WARNING: Level = "warning"
HINT: Level = "hint"
SCALE = (TROUBLE, WARNING, HINT)

DISK = ("disk_read_only", "disk_full", "inodes_gone")
APPLICATION = ("before_start_failed", "app_crash_loop", "app_down", "app_hung", "app_unhealthy")
AROUND = ("process_failed", "migration_failed", "release_failed", "unit_failed")
SITE = ("site_error", "site_unreachable", "answers_too_slow", "answers_cut")
DATABASE = ("database_locked", "database_unreachable")
CERTIFICATE = ("certificate_expired", "certificate_expiring", "certificate_placeholder", "renewal_failed")
DOORS = ("ssh_login", "ssh_host_key", "ssh_closed", "ssh_name")

# The possible consequences of each finding; the deepest causes first. A cause that comes later explains no earlier one.
EXPLAINS: dict[str, tuple[str, ...]] = {
    "machine_unreachable": (*DOORS, *SITE, "port_closed"),
    **dict.fromkeys(DISK, (*DATABASE, *APPLICATION, *AROUND, "proxy_config", "proxy_down", *CERTIFICATE, *SITE)),
    "clock_off": ("certificate_not_yet_valid", *CERTIFICATE),
    "memory_short": ("memory_killed", *APPLICATION, *AROUND, *SITE),
    "memory_killed": (*APPLICATION, *AROUND, *SITE),
    "resolver_broken": ("dns_missing", "database_unreachable", *CERTIFICATE),
    "not_deployed": ("dns_missing", "renewal_off", "proxy_down", "port_closed", *SITE, *CERTIFICATE),
    **dict.fromkeys(
        ("secrets_missing", "release_incomplete", "state_link", "permissions"), (*APPLICATION, *AROUND, *SITE)
    ),
    "python_gone": ("upgrade_not_in_use", *APPLICATION, *AROUND, *SITE),
    **dict.fromkeys(DATABASE, (*APPLICATION, *AROUND, *SITE)),
    "migration_failed": ("app_crash_loop", "app_down", "release_failed", *SITE),
    "port_taken": (*APPLICATION, "proxy_down", *SITE, "port_closed"),
    **dict.fromkeys(("before_start_failed", "app_crash_loop", "app_down"), ("process_failed", *SITE)),
    **dict.fromkeys(("app_hung", "app_unhealthy"), SITE),
    "proxy_config": ("proxy_down", "proxy_stale", "port_closed", *SITE),
    "proxy_down": ("port_closed", *SITE),
    "proxy_edited": ("proxy_stale", *SITE),
    "proxy_rival": ("proxy_stale", "certificate_names", "certificate_untrusted", "tls_profile", *CERTIFICATE, *SITE),
    "proxy_stale": ("certificate_expired", "tls_profile", *SITE),
    "dns_missing": ("site_unreachable", *CERTIFICATE),
    "dns_elsewhere": ("site_unreachable", *CERTIFICATE),
    "firewall_changed": ("port_closed", "site_unreachable", *CERTIFICATE),
    "port_closed": ("site_unreachable", *CERTIFICATE),
    **dict.fromkeys(("renewal_off", "renewal_failed"), ("certificate_expired", "certificate_expiring")),
}


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong, its evidence, and what to do. `id` is stable, `because` the id of its cause.

    `fix` may have TARGET for what the user calls the inventory.
    """

    id: str
    problem: str
    evidence: str = ""
    fix: str = ""
    level: Level = TROUBLE
    because: str | None = None

    @property
    def text(self) -> str:
        """Return what is wrong, with its evidence, on one line."""
        return f"{self.problem} ({self.evidence})" if self.evidence else self.problem


def rank(level: Level) -> int:
    """Return the place of a level on the scale; the worst is 0."""
    return SCALE.index(level)


def arranged(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return the findings, each cause followed by its consequences, the worst first, and of those the deepest cause."""
    order = list(EXPLAINS)
    given = {finding.id: finding for finding in reversed(list(findings))}
    ranked = sorted(given.values(), key=lambda one: order.index(one.id) if one.id in order else len(order))
    linked = [replace(one, because=_cause(one, ranked)) for one in ranked]
    roots = sorted((one for one in linked if one.because is None), key=lambda one: rank(one.level))
    return tuple(one for root in roots for one in (root, *(it for it in linked if it.because == root.id)))


def _cause(consequence: Finding, ranked: list[Finding]) -> str | None:
    """Return the deepest of the `ranked` findings that explains this one; what is less than it explains nothing."""
    for cause in ranked:
        if cause.id == consequence.id:
            return None
        if consequence.id in EXPLAINS.get(cause.id, ()) and rank(consequence.level) >= rank(cause.level):
            return _cause(cause, ranked) or cause.id
    return None
