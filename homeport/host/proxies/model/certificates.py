"""Which certificate is on the disk for a site, and which one the proxy serves for it."""

from __future__ import annotations

import json
import socket
import ssl
import time
from collections.abc import Callable
from pathlib import Path

from ...system.layout import CERTIFICATE_FILE, MachineLayout
from ...system.site_names import askable

PEM_END = "-----END CERTIFICATE-----"
CONNECT_SECONDS = 3.0
POLL_SECONDS = 0.05
SiteFile = Callable[[MachineLayout, str], Path]


def sites(machine: MachineLayout, site_file: SiteFile) -> dict[str, Path]:
    """Return the certificate file of each name that the proxy has a site for; damaged claims are passed over.

    A claim is there before its first release brings the site, and has a new name before the next release does.
    """
    found = {}
    for claim in sorted(machine.sites.glob("*/site.json")):
        try:
            said = json.loads(claim.read_text())
            # The name of a mounted application is its owner's.
            names = () if "mounted_on" in said else said["domains"]
            site = site_file(machine, claim.parent.name)
            words = set(site.read_text().replace(";", " ").split())
        except (OSError, ValueError, KeyError, TypeError):
            continue
        found.update({str(name): claim.parent / "tls" / CERTIFICATE_FILE for name in names if name in words})
    return found


def on_disk(path: Path) -> bytes | None:
    """Return the first certificate of a PEM chain as DER; None when there is none that could be read."""
    try:
        text = path.read_text()
        return ssl.PEM_cert_to_DER_cert(text[text.index("-----BEGIN") : text.index(PEM_END) + len(PEM_END)])
    except (OSError, ValueError):
        return None


def served(name: str, port: int = 443) -> bytes | None:
    """Return the certificate that this host serves for `name`, as DER; None when it serves none.

    Nothing is verified: which certificate it is matters here, not whether it can be trusted.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        with (
            socket.create_connection(("127.0.0.1", port), CONNECT_SECONDS) as connection,
            context.wrap_socket(connection, server_hostname=askable(name)) as secured,
        ):
            return secured.getpeercert(binary_form=True)
    except OSError:
        return None


def outdated(machine: MachineLayout, site_file: SiteFile, port: int = 443) -> list[str]:
    """Return the names for which another certificate is served than the one on the disk."""
    found = sites(machine, site_file).items()
    return [name for name, path in found if (wanted := on_disk(path)) and served(name, port) != wanted]


def await_served(machine: MachineLayout, site_file: SiteFile, at_most_seconds: float) -> list[str]:
    """Return when every name is served with the certificate on the disk; after that time, for which it is not."""
    end = time.monotonic() + at_most_seconds
    while (names := outdated(machine, site_file)) and time.monotonic() < end:
        time.sleep(POLL_SECONDS)
    return names
