"""The Python of an environment: there, lasting, or gone; by the host program and by the scripts alike."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from homeport.facts.snapshot import ENVIRONMENTS
from homeport.host.release import environments

SHELLS = [shell for shell in ("dash", "bash", "busybox") if shutil.which(shell)]


def make(folder: Path, python: str, *, version: str = "", name: str = "aaaa") -> Path:
    """Make a complete environment with a Python below `folder`."""
    environment = folder / "venvs" / name
    (environment / "bin").mkdir(parents=True)
    (environment / "lib" / (version or Path(python).name) / "site-packages").mkdir(parents=True)
    (environment / "bin/python").symlink_to(folder / python)
    (environment / ".complete").touch()
    return environment


@pytest.fixture
def system(tmp_path: Path) -> Path:
    """A system that has Python 3.13 for its own, 3.11 as a leftover, and one that uv has brought."""
    managed = "lib/python/cpython-3.12.4-linux/bin/python3.12"
    for name in ("usr/bin/python3.13", "usr/bin/python3.11", managed):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch(mode=0o755)
    (tmp_path / "usr/bin/python3").symlink_to("python3.13")
    return tmp_path


CASES = [
    ("usr/bin/python3.13", "", True, True),
    ("usr/bin/python3", "python3.13", True, True),
    ("usr/bin/python3", "python3.11", False, True),
    ("usr/bin/python3.11", "", True, False),
    ("usr/bin/python3.9", "", False, False),
    ("lib/python/cpython-3.12.4-linux/bin/python3.12", "", True, True),
    ("lib/python/cpython-3.12.3-linux/bin/python3.12", "", False, True),
]


@pytest.mark.parametrize(("python", "version", "there", "lasting"), CASES)
def test_a_python_is_there_and_stays_or_not(
    system: Path, python: str, version: str, *, there: bool, lasting: bool
) -> None:
    environment = make(system, python, version=version)
    found = environments.python(environment, system / "usr/bin/python3")
    assert found is not None
    assert (found.there, found.lasting) == (there, lasting)
    assert bool(environments.refusal(environment, system / "usr/bin/python3")) is not there


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize(("python", "version", "there", "lasting"), CASES)
def test_the_scripts_have_the_same_rule(
    system: Path, shell: str, python: str, version: str, *, there: bool, lasting: bool
) -> None:
    environment = make(system, python, version=version)
    functions = ENVIRONMENTS.replace("/usr/bin/", f"{system}/usr/bin/")
    words = [
        shell,
        *(["sh"] if shell == "busybox" else []),
        "-c",
        f'{functions}\nis_usable "$1"',
        "sh",
        str(environment),
    ]
    assert (subprocess.run(words, check=False).returncode == 0) == (there and lasting)
    (environment / ".complete").unlink()
    assert subprocess.run(words, check=False).returncode != 0


def test_an_environment_without_a_link_to_a_python_is_none_of_ours(tmp_path: Path) -> None:
    assert environments.python(tmp_path) is None
    assert environments.refusal(tmp_path) == ""


def test_a_link_that_leads_to_another_python_by_now_is_named_with_the_one_that_the_packages_are_for(
    system: Path,
) -> None:
    environment = make(system, "usr/bin/python3", version="python3.11")
    found = environments.python(environment, system / "usr/bin/python3")
    assert found is not None
    assert (found.name, Path(found.path).name) == ("python3.11", "python3.13")
    assert f"is python3.11's, and leads to {system}/usr/bin/python3.13 now" in environments.refusal(environment)
    (system / "usr/bin/python3.13").unlink()
    assert f"needs {system}/usr/bin/python3.13, which is gone" in environments.refusal(environment)
