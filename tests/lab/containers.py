"""A Docker engine of the tests' own, in a network namespace on the lab's bridge, and containers with its default
profile.

Their image is made as the lab makes its machines' ones, so they reach the package registries through the lab's cache,
and no registry of images is asked.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from homeport.lab import Lab, bridge, recipe
from homeport.lab.machine import cache_directory, find_command, install
from tests.lab.project import until

IMAGE = "homeport-test"
USER = "somebody"
HOST = "engine"
# What a developer's container has; all else is what the two commands have to find out about.
PACKAGES = ("ca-certificates", "git", "make", "python3", "procps")
SCRIPT = f"""
useradd --create-home --shell /bin/bash {USER}
rm -f /etc/sudoers.d/*
"""


@dataclass
class Engine:
    """An engine that has its files in `folder` and a network namespace: its socket, and the addresses to reach it by.

    Containers reach the lab at `gateway`; the ports that they publish are at `address`.
    """

    folder: Path
    gateway: str
    address: str
    namespace: str
    _daemon: subprocess.Popen[bytes] = field(init=False)

    def start(self) -> None:
        """Start it, and wait until it answers."""
        folder = self.folder
        words = [f"--data-root={folder}/data", f"--exec-root={folder}/exec", f"--pidfile={folder}/pid"]
        command = ["nsenter", f"--net={self.namespace}", "dockerd", f"--host=unix://{self.socket}", *words]
        with (folder / "log").open("ab") as log:
            self._daemon = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
        answers = until(lambda: self.docker("info", check=False).returncode == 0, 120)
        assert answers, (folder / "log").read_text()

    def stop(self) -> None:
        """End it with all that it runs."""
        self._daemon.terminate()
        self._daemon.wait(60)
        self._unmount()

    def power_cut(self) -> None:
        """End it with all that it runs at once, as a power cut of its machine does; only its disk is left."""
        for process in self._processes():
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        self._daemon.wait(60)
        assert until(lambda: not self._processes())
        self._unmount()
        shutil.rmtree(self.folder / "exec")
        (self.folder / "pid").unlink(missing_ok=True)
        self.socket.unlink(missing_ok=True)

    def _unmount(self) -> None:
        """Take away what it has mounted in its folder; when it ends well it leaves its data mounted over themselves."""
        for line in reversed(Path("/proc/mounts").read_text().splitlines()):
            if (place := line.split()[1]).startswith(f"{self.folder}/"):
                subprocess.run(["umount", "--lazy", place], check=False)

    def _processes(self) -> list[int]:
        """Return what names its folder, which are the engine and what holds its containers, and all below these."""
        found = _pids("-f", f"{self.folder}/")
        for process in found:
            found += [one for one in _pids("-P", str(process)) if one not in found]
        return found

    @property
    def socket(self) -> Path:
        """Where it listens."""
        return self.folder / "docker.sock"

    def docker(self, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run the client; return what it said."""
        command = ["docker", "--host", f"unix://{self.socket}", *words]
        return subprocess.run(command, capture_output=True, text=True, check=check)

    @property
    def names(self) -> list[str]:
        """The options by which what runs in a container, or is built, finds the lab's services."""
        return [f"--add-host={one}.lab.test:{self.gateway}" for one in ("cache", "acme")]

    @contextmanager
    def container(self, name: str, *volumes: str) -> Iterator[Container]:
        """Start a container that does nothing, with the engine's default capabilities and profile."""
        mounts = [word for one in volumes for word in ("--volume", one)]
        self.docker(
            "run",
            "--detach",
            "--init",
            "--name",
            name,
            "--dns",
            self.gateway,
            *self.names,
            *mounts,
            IMAGE,
            "sleep",
            "inf",
        )
        try:
            yield Container(self, name)
        finally:
            self.docker("rm", "--force", "--volumes", name, check=False)


@dataclass(frozen=True)
class Container:
    """A container that is up."""

    engine: Engine
    name: str

    def shell(self, script: str, *, user: str = "root", directory: str = "/") -> subprocess.CompletedProcess[str]:
        """Run a shell command there; stdout and stderr come together."""
        words = ("exec", "--user", user, "--workdir", directory, self.name, "sh", "-c", f"exec 2>&1; {script}")
        return self.engine.docker(*words, check=False)


@contextmanager
def engine(lab: Lab, folder: Path, host: str = HOST) -> Iterator[Engine]:
    """Start an engine whose files are in `folder`, by the name of `host` in the lab; it ends with all that it runs."""
    if find_command("dockerd") is None:
        install(["docker.io"])
    network = lab.context().network
    address = network.free_address(host, {one.address for one in lab.directory.load().hosts})
    number = network.number(address)
    namespace = bridge.attach(network, host, number)
    found = Engine(folder, network.gateway, address, namespace)
    try:
        found.start()
        yield found
    finally:
        found.stop()
        bridge.detach(network, host, number)


def _pids(*words: str) -> list[int]:
    done = subprocess.run(["pgrep", *words], capture_output=True, text=True, check=False)
    return [int(one) for one in done.stdout.split()]


def make_image(engine: Engine, lab: Lab, name: str, packages: tuple[str, ...], script: str) -> None:
    """Make an image of Debian 12 with these packages, which finds its own ones at the lab's cache.

    Its files are kept beside the lab's own images, once for each recipe.
    """
    wanted = replace(recipe.recipe("bookworm", script=script), packages=packages)
    wanted = replace(wanted, script=wanted.script.replace("--groups sudo,adm ", ""))
    archive = cache_directory() / "images" / f"container-{wanted.digest()}.tar"
    if not archive.exists():
        archive.parent.mkdir(parents=True, exist_ok=True)
        new = archive.with_name(f"{archive.name}.{os.getpid()}")
        recipe.build(wanted, new, format_="tar", apt_proxy=lab.context().local_cache_url)
        new.rename(archive)
    engine.docker("import", str(archive), name)
