"""`make demo` and `make test` in a real Docker container with the engine's default profile, as root and as a user.

Each from a clean clone of its own; `make test-all` alone runs this, since each of the four emulates a machine for
minutes.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator

import pytest

from homeport.lab import Lab
from tests import tiers
from tests.lab.artefacts import keep
from tests.lab.containers import IMAGE, PACKAGES, SCRIPT, USER, Container, Engine, engine, make_image
from tests.lab.project import REPOSITORY

pytestmark = [
    pytest.mark.lab,
    pytest.mark.qemu,
    pytest.mark.skipif(not tiers.EVERYTHING, reason="runs for an hour or more: 'make test-all'"),
    pytest.mark.timeout(4 * 3600),
]
COMMANDS = ("demo", "test")
HOME = {"root": "/root", USER: f"/home/{USER}"}


@pytest.fixture(scope="module")
def docker(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    folder = tmp_path_factory.mktemp("docker")
    with engine(lab, folder) as found:
        make_image(found, lab, IMAGE, PACKAGES, SCRIPT)
        yield found


@pytest.fixture(scope="module", params=HOME)
def user(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def container(docker: Engine, user: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Container]:
    """A container with clean clones of this repository, one for each of the two commands, in the user's home."""
    clone = tmp_path_factory.mktemp("clone") / "homeport"
    subprocess.run(["git", "clone", "-q", "--no-hardlinks", str(REPOSITORY), str(clone)], check=True)
    with docker.container(f"as-{user}") as found:
        for what in COMMANDS:
            docker.docker("cp", str(clone), f"{found.name}:{clone_for(what, user)}")
            assert found.shell(f"chown -R {user}: {clone_for(what, user)}").returncode == 0
        yield found


def clone_for(what: str, user: str) -> str:
    """Return the folder of the clone in which the user runs `make WHAT`."""
    return f"{HOME[user]}/homeport-{what}"


def make(container: Container, user: str, what: str) -> subprocess.CompletedProcess[str]:
    """Run `make WHAT` in its clone; what it says can be read in the container meanwhile, and is kept at the end."""
    log = f"{HOME[user]}/{what}.log"
    started = time.monotonic()
    command = f"make {what} >{log} 2>&1; status=$?; cat {log}; exit $status"
    done = container.shell(command, user=user, directory=clone_for(what, user))
    commit = container.shell("git rev-parse HEAD", user=user, directory=clone_for(what, user)).stdout.strip()
    took = f"make {what} as {user} in a container: commit {commit}, {time.monotonic() - started:.0f} s"
    keep(f"docker-{user}-{what}.txt", f"{took}, status {done.returncode}\n{done.stdout}")
    return done


def test_a_user_is_told_all_that_is_missing_at_once_and_before_anything_is_set_up(
    container: Container, user: str
) -> None:
    if user == "root":
        pytest.skip("root has it installed")
    done = make(container, user, "demo")
    [line] = [line for line in done.stdout.splitlines() if line.startswith("error: ")]
    problem, _, command = line.partition("; run as root: ")
    assert problem.startswith("error: this computer lacks ")
    assert "python3-venv" in problem
    assert container.shell(f"test ! -e {clone_for('demo', user)}/.venv").returncode == 0
    installed = container.shell(command)
    assert installed.returncode == 0, installed.stdout


def test_the_demonstration_ends_with_a_command_that_works(container: Container, user: str) -> None:
    done = make(container, user, "demo")
    assert done.returncode == 0, done.stdout[-5000:]
    assert done.stdout.startswith("lab: whole machines (QEMU with user networking)")
    assert "machines in namespaces cannot be used here" in done.stdout
    [tried] = [line.removeprefix("Try it:") for line in done.stdout.splitlines() if line.startswith("Try it:")]
    clone = clone_for("demo", user)
    answer = container.shell(tried, user=user, directory=clone)
    assert answer.returncode == 0, answer.stdout
    assert container.shell(".venv/bin/homeport lab down", user=user, directory=clone).returncode == 0
    assert container.shell("ps -eo comm= | grep -E '^(qemu|pebble|dnsmasq)'").stdout == ""


def test_the_tests_end_green_and_say_what_was_left_out(container: Container, user: str) -> None:
    done = make(container, user, "test")
    assert done.returncode == 0, done.stdout[-5000:]
    assert " lab tests were left out: no machines in namespaces here (unshare" in done.stdout
    *_, summary = done.stdout.strip().splitlines()
    assert " passed" in summary
    assert "failed" not in summary
    # What ran on the emulated machine is none of those.
    assert "tests/lab/test_main_path.py ......." in done.stdout


@pytest.mark.parametrize("what", COMMANDS)
def test_the_clone_is_as_it_was(container: Container, user: str, what: str) -> None:
    done = container.shell("git status --porcelain", user=user, directory=clone_for(what, user))
    assert (done.returncode, done.stdout) == (0, "")
