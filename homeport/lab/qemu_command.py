"""QEMU's command line for one machine, and the guest's side of its network. Pure.

On power cuts: the disk's cache mode is `writeback`, so that a flush in the guest (fsync) is a flush of the image file,
as with a real disk. What the guest still holds in its memory when QEMU is killed is lost, as in a real power cut.
(`unsafe` ignores flushes: faster, and it would prove nothing.) What the guest has handed to the disk without a flush
may survive, since this computer goes on: rely on fsynced data being there, and not on the rest being gone.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from homeport.lab.model import DOMAIN
from homeport.lab.network import Network
from homeport.lab.qemu_choice import CHOICES, Architecture
from homeport.lab.qemu_image import BaseImage
from homeport.lab.recipe import ImageFile

DISK, FILES = "disk.qcow2", "files.tar"
MEMORY_MIB = 2048
PROCESSORS = 2
USER_ADDRESS, USER_GATEWAY, USER_RESOLVER = "10.0.2.15", "10.0.2.2", "10.0.2.3"
# Each costs a second or so of an emulated boot, and a server has no use for it.
MASKED_UNITS = (
    "dev-hugepages.mount",
    "dev-mqueue.mount",
    "e2scrub_all.timer",
    "e2scrub_reap.service",
    "getty@tty1.service",
    "modprobe@configfs.service",
    "modprobe@dm_mod.service",
    "modprobe@drm.service",
    "modprobe@efi_pstore.service",
    "modprobe@fuse.service",
    "modprobe@loop.service",
    "serial-getty@ttyS0.service",
    "sys-fs-fuse-connections.mount",
    "sys-kernel-config.mount",
    "sys-kernel-debug.mount",
    "sys-kernel-tracing.mount",
    "systemd-binfmt.service",
    "systemd-network-generator.service",
    "systemd-pstore.service",
    "systemd-update-utmp-runlevel.service",
    "systemd-update-utmp.service",
)


@dataclass(frozen=True)
class Interface:
    """A machine's network card: QEMU's back end for it, and the guest's addresses and gateway."""

    backend: str
    mac: str
    addresses: tuple[str, ...]
    gateway: str

    def guest_file(self) -> ImageFile:
        """Return the guest's systemd-networkd file."""
        lines = ["[Match]", f"MACAddress={self.mac}", "", "[Network]", "IPv6AcceptRA=no"]
        lines += [*(f"Address={address}" for address in self.addresses), f"Gateway={self.gateway}", ""]
        return ImageFile("/etc/systemd/network/10-lab.network", "\n".join(lines).encode())


def bridged(network: Network, number: int, tap: str) -> Interface:
    """Return the card of a machine on the lab's bridge, by way of the interface `tap`."""
    addresses = (f"{network.address(number)}/24", f"{network.address6(number)}/64")
    return Interface(f"tap,ifname={tap},script=no,downscript=no", network.mac(number), addresses, network.gateway)


def user_mode(address: str, ports: dict[int, int]) -> Interface:
    """Return the card of a machine behind QEMU's own network, which needs no rights.

    `ports` says which port of `address` (on this computer's loopback) leads to which port of the guest.
    """
    forwarded = "".join(f",hostfwd=tcp:{address}:{outer}-:{inner}" for outer, inner in ports.items())
    return Interface(f"user{forwarded}", "02:13:00:00:00:0f", (f"{USER_ADDRESS}/24",), USER_GATEWAY)


def in_user_mode(files: list[ImageFile]) -> list[ImageFile]:
    """Return a host's files for user mode: QEMU's resolver, and the lab's services on this computer's loopback."""
    services = f"{USER_GATEWAY} acme.{DOMAIN} cache.{DOMAIN}\n".encode()
    resolver = ImageFile("/etc/resolv.conf", f"nameserver {USER_RESOLVER}\n".encode())
    others = [file for file in files if file.path != resolver.path]
    hosts = [replace(file, content=file.content + services) if file.path == "/etc/hosts" else file for file in others]
    return [*hosts, resolver]


@dataclass(frozen=True)
class QemuMachine:
    """One machine: its base image, the folder of its disk and first files, its network card and its console's log."""

    image: BaseImage
    folder: Path
    interface: Interface
    console: Path

    def command_line(self, computer: Architecture, accel: str) -> list[str]:
        """Return the command that runs the machine until it powers itself off."""
        drive = "if=none,id=disk,format=qcow2,cache=writeback,discard=unmap,file={}"
        files = "if=none,id=files,format=raw,readonly=on,file={}"
        card = f"virtio-net-pci,netdev=net,mac={self.interface.mac},romfile="
        return [
            *(computer.program, "-nodefaults", "-display", "none", "-machine", computer.machine, *CHOICES[accel]),
            *(
                "-cpu",
                computer.emulated_processor if accel == "tcg" else "max",
                "-m",
                str(MEMORY_MIB),
                "-smp",
                str(PROCESSORS),
            ),
            *("-kernel", str(self.image.kernel), "-initrd", str(self.image.initrd)),
            *("-append", kernel_arguments(computer)),
            *("-drive", drive.format(_escaped(self.folder / DISK)), "-device", "virtio-blk-pci,drive=disk"),
            *("-drive", files.format(_escaped(self.folder / FILES)), "-device", "virtio-blk-pci,drive=files"),
            *("-netdev", f"{self.interface.backend},id=net", "-device", card, "-device", "virtio-rng-pci"),
            *("-chardev", f"file,id=console,append=on,path={_escaped(self.console)}", "-serial", "chardev:console"),
        ]


def kernel_arguments(computer: Architecture) -> str:
    """Return the kernel's command line. `fastboot` skips fsck: after a power cut the journal makes the disk whole."""
    masked = (f"systemd.mask={unit}" for unit in MASKED_UNITS)
    head = "root=/dev/vda rw rootfstype=ext4 fastboot net.ifnames=0 mitigations=off quiet panic=10"
    return " ".join([head, f"console={computer.console}", *masked])


def _escaped(path: Path) -> str:
    """Return a path as QEMU's options want it: a comma ends a value unless it is doubled."""
    return str(path).replace(",", ",,")
