"""Collects all parts and prints them as JSON; a part that cannot be read does not stop the others."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from ..host.release import retrying
from ..host.release.slots import flagged, port
from ..host.services.release_description import Health, Release
from ..host.system.layout import SLOTS, Layout
from . import application, database, deploys, handshakes, machine, memory, names, requests, site, static_files, units
from .observations import Observations

TOGETHER = 6


def main(given: Mapping[str, Any]) -> None:
    """Print what is found of the application `app`; `names` are looked up, `health` is the path and its status."""
    os.environ.update(PATH="/usr/sbin:/usr/bin:/sbin:/bin", LC_ALL="C.UTF-8")
    print(json.dumps(collect(Layout(str(given["app"])), given)))


def collect(layout: Layout, given: Mapping[str, Any]) -> Observations:
    """Return everything that can be read."""
    found: dict[str, Any] = {"deployed": layout.settings.is_dir() and layout.base.is_dir(), "unread": {}}
    health = Health(given["health"]["path"], given["health"]["status"], 1, 0)
    release = _tried("release", lambda: application.live_release(layout), found["unread"])
    parts = _of_machine(layout, given)
    if found["deployed"]:
        parts |= _of_application(layout, release, health)
    with ThreadPoolExecutor(TOGETHER) as pool:
        # They wait for programs, locks and name servers most of the time.
        values = pool.map(lambda name: _tried(name, parts[name], found["unread"]), parts)
    found |= {name: value for name, value in zip(parts, values, strict=True) if name not in found["unread"]}
    return found  # type: ignore[return-value]


def _tried(name: str, part: Callable[[], Any], unread: dict[str, str]) -> Any:
    try:
        return part()
    except Exception as error:  # one part of the examination, whatever it met
        unread[name] = f"{type(error).__name__}: {error}"
        return None


def _of_machine(layout: Layout, given: Mapping[str, Any]) -> dict[str, Callable[[], Any]]:
    return {
        "clock": machine.clock,
        "disks": lambda: machine.disks(layout),
        "memory": lambda: memory.read(layout),
        "addresses": machine.addresses,
        "names": lambda: [names.lookup(name) for name in given["names"]],
        "listening": lambda: machine.listeners([found for slot in SLOTS if (found := port(layout, slot))]),
        "firewall": machine.firewall,
        "filters": machine.filters,
        "units": lambda: units.read(layout),
        "failed_units": units.failed,
        "reboot_required": machine.reboot_required,
        "replaced": lambda: machine.replaced(layout),
    }


def _of_application(layout: Layout, release: Release | None, health: Health) -> dict[str, Callable[[], Any]]:
    slot = flagged(layout)
    return {
        "slot": lambda: application.read(layout, release, health),
        "static": lambda: static_files.read(layout, slot, release),
        "retry": lambda: retrying.read(layout, slot),
        "site": lambda: site.read(layout, release, release.health.path if release else health.path),
        "handshakes": lambda: handshakes.read(layout),
        "certificate": lambda: site.certificate(layout),
        "python": lambda: application.python(layout, slot),
        "denied": lambda: application.denied(layout, slot),
        "state_link": lambda: application.state_link(layout),
        "exposed": lambda: application.exposed(layout),
        "locks": lambda: database.locks(layout),
        "servers": lambda: database.servers(layout.links(slot)[1] / "env"),
        "deploys": lambda: deploys.read(layout),
        "requests": lambda: requests.read(layout, slot),
    }
