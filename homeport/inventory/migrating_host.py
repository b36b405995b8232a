"""Which machine of the inventory migrates the database: exactly one for an application, and it must take part. Pure.

Machines that serve the application under one name share its database; under other names it is another one's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from homeport.errors import UsageError
from homeport.settings import Settings


@dataclass(frozen=True)
class Fleet:
    """The inventory's hosts in their order, each with its application and domain, and those that this run selects."""

    applications: Mapping[str, tuple[str, str]]
    selected: frozenset[str]

    def hosts(self, app: str, domain: str | None = None) -> tuple[str, ...]:
        """Return the hosts that have the application `app`, under the name `domain` if one is given."""
        return tuple(host for host, (its, name) in self.applications.items() if its == app and domain in (None, name))


def migrating_host(settings: Settings, fleet: Fleet) -> str:
    """Return the host that migrates: `migrate_on`, or the inventory's first one that serves the application's name.

    Raises UsageError when `migrate_on` does not have the application.
    """
    hosts = fleet.hosts(settings.app_name)
    chosen = settings.migrate_on or fleet.hosts(settings.app_name, settings.domain)[0]
    if chosen not in hosts:
        problem = f"the inventory has no host {chosen} with the application {settings.app_name}"
        raise UsageError(problem, key="migrate_on", fix=f"choose one of: {', '.join(hosts)}")
    return chosen


def must_take_part(settings: Settings, fleet: Fleet) -> None:
    """Raise UsageError when a release with a migration is deployed without the host that migrates."""
    chosen = migrating_host(settings, fleet)
    if chosen not in fleet.selected:
        ours = [host for host in fleet.hosts(settings.app_name, settings.domain) if host in fleet.selected]
        raise UsageError(
            f"the release has a migration, which runs on {chosen}, and that host is not selected",
            key="--limit",
            fix=f"add {chosen} to --limit, or set migrate_on to {' or '.join(ours)}",
        )
