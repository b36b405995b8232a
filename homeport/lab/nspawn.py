"""The systemd-nspawn backend: a host is an overlay on the base image, with systemd as PID 1 and a network namespace of
its own.

Needs mounts and a bridge (see `ways.py`). The mounts live in the mount namespace of the host's own wrapper process, so
they go when it goes, however it ends.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from homeport.errors import LabError
from homeport.lab import bridge, cgroups, images, keys, processes, ssh, supervisor
from homeport.lab.context import LabContext
from homeport.lab.hostfiles import host_files
from homeport.lab.model import BackendName, LabHost, Suite
from homeport.lab.recipe import ImageFile

START_SECONDS = 60.0
BASE = "base"  # the link in a host's directory to the image that its disk is a layer above
LAYER = "layer"  # the link to another host's disk in between, if there is one
# What makes a machine this one, apart from what `host_files` writes for each.
OF_ONE_HOST = ("etc/machine-id", "etc/ssh/ssh_host_*", "var/lib/systemd/random-seed", "var/log/journal/*", "tmp/*")


class NspawnBackend:
    """Makes hosts with systemd-nspawn; see `model.Backend`."""

    name: BackendName = "nspawn"

    def __init__(self, context: LabContext):
        self.context = context

    def prepare(self, suite: Suite) -> None:
        """Build the base image unless it is in the cache."""
        images.base_image(suite, apt_proxy=self.context.local_cache_url)

    def create(self, host: LabHost) -> None:
        """Make the host's disk where it has none, start it, and return when its user can log in."""
        folder = self.context.host_directory(host.name)
        upper = folder / "upper"
        if not upper.exists():
            _fill(folder, host_files(self.context, host), self._base_image(host))
        keys.remember(self.context.directory, host.address, host.port, keys.public_host_key(folder, host.name))
        self._start(host)
        self._wait(host)

    def destroy(self, host: LabHost) -> None:
        """Kill the host and remove its disk, interface and control groups."""
        self._kill(host)
        supervisor.forget(self.context.id, host.name)
        bridge.detach(self.context.network, host.name, self.context.network.number(host.address))
        keys.forget(self.context.directory, host.address, host.port)
        shutil.rmtree(self.context.host_directory(host.name), ignore_errors=True)

    def reboot(self, host: LabHost, *, hard: bool) -> None:
        """Restart from inside (`systemctl reboot`), or kill every process of the host at once and start it again."""
        before = ssh.run(self.context.directory, host, "cat /proc/sys/kernel/random/boot_id").stdout.strip()
        if hard:
            self._kill(host)
            bridge.forget_rules(self.context.id, host.name)
            self._start(host)
        else:
            ssh.run(self.context.directory, host, "sudo systemctl reboot")
        self._wait(host, unlike_boot=before)

    def begin_with(self, name: str, layer: Path) -> None:
        """Have a host that will be made begin with another's disk (see `keep_disk`)."""
        folder = self.context.host_directory(name)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / LAYER).symlink_to(layer)

    def keep_disk(self, host: LabHost, layer: Path) -> None:
        """Kill the host and move its disk to `layer`, which must be on the same file system, for `begin_with`."""
        self._kill(host)
        disk = self.context.host_directory(host.name) / "upper"
        for path in (path for pattern in OF_ONE_HOST for path in disk.glob(pattern)):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()
        disk.rename(layer)

    def is_running(self, host: LabHost) -> bool:
        """Tell whether the process that runs the host lives."""
        return bool(processes.find(self.context.id, host.name)) or supervisor.is_active(self.context.id, host.name)

    def _start(self, host: LabHost) -> None:
        if self.is_running(host):
            return
        namespace = bridge.attach(self.context.network, host.name, self.context.network.number(host.address))
        link = self.context.host_directory(host.name) / BASE
        base = link.readlink() if link.is_symlink() else self._base_image(host)
        between = self.context.host_directory(host.name) / LAYER
        layers = [between.readlink(), base] if between.is_symlink() else [base]
        supervisor.start(self.context, host.name, layers=layers, namespace=namespace)

    def _base_image(self, host: LabHost) -> Path:
        return images.base_image(host.suite, apt_proxy=self.context.local_cache_url)

    def _wait(self, host: LabHost, *, unlike_boot: str = "") -> None:
        try:
            ssh.wait(
                self.context.directory,
                host,
                timeout_seconds=START_SECONDS,
                alive=lambda: self.is_running(host),
                unlike_boot=unlike_boot,
            )
        except LabError as error:
            log = self.context.log(host.name)
            raise LabError(error.problem, host=host.name, fix=f"its console is in {log}") from None

    def _kill(self, host: LabHost) -> None:
        supervisor.stop(self.context.id, host.name)
        processes.end(self.context.id, host.name, grace_seconds=0)
        cgroups.kill(self.context.id, host.name)


def _fill(folder: Path, files: list[ImageFile], base: Path) -> None:
    """Write the host's own files into its layer above the base image, complete or not at all."""
    new = folder / "upper.new"
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(parents=True)
    new.chmod(0o755)
    for file in files:
        path = new / file.path.lstrip("/")
        _make_parents(path.parent, new, file.owner)
        path.touch(mode=0o600)
        path.write_bytes(file.content)
        os.chown(path, file.owner, file.owner)
        path.chmod(file.mode)
    for name in ("work", "root"):
        (folder / name).mkdir(exist_ok=True)
    (folder / BASE).unlink(missing_ok=True)
    (folder / BASE).symlink_to(base)
    new.rename(folder / "upper")


def _make_parents(directory: Path, top: Path, owner: int) -> None:
    """Make the missing directories above a file; those in a user's home belong to that user, and only a home's
    content is private.
    """
    for part in reversed([directory, *directory.parents]):
        if part.is_relative_to(top) and not part.exists():
            part.mkdir()
            inside_home = part.relative_to(top).parts[:1] == ("home",) and len(part.relative_to(top).parts) > 1
            part.chmod(0o700 if inside_home else 0o755)
            os.chown(part, owner if inside_home else 0, owner if inside_home else 0)
