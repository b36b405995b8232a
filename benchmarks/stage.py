"""Where it is measured: a lab of our own, fresh hosts in it, a project that deploys the sample application to them."""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.measure import TIMEOUT_SECONDS, BenchmarkError, Finished, run
from benchmarks.relay import relay
from homeport.lab import Lab, LabDirectory, LabHost, keys, ssh
from homeport.lab.inventory import inventory
from homeport.lab.model import BackendName
from tests.lab.clients import NewConnection, Target
from tests.lab.project import PYINFRA, Project, Seen

# What the host begins itself gets nowhere; answers to us pass. Dropped, not refused: an attempt costs its time-out.
CUT_OFF = """
table inet cut_off {
  chain output {
    type filter hook output priority 0; policy drop;
    oif lo accept
    ct state established,related accept
    meta l4proto ipv6-icmp accept
  }
}
"""
RECORDER = Path(__file__).with_name("recorder.py")
# Of an option that is given twice, ssh takes the first.
AS_IT_COMES = ("-o", "KexAlgorithms=+curve25519-sha256")
AS_PARAMIKO = ("-o", "KexAlgorithms=curve25519-sha256")


@dataclass
class Stage:
    """A lab that is up, and a project; `folder` is for temporary files."""

    folder: Path
    lab: Lab
    project: Project

    def fresh(self, name: str, backend: BackendName = "nspawn") -> tuple[LabHost, float]:
        """Return a new host in the place of any earlier one of this name, and the seconds until it let us log in."""
        self.remove(name)
        began = time.monotonic()
        host = self.lab.add(name, backend=backend)
        return host, time.monotonic() - began

    def remove(self, *names: str) -> None:
        """Remove hosts, if they are there."""
        present = {host.name for host in self.lab.directory.load().hosts}
        for name in present.intersection(names):
            self.lab.remove(name)

    def pyinfra(
        self, hosts: Sequence[LabHost], *options: str, record: Path | None = None, by: Sequence[str] = (str(PYINFRA),)
    ) -> Finished:
        """Run `pyinfra inventories/lab.py deploy.py -y` against hosts (none: all), as a user does.

        `record` takes its commands; `by` is what is run in pyinfra's place.
        """
        pyinfra = [sys.executable, str(RECORDER), str(record)] if record else by
        values = [f"{key}={value}" for key, value in self.project.data.items()]
        command = [*pyinfra, "inventories/lab.py", "deploy.py", "-y", *options]
        command += [word for value in values for word in ("--data", value)]
        command += [word for host in hosts for word in ("--limit", host.name)]
        environment = {**os.environ, "HOMEPORT_LAB": str(self.lab.directory.path)}
        return run(command, cwd=self.project.folder, env=environment)

    def pyinfra_alone(self, host: LabHost) -> Finished:
        """Run the least that pyinfra can do with a host: connect and run `true`, in a folder without a project."""
        folder = self.folder / "alone"
        folder.mkdir(exist_ok=True)
        hosts = [(name, data) for name, data in inventory(self.lab.directory) if name == host.name]
        (folder / "inventory.py").write_text(f"hosts = {hosts!r}\n")
        return run([str(PYINFRA), "inventory.py", "exec", "--", "true"], cwd=folder)

    def connect(self, host: LabHost, *options: str) -> list[str]:
        """Return the ssh command for a host, with the key exchange that Debian's ssh chooses: the lab's costs less."""
        program, *words = ssh.command_line(self.lab.directory, host, "-o", "BatchMode=yes")
        return [program, *(options or AS_IT_COMES), *words]

    def ssh(self, host: LabHost, command: str, *options: str, stdin: Path = Path(os.devnull)) -> Finished:
        """Run one command over one new SSH connection."""
        return run([*self.connect(host, *options), "--", command], stdin=stdin)

    def cut_off(self, host: LabHost) -> None:
        """Keep the host from opening connections: to registries, to name servers, to anywhere but itself."""
        rules = self.folder / "cut_off.nft"
        rules.write_text(CUT_OFF)
        self.ssh(host, "sudo /usr/sbin/nft -f -", stdin=rules)
        if self.lab.run(host, "curl -sk -m 3 https://acme.lab.test:14000/dir").returncode == 0:
            raise BenchmarkError(f"{host.name} still opens connections")

    def releases(self, host: LabHost) -> list[str]:
        """Return the releases that went live on the host, the newest first."""
        log = Seen(self.lab, host).shell(f"cat /srv/{self.project.data['app_name']}/releases.jsonl")
        events = [json.loads(line) for line in log.splitlines()]
        live = [event["release"] for event in events if event["event"] == "live"]
        return list(dict.fromkeys(reversed(live)))

    def check(self, host: LabHost) -> None:
        """Raise BenchmarkError unless the site answers over HTTPS with a chain that leads to the lab's authority."""
        answer = Seen(self.lab, host).curl("/health", "--fail")
        if answer.returncode != 0:
            raise BenchmarkError(f"{host.name} does not answer over HTTPS: {answer.stderr}")

    def settle(self, host: LabHost) -> None:
        """Wait until nothing of an earlier run is at work on the host."""
        command = "while systemctl list-units --plain --no-legend 'homeport-*-finish-*' | grep -q .; do sleep 0.2; done"
        self.ssh(host, command)

    @contextmanager
    def awaited(self, host: LabHost, release: str) -> Iterator[list[float]]:
        """Ask the site twenty times a second until this release answers; then the list has the seconds that it took."""
        client = NewConnection(Target(host.domain, host.address, self.lab.directory.ca_file), "GET", "/health")
        began = time.monotonic()
        seconds: list[float] = []

        def ask() -> None:
            while not seconds and time.monotonic() < began + TIMEOUT_SECONDS:
                if client.request().release == release:
                    seconds.append(time.monotonic() - began)
                time.sleep(0.05)

        asking = threading.Thread(target=ask)
        asking.start()
        yield seconds
        asking.join()
        if not seconds:
            raise BenchmarkError(f"release {release} does not answer")

    @contextmanager
    def distant(self, host: LabHost, round_trip_seconds: float) -> Iterator[LabHost]:
        """Yield the same host as it is reached through a slow line; its name stays."""
        with relay(host.address, host.port, round_trip_seconds) as port:
            public = keys.public_host_key(self.lab.context().host_directory(host.name), host.name)
            keys.remember(self.lab.directory, "127.0.0.1", port, public)
            yield replace(host, address="127.0.0.1", port=port)


@contextmanager
def stage() -> Iterator[Stage]:
    """Yield a lab without hosts and a project with the notes application; both are gone afterwards."""
    with TemporaryDirectory(prefix="homeport-bench-") as name:
        folder = Path(name)
        lab = Lab(LabDirectory(folder / "lab"))
        try:
            lab.up(hosts=0)
            yield Stage(folder, lab, Project.create(folder / "project", lab))
        finally:
            with suppress(KeyboardInterrupt):
                lab.down()


def reached(host: LabHost) -> tuple[str, ...]:
    """Return the options with which pyinfra reaches a host where `host` says, and not where its inventory says."""
    return "--data", f"ssh_hostname={host.address}", "--data", f"ssh_port={host.port}"
