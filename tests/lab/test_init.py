"""Projects that `homeport init` wrote, deployed as they stand: host and domain are all that the lab's inventory says.

Three applications of different shape, one after the other on one machine, as if it were the same one that has moved.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from homeport.lab import Lab
from tests.lab import repositories
from tests.lab.project import REPOSITORY, Seen
from tests.lab.seasoned import Seasoned

pytestmark = pytest.mark.lab


@dataclass
class Newcomer:
    """Somebody with a repository, who has just installed homeport."""

    seen: Seen
    repository: Path

    def homeport(self, *words: str, below: str = ".", status: int = 0) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "homeport.cli.main", *words],
            cwd=self.repository / below,
            env={**os.environ, "HOMEPORT_LAB": str(self.seen.lab.directory.path), "PYTHONPATH": str(REPOSITORY)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == status, done.stdout
        return done.stdout

    def deploy(self) -> str:
        here = ("lab", "--limit", self.seen.host.name)
        self.homeport("check", *here, below="deploy")
        return self.homeport("deploy", *here, "--yes", below="deploy")

    def released(self) -> set[str]:
        """Return the files of the live release, as the machine has them."""
        slot = "green" if self.seen.inside.file("/etc/homeport/shop/live-green").exists else "blue"
        return set(self.seen.shell(f"cd /srv/shop/slots/{slot}/ && find . -type f -printf '%P\\n'").splitlines())


@pytest.fixture(scope="module")
def machine(lab: Lab, seasoned: Seasoned) -> Iterator[Seen]:
    host = seasoned.add("newcomer")
    yield Seen(lab, host)
    lab.remove(host.name)


@pytest.fixture
def newcomer(machine: Seen, tmp_path: Path) -> Callable[[Callable[[Path], None]], Newcomer]:
    def make(shape: Callable[[Path], None]) -> Newcomer:
        shape(tmp_path / "shop")
        return Newcomer(machine, tmp_path / "shop")

    return make


Make = Callable[[Callable[[Path], None]], Newcomer]


def test_one_file_with_its_requirements(newcomer: Make) -> None:
    someone = newcomer(repositories.one_file)
    output = someone.homeport("init", "--ci", "github")
    assert "before the first deploy" not in output
    someone.deploy()
    assert someone.seen.get("/") == {"hello": "world"}
    assert someone.released() == {"main.py", "requirements.txt"}
    # What was not committed was the project alone, which is no part of a release.
    assert '"dirty": false' in someone.seen.shell("cat /etc/homeport/shop/releases/*/release.json")


def test_a_change_of_the_project_is_no_other_release(newcomer: Make) -> None:
    # The same application as before, in another clone.
    someone = newcomer(repositories.one_file)
    before = someone.seen.get("/health")["release"]
    someone.homeport("init", "--ci", "github")
    with (someone.repository / "deploy" / "inventories" / "production.py").open("a") as file:
        file.write("# another one soon\n")
    repositories.commit(someone.repository, "deploy it")
    assert "nothing to change" in someone.deploy()
    assert someone.seen.get("/health")["release"] == before


def test_a_package_with_a_lock(newcomer: Make) -> None:
    someone = newcomer(repositories.package)
    assert "src/shop/main.py:application" in someone.homeport("init", "--ci", "gitlab")
    repositories.commit(someone.repository, "deploy it")
    someone.deploy()
    assert someone.seen.get("/api/healthz") == {"shape": "package"}
    assert not any(name.startswith(("deploy", ".gitlab")) for name in someone.released())


def test_an_application_below_a_repository_with_migrations(newcomer: Make) -> None:
    someone = newcomer(repositories.monorepo)
    output = someone.homeport("init")
    assert "in services/shop" in output
    assert "alembic upgrade head" in output
    someone.deploy()
    assert someone.seen.get("/health")["status"] == "ok"
    assert "0002" in someone.seen.shell("cat /etc/homeport/shop/releases/*/migration.log")
    assert "package.json" not in {name.rpartition("/")[2] for name in someone.released()}
