"""The QEMU backend: a whole Debian machine with its own kernel, for reboots, power cuts and refused namespaces.

In a lab with a bridge a machine has an interface on it, exactly as the nspawn hosts have. In one without it sits behind
QEMU's own network, and ports of its address on this computer's loopback lead to it. Its disk is a layer above the base
image.
"""

from __future__ import annotations

import shutil
import subprocess
import tarfile
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from homeport.errors import LabError
from homeport.lab import keys, names, processes, ssh
from homeport.lab.context import LabContext
from homeport.lab.hostfiles import host_files
from homeport.lab.machine import progress, run
from homeport.lab.model import BackendName, LabHost, Suite
from homeport.lab.qemu_choice import accelerator, architecture
from homeport.lab.qemu_command import DISK, FILES, Interface, QemuMachine, bridged, in_user_mode, user_mode
from homeport.lab.qemu_image import BaseImage, base_image
from homeport.lab.recipe import ImageFile, put

BASE = "base"
LAYER = "layer.tar"  # the link to an archive that is unpacked with the host's own files, if there is one
BOOT_SECONDS = 600.0
"""Patience for a boot: software emulation took 20 to 100 s, and a busy computer takes several times that."""
REBOOT_COMMAND_SECONDS = 60.0
TELL_SECONDS = 30.0


class QemuBackend:
    """Makes hosts with QEMU; see `model.Backend`."""

    name: BackendName = "qemu"

    def __init__(self, context: LabContext):
        self.context = context

    def prepare(self, suite: Suite) -> None:
        """Build the suite's image, or find it in the cache."""
        base_image(suite, apt_proxy=self.context.local_cache_url)

    def begin_with(self, name: str, layer: Path) -> None:
        """Have a host that will be made begin with what a tar archive has, and its own files above that."""
        folder = self.context.host_directory(name)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        (folder / LAYER).symlink_to(layer)

    def create(self, host: LabHost) -> None:
        """Make the machine's disk, start it, and return when its sshd answers with the host key that we gave it."""
        folder = self._folder(host)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not (folder / FILES).exists():
            self._make_disk(host)
        public_key = keys.public_host_key(folder, host.name)
        keys.remember(self.context.directory, host.address, host.port, public_key)
        self._start(host)
        self._wait(host)

    def destroy(self, host: LabHost) -> None:
        """End the machine and remove its interface, its disk and its keys, as far as they are there."""
        self._cut_power(host)
        if self._bridged:
            run(["ip", "link", "delete", self._tap(host)], check=False)
        shutil.rmtree(self._folder(host), ignore_errors=True)
        keys.forget(self.context.directory, host.address, host.port)

    def reboot(self, host: LabHost, *, hard: bool) -> None:
        """Restart the machine from inside, or kill QEMU in mid-flight when `hard`, and return when sshd answers again.

        A machine that is off is only switched on.
        """
        before = ""
        if hard:
            self._cut_power(host)
        elif self.is_running(host):
            before = self._wait(host)
            with suppress(subprocess.TimeoutExpired):
                ssh.run(self.context.directory, host, "sudo systemctl reboot", timeout_seconds=REBOOT_COMMAND_SECONDS)
        self._start(host)
        self._wait(host, unlike_boot=before)

    def is_running(self, host: LabHost) -> bool:
        """Tell whether the machine's QEMU process lives."""
        return bool(processes.find(self.context.id, _purpose(host)))

    def _make_disk(self, host: LabHost) -> None:
        """Make the layer above the base image, then the host's files: when these are there, the disk is complete."""
        folder = self._folder(host)
        image = base_image(host.suite, apt_proxy=self.context.local_cache_url)
        base = folder / BASE
        base.unlink(missing_ok=True)
        base.symlink_to(image.folder)
        backing = ("-b", str(image.disk), "-F", "qcow2")
        run(["qemu-img", "create", "-q", "-f", "qcow2", *backing, str(folder / DISK)])
        new = folder / f"{FILES}.new"
        new.unlink(missing_ok=True)
        if (folder / LAYER).is_symlink():
            shutil.copyfile(folder / LAYER, new)
        with tarfile.open(new, "a") as archive:
            put(archive, self._files(host))
        new.replace(folder / FILES)

    def _files(self, host: LabHost) -> list[ImageFile]:
        """Return what makes this host out of the base image."""
        files = [*host_files(self.context, host), machine_id(), self._interface(host).guest_file()]
        return files if self._bridged else in_user_mode(files)

    def _start(self, host: LabHost) -> None:
        """Start QEMU, unless it runs."""
        if self.is_running(host):
            return
        if self._bridged:
            attach_tap(self.context.network.bridge, self._tap(host))
        computer, folder = architecture(), self._folder(host)
        accel = accelerator(computer)
        if accel == "tcg":
            progress(
                f"{host.name}: this computer emulates the processor in software, so a start takes a minute or more …"
            )
        machine = QemuMachine(BaseImage((folder / BASE).readlink()), folder, self._interface(host), self._console(host))
        processes.start(self.context.id, _purpose(host), machine.command_line(computer, accel), log=self._console(host))

    def _wait(self, host: LabHost, unlike_boot: str = "") -> str:
        """Wait until sshd answers, and return the boot id; a machine that has ended is reported with its last line."""
        try:
            return ssh.wait(
                self.context.directory,
                host,
                timeout_seconds=BOOT_SECONDS,
                alive=_reporting(host, lambda: self.is_running(host)),
                unlike_boot=unlike_boot,
            )
        except LabError as error:
            problem = error.problem if self.is_running(host) else f"{error.problem}: {self._last_line(host)}"
            raise LabError(problem, host=host.name, fix=f"its console is in {self._console(host)}") from None

    def _last_line(self, host: LabHost) -> str:
        """Return the last line of the console's log, which is QEMU's own when it could not start."""
        console = self._console(host)
        lines = console.read_text(errors="replace").split("\n") if console.exists() else []
        return next((line.strip() for line in reversed(lines) if line.strip()), "no output")

    def _cut_power(self, host: LabHost) -> None:
        processes.end(self.context.id, _purpose(host), grace_seconds=0)

    @property
    def _bridged(self) -> bool:
        return not self.context.network.loopback

    def _interface(self, host: LabHost) -> Interface:
        network = self.context.network
        if self._bridged:
            return bridged(network, network.number(host.address), self._tap(host))
        return user_mode(host.address, {host.port: 22, network.http_port: 80, network.https_port: 443})

    def _tap(self, host: LabHost) -> str:
        return names.link(self.context.id, self.context.network.number(host.address), "t")

    def _folder(self, host: LabHost) -> Path:
        return self.context.host_directory(host.name)

    def _console(self, host: LabHost) -> Path:
        return self.context.log(host.name)


def attach_tap(bridge: str, tap: str) -> None:
    """Make the interface through which a machine reaches the bridge, and attach it. May be repeated."""
    if not Path("/sys/class/net", tap).exists():
        run(["ip", "tuntap", "add", "dev", tap, "mode", "tap"])
    run(["ip", "link", "set", tap, "master", bridge, "up"])


def machine_id() -> ImageFile:
    """Return a machine id of the host's own, so that its first boot is like any other."""
    return ImageFile("/etc/machine-id", f"{uuid.uuid4().hex}\n".encode(), 0o444)


def _purpose(host: LabHost) -> str:
    return f"qemu-{host.name}"


def _reporting(host: LabHost, alive: Callable[[], bool]) -> Callable[[], bool]:
    """Return `alive`, which also tells the user every half minute that we are still waiting."""
    began = told = time.monotonic()

    def check() -> bool:
        nonlocal told
        now = time.monotonic()
        if now - told >= TELL_SECONDS:
            told = now
            progress(f"{host.name}: still starting, {now - began:.0f} s …")
        return alive()

    return check
