"""In which way the lab makes machines on this computer: chosen by what `trials.py` finds, before anything is made.

The best way first: machines in namespaces on a bridge; whole machines under QEMU on that bridge; whole machines behind
QEMU's own network, with the lab's services on the loopback device. Pure, but for `here`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal, cast

from homeport.errors import LabError, UsageError
from homeport.lab.capabilities import Capabilities, try_capabilities
from homeport.lab.model import BackendName
from homeport.lab.qemu_choice import architecture

VARIABLE = "HOMEPORT_LAB_WAY"
WayName = Literal["nspawn", "qemu", "qemu-user"]
Build = Literal["root", "unmounted", "unshare", "fakechroot"]
TEXTS: Mapping[WayName, str] = {
    "nspawn": "machines in namespaces (systemd-nspawn) on a bridge",
    "qemu": "whole machines (QEMU) on a bridge",
    "qemu-user": "whole machines (QEMU with user networking), the lab's services on the loopback device",
}
# The rights that a way needs and a computer may refuse.
TAKES: Mapping[WayName, str] = {"nspawn": "machines in namespaces", "qemu": "a bridge"}
LAST: WayName = "qemu-user"
SERVICES = ("dnsmasq", "pebble", "openssl", "ssh", "ssh-keygen", "mmdebstrap")
BRIDGE = ("ip", "nft")
BUILD: Mapping[Build, tuple[str, ...]] = {
    "root": (),
    "unmounted": (),
    "unshare": ("fakeroot", "newuidmap"),
    "fakechroot": ("fakeroot", "fakechroot"),
}


@dataclass(frozen=True)
class Way:
    """A way to make machines here, why it was taken, and how images are built in it; `refused` says why others were
    not.
    """

    name: WayName
    reason: str
    build: Build
    refused: Mapping[WayName, str]

    @property
    def backend(self) -> BackendName:
        """Return the backend that new hosts have unless another one is asked for."""
        return "nspawn" if self.name == "nspawn" else "qemu"

    @property
    def loopback(self) -> bool:
        """Tell whether hosts are reached by forwarded ports on the loopback device instead of a bridge."""
        return self.name == "qemu-user"

    def line(self) -> str:
        """Return what the user is told before anything is set up."""
        return f"{TEXTS[self.name]}: {self.reason}"

    def commands(self, backend: BackendName | None = None) -> tuple[str, ...]:
        """Return the commands that the lab needs for hosts of this backend (the way's own by default)."""
        bridge = () if self.loopback else BRIDGE
        if (backend or self.backend) == "nspawn":
            return (*SERVICES, *bridge, "systemd-nspawn")
        return (*SERVICES, *bridge, architecture().program, "qemu-img", "mkfs.ext4", *BUILD[self.build])

    def check(self, backend: BackendName) -> None:
        """Raise LabError when hosts of this backend cannot be had in this way."""
        if backend == "nspawn" and self.name != "nspawn":
            reason = self.refused["nspawn"] or self.reason
            raise LabError(
                f"the nspawn backend does not work here ({reason})",
                fix="take '--backend qemu', or leave '--backend' out",
            )


@cache
def here(folder: Path) -> Way:
    """Try what this computer allows, and return the way to take for a lab whose files are in `folder`.

    Raises LabError where there is no way at all.
    """
    return choose(try_capabilities(folder), os.environ)


def choose(trials: Capabilities, environment: Mapping[str, str]) -> Way:
    """Return the best way that the trials allow, or the one that HOMEPORT_LAB_WAY asks for.

    Raises LabError where that does not work here, UsageError where there is no such way.
    """
    if trials.linux:
        raise LabError(f"the lab needs Linux, and {trials.linux}", fix="run it in a Debian machine or container")
    refused = obstacles(trials)
    asked = environment.get(VARIABLE, "")
    if asked:
        if asked not in TEXTS:
            raise UsageError(f"'{asked}' is not a way", key=VARIABLE, fix=f"take one of {', '.join(TEXTS)}")
        if reason := refused.get(cast(WayName, asked)):
            raise LabError(f"{asked} does not work here ({reason})", key=VARIABLE, fix="leave it out")
        return Way(cast(WayName, asked), f"{VARIABLE} asks for it", build(trials), refused)
    found = next((name for name in TEXTS if not refused.get(name)), LAST)
    why = "; ".join(f"{TAKES[name]} cannot be used here ({reason})" for name, reason in refused.items() if reason)
    return Way(found, why or "this computer allows all that it takes", build(trials), refused)


def obstacles(trials: Capabilities) -> dict[WayName, str]:
    """Return why a way cannot be taken, an empty string where it can; the last one takes nothing that needs rights."""
    bridge = trials.bridge or trials.kernel_settings
    return {"nspawn": trials.mount or trials.overlay or bridge or trials.chroot, "qemu": bridge}


def build(trials: Capabilities) -> Build:
    """Return how images are built: as root, the same without mounts, in user namespaces, or without any of these."""
    if not trials.chroot:
        return "unmounted" if trials.mount else "root"
    return "fakechroot" if trials.user_namespaces else "unshare"
