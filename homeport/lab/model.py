"""The lab as data: hosts, the lab's directory, and the interface of a backend.

Nothing here starts, stops or touches anything but the files of the lab's own directory.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal, Protocol

from homeport.errors import LabError

Suite = Literal["bookworm", "trixie"]
BackendName = Literal["nspawn", "qemu"]

DOMAIN = "lab.test"
USER = "debian"


@dataclass(frozen=True)
class LabHost:
    """One disposable machine. `address` and `port` are where its sshd answers, seen from the developer's machine."""

    name: str
    address: str
    port: int
    user: str
    suite: Suite
    backend: BackendName

    @property
    def domain(self) -> str:
        """The host's DNS name in the lab; any name below it resolves to the same address."""
        return f"{self.name}.{DOMAIN}"


@dataclass(frozen=True)
class LabState:
    """The content of `hosts.json`: what is up, and what the hosts need to know about the lab.

    `loopback` tells whether the hosts are reached by forwarded ports on the loopback device, and not over a bridge.
    """

    hosts: tuple[LabHost, ...] = ()
    acme_directory: str = ""
    loopback: bool = False
    details: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class LabDirectory:
    """The folder that holds a lab's whole state, `.lab/` unless HOMEPORT_LAB says otherwise."""

    path: Path

    @classmethod
    def default(cls) -> LabDirectory:
        """Return the lab of the working directory, or the one that the environment variable HOMEPORT_LAB names."""
        return cls(Path(os.environ.get("HOMEPORT_LAB", ".lab")).absolute())

    @property
    def hosts_file(self) -> Path:
        """Return where the state is kept (JSON, written by rename)."""
        return self.path / "hosts.json"

    @property
    def key_file(self) -> Path:
        """Return the private key that opens every host of this lab."""
        return self.path / "id_ed25519"

    @property
    def known_hosts_file(self) -> Path:
        """Return the file with the hosts' real host keys; connections check it strictly."""
        return self.path / "known_hosts"

    @property
    def ca_file(self) -> Path:
        """Return the root certificate that a client must trust to talk to the lab's sites."""
        return self.path / "ca.pem"

    def load(self) -> LabState:
        """Read the state; raise LabError when there is no lab or the file is damaged."""
        try:
            raw = json.loads(self.hosts_file.read_text())
            hosts = tuple(LabHost(**host) for host in raw.pop("hosts"))
            return LabState(hosts=hosts, **raw)
        except FileNotFoundError:
            raise LabError(f"there is no lab in {self.path}", fix="start one with 'homeport lab up'") from None
        except (ValueError, TypeError, KeyError) as error:
            raise LabError(f"{self.hosts_file} is damaged ({error})", fix="run 'homeport lab down'") from None

    def save(self, state: LabState) -> None:
        """Write the state so that a reader sees either the old file or the new one."""
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        new = self.hosts_file.with_suffix(".new")
        new.write_text(json.dumps(asdict(state), indent=2) + "\n")
        new.replace(self.hosts_file)


class Backend(Protocol):
    """A way to make machines. Every method may be repeated; `destroy` works on what a crash left behind."""

    name: BackendName

    def prepare(self, suite: Suite) -> None:
        """Build the suite's base image, or find it in the cache; what that takes is installed."""

    def begin_with(self, name: str, layer: Path) -> None:
        """Have the host of this name, which is to be created next, begin with what `layer` has on its disk."""

    def create(self, host: LabHost) -> None:
        """Make the machine and start it, and return when its sshd answers with the host key that was given to it."""

    def destroy(self, host: LabHost) -> None:
        """End the machine and remove all that belongs to it."""

    def reboot(self, host: LabHost, *, hard: bool) -> None:
        """Restart it from inside, or cut its power when `hard`, and return when sshd answers again."""

    def is_running(self, host: LabHost) -> bool:
        """Tell whether the machine's own process lives."""
