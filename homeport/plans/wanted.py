"""The wanted state of a host: the parts of all steps, and what no step makes (tools, release, certificate)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from homeport.certificates.step import wanted_certificate
from homeport.controller.folders import TEMPLATES
from homeport.machine.scope import effective_settings
from homeport.proxies.chosen import others
from homeport.service.release import wanted_release
from homeport.state.roles import RELEASE_ROLES, SITE_ROLES
from homeport.state.wanted import Part, ToolsWanted, Wanted, merge
from homeport.steps.context import Context

Step = Callable[[Context], Part]


def describe(steps: Iterable[Step], context: Context) -> Wanted:
    """Return the wanted state that `steps` make of `context`; raise UsageError when a template cannot be rendered."""
    context = replace(context, settings=effective_settings(context.settings, context.machine.values))
    settings, roles = context.settings, context.roles
    return Wanted(
        app=settings.app_name,
        part=merge(step(context) for step in steps),
        tools=ToolsWanted(_requirements(settings.proxy), context.dns_requirements),
        release=wanted_release(context) if roles & RELEASE_ROLES else None,
        certificate=wanted_certificate(context) if roles & SITE_ROLES and not settings.mounted_on else None,
        ports=(settings.port_blue, settings.port_green) if "app" in roles else (),
        keep_releases=settings.keep_releases,
        pinned_releases=settings.pinned_releases,
        take_over=settings.take_over,
        outbound=settings.outbound,
        proxy=settings.proxy,
        other_proxies=others(context) if roles & SITE_ROLES else (),
    )


def _requirements(proxy: str) -> str:
    """Return the locked tools; Traefik, which Debian does not have, is one of them where it is the proxy."""
    names = ("requirements.txt", *(("traefik.txt",) if proxy == "traefik" else ()))
    return "".join((TEMPLATES / "tools" / name).read_text() for name in names)
