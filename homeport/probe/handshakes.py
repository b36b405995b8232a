"""The TLS that the site accepts: tried on the machine itself, with one protocol or curve at a time.

Nginx before 1.29.2 takes both from the default server of the address, which may be somebody else's.
"""

from __future__ import annotations

import re
import socket
import ssl
import subprocess
import warnings
from collections.abc import Iterable
from pathlib import Path

from ..host.proxies.chosen import proxy_of
from ..host.system.layout import Layout
from ..host.system.site_names import askable
from .observations import HandshakeObservation
from .site import site_names

PROTOCOLS = {
    "TLSv1.1": ssl.TLSVersion.TLSv1_1,
    "TLSv1.2": ssl.TLSVersion.TLSv1_2,
    "TLSv1.3": ssl.TLSVersion.TLSv1_3,
}
# One that no profile of Mozilla's has (https://ssl-config.mozilla.org).
OTHER_CURVE = "secp521r1"
DEFAULT = re.compile(r"\blisten\s[^;]*\b443\b[^;]*\bdefault(_server)?\b")
WAIT_SECONDS = 5.0


def read(layout: Layout) -> HandshakeObservation:
    """Return what the site's first name is served with, and the file of the default server if it is somebody's."""
    names = [askable(name) for name in site_names(layout)]
    if not names:
        return {"protocols": [], "other_curve": False, "default": ""}
    return {
        "protocols": [name for name in PROTOCOLS if _speaks(names[0], name)],
        "other_curve": _has_curve(names[0]),
        "default": default(proxy_of(layout.machine).default_servers(layout.machine)),
    }


def default(files: Iterable[Path]) -> str:
    """Return the first of the files in which a server says that it is the default of port 443; "" for none."""
    for file in files:
        text = re.sub(r"#.*", "", file.read_text(errors="replace")) if file.is_file() else ""
        if DEFAULT.search(text):
            return str(file)
    return ""


def _speaks(name: str, protocol: str, port: int = 443) -> bool:
    """Tell whether a handshake for `name` succeeds with this protocol alone."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with warnings.catch_warnings():
        # That the old one is old is why it is tried.
        warnings.simplefilter("ignore", DeprecationWarning)
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version = context.maximum_version = PROTOCOLS[protocol]
    try:
        with (
            socket.create_connection(("127.0.0.1", port), WAIT_SECONDS) as plain,
            context.wrap_socket(plain, server_hostname=name),
        ):
            return True
    except OSError:
        return False


def _has_curve(name: str) -> bool:
    command = ["openssl", "s_client", "-connect", "127.0.0.1:443", "-servername", name, "-groups", OTHER_CURVE]
    try:
        done = subprocess.run(command, input=b"", capture_output=True, timeout=WAIT_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0
