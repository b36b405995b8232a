"""Many hosts with nothing to change: what a run takes by their number, beside as many `ssh` at once.

Each host is an address of its own on one of two machines, so sshd, systemd and everything that is read are shared, and
so are the processors: controller and hosts are one computer. What the controller takes by itself is seen once more with
hosts that answer what was recorded: these take a login and no more.
"""

from __future__ import annotations

import itertools
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks import sessions
from benchmarks.bench import HOST, Bench, unchanged
from benchmarks.measure import Finished, run
from benchmarks.results import FLEET_COUNTS
from benchmarks.stage import Stage
from homeport.lab import LabHost, keys
from homeport.lab.inventory import inventory
from tests.lab.project import Project

MACHINES = 2
# As many at once as there are hosts.
PARALLEL = 'script=$1; shift; printf "%s\\n" "$@" | xargs -P "$#" -n 1 sh "$script" >/dev/null'


# Nobody gets in for anything else from then on.
ANSWER = r"""
printf '#!/bin/sh\nexec sed "s/^clock\t.*/clock\t$(date +%%s)/" /tmp/answer\n' >/usr/local/bin/answer
chmod 755 /usr/local/bin/answer
echo 'ForceCommand /usr/local/bin/answer' >/etc/ssh/sshd_config.d/01-answer.conf
systemctl reload ssh
"""


@dataclass(frozen=True)
class Fleet:
    """Two machines, under the addresses that each answers at, and the stage whose project deploys to them."""

    stage: Stage
    hosts: tuple[LabHost, ...]

    def homeport(self, count: int) -> Finished:
        """Run homeport against so many hosts; raise BenchmarkError when one of them has anything to change."""
        found = dict(inventory(self.stage.lab.directory))
        chosen = [
            (f"host{number}", {**found[host.name], "ssh_hostname": host.address})
            for number, host in enumerate(self.hosts[:count], 1)
        ]
        (self.stage.project.folder / "inventories" / "lab.py").write_text(f"lab = {chosen!r}\n")
        return unchanged(self.stage.pyinfra([]))

    def floor(self, count: int, command: Path) -> Finished:
        """Run the command on so many hosts, all at the same time, each over an SSH connection of its own."""
        hosts, script = self.hosts[:count], self.stage.folder / "fleet-floor.sh"
        connect = self.stage.connect(hosts[0])[:-1]
        script.write_text(f'exec {shlex.join(connect)} "$1" -- "$(cat {shlex.quote(str(command))})"\n')
        targets = [f"{host.user}@{host.address}" for host in hosts]
        return run(["sh", "-euc", PARALLEL, "sh", str(script), *targets])


def measured(bench: Bench) -> None:
    """Run homeport and the floor against each of FLEET_COUNTS, in turns."""
    bench.stage.remove(HOST)
    bench.forget()
    fleet = _prepared(bench)
    command = bench.stage.folder / "fleet-command"
    command.write_text(sessions.recorded(fleet.stage, fleet.hosts[0]))
    said = fleet.stage.ssh(fleet.hosts[0], f"{{ {command.read_text()}; }} >/dev/null; times").output
    bench.results.add("fleet reading cpu", children_seconds(said))
    for number in bench.rounds(bench.options.fleet):
        for count in FLEET_COUNTS:
            ours, theirs = fleet.homeport(count), fleet.floor(count, command)
            bench.results.note(f"fleet {count} homeport", ours)
            bench.results.note(f"fleet {count} floor", theirs)
            bench.say(f"{count} hosts, round {number + 1}: homeport {ours.seconds:.2f} s, floor {theirs.seconds:.2f} s")
    _answer_from_record(fleet, command.read_text())
    for number in bench.rounds(bench.options.fleet):
        for count in FLEET_COUNTS:
            ours = fleet.homeport(count)
            bench.results.note(f"fleet {count} recorded", ours)
            bench.say(f"{count} hosts that answer what was recorded, round {number + 1}: {ours.seconds:.2f} s")
    bench.stage.remove(*(host.name for host in fleet.hosts[:MACHINES]))


def _answer_from_record(fleet: Fleet, command: str) -> None:
    """Have each machine answer every command with what it has answered to this one, but for the time of day."""
    for machine in fleet.hosts[:MACHINES]:
        fleet.stage.ssh(machine, f"{{ {command}; }} >/tmp/answer")
        fleet.stage.ssh(machine, f"sudo sh -euc {shlex.quote(ANSWER)}")


def children_seconds(said: str) -> float:
    """Return the processor time, user and system, in the last line of what a shell's `times` prints."""
    found = re.findall(r"(\d+)m([\d.]+)s", said.splitlines()[-1])
    return sum(60 * int(minutes) + float(seconds) for minutes, seconds in found)


def _prepared(bench: Bench) -> Fleet:
    """Provision two machines with the smaller application, and give them as many addresses as there shall be hosts."""
    machines = [bench.fresh(f"fleet{number}") for number in range(1, MACHINES + 1)]
    data = {"workers": 1, "watch_seconds": 0, "health_timeout_seconds": 300}
    project = Project.create(bench.stage.folder / "fleet", bench.stage.lab, "hello", **data)
    stage = replace(bench.stage, project=project)
    bench.say(f"provisioning {MACHINES} machines")
    stage.pyinfra(machines)
    free = _free_addresses(machines)
    hosts = list(machines)
    for machine in itertools.islice(itertools.cycle(machines), max(FLEET_COUNTS) - MACHINES):
        host = replace(machine, address=next(free))
        stage.ssh(machine, f"sudo ip address add {host.address}/24 dev eth0")
        public = keys.public_host_key(stage.lab.context().host_directory(machine.name), machine.name)
        keys.remember(stage.lab.directory, host.address, host.port, public)
        hosts.append(host)
    return Fleet(stage, tuple(hosts))


def _free_addresses(machines: list[LabHost]) -> Iterator[str]:
    """Yield addresses of the lab's network that no machine has: it begins with the gateway's."""
    network = machines[0].address.rpartition(".")[0]
    taken = {machine.address for machine in machines}
    return (address for number in range(100, 200) if (address := f"{network}.{number}") not in taken)
