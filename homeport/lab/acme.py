"""The lab's ACME server: Pebble, on the bridge, with a directory certificate from the lab's own authority.

It validates http-01 at the hosts' port 80 through the lab's name server. Its issuing root is new at each start, so
`ca.pem` is written again.
"""

from __future__ import annotations

import json
import os
import ssl
import time
import urllib.request
from collections.abc import Mapping

from homeport.errors import LabError
from homeport.lab import authority, processes
from homeport.lab.cache_service import wait_for_port
from homeport.lab.context import LabContext
from homeport.lab.machine import find_command, require_commands
from homeport.lab.model import DOMAIN
from homeport.lab.network import ACME_MANAGEMENT_PORT, ACME_PORT

PURPOSE = "acme"
# Without these, Pebble waits up to 15 s before it validates, and uses earlier validations in half of all cases. With
# them it still does in one of a hundred (it asks whether a number from 0 to 99 is above this one): who must see a
# challenge fail for a name that was proven before asks with another account.
ENVIRONMENT = {"PEBBLE_VA_NOSLEEP": "1", "PEBBLE_AUTHZREUSE": "0", "PEBBLE_WFE_NONCEREJECT": "0"}


# As Let's Encrypt has it; Pebble's own five years are more than browsers and auditors take.
VALIDITY_SECONDS = 90 * 86400


class AcmeServer:
    """The ACME server of one lab; all its accounts and certificates are gone when it stops."""

    def __init__(self, context: LabContext):
        self.context = context

    def start(self, environment: Mapping[str, str] | None = None) -> None:
        """Start it unless it runs, and write the root that it issues from to `ca.pem`; `environment` adds Pebble's
        own variables.
        """
        if self.is_running():
            return
        require_commands("pebble", "openssl")
        command = [find_command("pebble") or "pebble", "-config", self._configure(), "-strict"]
        command += ["-dnsserver", f"{self.context.network.gateway}:{self.context.network.dns_port}"]
        given = {**os.environ, **ENVIRONMENT, **(environment or {})}
        processes.start(self.context.id, PURPOSE, command, log=self.context.log(PURPOSE), env=given)
        wait_for_port(self.context, PURPOSE, ACME_PORT)
        self._write_root()

    def stop(self) -> None:
        """Stop it, as an outage of the authority; `ca.pem` stays, and so do the certificates that were issued."""
        processes.end(self.context.id, PURPOSE)

    def is_running(self) -> bool:
        """Tell whether its process lives."""
        return bool(processes.find(self.context.id, PURPOSE))

    def _configure(self) -> str:
        folder = self.context.directory.path / "acme"
        address = self.context.network.gateway
        certificate, key = authority.issue(
            folder, [f"DNS:acme.{DOMAIN}", "DNS:localhost", "IP:127.0.0.1", f"IP:{address}"]
        )
        settings = {
            "listenAddress": f"{address}:{ACME_PORT}",
            "managementListenAddress": f"{address}:{ACME_MANAGEMENT_PORT}",
            "certificate": str(certificate),
            "privateKey": str(key),
            "httpPort": self.context.network.http_port,
            "tlsPort": 443,
            "ocspResponderURL": "",
            "externalAccountBindingRequired": False,
            "certificateValidityPeriod": VALIDITY_SECONDS,
        }
        file = folder / "pebble.json"
        file.write_text(json.dumps({"pebble": settings}, indent=2))
        return str(file)

    def _write_root(self) -> None:
        url = f"https://{self.context.network.gateway}:{ACME_MANAGEMENT_PORT}/roots/0"
        trust = ssl.create_default_context(cafile=str(authority.root_certificate()))
        for _ in range(100):
            try:
                with urllib.request.urlopen(url, context=trust, timeout=5) as answer:
                    new = self.context.directory.ca_file.with_suffix(".new")
                    new.write_bytes(answer.read())
                    new.replace(self.context.directory.ca_file)
                    return
            except OSError as error:
                last = error
                time.sleep(0.05)
        raise LabError(
            f"the ACME server does not show its root certificate: {last}", fix=f"see {self.context.log(PURPOSE)}"
        )
