"""The lab as a pyinfra inventory."""

from __future__ import annotations

from typing import Any

from homeport.errors import LabError
from homeport.lab.model import LabDirectory


def inventory(directory: LabDirectory | None = None) -> list[tuple[str, dict[str, Any]]]:
    """Return the lab's hosts with what is needed to reach them; end the program when there is no lab."""
    lab = directory or LabDirectory.default()
    try:
        state = lab.load()
    except LabError as error:
        raise SystemExit(f"error: {error}") from None
    return [
        (
            host.name,
            {
                "ssh_hostname": host.address,
                "ssh_port": host.port,
                "ssh_user": host.user,
                "ssh_key": str(lab.key_file),
                "ssh_known_hosts_file": str(lab.known_hosts_file),
                "ssh_strict_host_key_checking": "yes",
                "domain": host.domain,
                "acme_directory_url": state.acme_directory,
            },
        )
        for host in state.hosts
    ]
