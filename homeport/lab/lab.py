"""The lab as a whole: which hosts are up, and the order in which network, services and hosts are made and removed."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import IO

from homeport.errors import LabError
from homeport.lab import bridge, cache_service, cgroups, dns, keys, names, nspawn, ports, processes, ssh, ways
from homeport.lab.acme import AcmeServer
from homeport.lab.context import LabContext
from homeport.lab.machine import find_command, hand_over, progress, require_commands
from homeport.lab.model import USER, Backend, BackendName, LabDirectory, LabHost, LabState, Suite
from homeport.lab.network import CACHE_PORT, Network
from homeport.lab.supervisor import forget, stop_all

TOGETHER = 4  # hosts that start at the same time


class Lab:
    """One lab: its hosts, and the services they use. All state is in its directory and on the machine, none in this
    object.
    """

    def __init__(self, directory: LabDirectory | None = None):
        self.directory = directory or LabDirectory.default()
        self.id = names.lab_id(self.directory.path)

    @property
    def way(self) -> ways.Way:
        """Return the way in which this computer can make machines for this lab; raise LabError where there is none."""
        return ways.here(self.directory.path.parent)

    def up(self, *, hosts: int = 1, suite: Suite = "bookworm", backend: BackendName | None = None) -> LabState:
        """Bring the lab up with web1 … webN at least; hosts that are up stay as they are, and stopped ones start
        again.
        """
        state, backend = self._state(), self._backend_name(backend)
        present = [host.name for host in state.hosts]
        missing = [f"web{number}" for number in range(1, hosts + 1) if f"web{number}" not in present]
        context = self.start_services(backend if missing else None)
        stopped = [host for host in state.hosts if not self.backend(host.backend, context).is_running(host)]
        if missing:
            self.prepare(suite, backend, context)
        added = [self._register(name, suite, backend) for name in missing]
        with ThreadPoolExecutor(TOGETHER) as pool:
            restarts = [pool.submit(self._restart, host, context) for host in stopped]
            for done in [*restarts, *(pool.submit(self._create, host, context) for host in added)]:
                done.result()
        return self.directory.load()

    def add(
        self, name: str, suite: Suite = "bookworm", backend: BackendName | None = None, *, layer: Path | None = None
    ) -> LabHost:
        """Make one more host and return it when its user can log in; a host of this name that is up already is an
        error. With a `layer` (see `freeze`; for QEMU a tar of one) it begins as the host from which that was made.
        """
        names.check_host_name(name)
        if any(host.name == name for host in self._state().hosts):
            raise LabError(
                "there is a host of this name already", host=name, fix="remove it first, or take another name"
            )
        backend = self._backend_name(backend)
        context = self.context() if processes.find(self.id) else self.start_services(backend)
        self.prepare(suite, backend, context)
        host = self._register(name, suite, backend)
        if layer:
            self.backend(backend, context).begin_with(name, layer)
        self._create(host, context)
        return host

    def freeze(self, name: str, layer: Path) -> None:
        """Remove an nspawn host and keep its disk as `layer`, without what made it this host: others of its suite can
        begin with that.
        """
        host = self.host(name)
        nspawn.NspawnBackend(self.context()).keep_disk(host, layer)
        self.remove(name)

    def remove(self, name: str) -> None:
        """End one host and remove all that belongs to it."""
        host = self.host(name)
        self.backend(host.backend, self.context()).destroy(host)
        self._unregister(host)

    def down(self) -> None:
        """Remove the lab: hosts, services, network, state. Works on whatever a crash has left, and where nothing is
        up.
        """
        with suppress(LabError):
            context = self.context()
            for host in self._state().hosts:
                self.backend(host.backend, context).destroy(host)
        stop_all(self.id)
        processes.end(self.id)
        if os.geteuid() == 0 and all(map(find_command, ways.BRIDGE)):
            cgroups.kill(self.id)
            forget(self.id)
            bridge.remove(self.id)
        self._remove_files()

    def host(self, name: str) -> LabHost:
        """Return the host of this name; raise LabError when the lab has none."""
        hosts = self.directory.load().hosts
        for host in hosts:
            if host.name == name:
                return host
        raise LabError(
            "the lab has no such host", host=name, fix=f"it has {', '.join(one.name for one in hosts) or 'none'}"
        )

    def run(self, host: LabHost, command: str, *, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run a shell command on a host, as its user, over SSH; the status is the command's, or 255."""
        return ssh.run(self.directory, host, command, stdin=stdin)

    def reboot(self, host: LabHost, *, hard: bool = False) -> None:
        """Restart a host from inside, or as a power cut does, and return when its user can log in again."""
        self.backend(host.backend, self.context()).reboot(host, hard=hard)

    def is_running(self, host: LabHost) -> bool:
        """Tell whether the host's machine lives; others than root see only whether it answers."""
        if os.geteuid() and not self.context().network.loopback:
            return ssh.greets(host)
        return self.backend(host.backend, self.context()).is_running(host)

    @property
    def acme(self) -> AcmeServer:
        """Return the lab's ACME server, which can be stopped and started."""
        return AcmeServer(self.context())

    def context(self) -> LabContext:
        """Return what backends and services are given; raise LabError when the lab's network is not up."""
        state = self.directory.load() if self.directory.hosts_file.exists() else None
        network = Network.without_bridge(self.id) if state and state.loopback else bridge.existing(self.id)
        if network is None or state is None:
            raise LabError(f"the lab in {self.directory.path} is not up", fix="run 'homeport lab up'")
        return LabContext(self.directory, network)

    def _bridged(self, state: LabState) -> Network:
        """Return the lab's network on a bridge: the one that its hosts have addresses in, if it has hosts."""
        used = {int(host.address.split(".")[2]) for host in state.hosts}
        network = bridge.ensure(self.id, next(iter(used), None))
        if used - {network.third}:
            raise LabError(
                f"another program on this machine uses the network of the lab in {self.directory.path} now",
                fix="run 'homeport lab down'",
            )
        return network

    def start_services(self, backend: BackendName | None = None) -> LabContext:
        """Bring up the network and everything that hosts (of this backend) use, where it is not up yet."""
        require_commands(*self.way.commands(backend))
        self.directory.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self._locked():
            if not processes.find(self.id):
                progress(f"starting the lab in {self.directory.path}: {self.way.line()} …")
            state = self._state()
            loopback = state.loopback if state.hosts else self.way.loopback
            network = ports.without_bridge(self.id) if loopback else self._bridged(state)
            context = LabContext(self.directory, network)
            keys.client_public_key(self.directory)
            dns.ensure(context, state.hosts)
            cache_service.start(context)
            AcmeServer(context).start()
            cache_service.wait_for_port(context, cache_service.PURPOSE, CACHE_PORT)
            self.directory.save(replace(state, acme_directory=network.acme_directory, loopback=loopback))
            hand_over(self.directory.path, self.directory.key_file)
        return context

    def prepare(self, suite: Suite, backend: BackendName, context: LabContext) -> None:
        """Install what hosts of this kind need, and build their base image unless it is in the cache."""
        if backend == "nspawn" and context.network.loopback:
            raise LabError("this lab has no bridge, which nspawn hosts need", fix="run 'homeport lab down' first")
        require_commands(*self.way.commands(backend))
        self.backend(backend, context).prepare(suite)

    def backend(self, name: BackendName, context: LabContext) -> Backend:
        """Return the backend of this name."""
        if name == "qemu":
            from homeport.lab.qemu import QemuBackend

            return QemuBackend(context)
        return nspawn.NspawnBackend(context)

    def _backend_name(self, asked: BackendName | None) -> BackendName:
        """Return the backend of new hosts, before anything is made; raise LabError where it cannot be had here."""
        self.way.check(asked or self.way.backend)
        return asked or self.way.backend

    def _remove_files(self) -> None:
        """Remove the lab's files, and its directory unless somebody has put something else there."""
        for name in names.LAB_FILES:
            path = self.directory.path / name
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)
        with suppress(OSError):
            self.directory.path.rmdir()

    def _create(self, host: LabHost, context: LabContext) -> None:
        """Start a new host that is on record; one that does not come up is taken off it again."""
        progress(f"starting {host.name} ({host.suite}, {host.backend}) …")
        backend = self.backend(host.backend, context)
        try:
            backend.create(host)
        except BaseException:
            backend.destroy(host)
            self._unregister(host)
            raise

    def _restart(self, host: LabHost, context: LabContext) -> None:
        """Start a host again that has a disk already; whatever happens, that stays."""
        progress(f"starting {host.name} again …")
        self.backend(host.backend, context).create(host)

    def _register(self, name: str, suite: Suite, backend: BackendName) -> LabHost:
        """Put a host on record before anything of it is made, so that `down` knows of it whatever happens."""
        with self._locked():
            context, state = self.context(), self._state()
            address = context.network.free_address(names.check_host_name(name), {one.address for one in state.hosts})
            host = LabHost(name, address, context.network.ssh_port, USER, suite, backend)
            state = replace(state, hosts=(*state.hosts, host))
            self.directory.save(state)
            dns.ensure(context, state.hosts)
        return host

    def _unregister(self, host: LabHost) -> None:
        with self._locked():
            state = self._state()
            self.directory.save(replace(state, hosts=tuple(one for one in state.hosts if one.name != host.name)))

    def _state(self) -> LabState:
        """Return the state on record; where there is none, that of an empty lab."""
        return self.directory.load() if self.directory.hosts_file.exists() else LabState()

    @contextmanager
    def _locked(self) -> Iterator[IO[str]]:
        with (self.directory.path / "lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield file
