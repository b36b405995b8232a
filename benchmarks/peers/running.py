"""Runs a peer against a host that homeport has provisioned, and insists that it finds nothing to change there."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sysconfig
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import distributions
from pathlib import Path

from benchmarks.measure import BenchmarkError, Finished, run
from benchmarks.peers.plan import Plan
from benchmarks.stage import Stage
from homeport.lab import LabHost
from tests.lab.project import PYINFRA

HERE = Path(__file__).parent
# Made by `make bench` from requirements/bench.txt.
ENVIRONMENT = HERE.parents[1] / ".venv-bench"
MASTER_SECONDS = 20
PEERS = ("pyinfra", "ansible", "mitogen")


@dataclass(frozen=True)
class Peers:
    """The peers, with the plan that they follow."""

    stage: Stage
    plan: Plan

    def run(self, name: str, host: LabHost) -> Finished:
        """Run one of PEERS against `host`; raise BenchmarkError when it fails, or would change something."""
        ways: dict[str, Callable[[LabHost], Finished]] = {
            "pyinfra": self._pyinfra,
            "ansible": self._ansible,
            "mitogen": self._mitogen,
        }
        return ways[name](host)

    def _pyinfra(self, host: LabHost) -> Finished:
        folder, directory = self.plan.folder, self.stage.lab.directory
        shutil.copy(HERE / "plain" / "deploy.py", folder)
        data = {
            "ssh_hostname": host.address,
            "ssh_port": host.port,
            "ssh_user": host.user,
            "ssh_key": str(directory.key_file),
            "ssh_known_hosts_file": str(directory.known_hosts_file),
            "ssh_strict_host_key_checking": "yes",
        }
        (folder / "inventory.py").write_text(f"hosts = [({host.name!r}, {data!r})]\n")
        done = run([str(PYINFRA), "inventory.py", "deploy.py", "-y"], cwd=folder)
        unchanged_pyinfra(done.output, self.plan.operations)
        return done

    def _ansible(self, host: LabHost) -> Finished:
        return self._playbook(host, {})

    def _mitogen(self, host: LabHost) -> Finished:
        strategies = site_packages() / "ansible_mitogen" / "plugins" / "strategy"
        chosen = {"ANSIBLE_STRATEGY_PLUGINS": str(strategies), "ANSIBLE_STRATEGY": "mitogen_linear"}
        return self._playbook(host, chosen)

    def _playbook(self, host: LabHost, chosen: dict[str, str]) -> Finished:
        folder, directory = self.plan.folder, self.stage.lab.directory
        options = f"-F none -o UserKnownHostsFile={directory.known_hosts_file} -o IdentitiesOnly=yes"
        # One line of the inventory: what a user has in ~/.ssh/config stands here.
        words = {
            "ansible_host": host.address,
            "ansible_port": host.port,
            "ansible_user": host.user,
            "ansible_ssh_private_key_file": directory.key_file,
            "ansible_ssh_common_args": f"'{options}'",
        }
        given = " ".join(f"{name}={value}" for name, value in words.items())
        (folder / "hosts.ini").write_text(f"{host.name} {given}\n")
        with _masters() as masters:
            environment = {
                **os.environ,
                **chosen,
                "LC_ALL": "C.UTF-8",  # it runs in no other encoding
                "ANSIBLE_CONFIG": str(HERE / "ansible" / "ansible.cfg"),
                "ANSIBLE_HOME": str(self.stage.folder / "ansible"),
                "ANSIBLE_SSH_CONTROL_PATH_DIR": masters,
                "PATH": f"{ENVIRONMENT / 'bin'}:{os.environ['PATH']}",
            }
            command = [str(ENVIRONMENT / "bin" / "ansible-playbook"), "-i", "hosts.ini", "-e", "@plan.json"]
            done = run([*command, str(HERE / "ansible" / "playbook.yml")], cwd=folder, env=environment)
        unchanged_ansible(done.output)
        return done


@contextmanager
def _masters() -> Iterator[str]:
    """Yield a folder for ssh's shared connections, which end with the block: every run opens its own."""
    # A socket's path is short.
    with tempfile.TemporaryDirectory(prefix="hb-", dir="/tmp") as folder:
        yield folder
        for socket in Path(folder).iterdir():
            ended = ["ssh", "-F", "none", "-S", str(socket), "-O", "exit", "host"]
            subprocess.run(ended, capture_output=True, check=False, timeout=MASTER_SECONDS)


def unchanged_pyinfra(output: str, operations: int) -> None:
    """Raise BenchmarkError unless pyinfra's summary has all `operations` without a change."""
    total = next((line.split() for line in output.splitlines() if "Grand total" in line), [])
    if total[2:] != [str(operations), "-", "-", str(operations)]:
        raise BenchmarkError(f"plain pyinfra would change a host that homeport has provisioned:\n{output}")


def unchanged_ansible(output: str) -> None:
    """Raise BenchmarkError unless Ansible's recap has a host, and nothing changed or failed."""
    recap = re.findall(r"^\S+ +: ok=\d+ +changed=(\d+) +unreachable=(\d+) +failed=(\d+)", output, re.MULTILINE)
    if not recap or any(set(numbers) != {"0"} for numbers in recap):
        raise BenchmarkError(f"Ansible would change a host that homeport has provisioned:\n{output}")


def site_packages() -> Path:
    """Return where the peers' environment has its packages; raise BenchmarkError when it is not there."""
    variables = {"base": str(ENVIRONMENT), "platbase": str(ENVIRONMENT)}
    folder = Path(sysconfig.get_path("purelib", scheme="venv", vars=variables))
    if not folder.is_dir():
        raise BenchmarkError(f"there is no {ENVIRONMENT.name}; `make bench` makes it")
    return folder


def versions() -> str:
    """Return the versions of what the peers' environment has of interest; "" when there is none."""
    if not ENVIRONMENT.is_dir():
        return ""
    names = {"ansible-core", "mitogen", "py-spy"}
    found = distributions(path=[str(site_packages())])
    return ", ".join(sorted(f"{one.name} {one.version}" for one in found if one.name in names))
