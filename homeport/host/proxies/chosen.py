"""Which proxy a machine has: the machine's own record says it, which a deploy writes. Without one it is Nginx."""

from __future__ import annotations

import json

from ..system.layout import MachineLayout
from .haproxy.proxy import HAProxy
from .model.proxy import Proxy
from .nginx.proxy import Nginx

PROXIES: dict[str, Proxy] = {"nginx": Nginx(), "haproxy": HAProxy()}


def proxy_of(machine: MachineLayout) -> Proxy:
    """Return the machine's proxy; a damaged record is none."""
    try:
        name = str(json.loads(machine.proxy_record.read_text())["proxy"])
    except (OSError, ValueError, KeyError, TypeError):
        name = "nginx"
    return PROXIES.get(name, PROXIES["nginx"])
