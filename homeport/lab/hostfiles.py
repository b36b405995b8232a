"""The files that make one host out of the base image: its name, its keys, its resolver. Pure, but for making the keys.

A backend puts them on the host before its first start, in whatever way it can.
"""

from __future__ import annotations

from homeport.lab import keys
from homeport.lab.context import LabContext
from homeport.lab.model import DOMAIN, USER, LabHost
from homeport.lab.recipe import ImageFile

USER_ID = 1000


def host_files(context: LabContext, host: LabHost, *, gateway: str | None = None) -> list[ImageFile]:
    """Return a host's own files; `gateway` is where it finds the lab's services, unless that is the bridge."""
    server = gateway or context.network.gateway
    key = keys.host_key(context.host_directory(host.name), host.name)
    client = keys.client_public_key(context.directory)
    texts = {
        "/etc/hostname": f"{host.name}\n",
        "/etc/hosts": f"127.0.0.1 localhost\n127.0.1.1 {host.domain} {host.name}\n::1 localhost ip6-localhost\n",
        "/etc/resolv.conf": f"nameserver {server}\nsearch {DOMAIN}\n",
        f"/etc/ssh/{key.name}.pub": key.with_name(f"{key.name}.pub").read_text(),
    }
    return [
        *(ImageFile(path, text.encode()) for path, text in texts.items()),
        ImageFile(f"/etc/ssh/{key.name}", key.read_bytes(), 0o600),
        ImageFile(f"/home/{USER}/.ssh/authorized_keys", client.encode(), 0o600, USER_ID),
    ]
