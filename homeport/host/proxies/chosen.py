"""Which proxy a machine has: its record, written when that one serves, says it. Without one it is Nginx."""

from __future__ import annotations

import json

from ..system.layout import MachineLayout
from .caddy.proxy import Caddy
from .haproxy.proxy import HAProxy
from .model.proxy import Proxy
from .nginx.proxy import Nginx
from .traefik.proxy import Traefik

PROXIES: dict[str, Proxy] = {"nginx": Nginx(), "haproxy": HAProxy(), "caddy": Caddy(), "traefik": Traefik()}


def proxy_of(machine: MachineLayout, name: str = "") -> Proxy:
    """Return the proxy of this name, the machine's without one; a damaged record is none."""
    return PROXIES.get(name or _recorded(machine), PROXIES["nginx"])


def _recorded(machine: MachineLayout) -> str:
    try:
        return str(json.loads(machine.proxy_record.read_text())["proxy"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""
