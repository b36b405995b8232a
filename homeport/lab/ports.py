"""The ports that a lab without a bridge takes on the loopback device, so that one at a time is up."""

from __future__ import annotations

import socket

from homeport.errors import LabError
from homeport.lab import processes
from homeport.lab.network import ACME_MANAGEMENT_PORT, ACME_PORT, CACHE_PORT, Network

# The id of no lab: nothing that runs is its own.
ANY_LAB = "000000"


def without_bridge(lab: str) -> Network:
    """Return the network of this lab where no bridge can be had; raise LabError where another one has the ports."""
    network = Network.without_bridge(lab)
    if not processes.find(lab):
        require_free(network)
    return network


def require_free(network: Network) -> None:
    """Raise LabError where something on this computer listens at a port that the lab's services need."""
    for port in (CACHE_PORT, ACME_PORT, ACME_MANAGEMENT_PORT, network.dns_port):
        with socket.socket() as trying:
            trying.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                trying.bind((network.gateway, port))
            except OSError as error:
                raise LabError(
                    f"another lab is up on this computer, and without a bridge there can be only one at a time "
                    f"(port {port} of {network.gateway}: {error.strerror})",
                    fix="run 'homeport lab down' in the folder where it was started",
                ) from None
