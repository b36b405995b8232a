"""The SSH host keys of an inventory's machines, read without logging in.

`python -m homeport.inventory.host_keys INVENTORY` is a process of its own, because pyinfra patches the interpreter. It
prints a line of JSON for each host: the key that it shows, the known_hosts file that pyinfra would look into, and what
that says of the key. It writes nothing.
"""

from __future__ import annotations

import base64
import json
import socket
import sys
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal

from paramiko import HostKeys, PKey, SSHException, Transport
from pyinfra.api import Host
from pyinfra.api.exceptions import PyinfraError
from pyinfra.connectors.ssh import SSHConnector
from pyinfra.connectors.sshuserclient import SSHClient

from homeport.errors import EXIT_USAGE, UsageError, in_one_line
from homeport.inventory.hosts import hosts

TIMEOUT_SECONDS = 15
SSH_PORT = 22
# One key is enough, and one fingerprint to compare: the kind that is known already, else the best that a machine has.
KINDS = {
    "ssh-ed25519": ("ssh-ed25519",),
    "ssh-rsa": ("rsa-sha2-512", "rsa-sha2-256"),
    **{name: (name,) for name in ("ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521")},
}
Known = dict[str, PKey]


@dataclass(frozen=True)
class HostKey:
    """The key that a host shows, by the `name` that it has or should have in `file`; `problem`: why there is none.

    `state`: whether the file knows this key, another one of this name, or none.
    """

    host: str
    name: str
    file: str
    state: Literal["known", "new", "changed"] = "new"
    kind: str = ""
    key: str = ""
    fingerprint: str = ""
    problem: str = ""


def main(inventory: str, *limits: str) -> None:
    """Print what each host of `inventory` shows that the `limits` (names or groups) select."""
    for host in hosts(inventory, limits):
        print(json.dumps(asdict(_read(host))), flush=True)


def fingerprint(key: bytes) -> str:
    """Return a public key's fingerprint as ssh-keygen and sshd write it."""
    return f"SHA256:{base64.b64encode(sha256(key).digest()).decode().rstrip('=')}"


def _read(host: Host) -> HostKey:
    if host.connector_cls is not SSHConnector:
        return HostKey(host.name, host.name, "", problem="homeport does not reach it over SSH")
    try:
        name, file, options = _place(host)
        known = _known(file, name)
        key = _key(known, options)
    except (OSError, EOFError, SSHException, PyinfraError) as error:
        return HostKey(host.name, host.name, "", problem=f"its host key cannot be read ({in_one_line(error)})")
    kind, raw = key.get_name(), key.asbytes()
    text = base64.b64encode(raw).decode()
    return HostKey(host.name, name, file, _state(known, raw), kind, text, fingerprint(raw))


def _place(host: Host) -> tuple[str, str, dict[str, Any]]:
    """Return the name in known_hosts, that file, and how to connect: address, port, and a proxy's socket if any."""
    data = host.data
    port = {"port": int(data.get("ssh_port"))} if data.get("ssh_port") else {}
    address, options, *_, files, _alive, _agent = SSHClient().parse_config(
        data.get("ssh_hostname") or host.name, dict(port), ssh_config_file=data.get("ssh_config_file")
    )
    options.update(port)
    name = address if options["port"] == SSH_PORT else f"[{address}]:{options['port']}"
    file = str(Path(data.get("ssh_known_hosts_file") or files[0]).expanduser())
    return name, file, {"address": address, **options}


def _known(file: str, name: str) -> Known:
    """Return the keys that the known_hosts file has for `name`, by their kind."""
    return dict(HostKeys(file).lookup(name) or {}) if Path(file).exists() else {}


def _key(known: Known, options: dict[str, Any]) -> PKey:
    """Return the key that the host shows, of a known kind if it has one; raise SSHException when there is none."""
    problem = SSHException("it has no host key of a type that homeport supports")
    for kind in sorted(KINDS, key=lambda one: one not in known):
        try:
            return _shown(KINDS[kind], options)
        except SSHException as error:
            problem = error
            if "sock" in options:
                # A proxy's connection serves once.
                break
    raise problem


def _shown(algorithms: tuple[str, ...], options: dict[str, Any]) -> PKey:
    place = (options["address"], options["port"])
    transport = Transport(options.get("sock") or socket.create_connection(place, timeout=TIMEOUT_SECONDS))
    try:
        if "sock" not in options:
            transport.get_security_options().key_types = algorithms
        transport.start_client(timeout=TIMEOUT_SECONDS)
        return transport.get_remote_server_key()
    finally:
        transport.close()


def _state(known: Known, raw: bytes) -> Literal["known", "new", "changed"]:
    if any(one.asbytes() == raw for one in known.values()):
        return "known"
    return "changed" if known else "new"


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except UsageError as wrong:
        print(f"error: {wrong.line()}", file=sys.stderr)
        raise SystemExit(EXIT_USAGE) from None
