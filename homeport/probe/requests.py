"""Failed requests of late in the proxy's logs: too large, cut, too slow, held back.

Only requests to the live release count: it may have fixed the earlier ones.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable

from ..host.proxies.chosen import proxy_of
from ..host.proxies.model import mounts
from ..host.proxies.model.log_lines import site_names
from ..host.proxies.model.proxy import Trouble
from ..host.release import slots
from ..host.services import units
from ..host.system import sampling
from ..host.system.layout import Layout
from .observations import RequestObservation

LOOK_BACK_SECONDS = 3600.0


def read(layout: Layout, slot: str) -> dict[str, RequestObservation]:
    """Return how many requests each kind of trouble has met since `since`, and the last of them; nothing: none."""
    began = sampling.age_seconds(int(units.show(layout.unit(slot)).get("MainPID") or 0))
    since = time.time() - min(LOOK_BACK_SECONDS, LOOK_BACK_SECONDS if began is None else began)
    found, mount = (
        proxy_of(layout.machine).troubles(site_names(layout), since, slots.port(layout, slot)),
        mounts.read(layout),
    )
    return counted(one for one in found if mount is None or re.search(rf" {re.escape(mount.path)}[/? :]", one[2]))


def counted(found: Iterable[Trouble]) -> dict[str, RequestObservation]:
    """Return kinds with their number and their newest line; given are kind, time and text, the newest first."""
    observed: dict[str, RequestObservation] = {}
    for kind, at, text in found:
        observed.setdefault(kind, {"count": 0, "last": text, "at": at})["count"] += 1
    return observed
