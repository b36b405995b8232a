"""Whether an application on a host is the one of this project: known by the names of its site."""

from __future__ import annotations

from collections.abc import Collection

from homeport.errors import HomeportError
from homeport.host.system.site_names import STAR
from homeport.settings import Settings


def another_project(settings: Settings, names: Collection[str]) -> HomeportError | None:
    """Tell whether another project has the application's name on a host: its site has the `names`, none of ours.

    One that changes its name by way of `domain_aliases` always has one in common with what is there. Without `names`
    nobody knows: what the host has is older, or damaged.
    """
    if not names or set(names) & {*settings.domains, settings.former_domain}:
        return None
    shortest = min(names, key=lambda name: (name.startswith(STAR), name.count("."), name))
    return HomeportError(
        f"this host serves another site as {settings.app_name}: {', '.join(sorted(names))}",
        key="app_name",
        fix=f'choose another name, or, if the site gives up its old name, set former_domain = "{shortest}"',
    )
