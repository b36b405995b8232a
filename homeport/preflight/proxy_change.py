"""A machine that has another proxy than the wanted one: what that costs, and who has to allow it. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from homeport.comparison.proxy_change import replaced
from homeport.errors import HomeportError
from homeport.proxies.chosen import proxy_of
from homeport.settings import Settings
from homeport.state.snapshot import Snapshot
from homeport.state.wanted import Wanted


def refusals(settings: Settings, wanted: Wanted, found: Snapshot) -> Iterator[HomeportError]:
    """Yield why the machine's proxy is not replaced."""
    other, proxy = replaced(wanted, found), proxy_of(wanted.proxy)
    if other is None:
        return
    neighbours = sorted({claim.app for claim in found.claims} - {settings.app_name})
    if neighbours:
        yield HomeportError(
            f"{other.title} serves {' and '.join(neighbours)} on this machine, and would be replaced by {proxy.title}",
            key="proxy",
            fix=f'set proxy = "{other.name}", or give this application a machine of its own',
        )
    elif not settings.replace_proxy:
        yield HomeportError(
            f"{other.title} is the machine's proxy, and would be replaced by {proxy.title}: open connections are cut, "
            "and for some seconds nobody is answered",
            key="proxy",
            fix=f'set proxy = "{other.name}", or allow it for this deploy with --replace-proxy (pyinfra: '
            "--data replace_proxy=True)",
        )
