"""The site as visitors see it, from this machine: names, ports, certificate, the health path. Reads only."""

from __future__ import annotations

import errno
import http.client
import socket
import ssl
from concurrent.futures import ThreadPoolExecutor

from homeport.certificates import reading
from homeport.diagnosis.case import AWAY, OPEN, REFUSED, SILENT, PortState, Visit

WAIT_SECONDS = 5.0
PORTS = (80, 443)
NO_WAY = (errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)


def addresses(name: str) -> tuple[str, ...]:
    """Return the addresses that this machine finds for a name; none when there is no such name."""
    try:
        found = socket.getaddrinfo(name, 443, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return ()
    return tuple(dict.fromkeys(str(entry[4][0]) for entry in found))


def port_state(address: str, port: int) -> PortState:
    """Return whether somebody accepts connections there."""
    try:
        socket.create_connection((address, port), WAIT_SECONDS).close()
    except TimeoutError:
        return SILENT
    except ConnectionRefusedError:
        return REFUSED
    except OSError as error:
        return AWAY if error.errno in NO_WAY else SILENT
    return OPEN


def visit(address: str, name: str, path: str, answer_seconds: float = WAIT_SECONDS) -> Visit:
    """Return what the site `name` at this address answers to a visitor who asks for `path`, within so many seconds."""
    with ThreadPoolExecutor(len(PORTS)) as pool:
        http_state, https_state = pool.map(lambda port: port_state(address, port), PORTS)
    if https_state != OPEN:
        return Visit(address, http_state, https_state)
    certificate, status, problem = None, None, ""
    try:
        with _secured(address, name, _unverified()) as connection:
            certificate = reading.read(connection.getpeercert(binary_form=True) or b"")
            connection.settimeout(answer_seconds)
            status = _ask(connection, name, path)
    except TimeoutError:
        problem = f"no answer within {answer_seconds:.0f} s"
    except (OSError, ValueError, http.client.HTTPException) as error:
        problem = str(error) or type(error).__name__
    distrust = _distrust(address, name) if certificate else ""
    return Visit(address, http_state, https_state, certificate, status, problem, distrust)


def _secured(address: str, name: str, context: ssl.SSLContext) -> ssl.SSLSocket:
    return context.wrap_socket(socket.create_connection((address, PORTS[1]), WAIT_SECONDS), server_hostname=name)


def _unverified() -> ssl.SSLContext:
    # Which certificate it is matters here; whether it can be trusted is asked apart.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _ask(connection: ssl.SSLSocket, name: str, path: str) -> int:
    request = f"GET {path} HTTP/1.1\r\nHost: {name}\r\nUser-Agent: homeport\r\nConnection: close\r\n\r\n"
    connection.sendall(request.encode())
    response = http.client.HTTPResponse(connection)
    response.begin()
    return response.status


def _distrust(address: str, name: str) -> str:
    """Return why this machine's list of authorities does not vouch for the certificate, whatever its names; or ""."""
    context = ssl.create_default_context()
    context.check_hostname = False
    try:
        _secured(address, name, context).close()
    except ssl.SSLCertVerificationError as error:
        return str(error.verify_message)
    except OSError:
        return ""
    return ""
