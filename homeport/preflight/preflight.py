"""The conditions that a host must meet before anything on it is changed."""

from __future__ import annotations

from datetime import datetime

from homeport.certificates.comparison import lineage_conflict
from homeport.comparison.compare import access_changes
from homeport.diagnosis import limits
from homeport.errors import HomeportError
from homeport.machine import scope
from homeport.machine.platform import unsupported
from homeport.preflight import firewall, logins, mounts, outbound, previews, proxy_change
from homeport.preflight.disk import upload_refusal
from homeport.preflight.host_checks import host_checks
from homeport.preflight.memory import refusal
from homeport.preflight.ownership import ownership
from homeport.proxies.chosen import proxy_of
from homeport.settings import Settings
from homeport.source import Source, python_version
from homeport.state.paths import SSHD_DROP_IN
from homeport.state.snapshot import Snapshot
from homeport.state.wanted import ACCOUNT_COMMENT, Wanted

LINEAGE_FIX = "choose another name, or delete it when nothing uses it (certbot delete --cert-name NAME, on the host)"


def preflight(
    settings: Settings, source: Source, wanted: Wanted, found: Snapshot, now: datetime
) -> tuple[HomeportError, ...]:
    """Return everything that keeps this host from being provisioned; `now` is this machine's time (UTC).

    What only a new release needs (its files on the disk, its memory, its ports) is not asked for when it is live.
    """
    checks = [
        (_platform(found), "os", "use a supported one"),
        (_disk(settings, found), "disk", "free some space, or lower minimum_free_megabytes"),
        (_upload(source, wanted, found), "disk", "free some space, or keep files out with export-ignore"),
        (_clock(found, now), "clock", "turn time synchronisation on (timedatectl set-ntp true)"),
        (_account(settings, found) or _units(settings, found), "app_name", "choose another name"),
        (_claims(settings, found), "domain", "give each application its own names and ports"),
        (lineage_conflict(wanted, found), "app_name", LINEAGE_FIX),
    ]
    problems = [HomeportError(problem, key=key, fix=fix) for problem, key, fix in checks if problem]
    problems += scope.refusals(settings, found.machine.values)
    problems += [*ownership(settings, wanted, found), *host_checks(settings, wanted, found)]
    problems += filter(None, (mounts.refusal(settings, found), previews.refusal(settings, wanted, found)))
    problems += filter(None, (outbound.refusal(settings, wanted, found, now),))
    problems += proxy_change.refusals(settings, wanted, found)
    problems += proxy_of(wanted.proxy).problems(settings, wanted, found) if wanted.certificate else ()
    if any(file.path == SSHD_DROP_IN for file in access_changes(wanted, found).files):
        problems += logins.refusals(settings, found)
    # A preview leaves the firewall as it is.
    problems += filter(None, (None if settings.preview else firewall.refusal(settings, found),))
    if wanted.release and found.live_release != wanted.release.id:
        problems += filter(None, (refusal(settings, found, wanted.release.workers), _live_port(settings, found)))
        problems += filter(None, (_python(settings, source, found),))
    return tuple(problems)


def _platform(found: Snapshot) -> str | None:
    if not found.has_systemd:
        return "systemd does not run here"
    return unsupported(found.machine)


def _disk(settings: Settings, found: Snapshot) -> str | None:
    if limits.lacks_room_for_a_deploy(found.free_megabytes, settings.minimum_free_megabytes):
        return f"{found.free_megabytes} MB are free, {settings.minimum_free_megabytes} MB are needed"
    if limits.lacks_inodes_for_a_deploy(found.free_inodes_percent):
        return (
            f"{found.free_inodes_percent} % of the inodes are free, {limits.MINIMUM_FREE_INODES_PERCENT} % are needed"
        )
    return None


def _clock(found: Snapshot, now: datetime) -> str | None:
    offset = (found.clock - now).total_seconds()
    if not limits.is_clock_off(offset):
        return None
    return f"its clock is {abs(offset):.0f} s {'ahead' if offset > 0 else 'behind'}"


def _account(settings: Settings, found: Snapshot) -> str | None:
    """Tell whether the host has a user of the application's name that we did not make."""
    name, home = settings.app_name, f"/var/lib/{settings.app_name}"
    entry = found.accounts.get(name)
    if entry is None:
        return None
    comment, its_home = (entry.split(":") + [""] * 7)[4:6]
    if (comment, its_home) != (ACCOUNT_COMMENT, home):
        return f"the host has a user {name} that does not belong to the application (home {its_home})"
    return None


def _units(settings: Settings, found: Snapshot) -> str | None:
    """Tell whether our unit template would hide one of the system's (`user@`, `getty@`, `postgresql@`)."""
    unit = found.units.get(f"{settings.app_name}@blue.service")
    if unit and unit.load == "loaded" and not found.releases:
        return f"the host has units {settings.app_name}@.service that do not belong to the application"
    return None


def _upload(source: Source, wanted: Wanted, found: Snapshot) -> str | None:
    return None if wanted.release_id in ("", *found.releases) else upload_refusal(source, found)


def _python(settings: Settings, source: Source, found: Snapshot) -> HomeportError | None:
    """Tell whether the lock does not allow the system's Python, which is used where no other is asked for."""
    required = source.dependencies.requires_python
    if settings.python_version or not found.python or python_version.allows(required, found.python):
        return None
    return HomeportError(
        f"the application requires Python {required}, and the host has {found.python}",
        key="python_version",
        fix=python_version.fix(required),
    )


def _live_port(settings: Settings, found: Snapshot) -> HomeportError | None:
    """Tell whether the port of the slot that serves would change: requests would go where nobody listens."""
    live, ports = found.live_slot, {"blue": settings.port_blue, "green": settings.port_green}
    unit, port = found.units.get(f"{settings.app_name}@{live}.service"), found.slot_ports.get(live)
    if not found.live_release or unit is None or unit.active != "active" or port in (None, ports[live]):
        return None
    idle = "blue" if live == "green" else "green"
    return HomeportError(
        f"{port} is the port of the live slot, and cannot change while the slot serves",
        key=f"port_{live}",
        fix=f"set it to {port} and change port_{idle}, deploy, and change port_{live} after that",
    )


def _claims(settings: Settings, found: Snapshot) -> str | None:
    for claim in found.claims:
        if claim.app == settings.app_name:
            continue
        mounted = settings.mounted_on or claim.mounted_on
        for domain in sorted(set(claim.domains) & set(settings.domains)) if not mounted else ():
            return f"the application {claim.app} on this host uses the name {domain} already"
        for port in sorted(set(claim.ports) & {settings.port_blue, settings.port_green}):
            return f"the application {claim.app} on this host uses the port {port} already"
    return None
