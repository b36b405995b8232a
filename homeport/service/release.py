"""The release: its id, and the files of its own that are under /etc (environment, units, site, description)."""

from __future__ import annotations

import json
from dataclasses import replace
from hashlib import sha256

from homeport.proxies.chosen import USUAL, proxy_of
from homeport.service.environment import environment_file
from homeport.service.record import behaviour, record
from homeport.service.units import release_units
from homeport.service.workers import worker_count
from homeport.settings import Settings
from homeport.source.release_id import release_id
from homeport.state.snapshot import MachineFound
from homeport.state.wanted import Directory, File, Part, ReleaseWanted
from homeport.steps.context import Context


def slots(context: Context) -> Part:
    """Return the variables of the two slots, which no release changes."""
    settings, paths = context.settings, context.paths
    ports = {"blue": settings.port_blue, "green": settings.port_green}
    return Part(
        directories=(Directory(paths.etc),),
        files=tuple(
            File(f"{paths.etc}/{slot}.env", f"HOMEPORT_SLOT={slot}\nHOMEPORT_PORT={port}\n")
            for slot, port in ports.items()
        ),
    )


def wanted_release(context: Context) -> ReleaseWanted:
    """Return the release that the source, the settings and the secrets make; the same ones always make the same id."""
    source = context.source
    release = release_id(
        tree=source.tree,
        dependencies_digest=source.dependencies.digest,
        configuration_digest=_configuration(context),
    )
    return ReleaseWanted(
        id=release,
        commit=source.commit,
        ref=source.ref,
        dependencies=source.dependencies.digest,
        workers=_workers(context),
        migrates=context.has_migration and context.migrates,
        etc=_etc(context, release),
    )


def _workers(context: Context) -> int:
    settings = context.settings
    return worker_count(settings.workers, context.machine, settings.worker_memory_megabytes)


def _configuration(context: Context) -> str:
    """Return a digest of all that a release carries besides code and dependencies.

    It is reckoned for a machine that is no machine in particular, so that all machines share an id: what depends on
    theirs ("auto" workers, IPv6, which of them migrates) enters as the setting says it.
    """
    settings = context.settings
    anywhere = replace(context, settings=_own(settings), machine=MachineFound(), migrates=True)
    # Which one the machine has from another application is the machine's, too.
    proxy = proxy_of(settings.proxy if "proxy" in settings.model_fields_set else USUAL)
    files = {**release_units(anywhere, "ID", workers=0), proxy.site_name: proxy.site(anywhere)}
    sized = json.dumps([settings.workers, settings.memory_max_megabytes])
    parts = [environment_file(_variables(context)), sized, json.dumps(behaviour(anywhere))]
    return sha256("\0".join([*parts, *(f"{name}\0{text}" for name, text in files.items())]).encode()).hexdigest()


def _own(settings: Settings) -> Settings:
    """Return the settings without what the site has from another application of the machine."""
    if settings.proxy_protocol is None or "proxy_protocol" in settings.model_fields_set:
        return settings
    return settings.model_copy(update={"proxy_protocol": None})


def _etc(context: Context, release: str) -> tuple[File, ...]:
    app, folder = context.settings.app_name, context.paths.release_etc(release)
    workers = _workers(context)
    units, proxy = release_units(context, release, workers), proxy_of(context.settings.proxy)
    return (
        File(f"{folder}/env", environment_file(_variables(context)), mode=0o640, group=app, secret=True),
        File(f"{folder}/release.json", json.dumps(record(context, release, workers), indent=2) + "\n"),
        File(f"{folder}/{proxy.site_name}", proxy.site(context)),
        *(File(f"{folder}/{name}", text, mode=0o644 if "." in name else 0o755) for name, text in units.items()),
    )


def _variables(context: Context) -> dict[str, str]:
    return {**context.settings.environment, **context.secrets}
