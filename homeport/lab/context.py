"""The arguments of a backend: the lab's directory and network, and the places of a host's files in them. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from homeport.lab.model import LabDirectory
from homeport.lab.network import CACHE_PORT, Network


@dataclass(frozen=True)
class LabContext:
    """One lab, as its backends see it."""

    directory: LabDirectory
    network: Network

    @property
    def id(self) -> str:
        """Return the lab's id, from which every name on the machine is derived."""
        return self.network.lab

    def host_directory(self, name: str) -> Path:
        """Return where a host's disk, host keys and other files lie; it goes when the host goes."""
        return self.directory.path / "hosts" / name

    @property
    def local_cache_url(self) -> str:
        """Return the URL of the lab's package cache as this machine sees it."""
        return f"http://{self.network.gateway}:{CACHE_PORT}"

    def log(self, purpose: str) -> Path:
        """Return the log file of a process or host."""
        return self.directory.path / "log" / f"{purpose}.log"
