"""The proxy and the site in it, the certificate, and what the site answers on the machine itself."""

from __future__ import annotations

import difflib
import http.client
import json
import re
import socket
import ssl
from pathlib import Path

from ..host.proxies import certificates, nginx, rival_sites
from ..host.reports import certificate as certificate_on_disk
from ..host.services import units
from ..host.services.release_description import Release
from ..host.system.layout import SLOTS, Layout
from .facts import CertificateFacts, SiteFacts

ERRORS = Path("/var/log/nginx/error.log")
TAIL_BYTES = 16384
EDITS, LINES = 6, 3
WAIT_SECONDS = 5.0
# What Nginx would complain about is looked for with a /run of its own: the check leaves a PID file there.
CHECK = "mount -t tmpfs tmpfs /run && exec nginx -t -q"


def read(layout: Layout, release: Release | None, health_path: str) -> SiteFacts:
    """Return the state of the proxy and the site, compared with the one that the live `release` has brought."""
    text = _text(layout.proxy_site)
    wanted = _text(release.files / "site.conf") if release else ""
    names = _served_names(layout)
    return {
        "there": layout.proxy_site.exists(),
        "names": names,
        "ports": upstreams(layout.app, text),
        "edits": edits(wanted, text) if wanted and text else [],
        "config_problem": _check(),
        "stale": _text(layout.machine.runtime / "nginx.loaded") != nginx.digest(layout.machine),
        "errors": _errors(layout),
        "through_proxy": _ask(names[0], health_path) if names else "",
        "rivals": [(name, port, str(path)) for name, port, path in rival_sites.find(layout.machine, _claimed(layout))],
    }


def _served_names(layout: Layout) -> list[str]:
    """Return the names of the application that the proxy has a site for."""
    return [name for name, file in certificates.sites(layout.machine).items() if file == layout.certificate]


def _claimed(layout: Layout) -> list[str]:
    """Return the names that the application has on this host, also before its first release is live."""
    try:
        return [str(name) for name in json.loads(layout.site.read_text())["domains"]]
    except (OSError, ValueError, KeyError, TypeError):
        return []


def upstreams(app: str, site: str) -> dict[str, int]:
    """Return the first port that a site sends each slot's requests to."""
    found = {}
    for slot in SLOTS:
        match = re.search(rf"upstream {re.escape(app)}_{slot} \{{[^}}]*?server 127\.0\.0\.1:(\d+)", site)
        if match:
            found[slot] = int(match[1])
    return found


def edits(wanted: str, text: str) -> list[str]:
    """Return the lines in which a file differs from what it should be, as a diff has them; the first few."""
    lines = difflib.unified_diff(wanted.splitlines(), text.splitlines(), n=0, lineterm="")
    return [line for line in lines if not line.startswith(("---", "+++", "@@"))][:EDITS]


def _text(path: Path) -> str:
    return path.read_text(errors="replace") if path.exists() else ""


def _check() -> str:
    """Return why Nginx does not accept its configuration, or "" when it does."""
    done = units.run("unshare", "--mount", "sh", "-c", CHECK)
    lines = [line for line in done.stderr.splitlines() if "[emerg]" in line]
    return lines[0].partition("[emerg] ")[2].partition(" ")[2] if done.returncode and lines else ""


def _errors(layout: Layout) -> list[str]:
    """Return the last errors that Nginx has written about its upstreams."""
    if not ERRORS.exists():
        return []
    with ERRORS.open("rb") as log:
        log.seek(max(ERRORS.stat().st_size - TAIL_BYTES, 0))
        lines = log.read().decode(errors="replace").splitlines()
    return [line for line in lines if "upstream" in line and "[error]" in line][-LINES:]


def _ask(name: str, path: str) -> str:
    """Return what Nginx answers on this machine for the health path: `answered STATUS`, or what went wrong."""
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


def certificate(layout: Layout) -> CertificateFacts:
    """Return the certificate that is on the disk for the site, and whether another one is served."""
    found = certificate_on_disk.read(layout)
    return {
        "folder": found.folder,
        "served_differs": bool(found.pem) and found.served == "another" and bool(_served_names(layout)),
        "renewal_configured": (layout.root / f"etc/letsencrypt/renewal/{layout.app}.conf").exists(),
    }
