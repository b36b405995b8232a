"""How a host's site is reached from this computer: its URL, and a curl command that verifies its certificate. Pure."""

from __future__ import annotations

import os

from homeport.lab.context import LabContext
from homeport.lab.model import LabHost

HTTPS = 443


def url(context: LabContext, host: LabHost) -> str:
    """Return the URL of a host's site, with the port where that is a forwarded one."""
    port = context.network.https_port
    return f"https://{host.domain}{'' if port == HTTPS else f':{port}'}/"


def curl(context: LabContext, host: LabHost) -> list[str]:
    """Return the curl command that fetches the front page; it works as it stands, without the lab's name server."""
    authority = os.path.relpath(context.directory.ca_file)
    address = f"{host.domain}:{context.network.https_port}:{host.address}"
    return ["curl", "-sS", "--cacert", authority, "--resolve", address, url(context, host)]
