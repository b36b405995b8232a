"""Host keys at first contact: strict checking lets nobody in whose key was not looked at.

The tests share a machine and go on from one another, in the order in which they stand.
"""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from homeport.lab import Lab
from homeport.lab.model import LabHost
from tests.lab.commands import homeport, refusal
from tests.lab.project import PYINFRA, Project, Seen

pytestmark = pytest.mark.lab
INVENTORY = """
mine = [("{address}", {{
    "ssh_user": "debian", "ssh_key": "{key}",
    "ssh_strict_host_key_checking": "yes", "ssh_known_hosts_file": "inventories/known_hosts",
}})]
"""


@dataclass
class Stage:
    """A machine that nobody has been to, and a project whose inventory is strict."""

    project: Project
    host: LabHost
    seen: Seen

    @property
    def known_hosts(self) -> Path:
        return self.project.folder / "inventories" / "known_hosts"

    def fingerprint(self) -> str:
        """Return what the machine says on its console."""
        said = self.seen.shell("ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub")
        found = re.search(r"SHA256:\S+", said)
        assert found
        return found[0]

    def gets_in(self) -> bool:
        """Tell whether pyinfra runs a command there."""
        words = [str(PYINFRA), "-y", "inventories/mine.py", "exec", "--", "true"]
        done = subprocess.run(words, cwd=self.project.folder, capture_output=True, text=True, check=False)
        return done.returncode == 0


@pytest.fixture(scope="module")
def stage(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    host = lab.add("stranger")
    project = Project.create(tmp_path_factory.mktemp("stranger") / "project", lab, "hello", workers=1)
    text = INVENTORY.format(address=host.address, key=lab.directory.key_file)
    (project.folder / "inventories" / "mine.py").write_text(text)
    yield Stage(project, host, Seen(lab, host))
    lab.remove(host.name)


def test_a_machine_that_nobody_has_looked_at_is_not_talked_to(stage: Stage) -> None:
    assert not stage.gets_in()
    result = homeport(stage.project, "trust", "mine")
    assert "--yes" in refusal(result, 2)
    assert stage.fingerprint() in result.stdout
    assert not stage.known_hosts.exists()


def test_with_a_person_that_agrees_its_key_is_known_from_then_on(stage: Stage) -> None:
    command = shlex.join([sys.executable, "-m", "homeport.cli.main", "trust", "mine"])
    for answer, written in (("n", False), ("y", True)):
        # `script` gives the command a terminal.
        shown = subprocess.run(
            ["script", "-qec", command, "/dev/null"],
            cwd=stage.project.folder,
            env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(Path(__file__).parents[2]), "HOME": "/root"},
            input=f"{answer}\n",
            capture_output=True,
            text=True,
            check=False,
        )
        assert stage.fingerprint() in shown.stdout
        assert stage.known_hosts.exists() is written, shown.stdout
    assert stage.gets_in()
    again = homeport(stage.project, "trust", "mine")
    assert (again.returncode, "known" in again.stdout) == (0, True)


def test_another_key_is_an_error_until_somebody_says_that_it_is_right(stage: Stage) -> None:
    before = stage.known_hosts.read_text()
    spoilt = f"{stage.host.address} ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl\n"
    other = "other.example.com ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl\n"
    stage.known_hosts.write_text(spoilt + other)
    assert not stage.gets_in()
    result = homeport(stage.project, "trust", "mine", "--yes")
    assert "its host key is not the one in" in refusal(result, 1)
    assert stage.known_hosts.read_text() == spoilt + other
    assert homeport(stage.project, "trust", "mine", "--yes", "--replace").returncode == 0
    assert set(stage.known_hosts.read_text().splitlines()) == {other.strip(), before.strip()}
    assert stage.gets_in()


def test_a_machine_that_does_not_answer_is_named(stage: Stage) -> None:
    inventory = stage.project.folder / "inventories" / "mine.py"
    inventory.write_text('mine = [("127.0.0.1", {"ssh_port": 1, "ssh_known_hosts_file": "inventories/known_hosts"})]\n')
    assert "127.0.0.1: its host key cannot be read" in refusal(homeport(stage.project, "trust", "mine", "--yes"), 1)
