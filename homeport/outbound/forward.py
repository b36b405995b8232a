"""Has sshd on a host listen for us, on the connection that pyinfra has, for as long as it is needed."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from paramiko.ssh_exception import SSHException

from homeport.errors import HomeportError
from homeport.outbound.gateway import USER, Gateway
from homeport.preflight.outbound import ADDRESS, refused
from homeport.pyinfra_support.connection import transport

if TYPE_CHECKING:
    from pyinfra.api import Host


@contextmanager
def forwarded(host: Host, private: Collection[str]) -> Iterator[tuple[Gateway, str]]:
    """Give the gateway that `host` goes out by, and the address (with user and password) at which the host finds it.

    Raises HomeportError, with key and fix, when the host does not listen for us.
    """
    way = transport(host)
    if way is None:
        problem = "only a host that homeport reaches over SSH can use the network of the machine that deploys"
        raise HomeportError(problem, host=host.name, key="outbound", fix='set outbound = "host"')
    gateway = Gateway(private)
    try:
        port = way.request_port_forward(ADDRESS, 0, gateway.accept)
    except SSHException as error:
        if not way.is_active():
            raise HomeportError("the connection broke", host=host.name) from error
        refusal = refused(way.get_username(), "a setting of sshd, or an option of the key in authorized_keys")
        refusal.host = host.name
        raise refusal from error
    try:
        yield gateway, f"http://{USER}:{gateway.password}@{ADDRESS}:{port}"
    finally:
        gateway.close()
        with suppress(SSHException, OSError, EOFError):
            way.cancel_port_forward(ADDRESS, port)
