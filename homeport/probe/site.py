"""The proxy and the site in it, the certificate, and what the site answers on the machine itself."""

from __future__ import annotations

import difflib
import http.client
import json
import socket
import ssl
from pathlib import Path

from ..host.proxies.chosen import proxy_of
from ..host.proxies.model import certificates, mounts
from ..host.reports import certificate as certificate_on_disk
from ..host.services.release_description import Release
from ..host.system.layout import Layout
from ..host.system.site_names import askable
from .observations import CertificateObservation, SiteObservation

EDITS = 6
WAIT_SECONDS = 5.0


def read(layout: Layout, release: Release | None, health_path: str) -> SiteObservation:
    """Return the state of the proxy and the site, compared with the one that the live `release` has brought."""
    machine, proxy = layout.machine, proxy_of(layout.machine)
    place = proxy.site(machine, layout.app)
    text = _text(place)
    wanted = _text(release.files / proxy.site_name) if release else ""
    names, mount = site_names(layout), mounts.read(layout)
    public_path = f"{mount.path}{health_path}" if mount else health_path
    return {
        "proxy": proxy.title,
        "unit": proxy.unit,
        "file": place.name,
        "template": proxy.template,
        "there": place.exists(),
        "names": names,
        "ports": proxy.ports(layout.app, text),
        "edits": edits(wanted, text) if wanted and text else [],
        "config_problem": proxy.complaint(),
        "stale": not proxy.is_loaded(machine),
        "errors": proxy.upstream_errors(),
        "through_proxy": _ask(askable(names[0]), public_path) if names else "",
        "rivals": [(name, port, str(path)) for name, port, path in proxy.rivals(machine, _claimed(layout))],
    }


def site_names(layout: Layout) -> list[str]:
    """Return the names that the proxy has a site for; of a mounted application those of its owner."""
    found = certificates.sites(layout.machine, proxy_of(layout.machine).site)
    return [name for name, file in found.items() if file == mounts.owner(layout).certificate]


def _claimed(layout: Layout) -> list[str]:
    """Return the names that the application has on this host, also before its first release is live."""
    try:
        return [str(name) for name in json.loads(layout.site.read_text())["domains"]]
    except (OSError, ValueError, KeyError, TypeError):
        return []


def edits(wanted: str, text: str) -> list[str]:
    """Return the lines in which a file differs from what it should be, as a diff has them; the first few."""
    lines = difflib.unified_diff(wanted.splitlines(), text.splitlines(), n=0, lineterm="")
    return [line for line in lines if not line.startswith(("---", "+++", "@@"))][:EDITS]


def _text(path: Path) -> str:
    return path.read_text(errors="replace") if path.exists() else ""


def _ask(name: str, path: str) -> str:
    """Return what the proxy answers on this machine for the health path: `answered STATUS`, or what went wrong."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    connection = http.client.HTTPSConnection(name, 443, timeout=WAIT_SECONDS, context=context)
    try:
        plain = socket.create_connection(("127.0.0.1", 443), WAIT_SECONDS)
        connection.sock = context.wrap_socket(plain, server_hostname=name)
        connection.request("GET", path, headers={"User-Agent": "homeport", "Connection": "close"})
        return f"answered {connection.getresponse().status}"
    except (OSError, http.client.HTTPException) as error:
        return str(error) or type(error).__name__
    finally:
        connection.close()


def certificate(layout: Layout) -> CertificateObservation:
    """Return the certificate that is on the disk for the site, and whether another one is served."""
    found = certificate_on_disk.read(layout)
    return {
        "folder": found.folder,
        "served_differs": bool(found.pem) and found.served == "another" and bool(site_names(layout)),
        "renewal_configured": (layout.root / f"etc/letsencrypt/renewal/{mounts.owner(layout).app}.conf").exists(),
    }
